//! The root of a CA and its key in the report of `devca status`.

use std::io::{self, Write};
use std::path::PathBuf;

use serde::Serialize;
use time::OffsetDateTime;

use super::StatusProblem;
use crate::ca::{self, Authority};
use crate::command::shared::stores::WIDTH;
use crate::command::{Context, host_name, permit};
use crate::disk::files;
use crate::error::{self, CaOption};
use crate::report;
use crate::x509::certificate::CaCertificate;
use crate::x509::constraints::Constraints;
use crate::x509::policy;
use crate::x509::subtree::Subtree;
use crate::x509::validity::DaysLeft;

/// How many days before its expiry a root is reported.
const EXPIRES_SOON: i64 = 60;

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[allow(clippy::struct_excessive_bools)] // independent facts
pub(super) struct RootState {
    path: PathBuf,
    name: String,
    sha256: String,
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(test, schemars(with = "String", extend("format" = "date-time")))]
    not_after: OffsetDateTime,
    days_left: DaysLeft,
    key: PathBuf,
    /// Whether the root has no key, and an intermediate signs.
    sealed: bool,
    /// Whether the key is encrypted.
    locked: bool,
    /// Where the passphrase is stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    passphrase: Option<Kept>,
    constrained: bool,
    /// Whether it permits only some addresses, which makes BoringSSL reject all of them.
    constrains_addresses: bool,
    #[serde(skip)]
    shuts_out: Option<String>,
    /// The option that selects the CA in the commands of hints.
    #[serde(skip)]
    ca: CaOption,
    /// Whether the root's certificate limits its key to TLS, excluding email and code signing.
    tls_only: bool,
    constraints: Constraints,
}

#[derive(Serialize, Clone, Copy)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
enum Kept {
    InKeyring,
    ByUser,
}

fn kept(context: &Context) -> Option<Kept> {
    match ca::keyring_item(&context.folder) {
        Some(_) => Some(Kept::InKeyring),
        None => ca::is_locked(&context.folder).then_some(Kept::ByUser),
    }
}

/// Reports problems with root and key, and how to fix them.
pub(super) fn look_at(context: &Context, problems: &mut Vec<StatusProblem>) -> Option<CaCertificate> {
    let mut found = |what: String, hint: String| problems.push(StatusProblem { what, hint });
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
        // Do not ask for the passphrase of a locked key.
        if !ca::is_locked(&context.folder)
            && let Err(e) =
                Authority::load(&context.folder, &|path, der| context.unlock(path, der), context.now)
        {
            found(format!("{e:#}"), error::hint(&e).to_owned());
        }
    } else {
        let key = ca::signing_key(&context.folder);
        found(
            ca::missing_key(&key, ca::is_sealed(&context.folder)),
            "restore the key, or replace the root: devca rotate".into(),
        );
    }
    for (path, mode) in private(context) {
        if files::too_open(&path).is_some() {
            let what = format!("{} is accessible to other users", path.display());
            found(what, format!("chmod {mode:o} {}, or: devca status --fix", error::quoted(&path)));
        }
    }
    let left = root.validity.days_left(context.now);
    if !left.is_expired() && left.0 <= EXPIRES_SOON {
        found(format!("the root expires {left}"), "replace it in time: devca rotate".into());
    }
    Some(root)
}

/// The private files with the modes that they should have.
pub(super) fn private(context: &Context) -> Vec<(PathBuf, u32)> {
    let folder = &context.folder;
    let keys = [folder.root_key(), folder.intermediate_key(), folder.inventory()];
    let keys = keys.into_iter().filter(|path| path.exists()).map(|path| (path, 0o600));
    // A folder without a CA, or one that is shared like /tmp, is not the CA's own.
    let own = (ca::exists(folder) || folder.root_key().exists()) && !files::is_shared(&folder.path);
    // The target of a link is not the CA's; `refuse_unsafe` reports the link.
    keys.chain(own.then(|| (folder.path.clone(), 0o700))).filter(|(path, _)| !path.is_symlink()).collect()
}

impl RootState {
    pub(super) fn new(context: &Context, root: CaCertificate) -> Self {
        let folder = &context.folder;
        Self {
            path: folder.root(),
            sha256: hex::encode(root.sha256()),
            not_after: root.validity.not_after,
            days_left: root.validity.days_left(context.now),
            key: ca::signing_key(folder),
            sealed: ca::is_sealed(folder),
            locked: ca::is_locked(folder),
            passphrase: kept(context),
            constrained: !root.constraints.is_unconstrained(),
            constrains_addresses: root.constraints.constrain_addresses(),
            shuts_out: root.constraints.constrain_addresses().then(|| permit::shut_out(folder)),
            ca: folder.option(),
            tls_only: root.tls_only,
            constraints: root.constraints,
            name: root.common_name,
        }
    }

    pub(super) fn write(&self, page: &mut dyn Write) -> io::Result<()> {
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

    /// What the root may sign for: by kind, as far as it is what every root may sign for.
    fn permits(&self) -> String {
        if !self.constrained {
            return "any name, because it has no name constraints".into();
        }
        if self.constraints.permit_any_host() {
            return format!("any host name; see {}", self.ca.hint("devca permit --list"));
        }
        let (networks, names): (Vec<&Subtree>, Vec<&Subtree>) =
            self.constraints.permitted.iter().partition(|subtree| subtree.is_network());
        let usual = policy::default_constraints(Some(&host_name()), &[], true).permitted;
        let names = summary(&names, &policy::development_names(), &usual, "development names");
        let private: Vec<Subtree> = policy::private_networks().collect();
        let addresses = if self.constrains_addresses {
            summary(&networks, &private, &private, "private addresses")
        } else {
            "any address".into()
        };
        format!("{names}; {addresses} ({})", self.ca.hint("devca permit --list"))
    }
}

/// Lists subtrees; if all that belong to this group are among them, those that are usual are called by its name.
fn summary(permitted: &[&Subtree], group: &[Subtree], usual: &[Subtree], name: &str) -> String {
    const SHOWN: usize = 8;
    let has_group = group.iter().all(|subtree| permitted.contains(&subtree));
    let own = permitted.iter().filter(|subtree| !(has_group && usual.contains(subtree)));
    let mut own: Vec<String> = own.map(ToString::to_string).collect();
    if own.len() > SHOWN {
        let more = format!("and {} more", own.len() - SHOWN);
        own.splice(SHOWN.., [more]);
    }
    let own = own.join(", ");
    match (has_group, own.is_empty()) {
        (true, true) => name.into(),
        (true, false) => format!("{name}, and {own}"),
        (false, _) => own,
    }
}
