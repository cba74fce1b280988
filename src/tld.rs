//! The top-level domains of the public Internet, so that no machine's own name opens one.

/// ICANN's delegated top-level domains (IANA root zone, 2026), one A-label a line, sorted.
const PUBLIC: &str = include_str!("public-tlds.txt");

/// Whether a single label is a public top-level domain. Read once in a root's life, so a scan will do.
pub(crate) fn is_public(label: &str) -> bool {
    PUBLIC.lines().any(|tld| tld == label)
}
