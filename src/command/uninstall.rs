//! `devca uninstall`: take the root out of the stores; with `--purge`, delete it.

use std::io::{self, Write};
use std::path::PathBuf;

use devca_platform::{Anchor, Host, Problem, Store};
use serde::Serialize;

use super::Context;
use super::install::{self, StoreLine, StoreOutcome};
use crate::ca;
use crate::cli;
use crate::report::{self, Outcome};

#[derive(Serialize)]
pub(super) struct Uninstalled {
    root: PathBuf,
    stores: Vec<StoreLine>,
    /// What was deleted; empty without `--purge`.
    deleted: Vec<PathBuf>,
    #[serde(skip)]
    kept_for: Option<&'static str>,
}

pub(super) fn run(context: &Context, args: &cli::Uninstall) -> anyhow::Result<Uninstalled> {
    let folder = &context.folder;
    // A damaged root cannot be looked for in a store, but it can be deleted.
    let root = match context.root() {
        Err(e) if args.purge && (ca::exists(folder) || folder.root_key().exists()) => {
            context.report.note(format!("{e:#}; so the stores were not looked through"));
            None
        }
        found => Some(found?),
    };
    let stores = root.map_or_else(Vec::new, |root| {
        let anchor = install::anchor(context, &root);
        install::each_store(context, |host, store| remove(context, host, store, &anchor))
    });
    let mut outcome = Uninstalled { root: folder.root(), stores, deleted: Vec::new(), kept_for: None };
    if !args.purge {
        outcome.kept_for = Some("kept for the next devca install; --purge deletes it");
    } else if !install::all_done(&outcome.stores) {
        outcome.kept_for = Some("kept, since a store still trusts it");
    } else {
        outcome.deleted = purge(context)?;
    }
    Ok(outcome)
}

fn remove(
    context: &Context,
    host: &Host,
    store: &dyn Store,
    anchor: &Anchor,
) -> Result<StoreOutcome, Problem> {
    let steps = store.remove(anchor)?;
    if steps.is_empty() {
        return Ok(StoreOutcome::AlreadyDone);
    }
    host.perform(&steps, |command| context.report.detail(command))?;
    if !store.holds(anchor)? {
        return Ok(StoreOutcome::Done);
    }
    Err(Problem::new(
        "its program ran without an error, but the store still holds the root",
        format!("run by hand, as root, and see what it says: {}", devca_platform::host::script(&steps)),
    ))
}

/// Deletes what devca made in the CA's folder, the key first, and the folder if nothing else is in it.
fn purge(context: &Context) -> anyhow::Result<Vec<PathBuf>> {
    let folder = &context.folder;
    let files = context.person.files();
    let lock = context.lock()?;
    let mut deleted = Vec::new();
    for path in [folder.root_key(), folder.root(), folder.inventory()] {
        if path.symlink_metadata().is_ok() {
            files.remove(&path)?;
            deleted.push(path);
        }
    }
    drop(lock);
    files.remove(&folder.lock())?;
    // Somebody else's file keeps its folder, and another CA the one above.
    if std::fs::remove_dir(&folder.path).is_ok()
        && let Some(home) = folder.path.parent()
    {
        let _ = std::fs::remove_dir(home);
    }
    Ok(deleted)
}

impl Outcome for Uninstalled {
    fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        install::write_stores(page, &self.stores, "trusts the root no more", "did not trust the root")?;
        if let Some(why) = self.kept_for {
            writeln!(page, "{:8}  {}: {why}", "root", report::short(&self.root))?;
        }
        for path in &self.deleted {
            writeln!(page, "{:8}  {}", "deleted", report::short(path))?;
        }
        Ok(())
    }

    fn is_complete(&self) -> bool {
        install::all_done(&self.stores)
    }
}
