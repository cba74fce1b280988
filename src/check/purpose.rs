//! What each certificate of a chain may be used for: the leaf for this connection, those above it to sign what is below.

use super::Finding;
use super::catalogue::{
    CA_AS_LEAF, NOT_A_CA, OUTSIDE_CONSTRAINTS, PATH_TOO_LONG, UNKNOWN_EXTENSION, WRONG_KEY_USAGE,
    WRONG_USAGE, Words,
};
use super::chain::{Chain, Link};
use super::judge::Expectation;
use crate::name::Name;

/// Everything that a chain is not meant for.
pub fn judge(chain: &Chain, expected: &Expectation) -> Vec<Finding> {
    let leaf = chain.leaf();
    let mut findings: Vec<Finding> = usage(leaf, expected).into_iter().collect();
    if leaf.details.is_ca {
        let what = format!("{} may sign other certificates", leaf.details.subject);
        findings.push(Finding::new(&CA_AS_LEAF, what, issue(expected)));
    }
    findings.extend(key_usage(leaf, expected));
    for (above, (ca, _)) in chain.links.iter().enumerate().skip(1) {
        let below = &chain.links[above - 1].0;
        findings.extend(may_not_sign(ca, below));
        findings.extend(too_deep(chain, above));
        findings.extend(ca_usage(ca, expected));
    }
    findings.extend(chain.links.iter().find_map(|(link, _)| unknown_extension(link, leaf)));
    findings.extend(outside(chain));
    findings
}

fn issue(expected: &Expectation) -> String {
    match (expected.client, expected.name) {
        (true, _) => "devca issue --client NAME".into(),
        (false, Some(name)) => format!("devca issue {name}"),
        (false, None) => "devca issue NAME".into(),
    }
}

fn wanted(expected: &Expectation) -> &'static str {
    if expected.client { "client" } else { "server" }
}

fn usage(leaf: &Link, expected: &Expectation) -> Option<Finding> {
    let details = &leaf.details;
    let wanted = wanted(expected);
    if details.usages.is_empty() || details.usages.iter().any(|usage| usage == wanted) {
        return None;
    }
    let mend = if expected.client {
        "devca issue --client NAME"
    } else {
        "devca issue NAME, without --client; or, if a client is to use it: devca check FILE --client"
    };
    if details.usages.iter().any(|usage| usage == "anything") {
        let what = format!(
            "{} is for any use (anyExtendedKeyUsage), which OpenSSL and Firefox do not take for a {wanted}'s",
            details.subject
        );
        let said = |words: &Words| !["Java", "Go", "Chrome", "GnuTLS"].contains(&words.client);
        return Some(Finding::new(&WRONG_USAGE, what, mend).saying(said));
    }
    let what =
        format!("{} is for: {}, and is used by a {wanted}", details.subject, details.usages.join(", "));
    Some(Finding::new(&WRONG_USAGE, what, mend))
}

/// OpenSSL, Go, `GnuTLS` and browsers hold what a CA says of extended usages against what it has signed; Java does not.
fn ca_usage(ca: &Link, expected: &Expectation) -> Option<Finding> {
    let details = &ca.details;
    let wanted = wanted(expected);
    let fits = |usage: &String| usage == wanted || usage == "anything";
    if details.usages.is_empty() || details.usages.iter().any(fits) {
        return None;
    }
    let what =
        format!("{}, a CA, is for: {}, and not for a {wanted}", details.subject, details.usages.join(", "));
    Some(Finding::new(&WRONG_USAGE, what, issue(expected)).saying(|words| words.client != "Java"))
}

/// In TLS 1.3, and with ECDHE, the leaf's key signs the handshake (RFC 8446 §4.4.2.2).
fn key_usage(leaf: &Link, expected: &Expectation) -> Option<Finding> {
    let usage = leaf.key_usage.as_ref().filter(|usage| !usage.digital_signature())?;
    let what = format!("the key of {} may not sign handshakes: {usage}", leaf.details.subject);
    // What was enough for the key exchanges of old, many still take.
    let was_enough = usage.key_encipherment() || usage.key_agreement();
    let strict = ["Java", "Chrome", "GnuTLS"];
    let said = |words: &Words| {
        !expected.client && (!was_enough || strict.contains(&words.client)) && words.client != "Go"
    };
    Some(Finding::new(&WRONG_KEY_USAGE, what, issue(expected)).saying(said))
}

