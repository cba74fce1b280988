//! Certificates that violate RFC 5280. Which clients reject them was determined by experiment
//! (tests/check/judges.rs).

use x509_parser::extensions::{ParsedExtension, X509Extension};
use x509_parser::prelude::X509Certificate;

use super::Finding;
use super::catalogue::{EXPLICIT_CURVE, Library, MALFORMED, Words};
use super::chain::{Chain, Link};
use super::names::{AnyName, Limits, Names};

use Library::{GnuTls, Go, OpenSsl, Webpki};

/// The four libraries that were measured.
pub(super) const EVERY_LIBRARY: &[Library] = &[OpenSsl, GnuTls, Go, Webpki];

/// Something malformed, and the libraries that reject the certificate for it.
#[derive(Debug, Clone)]
pub struct Defect {
    what: String,
    refused_by: &'static [Library],
    /// The name of the extension that cannot be decoded, if that is what is wrong.
    damaged: Option<&'static str>,
}

impl Defect {
    fn new(what: impl Into<String>, refused_by: &'static [Library]) -> Self {
        Self { what: what.into(), refused_by, damaged: None }
    }

    fn in_extension(self, name: &'static str) -> Self {
        Self { damaged: Some(name), ..self }
    }

    /// Whether OpenSSL cannot read the certificate, and never uses it as an issuer.
    pub(super) fn hides_issuer_from_openssl(&self) -> bool {
        self.damaged.is_some() && self.refused_by.contains(&OpenSsl)
    }
}

/// Returns everything that is malformed in a certificate; `rest` is the data after the end of the
/// certificate.
pub(super) fn defects(certificate: &X509Certificate, rest: &[u8]) -> Vec<Defect> {
    let mut defects = Vec::new();
    let mut add = |is_wrong: bool, what: &str, refused_by| {
        if is_wrong {
            defects.push(Defect::new(what, refused_by));
        }
    };
    add(!rest.is_empty(), "there is data after the certificate in the same block", &[GnuTls, Go, Webpki]);
    let (inner, outer) = (&certificate.tbs_certificate.signature, &certificate.signature_algorithm);
    add(inner != outer, "it names two different signature algorithms", EVERY_LIBRARY);
    let has_extensions = !certificate.extensions().is_empty();
    let is_old = certificate.version().0 < 2;
    add(is_old && has_extensions, "it has extensions, but is not of version 3", &[GnuTls, Go, Webpki]);
    add(certificate.extensions_map().is_err(), "it has the same extension twice", EVERY_LIBRARY);
    for extension in certificate.iter_extensions() {
        defects.extend(unreadable(extension));
    }
    defects.extend(Names::of(certificate).alternative.iter().filter_map(bad_name));
    if let Some(limits) = Limits::of(certificate) {
        if limits.all().next().is_none() {
            defects.push(Defect::new("its name constraints are empty", &[Go]));
        }
        defects.extend(limits.all().filter_map(bad_constraint));
        if limits.has_distance {
            defects.push(Defect::new("its name constraints use minimum or maximum", &[OpenSsl, Webpki]));
        }
    }
    defects
}

/// Whether this is the basicConstraints extension of a CA with a negative path length, which Go and `GnuTLS` ignore.
pub(super) fn has_negative_path_length(extension: &X509Extension) -> bool {
    // A sequence of TRUE and an integer of one octet.
    let [0x30, 6, 1, 1, 0xff, 2, 1, length] = extension.value else { return false };
    extension.oid.to_id_string() == BASIC_CONSTRAINTS && length & 0x80 != 0
}

/// The extension that says whether a certificate is a CA's.
pub(super) const BASIC_CONSTRAINTS: &str = "2.5.29.19";

/// Reports an extension that cannot be decoded.
fn unreadable(extension: &X509Extension) -> Option<Defect> {
    match extension.parsed_extension() {
        ParsedExtension::ExtendedKeyUsage(usage)
            if !(usage.any
                || usage.server_auth
                || usage.client_auth
                || usage.code_signing
                || usage.email_protection
                || usage.time_stamping
                || usage.ocsp_signing)
                && usage.other.is_empty() =>
        {
            return Some(Defect::new("its extended key usage is empty", &[OpenSsl, Webpki]));
        }
        ParsedExtension::ParseError { .. } => {}
        _ => return None,
    }
    if has_negative_path_length(extension) {
        return Some(
            Defect::new("its path length is negative", &[OpenSsl, Webpki]).in_extension("basicConstraints"),
        );
    }
    // Few libraries notice damage in the other extensions.
    let (name, refused_by) = match extension.oid.to_id_string().as_str() {
        "2.5.29.14" => ("subjectKeyIdentifier", EVERY_LIBRARY),
        "2.5.29.15" => ("keyUsage", &[OpenSsl, GnuTls, Go][..]),
        "2.5.29.17" => ("subjectAltName", EVERY_LIBRARY),
        "2.5.29.19" => ("basicConstraints", &[OpenSsl, Go, Webpki][..]),
        "2.5.29.30" => ("nameConstraints", EVERY_LIBRARY),
        "2.5.29.35" => ("authorityKeyIdentifier", EVERY_LIBRARY),
        "2.5.29.37" => ("extKeyUsage", EVERY_LIBRARY),
        _ => return None,
    };
    Some(Defect::new(format!("its extension {name} is damaged"), refused_by).in_extension(name))
}

