//! The names in certificates and the constraints on them, as encoded. Unlike [`crate::x509::name`], this
//! covers names that devca does not issue.

use std::net::IpAddr;

use x509_parser::asn1_rs::{Any, Tag};
use x509_parser::extensions::{GeneralName, GeneralSubtree, ParsedExtension};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

use crate::x509::canonical::Canonical;

/// A general name (RFC 5280 §4.2.1.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnyName {
    /// A host name, not necessarily a valid one.
    Dns(String),
    /// An email address.
    Email(String),
    Uri(String),
    /// An address, or an address followed by a mask.
    Ip(Vec<u8>),
    /// A distinguished name in DER.
    Directory(Vec<u8>),
    /// A kind of name that none of the clients read, by its tag.
    Other(u32),
    /// A malformed name, or a tag that is not defined.
    Unreadable(u32),
}

/// All names in a certificate.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// The subject alternative names.
    pub alternative: Vec<AnyName>,
    /// The subject in DER; empty if the subject is empty.
    pub subject: Vec<u8>,
    /// The common names; some clients use them as host names if there are no others.
    pub common: Vec<String>,
    /// The email addresses in the subject. RFC 5280 §4.2.1.10 applies constraints on mailboxes to them.
    pub mailboxes: Vec<AnyName>,
}

/// The name constraints of a certificate.
#[derive(Debug, Clone, Default)]
pub struct Limits {
    /// The permitted subtrees: a name of a kind listed here must be within one of them.
    pub permitted: Vec<AnyName>,
    /// The excluded subtrees: a name within one of them is rejected.
    pub excluded: Vec<AnyName>,
    /// Whether the extension is critical.
    pub is_critical: bool,
    /// Whether a constraint has a minimum or maximum, which RFC 5280 §4.2.1.10 forbids.
    pub has_distance: bool,
}

impl AnyName {
    fn of(general: &GeneralName) -> Self {
        match general {
            GeneralName::DNSName(text) => Self::Dns((*text).to_owned()),
            GeneralName::RFC822Name(text) => Self::Email((*text).to_owned()),
            GeneralName::URI(text) => Self::Uri((*text).to_owned()),
            GeneralName::IPAddress(octets) => Self::Ip(octets.to_vec()),
            GeneralName::DirectoryName(name) => Self::Directory(name.as_raw().to_vec()),
            GeneralName::OtherName(..) => Self::Other(0),
            GeneralName::X400Address(_) => Self::Other(3),
            GeneralName::EDIPartyName(_) => Self::Other(5),
            GeneralName::RegisteredID(_) => Self::Other(8),
            // The octets are not UTF-8, but clients compare them as a host name all the same.
            GeneralName::Invalid(tag, octets) if tag.0 == 2 => {
                Self::Dns(octets.iter().map(|octet| char::from(*octet)).collect())
            }
            GeneralName::Invalid(tag, _) => Self::Unreadable(tag.0),
        }
    }

    /// Whether both names are of the same kind.
    pub fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Other(own), Self::Other(other)) => own == other,
            (own, other) => std::mem::discriminant(own) == std::mem::discriminant(other),
        }
    }

    /// Whether this is a URI with a host name in it.
    pub fn has_host(&self) -> bool {
        matches!(self, Self::Uri(uri) if host_of(uri).is_some())
    }

    /// Whether this is a URI with a host name or an address in it.
    pub fn has_authority(&self) -> bool {
        matches!(self, Self::Uri(uri) if authority_of(uri).is_some())
    }

    /// Whether this is a wildcard that stands for `base`, among other names.
    pub fn covers(&self, base: &Self) -> bool {
        let (Self::Dns(name), Self::Dns(base)) = (self, base) else { return false };
        let parent = base.split_once('.').map(|(_, parent)| parent);
        name.strip_prefix("*.").zip(parent).is_some_and(|(own, parent)| own.eq_ignore_ascii_case(parent))
    }

    /// Whether the constraint `base` covers this name (RFC 5280 §4.2.1.10).
    pub fn is_within(&self, base: &Self) -> bool {
        match (self, base) {
            (Self::Dns(name), Self::Dns(base)) => is_below(name, base),
            (Self::Email(name), Self::Email(base)) => is_mailbox_of(name, base),
            (Self::Uri(uri), Self::Uri(base)) => host_of(uri).is_some_and(|host| is_host_of(host, base)),
            (Self::Ip(address), Self::Ip(base)) => is_in_network(address, base),
            (Self::Directory(name), Self::Directory(base)) => has_prefix(name, base),
            _ => false,
        }
    }
}

