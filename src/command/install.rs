//! `devca install`: make the root, once, and have the stores trust it.

use std::io::{self, Write};
use std::path::PathBuf;

use devca_platform::{Anchor, Host, Problem, Store};
use serde::Serialize;

use super::Context;
use crate::ca::{self, Root};
use crate::cli;
use crate::constraints::Constraints;
use crate::error::Fault;
use crate::key;
use crate::profile;
use crate::report::{self, Outcome};

#[derive(Serialize)]
pub(super) struct Installed {
    root: PathBuf,
    name: String,
    sha256: String,
    root_created: bool,
    constraints: Constraints,
    stores: Vec<StoreLine>,
}

/// What became of one store.
#[derive(Serialize)]
pub(super) struct StoreLine {
    pub(super) store: &'static str,
    pub(super) place: String,
    pub(super) outcome: StoreOutcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) why: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hint: Option<String>,
}

#[derive(Serialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum StoreOutcome {
    Done,
    AlreadyDone,
    NotDone,
}

pub(super) fn run(context: &Context, args: &cli::Install) -> anyhow::Result<Installed> {
    let lock = context.lock()?;
    let root_created = !ca::exists(&context.folder);
    let root = if root_created {
        let constraints = if args.unconstrained {
            Constraints::default()
        } else {
            profile::default_constraints(Some(&super::host_name()), &args.permit)
        };
        context.create_root(&constraints)?.root
    } else {
        refuse_to_change(context, args)?;
        context.root()?
    };
    drop(lock);
    if root.validity.not_after < context.now {
        let what = format!(
            "the root {} expired on {}",
            context.folder.root().display(),
            root.validity.not_after.date()
        );
        let hint = format!(
            "make a new one: devca{0} uninstall --purge && devca{0} install",
            context.folder.option()
        );
        return Err(Fault::new(what, hint).into());
    }
    let anchor = anchor(context, &root);
    let stores = each_store(context, |host, store| add(context, host, store, &anchor));
    Ok(Installed {
        root: context.folder.root(),
        sha256: key::hex(&root.sha256()),
        name: root.common_name,
        root_created,
        constraints: root.constraints,
        stores,
    })
}

/// A root is never overwritten, so what it permits was settled when it was made.
fn refuse_to_change(context: &Context, args: &cli::Install) -> anyhow::Result<()> {
    if args.permit.is_empty() && !args.unconstrained {
        return Ok(());
    }
    Err(Fault::new(
        format!(
            "there is a root already, {}, and what it permits cannot be changed",
            context.folder.root().display()
        ),
        "make another CA beside it: devca --ca NAME install --permit …",
    )
    .into())
}

/// The root as the stores see it; its label tells devca's roots from others and from one another.
pub(super) fn anchor(context: &Context, root: &Root) -> Anchor {
    let label = format!("devca-{}", &key::hex(&root.sha256())[..16]);
    Anchor { label, der: root.der.clone(), pem: context.folder.root() }
}

/// Does something with each store, whatever becomes of the others.
pub(super) fn each_store(
    context: &Context,
    act: impl Fn(&Host, &dyn Store) -> Result<StoreOutcome, Problem>,
) -> Vec<StoreLine> {
    let person = devca_platform::Person { home: context.person.home.clone(), ids: context.person.ids };
    let host = Host::this(person, super::is_root());
    match devca_platform::find(&host) {
        Ok(stores) => {
            stores.iter().map(|store| line(store.kind(), store.place(), act(&host, &**store))).collect()
        }
        Err(problem) => vec![line("system", "this machine".into(), Err(problem))],
    }
}

fn line(store: &'static str, place: String, result: Result<StoreOutcome, Problem>) -> StoreLine {
    match result {
        Ok(outcome) => StoreLine { store, place, outcome, why: None, hint: None },
        Err(problem) => StoreLine {
            store,
            place,
            outcome: StoreOutcome::NotDone,
            why: Some(problem.why),
            hint: Some(problem.hint),
        },
    }
}

fn add(context: &Context, host: &Host, store: &dyn Store, anchor: &Anchor) -> Result<StoreOutcome, Problem> {
    if store.holds(anchor)? {
        return Ok(StoreOutcome::AlreadyDone);
    }
    let steps = store.add(anchor)?;
    host.perform(&steps, |command| context.report.detail(command))?;
    if store.holds(anchor)? {
        return Ok(StoreOutcome::Done);
    }
    Err(Problem::new(
        "its program ran without an error, but the store does not hold the root",
        format!("run by hand, as root, and see what it says: {}", devca_platform::host::script(&steps)),
    ))
}

/// One line a store, with the reason and the hint below where there is one.
pub(super) fn write_stores(
    page: &mut dyn Write,
    stores: &[StoreLine],
    done: &str,
    already: &str,
) -> io::Result<()> {
    for line in stores {
        let word = match line.outcome {
            StoreOutcome::Done => report::verdict(true, done),
            StoreOutcome::AlreadyDone => report::verdict(true, already),
            StoreOutcome::NotDone => report::verdict(false, "not done"),
        };
        writeln!(page, "{:8}  {}: {word}", line.store, line.place)?;
        if let (Some(why), Some(hint)) = (&line.why, &line.hint) {
            writeln!(page, "          {why}\n          hint: {hint}")?;
        }
    }
    Ok(())
}

pub(super) fn all_done(stores: &[StoreLine]) -> bool {
    stores.iter().all(|line| line.outcome != StoreOutcome::NotDone)
}

impl Outcome for Installed {
    fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        let made = if self.root_created { "made" } else { "there already" };
        writeln!(
            page,
            "{:8}  {} ({}): {}",
            "root",
            self.name,
            report::short(&self.root),
            report::verdict(true, made)
        )?;
        write_stores(page, &self.stores, "trusts the root", "trusts the root already")
    }

    fn is_complete(&self) -> bool {
        all_done(&self.stores)
    }
}
