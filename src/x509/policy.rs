//! All numbers and lists that are a matter of policy.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use time::Duration;

use crate::x509::constraints::Constraints;
use crate::x509::name::Name;
use crate::x509::subtree::{Subtree, host_subtree};

/// The validity of a root: ten years.
pub const ROOT_DAYS: i64 = 3650;
/// The validity of an intermediate: half that of a root.
pub const INTERMEDIATE_DAYS: i64 = 1825;
/// How many days before its expiry a certificate is renewed; ACME clients use the same number.
pub const RENEW_WITHIN_DAYS: i64 = 30;
/// The validity of a revocation list. A server whose list has expired rejects every client.
pub const CRL_DAYS: i64 = 30;
/// The default validity of a leaf. Public CAs have been limited to this since 2020, so every client accepts
/// it.
pub const LEAF_DAYS: i64 = 397;
/// The validity of a certificate that `devca serve` keeps in memory; it is replaced after half of that time.
pub const SERVED_DAYS: i64 = 7;
/// Apple rejects server certificates with a longer validity, even from roots that the user added (HT210176).
pub const SERVER_MAX_DAYS: i64 = 825;
/// How far certificates are backdated, so that containers and phones whose clocks are slow accept a new one.
pub const BACKDATE: Duration = Duration::hours(1);
/// The maximum length of a common name (RFC 5280 appendix A, ub-common-name).
pub const MAX_COMMON_NAME: usize = 64;

/// The organization in a root's subject, by which devca and people recognize its roots in stores.
pub const ROOT_ORGANIZATION: &str = "devca development CA";
/// The organization in a leaf's subject, unless `--org` names another.
pub const LEAF_ORGANIZATION: &str = "devca development certificate";

/// Names that never belong to a public site: those of RFC 2606, 6761, 6762 and 8375, ICANN's `internal`, and
/// those that routers use.
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
/// Domains below which every name points to 127.0.0.1, by design of their owners, so that a certificate for one is of use
/// on this machine only. Tools use them by default, or tutorials do.
const LOOPBACK_DOMAINS: &[&str] = &[
    // DDEV: docs.ddev.com, "Hostnames and Wildcards": *.ddev.site resolves to 127.0.0.1.
    "ddev.site",
    // Lando: docs.lando.dev, "Proxy": *.lndo.site resolves to localhost, 127.0.0.1.
    "lndo.site",
    // readme.localtest.me: everything below it resolves to 127.0.0.1.
    "localtest.me",
    // Levi Cook's "local virtual host": railscasts.com/episodes/123-subdomains-revised.
    "lvh.me",
];
/// The private IPv4 networks: RFC 1122, 1918, 3927, 6598.
const NETWORKS_V4: &[(Ipv4Addr, u8)] = &[
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
];
/// The private IPv6 networks: RFC 4291, 4193. If only IPv4 networks were permitted, clients that check
/// addresses would reject every IPv6 address.
const NETWORKS_V6: &[(Ipv6Addr, u8)] = &[
    (Ipv6Addr::LOCALHOST, 128),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7),
];

/// The default constraints of a root: development names, this machine, and any address.
///
/// BoringSSL does not support iPAddress constraints: below a root that has any, it rejects every certificate
/// that contains an address. So addresses are constrained only on request, or if `more` includes some.
pub fn default_constraints(host: Option<&str>, more: &[Subtree], constrain_addresses: bool) -> Constraints {
    let domains = DOMAINS.iter().chain(LOOPBACK_DOMAINS).map(|&domain| Subtree::Dns(domain.into()));
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

/// How long before its end a certificate with this lifetime is renewed: [`RENEW_WITHIN_DAYS`], or the last third of a
/// shorter lifetime.
pub fn renewal_lead(lifetime: Duration) -> Duration {
    lead(RENEW_WITHIN_DAYS, lifetime)
}

/// This many days, but at most the last third of a lifetime, so that short-lived certificates are not due from their first
/// day.
pub fn lead(days: i64, lifetime: Duration) -> Duration {
    Duration::days(days).min(lifetime / 3)
}

/// The names that never belong to a public site.
pub fn development_names() -> Vec<Subtree> {
    DOMAINS.iter().map(|&domain| Subtree::Dns(domain.into())).collect()
}

/// The networks that are not routed on the Internet. A root that constrains addresses permits all of them.
pub fn private_networks() -> impl Iterator<Item = Subtree> {
    let v4 = NETWORKS_V4.iter().map(|&(ip, bits)| Subtree::Net(IpAddr::V4(ip), bits));
    v4.chain(NETWORKS_V6.iter().map(|&(ip, bits)| Subtree::Net(IpAddr::V6(ip), bits)))
}

/// Whether this is an address that someone on the Internet may have. Documentation, which stands for such addresses, and the
/// reserved ranges count as public.
pub fn is_public_address(name: &Name) -> bool {
    let Name::Ip(ip) = name else { return false };
    // An IPv4-mapped address reaches the IPv4 address (RFC 4291 §2.5.5.2).
    let canonical = Name::Ip(ip.to_canonical());
    !private_networks().any(|network| network.covers(&canonical))
}

/// Whether devca asks before it issues for this name: a public address below a root whose constraints do not decide.
pub fn needs_consent(name: &Name, constraints: &Constraints) -> bool {
    !constraints.is_unconstrained() && !constraints.constrain_addresses() && is_public_address(name)
}
