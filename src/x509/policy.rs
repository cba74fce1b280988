//! Every number and list that is policy.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use time::Duration;

use crate::x509::constraints::{Constraints, Subtree, host_subtree};
use crate::x509::name::Name;

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
/// A certificate that `devca serve` keeps in memory is good for a week, and replaced after half of it.
pub const SERVED_DAYS: i64 = 7;
/// Apple refuses server certificates that are valid longer, from user-added roots too (HT210176).
pub const SERVER_MAX_DAYS: i64 = 825;
/// Containers and phones with a slow clock accept a certificate that was made this moment.
pub const BACKDATE: Duration = Duration::hours(1);
/// RFC 5280 appendix A, ub-common-name.
pub const MAX_COMMON_NAME: usize = 64;

/// The organisation in a root's subject: by it stores and people know devca's roots.
pub const ROOT_ORGANIZATION: &str = "devca development CA";
/// The organization in a leaf's subject, unless `--org` names another.
pub const LEAF_ORGANIZATION: &str = "devca development certificate";

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
