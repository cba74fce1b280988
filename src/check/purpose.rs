//! Checks what each certificate of a chain may be used for: the leaf for this connection, the CAs for signing
//! those below them.

use super::catalogue::{
    CA_AS_LEAF, Case, Client, Library, NOT_A_CA, PATH_TOO_LONG, UNKNOWN_EXTENSION, WRONG_KEY_USAGE,
    WRONG_USAGE, Words,
};
use super::chain::{Chain, End, Link};
use super::judge::Expectation;
use super::{Finding, features};
use crate::x509::usage::Usage;

/// Reports every certificate that is used for something it does not allow.
pub fn judge(chain: &Chain, expected: &Expectation) -> Vec<Finding> {
    let leaf = chain.leaf();
    let mut findings: Vec<Finding> = usage(leaf, expected).into_iter().collect();
    if leaf.details.is_ca {
        let what = format!("{} may sign other certificates", leaf.details.subject);
        findings.push(Finding::new(&CA_AS_LEAF, what, issue(expected)));
    }
    findings.extend(key_usage(leaf, expected));
    for (above, (ca, _)) in chain.links.iter().enumerate().skip(1) {
        let below = chain.links[above - 1].0;
        findings.extend(may_not_sign(ca, below, chain.is_root(ca)));
        if chain.is_root(ca) {
            findings.extend(is_not_a_root(ca));
        }
        findings.extend(too_deep(chain, above));
        findings.extend(ca_usage(ca, expected, chain.is_root(ca)));
    }
    findings.extend(too_deep_for_webpki(chain));
    findings.extend(chain.links.iter().find_map(|(link, _)| unknown_extension(link, chain)));
    findings
}

fn issue(expected: &Expectation) -> String {
    match (expected.client, expected.name) {
        (true, _) => "devca issue --client NAME".into(),
        (false, Some(name)) => format!("devca issue {name}"),
        (false, None) => "devca issue NAME".into(),
    }
}

fn wanted(expected: &Expectation) -> Usage {
    if expected.client { Usage::Client } else { Usage::Server }
}

fn usage(leaf: &Link, expected: &Expectation) -> Option<Finding> {
    let details = &leaf.details;
    let wanted = wanted(expected);
    if details.usages.is_empty() || details.usages.contains(&wanted) {
        return None;
    }
    let fix = if expected.client {
        "devca issue --client NAME"
    } else {
        "devca issue NAME without --client; or, if it is for a client: devca check FILE --client"
    };
    if details.usages.contains(&Usage::Anything) {
        let what = format!(
            "{} is for any use (anyExtendedKeyUsage), which OpenSSL and Firefox do not accept for a {wanted}",
            details.subject
        );
        let accepts = |client| matches!(client, Client::Java | Client::Go | Client::Chrome | Client::GnuTls);
        let said = |words: &Words| !accepts(words.client);
        return Some(Finding::new(&WRONG_USAGE, what, fix).saying(said));
    }
    if wanted == Usage::Server && details.usages.iter().any(is_gated_crypto) {
        let what = format!(
            "{} is for Server Gated Crypto, which only OpenSSL and Java accept for a server",
            details.subject
        );
        let said = |words: &Words| !matches!(words.library(), Some(Library::OpenSsl | Library::Java));
        return Some(Finding::new(&WRONG_USAGE, what, fix).saying(said));
    }
    let what =
        format!("{} is for {}, but is used by a {wanted}", details.subject, Usage::list(&details.usages));
    Some(Finding::new(&WRONG_USAGE, what, fix))
}

/// Netscape's usage for Server Gated Crypto, from the 1990s.
const NETSCAPE_GATED_CRYPTO: &str = "2.16.840.1.113730.4.1";

/// Microsoft's usage for Server Gated Crypto.
const MICROSOFT_GATED_CRYPTO: &str = "1.3.6.1.4.1.311.10.3.3";

fn is_gated_crypto(usage: &Usage) -> bool {
    matches!(usage, Usage::Other(oid) if [NETSCAPE_GATED_CRYPTO, MICROSOFT_GATED_CRYPTO].contains(&oid.as_str()))
}

