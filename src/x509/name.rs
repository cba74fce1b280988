//! Parses a word of the command line as a subject alternative name (RFC 5280 §4.2.1.6).

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use serde::{Serialize, Serializer};

use crate::error::Fault;

/// A validated name for a certificate, in ASCII.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Name {
    /// A host name with A-labels in lower case; the first label may be `*`.
    Dns(String),
    /// An IPv4 or IPv6 address.
    Ip(IpAddr),
    /// An email address, `local@domain`.
    Email(String),
    /// An absolute URI, such as `spiffe://dev/alice`.
    Uri(String),
}

/// The maximum length of a host name and of each of its labels, in octets (RFC 1035 §2.3.4).
const MAX_HOST: usize = 253;
const MAX_LABEL: usize = 63;

impl Name {
    /// Parses a word as the kind of name that it looks like, without guessing any further.
    pub fn parse(word: &str) -> Result<Self, Fault> {
        if word.is_empty() {
            return Err(Fault::usage(
                "a name is empty",
                "use a host name, for example: devca issue localhost",
            ));
        }
        if word.contains(' ') {
            return Err(refuse(word, "it contains a space"));
        }
        if let Some(bad) = word.chars().find(|c| c.is_control() || c.is_whitespace()) {
            return Err(refuse(word, &format!("it contains {bad:?}")));
        }
        if let Some((scheme, rest)) = word.split_once("://") {
            return uri(word, scheme, rest);
        }
        if let Some((local, domain)) = word.rsplit_once('@') {
            return email(word, local, domain);
        }
        if let Some(ip) = ip(word) {
            return Ok(Self::Ip(ip));
        }
        if word.contains(['/', ':', '\\', ',', '%']) {
            return Err(not_one_name(word));
        }
        host(word).map(Self::Dns)
    }

    /// The host name without the `*.` of a wildcard.
    pub fn dns_base(&self) -> Option<&str> {
        match self {
            Self::Dns(host) => Some(host.strip_prefix("*.").unwrap_or(host)),
            _ => None,
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(text) | Self::Email(text) | Self::Uri(text) => f.write_str(text),
            Self::Ip(ip) => ip.fmt(f),
        }
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Parses a host name: `localhost`, `*.app.test`, `bücher.test` (which becomes `xn--bcher-kva.test`).
fn host(word: &str) -> Result<String, Fault> {
    let (star, base) = match word.strip_prefix("*.") {
        Some(base) => ("*.", base),
        None => ("", word),
    };
    let base = domain(word, base)?;
    if !star.is_empty() && !base.contains('.') {
        // If there are name constraints, such a name makes Firefox (SEC_ERROR_BAD_DER) and rustls
        // (MalformedDnsIdentifier) reject the certificate for all of its names.
        return Err(Fault::usage(
            format!(
                "{word:?}: Firefox and rustls reject certificates with a wildcard directly below a top-level domain"
            ),
            format!("add a label in between, for example: devca issue '*.app.{base}'"),
        ));
    }
    let host = format!("{star}{base}");
    if host.len() > MAX_HOST {
        return Err(refuse(word, &format!("it is longer than {MAX_HOST} characters")));
    }
    Ok(host)
}

/// Parses a host name, or the domain of a subtree; wildcards are not accepted.
pub(crate) fn domain(word: &str, base: &str) -> Result<String, Fault> {
    if base.contains('*') || base.is_empty() {
        return Err(refuse(word, "a wildcard can only be the whole first label")
            .with_hint("for example: devca issue '*.app.test'"));
    }
    let ascii = if base.is_ascii() {
        base.to_ascii_lowercase()
    } else if let Some(symbol) = base.chars().find(|c| is_symbol(*c)) {
        return Err(refuse(
            word,
            &format!("the symbol {} is not allowed in a host name", symbol.escape_unicode()),
        ));
    } else {
        idna::domain_to_ascii_strict(base)
            .map_err(|_| refuse(word, "it is not a valid internationalized name"))?
    };
    for label in ascii.split('.') {
        if let Some(why) = label_fault(label) {
            return Err(refuse(word, &why));
        }
    }
    // No top-level domain consists of digits (RFC 3696 §2), and browsers parse any host that ends in a
    // number, even a hexadecimal one, as an IPv4 address (URL Standard, "ends in a number checker"). A
    // mistyped address must not become a host name.
    if ascii.rsplit('.').next().is_some_and(is_number) {
        return Err(refuse(word, "it looks like an IP address but is not a valid one")
            .with_hint("an IPv4 address has four numbers from 0 to 255, for example 127.0.0.1"));
    }
    if ascii.len() > MAX_HOST {
        return Err(refuse(word, &format!("it is longer than {MAX_HOST} characters")));
    }
    Ok(ascii)
}

/// Whether browsers parse this label as a part of an IPv4 address: `127`, or `0x7f`.
fn is_number(label: &str) -> bool {
    match label.strip_prefix("0x") {
        Some(hex) => hex.bytes().all(|b| b.is_ascii_hexdigit()),
        None => label.bytes().all(|b| b.is_ascii_digit()),
    }
}

/// Arrows, dingbats and emoji: UTS #46 maps them, but RFC 5892 does not allow them in host names, and clients
/// differ.
fn is_symbol(c: char) -> bool {
    matches!(c, '\u{2190}'..='\u{2bff}' | '\u{fe00}'..='\u{fe0f}' | '\u{1f000}'..='\u{1faff}')
}

fn label_fault(label: &str) -> Option<String> {
    if label.is_empty() {
        return Some("it has an empty label: a dot at its beginning or end, or two in a row".into());
    }
    if label.len() > MAX_LABEL {
        return Some(format!("a label is longer than {MAX_LABEL} characters"));
    }
    if label.starts_with('-') || label.ends_with('-') {
        return Some("a label cannot begin or end with a hyphen".into());
    }
    // Host names may not contain underscores (RFC 952), but some development hosts do.
    let bad = label.chars().find(|c| !(c.is_ascii_alphanumeric() || *c == '-' || *c == '_'))?;
    Some(format!("{bad:?} is not allowed in a host name"))
}

/// Reads an address from a certificate: four or sixteen octets.
pub(crate) fn address(octets: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(octets)
        .map(IpAddr::from)
        .or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from))
        .ok()
}

