//! `devca uninstall`: removes the current and earlier roots from the stores, and deletes the CA with
//! `--purge`.

use std::io::{self, Write};
use std::path::PathBuf;

use devca_platform::{Anchor, Found, Problem, Store};
use serde::Serialize;

use super::Context;
use super::browser::{self, BrowserLine};
use crate::ca;
use crate::cli;
use crate::command::shared::anchor;
use crate::command::shared::bundles::{self, Bundle};
use crate::command::shared::held::{self, HeldRoot};
use crate::command::shared::old_roots::OldRoots;
use crate::command::shared::stores::{self, Changes, StoreLine, WIDTH};
use crate::command::shared::timer;
use crate::disk::files;
use crate::disk::home::CaFolder;
use crate::error::{Fault, quoted};
use crate::issued::exported::KnownRoots;
use crate::issued::inventory::Inventory;
use crate::issued::renewal;
use crate::report::{self, Mark, Outcome};
use crate::x509::certificate::{self, CaCertificate};

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Uninstalled {
    root: PathBuf,
    stores: Vec<StoreLine>,
    /// With `--purge`, the browsers from which client certificates were removed.
    browsers: Vec<BrowserLine>,
    /// The deleted files; empty without `--purge`.
    deleted: Vec<PathBuf>,
    /// The files that would be deleted without `--dry-run`.
    would_delete: Vec<PathBuf>,
    /// Why the CA's folder was kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    kept_for: Option<&'static str>,
    /// Whether there was nothing to remove.
    #[serde(skip)]
    nothing_here: bool,
    /// The options that selected the machine, for the commands of hints.
    #[serde(skip)]
    machine: String,
}

impl Uninstalled {
    fn new(context: &Context, args: &cli::Uninstall, stores: Vec<StoreLine>) -> Self {
        Self {
            root: context.folder.root(),
            stores,
            browsers: Vec::new(),
            deleted: Vec::new(),
            would_delete: Vec::new(),
            kept_for: None,
            nothing_here: false,
            machine: stores::machine_options(&args.stores),
        }
    }
}

pub(super) fn run(context: &Context, args: &cli::Uninstall) -> anyhow::Result<Uninstalled> {
    if !args.sha256.is_empty() {
        return remove_by_fingerprint(context, args);
    }
    let folder = &context.folder;
    if args.purge && !args.dry_run && !args.yes && ca::exists(folder) {
        confirm_purge(context)?;
    }
    let host = stores::host(context, &args.stores)?;
    // A damaged root cannot be found in a store, but it can be deleted, and earlier roots can still be found.
    let root = match context.root() {
        Err(e) if ca::exists(folder) && args.purge => {
            context.report.note(format!("{e:#}; the stores were not searched for it"));
            None
        }
        Err(e) if ca::exists(folder) => return Err(e),
        found => found.ok(),
    };
    let root = root.filter(|root| is_own(context, root));
    let found = devca_platform::find(&host, &stores::kinds(&args.stores));
    let changes = Changes::new(context, &host, args.dry_run);
    let own = Own::of(context, root.as_ref(), &found);
    let mut stores = stores::each(&found, |store, line| remove(&changes, store, &own, line));
    stores.iter_mut().for_each(StoreLine::drop_hint_if_skipped);
    let nothing_here = root.is_none() && !ca::exists(folder) && !folder.root_key().exists();
    if nothing_here && !stores.iter().any(|line| line.is_changed() || !line.others.is_empty()) {
        return Err(context.no_root().into());
    }
    let mut outcome = Uninstalled::new(context, args, stores);
    outcome.nothing_here = nothing_here && !outcome.stores.iter().any(StoreLine::is_changed);
    let still_trusted = args.purge && !args.dry_run && still_trusted(context, args, root.as_ref())?;
    let everywhere = args.stores.store.is_empty() && args.stores.sysroot.is_none();
    if everywhere && !args.purge && !args.dry_run && !Bundle::all(folder).is_empty() {
        let _lock = context.lock()?;
        bundles::refresh(context, None)?;
        context.report.note(format!("the files of devca env no longer contain the root: {NEW_TERMINAL}"));
    }
    if let Some(root) = root.as_ref().filter(|_| (everywhere || args.purge) && !args.dry_run) {
        note_exports(context, root);
    }
    let is_gone = everywhere && !args.dry_run && stores::all_done(&outcome.stores);
    if is_gone && !args.purge && ca::exists(folder) {
        let _lock = context.lock()?;
        context.remember_installed(false)?;
    }
    match (args.purge && !args.dry_run, stores::all_done(&outcome.stores)) {
        (true, true) if still_trusted => outcome.kept_for = Some(TRUSTED_ELSEWHERE),
        (true, true) if !remove_clients(context, &mut outcome) => outcome.kept_for = Some(IN_BROWSERS),
        (true, true) => {
            timer::remove_if_there(context)?;
            outcome.deleted = purge(context)?;
            note_links(context);
            if outcome.deleted.iter().any(|path| path.file_name() == Some("bundle.pem".as_ref())) {
                context.report.note(format!("the files of devca env are deleted: {NEW_TERMINAL}"));
            }
        }
        (true, false) => outcome.kept_for = Some("kept, because a store may still trust it"),
        (false, _) if nothing_here => {}
        (false, _) if args.purge => outcome.would_delete = own_files(&context.folder),
        (false, _) => outcome.kept_for = Some("kept for the next devca install; --purge deletes it"),
    }
    Ok(outcome)
}

