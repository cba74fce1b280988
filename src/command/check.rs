//! `devca check`: finds out why TLS fails, with a server or the certificates in a file.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::sign::CertifiedKey;
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Name;

pub(super) use report::Checks;
use report::{Checked, Linked};
use roots::Roots;
use trust::Trust;

use super::Context;
use crate::check::catalogue::{
    CA_AS_LEAF, Client, KEY_MISMATCH, KEY_READABLE, Library, MALFORMED, NOT_TLS, WRONG_KEY_USAGE,
    WRONG_USAGE, Words,
};
use crate::check::chain::{Chain, End, Link, Source};
use crate::check::connect::{self, Failure, Seen, Target};
use crate::check::handshake::{self, View};
use crate::check::judge::{self, Expectation};
use crate::check::path::{self, Search};
use crate::check::target::CheckTarget;
use crate::check::{Finding, environment, issue};
use crate::cli;
use crate::disk::files;
use crate::disk::home::CaFolder;
use crate::error::{Fault, OrHint, quoted};
use crate::x509::details::CertificateDetails;
use crate::x509::pem;
use crate::x509::usage::Usage;

mod expiring;
mod programs;
mod report;
mod roots;
mod trust;

pub(super) fn run(context: &Context, args: &cli::Check) -> anyhow::Result<Checks> {
    if args.what.is_empty() {
        return Ok(Checks { checks: vec![expiring::run(context, args)?] });
    }
    let targets = args.what.iter().map(|what| Ok((what, CheckTarget::parse(what)?)));
    let targets = targets.collect::<Result<Vec<_>, Fault>>()?;
    let checks = targets.iter().map(|(what, target)| one(context, args, what, target));
    Ok(Checks { checks: checks.collect::<anyhow::Result<_>>()? })
}

fn one(context: &Context, args: &cli::Check, what: &str, target: &CheckTarget) -> anyhow::Result<Checked> {
    let mut checked = match target {
        CheckTarget::Server { host, port } => {
            let key_alone = args.key.is_some() && args.cert.is_none();
            refuse(what, "is an address", &[("--client", args.client), ("--key", key_alone)])?;
            server(context, args, host, *port)?
        }
        CheckTarget::File(path) => {
            let (connect, sni) = (args.connect.is_some(), args.sni.is_some());
            let (starttls, cert) = (args.starttls.is_some(), args.cert.is_some());
            let options =
                [("--connect", connect), ("--sni", sni), ("--starttls", starttls), ("--cert", cert)];
            refuse(what, "is a file", &options)?;
            file(context, args, path)?
        }
    };
    checked.findings.extend(environment::verification_off(context.person.home.as_deref()));
    checked.findings.sort_by_key(Finding::rank);
    checked.all_clients = context.report.verbose;
    Ok(checked)
}

/// Refuses options that do not apply to the target.
fn refuse(what: &str, is: &str, options: &[(&str, bool)]) -> Result<(), Fault> {
    match options.iter().find(|(_, is_given)| *is_given) {
        Some((option, _)) => {
            let what = format!("{option} does not apply: {what} {is}");
            Err(Fault::usage(what, "devca check --help has examples of both"))
        }
        None => Ok(()),
    }
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
    let roots = Roots::gather(context, args)?;
    let issuer = roots.own_among(seen.acceptable.as_deref().unwrap_or_default());
    let view = View {
        host,
        port,
        shown,
        acceptable: acceptable.as_deref().unwrap_or_default(),
        ca: issuer.map(CaFolder::option).unwrap_or_default(),
    };
    checked.findings = handshake::judge(&seen, &view);
    if acceptable.is_some() {
        checked.findings.extend(of_client(context, args, &roots)?);
    }
    checked.acceptable_client_cas = acceptable;
    checked.no_connection = is_not_a_connection(&seen);
    if !checked.no_connection {
        checked.findings.extend(environment::proxy(host));
    }
    let name = args.name.as_deref().unwrap_or(target.name());
    let expected =
        Expectation { name: Some(name), client: false, now: context.now, stapled: Some(seen.is_stapled) };
    chain(args, &roots, &seen.chain, &expected, &mut checked)?;
    Ok(checked)
}

/// Reports problems with the client's own certificate that can be seen on this side. How clients word them
/// depends on the server's alert.
fn of_client(context: &Context, args: &cli::Check, roots: &Roots) -> anyhow::Result<Vec<Finding>> {
    let (Some(path), Some(key)) = (&args.cert, &args.key) else { return Ok(Vec::new()) };
    let sent = pem::certificates(path);
    let links: Vec<Link> = sent.iter().filter_map(|der| Link::read(der)).collect();
    let expected = Expectation { name: None, client: true, now: context.now, stapled: None };
    let search = Search::new(&links, &roots.anchors, &roots.others);
    let count = |chain: &Chain| judge::judge(chain, &links, &expected).len();
    let Some(chain) = search.best(&count) else { return Ok(Vec::new()) };
    let mut findings = judge::judge(&chain, &links, &expected);
    findings.extend(key_of(key, &links[0])?);
    findings.extend(roots.revoked(&chain)?);
    let named = |finding: Finding| {
        let what = format!("{}: {}", path.display(), finding.what);
        let fix = roots.hint(chain.leaf(), &finding.fix);
        Finding { what, fix, ..finding.saying(|_| false) }
    };
    Ok(findings.into_iter().map(named).collect())
}