fn bad_name(name: &AnyName) -> Option<Defect> {
    let refused_by: &[Library] = match name {
        AnyName::Dns(text) if text.is_empty() => &[GnuTls],
        AnyName::Dns(text) if !text.is_ascii() => &[Go],
        AnyName::Ip(octets) if octets.is_empty() => &[GnuTls, Go],
        AnyName::Ip(octets) if ![4, 16].contains(&octets.len()) => &[Go],
        AnyName::Unreadable(tag) if *tag > 8 => &[OpenSsl, GnuTls],
        _ => return None,
    };
    Some(Defect::new(
        format!("it contains {name:?}, which is not a valid name", name = name.to_string()),
        refused_by,
    ))
}

fn bad_constraint(constraint: &AnyName) -> Option<Defect> {
    let has_empty_label = |text: &str| {
        let labels = text.strip_prefix('.').unwrap_or(text);
        !labels.is_empty() && labels.split('.').any(str::is_empty)
    };
    let refused_by: &[Library] = match constraint {
        AnyName::Dns(text) if has_empty_label(text) => &[GnuTls, Go, Webpki],
        AnyName::Dns(text) if !text.is_ascii() => &[Go, Webpki],
        AnyName::Dns(text) if text.contains('*') => &[Webpki],
        AnyName::Ip(octets) if !is_network(octets) => &[GnuTls, Go],
        AnyName::Unreadable(tag) if *tag > 8 => EVERY_LIBRARY,
        _ => return None,
    };
    let what = match constraint {
        AnyName::Ip(_) => "an address range in its name constraints is malformed".into(),
        other => format!("{:?} in its name constraints is malformed", other.to_string()),
    };
    let defect = Defect::new(what, refused_by);
    let is_undecodable = matches!(constraint, AnyName::Unreadable(_));
    Some(if is_undecodable { defect.in_extension("nameConstraints") } else { defect })
}

/// Whether this is an address followed by a contiguous mask.
fn is_network(octets: &[u8]) -> bool {
    let mask = octets.get(octets.len() / 2..).unwrap_or_default();
    let ones: u32 = mask.iter().map(|octet| octet.leading_ones()).take_while(|ones| *ones == 8).sum();
    let first = usize::try_from(ones / 8).unwrap_or(usize::MAX);
    let has_hole = mask.get(first).is_some_and(|octet| octet.leading_ones() + octet.trailing_zeros() < 8)
        || mask.iter().skip(first + 1).any(|octet| *octet != 0);
    [8, 32].contains(&octets.len()) && !has_hole
}

/// Reports everything that is malformed in the certificates of a chain.
pub(super) fn judge(chain: &Chain) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (link, _) in &chain.links {
        let is_root = chain.is_root(link) && chain.links.len() > 1;
        findings.extend(link.defects.iter().take(3).map(|defect| malformed(link, defect, is_root)));
        if link.has_explicit_curve {
            let what = format!(
                "{} spells out its curve's parameters instead of naming the curve",
                link.details.subject
            );
            // Only OpenSSL and Go check the leaf's key for that.
            let is_leaf = std::ptr::eq(*link, chain.leaf());
            let refused_by = if is_leaf { &[OpenSsl, Go][..] } else { EVERY_LIBRARY };
            findings.push(Finding::new(&EXPLICIT_CURVE, what, FIX).said_by(refused_by));
        }
    }
    findings
}

const FIX: &str = "reissue it with a current tool: devca issue NAMES";

fn malformed(link: &Link, defect: &Defect, is_root: bool) -> Finding {
    let what = format!("{}: {}", link.details.subject, defect.what);
    // Some extensions of a root are not read.
    let unread_by = match defect.damaged.filter(|_| is_root) {
        Some("basicConstraints") => Some(Webpki),
        Some("extKeyUsage") => Some(GnuTls),
        _ => None,
    };
    let is_read = |words: &Words| unread_by.is_none() || words.library() != unread_by;
    Finding::new(&MALFORMED, what, FIX).said_by(defect.refused_by).saying(is_read)
}
