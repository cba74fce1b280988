//! The entries of name constraints: domains and ranges of addresses (RFC 5280 §4.2.1.10).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rcgen::{CidrSubnet, GeneralSubtree};
use serde::{Serialize, Serializer};
use x509_parser::extensions::GeneralName;

use crate::error::Fault;
use crate::x509::name::{self, Name};
use crate::x509::public_suffix;

/// An entry in the constraints: a domain with everything below it, or a range of addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subtree {
    /// `test` covers `test` and `a.b.test`. It has no leading dot, because half of the clients reject that.
    Dns(String),
    /// An address and the length of its network prefix in bits.
    Net(IpAddr, u8),
}

impl Subtree {
    /// Parses `corp.example.dev`, `203.0.113.7` or `203.0.113.0/24`, and refuses subtrees that are too wide
    /// to be permitted.
    pub fn parse(word: &str) -> Result<Self, Fault> {
        let subtree = Self::parse_any(word)?;
        subtree.refuse_if_too_wide()?;
        Ok(subtree)
    }

    /// Does the same for an entry to be removed, which may be of any width.
    pub fn parse_any(word: &str) -> Result<Self, Fault> {
        let (address, prefix) = match word.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (word, None),
        };
        if let Ok(ip) = address.parse::<IpAddr>() {
            return range(word, ip, prefix);
        }
        let base = word.strip_prefix("*.").or_else(|| word.strip_prefix('.')).unwrap_or(word);
        match Name::parse(base)? {
            // A name may be a wildcard, but a subtree cannot.
            Name::Dns(host) => name::domain(word, &host).map(Self::Dns),
            _ => Err(Fault::usage(
                format!("{word:?} is neither a domain nor an address range"),
                "for example: devca permit corp.example.dev 203.0.113.0/24",
            )),
        }
    }

    /// Refuses domains and ranges that many parties share, because a thief of the root key could impersonate
    /// all of them.
    pub fn refuse_if_too_wide(&self) -> Result<(), Fault> {
        match self {
            Self::Dns(host) if public_suffix::is_public(host) => Err(Fault::usage(
                format!(
                    "{host} is a public suffix, under which anyone can register names: a stolen root key could impersonate all of them"
                ),
                format!("permit your own domain under it, for example: devca permit corp-example.{host}"),
            )),
            Self::Net(net, bits) if is_vast(*net, *bits) => Err(Fault::usage(
                format!(
                    "{net}/{bits} is a large part of the Internet, and a stolen root key could impersonate all of it"
                ),
                format!(
                    "permit your own addresses: /{MIN_PUBLIC_V4} or longer for IPv4, /{MIN_PUBLIC_V6} or longer for IPv6"
                ),
            )),
            _ => Ok(()),
        }
    }

    /// Whether it covers this name or address.
    pub fn covers(&self, name: &Name) -> bool {
        match (self, name) {
            (Self::Dns(base), Name::Dns(_)) => name.dns_base().is_some_and(|host| {
                let left = host.strip_suffix(base.as_str());
                left.is_some_and(|left| left.is_empty() || left.ends_with('.') || base.is_empty())
            }),
            (Self::Net(net, bits), Name::Ip(ip)) => {
                net.is_ipv4() == ip.is_ipv4() && network(*ip, *bits) == *net
            }
            _ => false,
        }
    }

    /// Whether it is a range of addresses.
    pub fn is_network(&self) -> bool {
        matches!(self, Self::Net(..))
    }

    pub(super) fn same_type(&self, name: &Name) -> bool {
        matches!((self, name), (Self::Dns(_), Name::Dns(_)) | (Self::Net(..), Name::Ip(_)))
    }

    pub(super) fn to_general(&self) -> GeneralSubtree {
        match self {
            Self::Dns(base) => GeneralSubtree::DnsName(base.clone()),
            Self::Net(ip, bits) => GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(*ip, *bits)),
        }
    }

    pub(super) fn from_general(general: &GeneralName) -> Option<Self> {
        match general {
            GeneralName::DNSName(base) if base.bytes().all(|b| b.is_ascii_graphic()) => {
                Some(Self::Dns(base.strip_prefix('.').unwrap_or(base).to_ascii_lowercase()))
            }
            GeneralName::IPAddress(bytes) => {
                let (address, mask) = bytes.split_at(bytes.len() / 2);
                let (ip, mask) = (name::address(address)?, name::address(mask)?);
                let (most, ones) = match ip {
                    IpAddr::V4(_) => (32, IpAddr::from([255; 4])),
                    IpAddr::V6(_) => (128, IpAddr::from([255; 16])),
                };
                let bits = (0..=most).find(|bits| network(ones, *bits) == mask)?;
                Some(Self::Net(network(ip, bits), bits))
            }
            _ => None,
        }
    }
}

impl fmt::Display for Subtree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(base) => f.write_str(base),
            Self::Net(ip, bits) => write!(f, "{ip}/{bits}"),
        }
    }
}

