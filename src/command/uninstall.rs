//! `devca uninstall`: take the root, and its predecessors, out of the stores; with `--purge`, delete it.

use std::io::{self, Write};
use std::path::PathBuf;

use devca_platform::{Anchor, Host, Problem, Step, Store};
use serde::Serialize;

use super::Context;
use super::stores::{self, Line, WIDTH};
use crate::ca;
use crate::certificate::CaCertificate;
use crate::cli;
use crate::files::{NewFile, Secrecy};
use crate::pem;
use crate::report::{self, Outcome};

#[derive(Serialize)]
pub(super) struct Uninstalled {
    root: PathBuf,
    stores: Vec<Line>,
    /// What was deleted; empty without `--purge`.
    deleted: Vec<PathBuf>,
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
    let predecessors = Predecessors::of(context, root.as_ref())?;
    let stores =
        stores::each(&found, |store| remove(context, &host, store, root.as_ref(), &predecessors, args));
    let nothing_here = root.is_none() && !ca::exists(folder) && !folder.root_key().exists();
    if nothing_here && !stores.iter().any(Line::is_changed) {
        return Err(context.no_root().into());
    }
    let mut outcome = Uninstalled { root: folder.root(), stores, deleted: Vec::new(), kept_for: None };
    match (args.purge && !args.dry_run, stores::all_done(&outcome.stores)) {
        (true, true) => outcome.deleted = purge(context)?,
        (true, false) => outcome.kept_for = Some("kept, since a store may still trust it"),
        (false, _) if nothing_here => {}
        (false, _) => outcome.kept_for = Some("kept for the next devca install; --purge deletes it"),
    }
    Ok(outcome)
}

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
    anchors.extend(predecessors.in_store(store)?);
    let mut all = Vec::new();
    for anchor in &anchors {
        let steps = store.remove(anchor)?;
        stores::perform(context, host, &steps, args.dry_run)?;
        if !args.dry_run && !steps.is_empty() && store.holds(anchor)? {
            return Err(Problem::new(
                "nothing failed, but the store still holds the root",
                format!("see what it says by hand: {}", devca_platform::host::script(&steps)),
            ));
        }
        all.extend(steps);
    }
    let outcome = match (all.is_empty(), args.dry_run) {
        (true, _) => stores::Outcome::AlreadyDone,
        (false, true) => stores::Outcome::WouldRun,
        (false, false) => stores::Outcome::Done,
    };
    Ok((outcome, all))
}

/// Roots that this CA had before: same common name, and no root of any CA that is there now.
struct Predecessors {
    common_name: String,
    current: Vec<Vec<u8>>,
    /// The stores' programs read certificates from files.
    scratch: tempfile::TempDir,
}

impl Predecessors {
    fn of(context: &Context, root: Option<&CaCertificate>) -> anyhow::Result<Self> {
        let common_name = match root {
            Some(root) => root.common_name.clone(),
            None => context.root_name(),
        };
        let current = context
            .folder
            .siblings()
            .into_iter()
            .filter_map(|folder| CaCertificate::load(&folder.root(), &folder).ok())
            .map(|r| r.der);
        Ok(Self { common_name, current: current.collect(), scratch: tempfile::TempDir::new()? })
    }

    fn in_store(&self, store: &dyn Store) -> Result<Vec<Anchor>, Problem> {
        let mut anchors = Vec::new();
        for der in store.certificates()?.into_iter().filter(|der| !self.current.contains(der)) {
            let Some(root) = CaCertificate::of_devca(der).filter(|root| root.common_name == self.common_name)
            else {
                continue;
            };
            let path = self.scratch.path().join(format!("{}.pem", crate::key::hex(&root.sha256())));
            if !path.exists() {
                let content = pem::certificate(&root.der).into();
                let file = NewFile { path: path.clone(), content, secrecy: Secrecy::Public, replace: false };
                let written =
                    crate::files::Files::default().stage(vec![file]).and_then(crate::files::Staged::commit);
                written
                    .map_err(|e| Problem::new(format!("{e:#}"), "check the room in the temporary folder"))?;
            }
            anchors.push(stores::anchor(&root, &path));
        }
        Ok(anchors)
    }
}

/// Deletes what devca made in the CA's folder, the key first, and the folder if nothing else is in it.
fn purge(context: &Context) -> anyhow::Result<Vec<PathBuf>> {
    let folder = &context.folder;
    let files = context.person.files();
    let lock = context.lock()?;
    let mut deleted = Vec::new();
    let all = [
        folder.root_key(),
        folder.intermediate_key(),
        folder.root(),
        folder.intermediate(),
        folder.inventory(),
        folder.bundle(),
    ];
    for path in all {
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
        stores::write(page, &self.stores, "trusts the root no more", "did not trust the root")?;
        if let Some(why) = self.kept_for {
            writeln!(page, "{:WIDTH$}  {}: {why}", "root", report::short(&self.root))?;
        }
        self.deleted
            .iter()
            .try_for_each(|path| writeln!(page, "{:WIDTH$}  {}", "deleted", report::short(path)))
    }

    fn is_complete(&self) -> bool {
        stores::all_done(&self.stores)
    }
}
