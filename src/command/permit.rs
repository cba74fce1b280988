//! `devca permit`: changes the names that the root may sign for. The key does not change, and neither do the
//! certificates it has signed.

use std::io::{self, Write};

use serde::Serialize;

use super::Context;
use super::rotate;
use crate::ca::Authority;
use crate::cli;
use crate::command::shared::bundles;
use crate::command::shared::reissued::Reissued;
use crate::command::shared::stores::{self, StoreLine, WIDTH};
use crate::disk::files::NewFile;
use crate::disk::home::CaFolder;
use crate::disk::secret::Secret;
use crate::error::Fault;
use crate::issued::inventory::Inventory;
use crate::issued::presence;
use crate::report::{Mark, Outcome};
use crate::x509::certificate::CaCertificate;
use crate::x509::constraints::Constraints;
use crate::x509::name::Name;
use crate::x509::pem;
use crate::x509::policy;
use crate::x509::subtree::Subtree;

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Permitted {
    #[serde(rename = "permitted")]
    #[cfg_attr(test, schemars(with = "Vec<String>"))]
    list: Vec<Subtree>,
    #[cfg_attr(test, schemars(with = "Vec<String>"))]
    changed: Vec<Subtree>,
    stores: Vec<StoreLine>,
    /// What was updated to the new root: files that include it and, for a sealed CA, all certificates.
    #[serde(skip_serializing_if = "Option::is_none")]
    reissued: Option<Reissued>,
    #[serde(skip)]
    removes: bool,
    #[serde(skip)]
    lists: bool,
    /// Whether all addresses are now permitted.
    frees_addresses: bool,
}

/// The clients that reject a root with constraints on addresses.
pub(super) fn shut_out(folder: &CaFolder) -> String {
    let what = "BoringSSL (Bun, gRPC, Electron, Envoy, Dart, workerd) rejects certificates with addresses, because this root \
                constrains addresses";
    folder.hint(&format!("{what}; to change that: devca permit --no-constrain-addresses"))
}

pub(super) fn run(context: &Context, args: &cli::Permit) -> anyhow::Result<Permitted> {
    let root = context.root()?;
    if root.constraints.is_unconstrained() {
        let what = "this root may already sign for any name: it has no name constraints";
        return Err(Fault::new(what, "replace it with a limited one: devca rotate --constrained").into());
    }
    if args.list {
        return Ok(Permitted::none(root.constraints.permitted, args));
    }
    let password = args.password.read()?;
    let lock = context.lock()?;
    let old = context.root()?.constraints;
    let (new, changed) = change(&old, args)?;
    if changed.is_empty() {
        // An interrupted change of a sealed CA may have left certificates of the previous root.
        let (root, sealed) = (context.root()?, crate::ca::is_sealed(&context.folder));
        let mut nothing = Permitted::none(old.permitted, args);
        if sealed && context.folder.earlier().exists() {
            nothing.stores = stores::replace(context, &args.stores, &root)?;
            nothing.reissued = Some(rotate::reissue(context, &context.authority()?, password)?);
        }
        return Ok(nothing);
    }
    let authority = context.authority()?;
    let is_sealed = authority.is_sealed;
    let Widened { root, stores, reissued } = permit(context, authority, &new, &args.stores, password)?;
    drop(lock);
    if !is_sealed {
        warn_of_what_is_outside(context, &old, &root.constraints);
    }
    // Removing the last range that was added leaves the private ones, which were added with it.
    let has_ranges = changed.iter().any(Subtree::is_network) || !old.constrain_addresses();
    if root.constraints.constrain_addresses() && has_ranges {
        context.report.note(shut_out(&context.folder));
    }
    let list = root.constraints.permitted;
    let frees_addresses = args.no_constrain_addresses;
    Ok(Permitted { list, changed, stores, reissued, removes: args.remove, lists: false, frees_addresses })
}

/// Warns about certificates for names that are no longer permitted, which clients now reject.
fn warn_of_what_is_outside(context: &Context, old: &Constraints, new: &Constraints) {
    let Ok(inventory) = Inventory::load(&context.folder.inventory()) else { return };
    let is_outside =
        |name: &String| Name::parse(name).is_ok_and(|name| old.permit(&name) && !new.permit(&name));
    let mut entries = inventory.in_use();
    entries.retain(|entry| entry.not_after > context.now && entry.names.iter().any(is_outside));
    let note = match entries.as_slice() {
        [] => return,
        [one] => format!("clients will now reject {}", presence::first(one).display()),
        [one, others @ ..] => {
            format!("clients will now reject {} and {} more", presence::first(one).display(), others.len())
        }
    };
    context.report.note(format!("{note}: the root does not permit one of its names"));
}

/// The result of a change.
pub(super) struct Widened {
    root: CaCertificate,
    pub(super) stores: Vec<StoreLine>,
    pub(super) reissued: Option<Reissued>,
}

