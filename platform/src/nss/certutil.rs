//! Accesses databases with NSS' `certutil`.

use std::path::{Path, PathBuf};

use super::tool::{DatabaseTool, NssEntry};
use crate::{Anchor, Host, Problem, Step, bundle};

/// Trusted for TLS servers, but not for mail or code (`certutil -H`, trust attributes).
const TLS_ONLY: &str = "C,,";

/// The program.
pub(super) struct Certutil {
    pub program: PathBuf,
}

impl Certutil {
    /// Its command line for the database in a folder.
    pub(super) fn step(&self, folder: &Path, words: &[&str]) -> Step {
        let database = format!("sql:{}", folder.display());
        Step::run(&self.program, [words[0], "-d", &database].iter().chain(&words[1..]).copied())
    }

    fn ask(&self, host: &Host, folder: &Path, words: &[&str]) -> Result<String, Problem> {
        let step = self.step(folder, words);
        let output = host.ask(&step)?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            let why = format!("certutil failed: {}", crate::run::last_line(&output));
            Err(Problem::new(why, format!("close the browser, then try again; or by hand: {step}")))
        }
    }
}

/// A line of `certutil -L`: `nickname, which may hold spaces      CT,,`.
fn nickname_and_flags(line: &str) -> Option<(&str, &str)> {
    let (nickname, flags) = line.trim_end().rsplit_once(' ')?;
    let nickname = nickname.trim();
    let is_entry = flags.matches(',').count() == 2 && !nickname.is_empty() && !line.contains("SSL,S/MIME");
    is_entry.then_some((nickname, flags))
}

impl DatabaseTool for Certutil {
    fn list(&self, host: &Host, folder: &Path) -> Result<Vec<NssEntry>, Problem> {
        let mut found = Vec::new();
        for (nickname, flags) in self.ask(host, folder, &["-L"])?.lines().filter_map(nickname_and_flags) {
            let trusted = flags.split(',').next().is_some_and(|tls| tls.contains('C'));
            let pem = self.ask(host, folder, &["-L", "-n", nickname, "-a"])?;
            found.extend(bundle::certificates(pem.as_bytes()).into_iter().map(|der| NssEntry {
                nickname: nickname.to_owned(),
                trusted,
                der,
            }));
        }
        Ok(found)
    }

    /// (`certutil -K` fails where there is no key.)
    fn is_empty(&self, host: &Host, folder: &Path) -> Result<bool, Problem> {
        let has_certificates =
            self.ask(host, folder, &["-L"])?.lines().any(|line| nickname_and_flags(line).is_some());
        let has_keys = host.ask(&self.step(folder, &["-K"]))?.status.success();
        Ok(!has_certificates && !has_keys)
    }

    fn create(&self, folder: &Path) -> Option<Step> {
        Some(self.step(folder, &["-N", "--empty-password"]))
    }

    fn add(&self, folder: &Path, anchor: &Anchor) -> Step {
        self.step(folder, &["-A", "-t", TLS_ONLY, "-n", &anchor.label, "-a"]).reading(anchor.pem())
    }

    fn distrust(&self, folder: &Path, entry: &NssEntry) -> Step {
        self.step(folder, &["-M", "-t", ",,", "-n", &entry.nickname])
    }

    fn remove(&self, folder: &Path, entry: &NssEntry) -> Step {
        self.step(folder, &["-D", "-n", &entry.nickname])
    }
}
