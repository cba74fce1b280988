//! `devca check`: why TLS fails, at a server or in a file.

use std::io::{self, Write};
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::sign::CertifiedKey;
use serde::Serialize;
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Name;

use super::Context;
use super::trust::{Roots, Trust};
use crate::check::catalogue::{KEY_MISMATCH, KEY_READABLE, NOT_TLS, Words};
use crate::check::chain::{Chain, Link, Source};
use crate::check::connect::{self, Failure, Seen, Target};
use crate::check::handshake;
use crate::check::judge::{self, Expectation};
use crate::check::target::What;
use crate::check::{Finding, environment};
use crate::cli;
use crate::details::Certificate;
use crate::error::{Fault, OrHint};
use crate::files;
use crate::inventory::Inventory;
use crate::pem;
use crate::renewal;
use crate::report::{self, Outcome};

#[derive(Serialize, Default)]
pub(super) struct Checked {
    #[serde(rename = "checked")]
    place: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    /// From the leaf upwards.
    chain: Vec<Linked>,
    /// Who trusts the root.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    trusted_by: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    not_trusted_by: Vec<String>,
    /// The CAs whose client certificates the server accepts.
    #[serde(skip_serializing_if = "Option::is_none")]
    acceptable_client_cas: Option<Vec<String>>,
    /// The worst first.
    findings: Vec<Finding>,
    #[serde(skip)]
    no_connection: bool,
}

#[derive(Serialize)]
struct Linked {
    #[serde(flatten)]
    certificate: Certificate,
    source: Source,
}

pub(super) fn run(context: &Context, args: &cli::Check) -> anyhow::Result<Checked> {
    let Some(what) = &args.what else { return expiring(context, args) };
    let mut checked = match What::parse(what)? {
        What::Server { host, port } => server(context, args, &host, port)?,
        What::File(path) => file(context, args, &path)?,
    };
    checked.findings.extend(environment::verification_off(context.person.home.as_deref()));
    checked.findings.sort_by_key(Finding::rank);
    Ok(checked)
}

fn server(context: &Context, args: &cli::Check, host: &str, port: u16) -> anyhow::Result<Checked> {
    let identity = identity(args)?;
    let target = Target {
        host: host.to_owned(),
        port,
        address: args.connect.as_deref().map(address).transpose()?,
        sni: args.sni.clone(),
        starttls: args.starttls,
        identity: identity.clone(),
        timeout: Duration::from_secs(args.timeout),
    };
    let seen = connect::look(&target);
    let place = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    let mut checked = Checked { place, version: seen.version.clone(), ..Checked::default() };
    let acceptable =
        seen.acceptable.as_ref().map(|names| names.iter().map(|der| name(der)).collect::<Vec<_>>());
    let shown = identity.is_some();
    checked.findings = handshake::judge(&seen, host, port, shown, acceptable.as_deref().unwrap_or_default());
    checked.acceptable_client_cas = acceptable;
    checked.no_connection = is_no_connection(&seen);
    if !checked.no_connection {
        checked.findings.extend(environment::proxy(host));
    }
    let name = args.name.as_deref().unwrap_or(target.name());
    let expected = Expectation { name: Some(name), client: false, now: context.now };
    chain(context, args, &seen.chain, &expected, &mut checked)?;
    Ok(checked)
}

fn is_no_connection(seen: &Seen) -> bool {
    let silent =
        matches!(&seen.failure, Some(Failure::Unresolved(_) | Failure::Refused(_) | Failure::Silent(_)));
    silent && seen.chain.is_empty()
}

fn address(word: &str) -> anyhow::Result<SocketAddr> {
    let parsed = word.to_socket_addrs().ok().and_then(|mut addresses| addresses.next());
    parsed.ok_or_else(|| {
        Fault::usage(format!("{word} is no address with a port"), "as in: --connect 127.0.0.1:8443").into()
    })
}

