//! `devca status`, the doctor: looks at everything, changes nothing.

use std::io::{self, Write};
use std::path::PathBuf;

use devca_platform::{Anchor, Found, Store};
use serde::Serialize;
use time::OffsetDateTime;

use super::Context;
use super::stores::{self, WIDTH};
use crate::ca::{self, Authority};
use crate::certificate;
use crate::certificate::CaCertificate;
use crate::cli;
use crate::constraints::Constraints;
use crate::error;
use crate::files;
use crate::inventory::Inventory;
use crate::key;
use crate::renewal::{self, State};
use crate::report::{self, Outcome};

/// A root is pointed out this many days before its end.
const EXPIRES_SOON: i64 = 60;

#[derive(Serialize)]
pub(super) struct Status {
    #[serde(skip_serializing_if = "Option::is_none")]
    root: Option<RootState>,
    stores: Vec<StoreState>,
    problems: Vec<Finding>,
}

#[derive(Serialize)]
struct RootState {
    path: PathBuf,
    name: String,
    sha256: String,
    #[serde(with = "time::serde::rfc3339")]
    not_after: OffsetDateTime,
    days_left: i64,
    key: PathBuf,
    /// The root has no key: an intermediate signs.
    sealed: bool,
    /// The key is encrypted.
    locked: bool,
    constrained: bool,
    constraints: Constraints,
}

#[derive(Serialize)]
struct StoreState {
    store: &'static str,
    place: String,
    word: Word,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// Other roots of local CAs that it trusts, by common name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    others: Vec<String>,
}

#[derive(Serialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Word {
    Holds,
    Lacks,
    HoldsAnother,
    CannotTell,
    LeftAlone,
}

#[derive(Serialize)]
struct Finding {
    what: String,
    hint: String,
}

pub(super) fn run(context: &Context, args: &cli::Status) -> anyhow::Result<Status> {
    if args.fix {
        fix(context)?;
    }
    let mut problems = Vec::new();
    let root = look_at_root(context, &mut problems);
    let host = stores::host(context, &args.stores)?;
    let anchor = root.as_ref().map(|root| stores::anchor(root, &context.folder.root()));
    let kinds = stores::kinds(&args.stores);
    let found = devca_platform::find(&host, &kinds);
    let states: Vec<StoreState> =
        found.iter().map(|found| look_at(found, anchor.as_ref(), &mut problems)).collect();
    let lacking: Vec<&str> = states
        .iter()
        .filter(|s| matches!(s.word, Word::Lacks | Word::HoldsAnother))
        .map(|s| s.store)
        .collect();
    if root.is_some() && !lacking.is_empty() {
        let what = if lacking.len() == 1 {
            "one store lacks the root".into()
        } else {
            format!("{} stores lack the root", lacking.len())
        };
        problems.push(Finding { what, hint: format!("devca{} install", context.folder.option()) });
    }
    problems.extend(root.as_ref().and_then(|root| outdated(context, root)));
    let state = root.map(|root| RootState {
        path: context.folder.root(),
        sha256: key::hex(&root.sha256()),
        not_after: root.validity.not_after,
        days_left: root.validity.days_left(context.now),
        key: ca::signing_key(&context.folder),
        sealed: ca::is_sealed(&context.folder),
        locked: ca::is_locked(&context.folder),
        constrained: !root.constraints.is_unconstrained(),
        constraints: root.constraints,
        name: root.common_name,
    });
    Ok(Status { root: state, stores: states, problems })
}

/// Certificates that a `rotate` cut short, or a file that it could not open, has left with the root before.
fn outdated(context: &Context, root: &CaCertificate) -> Option<Finding> {
    let inventory = Inventory::load(&context.folder.inventory()).ok()?;
    let revoked = inventory.revoked();
    let mut entries = inventory.in_use();
    let beginning = renewal::beginning(Some(root));
    entries.retain(|entry| {
        entry.issued < beginning
            && entry.not_after > context.now
            && !revoked.contains(&entry.serial)
            && renewal::glance(entry) == State::There
    });
    let what = match entries.as_slice() {
        [] => return None,
        [one] => format!("{} is of an earlier root", renewal::first(one).display()),
        [one, others @ ..] => {
            format!("{} and {} more are of an earlier root", renewal::first(one).display(), others.len())
        }
    };
    Some(Finding { what, hint: format!("devca{} renew --all", context.folder.option()) })
}

/// Keeps others out of what is private.
fn fix(context: &Context) -> anyhow::Result<()> {
    for (path, mode) in private(context) {
        if files::too_open(&path).is_some() {
            context.person.files().close(&path)?;
            context.report.note(format!("{} has mode {mode:04o} now", path.display()));
        }
    }
    Ok(())
}

