//! The results of renewing certificates and updating other files that contain the root.

use std::io::{self, Write};
use std::path::PathBuf;

use serde::Serialize;

use crate::command::Context;
use crate::command::shared::stores::WIDTH;
use crate::command::shared::timer;
use crate::disk::files;
use crate::error;
use crate::issued::exported::{self, KnownRoots};
use crate::issued::inventory::Entry;
use crate::issued::presence::{self, State};
use crate::issued::renewal;
use crate::report::{self, Mark, Outcome};
use crate::x509::certificate::CaCertificate;

/// The results of renewing certificates.
#[derive(Serialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::command) struct Reissued {
    /// The certificates that were renewed.
    #[serde(rename = "reissued")]
    pub(in crate::command) done: Vec<PathBuf>,
    /// The certificates that could not be renewed.
    pub(in crate::command) failed: Vec<FailedRenewal>,
    /// Files of `devca root` that were updated to the new root.
    pub(in crate::command) updated: Vec<PathBuf>,
    /// Certificates whose files do not all exist.
    pub(in crate::command) skipped: Vec<FailedRenewal>,
    /// Encrypted files of renewed certificates that still contain the previous certificate.
    pub(in crate::command) outdated: Vec<FailedRenewal>,
    /// The hook that was run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::command) executed: Option<String>,
    /// Why the hook failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::command) hook_failed: Option<String>,
    /// The result of installing or removing the timer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::command) timer: Option<timer::TimerReport>,
    #[serde(skip)]
    pub(in crate::command) is_renewal: bool,
    /// Whether lines of the inventory or the list of exports cannot be read, so that their certificates were
    /// skipped.
    #[serde(skip)]
    pub(in crate::command) is_damaged: bool,
}

/// A file that is not up to date, and how to update it.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::command) struct FailedRenewal {
    pub(in crate::command) path: PathBuf,
    #[serde(rename = "message")]
    pub(in crate::command) why: String,
    pub(in crate::command) hint: String,
}

/// How to renew a certificate whose key belongs to the user, who cannot read it.
fn with_new_key(entry: &Entry) -> Option<String> {
    let mut keys = entry.files.iter().filter(|file| file.is_key_alone());
    let key = keys.find(|file| files::is_own_but_unreadable(&file.path))?;
    let (key, path) = (error::quoted(&key.path), error::quoted(presence::first(entry)));
    Some(format!("make it readable: chmod u+r {key}; or replace the key, too: devca renew {path} --new-key"))
}

impl Reissued {
    /// Records a certificate that was not renewed. Deleted certificates are not mentioned unless they were
    /// asked for.
    pub(in crate::command) fn record_skipped(
        &mut self,
        others: Vec<(Entry, State)>,
        is_failure: impl Fn(&Entry, State) -> bool,
    ) {
        for (entry, state) in others {
            let path = presence::first(&entry).to_owned();
            let mut hint = renewal::issue_again_at(&entry, &path);
            if state == State::Replaced {
                hint = format!("restore the file, or {hint} --force");
            }
            let failure = match presence::unreadable(&entry) {
                Some(e) => {
                    let hint = with_new_key(&entry).unwrap_or_else(|| error::hint(&e).to_owned());
                    FailedRenewal { path, why: format!("{e:#}"), hint }
                }
                None => FailedRenewal { path, why: presence::why_not(&entry, state), hint },
            };
            if is_failure(&entry, state) {
                self.failed.push(failure);
            } else if matches!(state, State::Missing | State::Replaced) {
                self.skipped.push(failure);
            }
        }
    }

    /// Makes the commands in all hints apply to this CA.
    pub(in crate::command) fn adapt_hints(&mut self, context: &Context) {
        let failures = [&mut self.failed, &mut self.skipped, &mut self.outdated];
        for failure in failures.into_iter().flatten() {
            failure.hint = context.folder.hint(&failure.hint);
        }
    }

    /// Reports files that were not renewed with the others of their certificate, because they are missing or
    /// have other content. If the others were renewed, the inventory no longer lists these.
    pub(in crate::command) fn record_lost(&mut self, context: &Context, lost: Vec<(PathBuf, Entry)>) {
        for (path, entry) in lost {
            let why = if path.exists() { "it contains something else" } else { "it is missing" };
            let is_renewed = self.done.iter().any(|done| entry.files.iter().any(|file| file.path == *done));
            let rest = if is_renewed { "; the other files were renewed" } else { "" };
            let hint = context.folder.hint(&renewal::issue_again_at(&entry, &path));
            self.failed.push(FailedRenewal { path, why: format!("{why}{rest}"), hint });
        }
    }