/// A distinguished name, as a person reads it.
fn name(der: &[u8]) -> String {
    X509Name::from_der(der).map_or_else(|_| "a CA whose name is damaged".into(), |(_, name)| name.to_string())
}

/// The client's certificate and key.
fn identity(args: &cli::Check) -> anyhow::Result<Option<Arc<CertifiedKey>>> {
    let (Some(certificate), Some(key)) = (&args.cert, &args.key) else { return Ok(None) };
    let chain = pem::contents(&files::read(certificate)?).certificates;
    if chain.is_empty() {
        let what = format!("{} holds no certificate", certificate.display());
        return Err(Fault::new(what, "give the client's certificate in PEM").into());
    }
    let chain = chain.into_iter().map(Into::into).collect();
    let key = pem::first_key(key)?;
    let der = rustls_pki_types::PrivatePkcs8KeyDer::from(key.serialize_der());
    let signing = rustls::crypto::aws_lc_rs::sign::any_supported_type(&der.into())
        .or_hint(|| "this key cannot sign".into(), || "RSA, ECDSA and Ed25519 keys can".into())?;
    Ok(Some(Arc::new(CertifiedKey::new(chain, signing))))
}

fn file(context: &Context, args: &cli::Check, path: &Path) -> anyhow::Result<Checked> {
    let bytes = if path == Path::new("-") { files::read_stdin()? } else { files::read(path)? };
    let mut found = pem::contents(&bytes);
    if found.certificates.is_empty() && Certificate::read(&bytes).is_some() {
        found.certificates.push(bytes.to_vec());
    }
    if found.certificates.is_empty() {
        let what = format!("{} holds no certificate", path.display());
        return Err(
            Fault::new(what, "a certificate in PEM or DER is expected; devca inspect reads PKCS#12").into()
        );
    }
    let mut checked = Checked { place: path.display().to_string(), ..Checked::default() };
    let own = (found.keys > 0).then(|| path.to_owned());
    for key in own.iter().chain(&args.key) {
        checked.findings.extend(key_of(key, &found.certificates[0])?);
    }
    let expected = Expectation { name: args.name.as_deref(), client: args.client, now: context.now };
    chain(context, args, &found.certificates, &expected, &mut checked)?;
    Ok(checked)
}

fn key_of(path: &Path, leaf: &[u8]) -> anyhow::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let key = pem::first_key(path)?;
    let leaf = crate::certificate::Leaf::parse(leaf);
    if leaf.is_some_and(|leaf| leaf.public_key != rcgen::PublicKeyData::subject_public_key_info(&*key)) {
        let what = format!("{} is not the key of this certificate", path.display());
        findings.push(Finding::new(&KEY_MISMATCH, what, "devca issue writes both anew"));
    }
    if files::too_open(path).is_some() {
        let what = format!("{} can be read by others", path.display());
        findings.push(Finding::new(&KEY_READABLE, what, format!("chmod 600 {}", path.display())));
    }
    Ok(findings)
}

/// Links and judges what was sent, and asks who trusts its root.
fn chain(
    context: &Context,
    args: &cli::Check,
    sent: &[Vec<u8>],
    expected: &Expectation,
    checked: &mut Checked,
) -> anyhow::Result<()> {
    let links: Vec<Link> = sent.iter().filter_map(|der| Link::read(der)).collect();
    let roots = Roots::gather(context, args)?;
    let Some(chain) = Chain::build(&links, &roots.known) else {
        if !sent.is_empty() {
            let mend = "devca issue NAMES makes one that can";
            checked
                .findings
                .push(Finding::new(&NOT_TLS, "the certificate cannot be read", mend).saying(|_| false));
        }
        return Ok(());
    };
    checked.findings.extend(judge::chain(&chain, &links, expected));
    let Trust { finding, trusted_by, not_trusted_by } = roots.trust(context, args, &chain, links.len())?;
    checked.findings.extend(finding);
    (checked.trusted_by, checked.not_trusted_by) = (trusted_by, not_trusted_by);
    checked.findings.extend(roots.revoked(&chain)?);
    let linked =
        |(link, source): &(Link, Source)| Linked { certificate: link.details.clone(), source: *source };
    checked.chain = chain.links.iter().map(linked).collect();
    Ok(())
}

