//! How certificates identify their issuers: by name, by key, and by the issuer's certificate.

use super::Finding;
use super::catalogue::{Case, ISSUER_NAME_MISMATCH, KEY_ID_MISMATCH, Library, Words};
use super::chain::{Chain, Link, Source};
use super::judge::renew;

/// Reports the first certificate that identifies its issuer in a way that some clients do not recognize.
pub(super) fn judge(chain: &Chain) -> Vec<Finding> {
    let pairs = || chain.links.windows(2).map(|pair| (pair[0].0, pair[1].0)).enumerate();
    let key = pairs().find(|(_, (link, issuer))| !link.agrees_on_key_with(issuer));
    let certificate = pairs().find(|(_, (link, issuer))| !link.agrees_on_certificate_with(issuer));
    let name = pairs().find(|(_, (link, issuer))| !link.names(issuer));
    let is_sent = |depth: usize| chain.links[depth + 1].1 == Source::Sent;
    let by_id = match (key, certificate) {
        (Some((depth, (link, issuer))), _) => Some(other_key(link, issuer, said_at(chain, depth))),
        (None, Some((depth, (link, issuer)))) => Some(other_certificate(link, issuer, said_at(chain, depth))),
        (None, None) => None,
    };
    by_id
        .into_iter()
        .chain(name.map(|(depth, (link, issuer))| other_spelling(link, issuer, is_sent(depth))))
        .collect()
}

/// Reports an authority key identifier that differs from the issuer's (RFC 5280 §4.2.1.1).
fn other_key(link: &Link, issuer: &Link, said: impl Fn(&Words) -> bool) -> Finding {
    let (details, issuer) = (&link.details, &issuer.details.subject);
    let what = format!("{} names a key other than that of {issuer}, which signed it", details.subject);
    Finding::new(&KEY_ID_MISMATCH, what, renew(details)).saying(said)
}

/// Reports an authority key identifier with another issuer and serial number than the issuer's certificate
/// has.
fn other_certificate(link: &Link, issuer: &Link, said: impl Fn(&Words) -> bool) -> Finding {
    let has_other_serial = !link.agrees_on_serial_with(issuer);
    let (details, issuer) = (&link.details, &issuer.details.subject);
    let what = format!(
        "{} names another certificate of {issuer} as its issuer's, by serial number; OpenSSL (curl, Node, Python) \
         accepts only that one",
        details.subject
    );
    let compares = |library| match library {
        Some(Library::OpenSsl) => true,
        Some(Library::Java) => has_other_serial,
        _ => false,
    };
    Finding::new(&KEY_ID_MISMATCH, what, renew(details))
        .saying(|words| said(words) && compares(words.library()))
}

/// Whether a client says this if it does not recognize the issuer of the certificate at this depth. Java
/// compares only what a root issued.
fn said_at(chain: &Chain, depth: usize) -> impl Fn(&Words) -> bool {
    let is_below_root = depth + 2 == chain.links.len();
    move |words| match words.when {
        Case::AtRoot => is_below_root,
        Case::LeafSent => depth == 0,
        Case::ChainSent => depth > 0,
        _ => true,
    }
}

/// Reports an issuer whose name has another encoding, case or spacing than the subject of the CA.
fn other_spelling(link: &Link, issuer: &Link, is_sent: bool) -> Finding {
    // GnuTLS relies on the key identifiers of certificates that were sent, and looks up the others by name.
    let is_known_to_gnutls = is_sent && link.shares_key_id_with(issuer);
    let (details, issuer) = (&link.details, &issuer.details.subject);
    let what = format!("{} spells the name of its issuer, {issuer}, in another way", details.subject);
    Finding::new(&ISSUER_NAME_MISMATCH, what, renew(details))
        .saying(|words| words.library() != Some(Library::GnuTls) || !is_known_to_gnutls)
}
