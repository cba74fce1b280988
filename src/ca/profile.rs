//! The contents of roots, intermediates, server leaves and client leaves. The numbers are in [`policy`].

use std::borrow::Cow;
use std::fmt::Write as _;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, KeyUsagePurpose, SanType,
    SerialNumber, string::Ia5String,
};

use crate::x509::constraints::Constraints;
use crate::x509::kind::Kind;
use crate::x509::name::Name;
use crate::x509::policy::{self, LEAF_ORGANIZATION, ROOT_ORGANIZATION};
use crate::x509::subject::Subject;
use crate::x509::validity::Validity;

/// A root that can sign certificates and revocation lists within its constraints. Without the extended key
/// usages, a thief of the key could also sign email and code that the system's store would trust.
pub fn root(
    common_name: &str,
    constraints: &Constraints,
    validity: Validity,
    serial: [u8; 16],
) -> CertificateParams {
    let mut params = base(validity, serial);
    // iOS shows only the common name in its list of roots.
    params.distinguished_name = distinguished_name(Some(&clip(common_name)), ROOT_ORGANIZATION);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.extended_key_usages = Kind::Both.usages().to_vec();
    params.name_constraints = constraints.to_extension();
    params
}

/// An intermediate that can sign leaves, but no further CAs.
pub fn intermediate(
    common_name: &str,
    constraints: &Constraints,
    validity: Validity,
    serial: [u8; 16],
) -> CertificateParams {
    let mut params = root(common_name, constraints, validity, serial);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.use_authority_key_identifier_extension = true;
    params
}

pub fn leaf(
    kind: Kind,
    subject: &Subject,
    rsa: bool,
    validity: Validity,
    serial: [u8; 16],
) -> CertificateParams {
    let mut params = base(validity, serial);
    let organization = subject.organization.as_deref().unwrap_or(LEAF_ORGANIZATION);
    params.distinguished_name = distinguished_name(subject.common_name.as_deref(), organization);
    if let Some(unit) = &subject.unit {
        params.distinguished_name.push(DnType::OrganizationalUnitName, unit);
    }
    params.subject_alt_names = alternative_names(kind, subject).iter().filter_map(san).collect();
    params.is_ca = IsCa::ExplicitNoCa;
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    if rsa && kind.serves() {
        // RSA key exchange in TLS 1.2 requires this bit. RFC 5480 §3 forbids it for EC keys, and RFC 5280
        // §4.2.1.12 does not allow it with clientAuth.
        params.key_usages.push(KeyUsagePurpose::KeyEncipherment);
    }
    params.extended_key_usages = kind.usages().to_vec();
    params
}

/// The beginning of the URI that devca adds to a client's certificate that has no other name.
pub const CLIENT_URI: &str = "devca:client:";

/// The subject alternative names of a leaf. A client always gets at least one, because BoringSSL rejects a
/// leaf without any below a constrained root. If there is no other, it is the common name as a URI, which no
/// client or constraint treats as a host.
pub fn alternative_names(kind: Kind, subject: &Subject) -> Cow<'_, [Name]> {
    let own = match (kind, subject.names.as_slice(), &subject.common_name) {
        (Kind::Client, [], Some(name)) => vec![Name::Uri(format!("{CLIENT_URI}{}", escaped(name)))].into(),
        (_, names, _) => Cow::Borrowed(names),
    };
    match &subject.stand_in {
        Some(name) => own.iter().chain([name]).cloned().collect(),
        None => own,
    }
}

/// Percent-encodes everything except unreserved characters (RFC 3986 §2.1).
fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |mut escaped, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(byte.into());
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
        escaped
    })
}

fn base(validity: Validity, serial: [u8; 16]) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.not_before = validity.not_before;
    params.not_after = validity.not_after;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    params
}

/// The subject. It is never empty, because that would make the SANs critical (RFC 5280 §4.1.2.6).
fn distinguished_name(common_name: Option<&str>, organization: &str) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::OrganizationName, organization);
    if let Some(name) = common_name {
        subject.push(DnType::CommonName, name);
    }
    subject
}

/// Converts a name for rcgen. Names are always ASCII, so none is dropped.
fn san(name: &Name) -> Option<SanType> {
    let ia5 = |text: &String| Ia5String::try_from(text.clone()).ok();
    match name {
        Name::Dns(host) => ia5(host).map(SanType::DnsName),
        Name::Ip(ip) => Some(SanType::IpAddress(*ip)),
        Name::Email(mailbox) => ia5(mailbox).map(SanType::Rfc822Name),
        Name::Uri(uri) => ia5(uri).map(SanType::URI),
    }
}

fn clip(text: &str) -> String {
    text.chars().take(policy::MAX_COMMON_NAME).collect()
}
