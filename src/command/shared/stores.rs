//! Code shared by `install`, `uninstall` and `status`: finds the machine's stores and reports on each.

use std::cell::Cell;
use std::io::{self, Write};
use std::path::Path;

use devca_platform::step::{merged, quoted, script};
use devca_platform::{Anchor, Found, Host, Problem, Step, Store, StoreKind};
use serde::Serialize;

use crate::cli;
use crate::command::Context;
use crate::command::shared::anchor;
use crate::command::shared::held::HeldRoot;
use crate::command::shared::old_roots::OldRoots;
use crate::error::{self, Fault};
use crate::report::{self, Mark};
use crate::x509::certificate::CaCertificate;

/// The result for one store.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::command) struct StoreLine {
    /// The kind of store: system, nss or java.
    store: &'static str,
    /// The file, folder or program of the store.
    place: String,
    #[serde(rename = "state")]
    outcome: StoreChange,
    /// Why it failed or was skipped.
    #[serde(rename = "message", skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// How to fix it.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    /// The commands that were run or, with --dry-run, would be run.
    commands: Vec<String>,
    /// Roots that were removed in addition to the one that the command is about.
    removed: Vec<HeldRoot>,
    /// Roots of other home folders, other users or lost folders, which are kept.
    pub(in crate::command) others: Vec<HeldRoot>,
}

#[derive(Serialize, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub(in crate::command) enum StoreChange {
    Done,
    AlreadyDone,
    #[serde(rename = "failed")]
    NotDone,
    /// Nothing needs to be changed.
    #[serde(rename = "skipped")]
    LeftAlone,
    /// A dry run.
    #[serde(rename = "planned")]
    WouldRun,
}

/// The machine that the options select.
pub(in crate::command) fn host(context: &Context, options: &cli::Stores) -> anyhow::Result<Host> {
    let mut host = context.host();
    host.machine = options.machine;
    host.trust_sysroot = options.trust_sysroot;
    if let Some(folder) = &options.sysroot {
        let real = folder.canonicalize();
        if real.as_ref().is_err_and(|e| e.kind() == io::ErrorKind::PermissionDenied) {
            return Err(closed(folder).into());
        }
        host.sysroot = real.ok().filter(|path| path.is_dir()).ok_or_else(|| {
            Fault::usage(
                format!("no such folder: {}", folder.display()),
                "use the top folder of an image, for example: --sysroot /var/lib/machines/web",
            )
        })?;
    }
    Ok(host)
}

/// Explains that a tree cannot be read: under `sudo` it is read with the user's rights, and container
/// managers often deny access to the user.
fn closed(tree: &Path) -> Fault {
    let is_closed = |path: &&Path| path.join(".").metadata().is_err() && path.metadata().is_ok();
    let folder = tree.ancestors().find(is_closed).unwrap_or(tree);
    Fault::new(
        format!("cannot enter {}: permission denied", folder.display()),
        format!("devca reads it with your own rights: sudo chmod o+x {}", error::quoted(folder)),
    )
}

/// The kinds of stores that the options select.
pub(in crate::command) fn kinds(options: &cli::Stores) -> Vec<StoreKind> {
    let chosen = |kind: &StoreKind| options.store.is_empty() || options.store.contains(kind);
    StoreKind::ALL.into_iter().filter(chosen).collect()
}

/// The options that select the machine, for the commands of hints.
pub(in crate::command) fn machine_options(options: &cli::Stores) -> String {
    let machine = if options.machine { " --machine" } else { "" };
    let sysroot = options.sysroot.as_ref().map(|folder| format!(" --sysroot {}", quoted(folder.as_os_str())));
    format!("{machine}{}", sysroot.unwrap_or_default())
}

/// Processes every store, even if some of them fail.
pub(in crate::command) fn each(
    found: &[Found],
    act: impl Fn(&dyn Store, &mut StoreLine) -> Result<StoreChange, Problem>,
) -> Vec<StoreLine> {
    found.iter().map(|found| one(found, &act)).collect()
}

/// Processes one store.
pub(in crate::command) fn one(
    found: &Found,
    act: impl Fn(&dyn Store, &mut StoreLine) -> Result<StoreChange, Problem>,
) -> StoreLine {
    match found {
        Found::Store(store) => {
            let mut line = StoreLine::new(store.kind(), store.place(), StoreChange::NotDone);
            match act(&**store, &mut line) {
                Ok(outcome) => line.outcome = outcome,
                Err(problem) => line.because(problem),
            }
            line
        }
        Found::Remark(remark) => {
            let outcome = if remark.is_failure { StoreChange::NotDone } else { StoreChange::LeftAlone };
            let mut line = StoreLine::new(remark.kind, remark.place.clone(), outcome);
            line.because(remark.problem.clone());
            line
        }
    }
}