/// Removes client certificates from browsers, because that takes the CA's certificates. Returns whether none is left.
fn remove_clients(context: &Context, outcome: &mut Uninstalled) -> bool {
    outcome.browsers = browser::remove_all(context);
    outcome.browsers.iter().all(BrowserLine::is_done)
}

const IN_BROWSERS: &str = "kept, because a browser still has a client certificate of it";

/// Asks for confirmation on a terminal, because deleted keys cannot be restored.
fn confirm_purge(context: &Context) -> Result<(), Fault> {
    let folder = &context.folder;
    let count = Inventory::load(&folder.inventory()).map_or(0, |inventory| inventory.in_use().len());
    let noun = if count == 1 { "certificate" } else { "certificates" };
    let place = report::tilde(&folder.path);
    let question = format!("Delete the root, its key and the inventory ({count} {noun}) in {place}?");
    if context.report.ask(&question) == Some(false) {
        let hint = "to remove the root from the trust stores only: devca uninstall";
        return Err(Fault::new("nothing was changed", hint));
    }
    Ok(())
}

/// Only roots made by devca or mkcert, and those whose key is here, are removed from the stores: if another
/// program's root was copied to `root.pem`, it must stay trusted.
fn is_own(context: &Context, root: &CaCertificate) -> bool {
    let is_own = certificate::local_ca(&root.der).is_some() || context.has_key_of(root);
    if !is_own {
        let name = &root.common_name;
        context
            .report
            .note(format!("{name} is not removed from the stores: its key is not in the CA's folder"));
    }
    is_own
}

/// Lists the files of `devca root` and `devca export` instead of deleting them, because they are in use
/// elsewhere.
fn note_exports(context: &Context, root: &CaCertificate) {
    let mut exports = KnownRoots::of(&context.folder, root).present(&context.folder);
    exports.retain(|export| !export.path.starts_with(&context.folder.path));
    if !exports.is_empty() {
        let paths: Vec<String> = exports.iter().map(|export| quoted(&export.path)).collect();
        context.report.note(format!(
            "files of devca root and devca export still have the root; when nothing uses them, remove them: rm -r {}",
            paths.join(" ")
        ));
    }
}

/// Names the scripts of `devca mkcert --link`, which still work because the program is still installed.
fn note_links(context: &Context) {
    let links = super::mkcert::links_present(context);
    if !links.is_empty() {
        let paths: Vec<String> = links.iter().map(|path| report::tilde(path)).collect();
        context.report.note(format!(
            "tools still run devca in the place of mkcert, by {}; to end that: devca mkcert --unlink",
            paths.join(", ")
        ));
    }
}

