//! What `install`, `uninstall` and `status` share: the machine, its stores, a line for each.

use std::io::{self, Write};
use std::path::Path;

use devca_platform::{Anchor, Found, Host, Kind, Person, Problem, Step, Store};
use serde::Serialize;

use super::Context;
use super::predecessors::Predecessors;
use crate::certificate::CaCertificate;
use crate::cli;
use crate::error::Fault;
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
        host.sysroot = folder.canonicalize().ok().filter(|path| path.is_dir()).ok_or_else(|| {
            Fault::usage(
                format!("there is no folder {}", folder.display()),
                "name the top of an image's file tree, as in: --sysroot /var/lib/machines/web",
            )
        })?;
    }
    Ok(host)
}

/// The kinds that the options choose.
pub(super) fn kinds(options: &cli::Stores) -> Vec<Kind> {
    let chosen = |kind: &Kind| options.store.is_empty() || options.store.contains(kind);
    Kind::ALL.into_iter().filter(chosen).collect()
}

/// The root as the stores see it; its label tells devca's roots from others and from one another.
pub(super) fn anchor(root: &CaCertificate, pem: &Path) -> Anchor {
    anchor_of(&root.der, pem)
}

/// The same of a root that need not be devca's.
pub(super) fn anchor_of(der: &[u8], pem: &Path) -> Anchor {
    let label = format!("devca-{}", &key::hex(&key::sha256(der))[..16]);
    Anchor { label, der: der.to_vec(), sha1: key::sha1(der), pem: pem.to_owned() }
}

/// Does something with each store, whatever becomes of the others.
pub(super) fn each(
    found: &[Found],
    act: impl Fn(&dyn Store) -> Result<(Outcome, Vec<Step>), Problem>,
) -> Vec<Line> {
    found
        .iter()
        .map(|found| match found {
            Found::Store(store) => {
                let mut line = Line::new(store.kind(), store.place(), Outcome::NotDone);
                match act(&**store) {
                    Ok((outcome, steps)) => {
                        line.outcome = outcome;
                        line.commands = steps.iter().map(ToString::to_string).collect();
                    }
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

/// Runs the steps, or only names them.
pub(super) fn perform(context: &Context, host: &Host, steps: &[Step], dry_run: bool) -> Result<(), Problem> {
    if dry_run { Ok(()) } else { host.perform(steps, |command| context.report.detail(command)) }
}

/// Puts the anchor into a store, in the place of the ones before it.
pub(super) fn add(
    context: &Context,
    host: &Host,
    store: &dyn Store,
    anchor: &Anchor,
    earlier: &Predecessors,
    dry_run: bool,
) -> Result<(Outcome, Vec<Step>), Problem> {
    let earlier = earlier.in_store(store)?;
    let holds = store.holds(anchor)?;
    if holds && earlier.is_empty() {
        return Ok((Outcome::AlreadyDone, Vec::new()));
    }
    if !holds && earlier.is_empty() && store.follows_system(anchor)? {
        return Ok((Outcome::LeftAlone, Vec::new()));
    }
    // The old one first: NSS knows certificates of the same subject by one name.
    let mut steps = remove(context, host, store, &earlier, dry_run)?;
    if !holds {
        let adding = store.add(anchor)?;
        perform(context, host, &adding, dry_run)?;
        steps.extend(adding);
    }
    if dry_run {
        return Ok((Outcome::WouldRun, steps));
    }
    if store.holds(anchor)? {
        return Ok((Outcome::Done, steps));
    }
    Err(Problem::new(
        "nothing failed, but the store does not hold the root",
        format!("see what it says by hand: {}", devca_platform::step::script(&steps)),
    ))
}

/// Takes anchors out of a store.
pub(super) fn remove(
    context: &Context,
    host: &Host,
    store: &dyn Store,
    anchors: &[Anchor],
    dry_run: bool,
) -> Result<Vec<Step>, Problem> {
    let mut all = Vec::new();
    for anchor in anchors {
        let steps = store.remove(anchor)?;
        perform(context, host, &steps, dry_run)?;
        if !dry_run && !steps.is_empty() && store.holds(anchor)? {
            return Err(Problem::new(
                "nothing failed, but the store still holds the root",
                format!("see what it says by hand: {}", devca_platform::step::script(&steps)),
            ));
        }
        all.extend(steps);
    }
    Ok(all)
}

/// Replaces roots in exactly the stores that hold one of them, and says what became of those.
pub(super) fn replace(
    context: &Context,
    options: &cli::Stores,
    root: &CaCertificate,
) -> anyhow::Result<Vec<Line>> {
    let host = host(context, options)?;
    let anchor = anchor(root, &context.folder.root());
    let earlier = Predecessors::remembered(context);
    let found = devca_platform::find(&host, &kinds(options));
    let holding = found.into_iter().filter(|found| match found {
        // A store that cannot be asked may hold one.
        Found::Store(store) => earlier.in_store(&**store).map_or(true, |held| !held.is_empty()),
        Found::Remark(_) => false,
    });
    let holding: Vec<Found> = holding.collect();
    Ok(each(&holding, |store| add(context, &host, store, &anchor, &earlier, false)))
}

impl Line {
    fn new(kind: Kind, place: String, outcome: Outcome) -> Self {
        Self { store: kind.name(), place, outcome, why: None, hint: None, commands: Vec::new() }
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
        if line.outcome == Outcome::WouldRun {
            line.commands.iter().try_for_each(|command| writeln!(page, "{indent}{command}"))?;
        }
    }
    Ok(())
}