impl std::fmt::Display for AnyName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Dns(text) if text.is_empty() => f.write_str("an empty host name"),
            Self::Dns(text) | Self::Email(text) | Self::Uri(text) => {
                f.write_str(&crate::report::printable(text))
            }
            Self::Ip(octets) => match crate::x509::name::address(octets) {
                Some(ip) => write!(f, "{ip}"),
                None => write!(f, "an address of {} octets", octets.len()),
            },
            Self::Directory(_) => f.write_str("a directory name"),
            Self::Other(tag) | Self::Unreadable(tag) => write!(f, "a name of type {tag}"),
        }
    }
}

/// `app.test` is below `test` and `app.test`, but not below `.app.test`: a leading dot requires at least one
/// more label.
fn is_below(name: &str, base: &str) -> bool {
    let (name, base) = (name.to_ascii_lowercase(), base.to_ascii_lowercase());
    match name.strip_suffix(&base) {
        Some("") => !base.starts_with('.'),
        Some(left) => base.is_empty() || base.starts_with('.') || left.ends_with('.'),
        None => false,
    }
}

/// Whether `base` covers the host: exactly that host or, with a leading dot, the hosts below it.
fn is_host_of(host: &str, base: &str) -> bool {
    if base.starts_with('.') { is_below(host, base) } else { host.eq_ignore_ascii_case(base) }
}

/// Whether `base` covers the mailbox: exactly that mailbox, all mailboxes of a host, or all mailboxes of the
/// hosts below a domain.
fn is_mailbox_of(name: &str, base: &str) -> bool {
    let Some((local, host)) = name.rsplit_once('@') else { return false };
    match base.rsplit_once('@') {
        Some((own, at)) => own == local && host.eq_ignore_ascii_case(at),
        None => base.is_empty() || is_host_of(host, base),
    }
}

/// The host of a URI, which may be an address.
fn authority_of(uri: &str) -> Option<&str> {
    let rest = uri.split_once("://")?.1;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    let host = if host.starts_with('[') { host } else { host.split(':').next()? };
    (!host.is_empty()).then_some(host)
}

/// The host name of a URI; `None` if it is an IP address.
fn host_of(uri: &str) -> Option<&str> {
    authority_of(uri).filter(|host| !host.starts_with('[') && host.parse::<IpAddr>().is_err())
}

fn is_in_network(address: &[u8], base: &[u8]) -> bool {
    let (network, mask) = base.split_at(base.len() / 2);
    address.len() == network.len()
        && mask.len() == network.len()
        && address.iter().zip(network).zip(mask).all(|((own, network), mask)| own & mask == network & mask)
}

/// Whether a distinguished name begins with all parts of `base`, compared as OpenSSL does.
fn has_prefix(name: &[u8], base: &[u8]) -> bool {
    let canonical = |der| X509Name::from_der(der).ok().map(|(_, name)| Canonical::of(&name));
    canonical(name).zip(canonical(base)).is_some_and(|(name, base)| name.starts_with(&base))
}

impl Names {
    pub(super) fn of(certificate: &X509Certificate) -> Self {
        let alternative = certificate.iter_extensions().filter_map(|e| match e.parsed_extension() {
            ParsedExtension::SubjectAlternativeName(names) => {
                Some(names.general_names.iter().map(AnyName::of))
            }
            _ => None,
        });
        let subject = certificate.subject();
        let common = subject.iter_common_name().filter_map(|name| name.as_str().ok());
        Self {
            alternative: alternative.flatten().collect(),
            common: common.map(ToOwned::to_owned).collect(),
            mailboxes: subject.iter_email().map(mailbox).collect(),
            subject: if subject.iter().next().is_some() { subject.as_raw().to_vec() } else { Vec::new() },
        }
    }

