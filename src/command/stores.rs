//! What `install`, `uninstall` and `status` share: the machine, its stores, a line for each.

use std::io::{self, Write};
use std::path::Path;

use devca_platform::step::{quoted, script};
use devca_platform::{Anchor, Found, Host, Kind, Person, Problem, Step, Store};
use serde::Serialize;

use super::Context;
use super::predecessors::Predecessors;
use crate::certificate::{self, CaCertificate};
use crate::cli;
use crate::error::{self, Fault};
use crate::key;
use crate::report;

/// What became of one store.
#[derive(Serialize)]
pub(super) struct Line {
    store: &'static str,
    place: String,
    outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    commands: Vec<String>,
    /// Roots that were removed beside the one that the command is about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    removed: Vec<HeldRoot>,
    /// Roots of other homes, other users or lost folders, which stay.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) others: Vec<HeldRoot>,
}

#[derive(Serialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Outcome {
    Done,
    AlreadyDone,
    NotDone,
    /// Nothing is to be changed there.
    LeftAlone,
    /// With `--dry-run`.
    WouldRun,
}

/// The machine that the options speak of.
pub(super) fn host(context: &Context, options: &cli::Stores) -> anyhow::Result<Host> {
    let person = Person { home: context.person.home.clone(), ids: context.person.ids };
    let mut host = Host::this(person, super::is_root());
    host.machine = options.machine;
    host.trust_sysroot = options.trust_sysroot;
    if let Some(folder) = &options.sysroot {
        let real = folder.canonicalize();
        if real.as_ref().is_err_and(|e| e.kind() == io::ErrorKind::PermissionDenied) {
            return Err(closed(folder).into());
        }
        host.sysroot = real.ok().filter(|path| path.is_dir()).ok_or_else(|| {
            Fault::usage(
                format!("there is no folder {}", folder.display()),
                "name the top of an image's file tree, as in: --sysroot /var/lib/machines/web",
            )
        })?;
    }
    Ok(host)
}

/// Behind `sudo` a tree is read with the person's rights, which those of container managers often keep out.
fn closed(tree: &Path) -> Fault {
    let is_closed = |path: &&Path| path.join(".").metadata().is_err() && path.metadata().is_ok();
    let folder = tree.ancestors().find(is_closed).unwrap_or(tree);
    Fault::new(
        format!("cannot enter {}: permission denied", folder.display()),
        format!("devca reads it with your own rights: sudo chmod o+x {}", error::quoted(folder)),
    )
}

/// The kinds that the options choose.
pub(super) fn kinds(options: &cli::Stores) -> Vec<Kind> {
    let chosen = |kind: &Kind| options.store.is_empty() || options.store.contains(kind);
    Kind::ALL.into_iter().filter(chosen).collect()
}

/// The options that choose the machine, as in a command.
pub(super) fn machine_options(options: &cli::Stores) -> String {
    let machine = if options.machine { " --machine" } else { "" };
    let sysroot = options.sysroot.as_ref().map(|folder| format!(" --sysroot {}", quoted(folder.as_os_str())));
    format!("{machine}{}", sysroot.unwrap_or_default())
}

/// The root as the stores see it; its label tells devca's roots from others and from one another.
pub(super) fn anchor(root: &CaCertificate) -> Anchor {
    anchor_of(&root.der)
}

/// The same of a root that need not be devca's.
pub(super) fn anchor_of(der: &[u8]) -> Anchor {
    let label = format!("devca-{}", &key::hex(&key::sha256(der))[..16]);
    Anchor { label, der: der.to_vec(), sha1: key::sha1(der) }
}

