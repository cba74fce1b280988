//! TLS features (RFC 7633): what the server's handshake must contain, such as a stapled OCSP response ("must-staple"), and
//! what the certificates below a CA must require as well. Only `GnuTLS` and Firefox look at them; how was determined by
//! experiment (tests/check/features.rs).

use x509_parser::asn1_rs::FromDer;
use x509_parser::prelude::X509Certificate;

use super::catalogue::{Case, Client, Library, MALFORMED, MUST_STAPLE, Words};
use super::chain::{Chain, Link, Source};
use super::judge::Expectation;
use super::{Finding, issue};

/// The object identifier of the extension.
pub(super) const OID: &str = "1.3.6.1.5.5.7.1.24";

/// The TLS extension `status_request`, with which a client asks for a stapled OCSP response (RFC 6066 §8).
const STATUS_REQUEST: u64 = 5;

/// The TLS features that a certificate requires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Features {
    /// The extension's value, DER-encoded.
    value: Vec<u8>,
    /// The numbers of the TLS extensions; `None` if they cannot be decoded.
    listed: Option<Vec<u64>>,
}

impl Features {
    /// Returns `None` if the certificate requires none.
    pub(super) fn of(certificate: &X509Certificate) -> Option<Self> {
        let extension =
            certificate.iter_extensions().find(|extension| extension.oid.to_id_string() == OID)?;
        let listed = <Vec<u64>>::from_der(extension.value).ok().filter(|(rest, _)| rest.is_empty());
        Some(Self { value: extension.value.to_vec(), listed: listed.map(|(_, listed)| listed) })
    }

    fn require_staple(&self) -> bool {
        self.listed.iter().flatten().any(|feature| *feature == STATUS_REQUEST)
    }

    /// Whether the list is damaged or empty.
    fn are_malformed(&self) -> bool {
        self.listed.as_ref().is_none_or(Vec::is_empty)
    }
}

/// Reports required features that are missing.
pub(super) fn judge(chain: &Chain, expected: &Expectation) -> Vec<Finding> {
    let pairs = chain.links.windows(2).filter_map(|pair| not_inherited(pair[0].0, pair[1].0));
    let mut findings: Vec<Finding> = pairs.collect();
    findings.extend(of_leaf(chain.leaf()));
    findings.extend((expected.stapled.is_some()).then(|| not_stapled(chain, expected)).flatten());
    findings
}

/// What a CA requires, the certificates below it must require, too. `GnuTLS` accepts additional features, Firefox does not.
fn not_inherited(below: &Link, ca: &Link) -> Option<Finding> {
    let required = ca.features.as_ref()?;
    let has = below.features.as_ref().and_then(|features| features.listed.as_ref());
    let lacks = |feature: &u64| has.is_none_or(|listed| !listed.contains(feature));
    let gnutls_refuses = required.listed.as_ref().is_none_or(|listed| listed.iter().any(lacks));
    let firefox_refuses = required.are_malformed() || below.features.as_ref() != Some(required);
    let said = |words: &Words| match words.library() {
        Some(Library::GnuTls) => gnutls_refuses && words.when == Case::NotInherited,
        Some(Library::Firefox) => firefox_refuses,
        _ => false,
    };
    (gnutls_refuses || firefox_refuses).then(|| {
        let (below, ca) = (&below.details.subject, &ca.details.subject);
        let what = format!("{below} does not require the TLS features that its CA {ca} requires (RFC 7633)");
        let fix = "get it issued by a CA without TLS features: devca issue NAMES";
        Finding::new(&MUST_STAPLE, what, fix).saying(said)
    })
}

/// Firefox reads the leaf's features, and knows only stapling.
fn of_leaf(leaf: &Link) -> Option<Finding> {
    let features = leaf.features.as_ref()?;
    let (subject, fix) = (&leaf.details.subject, issue(&leaf.details));
    if features.are_malformed() {
        let what = format!("{subject}: its list of TLS features is damaged or empty");
        return Some(Finding::new(&MALFORMED, what, fix).said_by(&[Library::Firefox]));
    }
    let other = features.listed.iter().flatten().find(|feature| **feature != STATUS_REQUEST)?;
    let what = format!("{subject} requires the TLS feature {other}, which Firefox does not support");
    Some(Finding::new(&MUST_STAPLE, what, fix).said_by(&[Library::Firefox]))
}

/// Firefox wants a stapled response for the leaf, `GnuTLS` one for every certificate that the server sends. Most servers can
/// only staple one for the leaf.
fn not_stapled(chain: &Chain, expected: &Expectation) -> Option<Finding> {
    let is_sent = |source: Source| source == Source::Sent;
    let requires = |link: &Link| link.features.as_ref().is_some_and(Features::require_staple);
    let is_stapled = |link: &Link| expected.stapled == Some(true) && std::ptr::eq(link, chain.leaf());
    let mut sent = chain.links.iter().filter(|(_, source)| is_sent(*source)).map(|(link, _)| *link);
    let link = sent.find(|link| requires(link) && !is_stapled(link))?;
    let subject = &link.details.subject;
    let is_leaf = std::ptr::eq(link, chain.leaf());
    let said =
        |words: &Words| words.when != Case::NotInherited && (is_leaf || words.client == Client::GnuTls);
    let what =
        format!("{subject} requires a stapled OCSP response (must-staple), which the server does not send");
    let fix = if is_leaf {
        format!(
            "turn on OCSP stapling in the server, or use a certificate without must-staple: {}",
            issue(&link.details)
        )
    } else {
        "get it issued by a CA without must-staple: devca issue NAMES".into()
    };
    Some(Finding::new(&MUST_STAPLE, what, fix).saying(said))
}