/// `devca check --expiring 14d`: for cron.
fn expiring(context: &Context, args: &cli::Check) -> anyhow::Result<Checked> {
    let Some(days) = args.expiring else {
        return Err(
            Fault::usage("what is to be checked?", "as in: devca check https://localhost:8443").into()
        );
    };
    let mut checked = Checked { place: "the inventory".into(), ..Checked::default() };
    let inventory = Inventory::load(&context.folder.inventory())?;
    let beginning = renewal::beginning(context.root().ok().as_ref());
    for entry in super::list::ending(inventory, context.now, days, beginning) {
        let path: PathBuf = renewal::first(&entry).to_owned();
        let left = crate::profile::days_left(entry.not_after, context.now);
        let is_outdated = entry.issued < beginning;
        let fault = match left {
            ..=0 => &crate::check::catalogue::EXPIRED,
            _ if is_outdated => &crate::check::catalogue::REPLACED_ROOT,
            _ => &crate::check::catalogue::EXPIRING,
        };
        let what = match left {
            _ if is_outdated => format!("{} is of an earlier root", path.display()),
            ..=0 => format!("{} expired on {}", path.display(), entry.not_after.date()),
            1 => format!("{} ends in 1 day", path.display()),
            left => format!("{} ends in {left} days", path.display()),
        };
        let mend = format!("devca{} renew {}", context.folder.option(), path.display());
        checked.findings.push(Finding::new(fault, what, mend).saying(|_| false));
    }
    Ok(checked)
}

impl Outcome for Checked {
    fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        let version = self.version.as_ref().map_or(String::new(), |version| format!(", {version}"));
        writeln!(page, "{:8}  {}{version}", "checked", self.place)?;
        for (depth, Linked { certificate, source }) in self.chain.iter().enumerate() {
            let label = if depth == 0 { "chain" } else { "" };
            let branch = if depth == 0 { String::new() } else { format!("{:1$}└ ", "", 2 * (depth - 1)) };
            let is_root = certificate.subject == certificate.issuer;
            let note = match source {
                Source::Sent => "",
                Source::Known if is_root => "",
                Source::Known => ", which is not sent",
            };
            writeln!(page, "{label:8}  {branch}{}{note}", certificate.subject)?;
        }
        if let (false, Some(last)) = (self.trusted_by.is_empty(), self.chain.last()) {
            let name = last.certificate.common_name.as_deref().unwrap_or(&last.certificate.subject);
            writeln!(page, "{:8}  {name} by {}", "trusted", self.trusted_by.join(", "))?;
        }
        for finding in &self.findings {
            writeln!(page, "\n{}: {}", report::verdict(false, finding.fault.title), finding.what)?;
            for (client, says) in by_client(&finding.words) {
                writeln!(page, "  {client:12}  {says}")?;
            }
            writeln!(page, "  {:12}  {}", "mend", finding.mend)?;
        }
        if self.findings.is_empty() {
            writeln!(page, "{}", report::verdict(true, "all is well"))?;
        }
        Ok(())
    }

    fn exit_code(&self) -> u8 {
        match (self.no_connection, self.findings.is_empty()) {
            (true, _) => 3,
            (false, false) => 1,
            (false, true) => 0,
        }
    }
}

/// One line a client: its words, or one or the other.
fn by_client(words: &[&'static Words]) -> Vec<(&'static str, String)> {
    let mut lines: Vec<(&'static str, String)> = Vec::new();
    for word in words {
        match lines.iter_mut().find(|(client, _)| *client == word.client) {
            Some((_, says)) => *says = format!("{says}, or: {}", word.says),
            None => lines.push((word.client, word.says.to_owned())),
        }
    }
    lines
}