/// What is wrong with root and key, each with what mends it.
fn look_at_root(context: &Context, problems: &mut Vec<Finding>) -> Option<CaCertificate> {
    let mut found = |what: String, hint: String| problems.push(Finding { what, hint });
    let root = match context.root() {
        Ok(root) => root,
        Err(e) => {
            found(format!("{e:#}"), error::hint(&e).to_owned());
            return None;
        }
    };
    // A certificate alone can be trusted here and sign elsewhere: a colleague's.
    if ca::signing_key(&context.folder).exists() {
        // A locked key is not asked for.
        if !ca::is_locked(&context.folder)
            && let Err(e) =
                Authority::load(&context.folder, &|path, der| context.unlock(path, der), context.now)
        {
            found(format!("{e:#}"), error::hint(&e).to_owned());
        }
    } else {
        let key = context.folder.root_key();
        found(
            format!("the root's key {} is missing: nothing can be signed", key.display()),
            "put the key back".into(),
        );
    }
    for (path, mode) in private(context) {
        if files::too_open(&path).is_some() {
            let what = format!("{} is open to others", path.display());
            found(
                what,
                format!(
                    "chmod {mode:o} {}, or: devca{} status --fix",
                    path.display(),
                    context.folder.option()
                ),
            );
        }
    }
    let left = root.validity.days_left(context.now);
    if (1..=EXPIRES_SOON).contains(&left) {
        let hint = format!("make a new one in time: devca{} rotate", context.folder.option());
        found(format!("the root expires in {left} days"), hint);
    }
    Some(root)
}

/// What others must not read, with the mode that keeps them out.
fn private(context: &Context) -> Vec<(PathBuf, u32)> {
    let folder = &context.folder;
    let keys = [folder.root_key(), folder.intermediate_key(), folder.inventory()];
    let keys = keys.into_iter().filter(|path| path.exists()).map(|path| (path, 0o600));
    keys.chain([(folder.path.clone(), 0o700)]).collect()
}

fn look_at(found: &Found, anchor: Option<&Anchor>, problems: &mut Vec<Finding>) -> StoreState {
    match found {
        Found::Store(store) => ask(&**store, anchor, problems),
        Found::Remark(remark) => {
            let word = if remark.is_failure { Word::CannotTell } else { Word::LeftAlone };
            if remark.is_failure {
                let what = format!("{}: {}", remark.place, remark.problem.why);
                problems.push(Finding { what, hint: remark.problem.hint.clone() });
            }
            let (store, place) = (remark.kind.name(), remark.place.clone());
            StoreState { store, place, word, why: Some(remark.problem.why.clone()), others: Vec::new() }
        }
    }
}

fn ask(store: &dyn Store, anchor: Option<&Anchor>, problems: &mut Vec<Finding>) -> StoreState {
    let mut state = StoreState {
        store: store.kind().name(),
        place: store.place(),
        word: Word::Lacks,
        why: None,
        others: Vec::new(),
    };
    let answer = anchor
        .map_or(Ok(false), |anchor| store.holds(anchor))
        .and_then(|holds| Ok((holds, store.certificates()?)));
    match answer {
        Err(problem) => {
            state.word = Word::CannotTell;
            problems.push(Finding { what: format!("{}: {}", state.place, problem.why), hint: problem.hint });
            state.why = Some(problem.why);
        }
        Ok((holds, certificates)) => {
            let others =
                certificates.into_iter().filter(|der| anchor.is_none_or(|anchor| anchor.der != *der));
            let locals: Vec<_> = others.filter_map(|der| certificate::local_ca(&der)).collect();
            let another = locals.iter().any(|local| local.is_devca);
            state.word = match (holds, another) {
                (true, _) => Word::Holds,
                (false, true) => Word::HoldsAnother,
                (false, false) => Word::Lacks,
            };
            state.others = locals.into_iter().map(|local| local.common_name).collect();
        }
    }
    state
}

impl Outcome for Status {
    fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        if let Some(root) = &self.root {
            writeln!(page, "{:WIDTH$}  {} ({})", "root", root.name, report::short(&root.path))?;
            writeln!(page, "{:WIDTH$}  {}, in {} days", "expires", root.not_after.date(), root.days_left)?;
            let key = match (root.sealed, root.locked) {
                (false, false) => "",
                (false, true) => ", locked with a passphrase",
                (true, false) => ", an intermediate's: the root is sealed",
                (true, true) => ", an intermediate's, locked with a passphrase: the root is sealed",
            };
            writeln!(page, "{:WIDTH$}  {}{key}", "key", report::short(&root.key))?;
            let list: Vec<String> = root.constraints.permitted.iter().map(ToString::to_string).collect();
            let names = if root.constrained {
                list.join(", ")
            } else {
                "any name: it carries no name constraints".into()
            };
            writeln!(page, "{:WIDTH$}  {names}", "permits")?;
        }
        for state in &self.stores {
            let word = match state.word {
                Word::Holds => report::verdict(true, "holds the root"),
                Word::Lacks => report::verdict(false, "lacks the root"),
                Word::HoldsAnother => report::verdict(false, "holds another devca root"),
                Word::CannotTell => report::verdict(false, "cannot tell"),
                Word::LeftAlone => "left alone".into(),
            };
            write!(page, "{:WIDTH$}  {}: {word}", state.store, state.place)?;
            if let Some(why) = &state.why {
                write!(page, ", since {why}")?;
            }
            if !state.others.is_empty() {
                write!(page, "; also trusts {}", state.others.join(", "))?;
            }
            writeln!(page)?;
        }
        for finding in &self.problems {
            writeln!(page, "{:WIDTH$}  {}\n{:WIDTH$}  hint: {}", "problem", finding.what, "", finding.hint)?;
        }
        if self.problems.is_empty() {
            writeln!(page, "{}", report::verdict(true, "all is well"))?;
        }
        Ok(())
    }

    fn is_complete(&self) -> bool {
        self.problems.is_empty()
    }
}