impl Serialize for Subtree {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Parses an address or a range. Bits beyond the prefix are refused as a mistake, because `1.2.3.4/8` covers
/// more than it seems to.
fn range(word: &str, ip: IpAddr, prefix: Option<&str>) -> Result<Subtree, Fault> {
    // Go treats a mapped address as IPv4 (RFC 4291 §2.5.5.2), and so must the constraints.
    if let (IpAddr::V4(v4), true) = (ip.to_canonical(), ip.is_ipv6()) {
        let shorter = |digits: &str| digits.parse::<u8>().ok()?.checked_sub(96).map(|bits| bits.to_string());
        let prefix = prefix.map_or(Some("32".to_owned()), shorter);
        if let Some(prefix) = prefix {
            return range(word, v4.into(), Some(&prefix));
        }
    }
    let most = if ip.is_ipv4() { 32 } else { 128 };
    let bits =
        prefix.map_or(Some(most), |digits| digits.parse().ok().filter(|bits| (1..=most).contains(bits)));
    let Some(bits) = bits else {
        let what = format!("{word:?} is not an address range");
        return Err(Fault::usage(what, "for example: devca permit 203.0.113.0/24"));
    };
    let net = network(ip, bits);
    if net != ip {
        return Err(Fault::usage(
            format!("{ip}/{bits} is not a network: the network of {ip} is {net}/{bits}"),
            format!("permit the network, {net}/{bits}, or the address alone, {ip}"),
        ));
    }
    Ok(Subtree::Net(net, bits))
}

/// The shortest prefixes of public ranges that may be permitted.
const MIN_PUBLIC_V4: u8 = 16;
const MIN_PUBLIC_V6: u8 = 32;

/// IPv6 prefixes for IPv4 addresses: Go treats mapped addresses as IPv4 (RFC 4291 §2.5.5.2), and gateways
/// translate the others (RFC 6052 §2.1).
const EMBEDS_V4: [Ipv6Addr; 2] =
    [Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0)];

/// Whether a range is larger than a single owner would have. Private ranges have no owner and may have any
/// size.
fn is_vast(net: IpAddr, bits: u8) -> bool {
    match net {
        IpAddr::V4(v4) => {
            let private = [
                (Ipv4Addr::new(10, 0, 0, 0), 8),
                (Ipv4Addr::LOCALHOST, 8),
                (Ipv4Addr::new(172, 16, 0, 0), 12),
                (Ipv4Addr::new(100, 64, 0, 0), 10),
            ];
            let is_within = |(block, size): (Ipv4Addr, u8)| {
                bits >= size && network(v4.into(), size) == network(block.into(), size)
            };
            bits < MIN_PUBLIC_V4 && !private.into_iter().any(is_within)
        }
        IpAddr::V6(v6) => {
            if bits >= 96 && EMBEDS_V4.iter().any(|prefix| network(v6.into(), 96) == *prefix) {
                let [.., a, b, c, d] = v6.octets();
                return is_vast(IpAddr::from([a, b, c, d]), bits - 96);
            }
            let embeds = EMBEDS_V4.into_iter().any(|prefix| network(prefix.into(), bits) == net);
            let is_private =
                (v6.is_unique_local() && bits >= 7) || (v6.is_unicast_link_local() && bits >= 10);
            embeds || (bits < MIN_PUBLIC_V6 && !is_private)
        }
    }
}

/// The network address of an address.
fn network(ip: IpAddr, bits: u8) -> IpAddr {
    match ip {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
            IpAddr::from((u32::from(v4) & mask).to_be_bytes())
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
            IpAddr::from((u128::from(v6) & mask).to_be_bytes())
        }
    }
}
/// The host name of this machine as a subtree, if it cannot belong to anyone else: it must be a single label
/// that is not a top-level domain. On many machines a name with several labels comes from DHCP or reverse
/// DNS, and could be that of a real site.
pub fn host_subtree(host: &str) -> Option<Subtree> {
    let host = name::domain(host, host).ok()?;
    (!host.contains('.') && !public_suffix::is_public(&host)).then_some(Subtree::Dns(host))
}
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subtree_has_no_wildcard() {
        for word in ["*.*.app.test", ".*.app.test"] {
            assert!(Subtree::parse(word).is_err(), "{word}");
        }
        assert_eq!(Subtree::parse("*.app.test").unwrap(), Subtree::parse("app.test").unwrap());
    }

    #[test]
    fn all_addresses_cannot_be_permitted() {
        for word in ["com", "*.dev", "0.0.0.0/0", "::/0", "10.0.0.0/33", "10.0.0.0/-1", "alice@example.com"] {
            assert!(Subtree::parse(word).is_err(), "{word}");
        }
        for word in
            ["128.0.0.0/1", "2000::/3", "co.uk", "*.com.au", "ac.jp", "*.github.io", "s3.amazonaws.com"]
        {
            assert!(Subtree::parse(word).is_err(), "{word}");
        }
        for word in [
            "8.0.0.0/8",
            "10.0.0.0/7",
            "::ffff:0:0/96",
            "::ffff:8.0.0.0/104",
            "::ffff:0:0/90",
            "::/64",
            "64:ff9b::/96",
            "64:ff9b::/64",
            "2001:d00::/24",
            "fe00::/7",
            "1.2.3.4/8",
            "192.168.1.5/24",
        ] {
            assert!(Subtree::parse(word).is_err(), "{word}");
        }
        for (mapped, plain) in [("::ffff:8.8.8.8", "8.8.8.8"), ("::ffff:10.0.0.0/104", "10.0.0.0/8")] {
            assert_eq!(Subtree::parse(mapped).unwrap(), Subtree::parse(plain).unwrap(), "{mapped}");
        }
        for word in ["::ffff:10.0.0.0/104", "::ffff:203.0.113.0/120", "::1", "172.16.0.0/12", "203.0.0.0/16"]
        {
            assert!(Subtree::parse(word).is_ok(), "{word}");
        }
        for word in ["10.0.0.0/8", "fc00::/7", "fe80::/10", "2001:db8::/32", "corp.co.uk", "co.test"] {
            assert!(Subtree::parse(word).is_ok(), "{word}");
        }
    }

    #[test]
    fn a_host_called_like_a_public_domain_is_left_out() {
        assert_eq!(host_subtree("dev"), None);
        for host in ["my box", "google.com", "me.uk", "www.example-bank.com", "devbox.github.io"] {
            assert_eq!(host_subtree(host), None, "{host}");
        }
        assert_eq!(host_subtree("devbox"), Some(Subtree::Dns("devbox".into())));
    }
}