    /// Updates the files of `devca root`, and lists those of `devca export`. The caller holds the lock.
    pub(in crate::command) fn update_exports(&mut self, context: &Context, root: &CaCertificate) {
        if let Some(fault) = exported::damage(&context.folder) {
            context.report.note(format!("{fault}; {}", fault.hint()));
            self.is_damaged = true;
        }
        let roots = KnownRoots::of(&context.folder, root);
        for export in roots.outdated(&context.folder) {
            match exported::update(&export, &roots) {
                None => context.report.note(format!(
                    "{} has an intermediate of an earlier root; {}",
                    export.path.display(),
                    context.folder.hint(&export.fix())
                )),
                Some(Ok(())) => self.updated.push(export.path),
                Some(Err(e)) => {
                    let hint = context.folder.hint(error::hint(&e));
                    self.failed.push(FailedRenewal { path: export.path, why: format!("{e:#}"), hint });
                }
            }
        }
    }

    /// Reports what was updated and what was not, in addition to another report.
    pub(in crate::command) fn note(&self, context: &Context) {
        for path in &self.updated {
            context.report.note(format!("{} has the current root now", path.display()));
        }
        for FailedRenewal { path, why, hint } in &self.failed {
            context.report.note(format!("{} still has an earlier root: {why}; {hint}", path.display()));
        }
    }

    pub(in crate::command) fn is_done(&self) -> bool {
        self.failed.is_empty() && self.outdated.is_empty() && self.hook_failed.is_none() && !self.is_damaged
    }

    pub(in crate::command) fn write_lines(&self, page: &mut dyn Write) -> io::Result<()> {
        const SHOWN: usize = 20;
        let again = if self.is_renewal { "renewed" } else { "reissued" };
        let line = |mark: Mark, word, what: &str| format!("{mark} {word:WIDTH$}  {what}");
        for path in self.done.iter().take(SHOWN) {
            writeln!(page, "{}", line(Mark::Good, again, &report::short(path)))?;
        }
        if self.done.len() > SHOWN {
            let more = format!("and {} more", self.done.len() - SHOWN);
            writeln!(page, "{}", line(Mark::Good, again, &more))?;
        }
        for path in &self.updated {
            writeln!(page, "{}", line(Mark::Good, "updated", &report::short(path)))?;
        }
        let failed = self.failed.iter().map(|failure| ("failed", failure));
        let outdated = self.outdated.iter().map(|file| ("outdated", file));
        for (word, FailedRenewal { path, why, hint }) in failed.chain(outdated) {
            let indent = format!("  {:WIDTH$}  ", "");
            let line = line(Mark::Bad, word, &report::short(path));
            writeln!(page, "{line}: {why}\n{indent}hint: {hint}")?;
        }
        for FailedRenewal { path, why, hint } in &self.skipped {
            writeln!(page, "{}: {why}; {hint}", line(Mark::Skipped, "skipped", &report::short(path)))?;
        }
        Ok(())
    }
}

impl Outcome for Reissued {
    fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        if let Some(timer) = &self.timer {
            return timer.write(page);
        }
        self.write_lines(page)?;
        if self.done.is_empty() && self.failed.is_empty() && self.skipped.is_empty() {
            writeln!(page, "nothing is due")?;
        }
        match (&self.executed, &self.hook_failed) {
            (Some(hook), None) => writeln!(page, "{} {:WIDTH$}  {hook}", Mark::Good, "executed"),
            (Some(hook), Some(why)) => {
                let indent = format!("  {:WIDTH$}  ", "");
                writeln!(page, "{} {:WIDTH$}  {hook}: {why}", Mark::Bad, "failed")?;
                writeln!(
                    page,
                    "{indent}hint: the certificates were renewed; run the command by hand to see why it fails"
                )
            }
            (None, _) => Ok(()),
        }
    }

    fn is_complete(&self) -> bool {
        self.is_done()
    }
}
