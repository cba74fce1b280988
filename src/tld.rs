//! The top-level domains of the public Internet, so that no machine's own name opens one.

/// ICANN's delegated top-level domains (IANA root zone, 2026), one A-label a line, sorted.
const PUBLIC: &str = include_str!("public-tlds.txt");

/// What countries put in front of their own: `co.uk`, `com.au`, `ac.jp`.
const SECOND_LEVEL: [&str; 7] = ["ac", "co", "com", "edu", "gov", "net", "org"];

/// Whether strangers register their domains right below this one. Read once in a root's life, so a scan will do.
pub(crate) fn is_public(domain: &str) -> bool {
    let tld = match domain.split_once('.') {
        None => domain,
        Some((second, country)) if SECOND_LEVEL.contains(&second) && country.len() == 2 => country,
        Some(_) => return false,
    };
    PUBLIC.lines().any(|public| public == tld)
}
