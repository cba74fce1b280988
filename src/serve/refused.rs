//! Explains why a client's certificate was rejected, in the words of `devca check`.

use rustls::{CertificateError, Error};
use time::OffsetDateTime;

use super::clients::ClientCas;
use super::tls_error;
use crate::check::chain::{Chain, End, Link};
use crate::check::judge::{self, Expectation};
use crate::check::path::Search;
use crate::check::{Finding, words};
use crate::x509::details::CertificateDetails;

/// What is wrong, and how to fix it.
pub(super) fn reason(
    chain: &[Vec<u8>],
    cas: &ClientCas,
    error: &Error,
    now: OffsetDateTime,
) -> (String, String) {
    let sent: Vec<Link> = chain.iter().filter_map(|der| Link::read(der)).collect();
    let Some(leaf) = sent.first() else {
        return ("its certificate cannot be read".into(), String::new());
    };
    let details = &leaf.details;
    if let Error::InvalidCertificate(CertificateError::Revoked) = error {
        return revoked(details, cas);
    }
    if let Error::InvalidCertificate(
        CertificateError::ExpiredRevocationList | CertificateError::ExpiredRevocationListContext { .. },
    ) = error
    {
        let fix = adapted("write a new one: devca crl", "write a new one with the client CA", cas);
        return ("the revocation list has expired".into(), fix);
    }
    let anchors: Vec<Link> = cas.roots.iter().filter_map(|der| Link::read(der)).collect();
    let expected = Expectation { name: None, client: true, now, stapled: None };
    let count = |chain: &Chain| judge::judge(chain, &sent, &expected).len();
    let search = Search::new(&sent, &anchors, &[]);
    let best = search.best(&count);
    let mut findings = best.as_ref().map(|chain| judge::judge(chain, &sent, &expected)).unwrap_or_default();
    findings.sort_by_key(Finding::rank);
    if best.is_none_or(|chain| chain.end != End::Anchor) {
        let what = format!(
            "{} was issued by {}, which this server does not accept",
            details.subject, details.issuer
        );
        let fix = match &cas.option {
            Some(_) => format!("{}, or --client-ca with its CA", issue(details, cas)),
            None => "add the CA to the --client-ca file".into(),
        };
        return (what, fix);
    }
    match findings.into_iter().next() {
        Some(finding) => (finding.what, fix_of(&finding.fix, cas)),
        // The library rejects something that `check` does not cover.
        None => (format!("{}: {}", details.subject, tls_error::reason(error)), String::new()),
    }
}

/// The best chain from the certificates that a client sent, the leaf first, as `devca check` finds it.
pub(super) fn best_chain(chain: &[Vec<u8>], cas: &ClientCas, now: OffsetDateTime) -> Vec<CertificateDetails> {
    let sent: Vec<Link> = chain.iter().filter_map(|der| Link::read(der)).collect();
    let anchors: Vec<Link> = cas.roots.iter().filter_map(|der| Link::read(der)).collect();
    let expected = Expectation { name: None, client: true, now, stapled: None };
    let search = Search::new(&sent, &anchors, &[]);
    let best = search.best(&|chain: &Chain| judge::judge(chain, &sent, &expected).len());
    let links = best.map(|chain| chain.links).unwrap_or_default();
    links.into_iter().map(|(link, _)| link.details.clone()).collect()
}

/// A fix with commands for the CA of the clients, or another one if that is not devca's.
fn adapted(commands: &str, otherwise: &str, cas: &ClientCas) -> String {
    cas.option.as_ref().map_or_else(|| otherwise.to_owned(), |option| option.hint(commands))
}

/// Adapts the fix of a finding. The client itself need not be restarted.
fn fix_of(fix: &str, cas: &ClientCas) -> String {
    adapted(fix.trim_end_matches(", then restart the server"), "issue another one with the client CA", cas)
}

/// The command that issues a certificate for this client.
fn issue(details: &CertificateDetails, cas: &ClientCas) -> String {
    let name = details.common_name.as_ref().or(details.names.first()).cloned();
    let command = format!("devca issue --client {}", words(&[name.unwrap_or_else(|| "NAME".into())]));
    adapted(&command, "issue another one with the client CA", cas)
}

/// The reason for a client without a certificate.
pub(super) fn missing(cas: &ClientCas) -> (&'static str, String) {
    let hint = "issue one: devca issue --client NAME; for browsers: devca browser add NAME";
    (
        "it sent no certificate",
        adapted(hint, "issue one with the client CA, and configure it in the client", cas),
    )
}

/// The reason for a revoked certificate.
pub(super) fn revoked(details: &CertificateDetails, cas: &ClientCas) -> (String, String) {
    let force = if cas.option.is_some() { " --force" } else { "" };
    (format!("{} was revoked", details.subject), format!("{}{force}", issue(details, cas)))
}