/// Shells and `.env` files still contain what `devca env` printed.
const NEW_TERMINAL: &str =
    "open a new terminal where you used it, and remove its lines from .env files and shell profiles";

/// Reports a store that was not selected but trusts the root: once deleted, the root could no longer be
/// removed from it.
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
    let anchor = anchor::of(root);
    let found = devca_platform::find(&host, &devca_platform::StoreKind::ALL);
    let holds = |found: &Found| matches!(found, Found::Store(store) if store.holds(&anchor) == Ok(true));
    Ok(found.iter().any(holds))
}

const TRUSTED_ELSEWHERE: &str = "kept, because a store that was not selected trusts it; to delete it, run uninstall --purge without --store";

/// The roots of this CA and of the other CAs in the same folder.
struct Own {
    root: Option<Anchor>,
    old_roots: OldRoots,
    siblings: Vec<Vec<u8>>,
    /// The places of stores that have the root from the system store, and lose it with that.
    following: Vec<String>,
}

impl Own {
    fn of(context: &Context, root: Option<&CaCertificate>, found: &[Found]) -> Self {
        let root = root.map(anchor::of);
        let follows = |store: &dyn Store| root.as_ref().is_some_and(|root| follows(store, root));
        let place = |found: &Found| match found {
            Found::Store(store) if follows(&**store) => Some(store.place()),
            _ => None,
        };
        let following = found.iter().filter_map(place).collect();
        let read = |folder: CaFolder| CaCertificate::load(&folder.root()).ok().map(|root| root.der);
        Self {
            root,
            old_roots: OldRoots::remembered(context),
            siblings: context.folder.siblings().into_iter().filter_map(read).collect(),
            following,
        }
    }
}

/// Whether a store has the root from the system store.
fn follows(store: &dyn Store, root: &Anchor) -> bool {
    store.follows_system(root) == Ok(true) && store.holds(root) == Ok(true)
}

/// Removes this CA's roots from a store, and lists the other roots of local CAs in it.
fn remove(
    changes: &Changes,
    store: &dyn Store,
    own: &Own,
    line: &mut StoreLine,
) -> Result<stores::StoreChange, Problem> {
    let earlier = own.old_roots.in_store(store)?;
    changes.remove(store, own.root.as_ref(), &earlier, line)?;
    let is_another = |root: &HeldRoot| {
        !earlier.contains(root)
            && !own.siblings.iter().any(|der| root.is(der))
            && !own.root.as_ref().is_some_and(|own| root.is(&own.der))
    };
    line.others = held::local_roots(store)?;
    line.others.retain(|root| root.is_devca() && is_another(root));
    match finish(changes, store, line)? {
        stores::StoreChange::AlreadyDone if own.root.iter().any(|root| follows(store, root)) => {
            line.because(Problem::new("it follows the system store, which still has the root", ""));
            Ok(stores::StoreChange::LeftAlone)
        }
        stores::StoreChange::AlreadyDone if own.following.contains(&store.place()) => {
            Ok(stores::StoreChange::Done)
        }
        outcome => Ok(outcome),
    }
}

/// Finishes a removal. A database that was created only for devca's root is deleted with its last root.
fn finish(
    changes: &Changes,
    store: &dyn Store,
    line: &mut StoreLine,
) -> Result<stores::StoreChange, Problem> {
    if !line.has_commands() {
        return Ok(stores::StoreChange::AlreadyDone);
    }
    changes.perform(&store.remove_if_empty()?, line)?;
    Ok(if changes.dry_run { stores::StoreChange::WouldRun } else { stores::StoreChange::Done })
}