/// OpenSSL, Go, `GnuTLS` and browsers apply a CA's extended key usage to the certificates below it; Java does
/// not. `GnuTLS` and webpki ignore it on a root.
fn ca_usage(ca: &Link, expected: &Expectation, is_root: bool) -> Option<Finding> {
    let details = &ca.details;
    let wanted = wanted(expected);
    if details.usages.is_empty() || details.usages.contains(&wanted) {
        return None;
    }
    let is_gated = wanted == Usage::Server && details.usages.iter().any(is_gated_crypto);
    let is_netscapes = details.usages.contains(&Usage::Other(NETSCAPE_GATED_CRYPTO.into()));
    let minds = |words: &Words| match words.library() {
        Some(Library::OpenSsl) => !is_gated,
        Some(Library::GnuTls) => !(is_root || is_gated && is_netscapes),
        Some(Library::Webpki) => !is_root,
        _ => true,
    };
    let is_for_any = details.usages.contains(&Usage::Anything);
    let (uses, subject) = (Usage::list(&details.usages), &details.subject);
    let what = format!("the CA {subject} is for {uses}, not for a {wanted}");
    let finding = Finding::new(&WRONG_USAGE, what, issue(expected)).saying(minds);
    Some(if is_for_any {
        finding.said_by(&[Library::OpenSsl, Library::GnuTls, Library::Webpki])
    } else {
        finding.saying(|words| words.client != Client::Java)
    })
}

/// In TLS 1.3, and with ECDHE, the leaf's key signs the handshake (RFC 8446 §4.4.2.2).
fn key_usage(leaf: &Link, expected: &Expectation) -> Option<Finding> {
    let usage = leaf.key_usage.as_ref().filter(|usage| !usage.digital_signature())?;
    let what = format!("the key of {} may not be used in handshakes: {usage}", leaf.details.subject);
    // Many clients still accept the usages that the older key exchanges needed.
    let was_enough = usage.key_encipherment() || usage.key_agreement();
    let is_strict = |client| matches!(client, Client::Java | Client::Chrome | Client::GnuTls);
    let said = |words: &Words| {
        !expected.client && (!was_enough || is_strict(words.client)) && words.client != Client::Go
    };
    Some(Finding::new(&WRONG_KEY_USAGE, what, issue(expected)).saying(said))
}

fn may_not_sign(ca: &Link, below: &Link, is_root: bool) -> Option<Finding> {
    // A version 1 root has no extensions to say that it is a CA; whether it is trusted is checked elsewhere. Nobody verifies
    // a root's own signature.
    let lacks_ca = !(ca.details.is_ca || ca.is_self_signed() || is_root && ca.is_self_issued());
    let lacks_bit = ca.key_usage.as_ref().is_some_and(|usage| !usage.key_cert_sign());
    let is_empty = ca.key_usage.as_ref().is_some_and(|usage| usage.flags == 0);
    let why = match (lacks_ca, lacks_bit) {
        (true, _) => "it is not a CA (basicConstraints)",
        (false, true) => "its key usage lacks keyCertSign",
        (false, false) => return None,
    };
    let what = format!("{} signed {} but may not: {why}", ca.details.subject, below.details.subject);
    let is_ca_to_some = ca.has_negative_path_length && !lacks_bit;
    let said = move |words: &Words| match words.when {
        _ if is_ca_to_some && matches!(words.library(), Some(Library::Go | Library::GnuTls)) => false,
        // Go treats an empty key usage as an absent one.
        _ if words.client == Client::Go => lacks_ca || !is_empty,
        Case::NoCertSign => !lacks_ca,
        Case::IsNoCa | Case::IntermediateIsNoCa => lacks_ca,
        _ => true,
    };
    Some(Finding::new(&NOT_A_CA, what, "get it issued by a CA: devca issue NAMES").saying(said))
}

/// Reports a version 3 root that does not claim to be a CA. Go requires the claim; others reject the root
/// only if it claims the opposite.
fn is_not_a_root(root: &Link) -> Option<Finding> {
    let refused_by: &[Library] = if root.has_negative_path_length {
        &[Library::OpenSsl]
    } else if root.has_basic_constraints {
        &[Library::OpenSsl, Library::GnuTls, Library::Go]
    } else {
        &[Library::Go]
    };
    let what = format!("{} is a root, but is not marked as a CA (basicConstraints)", root.details.subject);
    let said = |words: &Words| !matches!(words.when, Case::NoCertSign | Case::IntermediateIsNoCa);
    (root.is_version_3 && !root.details.is_ca && root.is_self_issued()).then(|| {
        Finding::new(&NOT_A_CA, what, "create a new root: devca install").said_by(refused_by).saying(said)
    })
}