/// Changes stores.
pub(in crate::command) struct Changes<'a> {
    pub(in crate::command) context: &'a Context<'a>,
    pub(in crate::command) host: &'a Host,
    pub(in crate::command) dry_run: bool,
    /// Whether the user was told that `sudo` may ask for a password.
    announced: Cell<bool>,
    /// Whether the system's store was changed, which others are filled from.
    system_changed: Cell<bool>,
}

impl<'a> Changes<'a> {
    pub(in crate::command) fn new(context: &'a Context<'a>, host: &'a Host, dry_run: bool) -> Self {
        Self { context, host, dry_run, announced: Cell::new(false), system_changed: Cell::new(false) }
    }

    /// Adds the anchor to a store, replacing earlier ones.
    pub(in crate::command) fn add(
        &self,
        store: &dyn Store,
        anchor: &Anchor,
        earlier: &OldRoots,
        line: &mut StoreLine,
    ) -> Result<StoreChange, Problem> {
        let earlier = earlier.in_store(store)?;
        let holds = store.holds(anchor)?;
        if earlier.is_empty() && (holds || store.follows_system(anchor)?) {
            let followed = holds && self.system_changed.get() && store.follows_system(anchor)?;
            return Ok(match (holds, followed) {
                (true, true) => StoreChange::Done,
                (true, false) => StoreChange::AlreadyDone,
                (false, _) => {
                    line.because(Problem::new("it follows the system store", ""));
                    StoreChange::LeftAlone
                }
            });
        }
        // Remove the old root first, because NSS identifies certificates with the same subject by one name.
        // If that fails, add the new one anyway.
        let removed = self.remove(store, None, &earlier, line);
        if !holds {
            self.put_in(store, anchor, line)?;
        }
        removed?;
        Ok(if self.dry_run { StoreChange::WouldRun } else { StoreChange::Done })
    }

    fn put_in(&self, store: &dyn Store, anchor: &Anchor, line: &mut StoreLine) -> Result<(), Problem> {
        let steps = store.add(anchor)?;
        self.change(store, &steps, line)?;
        if self.dry_run || store.holds(anchor)? {
            return Ok(());
        }
        // A later update of the store must not trust a root that was reported as failed.
        let undo = store.remove(anchor)?;
        self.change(store, &undo, line)?;
        Err(Problem::new(
            "no command failed, but the store does not contain the root, so the change was undone",
            format!("to see why, run it by hand: {}", script(&steps)),
        ))
    }

    /// Removes the current root and others from a store at once, and reports each of the others. If one
    /// cannot be removed, the rest are removed anyway.
    pub(in crate::command) fn remove(
        &self,
        store: &dyn Store,
        root: Option<&Anchor>,
        others: &[HeldRoot],
        line: &mut StoreLine,
    ) -> Result<(), Problem> {
        let anchors = root.cloned().into_iter().chain(others.iter().map(|other| anchor::of_der(&other.der)));
        let mut problem = None;
        let mut plans = Vec::new();
        let mut leaving = Vec::new();
        for anchor in anchors {
            match store.remove(&anchor) {
                Ok(steps) if steps.is_empty() => {}
                Ok(steps) => {
                    plans.push(steps);
                    leaving.push(anchor);
                }
                Err(why) => problem = problem.or(Some(why)),
            }
        }
        let steps = merged(&plans);
        let done = self.change(store, &steps, line);
        if !self.dry_run {
            let (gone, left): (Vec<_>, Vec<_>) =
                leaving.into_iter().partition(|anchor| store.holds(anchor) == Ok(false));
            let is_gone = |other: &&HeldRoot| gone.iter().any(|anchor| other.is(&anchor.der));
            line.removed.extend(others.iter().filter(is_gone).cloned());
            if !left.is_empty() {
                let why = "no command failed, but the store still contains the root";
                let hint = format!("to see why, run it by hand: {}", script(&steps));
                problem = problem.or(Some(Problem::new(why, hint)));
            }
        }
        done?;
        problem.map_or(Ok(()), Err)
    }

    /// Runs the steps of a change, then makes the store read its contents again.
    fn change(&self, store: &dyn Store, steps: &[Step], line: &mut StoreLine) -> Result<(), Problem> {
        let done = self.perform(steps, line);
        if store.kind() == StoreKind::System && !self.dry_run && !steps.is_empty() && done.is_ok() {
            self.system_changed.set(true);
        }
        store.forget();
        done
    }

    /// Runs the steps, or only lists them for a dry run.
    pub(in crate::command) fn perform(&self, steps: &[Step], line: &mut StoreLine) -> Result<(), Problem> {
        line.commands.extend(steps.iter().map(ToString::to_string));
        if self.dry_run {
            return Ok(());
        }
        if !self.announced.get() && self.host.asks_for_password(steps) {
            self.announced.set(true);
            self.context
                .report
                .announce("Changing the system's trust store needs root: sudo may ask for your password.");
        }
        self.host.perform(steps, |command| self.context.report.detail(command))
    }
}