/// Parses `127.0.0.1`, `::1`, and `[::1]` as written in URLs.
fn ip(word: &str) -> Option<IpAddr> {
    let bracketed = word.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match bracketed {
        Some(inner) => inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => word.parse().ok(),
    }
}

/// Parses an absolute URI with an ASCII host, as RFC 5280 §4.2.1.6 requires.
fn uri(word: &str, scheme: &str, rest: &str) -> Result<Name, Fault> {
    let scheme_fits = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    // The characters of RFC 3986 §2: unreserved, reserved, and the percent sign.
    let rest_fits = !rest.is_empty()
        && !rest.starts_with('/')
        && rest.chars().all(|c| c.is_ascii_alphanumeric() || "-._~:/?#[]@!$&'()*+,;=%".contains(c));
    if scheme_fits && rest_fits {
        Ok(Name::Uri(word.to_owned()))
    } else {
        Err(refuse(word, "it is not an absolute URI").with_hint("for example: spiffe://dev/alice"))
    }
}

/// Parses an email address (RFC 5321 §4.1.2), without support for quoted local parts.
fn email(word: &str, local: &str, domain_part: &str) -> Result<Name, Fault> {
    let atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
    let fits = (1..=64).contains(&local.len())
        && local.chars().all(atom)
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..");
    if !fits {
        return Err(refuse(word, "the part before the @ is not a valid mailbox")
            .with_hint("for example: alice@example.com"));
    }
    Ok(Name::Email(format!("{local}@{}", domain(word, domain_part)?)))
}

/// The error for a word with several names, a range, or extra text, suggesting what to write instead.
fn not_one_name(word: &str) -> Fault {
    let (first, rest) = word.split_once(['/', '%', ',']).unwrap_or((word, ""));
    let is_address = |text: &str| ip(text).is_some();
    if word.contains(',') {
        let names: Vec<&str> = word.split(',').filter(|name| !name.is_empty()).collect();
        refuse(word, "it contains a comma").with_hint(separated(&names))
    } else if is_address(first) && word.contains('%') {
        refuse(word, "addresses in certificates have no zone").with_hint(format!("devca issue {first}"))
    } else if is_address(first) && rest.parse::<u8>().is_ok() {
        refuse(word, "a certificate holds single addresses, not ranges")
            .with_hint(format!("name each address: devca issue {first}"))
    } else {
        let fault = refuse(word, "it is not a host name, an address, an email address, or a URI");
        match host_in(word) {
            Some(host) => fault.with_hint(format!("omit the port and path: devca issue {host}")),
            None => fault,
        }
    }
}

