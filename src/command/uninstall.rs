//! `devca uninstall`: take the root, and its predecessors, out of the stores; with `--purge`, delete it.

use std::io::{self, Write};
use std::path::PathBuf;

use devca_platform::{Anchor, Found, Host, Problem, Step, Store};
use serde::Serialize;

use super::predecessors::Predecessors;
use super::shared::bundles::{self, Bundle};
use super::stores::{self, Line, WIDTH};
use super::{Context, timer};
use crate::ca;
use crate::certificate::CaCertificate;
use crate::cli;
use crate::home::CaFolder;
use crate::inventory::Inventory;
use crate::renewal;
use crate::report::{self, Outcome};

#[derive(Serialize)]
pub(super) struct Uninstalled {
    root: PathBuf,
    stores: Vec<Line>,
    /// What was deleted; empty without `--purge`.
    deleted: Vec<PathBuf>,
    /// What `--dry-run` has left.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    would_delete: Vec<PathBuf>,
    #[serde(skip)]
    kept_for: Option<&'static str>,
}

pub(super) fn run(context: &Context, args: &cli::Uninstall) -> anyhow::Result<Uninstalled> {
    let folder = &context.folder;
    let host = stores::host(context, &args.stores)?;
    // A damaged root cannot be looked for in a store, but it can be deleted, and its predecessors can be found.
    let root = match context.root() {
        Err(e) if ca::exists(folder) && args.purge => {
            context.report.note(format!("{e:#}; so no store was searched for it"));
            None
        }
        Err(e) if ca::exists(folder) => return Err(e),
        found => found.ok(),
    };
    let found = devca_platform::find(&host, &stores::kinds(&args.stores));
    let common_name = root.as_ref().map_or_else(|| context.root_name(), |root| root.common_name.clone());
    let predecessors = Predecessors::remembered(context).and_namesakes(common_name);
    let stores =
        stores::each(&found, |store| remove(context, &host, store, root.as_ref(), &predecessors, args));
    let nothing_here = root.is_none() && !ca::exists(folder) && !folder.root_key().exists();
    if nothing_here && !stores.iter().any(Line::is_changed) {
        return Err(context.no_root().into());
    }
    let mut outcome = Uninstalled {
        root: folder.root(),
        stores,
        deleted: Vec::new(),
        would_delete: Vec::new(),
        kept_for: None,
    };
    let still_trusted = args.purge && !args.dry_run && still_trusted(context, args, root.as_ref())?;
    let everywhere = args.stores.store.is_empty() && args.stores.sysroot.is_none();
    if everywhere && !args.purge && !args.dry_run && !Bundle::all(folder).is_empty() {
        let _lock = context.lock()?;
        bundles::refresh(context, None)?;
        context
            .report
            .note(format!("the files that devca env prints no longer trust the root: {NEW_TERMINAL}"));
    }
    match (args.purge && !args.dry_run, stores::all_done(&outcome.stores)) {
        (true, true) if still_trusted => outcome.kept_for = Some(TRUSTED_ELSEWHERE),
        (true, true) => {
            timer::remove_if_there(context)?;
            outcome.deleted = purge(context)?;
            if outcome.deleted.iter().any(|path| path.file_name() == Some("bundle.pem".as_ref())) {
                context.report.note(format!("the files that devca env prints are deleted: {NEW_TERMINAL}"));
            }
        }
        (true, false) => outcome.kept_for = Some("kept, since a store may still trust it"),
        (false, _) if nothing_here => {}
        (false, _) if args.purge => outcome.would_delete = own_files(&context.folder),
        (false, _) => outcome.kept_for = Some("kept for the next devca install; --purge deletes it"),
    }
    Ok(outcome)
}

/// Shells and `.env` files go on naming what `devca env` has printed.
const NEW_TERMINAL: &str =
    "open a new terminal where you used it, and remove its lines from .env files and shell profiles";

/// A store of this machine that was not chosen, and trusts the root: deleted, it could be taken out of that no more.
fn still_trusted(
    context: &Context,
    args: &cli::Uninstall,
    root: Option<&CaCertificate>,
) -> anyhow::Result<bool> {
    let Some(root) = root.filter(|_| !args.stores.store.is_empty() || args.stores.sysroot.is_some()) else {
        return Ok(false);
    };
    let host =
        stores::host(context, &cli::Stores { machine: args.stores.machine, ..cli::Stores::default() })?;
    let anchor = stores::anchor(root, &context.folder.root());
    let found = devca_platform::find(&host, &devca_platform::Kind::ALL);
    let holds = |found: &Found| matches!(found, Found::Store(store) if store.holds(&anchor) == Ok(true));
    Ok(found.iter().any(holds))
}