/// Does something with each store, whatever becomes of the others.
pub(super) fn each(
    found: &[Found],
    act: impl Fn(&dyn Store, &mut Line) -> Result<Outcome, Problem>,
) -> Vec<Line> {
    found
        .iter()
        .map(|found| match found {
            Found::Store(store) => {
                let mut line = Line::new(store.kind(), store.place(), Outcome::NotDone);
                match act(&**store, &mut line) {
                    Ok(outcome) => line.outcome = outcome,
                    Err(problem) => line.because(problem),
                }
                line
            }
            Found::Remark(remark) => {
                let outcome = if remark.is_failure { Outcome::NotDone } else { Outcome::LeftAlone };
                let mut line = Line::new(remark.kind, remark.place.clone(), outcome);
                line.because(remark.problem.clone());
                line
            }
        })
        .collect()
}

/// How stores are changed.
pub(super) struct Changes<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) host: &'a Host,
    pub(super) dry_run: bool,
}

impl Changes<'_> {
    /// Puts the anchor into a store, in the place of the ones before it.
    pub(super) fn add(
        &self,
        store: &dyn Store,
        anchor: &Anchor,
        earlier: &Predecessors,
        line: &mut Line,
    ) -> Result<Outcome, Problem> {
        let earlier = earlier.in_store(store)?;
        let holds = store.holds(anchor)?;
        if holds && earlier.is_empty() {
            return Ok(Outcome::AlreadyDone);
        }
        if !holds && earlier.is_empty() && store.follows_system(anchor)? {
            return Ok(Outcome::LeftAlone);
        }
        // The old one first: NSS knows certificates of the same subject by one name. One that cannot be removed does
        // not keep the new one out.
        let removed = self.remove_all(store, &earlier, line);
        if !holds {
            self.put_in(store, anchor, line)?;
        }
        removed?;
        Ok(if self.dry_run { Outcome::WouldRun } else { Outcome::Done })
    }

    fn put_in(&self, store: &dyn Store, anchor: &Anchor, line: &mut Line) -> Result<(), Problem> {
        let steps = store.add(anchor)?;
        self.perform(&steps, line)?;
        if self.dry_run || store.holds(anchor)? {
            return Ok(());
        }
        // A later update of the store must not trust what was reported as not done.
        let undo = store.remove(anchor)?;
        self.perform(&undo, line)?;
        Err(Problem::new(
            "nothing failed, but the store does not hold the root: what was added was removed again",
            format!("to see why, run by hand: {}", script(&steps)),
        ))
    }

    /// Removes an anchor from a store, and says whether it was there.
    pub(super) fn remove(
        &self,
        store: &dyn Store,
        anchor: &Anchor,
        line: &mut Line,
    ) -> Result<bool, Problem> {
        let steps = store.remove(anchor)?;
        if steps.is_empty() {
            return Ok(false);
        }
        self.perform(&steps, line)?;
        if !self.dry_run && store.holds(anchor)? {
            return Err(Problem::new(
                "nothing failed, but the store still holds the root",
                format!("to see why, run by hand: {}", script(&steps)),
            ));
        }
        Ok(true)
    }

    /// Removes roots from a store, and reports each.
    pub(super) fn remove_all(
        &self,
        store: &dyn Store,
        roots: &[HeldRoot],
        line: &mut Line,
    ) -> Result<(), Problem> {
        for root in roots {
            if self.remove(store, &anchor_of(&root.der), line)? && !self.dry_run {
                line.removed.push(root.clone());
            }
        }
        Ok(())
    }

    /// Runs the steps, or only names them.
    pub(super) fn perform(&self, steps: &[Step], line: &mut Line) -> Result<(), Problem> {
        line.commands.extend(steps.iter().map(ToString::to_string));
        if self.dry_run {
            return Ok(());
        }
        self.host.perform(steps, |command| self.context.report.detail(command))
    }
}

/// A root of a local CA that a store holds, and that is not the present one.
#[derive(Serialize, Clone, PartialEq, Eq)]
pub(super) struct HeldRoot {
    name: String,
    sha256: String,
    #[serde(skip)]
    der: Vec<u8>,
}

