//! The Public Suffix List: the domains below which anyone can register a name.

/// Whether anyone can register a name directly below this domain, such as `com`, `co.uk`, `github.io` or
/// `s3.amazonaws.com`.
pub(crate) fn is_public(domain: &str) -> bool {
    // Below some domains (`*.ck`, `*.kawasaki.jp`) every name is itself a suffix.
    is_suffix(domain) || is_suffix(&format!("devca.{domain}"))
}

fn is_suffix(domain: &str) -> bool {
    psl::suffix(domain.as_bytes()).is_some_and(|suffix| suffix.is_known() && suffix == domain)
}

#[cfg(test)]
mod tests {
    use super::is_public;

    #[test]
    fn files_that_others_own_are_public() {
        for domain in [
            "com",
            "co.uk",
            "me.uk",
            "or.jp",
            "kyoto.jp",
            "kawasaki.jp",
            "ck",
            "k12.ca.us",
            "id.au",
            "nhs.uk",
            "github.io",
            "pages.dev",
            "vercel.app",
            "blogspot.com",
            "s3.amazonaws.com",
            "xn--p1ai",
        ] {
            assert!(is_public(domain), "{domain}");
        }
        for domain in ["test", "lan", "devbox", "corp.co.uk", "octocat.github.io", "example.com", "www.ck"] {
            assert!(!is_public(domain), "{domain}");
        }
    }
}