/// Replaces roots in exactly those stores that contain one of them, and reports the results.
pub(in crate::command) fn replace(
    context: &Context,
    options: &cli::Stores,
    root: &CaCertificate,
) -> anyhow::Result<Vec<StoreLine>> {
    let host = host(context, options)?;
    let anchor = anchor::of(root);
    let earlier = OldRoots::remembered(context);
    let found = devca_platform::find(&host, &kinds(options));
    let holding = found.into_iter().filter(|found| match found {
        // A store that cannot be read may contain one.
        Found::Store(store) => earlier.in_store(&**store).map_or(true, |held| !held.is_empty()),
        Found::Remark(_) => false,
    });
    let holding: Vec<Found> = holding.collect();
    let changes = Changes::new(context, &host, false);
    Ok(each(&holding, |store, line| changes.add(store, &anchor, &earlier, line)))
}

impl StoreLine {
    fn new(kind: StoreKind, place: String, outcome: StoreChange) -> Self {
        Self {
            store: kind.name(),
            place,
            outcome,
            why: None,
            hint: None,
            commands: Vec::new(),
            removed: Vec::new(),
            others: Vec::new(),
        }
    }

    pub(in crate::command) fn has_commands(&self) -> bool {
        !self.commands.is_empty()
    }

    /// Whether something was changed or, for a dry run, would be.
    pub(in crate::command) fn is_changed(&self) -> bool {
        matches!(self.outcome, StoreChange::Done | StoreChange::WouldRun)
    }

    /// After `install`: whether the store trusts the root.
    pub(in crate::command) fn is_trusted(&self) -> bool {
        matches!(self.outcome, StoreChange::Done | StoreChange::AlreadyDone)
    }

    /// Removes the hint of a skipped store, because it says how to install the root, not how to remove it.
    pub(in crate::command) fn drop_hint_if_skipped(&mut self) {
        if self.outcome == StoreChange::LeftAlone {
            self.hint = None;
        }
    }

    pub(in crate::command) fn because(&mut self, problem: Problem) {
        self.why = Some(problem.why);
        self.hint = Some(problem.hint).filter(|hint| !hint.is_empty());
    }
}

/// Whether no selected store failed.
pub(in crate::command) fn all_done(lines: &[StoreLine]) -> bool {
    lines.iter().all(|line| line.outcome != StoreChange::NotDone)
}

/// The width of the column with the first word of a line.
pub(in crate::command) const WIDTH: usize = 8;

/// Prints one line per store, followed by the reason and the hint if there are any.
pub(in crate::command) fn write(
    page: &mut dyn Write,
    lines: &[StoreLine],
    done: &str,
    already: &str,
) -> io::Result<()> {
    lines.iter().try_for_each(|line| line.write(page, done, already))
}

impl StoreLine {
    /// Prints the line; `done` and `already` describe what happened to the root.
    pub(in crate::command) fn write(
        &self,
        page: &mut dyn Write,
        done: &str,
        already: &str,
    ) -> io::Result<()> {
        let indent = format!("  {:WIDTH$}  ", "");
        let (mark, word) = match self.outcome {
            StoreChange::Done => (Mark::Good, done),
            StoreChange::AlreadyDone => (Mark::Good, already),
            StoreChange::NotDone => (Mark::Bad, "failed"),
            StoreChange::LeftAlone => (Mark::Skipped, "skipped"),
            StoreChange::WouldRun => (Mark::Skipped, "would run"),
        };
        let label = format!("{mark} {:WIDTH$}  ", self.store);
        let mut text = format!("{}: {word}", report::tildes(&self.place));
        let is_skipped = self.outcome == StoreChange::LeftAlone;
        match (&self.why, &self.hint) {
            (Some(why), Some(hint)) if is_skipped => text = format!("{text}: {why}; {hint}"),
            (Some(why), None) => text = format!("{text}: {why}"),
            _ => {}
        }
        writeln!(page, "{}", report::hanging(&label, &text))?;
        if let (Some(why), Some(hint), false) = (&self.why, &self.hint, is_skipped) {
            let hint = hint.replace('\n', &format!("\n{indent}"));
            writeln!(page, "{}\n{indent}hint: {hint}", report::hanging(&indent, why))?;
        }
        for root in &self.removed {
            writeln!(page, "{indent}removed: {} (SHA-256 {})", root.name, root.sha256)?;
        }
        if self.outcome == StoreChange::WouldRun {
            self.commands.iter().try_for_each(|command| writeln!(page, "{indent}{command}"))?;
        }
        Ok(())
    }
}
