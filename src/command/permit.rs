//! `devca permit`: change what the root may sign for. The key stays, and so does what it has signed.

use std::io::{self, Write};

use serde::Serialize;

use super::Context;
use super::renew::Reissued;
use super::rotate;
use super::stores::{self, Line, WIDTH};
use crate::bundle::Password;
use crate::ca::Authority;
use crate::certificate::CaCertificate;
use crate::cli;
use crate::constraints::{Constraints, Subtree};
use crate::error::Fault;
use crate::files::NewFile;
use crate::inventory::Inventory;
use crate::name::Name;
use crate::pem;
use crate::renewal;
use crate::report::{self, Outcome};

#[derive(Serialize)]
pub(super) struct Permitted {
    #[serde(rename = "permitted")]
    list: Vec<Subtree>,
    changed: Vec<Subtree>,
    stores: Vec<Line>,
    /// Of a sealed CA, whose root is a new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    reissued: Option<Reissued>,
    #[serde(skip)]
    removes: bool,
    #[serde(skip)]
    lists: bool,
}

pub(super) fn run(context: &Context, args: &cli::Permit) -> anyhow::Result<Permitted> {
    let root = context.root()?;
    if root.constraints.is_unconstrained() {
        let what = "this root may sign for any name already: it carries no name constraints";
        return Err(Fault::new(what, "make one with constraints: devca --ca NAME install").into());
    }
    if args.list {
        return Ok(Permitted::none(root.constraints.permitted, args));
    }
    let password = args.password.read()?;
    let lock = context.lock()?;
    let old = context.root()?.constraints;
    let (new, changed) = change(&old, args)?;
    if changed.is_empty() {
        // Of a sealed CA, one that was cut short has left certificates of the root before.
        let (root, sealed) = (context.root()?, crate::ca::is_sealed(&context.folder));
        let mut nothing = Permitted::none(old.permitted, args);
        if sealed && context.folder.earlier().exists() {
            nothing.stores = stores::replace(context, &args.stores, &root)?;
            nothing.reissued = Some(rotate::reissue(context, &context.authority()?, password)?);
        }
        return Ok(nothing);
    }
    let Widened { root, stores, reissued } =
        permit(context, context.authority()?, &new, &args.stores, password)?;
    drop(lock);
    if args.remove && reissued.is_none() {
        warn_of_what_is_outside(context, &root.constraints);
    }
    let list = root.constraints.permitted;
    Ok(Permitted { list, changed, stores, reissued, removes: args.remove, lists: false })
}

/// Clients refuse from now on what was issued for a name that is gone from the list.
fn warn_of_what_is_outside(context: &Context, constraints: &Constraints) {
    let Ok(inventory) = Inventory::load(&context.folder.inventory()) else { return };
    let is_outside = |name: &String| Name::parse(name).is_ok_and(|name| !constraints.permit(&name));
    let mut entries = inventory.in_use();
    entries.retain(|entry| entry.not_after > context.now && entry.names.iter().any(is_outside));
    let note = match entries.as_slice() {
        [] => return,
        [one] => format!("clients refuse {} from now on", renewal::first(one).display()),
        [one, others @ ..] => {
            format!("clients refuse {} and {} more from now on", renewal::first(one).display(), others.len())
        }
    };
    context.report.note(format!("{note}: a name of it is permitted no more"));
}

/// What came of a change.
pub(super) struct Widened {
    root: CaCertificate,
    pub(super) stores: Vec<Line>,
    pub(super) reissued: Option<Reissued>,
}

/// Signs the root anew, puts it in the place of the old one, which is remembered, and into the stores that hold that.
/// The caller holds the lock.
///
/// A sealed root cannot be signed anew: another one takes its place, and its certificates are issued again.
pub(super) fn permit(
    context: &Context,
    authority: Authority,
    new: &Constraints,
    options: &cli::Stores,
    password: Option<Password>,
) -> anyhow::Result<Widened> {
    if authority.is_sealed {
        let authority = rotate::replace_root(context, new, true, authority.passphrase().cloned())?;
        let stores = stores::replace(context, options, &authority.root)?;
        let reissued = Some(rotate::reissue(context, &authority, password)?);
        return Ok(Widened { root: authority.root, stores, reissued });
    }
    let folder = &context.folder;
    let earlier = rotate::earlier(context);
    let root = authority.permitting(new)?.root;
    let files = vec![
        NewFile::public(folder.earlier(), earlier),
        NewFile::public(folder.root(), pem::certificate(&root.der)),
    ];
    context.person.files().exchange(&folder.path, &files, &[])?;
    let stores = stores::replace(context, options, &root)?;
    Ok(Widened { root, stores, reissued: None })
}

fn change(old: &Constraints, args: &cli::Permit) -> Result<(Constraints, Vec<Subtree>), Fault> {
    let mut new = old.clone();
    let mut changed = Vec::new();
    for subtree in &args.names {
        let known = new.permitted.iter().position(|known| known == subtree);
        match (args.remove, known) {
            (false, Some(_)) => {}
            (false, None) => {
                new.permitted.push(subtree.clone());
                changed.push(subtree.clone());
            }
            (true, Some(at)) => changed.push(new.permitted.remove(at)),
            (true, None) => {
                let what = format!("{subtree} is not in the list");
                return Err(Fault::new(what, "see what is: devca permit --list"));
            }
        }
    }
    // With no name or no address left, every one would be permitted (RFC 5280 §4.2.1.10).
    let has = |dns: bool| new.permitted.iter().any(|subtree| matches!(subtree, Subtree::Dns(_)) == dns);
    if args.remove && !(has(true) && has(false)) {
        let what = "one domain and one range of addresses must stay: with none, all would be permitted";
        return Err(Fault::new(what, "keep localhost and 127.0.0.0/8"));
    }
    Ok((new, changed))
}

impl Permitted {
    fn none(list: Vec<Subtree>, args: &cli::Permit) -> Self {
        let (changed, stores) = (Vec::new(), Vec::new());
        Self { list, changed, stores, reissued: None, removes: args.remove, lists: args.list }
    }
}

impl Outcome for Permitted {
    fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        if self.lists {
            return self.list.iter().try_for_each(|subtree| writeln!(page, "{subtree}"));
        }
        let word = if self.removes { "permits no more" } else { "permits" };
        for subtree in &self.changed {
            writeln!(page, "{:WIDTH$}  {} {subtree}", "root", report::verdict(true, word))?;
        }
        if self.changed.is_empty() {
            writeln!(page, "{:WIDTH$}  permits that already", "root")?;
        }
        stores::write(page, &self.stores, "trusts the new root", "trusts the root already")?;
        self.reissued.iter().try_for_each(|reissued| reissued.write_lines(page))
    }

    fn is_complete(&self) -> bool {
        stores::all_done(&self.stores) && self.reissued.as_ref().is_none_or(Reissued::is_done)
    }
}
