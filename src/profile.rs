//! What a root, a server leaf and a client leaf contain. Every policy number lives here.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyUsagePurpose, SanType, SerialNumber, string::Ia5String,
};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use crate::constraints::{Constraints, Subtree, host_subtree};
use crate::name::Name;
use crate::subject::Subject;

/// A root lives ten years.
pub const ROOT_DAYS: i64 = 3650;
/// An intermediate lives half as long as its root.
pub const INTERMEDIATE_DAYS: i64 = 1825;
/// A certificate is renewed this many days before its end, as ACME clients do.
pub const RENEW_WITHIN_DAYS: i64 = 30;
/// A revocation list is good for a month; a server that finds it older refuses every client.
pub const CRL_DAYS: i64 = 30;
/// What public CAs may give since 2020, and so what every client is used to.
pub const LEAF_DAYS: i64 = 397;
/// Apple refuses server certificates that are valid longer, from user-added roots too (HT210176).
pub const SERVER_MAX_DAYS: i64 = 825;
/// Containers and phones with a slow clock accept a certificate that was made this moment.
pub const BACKDATE: Duration = Duration::hours(1);
/// RFC 5280 appendix A, ub-common-name.
pub const MAX_COMMON_NAME: usize = 64;

/// The organisation in a root's subject: by it stores and people know devca's roots.
pub const ROOT_ORGANIZATION: &str = "devca development CA";
const LEAF_ORGANIZATION: &str = "devca development certificate";

/// Names that never belong to a public site: RFC 2606, 6761, 6762, 8375, ICANN's `internal`, and what routers use.
const DOMAINS: &[&str] = &[
    "localhost",
    "test",
    "example",
    "example.com",
    "example.net",
    "example.org",
    "invalid",
    "local",
    "localdomain",
    "internal",
    "home.arpa",
    "lan",
];
/// Where private IPv4 addresses are: RFC 1122, 1918, 3927, 6598.
const NETWORKS_V4: &[(Ipv4Addr, u8)] = &[
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
];
/// RFC 4291, 4193. A client that checks addresses refuses every IPv6 one where only IPv4 is listed.
const NETWORKS_V6: &[(Ipv6Addr, u8)] = &[
    (Ipv6Addr::LOCALHOST, 128),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7),
];

/// What a root may sign for unless told otherwise: development names, this machine, and any address.
///
/// BoringSSL knows no iPAddress constraints: below a root that has some, it refuses every certificate with an address
/// in it. So addresses are constrained only where that is asked for, or where `more` has some.
pub fn default_constraints(host: Option<&str>, more: &[Subtree], constrain_addresses: bool) -> Constraints {
    let domains = DOMAINS.iter().map(|&domain| Subtree::Dns(domain.into()));
    let mut constraints =
        Constraints { permitted: domains.chain(host.and_then(host_subtree)).collect(), excluded: Vec::new() };
    let has_networks = more.iter().any(Subtree::is_network);
    let networks = private_networks().filter(|_| constrain_addresses || has_networks);
    let (named, ranges) = more.iter().cloned().partition::<Vec<_>, _>(|subtree| !subtree.is_network());
    for subtree in named.into_iter().chain(networks).chain(ranges) {
        constraints.add(subtree);
    }
    constraints
}

/// The addresses that belong to nobody on the Internet. A root that constrains addresses permits all of these.
pub fn private_networks() -> impl Iterator<Item = Subtree> {
    let v4 = NETWORKS_V4.iter().map(|&(ip, bits)| Subtree::Net(IpAddr::V4(ip), bits));
    v4.chain(NETWORKS_V6.iter().map(|&(ip, bits)| Subtree::Net(IpAddr::V6(ip), bits)))
}

/// Whether somebody on the Internet may have this address.
pub fn is_public_address(name: &Name) -> bool {
    matches!(name, Name::Ip(_)) && !private_networks().any(|network| network.covers(name))
}

/// What a leaf is for: its extended key usages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// serverAuth alone.
    Server,
    /// clientAuth alone.
    Client,
    /// Both: a service that calls others.
    Both,
}

impl Kind {
    /// The extended key usages (RFC 5280 §4.2.1.12).
    pub fn usages(self) -> &'static [ExtendedKeyUsagePurpose] {
        use ExtendedKeyUsagePurpose::{ClientAuth, ServerAuth};
        match self {
            Self::Server => &[ServerAuth],
            Self::Client => &[ClientAuth],
            Self::Both => &[ServerAuth, ClientAuth],
        }
    }

    /// Whether Apple's limits on server certificates bind it.
    pub fn serves(self) -> bool {
        self != Self::Client
    }
}