impl HeldRoot {
    pub(super) fn new(name: String, der: Vec<u8>) -> Self {
        Self { name, sha256: key::hex(&key::sha256(&der)), der }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn sha256(&self) -> &str {
        &self.sha256
    }

    pub(super) fn is(&self, der: &[u8]) -> bool {
        self.der == der
    }

    pub(super) fn is_devca(&self) -> bool {
        certificate::local_ca(&self.der).is_some_and(|local| local.is_devca)
    }
}

/// The roots of devca's and mkcert's that a store holds.
pub(super) fn local_roots(store: &dyn Store) -> Result<Vec<HeldRoot>, Problem> {
    let of_local_ca = |der: Vec<u8>| Some(HeldRoot::new(certificate::local_ca(&der)?.common_name, der));
    Ok(store.certificates()?.into_iter().filter_map(of_local_ca).collect())
}

/// Replaces roots in exactly the stores that hold one of them, and says what became of those.
pub(super) fn replace(
    context: &Context,
    options: &cli::Stores,
    root: &CaCertificate,
) -> anyhow::Result<Vec<Line>> {
    let host = host(context, options)?;
    let anchor = anchor(root);
    let earlier = Predecessors::remembered(context);
    let found = devca_platform::find(&host, &kinds(options));
    let holding = found.into_iter().filter(|found| match found {
        // A store that cannot be asked may hold one.
        Found::Store(store) => earlier.in_store(&**store).map_or(true, |held| !held.is_empty()),
        Found::Remark(_) => false,
    });
    let holding: Vec<Found> = holding.collect();
    let changes = Changes { context, host: &host, dry_run: false };
    Ok(each(&holding, |store, line| changes.add(store, &anchor, &earlier, line)))
}

impl Line {
    fn new(kind: Kind, place: String, outcome: Outcome) -> Self {
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

    pub(super) fn has_commands(&self) -> bool {
        !self.commands.is_empty()
    }

    /// Something was changed, or would have been.
    pub(super) fn is_changed(&self) -> bool {
        matches!(self.outcome, Outcome::Done | Outcome::WouldRun)
    }

    fn because(&mut self, problem: Problem) {
        self.why = Some(problem.why);
        self.hint = Some(problem.hint).filter(|hint| !hint.is_empty());
    }
}

/// No store that was chosen has failed.
pub(super) fn all_done(lines: &[Line]) -> bool {
    lines.iter().all(|line| line.outcome != Outcome::NotDone)
}

/// The column that a line's first word stands in.
pub(super) const WIDTH: usize = 8;

/// One line a store, with the reason and the hint below where there is one.
pub(super) fn write(page: &mut dyn Write, lines: &[Line], done: &str, already: &str) -> io::Result<()> {
    let indent = format!("{:WIDTH$}  ", "");
    for line in lines {
        let word = match line.outcome {
            Outcome::Done => report::verdict(true, done),
            Outcome::AlreadyDone => report::verdict(true, already),
            Outcome::NotDone => report::verdict(false, "not done"),
            Outcome::LeftAlone => "left alone".into(),
            Outcome::WouldRun => "would run".into(),
        };
        write!(page, "{:WIDTH$}  {}: {word}", line.store, line.place)?;
        match (&line.why, &line.hint) {
            (None, _) => writeln!(page)?,
            (Some(why), None) => writeln!(page, ", since {why}")?,
            (Some(why), Some(hint)) if line.outcome == Outcome::LeftAlone => {
                writeln!(page, ", since {why}: {hint}")?;
            }
            (Some(why), Some(hint)) => {
                let hint = hint.replace('\n', &format!("\n{indent}"));
                writeln!(page, "\n{indent}{why}\n{indent}hint: {hint}")?;
            }
        }
        for root in &line.removed {
            writeln!(page, "{indent}removed: {} (SHA-256 {})", root.name, root.sha256)?;
        }
        if line.outcome == Outcome::WouldRun {
            line.commands.iter().try_for_each(|command| writeln!(page, "{indent}{command}"))?;
        }
    }
    Ok(())
}