/// Signs the root again, records the old root, and replaces it in its files and in the stores that contain
/// it. The caller holds the lock.
///
/// A sealed root cannot be signed again, so it is replaced by a new one, and its certificates are issued
/// again.
pub(super) fn permit(
    context: &Context,
    authority: Authority,
    new: &Constraints,
    options: &cli::Stores,
    password: Option<Secret>,
) -> anyhow::Result<Widened> {
    if authority.is_sealed {
        let authority = rotate::replace_root(context, new, true, authority.passphrase().cloned())?;
        let stores = stores::replace(context, options, &authority.root)?;
        let reissued = Some(rotate::reissue(context, &authority, password)?);
        return Ok(Widened { root: authority.root, stores, reissued });
    }
    let folder = &context.folder;
    let earlier = rotate::earlier(context);
    let authority = authority.permitting(new)?;
    let root = authority.root.clone();
    let mut files = vec![
        NewFile::public(folder.earlier(), earlier),
        NewFile::public(folder.root(), pem::certificate(&root.der)),
    ];
    files.extend(bundles::rewritten(context, Some(&root.der))?);
    context.person.files().exchange(&folder.path, &files, &[])?;
    let stores = stores::replace(context, options, &root)?;
    let reissued = Some(rotate::update(context, &authority, password)?);
    Ok(Widened { root, stores, reissued })
}

/// The requested constraints, and the subtrees that differ.
fn change(old: &Constraints, args: &cli::Permit) -> Result<(Constraints, Vec<Subtree>), Fault> {
    let mut new = old.clone();
    let mut changed = Vec::new();
    if args.no_constrain_addresses {
        for list in [&mut new.permitted, &mut new.excluded] {
            changed.extend(list.extract_if(.., |subtree| subtree.is_network()));
        }
        if new.permit_any_host() {
            let what =
                "without limits on addresses, this root may sign for anything: it permits every host name";
            return Err(Fault::new(what, "replace it with a limited one: devca rotate --constrained"));
        }
        return Ok((new, changed));
    }
    if args.remove {
        for subtree in &args.names {
            let Some(at) = new.permitted.iter().position(|known| known == subtree) else {
                let what = format!("{subtree} is not on the list");
                return Err(Fault::new(what, "show the list: devca permit --list"));
            };
            changed.push(new.permitted.remove(at));
        }
        return refuse_to_permit_all(&new, &changed).map(|()| (new, changed));
    }
    // If only the requested range were permitted, clients would reject 127.0.0.1.
    let constrains = args.constrain_addresses || args.names.iter().any(Subtree::is_network);
    let networks = policy::private_networks().filter(|_| constrains && !old.constrain_addresses());
    args.names.iter().try_for_each(Subtree::refuse_if_too_wide)?;
    for subtree in networks.chain(args.names.iter().cloned()) {
        if new.add(subtree.clone()) {
            changed.push(subtree);
        }
    }
    Ok((new, changed))
}

/// Refuses to remove the last domain or address, because then all of them would be permitted (RFC 5280
/// §4.2.1.10).
fn refuse_to_permit_all(new: &Constraints, removed: &[Subtree]) -> Result<(), Fault> {
    let lacks = |networks: bool| {
        let of_type = |subtree: &&Subtree| subtree.is_network() == networks;
        removed.iter().any(|subtree| of_type(&subtree))
            && !new.permitted.iter().any(|subtree| of_type(&subtree))
    };
    if lacks(false) {
        let what = "one domain must remain: without any, every name would be permitted";
        return Err(Fault::new(what, "keep localhost"));
    }
    if lacks(true) {
        let what = "one address range must remain: without any, every address would be permitted";
        let hint = "if that is what you want: devca permit --no-constrain-addresses";
        return Err(Fault::new(what, hint));
    }
    Ok(())
}

impl Permitted {
    fn none(list: Vec<Subtree>, args: &cli::Permit) -> Self {
        let (changed, stores) = (Vec::new(), Vec::new());
        let frees_addresses = args.no_constrain_addresses;
        Self {
            list,
            changed,
            stores,
            reissued: None,
            removes: args.remove,
            lists: args.list,
            frees_addresses,
        }
    }
}

impl Outcome for Permitted {
    fn is_answer(&self) -> bool {
        self.lists
    }

    fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        if self.lists {
            return self.list.iter().try_for_each(|subtree| writeln!(page, "{subtree}"));
        }
        let word = if self.removes { "no longer permits" } else { "permits" };
        if self.frees_addresses {
            writeln!(page, "{} {:WIDTH$}  {word} any address", Mark::Good, "root")?;
        }
        for subtree in self.changed.iter().filter(|_| !self.frees_addresses) {
            writeln!(page, "{} {:WIDTH$}  {word} {subtree}", Mark::Good, "root")?;
        }
        if self.changed.is_empty() && !self.frees_addresses {
            writeln!(page, "{} {:WIDTH$}  already permitted", Mark::Good, "root")?;
        }
        stores::write(page, &self.stores, "trusts the new root", "already trusted")?;
        self.reissued.iter().try_for_each(|reissued| reissued.write_lines(page))
    }

    fn is_complete(&self) -> bool {
        stores::all_done(&self.stores) && self.reissued.as_ref().is_none_or(Reissued::is_done)
    }
}
