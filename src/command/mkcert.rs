//! `devca mkcert`, or devca called as `mkcert`: runs devca's own commands for mkcert's options.

use std::env;
use std::io::{self, Write};
use std::net::UdpSocket;
use std::path::{Path, PathBuf};

use devca_platform::StoreKind;
use serde::Serialize;

use super::Context;
use super::install::{self, Installed};
use super::issue::IssueReport;
use super::uninstall::{self, Uninstalled};
use crate::ca;
use crate::cli::{self, MkcertFlags};
use crate::disk::files;
use crate::disk::home::{CaFolder, MKCERT_ROOT};
use crate::error::{self, Fault, quoted};
use crate::format::RootFormat;
use crate::issued::exported::KnownRoots;
use crate::report::Outcome;
use crate::x509::certificate::CaCertificate;
use crate::x509::pem;
use links::LinkLine;

mod links;
mod translated;

pub(in crate::command) use links::present as links_present;

/// The release whose command line this is.
const VERSION: &str = "v1.4.4";

#[derive(Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct MkcertReport {
    /// With -CAROOT.
    #[serde(skip_serializing_if = "Option::is_none")]
    caroot: Option<PathBuf>,
    /// With -version.
    #[serde(skip_serializing_if = "Option::is_none")]
    mkcert_version: Option<&'static str>,
    /// With -help, and where nothing was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<&'static str>,
    /// With -install.
    #[serde(skip_serializing_if = "Option::is_none")]
    installed: Option<Installed>,
    /// With -uninstall.
    #[serde(skip_serializing_if = "Option::is_none")]
    uninstalled: Option<Uninstalled>,
    /// With names, or -csr.
    #[serde(skip_serializing_if = "Option::is_none")]
    issued: Option<IssueReport>,
    /// With --link and --unlink.
    links: Vec<LinkLine>,
}

pub(super) fn run(context: &Context, args: &cli::Mkcert) -> anyhow::Result<MkcertReport> {
    if !args.is_in_its_place() {
        let links = match &args.unlink {
            Some(tools) => links::remove(context, tools)?,
            None => links::create(context, &args.link)?,
        };
        return Ok(MkcertReport { links, ..MkcertReport::default() });
    }
    let flags = MkcertFlags::parse(&args.words)?;
    // 2 is for options that mkcert does not have; whatever else goes wrong is 1.
    perform(context, &flags).map_err(|e| Fault::new(format!("{e:#}"), error::hint(&e)).into())
}

fn perform(context: &Context, flags: &MkcertFlags) -> anyhow::Result<MkcertReport> {
    let usage = || MkcertReport { usage: Some(cli::USAGE), ..MkcertReport::default() };
    if flags.help {
        return Ok(usage());
    }
    if flags.version {
        context.report.note(concat!("this is devca ", env!("CARGO_PKG_VERSION"), ", in the place of mkcert"));
        return Ok(MkcertReport { mkcert_version: Some(VERSION), ..MkcertReport::default() });
    }
    refuse_contradictions(flags)?;
    let caroot = caroot(context);
    if flags.caroot {
        let own = of_caroot(context, &caroot);
        if let Some(own) = own.ok().filter(|own| ca::exists(&own.folder)) {
            publish(&own, &caroot)?;
        }
        return Ok(MkcertReport { caroot: Some(caroot), ..MkcertReport::default() });
    }
    let context = &of_caroot(context, &caroot)?;
    let mut report = MkcertReport::default();
    if flags.install {
        report.installed = install(context)?;
        publish(context, &caroot)?;
        if !report.is_complete() {
            return Ok(report);
        }
    } else if flags.uninstall {
        report.uninstalled = uninstall(context)?;
        return Ok(report);
    }
    if flags.names.is_empty() && flags.csr.is_none() {
        return Ok(if flags.install { report } else { usage() });
    }
    report.issued = Some(super::issue::one(context, &translated::issue(context, flags)?)?);
    publish(context, &caroot)?;
    Ok(report)
}

/// Refuses combinations that mkcert refuses as well.
fn refuse_contradictions(flags: &MkcertFlags) -> Result<(), Fault> {
    let (what, hint) = if flags.caroot && (flags.install || flags.uninstall) {
        ("-CAROOT prints a folder, and does nothing else", "use -CAROOT alone")
    } else if flags.install && flags.uninstall {
        ("-install and -uninstall contradict each other", "use only one of the two")
    } else if flags.csr.is_some() && (flags.pkcs12 || flags.ecdsa || flags.client) {
        (
            "the key of a CSR is elsewhere, and it is for a server",
            "use -csr only with -install and -cert-file",
        )
    } else if flags.csr.is_some() && !flags.names.is_empty() {
        ("the names are those of the CSR", "omit the names, or -csr")
    } else {
        return Ok(());
    };
    Err(Fault::new(what, hint))
}

