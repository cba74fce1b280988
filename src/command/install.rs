//! `devca install`: make the root, once, and have the stores trust it.

use std::io::{self, Write};
use std::path::PathBuf;

use devca_platform::{Anchor, Host, Problem, Step, Store};
use serde::Serialize;

use super::Context;
use super::stores::{self, Line, WIDTH};
use crate::ca;
use crate::certificate::CaCertificate;
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
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    root_created: bool,
    dry_run: bool,
    constraints: Constraints,
    stores: Vec<Line>,
}

pub(super) fn run(context: &Context, args: &cli::Install) -> anyhow::Result<Installed> {
    let host = stores::host(context, &args.stores)?;
    let is_new = !ca::exists(&context.folder);
    let (root, anchor) = if is_new && args.dry_run {
        let root = context.draft_root(&constraints(args))?;
        // Its fingerprint will be another.
        let label = "devca-FINGERPRINT".into();
        let anchor = Anchor { label, ..stores::anchor(&root, &context.folder.root()) };
        (root, anchor)
    } else {
        let root = root(context, args)?;
        let anchor = stores::anchor(&root, &context.folder.root());
        (root, anchor)
    };
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
    let found = devca_platform::find(&host, &stores::kinds(&args.stores));
    let stores = stores::each(&found, |store| add(context, &host, store, &anchor, args.dry_run));
    Ok(Installed {
        root: context.folder.root(),
        sha256: (!(is_new && args.dry_run)).then(|| key::hex(&root.sha256())),
        name: root.common_name,
        root_created: is_new && !args.dry_run,
        dry_run: args.dry_run,
        constraints: root.constraints,
        stores,
    })
}

fn constraints(args: &cli::Install) -> Constraints {
    if args.unconstrained {
        Constraints::default()
    } else {
        profile::default_constraints(Some(&super::host_name()), &args.permit)
    }
}

/// The root that is there, or a new one.
fn root(context: &Context, args: &cli::Install) -> anyhow::Result<CaCertificate> {
    let lock = if args.dry_run { None } else { Some(context.lock()?) };
    let root = if ca::exists(&context.folder) {
        refuse_to_change(context, args)?;
        context.root()?
    } else {
        context.create_root(&constraints(args))?.root
    };
    drop(lock);
    Ok(root)
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

fn add(
    context: &Context,
    host: &Host,
    store: &dyn Store,
    anchor: &Anchor,
    dry_run: bool,
) -> Result<(stores::Outcome, Vec<Step>), Problem> {
    if store.holds(anchor)? {
        return Ok((stores::Outcome::AlreadyDone, Vec::new()));
    }
    let steps = store.add(anchor)?;
    stores::perform(context, host, &steps, dry_run)?;
    if dry_run {
        return Ok((stores::Outcome::WouldRun, steps));
    }
    if store.holds(anchor)? {
        return Ok((stores::Outcome::Done, steps));
    }
    Err(Problem::new(
        "nothing failed, but the store does not hold the root",
        format!("see what it says by hand: {}", devca_platform::host::script(&steps)),
    ))
}

impl Outcome for Installed {
    fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        let made = match (self.root_created, &self.sha256) {
            (true, _) => report::verdict(true, "made"),
            (false, Some(_)) => report::verdict(true, "there already"),
            (false, None) => "would be made".into(),
        };
        writeln!(page, "{:WIDTH$}  {} ({}): {made}", "root", self.name, report::short(&self.root))?;
        stores::write(page, &self.stores, "trusts the root", "trusts the root already")
    }

    fn is_complete(&self) -> bool {
        stores::all_done(&self.stores)
    }
}