fn may_not_sign(ca: &Link, below: &Link) -> Option<Finding> {
    // A root of version 1 has no extensions, and says nothing of it; whether it is trusted is asked elsewhere.
    let lacks_ca = !ca.details.is_ca && !ca.is_self_signed();
    let lacks_bit = ca.key_usage.as_ref().is_some_and(|usage| !usage.key_cert_sign());
    let why = match (lacks_ca, lacks_bit) {
        (true, _) => "it is no CA (basicConstraints)",
        (false, true) => "its key usage lacks keyCertSign",
        (false, false) => return None,
    };
    let what = format!("{} has signed {}, and may not: {why}", ca.details.subject, below.details.subject);
    let said = move |words: &Words| match words.says {
        "NET::ERR_CERT_INVALID" | "invalid CA certificate" => true,
        says if words.client == "Go" => says.starts_with("parent"),
        says => NO_BIT.contains(&says) != lacks_ca,
    };
    Some(Finding::new(&NOT_A_CA, what, "have it issued by a CA: devca issue NAMES").saying(said))
}

/// What is said where it is the key usage that is lacking.
const NO_BIT: [&str; 4] = [
    "key usage does not include certificate signing",
    "keyCertSign bit is not set",
    "SEC_ERROR_INADEQUATE_KEY_USAGE",
    "violates the signer's constraints",
];

/// How many CAs may follow below one (RFC 5280 §4.2.1.9): those that issue to themselves do not count.
fn too_deep(chain: &Chain, above: usize) -> Option<Finding> {
    let ca = &chain.links[above].0.details;
    let limit = ca.path_length?;
    let between =
        chain.links[1..above].iter().filter(|(link, _)| link.details.subject != link.details.issuer);
    let count = between.count();
    (count > usize::try_from(limit).unwrap_or(usize::MAX)).then(|| {
        let what = format!("{} allows {limit} CAs below it, and there are {count}", ca.subject);
        Finding::new(&PATH_TOO_LONG, what, "issue from the CA right below it: devca issue NAMES")
    })
}

fn unknown_extension(link: &Link, leaf: &Link) -> Option<Finding> {
    let oid = link.unknown_critical.as_ref()?;
    let what = format!("{} has a critical extension that clients do not know, {oid}", link.details.subject);
    let is_leaf = std::ptr::eq(link, leaf);
    // Firefox looks no further up than to a CA that it can use.
    let said = move |words: &Words| {
        words.client != "Firefox" || (words.says == "SEC_ERROR_UNKNOWN_ISSUER") != is_leaf
    };
    Some(Finding::new(&UNKNOWN_EXTENSION, what, "devca issue NAMES").saying(said))
}

fn outside(chain: &Chain) -> Option<Finding> {
    let names: Vec<Name> =
        chain.leaf().details.names.iter().filter_map(|name| Name::parse(name).ok()).collect();
    chain.links.iter().skip(1).find_map(|(ca, _)| {
        let constraints = &ca.details.constraints;
        let name = names.iter().find(|name| !constraints.permit(name))?;
        let what = format!("{} may not sign for {name}", ca.details.subject);
        let mend = format!("devca permit {}", crate::issuer::base(name));
        let is_excluded = constraints.excluded.iter().any(|subtree| subtree.covers(name));
        let is_root = std::ptr::eq(ca, chain.top());
        let said = move |words: &Words| match words.says {
            "permitted subtree violation" => !is_excluded,
            "excluded subtree violation" => is_excluded,
            // It takes no notice of what stands in a root.
            _ => words.client != "Java" || !is_root,
        };
        Some(Finding::new(&OUTSIDE_CONSTRAINTS, what, mend).saying(said))
    })
}