fn separated(names: &[&str]) -> String {
    if names.iter().all(|name| Name::parse(name).is_ok()) {
        format!("separate names with spaces: devca issue {}", names.join(" "))
    } else {
        "separate names with spaces: devca issue localhost 127.0.0.1".into()
    }
}

/// The host that was probably meant by a web URL, `host:port`, or a name with a trailing dot. `None` if the
/// word is already a name, or nothing sensible.
pub(crate) fn host_meant(word: &str) -> Option<String> {
    let is_url = ["http://", "https://", "ws://", "wss://"]
        .iter()
        .any(|scheme| word.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)));
    let authority = word.split(['/', '?', '#']).next().unwrap_or_default();
    let has_port = || {
        let port = authority.rsplit_once(':').filter(|(host, _)| !host.contains(':') || host.ends_with(']'));
        port.is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
    };
    if is_url || has_port() {
        return host_in(word);
    }
    let bare = word.strip_suffix('.')?;
    host(bare).is_ok().then(|| bare.to_owned())
}

/// The host in a URL or in `host:port/path`, if there is one.
pub(crate) fn host_in(word: &str) -> Option<String> {
    let rest = word.split_once("://").map_or(word, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next()?;
    let name = match authority.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => authority,
    };
    ip(name).map(|ip| ip.to_string()).or_else(|| host(name).ok())
}

fn refuse(word: &str, why: &str) -> Fault {
    let shown: String = word.chars().take(80).collect();
    let more = if word.chars().count() > 80 { "…" } else { "" };
    Fault::usage(
        format!("{:?} is not a name for a certificate: {why}", format!("{shown}{more}")),
        "use host names, IP addresses, email addresses, or URIs, for example: devca issue localhost 127.0.0.1",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_each_kind() {
        for (word, text) in [
            ("localhost", "localhost"),
            ("LocalHost", "localhost"),
            ("*.app.test", "*.app.test"),
            ("bücher.test", "xn--bcher-kva.test"),
            ("*.bücher.test", "*.xn--bcher-kva.test"),
            ("my_app.test", "my_app.test"),
            ("127.0.0.1", "127.0.0.1"),
            ("::1", "::1"),
            ("[::1]", "::1"),
            ("0:0:0:0:0:0:0:1", "::1"),
            ("alice@example.com", "alice@example.com"),
            ("spiffe://dev/alice", "spiffe://dev/alice"),
        ] {
            assert_eq!(Name::parse(word).map(|n| n.to_string()).ok().as_deref(), Some(text), "{word}");
        }
    }

    #[test]
    fn refuses_invalid_names() {
        let long = "a".repeat(300);
        let long_label = format!("{}.test", "a".repeat(64));
        for word in [
            "",
            "*",
            "*.test",
            "*.localhost",
            "*.*.test",
            "a.*.test",
            "f*.app.test",
            "a..b",
            ".a",
            "a.",
            "-x",
            "x-.test",
            "256.1.1.1",
            "1.2.3",
            "1",
            "a.1",
            "0x7f000001",
            "a.0x",
            "127.0.0.1.",
            "[127.0.0.1]",
            "[::1",
            "fe80::1%eth0",
            "..",
            "/",
            "a/b",
            "a\\b",
            "localhost:8443",
            "https://",
            "https:///x",
            "1x://y",
            "a b",
            "a\0b",
            "a\nb",
            "🦀.test",
            "ex ample",
            "@b.test",
            "a@",
            "a..b@c.test",
            "a@b@c.test",
            "a@[127.0.0.1]",
            &long,
            &long_label,
        ] {
            let fault = Name::parse(word).expect_err(word);
            assert!(!fault.to_string().contains(['\n', '\0']), "{word:?} is echoed raw");
        }
    }
}
