//! `devca rotate`: creates a new root with a new key, and renews every certificate in place.

use std::io::{self, Write};
use std::path::PathBuf;

use serde::Serialize;

use super::Context;
use super::permit;
use super::renew::{self, How};
use crate::ca::key_file;
use crate::ca::passphrase::{CaPassphrase, VARIABLE};
use crate::ca::{self, Authority, Draft};
use crate::cli;
use crate::command::shared::bundles;
use crate::command::shared::reissued::Reissued;
use crate::command::shared::stores::{self, StoreLine, WIDTH};
use crate::disk::files::NewFile;
use crate::disk::secret::Secret;
use crate::error::Fault;
use crate::issued::inventory::{Entry, Inventory};
use crate::issued::presence::{self, OldKey, Sorted};
use crate::issued::renewal;
use crate::report::{self, Mark, Outcome};
use crate::x509::certificate::CaCertificate;
use crate::x509::constraints::Constraints;
use crate::x509::pem;
use crate::x509::policy;
use crate::x509::subtree::Subtree;

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Rotated {
    root: PathBuf,
    name: String,
    sha256: String,
    sealed: bool,
    stores: Vec<StoreLine>,
    #[serde(flatten)]
    reissued: Reissued,
}

pub(super) fn run(context: &Context, args: &cli::Rotate) -> anyhow::Result<Rotated> {
    let password = args.password.read()?;
    if !args.yes && context.report.ask(&question(context)) == Some(false) {
        return Err(Fault::new(
            "nothing was changed",
            "to replace the root without being asked: devca rotate --yes",
        )
        .into());
    }
    let lock = context.lock()?;
    let old = context.root()?;
    let sealed = args.sealed || ca::is_sealed(&context.folder);
    let item = ca::keyring_item(&context.folder);
    let constrained_addresses = old.constraints.constrain_addresses();
    let constraints = if args.constrained && old.constraints.permit_any_host() {
        policy::default_constraints(Some(&super::host_name()), &args.permit, false)
    } else {
        refuse_to_permit(&old.constraints, &args.permit)?;
        old.constraints
    };
    let passphrase = passphrase(context)?;
    let made = passphrase.as_ref().and_then(|passphrase| passphrase.item().cloned());
    let authority = replace_root(context, &constraints, sealed, passphrase);
    context.delete_unused([item, made].into_iter().flatten());
    let authority = authority?;
    let stores = stores::replace(context, &args.stores, &authority.root)?;
    let reissued = reissue(context, &authority, password)?;
    drop(lock);
    context.report.note(OUT_OF_REACH);
    if authority.root.constraints.constrain_addresses() && !constrained_addresses {
        context.report.note(permit::shut_out(&context.folder));
    }
    Ok(Rotated {
        root: context.folder.root(),
        sha256: hex::encode(authority.root.sha256()),
        name: authority.root.common_name,
        sealed,
        stores,
        reissued,
    })
}

/// The question on a terminal before the root is replaced.
fn question(context: &Context) -> String {
    let count = Inventory::load(&context.folder.inventory()).map_or(0, |inventory| inventory.in_use().len());
    let noun = if count == 1 { "certificate" } else { "certificates" };
    format!(
        "Replace the root and reissue {count} {noun}? Phones, containers and others that trust the old root will not \
         trust the new one."
    )
}

/// Refuses to permit more names: a root that already has constraints keeps them.
fn refuse_to_permit(present: &Constraints, names: &[Subtree]) -> Result<(), Fault> {
    match names.iter().find(|name| !present.permitted.contains(name)) {
        None => Ok(()),
        Some(name) => Err(Fault::new(
            "this root is already constrained, and rotate keeps its list",
            format!("change the list first: devca permit {name}"),
        )),
    }
}

/// Files and stores that devca cannot update.
const OUT_OF_REACH: &str = "phones, containers, other machines and users, and --sysroot trees still have the old root: replace it there";

