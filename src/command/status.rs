//! `devca status`: checks everything and changes nothing (unless `--fix` is given).

use std::io::{self, Write};
use std::path::PathBuf;

use serde::Serialize;

use super::Context;
use crate::cli;
use crate::command::shared::anchor;
use crate::command::shared::bundles;
use crate::command::shared::reissued::Reissued;
use crate::command::shared::stores::{self, WIDTH};
use crate::disk::files;
use crate::issued::exported::{self, ExportLine, KnownRoots};
use crate::report::{self, Mark, Outcome};
use crate::x509::certificate::CaCertificate;
use issued::IssuedCounts;
use root::RootState;
use store::StoreState;

mod issued;
mod root;
mod store;

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct StatusReport {
    #[serde(skip_serializing_if = "Option::is_none")]
    root: Option<RootState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issued: Option<IssuedCounts>,
    stores: Vec<StoreState>,
    problems: Vec<StatusProblem>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct StatusProblem {
    #[serde(rename = "message")]
    what: String,
    hint: String,
}

pub(super) fn run(context: &Context, args: &cli::Status) -> anyhow::Result<StatusReport> {
    if args.fix {
        fix(context)?;
    }
    let mut problems = Vec::new();
    let root = root::look_at(context, &mut problems);
    let host = stores::host(context, &args.stores)?;
    let anchor = root.as_ref().map(anchor::of);
    let kinds = stores::kinds(&args.stores);
    let found = devca_platform::find(&host, &kinds);
    let stores: Vec<StoreState> =
        found.iter().map(|found| store::look_at(found, anchor.as_ref(), &mut problems)).collect();
    if root.is_some() {
        problems.extend(lacking(&stores));
    }
    let issued = issued::look_at(context, root.as_ref(), &mut problems);
    problems.extend(root.iter().flat_map(|root| stale_bundles(context, root)));
    problems.extend(root.iter().flat_map(|root| outdated_exports(context, root)));
    // Here alone: what finds a problem writes its hint for the default CA.
    for problem in &mut problems {
        problem.hint = context.folder.hint(&problem.hint);
    }
    let root = root.map(|root| RootState::new(context, root));
    Ok(StatusReport { root, issued, stores, problems })
}

/// Reports stores that could contain the root but do not.
fn lacking(stores: &[StoreState]) -> Option<StatusProblem> {
    let what = match stores.iter().filter(|store| store.lacks_root()).count() {
        0 => return None,
        1 => "one store does not trust the root".into(),
        count => format!("{count} stores do not trust the root"),
    };
    Some(StatusProblem { what, hint: "devca install".into() })
}

/// Reports outdated files that programs started with `devca env` still read.
fn stale_bundles(context: &Context, root: &CaCertificate) -> Vec<StatusProblem> {
    let finding = |path: PathBuf| StatusProblem {
        what: format!("{} does not have the current root, or has an earlier one", path.display()),
        hint: "devca status --fix".into(),
    };
    bundles::stale(context, root).into_iter().map(finding).collect()
}

/// Reports outdated files of `devca root` and `devca export`.
fn outdated_exports(context: &Context, root: &CaCertificate) -> Vec<StatusProblem> {
    let finding = |export: ExportLine| StatusProblem {
        what: format!(
            "{} has {}an earlier root",
            export.path.display(),
            if export.is_root() { "" } else { "an intermediate of " }
        ),
        hint: export.fix(),
    };
    let damage = exported::damage(&context.folder);
    let damage = damage.map(|fault| StatusProblem { what: fault.to_string(), hint: fault.hint().into() });
    let outdated = KnownRoots::of(&context.folder, root).outdated(&context.folder).into_iter().map(finding);
    damage.into_iter().chain(outdated).collect()
}

/// Removes other users' access to private files, and updates the files of `devca env`.
fn fix(context: &Context) -> anyhow::Result<()> {
    // A folder that belongs to another user, or that others could have replaced, is reported but not changed.
    if context.folder.refuse_foreign().is_err() {
        return Ok(());
    }
    if let Ok(root) = context.root()
        && !bundles::stale(context, &root).is_empty()
    {
        let _lock = context.lock()?;
        bundles::refresh(context, Some(&context.root()?.der))?;
        context.report.note("the files that devca env prints have been updated");
    }
    if let Ok(root) = context.root()
        && KnownRoots::of(&context.folder, &root).outdated(&context.folder).iter().any(ExportLine::is_root)
    {
        let _lock = context.lock()?;
        let mut updated = Reissued::default();
        updated.update_exports(context, &context.root()?);
        updated.note(context);
    }
    for (path, mode) in root::private(context) {
        if files::too_open(&path).is_some() {
            files::restrict_permissions(&path)?;
            context.report.note(format!("changed the mode of {} to {mode:04o}", path.display()));
        }
    }
    Ok(())
}

impl Outcome for StatusReport {
    fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        if let Some(root) = &self.root {
            root.write(page)?;
        }
        if let Some(issued) = &self.issued {
            writeln!(page, "{:WIDTH$}  {issued}", "issued")?;
        }
        writeln!(page)?;
        self.stores.iter().try_for_each(|state| state.write(page))?;
        if self.root.is_some() {
            let hint = "with their own stores (Node, Python requests): devca run -- PROGRAM";
            writeln!(page, "{} {:WIDTH$}  {hint}", Mark::Skipped, "programs")?;
        }
        if self.problems.is_empty() {
            return writeln!(page, "\n{}", report::verdict(true, "no problems found"));
        }
        let count = self.problems.len();
        let noun = if count == 1 { "problem" } else { "problems" };
        writeln!(page, "\n{}", report::verdict(false, &format!("{count} {noun}")))?;
        self.write_problems(page)
    }

    fn write_problems(&self, page: &mut dyn Write) -> io::Result<()> {
        for finding in &self.problems {
            writeln!(page, "{}\n  fix: {}", report::hanging("  ", &finding.what), finding.hint)?;
        }
        Ok(())
    }

    fn is_complete(&self) -> bool {
        self.problems.is_empty()
    }
}
