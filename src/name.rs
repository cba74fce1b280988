//! One argv word -> one subject alternative name (RFC 5280 §4.2.1.6).

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use serde::{Serialize, Serializer};

use crate::error::Fault;

/// A name that a certificate can be for. What is in it has been checked and is in ASCII.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Name {
    /// A host name in A-labels, lower case; the first label may be `*`.
    Dns(String),
    /// An IPv4 or IPv6 address.
    Ip(IpAddr),
    /// `local@domain`.
    Email(String),
    /// An absolute URI, such as `spiffe://dev/alice`.
    Uri(String),
}

/// RFC 1035 §2.3.4: octets in a host name, and in one label of it.
const MAX_HOST: usize = 253;
const MAX_LABEL: usize = 63;

impl Name {
    /// Reads a word as the kind of name it looks like; nothing is guessed beyond that.
    pub fn parse(word: &str) -> Result<Self, Fault> {
        if word.is_empty() {
            return Err(Fault::usage("a name is empty", "name a host, as in: devca issue localhost"));
        }
        if let Some(bad) = word.chars().find(|c| c.is_control() || c.is_whitespace()) {
            return Err(refuse(word, &format!("{} cannot stand in a name", bad.escape_default())));
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
        if word.contains(['/', ':', '\\']) {
            return Err(refuse(word, "it is neither a host name, an address, an e-mail nor a URI")
                .hint_instead("leave the scheme, the port and the path out, as in: devca issue localhost"));
        }
        host(word).map(Self::Dns)
    }

    /// The host name, without the `*.` of a wildcard.
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

/// A host name for a certificate: `localhost`, `*.app.test`, `bücher.test` (to `xn--bcher-kva.test`).
fn host(word: &str) -> Result<String, Fault> {
    let (star, base) = match word.strip_prefix("*.") {
        Some(base) => ("*.", base),
        None => ("", word),
    };
    let base = domain(word, base)?;
    if !star.is_empty() && !base.contains('.') {
        // Under name constraints Firefox (SEC_ERROR_BAD_DER) and rustls (MalformedDnsIdentifier) refuse the whole
        // certificate for such a name, its other names included.
        return Err(Fault::usage(
            format!(
                "{word:?}: a wildcard right below a top-level name spoils the certificate in Firefox and rustls"
            ),
            format!("put a label between, as in: devca issue '*.app.{base}'"),
        ));
    }
    let host = format!("{star}{base}");
    if host.len() > MAX_HOST {
        return Err(refuse(word, &format!("it is longer than {MAX_HOST} characters")));
    }
    Ok(host)
}

/// The domain below which names may be permitted, or the host that a name is: no wildcard.
pub(crate) fn domain(word: &str, base: &str) -> Result<String, Fault> {
    if base.contains('*') || base.is_empty() {
        return Err(refuse(word, "a wildcard stands for one whole label, the first")
            .hint_instead("as in: devca issue '*.app.test'"));
    }
    let ascii = if base.is_ascii() {
        base.to_ascii_lowercase()
    } else if let Some(symbol) = base.chars().find(|c| is_symbol(*c)) {
        return Err(refuse(
            word,
            &format!("the symbol {} cannot stand in a host name", symbol.escape_unicode()),
        ));
    } else {
        idna::domain_to_ascii_strict(base)
            .map_err(|_| refuse(word, "it is not a valid internationalised name"))?
    };
    for label in ascii.split('.') {
        if let Some(why) = label_fault(label) {
            return Err(refuse(word, &why));
        }
    }
    // RFC 3696 §2: no top-level name is all digits. And browsers read what ends in a number, hexadecimal ones too, as
    // an IPv4 address (URL Standard, "ends in a number checker"). What looks like an address must not become a host.
    if ascii.rsplit('.').next().is_some_and(is_number) {
        return Err(refuse(word, "it looks like an address, but is none")
            .hint_instead("an IPv4 address has four numbers from 0 to 255, as in 127.0.0.1"));
    }
    if ascii.len() > MAX_HOST {
        return Err(refuse(word, &format!("it is longer than {MAX_HOST} characters")));
    }
    Ok(ascii)
}

/// `127`, and `0x7f`, as browsers read a part of an IPv4 address.
fn is_number(label: &str) -> bool {
    match label.strip_prefix("0x") {
        Some(hex) => hex.bytes().all(|b| b.is_ascii_hexdigit()),
        None => label.bytes().all(|b| b.is_ascii_digit()),
    }
}

/// Arrows, dingbats and emoji: UTS #46 maps them, but RFC 5892 keeps them out of host names, and clients differ.
fn is_symbol(c: char) -> bool {
    matches!(c, '\u{2190}'..='\u{2bff}' | '\u{fe00}'..='\u{fe0f}' | '\u{1f000}'..='\u{1faff}')
}

fn label_fault(label: &str) -> Option<String> {
    if label.is_empty() {
        return Some("there is nothing between two dots, or before or after one".into());
    }
    if label.len() > MAX_LABEL {
        return Some(format!("a label is longer than {MAX_LABEL} characters"));
    }
    if label.starts_with('-') || label.ends_with('-') {
        return Some("a label can neither begin nor end with a hyphen".into());
    }
    // The underscore is no letter of a host name (RFC 952), but development hosts carry it.
    let bad = label.chars().find(|c| !(c.is_ascii_alphanumeric() || *c == '-' || *c == '_'))?;
    Some(format!("{bad:?} cannot stand in a host name"))
}

/// An address as it stands in a certificate: four octets, or sixteen.
pub(crate) fn address(octets: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(octets)
        .map(IpAddr::from)
        .or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from))
        .ok()
}

/// `127.0.0.1`, `::1`, and `[::1]` as it stands in URLs.
fn ip(word: &str) -> Option<IpAddr> {
    let bracketed = word.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match bracketed {
        Some(inner) => inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => word.parse().ok(),
    }
}

/// RFC 5280 §4.2.1.6 wants an absolute URI with a host in ASCII.
fn uri(word: &str, scheme: &str, rest: &str) -> Result<Name, Fault> {
    let scheme_fits = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    // RFC 3986 §2: unreserved, reserved and the percent sign.
    let rest_fits = !rest.is_empty()
        && !rest.starts_with('/')
        && rest.chars().all(|c| c.is_ascii_alphanumeric() || "-._~:/?#[]@!$&'()*+,;=%".contains(c));
    if scheme_fits && rest_fits {
        Ok(Name::Uri(word.to_owned()))
    } else {
        Err(refuse(word, "it is no absolute URI").hint_instead("as in: spiffe://dev/alice"))
    }
}

/// RFC 5321 §4.1.2, without quoted local parts.
fn email(word: &str, local: &str, domain_part: &str) -> Result<Name, Fault> {
    let atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
    let fits = (1..=64).contains(&local.len())
        && local.chars().all(atom)
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..");
    if !fits {
        return Err(
            refuse(word, "what stands before the @ is no mailbox").hint_instead("as in: alice@example.com")
        );
    }
    Ok(Name::Email(format!("{local}@{}", domain(word, domain_part)?)))
}

fn refuse(word: &str, why: &str) -> Fault {
    let shown: String = word.chars().take(80).collect();
    let more = if word.chars().count() > 80 { "…" } else { "" };
    Fault::usage(
        format!("{:?} is not a name for a certificate: {why}", format!("{shown}{more}")),
        "give host names, addresses, e-mails or URIs, as in: devca issue localhost 127.0.0.1",
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
    fn refuses_what_is_no_name() {
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
