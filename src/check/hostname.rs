//! Compares the name that a client wants with the names in a certificate, the way each client does.

use std::net::IpAddr;

use super::catalogue::{Case, Client, NAME_MISMATCH, Words};
use super::chain::Link;
use super::names::{AnyName, Names};
use super::{Finding, words};

/// The number of names shown from a long list.
const SHOWN: usize = 6;

/// The clients whose comparison is known, and the name for the library that compares.
const COMPARING: [(Client, &str); 9] = [
    (Client::Curl, "curl"),
    (Client::Node, "Node"),
    (Client::Python, "Python"),
    (Client::OpenSsl, "OpenSSL"),
    (Client::GnuTls, "GnuTLS"),
    (Client::Java, "Java"),
    (Client::Go, "Go"),
    (Client::Chrome, "browsers"),
    (Client::Rustls, "rustls"),
];

/// Reports a certificate that some clients refuse for this name.
pub(super) fn judge(leaf: &Link, name: &str) -> Option<Finding> {
    // Clients look for the ASCII form of an international name.
    let name = &idna::domain_to_ascii(name).unwrap_or_else(|_| name.to_owned());
    let that = |accept: bool| {
        let those = COMPARING.iter().filter(move |(client, _)| accepts(*client, &leaf.names, name) == accept);
        those.map(|(_, name)| *name).collect::<Vec<_>>()
    };
    let refusing = that(false);
    if refusing.is_empty() {
        return None;
    }
    let what = match (accepts(Client::Chrome, &leaf.names, name), that(true).join(", ")) {
        (true, _) => difference(leaf, name, &refusing.join(", ")),
        (false, others) if others.is_empty() => mismatch(leaf, name),
        (false, others) => format!("{}; only {others} accept it", mismatch(leaf, name)),
    };
    let all = std::iter::once(name).chain(leaf.details.names.iter().filter(|known| is_requestable(known)));
    let fix = match name.strip_suffix('.') {
        Some(without) if accepts(Client::Chrome, &leaf.names, name) => format!("use the name {without}"),
        _ => format!("devca issue {}", words(&all.cloned().collect::<Vec<_>>())),
    };
    let said = |words: &Words| !accepts(words.client, &leaf.names, name) && is_said(words, &leaf.names, name);
    Some(Finding::new(&NAME_MISMATCH, what, fix).saying(said))
}

/// Whether this is a host name or an address, which clients compare.
fn is_requestable(name: &str) -> bool {
    !name.contains(['@', '/'])
}

/// Says why the usual comparison finds nothing.
fn mismatch(leaf: &Link, name: &str) -> String {
    let details = &leaf.details;
    let names: Vec<&String> = details.names.iter().filter(|name| is_requestable(name)).collect();
    let mut list = names.iter().take(SHOWN).map(|known| known.as_str()).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        list = format!("{list} and {} more", names.len() - SHOWN);
    }
    let is_below = |base: &str| name == base || name.ends_with(&format!(".{base}"));
    let is_deeper = |known: &&String| known.strip_prefix("*.").is_some_and(is_below);
    let has_address = names.iter().any(|known| known.parse::<IpAddr>().is_ok());
    match &details.common_name {
        Some(common_name) if names.is_empty() => {
            format!("the certificate has only the common name {common_name}, which browsers and Go ignore")
        }
        None if names.is_empty() => "the certificate has no names".into(),
        _ if names.iter().any(is_deeper) => {
            format!("the certificate is for {list}, not for {name}: a wildcard stands for exactly one label")
        }
        _ if name.parse::<IpAddr>().is_ok() && !has_address => {
            format!("the certificate is for {list}, not for the address {name}")
        }
        _ => format!("the certificate is for {list}, not for {name}"),
    }
}

/// Says why some clients refuse a name that browsers accept.
fn difference(leaf: &Link, name: &str, refusing: &str) -> String {
    let is_bad = |known: &&String| known.starts_with("*.") && known.contains('_');
    if name.ends_with('.') {
        format!("{name} ends with a dot, which {refusing} compare with the certificate's names as well")
    } else if let Some(known) = leaf.details.names.iter().find(is_bad) {
        format!("{known} has an underscore: OpenSSL (Python) and Java refuse such wildcards")
    } else {
        format!("{name} is in the certificate, but is not a valid host name for {refusing}")
    }
}

/// Whether a client has this message in the case at hand.
fn is_said(words: &Words, names: &Names, name: &str) -> bool {
    let ip = name.parse::<IpAddr>().is_ok();
    let has = |is_kind: fn(&AnyName) -> bool| names.alternative.iter().any(is_kind);
    let has_host = has(|name| matches!(name, AnyName::Dns(_)));
    let has_address = has(|name| matches!(name, AnyName::Ip(_)));
    let relies_on_common_name = names.alternative.is_empty()
        && names.common.last().is_some_and(|known| is_match(Client::Go, known, name));
    match words.when {
        Case::UnknownSni => false,
        Case::Underscore => name.contains('_'),
        Case::HostName => !ip,
        Case::Address => ip,
        Case::NoAddresses => ip && !has_address,
        Case::NoNames => relies_on_common_name && !ip,
        Case::NoHostNames => !relies_on_common_name && !has_host && !ip,
        Case::OtherNames => {
            if ip {
                has_address
            } else {
                has_host
            }
        }
        _ => true,
    }
}