/// Removes roots whose CA folder is lost or in another home folder.
fn remove_by_fingerprint(context: &Context, args: &cli::Uninstall) -> anyhow::Result<Uninstalled> {
    let host = stores::host(context, &args.stores)?;
    let changes = Changes::new(context, &host, args.dry_run);
    let found = devca_platform::find(&host, &stores::kinds(&args.stores));
    let lines = stores::each(&found, |store, line| {
        let mut named = held::local_roots(store)?;
        named.retain(|root| args.sha256.iter().any(|sha256| root.sha256() == sha256));
        changes.remove(store, None, &named, line)?;
        finish(&changes, store, line)
    });
    if stores::all_done(&lines) && !lines.iter().any(StoreLine::is_changed) {
        let what = "no store here trusts a devca or mkcert root with this fingerprint";
        return Err(Fault::new(what, "to list them: devca status --json").into());
    }
    Ok(Uninstalled::new(context, args, lines))
}

/// Deletes the files that devca created in the CA's folder, keys first, and the folder if it is then empty.
fn purge(context: &Context) -> anyhow::Result<Vec<PathBuf>> {
    let folder = &context.folder;
    let writer = context.person.files();
    let lock = context.lock()?;
    writer.remove_leftovers(&folder.path)?;
    let issued = Inventory::load(&folder.inventory()).unwrap_or_default().entries;
    for folder in renewal::folders(&issued) {
        context.issuing().remove_issued_leftovers(folder);
    }
    let deleted = own_files(folder);
    let item = ca::keyring_item(folder);
    deleted.iter().try_for_each(|path| writer.remove(path))?;
    context.delete_unused(item);
    // Remove the lock file while it is locked, so that waiting processes notice that it is gone and lock a
    // new one.
    writer.remove(&folder.lock())?;
    drop(lock);
    files::remove_empty_folder(&folder.caroot());
    // The folder is kept if it contains other files, and the one above if it contains other CAs.
    if files::remove_own_folder(&folder.path)
        && let Some(home) = folder.path.parent()
    {
        files::remove_own_folder(home);
    }
    Ok(deleted)
}

/// The files that devca created in the CA's folder, keys first.
fn own_files(folder: &CaFolder) -> Vec<PathBuf> {
    let bundles = Bundle::all(folder).into_iter().flat_map(|bundle| bundle.paths());
    folder.own_files().into_iter().chain(bundles).filter(|path| path.symlink_metadata().is_ok()).collect()
}

impl Outcome for Uninstalled {
    fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        stores::write(page, &self.stores, "removed", "not installed")?;
        self.browsers.iter().try_for_each(|line| line.write(page))?;
        let indent = format!("  {:WIDTH$}  ", "");
        let mut named: Vec<&HeldRoot> = Vec::new();
        for other in self.stores.iter().flat_map(|line| &line.others) {
            if named.contains(&other) {
                continue;
            }
            named.push(other);
            let mark = Mark::Skipped;
            writeln!(
                page,
                "{mark} {:WIDTH$}  {}: not removed, belongs to another CA folder",
                "other",
                other.name()
            )?;
            let sha256 = other.sha256();
            writeln!(page, "{indent}to remove it: devca uninstall --sha256 {sha256}{}", self.machine)?;
        }
        if let Some(why) = self.kept_for {
            let label = format!("{} {:WIDTH$}  ", Mark::Skipped, "root");
            let text = format!("{}: {why}", report::tilde(&self.root));
            writeln!(page, "{}", report::hanging(&label, &text))?;
        }
        let gone = self.deleted.iter().map(|path| (Mark::Good, path, "deleted"));
        let going = self.would_delete.iter().map(|path| (Mark::Skipped, path, "would be deleted"));
        gone.chain(going).try_for_each(|(mark, path, word)| {
            writeln!(page, "{mark} {:WIDTH$}  {}: {word}", "file", report::tilde(path))
        })
    }

    fn is_complete(&self) -> bool {
        !self.nothing_here
            && stores::all_done(&self.stores)
            && self.browsers.iter().all(BrowserLine::is_done)
            && self.kept_for != Some(TRUSTED_ELSEWHERE)
    }
}