/// From when to when a certificate is valid; both ends count (RFC 5280 §4.1.2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// First second.
    pub not_before: OffsetDateTime,
    /// Last second.
    pub not_after: OffsetDateTime,
}

impl Validity {
    /// When what began shortly before was made.
    pub fn made(self) -> OffsetDateTime {
        self.not_before + BACKDATE
    }

    /// `days` from shortly before `now`.
    pub fn starting(now: OffsetDateTime, days: i64) -> Self {
        let not_before = whole_second(now) - BACKDATE;
        Self { not_before, not_after: not_before + Duration::days(days) - Duration::SECOND }
    }

    /// Up to a moment, which may be in the past: then it was valid for a month before.
    pub fn ending(now: OffsetDateTime, not_after: OffsetDateTime) -> Self {
        let not_before = (whole_second(now) - BACKDATE).min(not_after - Duration::days(30));
        Self { not_before, not_after: whole_second(not_after) }
    }

    /// Cut to the issuer's own. What ended before the issuer began, a test's expired certificate, keeps its beginning.
    #[must_use]
    pub fn within(self, issuer: Self) -> Self {
        let not_after = self.not_after.min(issuer.not_after);
        let not_before = if not_after > issuer.not_before {
            self.not_before.max(issuer.not_before)
        } else {
            self.not_before
        };
        Self { not_before, not_after }
    }

    /// Whole days from one end to the other, both counted.
    pub fn days(self) -> i64 {
        (self.not_after - self.not_before + Duration::SECOND).whole_days()
    }

    /// How long it lasts from now on.
    pub fn days_left(self, now: OffsetDateTime) -> DaysLeft {
        DaysLeft::until(self.not_after, now)
    }
}

/// How many days something is still valid. A day that has begun counts; zero or fewer once it has expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct DaysLeft(pub i64);

impl DaysLeft {
    /// From now until the end.
    pub fn until(not_after: OffsetDateTime, now: OffsetDateTime) -> Self {
        let seconds = (not_after - now).whole_seconds();
        Self((seconds + 86_399).div_euclid(86_400))
    }

    /// Whether the end has passed.
    pub fn is_expired(self) -> bool {
        self.0 <= 0
    }
}

/// `in 5 days`; with `{:#}`, `5 days left`.
impl fmt::Display for DaysLeft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = self.0;
        let unit = if days == 1 { "day" } else { "days" };
        match (self.is_expired(), f.alternate()) {
            (true, _) => f.write_str("expired"),
            (false, false) => write!(f, "in {days} {unit}"),
            (false, true) => write!(f, "{days} {unit} left"),
        }
    }
}

/// X.509 times have no fraction.
fn whole_second(moment: OffsetDateTime) -> OffsetDateTime {
    moment.replace_nanosecond(0).unwrap_or(moment)
}

/// A root: signs certificates and revocation lists, for what the constraints permit. Without the extended key usages,
/// whoever steals the key could sign mail and code as well, which the system's store would trust.
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

/// An intermediate: signs leaves, and no further CA.
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

/// A leaf.
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
        // TLS 1.2 RSA key exchange. RFC 5480 §3 forbids the bit for EC keys, and RFC 5280 §4.2.1.12 does not let it go
        // with clientAuth.
        params.key_usages.push(KeyUsagePurpose::KeyEncipherment);
    }
    params.extended_key_usages = kind.usages().to_vec();
    params
}

/// The subject alternative names of a leaf. A client always has one, since BoringSSL refuses a leaf without any below a
/// constrained root: the common name once more, as a URI, which no client and no constraint takes for a host.
pub fn alternative_names(kind: Kind, subject: &Subject) -> Cow<'_, [Name]> {
    match (kind, subject.names.as_slice(), &subject.common_name) {
        (Kind::Client, [], Some(name)) => vec![Name::Uri(format!("devca:client:{}", escaped(name)))].into(),
        (_, names, _) => names.into(),
    }
}

/// RFC 3986 §2.1: every byte that is not unreserved.
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

/// Never empty: an empty subject would make the SANs critical (RFC 5280 §4.1.2.6).
fn distinguished_name(common_name: Option<&str>, organization: &str) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::OrganizationName, organization);
    if let Some(name) = common_name {
        subject.push(DnType::CommonName, name);
    }
    subject
}

/// Names are ASCII by construction, so none is left out.
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
    text.chars().take(MAX_COMMON_NAME).collect()
}
