//! Accesses databases with NSS' library, which a program next to devca loads.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::protocol::{DatabaseChange, DatabaseContents, FailureReason};
use super::tool::{DatabaseTool, NssEntry};
use crate::{Anchor, Host, Problem, Step, bundle};

/// `devca-nss`, after it has found the library on this machine.
pub(super) struct NssLibrary {
    program: PathBuf,
}

const CLOSE_THE_BROWSER: &str = "close the browser, then try again";

impl NssLibrary {
    /// Checks whether the program can load the library.
    pub(super) fn load(host: &Host, program: &Path) -> Result<Self, FailureReason> {
        let output = host.ask(&Step::run(program, ["--library"])).map_err(|_| FailureReason::Other)?;
        if output.status.success() {
            return Ok(Self { program: program.to_owned() });
        }
        Err(FailureReason::of_exit_code(output.status.code()))
    }

    fn contents(&self, host: &Host, folder: &Path) -> Result<DatabaseContents, Problem> {
        let step = Step::run(&self.program, [folder]);
        let output = host.ask(&step)?;
        if !output.status.success() {
            let reason = FailureReason::of_exit_code(output.status.code());
            return Err(explained(reason, crate::run::last_line(&output), folder, &step));
        }
        serde_json::from_slice(&output.stdout).map_err(|error| {
            let why = format!("devca-nss does not fit this devca: {error}");
            Problem::new(why, "install devca again, which brings both")
        })
    }

    fn change(&self, folder: &Path, change: &DatabaseChange) -> Step {
        Step::run(&self.program, [folder]).reading_change(line(change)).hinting(CLOSE_THE_BROWSER)
    }
}

/// One line. (Strings always become JSON.)
fn line(change: &impl Serialize) -> String {
    serde_json::to_string(change).unwrap_or_default()
}

fn explained(reason: FailureReason, why: String, folder: &Path, step: &Step) -> Problem {
    let hint = match reason {
        FailureReason::Password => {
            "import the file that devca root prints in the browser's settings, among the authorities".into()
        }
        FailureReason::Locked => CLOSE_THE_BROWSER.into(),
        FailureReason::Damaged => {
            let file = |name: &str| crate::step::quoted(folder.join(name).as_os_str());
            let (old, new) = (file("cert9.db"), file("cert9.db.damaged"));
            format!("close the browser; if that does not help, it makes a new one after: mv {old} {new}")
        }
        FailureReason::NoLibrary | FailureReason::Other => {
            format!("{CLOSE_THE_BROWSER}; or by hand: {step}")
        }
    };
    let why = match reason {
        FailureReason::Password => {
            "it has a primary password, so devca can neither see nor change which roots it trusts".into()
        }
        _ => why,
    };
    Problem::new(why, hint)
}

impl DatabaseTool for NssLibrary {
    fn list(&self, host: &Host, folder: &Path) -> Result<Vec<NssEntry>, Problem> {
        let contents = self.contents(host, folder)?;
        let entries = contents.certificates.into_iter().flat_map(|listed| {
            let ders = bundle::certificates(listed.certificate.as_bytes());
            ders.into_iter().map(move |der| NssEntry {
                nickname: listed.nickname.clone(),
                trusted: listed.trusted,
                der,
            })
        });
        Ok(entries.collect())
    }

    fn is_empty(&self, host: &Host, folder: &Path) -> Result<bool, Problem> {
        let contents = self.contents(host, folder)?;
        Ok(contents.certificates.is_empty() && !contents.has_keys)
    }

    fn create(&self, _: &Path) -> Option<Step> {
        None
    }

    fn add(&self, folder: &Path, anchor: &Anchor) -> Step {
        let (nickname, certificate) = (anchor.label.clone(), anchor.pem());
        self.change(folder, &DatabaseChange::Add { nickname, certificate })
    }

    fn distrust(&self, folder: &Path, entry: &NssEntry) -> Step {
        self.change(folder, &DatabaseChange::Distrust { certificate: bundle::pem(&entry.der) })
    }

    fn remove(&self, folder: &Path, entry: &NssEntry) -> Step {
        self.change(folder, &DatabaseChange::Remove { certificate: bundle::pem(&entry.der) })
    }
}
