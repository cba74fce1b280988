//! `devca status`, the doctor: looks at everything, changes nothing.

use std::io::{self, Write};
use std::path::PathBuf;

use devca_platform::{Anchor, Found, Store};
use serde::Serialize;
use time::OffsetDateTime;

use super::Context;
use super::permit;
use super::shared::bundles;
use super::stores::{self, HeldRoot, WIDTH};
use crate::ca::{self, Authority};
use crate::certificate::CaCertificate;
use crate::cli;
use crate::constraints::Constraints;
use crate::error;
use crate::files;
use crate::inventory::Inventory;
use crate::key;
use crate::renewal::{self, PresentRoot, State};
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
#[allow(clippy::struct_excessive_bools)] // each is a fact of its own
struct RootState {
    path: PathBuf,
    name: String,
    sha256: String,
    #[serde(with = "time::serde::rfc3339")]
    not_after: OffsetDateTime,
    days_left: crate::profile::DaysLeft,
    key: PathBuf,
    /// The root has no key: an intermediate signs.
    sealed: bool,
    /// The key is encrypted.
    locked: bool,
    /// Where its passphrase is.
    #[serde(skip_serializing_if = "Option::is_none")]
    passphrase: Option<Kept>,
    constrained: bool,
    /// It permits some addresses only, which BoringSSL takes for a reason to refuse all of them.
    constrains_addresses: bool,
    #[serde(skip)]
    shuts_out: Option<String>,
    /// Its certificate lets its key sign for TLS only, neither mail nor code.
    tls_only: bool,
    constraints: Constraints,
}

#[derive(Serialize, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
enum Kept {
    InKeyring,
    ByUser,
}

#[derive(Serialize)]
struct StoreState {
    store: &'static str,
    place: String,
    word: Word,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// Other roots of local CAs that it trusts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    others: Vec<HeldRoot>,
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
    let anchor = root.as_ref().map(stores::anchor);
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
    problems.extend(behind(context));
    problems.extend(root.iter().flat_map(|root| stale_bundles(context, root)));
    let state = root.map(|root| RootState {
        path: context.folder.root(),
        sha256: key::hex(&root.sha256()),
        not_after: root.validity.not_after,
        days_left: root.validity.days_left(context.now),
        key: ca::signing_key(&context.folder),
        sealed: ca::is_sealed(&context.folder),
        locked: ca::is_locked(&context.folder),
        passphrase: kept(context),
        constrained: !root.constraints.is_unconstrained(),
        constrains_addresses: root.constraints.constrain_addresses(),
        shuts_out: root.constraints.constrain_addresses().then(|| permit::shut_out(&context.folder)),
        tls_only: root.tls_only,
        constraints: root.constraints,
        name: root.common_name,
    });
    Ok(Status { root: state, stores: states, problems })
}

fn kept(context: &Context) -> Option<Kept> {
    match ca::keyring_item(&context.folder) {
        Some(_) => Some(Kept::InKeyring),
        None => ca::is_locked(&context.folder).then_some(Kept::ByUser),
    }
}