fn is_not_a_connection(seen: &Seen) -> bool {
    let silent =
        matches!(&seen.failure, Some(Failure::Unresolved(_) | Failure::Refused(_) | Failure::Silent(_)));
    silent && seen.chain.is_empty()
}

fn address(word: &str) -> anyhow::Result<SocketAddr> {
    let parsed = word.to_socket_addrs().ok().and_then(|mut addresses| addresses.next());
    parsed.ok_or_else(|| {
        Fault::usage(format!("{word} is not an address with a port"), "for example: --connect 127.0.0.1:8443")
            .into()
    })
}

/// Formats a distinguished name for display.
fn name(der: &[u8]) -> String {
    X509Name::from_der(der).map_or_else(
        |_| "a CA whose name is damaged".into(),
        |(_, name)| crate::report::printable(&name.to_string()),
    )
}

/// Loads the client's certificate and key.
fn identity(args: &cli::Check) -> anyhow::Result<Option<Arc<CertifiedKey>>> {
    let (Some(certificate), Some(key)) = (&args.cert, &args.key) else { return Ok(None) };
    let chain = pem::contents(&files::read_named(certificate)?).certificates;
    if chain.is_empty() {
        let what = format!("{} contains no certificate", certificate.display());
        return Err(Fault::new(what, "use the client certificate in PEM").into());
    }
    let chain = chain.into_iter().map(Into::into).collect();
    let key = pem::first_key_of(key, &files::read_named(key)?)?;
    let der = rustls_pki_types::PrivatePkcs8KeyDer::from(key.serialize_der());
    let signing = rustls::crypto::aws_lc_rs::sign::any_supported_type(&der.into())
        .or_hint(|| "this key cannot sign".into(), || "use an RSA, ECDSA or Ed25519 key".into())?;
    Ok(Some(Arc::new(CertifiedKey::new(chain, signing))))
}

fn file(context: &Context, args: &cli::Check, path: &Path) -> anyhow::Result<Checked> {
    let bytes = files::read_named(path)?;
    let mut found = pem::contents(&bytes);
    if found.certificates.is_empty() && CertificateDetails::read(&bytes).is_some() {
        found.certificates.push(bytes.to_vec());
    }
    if found.certificates.is_empty() {
        return Err(no_certificate(path, &bytes, &found).into());
    }
    let mut checked = Checked { place: path.display().to_string(), ..Checked::default() };
    let roots = Roots::gather(context, args)?;
    let own = (found.keys > 0).then(|| path.to_owned());
    if let Some(leaf) = Link::read(&found.certificates[0]) {
        for key in own.iter().chain(&args.key) {
            let found = key_of(key, &leaf)?.into_iter();
            let hint = |finding: Finding| Finding { fix: roots.hint(&leaf, &finding.fix), ..finding };
            checked.findings.extend(found.map(hint));
        }
    }
    let leaf = CertificateDetails::read(&found.certificates[0]);
    let is_of_client = |leaf: &CertificateDetails| leaf.usages == [Usage::Client];
    let client = args.client || args.name.is_none() && leaf.as_ref().is_some_and(is_of_client);
    if client && !args.client {
        context.report.note("judged as a client certificate, since it is for clients only");
    }
    let expected = Expectation { name: args.name.as_deref(), client, now: context.now, stapled: None };
    chain(args, &roots, &found.certificates, &expected, &mut checked)?;
    // A CA certificate on its own is not meant to be used as a leaf.
    if args.name.is_none() && !args.client && leaf.is_some_and(|leaf| leaf.is_ca) {
        context.report.note("judged as a CA's certificate; to judge it as a server's: --name HOST");
        let of_leaves = [&CA_AS_LEAF, &WRONG_USAGE, &WRONG_KEY_USAGE];
        checked.findings.retain(|finding| !of_leaves.contains(&finding.fault));
    }
    Ok(checked)
}

/// The error for a file without certificates, saying what it contains instead: some files are often mistaken
/// for certificates.
fn no_certificate(path: &Path, bytes: &[u8], found: &pem::Contents) -> Fault {
    let shown = path.display();
    let count = |mark: &str| String::from_utf8_lossy(bytes).matches(mark).count();
    if count("-----BEGIN ") > count("-----END ") {
        return Fault::new(
            format!("{shown} is cut off: a line with END is missing"),
            "restore the file, or issue again",
        );
    }
    if found.keys > 0 {
        let hint = "check its certificate, and that they match: devca check CERTIFICATE --key FILE";
        return Fault::new(format!("{shown} is a private key, not a certificate"), hint);
    }
    if !found.requests.is_empty() {
        let hint = format!("sign it: devca issue --csr {}", quoted(path));
        return Fault::new(format!("{shown} is a CSR, not a certificate"), hint);
    }
    let hint = "use a certificate in PEM or DER; devca inspect reads PKCS#12";
    Fault::new(format!("{shown} contains no certificate"), hint)
}