/// Whether a client accepts a certificate with these names for a host name or an address.
fn accepts(client: Client, names: &Names, wanted: &str) -> bool {
    // These libraries compare the name as it is; the others remove the dot at its end.
    let is_literal = matches!(client, Client::OpenSsl | Client::Python | Client::GnuTls);
    let wanted = wanted.to_ascii_lowercase();
    let wanted = if is_literal { &wanted } else { wanted.strip_suffix('.').unwrap_or(&wanted) };
    if let Ok(ip) = wanted.parse::<IpAddr>() {
        return names.alternative.iter().any(|known| is_address(client, known, ip));
    }
    // Java's SNIHostName accepts letters, digits and hyphens only.
    if client == Client::Java && wanted.contains('_') {
        return false;
    }
    let hosts = names.alternative.iter().filter_map(|known| match known {
        AnyName::Dns(text) => Some(text),
        _ => None,
    });
    hosts.chain(common_names(client, names)).any(|known| is_match(client, known, wanted))
}

/// Whether an alternative name is this address. Go and Java treat an IPv4 address that is mapped into
/// IPv6 as the IPv4 address.
fn is_address(client: Client, known: &AnyName, wanted: IpAddr) -> bool {
    let AnyName::Ip(octets) = known else { return false };
    let Some(known) = crate::x509::name::address(octets) else { return false };
    let is_mapped = matches!(client, Client::Go | Client::Java);
    known == wanted || is_mapped && known.to_canonical() == wanted.to_canonical()
}

/// The common names that a client compares: none of browsers, Go and rustls, and those of others only if the
/// certificate has no host names (RFC 6125 §6.4.4).
fn common_names(client: Client, names: &Names) -> &[String] {
    let has = |is_kind: fn(&AnyName) -> bool| names.alternative.iter().any(is_kind);
    let has_address = has(|name| matches!(name, AnyName::Ip(_)));
    let has_uri = has(|name| matches!(name, AnyName::Uri(_)));
    let all = names.common.as_slice();
    let last = &all[all.len().saturating_sub(1)..];
    if has(|name| matches!(name, AnyName::Dns(_))) {
        return &[];
    }
    match client {
        Client::OpenSsl | Client::Python | Client::Node => all,
        Client::Java => last,
        Client::Curl if !has_address => last,
        Client::GnuTls if !has_address && !has_uri && all.len() == 1 => all,
        _ => &[],
    }
}

/// Whether a host name, in lower case, matches a name in a certificate, which may be a wildcard (RFC 6125
/// §6.4).
fn is_match(client: Client, pattern: &str, host: &str) -> bool {
    let pattern = pattern.to_ascii_lowercase();
    if !pattern.contains('*') {
        return pattern == host;
    }
    // Java accepts wildcards in any place, except in the last label.
    if client == Client::Java {
        let (patterns, labels) = (pattern.split('.'), host.split('.'));
        let is_last = pattern.rsplit('.').next().is_some_and(|last| last.contains('*'));
        let is_long = patterns.clone().count() == labels.clone().count();
        return !is_last && is_long && patterns.zip(labels).all(|(pattern, label)| is_like(pattern, label));
    }
    let (Some((first, base)), Some((label, rest))) = (pattern.split_once('.'), host.split_once('.')) else {
        return false;
    };
    // Only Go accepts a wildcard directly below a top-level domain.
    let is_wide = !base.contains('.') && client != Client::Go;
    let is_openssl = matches!(client, Client::OpenSsl | Client::Python);
    if base != rest || label.is_empty() || is_wide || is_openssl && pattern.contains('_') {
        return false;
    }
    first == "*"
        || match client {
            // Neither of them accepts a wildcard in an international label.
            Client::OpenSsl => !first.starts_with("xn--") && is_at_end(first) && is_like(first, label),
            Client::Node => !first.contains("xn--") && is_like(first, label),
            Client::GnuTls => first.starts_with('*') && is_like(first, label),
            _ => false,
        }
}

/// Whether the wildcard is the first or the last character of its label.
fn is_at_end(label: &str) -> bool {
    label.starts_with('*') || label.ends_with('*')
}

/// Whether a label matches a pattern with at most one wildcard.
fn is_like(pattern: &str, label: &str) -> bool {
    match pattern.split_once('*') {
        Some((prefix, suffix)) => {
            label.len() >= prefix.len() + suffix.len() && label.starts_with(prefix) && label.ends_with(suffix)
        }
        None => pattern == label,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_matches_exactly_one_label() {
        for (pattern, host) in
            [("localhost", "localhost"), ("*.app.test", "a.app.test"), ("*.APP.test", "b.app.test")]
        {
            assert!(is_match(Client::Chrome, pattern, host), "{pattern} {host}");
        }
        for (pattern, host) in [
            ("localhost", "localhost.test"),
            ("*.app.test", "app.test"),
            ("*.app.test", ".app.test"),
            ("*.app.test", "a.b.app.test"),
            ("a*.app.test", "ab.app.test"),
            ("*", "localhost"),
            ("*.test", "a.test"),
            ("", "localhost"),
        ] {
            assert!(!is_match(Client::Chrome, pattern, host), "{pattern} {host}");
        }
    }
}