/// The folder that contains `rootCA.pem`: `$CAROOT`, or a folder inside the CA's.
fn caroot(context: &Context) -> PathBuf {
    let named = env::var_os("CAROOT").filter(|folder| !folder.is_empty());
    named.map_or_else(|| context.folder.caroot(), PathBuf::from)
}

/// Finds the CA whose root is in `$CAROOT`, for example an imported one. For an empty folder mkcert would create a
/// separate CA; devca uses the current CA, whose root is then published there.
fn of_caroot<'a>(context: &Context<'a>, caroot: &Path) -> anyhow::Result<Context<'a>> {
    let path = caroot.join(MKCERT_ROOT);
    let this = || context.of(context.folder.clone());
    if path.symlink_metadata().is_err() {
        return Ok(this());
    }
    let there = pem::first_certificate(&path)?;
    let is_its_root =
        |folder: &CaFolder| CaCertificate::load(&folder.root()).is_ok_and(|root| root.der == there);
    if is_its_root(&context.folder) || is_earlier(context, &path) {
        return Ok(this());
    }
    if let Some(folder) = context.folder.siblings().into_iter().find(is_its_root) {
        folder.refuse_unsafe()?;
        return Ok(context.of(folder));
    }
    let what = format!("{} is a root that devca does not have", path.display());
    let import = format!("devca --ca mkcert import {}", quoted(caroot));
    Err(Fault::new(what, format!("import it: {import}; or use devca's own: unset CAROOT")).into())
}

fn is_earlier(context: &Context, path: &Path) -> bool {
    let Ok(root) = CaCertificate::load(&context.folder.root()) else { return false };
    let roots = KnownRoots::of(&context.folder, &root);
    files::read(path).is_ok_and(|content| roots.is_earlier(RootFormat::Mkcert, &content))
}

/// Writes the root, but never its key, to the folder where tools read it, and records that, so that a new root replaces
/// it.
fn publish(context: &Context, caroot: &Path) -> anyhow::Result<()> {
    let _lock = context.lock()?;
    let (root, path) = (context.root()?, caroot.join(MKCERT_ROOT));
    let (_, text) = RootFormat::Mkcert.render(&root)?;
    let is_text = files::read(&path).is_ok_and(|there| there.as_slice() == text.as_slice());
    if !is_text && pem::first_certificate(&path).is_ok_and(|there| there == root.der) {
        return Ok(()); // the same root with other line breaks or comments
    }
    super::root::write(context, caroot, &[RootFormat::Mkcert], &root).map(drop)
}

fn install(context: &Context) -> anyhow::Result<Option<Installed>> {
    let Some(mut stores) = cli::Stores::of_mkcert()? else {
        context.report.note("TRUST_STORES names no store that devca knows, so none is changed");
        let _lock = context.lock()?;
        if !ca::exists(&context.folder) {
            context.create_root(&super::issue::first_constraints())?;
        }
        return Ok(None);
    };
    // Tools unset JAVA_HOME so that mkcert does not change any JDK.
    if stores.store.is_empty() && env::var_os("JAVA_HOME").is_none_or(|home| home.is_empty()) {
        stores.store = StoreKind::ALL.into_iter().filter(|kind| *kind != StoreKind::Java).collect();
    }
    install::run(context, &cli::Install { stores, ..cli::Install::default() }).map(Some)
}

fn uninstall(context: &Context) -> anyhow::Result<Option<Uninstalled>> {
    let stores = cli::Stores::of_mkcert()?.filter(|_| ca::exists(&context.folder));
    let Some(stores) = stores else {
        context.report.note("there is nothing to remove from the trust stores");
        return Ok(None);
    };
    uninstall::run(context, &cli::Uninstall { stores, ..cli::Uninstall::default() }).map(Some)
}

/// Whether the address belongs to this machine: a socket can be bound only to such addresses.
fn is_own(address: std::net::IpAddr) -> bool {
    UdpSocket::bind((address, 0)).is_ok()
}

impl Outcome for MkcertReport {
    fn is_payload(&self) -> bool {
        self.caroot.is_some() || self.mkcert_version.is_some() || self.usage.is_some()
    }

    fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        if let Some(caroot) = &self.caroot {
            writeln!(page, "{}", caroot.display())?;
        }
        if let Some(text) = self.mkcert_version.or(self.usage) {
            writeln!(page, "{text}")?;
        }
        // If a certificate was issued, `devca install` need not suggest to issue one.
        if let Some(installed) = self.installed.as_ref().filter(|_| self.issued.is_none()) {
            installed.write(page)?;
        }
        if let Some(uninstalled) = &self.uninstalled {
            uninstalled.write(page)?;
        }
        if let Some(issued) = &self.issued {
            issued.write(page)?;
        }
        links::write(page, &self.links)
    }

    fn is_complete(&self) -> bool {
        self.installed.as_ref().is_none_or(Outcome::is_complete)
            && self.uninstalled.as_ref().is_none_or(Outcome::is_complete)
            && self.issued.as_ref().is_none_or(Outcome::is_complete)
            && self.links.iter().all(LinkLine::is_done)
    }
}
