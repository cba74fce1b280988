//! The CA that signs, and whether it may sign for these names.

use crate::ca::signer;
use crate::ca::{self, Authority};
use crate::cli;
use crate::command::Context;
use crate::command::permit::{self, Widened};
use crate::command::shared::consent;
use crate::disk::secret::Secret;
use crate::error::Fault;
use crate::x509::constraints::Constraints;
use crate::x509::name::Name;
use crate::x509::policy;
use crate::x509::subtree::Subtree;

/// Creates the root if there is none; if two processes start at once, the one that gets the lock does.
/// Extends an existing root if requested.
pub(super) fn authority(
    context: &Context,
    args: &cli::Issue,
    names: &[Name],
    agreed: Vec<Subtree>,
    password: Option<Secret>,
) -> anyhow::Result<(Authority, bool, Option<Widened>)> {
    let root_created = !ca::exists(&context.folder);
    let mut widened = None;
    let mut authority = if root_created {
        let mut constraints = first_constraints();
        constraints.permitted.extend(agreed);
        let more = widening(context, args, &constraints, names)?;
        constraints.permitted.extend(more);
        context.create_root(&constraints)?
    } else {
        let authority = context.authority()?;
        let more = widening(context, args, &authority.root.constraints, names)?;
        if more.is_empty() {
            authority
        } else {
            let mut new = authority.root.constraints.clone();
            new.permitted.extend(more);
            widened = Some(permit::permit(context, authority, &new, &cli::Stores::default(), password)?);
            context.authority()?
        }
    };
    if args.intermediate && !authority.is_sealed {
        authority = authority.through_intermediate(&context.folder, context.person.files(), context.now)?;
    }
    Ok((authority, root_created, widened))
}

/// Asks for confirmation before issuing for a public address.
pub(super) fn confirm_addresses(context: &Context, args: &cli::Issue, names: &[Name]) -> anyhow::Result<()> {
    if !names.iter().any(policy::is_public_address) {
        return Ok(()); // without reading any file
    }
    let constraints =
        if ca::exists(&context.folder) { context.root()?.constraints } else { first_constraints() };
    let own = args.for_mkcert.as_ref().map_or(&[][..], |mkcert| &mkcert.own_addresses);
    let is_unasked = |name: &&Name| policy::needs_consent(name, &constraints) && !own.contains(name);
    let Some(first) = names.iter().find(is_unasked) else { return Ok(()) };
    if matches!(first, Name::Ip(ip) if ip.is_unspecified()) && !args.yes {
        let what = format!(
            "clients do not connect to `{first}`: a server that listens there listens on every address"
        );
        return Err(
            Fault::new(what, "name what clients connect to: devca issue localhost 127.0.0.1 ::1").into()
        );
    }
    if args.yes { Ok(()) } else { Ok(consent::ask_for_address(context, first)?) }
}

/// The subtrees that the root must be permitted to sign for these names, if the user agrees.
pub(super) fn widening(
    context: &Context,
    args: &cli::Issue,
    constraints: &Constraints,
    names: &[Name],
) -> anyhow::Result<Vec<Subtree>> {
    let Some(first) = names.iter().find(|name| !constraints.permit(name)) else { return Ok(Vec::new()) };
    let (mut wide, mut subtrees) = (constraints.clone(), Vec::new());
    for name in names {
        // Permitting api.example.dev also covers *.api.example.dev.
        if !wide.permit(name) {
            let subtree = Subtree::parse(&signer::base(name))?;
            wide.permitted.push(subtree.clone());
            subtrees.push(subtree);
        }
    }
    let list: Vec<String> = subtrees.iter().map(ToString::to_string).collect();
    let question = format!("This root may not sign for {}. Permit it?", list.join(", "));
    if args.yes || context.report.ask(&question) == Some(true) {
        Ok(subtrees)
    } else {
        let base = signer::base(first);
        let is_there = ca::exists(&context.folder);
        let command = if is_there { format!("permit {base}") } else { format!("install --permit {base}") };
        let mut hint = format!("permit it: devca {command}");
        // A single label is often the name of a person.
        if names.len() == 1 && !base.contains(['.', ':']) && args.csr.is_none() {
            hint = format!("for a client certificate: devca issue --client {base}; as a host name, {hint}");
        }
        Err(signer::outside(first).with_hint(hint).into())
    }
}

/// The constraints of a root that `issue` creates.
pub(in crate::command) fn first_constraints() -> Constraints {
    policy::default_constraints(Some(&super::super::host_name()), &[], false)
}