/// Checks the path length: how many CAs may follow below this one, not counting self-issued ones (RFC 5280
/// §4.2.1.9).
fn too_deep(chain: &Chain, above: usize) -> Option<Finding> {
    let (ca, _) = chain.links[above];
    let limit = ca.details.path_length?;
    let limit_reached = usize::try_from(limit).unwrap_or(usize::MAX);
    let count = chain.links[1..above].iter().filter(|(link, _)| !link.is_self_issued()).count();
    let is_root = chain.is_root(ca);
    // Go, GnuTLS and webpki count self-issued CAs as well.
    let is_strict = |library| matches!(library, Some(Library::Go | Library::GnuTls | Library::Webpki));
    let said = |words: &Words| {
        words.when != Case::TooManyIntermediates
            && !(is_root && words.library() == Some(Library::Webpki))
            && (count > limit_reached || is_strict(words.library()))
    };
    let count = if count > limit_reached { count } else { above - 1 };
    (count > limit_reached).then(|| {
        let what = format!("{} allows {limit} CAs below it, but there are {count}", ca.details.subject);
        Finding::new(&PATH_TOO_LONG, what, "issue from the CA directly below it: devca issue NAMES")
            .saying(said)
    })
}

fn too_deep_for_webpki(chain: &Chain) -> Option<Finding> {
    let count = chain.links.len().saturating_sub(2);
    (count > 6 && chain.end == End::Anchor).then(|| {
        let what = format!("there are {count} intermediates, but rustls follows at most 6");
        let fix = "issue from a CA closer to the root: devca issue NAMES";
        Finding::new(&PATH_TOO_LONG, what, fix).saying(|words| words.when == Case::TooManyIntermediates)
    })
}

fn unknown_extension(link: &Link, chain: &Chain) -> Option<Finding> {
    let refused_by = |oid: &String| (oid.clone(), unsupported_by(oid));
    let (oid, libraries) =
        link.critical.iter().map(refused_by).max_by_key(|(_, libraries)| libraries.len())?;
    let what =
        format!("{} has a critical extension that clients do not support, {oid}", link.details.subject);
    let is_leaf = std::ptr::eq(link, chain.leaf());
    let is_root = chain.is_root(link);
    let said = move |words: &Words| match words.library() {
        // webpki uses only the name and key of a root.
        Some(Library::Webpki) if is_root => false,
        // Firefox stops at the first CA that it cannot use.
        Some(Library::Firefox) if (words.when == Case::OfLeaf) != is_leaf => false,
        library => library.is_some_and(|library| libraries.contains(&library)),
    };
    let finding = Finding::new(&UNKNOWN_EXTENSION, what, "devca issue NAMES").saying(said);
    (!finding.words.is_empty()).then_some(finding)
}

/// The libraries that reject a certificate if this extension is critical.
fn unsupported_by(oid: &str) -> &'static [Library] {
    use Library::{Chrome, Firefox, GnuTls, Go, Java, OpenSsl, Webpki};
    match oid.strip_prefix("2.5.29.") {
        // Usages, names, basic and name constraints, CRL distribution points.
        Some("15" | "17" | "19" | "30" | "31" | "37") => &[],
        // Key identifiers.
        Some("14" | "35") => &[OpenSsl, Webpki],
        // The issuer's alternative names.
        Some("18") => &[OpenSsl, Go, Webpki, Java, Chrome, Firefox],
        // Certificate policies and inhibit anyPolicy.
        Some("32") => &[Webpki],
        Some("54") => &[Go, Webpki],
        // Policy mappings and policy constraints.
        Some("33" | "36") => &[GnuTls, Go, Webpki],
        // TLS features (RFC 7633), known as OCSP must-staple.
        None if oid == features::OID => &[OpenSsl, Go, Webpki, Java, Chrome],
        // Access to the issuer's certificate and to OCSP.
        None if oid == "1.3.6.1.5.5.7.1.1" => &[OpenSsl, Webpki, Java],
        _ => &[OpenSsl, GnuTls, Go, Webpki, Java, Chrome, Firefox],
    }
}
