//! `devca inspect`: shows the contents of a file, a certificate of the inventory, or what a server sends.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use p12_keystore::Pkcs12Archive;
use serde::Serialize;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::Context;
use crate::check::connect::{self, Target};
use crate::check::target::CheckTarget;
use crate::cli;
use crate::disk::files;
use crate::error::Fault;
use crate::issued::inventory::Inventory;
use crate::issued::presence;
use crate::report::Outcome;
use crate::x509::details::{CertificateDetails, CsrDetails};
use crate::x509::pem;

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Inspected {
    certificates: Vec<CertificateDetails>,
    requests: Vec<CsrDetails>,
    /// The number of private keys in the file, which are not shown.
    private_keys: usize,
    #[serde(skip)]
    now: OffsetDateTime,
}

pub(super) fn run(context: &Context, args: &cli::Inspect) -> anyhow::Result<Inspected> {
    let what = args.what.as_str();
    let path = Path::new(what);
    if path.exists() || what == "-" {
        return file(context, args, path);
    }
    let serial = what.replace(':', "").to_ascii_lowercase();
    let inventory = Inventory::load(&context.folder.inventory())?;
    if let Some(entry) = inventory.entries.iter().find(|entry| entry.serial == serial) {
        return file(context, args, presence::first(entry));
    }
    if let (true, Ok(CheckTarget::Server { host, port })) =
        (what.contains(['.', ':', '/']), CheckTarget::parse(what))
    {
        return server(context, host, port);
    }
    Err(Fault::new(
        format!("{what} is neither a file, a serial number of this CA, nor an address with a port"),
        "use a PEM, DER or PKCS#12 file, a serial number from devca list --json, or an address such as localhost:8443",
    )
    .into())
}

/// Reads what a server sends, valid or not; `devca check` is for judging it.
fn server(context: &Context, host: String, port: u16) -> anyhow::Result<Inspected> {
    let target = Target {
        host,
        port,
        address: None,
        sni: None,
        starttls: None,
        identity: None,
        timeout: Duration::from_secs(10),
    };
    let seen = connect::look(&target);
    if seen.chain.is_empty() {
        let what = format!("{}:{port} did not send a certificate", target.host);
        return Err(Fault::new(what, format!("find out why: devca check {}:{port}", target.host)).into());
    }
    let certificates = seen.chain.iter().filter_map(|der| CertificateDetails::read(der)).collect();
    Ok(Inspected { certificates, requests: Vec::new(), private_keys: 0, now: context.now })
}

fn file(context: &Context, args: &cli::Inspect, path: &Path) -> anyhow::Result<Inspected> {
    let bytes = files::read_named(path)?;
    let mut found = pem::contents(&bytes);
    if found.is_empty() && bytes.first() == Some(&0x30) {
        found = der(context, args, path, &bytes)?;
    }
    let inspected = Inspected {
        certificates: found.certificates.iter().filter_map(|der| CertificateDetails::read(der)).collect(),
        requests: found.requests.iter().filter_map(|der| CsrDetails::read(der)).collect(),
        private_keys: found.keys,
        now: context.now,
    };
    if inspected.certificates.is_empty() && inspected.requests.is_empty() {
        let what = format!("{} contains neither a certificate nor a CSR", path.display());
        return Err(Fault::new(what, "devca inspect reads PEM, DER and PKCS#12").into());
    }
    Ok(inspected)
}

/// Reads a certificate, a CSR, or a PKCS#12 file with its password.
fn der(context: &Context, args: &cli::Inspect, path: &Path, bytes: &[u8]) -> anyhow::Result<pem::Contents> {
    if CertificateDetails::read(bytes).is_some() {
        return Ok(pem::Contents { certificates: vec![bytes.to_vec()], ..Default::default() });
    }
    if CsrDetails::read(bytes).is_some() {
        return Ok(pem::Contents { requests: vec![bytes.to_vec()], ..Default::default() });
    }
    if crate::x509::key::from_pkcs8(bytes).is_some() {
        return Ok(pem::Contents { keys: 1, ..Default::default() });
    }
    // Files from other programs may have an empty password.
    if let Ok(archive) = Pkcs12Archive::from_pkcs12(bytes, "") {
        return Ok(contents(&archive));
    }
    let password = match args.password.read()? {
        Some(password) => Zeroizing::new(password.as_str().to_owned()),
        None => context.report.ask_hidden(&format!("Password of {}: ", path.display())).ok_or_else(|| {
            let what = format!("{} is neither a certificate nor a CSR, or it is encrypted", path.display());
            Fault::new(what, "if it is PKCS#12, add its password: --password-file FILE")
        })?,
    };
    let archive = Pkcs12Archive::from_pkcs12(bytes, &password).map_err(|_| {
        let what = format!("{} cannot be opened: it is damaged, or the password is wrong", path.display());
        Fault::new(what, "use the right password: --password-file FILE")
    })?;
    Ok(contents(&archive))
}

fn contents(archive: &Pkcs12Archive) -> pem::Contents {
    pem::Contents {
        certificates: archive.certs.iter().map(|bag| bag.cert.as_der().to_vec()).collect(),
        requests: Vec::new(),
        keys: archive.keys.len(),
    }
}

impl Outcome for Inspected {
    fn is_answer(&self) -> bool {
        true
    }

    fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        let mut is_first = true;
        let mut gap =
            |page: &mut dyn Write| if std::mem::take(&mut is_first) { Ok(()) } else { writeln!(page) };
        for certificate in &self.certificates {
            gap(page)?;
            certificate.write(page, self.now)?;
        }
        for request in &self.requests {
            gap(page)?;
            request.write(page)?;
        }
        match self.private_keys {
            0 => Ok(()),
            1 => writeln!(page, "\nThe file also contains a private key."),
            keys => writeln!(page, "\nThe file also contains {keys} private keys."),
        }
    }
}