/// The passphrase for the new key, which is encrypted if the old one is. The old passphrase is not needed.
fn passphrase(context: &Context) -> anyhow::Result<Option<CaPassphrase>> {
    let path = ca::signing_key(&context.folder);
    if path.symlink_metadata().is_err() {
        return Ok(None);
    }
    // An unreadable key or a lost passphrase is a reason to rotate, so do not refuse because of it.
    match key_file::read(&path) {
        Ok(key_file::KeyFile::Locked(key)) if key.item.is_some() && std::env::var_os(VARIABLE).is_none() => {
            let hint = format!("put a passphrase into a file: export {VARIABLE}=…");
            context.passphrase_in_keyring(&hint).map(Some)
        }
        Ok(key_file::KeyFile::Locked(_)) => context.new_passphrase().map(Some),
        _ => Ok(None),
    }
}

/// Creates a CA in place of the existing one, whose root is recorded. The caller holds the lock.
pub(super) fn replace_root(
    context: &Context,
    constraints: &Constraints,
    sealed: bool,
    passphrase: Option<CaPassphrase>,
) -> anyhow::Result<Authority> {
    let folder = &context.folder;
    let draft = Draft { common_name: &context.root_name(), constraints, sealed, passphrase };
    let authority = Authority::draft(&draft, context.now)?;
    let mut files = authority.files(folder)?;
    files.push(NewFile::public(folder.earlier(), earlier(context)));
    files.extend(bundles::rewritten(context, Some(&authority.root.der))?);
    // These files belong only to the old root.
    let all = [folder.root_key(), folder.intermediate_key(), folder.intermediate(), folder.root_crl()];
    let gone: Vec<PathBuf> = all
        .into_iter()
        .filter(|path| path.exists() && !files.iter().any(|file| file.path == *path))
        .collect();
    context.person.files().exchange(&folder.path, &files, &gone)?;
    context.person.files().remove_leftovers(&folder.path)?;
    Ok(authority)
}

/// All roots that this CA has had, including the current one, in PEM.
pub(super) fn earlier(context: &Context) -> Vec<u8> {
    let mut known = pem::certificates(&context.folder.earlier());
    known.extend(CaCertificate::load(&context.folder.root()).map(|root| root.der));
    known.iter().flat_map(|der| pem::certificate(der)).collect()
}

/// Renews certificates in use that were not issued by the current root, and updates what was exported. The
/// caller holds the lock.
pub(super) fn reissue(
    context: &Context,
    authority: &Authority,
    password: Option<Secret>,
) -> anyhow::Result<Reissued> {
    reissue_if(context, authority, password, &|entry| !renewal::is_of(entry, authority))
}

/// Does the same after a change that keeps the root's key: only files are due that include the root itself, or an
/// intermediate, which repeats the root's constraints.
pub(super) fn update(
    context: &Context,
    authority: &Authority,
    password: Option<Secret>,
) -> anyhow::Result<Reissued> {
    reissue_if(context, authority, password, &|entry| {
        entry.intermediate || !entry.includes_only(&authority.root)
    })
}

fn reissue_if(
    context: &Context,
    authority: &Authority,
    password: Option<Secret>,
    has_another_root: &dyn Fn(&Entry) -> bool,
) -> anyhow::Result<Reissued> {
    let inventory = Inventory::load(&context.folder.inventory())?;
    let revoked = inventory.revoked();
    let is_due = |entry: &Entry| {
        let is_outdated = password.is_some() && entry.outdated_files().next().is_some();
        entry.not_after > context.now
            && !revoked.contains(&entry.serial)
            && (is_outdated || has_another_root(entry))
    };
    let mut entries = inventory.in_use();
    entries.retain(is_due);
    let Sorted { renewable: due, others, lost } = presence::sorted(entries, OldKey::Needed);
    let how = How { password, new_key: false, days: None };
    let mut outcome = renew::again(context, authority, &due, how, &mut |_| ())?;
    outcome.record_skipped(others, |_, _| false);
    outcome.record_lost(context, lost);
    outcome.update_exports(context, &authority.root);
    outcome.adapt_hints(context);
    Ok(outcome)
}

impl Outcome for Rotated {
    fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        writeln!(page, "{} {:WIDTH$}  {}: replaced", Mark::Good, "root", self.name)?;
        writeln!(page, "  {:WIDTH$}  {}", "", report::tilde(&self.root))?;
        stores::write(page, &self.stores, "trusts the new root", "already trusted")?;
        self.reissued.write_lines(page)
    }

    fn is_complete(&self) -> bool {
        stores::all_done(&self.stores) && self.reissued.is_done()
    }
}