const TRUSTED_ELSEWHERE: &str =
    "kept, since a store that was not chosen trusts it: uninstall --purge alone deletes it";

fn remove(
    context: &Context,
    host: &Host,
    store: &dyn Store,
    root: Option<&CaCertificate>,
    predecessors: &Predecessors,
    args: &cli::Uninstall,
) -> Result<(stores::Outcome, Vec<Step>), Problem> {
    let mut anchors: Vec<Anchor> =
        root.map(|root| stores::anchor(root, &context.folder.root())).into_iter().collect();
    let earlier = predecessors.in_store(store)?;
    let labels: Vec<&str> = earlier.iter().map(|anchor| anchor.label.as_str()).collect();
    anchors.extend(earlier.iter().cloned());
    let mut all = stores::remove(context, host, store, &anchors, args.dry_run)?;
    if !labels.is_empty() && !args.dry_run {
        // Another DEVCA_HOME's root has the same name: whose it was must not stay unsaid.
        context.report.note(format!(
            "{}: earlier roots of the same name went as well: {}",
            store.place(),
            labels.join(", ")
        ));
    }
    if !all.is_empty() {
        let leaving = store.leave()?;
        stores::perform(context, host, &leaving, args.dry_run)?;
        all.extend(leaving);
    }
    let follows =
        |anchor: &Anchor| store.holds(anchor) == Ok(true) && store.follows_system(anchor) == Ok(true);
    let outcome = match (all.is_empty(), args.dry_run) {
        (true, _) if anchors.iter().any(follows) => stores::Outcome::LeftAlone,
        (true, _) => stores::Outcome::AlreadyDone,
        (false, true) => stores::Outcome::WouldRun,
        (false, false) => stores::Outcome::Done,
    };
    Ok((outcome, all))
}

/// Deletes what devca made in the CA's folder, the key first, and the folder if nothing else is in it.
fn purge(context: &Context) -> anyhow::Result<Vec<PathBuf>> {
    let folder = &context.folder;
    let files = context.person.files();
    let lock = context.lock()?;
    files.sweep(&folder.path)?;
    let issued = Inventory::load(&folder.inventory()).unwrap_or_default().entries;
    for folder in renewal::folders(&issued) {
        context.issuing().sweep_issued(folder);
    }
    let deleted = own_files(folder);
    let item = ca::keyring_item(folder);
    deleted.iter().try_for_each(|path| files.remove(path))?;
    context.delete_unused(item);
    // Removed while it is held: who waits for it finds that it is gone, and locks another.
    files.remove(&folder.lock())?;
    drop(lock);
    // Somebody else's file keeps its folder, and another CA the one above.
    if std::fs::remove_dir(&folder.path).is_ok()
        && let Some(home) = folder.path.parent()
    {
        let _ = std::fs::remove_dir(home);
    }
    Ok(deleted)
}

/// What devca has made in the CA's folder, the keys first.
fn own_files(folder: &CaFolder) -> Vec<PathBuf> {
    let bundles = Bundle::all(folder).into_iter().flat_map(|bundle| bundle.paths());
    folder.own_files().into_iter().chain(bundles).filter(|path| path.symlink_metadata().is_ok()).collect()
}

impl Outcome for Uninstalled {
    fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        stores::write(page, &self.stores, "trusts the root no more", "did not trust the root")?;
        if let Some(why) = self.kept_for {
            writeln!(page, "{:WIDTH$}  {}: {why}", "root", report::short(&self.root))?;
        }
        let gone = self.deleted.iter().map(|path| (path, "deleted"));
        let going = self.would_delete.iter().map(|path| (path, "would be deleted"));
        gone.chain(going)
            .try_for_each(|(path, word)| writeln!(page, "{:WIDTH$}  {}: {word}", "file", report::short(path)))
    }

    fn is_complete(&self) -> bool {
        stores::all_done(&self.stores) && self.kept_for != Some(TRUSTED_ELSEWHERE)
    }
}