fn key_of(path: &Path, leaf: &Link) -> anyhow::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let key = pem::first_key_of(path, &files::read_named(path)?)?;
    let public_key = rcgen::PublicKeyData::subject_public_key_info(&*key);
    if crate::x509::certificate::Leaf::parse(&leaf.der).is_some_and(|leaf| leaf.public_key != public_key) {
        let what = format!("{} does not match this certificate", path.display());
        let fix = format!("{} --force", issue(&leaf.details));
        findings.push(Finding::new(&KEY_MISMATCH, what, fix));
    }
    if files::too_open(path).is_some() {
        let what = format!("{} is readable by other users", path.display());
        findings.push(Finding::new(&KEY_READABLE, what, format!("chmod 600 {}", quoted(path))));
    }
    Ok(findings)
}

/// Whether the chain ends at a trusted certificate that is not a root to OpenSSL.
fn is_partial(chain: &Chain) -> bool {
    !path::is_self_issued(chain.top())
}

/// Reports what only OpenSSL or `GnuTLS` find, because they take the first issuer that matches instead of
/// searching for a good one.
fn by_libraries(
    args: &cli::Check,
    roots: &Roots,
    search: &Search,
    chain: &Chain,
    links: &[Link],
    expected: &Expectation,
    checked: &mut Checked,
) {
    let now = expected.now;
    for (other, library) in
        [(search.by_openssl(now), Library::OpenSsl), (search.by_gnutls(now), Library::GnuTls)]
    {
        let is_said = |finding: &Finding| finding.words.iter().any(|words| words.library() == Some(library));
        let Some(other) = other.filter(|_| !checked.findings.iter().any(is_said)) else { continue };
        // OpenSSL continues to a root if it can.
        if library == Library::OpenSsl && is_partial(chain) {
            if other.end != End::Anchor || is_partial(&other) {
                checked.findings.push(trust::is_not_a_root(chain));
            }
            continue;
        }
        let mut findings = judge::judge(&other, links, expected);
        findings.extend(roots.trust(args, expected.client, &other, links.len()).finding);
        let findings = findings.into_iter().map(|finding| {
            let what =
                format!("{}; {library} uses that certificate without looking for a better one", finding.what);
            Finding { what, ..finding.said_by(&[library]) }
        });
        checked.findings.extend(findings.filter(|finding| !finding.words.is_empty()));
    }
}

/// Builds and judges the chain, and determines who trusts its root.
fn chain(
    args: &cli::Check,
    roots: &Roots,
    sent: &[Vec<u8>],
    expected: &Expectation,
    checked: &mut Checked,
) -> anyhow::Result<()> {
    let links: Vec<Link> = sent.iter().filter_map(|der| Link::read(der)).collect();
    let search = Search::new(&links, &roots.anchors, &roots.others);
    let count = |chain: &Chain| judge::judge(chain, &links, expected).len();
    let Some(chain) = search.best(&count) else {
        if !sent.is_empty() {
            let fix = "devca issue NAMES creates one that can";
            checked
                .findings
                .push(Finding::new(&NOT_TLS, "the certificate cannot be read", fix).saying(|_| false));
        }
        return Ok(());
    };
    let before = checked.findings.len();
    checked.findings.extend(judge::judge(&chain, &links, expected));
    if let Some(at) = sent.iter().position(|der| Link::read(der).is_none()) {
        let what = format!("certificate {} of {} cannot be read", at + 1, sent.len());
        let fix = format!("{} --format pem,fullchain", issue(&chain.leaf().details));
        // Its message is only known for a leaf that others can read.
        let said = |words: &Words| words.client != Client::Firefox;
        checked.findings.push(Finding::new(&MALFORMED, what, fix).saying(said));
    }
    let Trust { finding, trusted_by, not_trusted_by } =
        roots.trust(args, expected.client, &chain, links.len());
    checked.findings.extend(finding);
    if chain.end == End::Anchor {
        by_libraries(args, roots, &search, &chain, &links, expected, checked);
    }
    if !trusted_by.is_empty() && !expected.client {
        (checked.programs, checked.program_lines) = roots.by_programs(&chain);
    }
    (checked.trusted_by, checked.not_trusted_by) = (trusted_by, not_trusted_by);
    checked.findings.extend(roots.revoked(&chain)?);
    for finding in &mut checked.findings[before..] {
        finding.fix = roots.hint(chain.leaf(), &finding.fix);
    }
    let linked =
        |(link, source): &(&Link, Source)| Linked { certificate: link.details.clone(), source: *source };
    checked.chain = chain.links.iter().map(linked).collect();
    Ok(())
}