/// Certificates that a `rotate` cut short, or a file that it could not open, has left with the root before.
fn outdated(context: &Context, root: &CaCertificate) -> Option<Finding> {
    let inventory = Inventory::load(&context.folder.inventory()).ok()?;
    let revoked = inventory.revoked();
    let mut entries = inventory.in_use();
    let present = PresentRoot::new(Some(root), &context.folder);
    entries.retain(|entry| {
        !present.has_issued(entry)
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

/// Encrypted files that a renewal has left behind.
fn behind(context: &Context) -> Option<Finding> {
    let entries = Inventory::load(&context.folder.inventory()).ok()?.in_use();
    let entry = entries.iter().find(|entry| entry.outdated_files().next().is_some())?;
    let file = entry.outdated_files().next()?;
    let what = format!(
        "{} still contains the certificate before the last renewal, because its password was not known",
        file.path.display()
    );
    Some(Finding { what, hint: error::hint_of(&context.folder.option(), &renewal::with_password(entry)) })
}

/// Files that programs started with `devca env` still read.
fn stale_bundles(context: &Context, root: &CaCertificate) -> Vec<Finding> {
    let finding = |path: PathBuf| Finding {
        what: format!("{} does not trust the present root, or trusts an earlier one", path.display()),
        hint: format!("devca{} status --fix", context.folder.option()),
    };
    bundles::stale(context, root).into_iter().map(finding).collect()
}

/// Keeps others out of what is private, and brings the files of `devca env` up to date.
fn fix(context: &Context) -> anyhow::Result<()> {
    if let Ok(root) = context.root()
        && !bundles::stale(context, &root).is_empty()
    {
        let _lock = context.lock()?;
        bundles::refresh(context, Some(&context.root()?.der))?;
        context.report.note("the files that devca env prints have been updated");
    }
    for (path, mode) in private(context) {
        if files::too_open(&path).is_some() {
            files::restrict_permissions(&path)?;
            context.report.note(format!("{} has mode {mode:04o} now", path.display()));
        }
    }
    Ok(())
}

/// What is wrong with root and key, each with what mends it.
fn look_at_root(context: &Context, problems: &mut Vec<Finding>) -> Option<CaCertificate> {
    let mut found = |what: String, hint: String| problems.push(Finding { what, hint });
    if let Err(fault) = context.folder.refuse_unsafe() {
        found(fault.to_string(), fault.hint().to_owned());
        return None;
    }
    let root = match context.root() {
        Ok(root) => root,
        Err(e) => {
            found(format!("{e:#}"), error::hint(&e).to_owned());
            return None;
        }
    };
    if let Err(fault) = ca::refuse_early_clock(&root, context.now) {
        found(fault.to_string(), fault.hint().to_owned());
    } else if ca::signing_key(&context.folder).exists() {
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
            format!("put the key back, or replace the root: devca{} rotate", context.folder.option()),
        );
    }
    for (path, mode) in private(context) {
        if files::too_open(&path).is_some() {
            let what = format!("{} is open to others", path.display());
            found(
                what,
                format!(
                    "chmod {mode:o} {}, or: devca{} status --fix",
                    error::quoted(&path),
                    context.folder.option()
                ),
            );
        }
    }
    let left = root.validity.days_left(context.now);
    if !left.is_expired() && left.0 <= EXPIRES_SOON {
        let hint = format!("make a new one in time: devca{} rotate", context.folder.option());
        found(format!("the root expires {left}"), hint);
    }
    Some(root)
}

/// What others must not read, with the mode that keeps them out.
fn private(context: &Context) -> Vec<(PathBuf, u32)> {
    let folder = &context.folder;
    let keys = [folder.root_key(), folder.intermediate_key(), folder.inventory()];
    let keys = keys.into_iter().filter(|path| path.exists()).map(|path| (path, 0o600));
    // Whatever a link leads to is not the CA's: `refuse_unsafe` reports it.
    keys.chain([(folder.path.clone(), 0o700)]).filter(|(path, _)| !path.is_symlink()).collect()
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
        .and_then(|holds| Ok((holds, stores::local_roots(store)?)));
    match answer {
        Err(problem) => {
            state.word = Word::CannotTell;
            problems.push(Finding { what: format!("{}: {}", state.place, problem.why), hint: problem.hint });
            state.why = Some(problem.why);
        }
        Ok((holds, mut others)) => {
            others.retain(|root| !anchor.is_some_and(|anchor| root.is(&anchor.der)));
            let another = others.iter().any(HeldRoot::is_devca);
            state.word = match (holds, another) {
                (true, _) => Word::Holds,
                (false, true) => Word::HoldsAnother,
                (false, false) => Word::Lacks,
            };
            state.others = others;
        }
    }
    state
}

impl RootState {
    /// What the root may sign for, and what follows from that.
    fn write_limits(&self, page: &mut dyn Write) -> io::Result<()> {
        let list: Vec<String> = self.constraints.permitted.iter().map(ToString::to_string).collect();
        let names = match (self.constrained, self.constrains_addresses) {
            (false, _) => "any name: it has no name constraints".into(),
            (true, false) => format!("{}, any address", list.join(", ")),
            (true, true) => list.join(", "),
        };
        writeln!(page, "{:WIDTH$}  {names}", "permits")?;
        if let Some(note) = &self.shuts_out {
            writeln!(page, "{:WIDTH$}  {note}", "note")?;
        }
        let uses =
            if self.tls_only { "TLS servers and clients" } else { "any purpose, mail and code included" };
        writeln!(page, "{:WIDTH$}  {uses}", "for")
    }
}

impl Outcome for Status {
    fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        if let Some(root) = &self.root {
            writeln!(page, "{:WIDTH$}  {} ({})", "root", root.name, report::short(&root.path))?;
            writeln!(page, "{:WIDTH$}  {}, {}", "expires", root.not_after.date(), root.days_left)?;
            let sealed = if root.sealed { ", the intermediate's: the root is sealed" } else { "" };
            let passphrase = match root.passphrase {
                None => "not encrypted",
                Some(Kept::InKeyring) => "encrypted, passphrase in the system's keyring",
                Some(Kept::ByUser) => "encrypted, passphrase known to you",
            };
            writeln!(page, "{:WIDTH$}  {}{sealed}; {passphrase}", "key", report::short(&root.key))?;
            root.write_limits(page)?;
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
                let names: Vec<_> = state.others.iter().map(HeldRoot::name).collect();
                write!(page, "; also trusts {}", names.join(", "))?;
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
