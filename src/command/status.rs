//! `devca status`, the doctor: looks at everything, changes nothing.

use std::io::{self, Write};
use std::path::PathBuf;

use devca_platform::{Anchor, Found, Store};
use serde::Serialize;
use time::OffsetDateTime;

use super::Context;
use super::permit;
use crate::ca::{self, Authority};
use crate::cli;
use crate::command::shared::anchor;
use crate::command::shared::bundles;
use crate::command::shared::held::{self, HeldRoot};
use crate::command::shared::stores::{self, WIDTH};
use crate::disk::files;
use crate::error;
use crate::issued::inventory::{self, Inventory};
use crate::issued::renewal::{self, PresentRoot, State};
use crate::report::{self, Mark, Outcome};
use crate::x509::certificate::CaCertificate;
use crate::x509::constraints::Constraints;
use crate::x509::key;
use crate::x509::policy;

/// A root is pointed out this many days before its end.
const EXPIRES_SOON: i64 = 60;

#[derive(Serialize)]
pub(super) struct Status {
    #[serde(skip_serializing_if = "Option::is_none")]
    root: Option<RootState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issued: Option<Issued>,
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
    days_left: crate::x509::validity::DaysLeft,
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
    /// The options that choose the CA, for a command in a hint.
    #[serde(skip)]
    option: String,
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
    let anchor = root.as_ref().map(anchor::of);
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
            "one store does not trust the root".into()
        } else {
            format!("{} stores do not trust the root", lacking.len())
        };
        problems.push(Finding { what, hint: format!("devca{} install", context.folder.option()) });
    }
    problems.extend(root.as_ref().and_then(|root| outdated(context, root)));
    problems.extend(behind(context));
    problems.extend(damaged_inventory(context));
    problems.extend(root.iter().flat_map(|root| stale_bundles(context, root)));
    let issued = Issued::count(context, root.as_ref());
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
        option: context.folder.option(),
        tls_only: root.tls_only,
        constraints: root.constraints,
        name: root.common_name,
    });
    Ok(Status { root: state, issued, stores: states, problems })
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
        [one] => format!("{} was issued by an earlier root", renewal::first(one).display()),
        [one, others @ ..] => {
            format!(
                "{} and {} more were issued by an earlier root",
                renewal::first(one).display(),
                others.len()
            )
        }
    };
    Some(Finding { what, hint: format!("devca{} renew --all", context.folder.option()) })
}

fn damaged_inventory(context: &Context) -> Option<Finding> {
    let path = context.folder.inventory();
    let fault = match Inventory::load(&path) {
        Ok(inventory) => inventory::damage(&path, inventory.unreadable)?,
        Err(e) => return Some(Finding { what: format!("{e:#}"), hint: error::hint(&e).to_owned() }),
    };
    Some(Finding { what: fault.to_string(), hint: fault.hint().to_owned() })
}

/// Encrypted files that a renewal has left behind.
fn behind(context: &Context) -> Option<Finding> {
    let entries = Inventory::load(&context.folder.inventory()).ok()?.in_use();
    let entry = entries.iter().find(|entry| entry.outdated_files().next().is_some())?;
    let file = entry.outdated_files().next()?;
    let what = format!(
        "{} still contains the certificate before the last renewal, because its password was unknown",
        file.path.display()
    );
    Some(Finding { what, hint: error::hint_of(&context.folder.option(), &renewal::with_password(entry)) })
}

/// Files that programs started with `devca env` still read.
fn stale_bundles(context: &Context, root: &CaCertificate) -> Vec<Finding> {
    let finding = |path: PathBuf| Finding {
        what: format!("{} does not have the current root, or has an earlier one", path.display()),
        hint: format!("devca{} status --fix", context.folder.option()),
    };
    bundles::stale(context, root).into_iter().map(finding).collect()
}

/// Keeps others out of what is private, and brings the files of `devca env` up to date.
fn fix(context: &Context) -> anyhow::Result<()> {
    // A folder of somebody else's, or one that others could have exchanged, is reported and left as it is.
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
    for (path, mode) in private(context) {
        if files::too_open(&path).is_some() {
            files::restrict_permissions(&path)?;
            context.report.note(format!("changed the mode of {} to {mode:04o}", path.display()));
        }
    }
    Ok(())
}

