//! Keys and signatures that clients reject as too weak, do not support, or accept although they are risky.

use super::Finding;
use super::catalogue::{Case, Client, SMALL_EXPONENT, UNSUPPORTED_ALGORITHM, WEAK, Words};
use super::chain::{Chain, Link, Source};
use crate::x509::algorithm::{KeyKind, SignatureKind};
use crate::x509::rsa::Exponent;

const FIX: &str = "devca issue NAMES uses keys and signatures that are accepted";

/// Judges the key and the signature of one certificate in a chain.
pub(super) fn judge(chain: &Chain, link: &Link) -> Option<Finding> {
    let is_leaf = std::ptr::eq(link, chain.leaf());
    // A root's own signature is not verified.
    let is_verified = !std::ptr::eq(link, chain.top());
    weak_key(link, is_leaf)
        .or_else(|| weak_signature(link).filter(|_| is_verified))
        .or_else(|| unsupported_key(chain, link, is_leaf))
        .or_else(|| unsupported_signature(link).filter(|_| is_verified))
        .or_else(|| unknown_self_signature(link).filter(|_| !is_verified))
        .or_else(|| small_exponent(link))
}

fn weak_key(link: &Link, is_leaf: bool) -> Option<Finding> {
    let details = &link.details;
    let is_short = matches!(details.key, KeyKind::Rsa(..1024));
    let has_bad_exponent = details.exponent == Some(Exponent::Unusable);
    let said = |words: &Words| match words.when {
        _ if has_bad_exponent => false,
        Case::CaKey => !is_leaf,
        // Node and browsers accept 1024 bits.
        Case::LeafKey => {
            let is_lenient = matches!(words.client, Client::Node | Client::Chrome | Client::Firefox);
            is_leaf && (!is_lenient || is_short)
        }
        // Java and Go accept half the key length that others require.
        _ => is_short && words.client == Client::Java,
    };
    let key = match &details.key {
        KeyKind::Rsa(bits) if details.key.is_weak() => format!("an RSA key of {bits} bits"),
        _ if has_bad_exponent => "an RSA key with a public exponent that clients refuse".into(),
        _ => return None,
    };
    Some(Finding::new(&WEAK, format!("{} has {key}", details.subject), FIX).saying(said))
}

fn weak_signature(link: &Link) -> Option<Finding> {
    let details = &link.details;
    // Java is stricter with the roots it ships than with others.
    let said = |words: &Words| words.when == Case::Signature && words.client != Client::Java;
    details.signature.is_weak().then(|| {
        let what = format!("{} is signed by {}", details.subject, details.signature);
        Finding::new(&WEAK, what, FIX).saying(said)
    })
}

/// Reports a key that only some clients support: DSA, Ed448, or a curve other than P-256, P-384 and P-521. A
/// CA's key of another algorithm is only noticed in the signatures that it made.
fn unsupported_key(chain: &Chain, link: &Link, is_leaf: bool) -> Option<Finding> {
    const P224: &str = "1.3.132.0.33";
    let details = &link.details;
    if !details.key.is_rare() {
        return None;
    }
    let is_sent =
        chain.links.iter().any(|(known, source)| std::ptr::eq(*known, link) && *source == Source::Sent);
    let curve = match &details.key {
        KeyKind::EcdsaOther(Some(curve)) => Some(curve.as_str()),
        _ => None,
    };
    let is_p224 = curve == Some(P224);
    let minds = |words: &Words| match words.client {
        Client::Rustls => !is_leaf,
        Client::GnuTls => !is_p224 && !is_leaf && words.when == Case::CaKey,
        Client::Go => !is_p224 && words.when == if is_sent { Case::SentKey } else { Case::RootNotSent },
        _ => false,
    };
    let what =
        format!("{} has a key of a kind that many clients do not support: {}", details.subject, details.key);
    Some(Finding::new(&UNSUPPORTED_ALGORITHM, what, FIX).saying(|words| curve.is_some() && minds(words)))
}

/// Reports a signature that only some clients support. devca may not be able to verify it either.
fn unsupported_signature(link: &Link) -> Option<Finding> {
    let details = &link.details;
    let signature = &details.signature;
    if !signature.is_rare() {
        return None;
    }
    let is_pss = matches!(signature, SignatureKind::RsaPssOther(_));
    let said = |words: &Words| match words.client {
        Client::Go => words.when == Case::Signature,
        Client::GnuTls => is_pss && words.when == Case::Signature,
        Client::Rustls => true,
        _ => is_ecdsa_with_sha3(signature) && words.when == Case::EcdsaWithSha3,
    };
    let what = format!(
        "{} has a signature of a kind that many clients do not support: {signature}",
        details.subject
    );
    Some(Finding::new(&UNSUPPORTED_ALGORITHM, what, FIX).saying(said))
}

/// NIST's id-ecdsa-with-sha3-224 to -512.
fn is_ecdsa_with_sha3(signature: &SignatureKind) -> bool {
    const ALGORITHMS: &str = "2.16.840.1.101.3.4.3.";
    let number = match signature {
        SignatureKind::Other(oid) => oid.strip_prefix(ALGORITHMS).and_then(|last| last.parse::<u32>().ok()),
        _ => None,
    };
    number.is_some_and(|number| (9..=12).contains(&number))
}

/// Reports a root that OpenSSL does not recognize as its own issuer, because it does not know the algorithm.
fn unknown_self_signature(root: &Link) -> Option<Finding> {
    let signature = &root.details.signature;
    (root.is_self_issued() && is_ecdsa_with_sha3(signature)).then(|| {
        let what = format!(
            "{} signed itself in a way that OpenSSL does not support: {signature}",
            root.details.subject
        );
        Finding::new(&UNSUPPORTED_ALGORITHM, what, FIX).saying(|words| words.when == Case::RootWithSha3)
    })
}

fn small_exponent(link: &Link) -> Option<Finding> {
    let warning = link.details.exponent?.warning()?;
    let what = format!("{} {warning}", link.details.subject);
    Some(Finding::new(&SMALL_EXPONENT, what, "devca issue NAMES creates a key that is not affected"))
}