    /// The common names that OpenSSL, `GnuTLS` and Java check against name constraints: those that look like
    /// host names, if there are no alternative host names. Wildcards are not among them, because these
    /// libraries let them pass (openssl/openssl#30346).
    pub fn common_as_hosts(&self) -> impl Iterator<Item = AnyName> + '_ {
        let has_host = self.alternative.iter().any(|name| matches!(name, AnyName::Dns(_)));
        let is_host = |name: &&String| {
            let is_label = |label: &str| {
                !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
            };
            name.contains('.') && name.split('.').all(is_label) && name.parse::<IpAddr>().is_err()
        };
        self.common.iter().filter(move |name| !has_host && is_host(name)).cloned().map(AnyName::Dns)
    }
}

/// An email address in a subject, which must be an `IA5String` (RFC 5280, appendix A.1).
fn mailbox(attribute: &AttributeTypeAndValue) -> AnyName {
    let is_ascii = attribute.attr_value().tag() == Tag::Ia5String;
    match attribute.as_str() {
        Ok(text) if is_ascii => AnyName::Email(text.to_owned()),
        _ => AnyName::Unreadable(1),
    }
}

impl Limits {
    pub(super) fn of(certificate: &X509Certificate) -> Option<Self> {
        let list = |subtrees: Option<&Vec<GeneralSubtree>>| -> Vec<AnyName> {
            subtrees.into_iter().flatten().map(|subtree| AnyName::of(&subtree.base)).collect()
        };
        certificate.iter_extensions().find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::NameConstraints(constraints) => Some(Self {
                permitted: list(constraints.permitted_subtrees.as_ref()),
                excluded: list(constraints.excluded_subtrees.as_ref()),
                is_critical: extension.critical,
                has_distance: has_distance(extension.value),
            }),
            _ => None,
        })
    }

    /// All permitted and excluded subtrees.
    pub fn all(&self) -> impl Iterator<Item = &AnyName> {
        self.permitted.iter().chain(&self.excluded)
    }
}

/// Whether a constraint has anything after its name, which x509-parser ignores.
fn has_distance(extension: &[u8]) -> bool {
    let parts = |der: &[u8]| -> Vec<Vec<u8>> {
        let (mut rest, mut found) = (der, Vec::new());
        while let Ok((next, any)) = Any::from_der(rest) {
            found.push(any.data.to_vec());
            rest = next;
        }
        found
    };
    let lists = parts(extension).into_iter().flat_map(|content| parts(&content));
    let mut subtrees = lists.flat_map(|list| parts(&list));
    subtrees.any(|subtree| parts(&subtree).len() > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constraints_cover_what_rfc_5280_says() {
        let dns = |text: &str| AnyName::Dns(text.into());
        let email = |text: &str| AnyName::Email(text.into());
        let uri = |text: &str| AnyName::Uri(text.into());
        let ip = |octets: &[u8]| AnyName::Ip(octets.into());
        for (name, base, expected) in [
            (dns("app.test"), dns("test"), true),
            (dns("APP.test"), dns("app.TEST"), true),
            (dns("app.test"), dns(""), true),
            (dns("app.test"), dns(".test"), true),
            (dns("app.test"), dns(".app.test"), false),
            (dns("nottest"), dns("test"), false),
            (dns("app.test"), email("test"), false),
            (email("a@app.test"), email("app.test"), true),
            (email("a@b.app.test"), email("app.test"), false),
            (email("a@b.app.test"), email(".app.test"), true),
            (email("a@app.test"), email("a@APP.test"), true),
            (email("A@app.test"), email("a@app.test"), false),
            (email("nobody"), email("nobody"), false),
            (uri("https://me@app.test:1/x"), uri("app.test"), true),
            (uri("https://a.app.test"), uri("app.test"), false),
            (uri("https://a.app.test"), uri(".app.test"), true),
            (uri("https://127.0.0.1/"), uri("127.0.0.1"), false),
            (uri("urn:app.test"), uri("app.test"), false),
            (ip(&[10, 1, 2, 3]), ip(&[10, 0, 0, 0, 255, 0, 0, 0]), true),
            (ip(&[11, 1, 2, 3]), ip(&[10, 0, 0, 0, 255, 0, 0, 0]), false),
            (ip(&[10, 1, 2, 3]), ip(&[0; 32]), false),
            (ip(&[10, 1, 2, 3]), ip(&[10, 0, 0, 0, 255]), false),
            (ip(&[]), ip(&[]), true),
        ] {
            assert_eq!(name.is_within(&base), expected, "{name:?} {base:?}");
        }
    }
}
