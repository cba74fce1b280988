//! `devca serve`: serves HTTPS in front of other servers.

use std::ffi::OsString;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use devca_platform::bundle;

use super::Context;
use crate::ca::signer::outside;
use crate::ca::{self, Authority};
use crate::cli;
use crate::command::shared::consent;
use crate::command::shared::watched_ca::WatchedCa;
use crate::error::{Fault, OrHint, quoted};
use crate::report::Log;
use crate::serve::event::{Event, Events};
use crate::serve::site::{Destination, Sites};
use crate::serve::{self, ServePlan, listen};
use crate::x509::name::Name;
use crate::x509::policy;

mod clients;

pub(super) fn run(context: &Context, args: cli::Serve) -> anyhow::Result<u8> {
    let sites = match (args.bad, args.sites.is_empty()) {
        (true, _) => Sites::bad(),
        (false, true) => Sites::page(),
        (false, false) => Sites::new(args.sites.clone())?,
    };
    for site in sites.iter() {
        refuse_missing_folder(&site.destination)?;
    }
    let authority = authority(context)?;
    let clients = clients::rules(context, &args, sites.are_pages())?;
    for name in sites.iter().filter_map(|site| site.name.as_ref()) {
        refuse_outside(context, &authority, name, args.yes)?;
    }
    let program = program(context, &args.command)?;
    give_up_root()?;
    let sockets = listen::inherited()?;
    let log = Log::start(context.report)
        .or_hint(|| "cannot start a thread".into(), || "close other programs, and try again".into())?;
    let events = Arc::new(Events::new(log.clone(), context.folder.option()));
    for note in context.report.take_unprinted_notes() {
        events.say(&Event::warning(note, None));
    }
    let plan = ServePlan {
        usual: usual(&named(&sites), &authority),
        roots: roots(context, &authority),
        ca: (Box::new(WatchedCa::new(context.folder.clone(), &authority, "serve")), authority),
        sites,
        sockets,
        listen: args.listen,
        port: args.port,
        clients,
        program,
        insecure_upstream: args.insecure_upstream,
    };
    let served = serve::run(plan, &events);
    log.finish();
    served
}

/// The program to start, prepared so that it trusts the root, on the same terminal. If devca prints JSON
/// lines, the program's standard output goes to standard error.
fn program(context: &Context, words: &[OsString]) -> anyhow::Result<Option<Command>> {
    if words.is_empty() {
        return Ok(None);
    }
    let mut command = super::run::prepared(context, words)?;
    if context.report.json {
        command.stdout(std::io::stderr());
    }
    Ok(Some(command))
}

/// The CA that signs. If there is none yet, it is created as by `issue`.
pub(super) fn authority(context: &Context) -> anyhow::Result<Authority> {
    if ca::exists(&context.folder) {
        return context.authority();
    }
    let _lock = context.lock()?;
    if ca::exists(&context.folder) {
        return context.authority();
    }
    let authority =
        context.create_root(&policy::default_constraints(Some(&super::host_name()), &[], false))?;
    context.note_if_not_installed(true);
    Ok(authority)
}

fn refuse_missing_folder(destination: &Destination) -> Result<(), Fault> {
    let Destination::Folder(path) = destination else { return Ok(()) };
    if path.is_dir() {
        return Ok(());
    }
    if path.exists() {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = quoted(folder.unwrap_or(Path::new(".")));
        let what = format!("{} is a file, not a folder", path.display());
        return Err(Fault::usage(what, format!("serve the folder that it is in: devca serve {folder}")));
    }
    let what = format!("there is no folder {}", path.display());
    Err(Fault::usage(
        what,
        "use a folder or a server, for example: devca serve ./public, or devca serve 3000",
    ))
}

/// Refuses names that the root does not permit, and public addresses that the user does not agree to.
fn refuse_outside(context: &Context, authority: &Authority, name: &Name, yes: bool) -> Result<(), Fault> {
    let constraints = &authority.signer().constraints;
    if !constraints.permit(name) {
        return Err(outside(name));
    }
    if yes || !policy::needs_consent(name, constraints) {
        return Ok(());
    }
    consent::ask_for_address(context, name)
}

/// The names of those sites that have one.
fn named(sites: &Sites) -> Vec<Name> {
    sites.iter().filter_map(|site| site.name.clone()).collect()
}

/// The names of the certificate for clients that request no name: these, and this machine.
pub(super) fn usual(sites: &[Name], authority: &Authority) -> Vec<Name> {
    let localhost = [
        Name::Dns("localhost".into()),
        Name::Ip(Ipv4Addr::LOCALHOST.into()),
        Name::Ip(Ipv6Addr::LOCALHOST.into()),
    ];
    let host = Name::parse(&super::host_name()).ok();
    // The user has agreed to the sites.
    let mut names = sites.to_vec();
    for name in localhost.into_iter().chain(host) {
        if !names.contains(&name) && authority.signer().constraints.permit(&name) {
            names.push(name);
        }
    }
    names
}

/// The roots trusted for upstreams: the system's and this CA's.
fn roots(context: &Context, authority: &Authority) -> Vec<Vec<u8>> {
    let mut roots = bundle::system_roots(&context.host());
    roots.push(authority.root.der.clone());
    roots
}

/// Drops root's rights: a server runs for hours and does not need them.
#[cfg(unix)]
pub(super) fn give_up_root() -> anyhow::Result<()> {
    devca_platform::privilege::give_up_root()
        .or_hint(|| "cannot drop root's privileges".into(), || "run devca without sudo".into())
}

#[cfg(not(unix))]
pub(super) fn give_up_root() -> anyhow::Result<()> {
    Ok(())
}