/// What is wrong with root and key, each with what fixes it.
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
            format!("the root's key is missing, so nothing can be signed: {}", key.display()),
            format!("restore the key, or replace the root: devca{} rotate", context.folder.option()),
        );
    }
    for (path, mode) in private(context) {
        if files::too_open(&path).is_some() {
            let what = format!("{} is accessible to other users", path.display());
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
        let hint = format!("replace it in time: devca{} rotate", context.folder.option());
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
        .and_then(|holds| Ok((holds, held::local_roots(store)?)));
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
    fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        let row = |page: &mut dyn Write, label: &str, value: &str| writeln!(page, "{label:WIDTH$}  {value}");
        row(page, "root", &format!("{}, expires {}, {}", self.name, self.not_after.date(), self.days_left))?;
        row(page, "", &report::tilde(&self.path))?;
        let sealed = if self.sealed { ", the intermediate's: the root is sealed" } else { "" };
        let passphrase = match self.passphrase {
            None if !self.key.exists() => "missing",
            None => "not encrypted",
            Some(Kept::InKeyring) => "encrypted, passphrase in the system's keyring",
            Some(Kept::ByUser) => "encrypted with a passphrase",
        };
        row(page, "key", &format!("{}{sealed}; {passphrase}", report::tilde(&self.key)))?;
        row(page, "permits", &self.permits())?;
        if !self.tls_only {
            row(page, "for", "any purpose, including mail and code signing")?;
        }
        self.shuts_out.iter().try_for_each(|note| row(page, "note", note))
    }

    /// What the root may sign for. The names that every root may sign for are not listed.
    fn permits(&self) -> String {
        if !self.constrained {
            return "any name, because it has no name constraints".into();
        }
        let usual = policy::default_constraints(Some(&super::host_name()), &[], true).permitted;
        let own: Vec<String> = self
            .constraints
            .permitted
            .iter()
            .filter(|subtree| !usual.contains(subtree))
            .map(ToString::to_string)
            .collect();
        let and = if own.is_empty() { String::new() } else { format!(", and {}", own.join(", ")) };
        let addresses = if self.constrains_addresses { "private addresses" } else { "any address" };
        format!("development names{and}; {addresses} (devca{} permit --list)", self.option)
    }
}

impl Outcome for Status {
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
            let hint = "Node, Python requests and others have their own stores: devca run -- PROGRAM";
            writeln!(page, "{} {:WIDTH$}  {hint}", Mark::Skipped, "programs")?;
        }
        if self.problems.is_empty() {
            return writeln!(page, "\n{}", report::verdict(true, "all is well"));
        }
        let count = self.problems.len();
        let noun = if count == 1 { "problem" } else { "problems" };
        writeln!(page, "\n{}", report::verdict(false, &format!("{count} {noun}")))?;
        for finding in &self.problems {
            writeln!(page, "  {}\n  fix: {}", finding.what, finding.hint)?;
        }
        Ok(())
    }

    fn is_complete(&self) -> bool {
        self.problems.is_empty()
    }
}

impl StoreState {
    fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        let (mark, word) = match self.word {
            Word::Holds => (Mark::Good, "trusted"),
            Word::Lacks => (Mark::Bad, "not trusted"),
            Word::HoldsAnother => (Mark::Bad, "not trusted, but another devca root is"),
            Word::CannotTell => (Mark::Bad, "cannot be read"),
            Word::LeftAlone => (Mark::Skipped, "skipped"),
        };
        write!(page, "{mark} {:WIDTH$}  {}: {word}", self.store, self.place)?;
        if let Some(why) = &self.why {
            write!(page, ": {why}")?;
        }
        if !self.others.is_empty() {
            let names: Vec<_> = self.others.iter().map(HeldRoot::name).collect();
            write!(page, "; also trusts {}", names.join(", "))?;
        }
        writeln!(page)
    }
}

/// How many certificates are in use, and how many of them are in which state.
#[derive(Serialize, Default)]
struct Issued {
    good: usize,
    expiring: usize,
    expired: usize,
    old_root: usize,
}

impl Issued {
    /// `None` where there is no inventory that can be read.
    fn count(context: &Context, root: Option<&CaCertificate>) -> Option<Self> {
        let inventory = Inventory::load(&context.folder.inventory()).ok()?;
        let revoked = inventory.revoked();
        let present = PresentRoot::new(root, &context.folder);
        let soon = context.now + time::Duration::days(policy::RENEW_WITHIN_DAYS);
        let mut issued = Self::default();
        for entry in inventory.in_use() {
            if revoked.contains(&entry.serial) || renewal::glance(&entry) != State::There {
                continue;
            }
            *match entry.not_after {
                end if end < context.now => &mut issued.expired,
                _ if !present.has_issued(&entry) => &mut issued.old_root,
                end if end < soon => &mut issued.expiring,
                _ => &mut issued.good,
            } += 1;
        }
        Some(issued)
    }
}

impl std::fmt::Display for Issued {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let all = [
            (self.good, "good"),
            (self.expiring, "expiring"),
            (self.expired, "expired"),
            (self.old_root, "from an earlier root"),
        ];
        let total: usize = all.iter().map(|(count, _)| count).sum();
        let noun = if total == 1 { "certificate" } else { "certificates" };
        write!(f, "{total} {noun}")?;
        let parts =
            all.iter().filter(|(count, _)| *count > 0).map(|(count, state)| format!("{count} {state}"));
        let parts: Vec<String> = parts.collect();
        if parts.is_empty() { Ok(()) } else { write!(f, ": {}", parts.join(", ")) }
    }
}
