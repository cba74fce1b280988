//! Turns a chain of certificates into findings.

use time::{Duration, OffsetDateTime};

use super::catalogue::{
    Case, Client, EXPIRED, EXPIRING, Library, MISSING_INTERMEDIATE, NOT_YET_VALID, SELF_SIGNED, TOO_LONG,
    WRONG_ORDER, Words,
};
use super::chain::{self, Chain, End, Link, Source};
use super::{Finding, constraints, features, form, hostname, issue, issuers, purpose, strength, words};
use crate::x509::details::CertificateDetails;
use crate::x509::policy;
use crate::x509::validity::DaysLeft;

/// Certificates that expire within this time are reported, unless that is most of their lifetime, as with those of
/// `devca serve`.
const EXPIRES_SOON_DAYS: i64 = 7;

const PUBLIC_MAX_DAYS: i64 = 398;

/// What a chain is checked against.
pub struct Expectation<'a> {
    /// The name or address that a client would use; `None` for a client's own certificate.
    pub name: Option<&'a str>,
    /// Whether the certificate is a client certificate.
    pub client: bool,
    /// The time to check validity against.
    pub now: OffsetDateTime,
    /// Whether the server stapled an OCSP response; `None` without a server.
    pub stapled: Option<bool>,
}

/// Reports everything that is visible in the chain itself. Whether its root is trusted is checked elsewhere.
pub fn judge(chain: &Chain, sent: &[Link], expected: &Expectation) -> Vec<Finding> {
    let mut findings = Vec::new();
    let leaf = chain.leaf();
    if chain.end == End::Root && chain.links.len() == 1 {
        let what = format!("{} is self-signed", leaf.details.subject);
        let names = expected.name.map_or("NAMES".into(), |name| words(&[name.to_owned()]));
        findings.push(Finding::new(&SELF_SIGNED, what, format!("devca issue {names}, and use those files")));
    }
    findings.extend(missing_links(chain));
    findings.extend(expected.name.and_then(|name| hostname::judge(leaf, name)));
    for (link, _) in &chain.links {
        let link: &Link = link;
        let is_root = chain.is_root(link) && chain.links.len() > 1;
        // webpki uses only the name and key of a root.
        let minds = |words: &Words| !is_root || words.library() != Some(Library::Webpki);
        findings.extend(validity(link, expected.now).map(|finding| finding.saying(minds)));
        findings.extend(strength::judge(chain, link));
    }
    findings.extend(purpose::judge(chain, expected));
    findings.extend(form::judge(chain));
    findings.extend(features::judge(chain, expected));
    findings.extend(constraints::judge(chain));
    findings.extend(issuers::judge(chain));
    if !chain::is_in_order(sent) {
        findings.push(wrong_order(chain, sent));
    }
    findings.extend(too_long(leaf, expected.client));
    findings
}

fn missing_links(chain: &Chain) -> Option<Finding> {
    let is_missing = |(link, source): &&(&Link, Source)| {
        *source == Source::Known && !(link.is_self_issued() && chain.is_root(link))
    };
    let missing = chain.links.iter().find(is_missing)?;
    let leaf = &chain.leaf().details;
    let mut what = format!(
        "{} was issued by {}, which the server does not send",
        leaf.subject, missing.0.details.subject
    );
    if !leaf.issuer_urls.is_empty() {
        what += "; browsers may fetch it from the address in the certificate, other clients do not";
    }
    let fix = format!("have the server send the full chain: {} --format pem,fullchain", issue(leaf));
    Some(Finding::new(&MISSING_INTERMEDIATE, what, fix))
}

fn validity(link: &Link, now: OffsetDateTime) -> Option<Finding> {
    let details = &link.details;
    let (subject, end) = (&details.subject, details.not_after);
    if end < now {
        let what = format!("{subject} expired on {}", end.date());
        let finding = Finding::new(&EXPIRED, what, format!("{}, then restart the server", renew(details)));
        return Some(finding.saying(|words| match words.when {
            Case::ExpiredLeaf => !details.is_ca,
            Case::ExpiredCa => details.is_ca,
            _ => true,
        }));
    }
    if details.not_before > now {
        let (date, time) = (details.not_before.date(), details.not_before.time());
        let what = format!("{subject} is valid from {date}, {:02}:{:02} UTC", time.hour(), time.minute());
        return Some(Finding::new(&NOT_YET_VALID, what, "compare the clocks: date -u"));
    }
    let lead = policy::lead(EXPIRES_SOON_DAYS, end - details.not_before);
    (end - lead <= now).then(|| {
        let left = DaysLeft::until(end, now);
        Finding::new(&EXPIRING, format!("{subject} expires {left}, on {}", end.date()), renew(details))
    })
}

/// Suggests who can reissue the certificate.
pub(super) fn renew(details: &CertificateDetails) -> String {
    let is_devcas = details.issuer.contains(policy::ROOT_ORGANIZATION);
    match (is_devcas, details.is_ca, details.subject == details.issuer) {
        (true, false, _) => "devca renew".into(),
        (true, true, true) => "devca rotate".into(),
        (true, true, false) => "devca renew --all".into(),
        (false, false, _) => format!("have its CA issue it again, or replace it: {}", issue(details)),
        (false, true, _) => "replace it with the current certificate of that CA".into(),
    }
}

fn wrong_order(chain: &Chain, sent: &[Link]) -> Finding {
    let is_named = |issuer: &Link| sent.iter().any(|link| link.names_in_any_spelling(issuer));
    let is_sent_before = |index: usize, link: &Link| sent[..index].iter().any(|other| other.der == link.der);
    let double = sent.iter().enumerate().find(|(index, link)| is_sent_before(*index, link));
    let is_linked = |link: &Link| chain.links.iter().any(|(known, _)| known.der == link.der);
    let is_stray = |link: &Link| !is_linked(link) && (!is_named(link) || link.is_self_issued());
    let stray = sent.iter().find(|link| is_stray(link));
    let what = match (stray, double) {
        (Some(stray), _) => {
            format!("{} is sent, but does not belong to the chain", stray.details.subject)
        }
        (None, Some((_, double))) => format!("{} is sent twice", double.details.subject),
        (None, None) => "the certificates are not in order from the leaf to the root".into(),
    };
    let fix = format!("{} --format pem,fullchain", issue(&chain.leaf().details));
    Finding::new(&WRONG_ORDER, what, fix)
}

fn too_long(leaf: &Link, client: bool) -> Option<Finding> {
    let details = &leaf.details;
    let days = (details.not_after - details.not_before + Duration::SECOND).whole_days();
    (!client && !details.is_ca && days > policy::SERVER_MAX_DAYS).then(|| {
        let what =
            format!("{} is valid for {days} days, but Apple's systems accept at most 825", details.subject);
        let said = |words: &Words| words.client == Client::Safari;
        Finding::new(&TOO_LONG, what, issue(details)).saying(said)
    })
}

/// Reports a validity that browsers reject below the public roots they ship (CA/Browser Forum, Baseline
/// Requirements §6.3.2).
pub fn too_long_for_public_roots(leaf: &Link) -> Option<Finding> {
    let details = &leaf.details;
    let days = (details.not_after - details.not_before + Duration::SECOND).whole_days();
    (PUBLIC_MAX_DAYS < days && days <= policy::SERVER_MAX_DAYS).then(|| {
        let what = format!(
            "{} is valid for {days} days, but browsers accept at most {PUBLIC_MAX_DAYS} from a public CA",
            details.subject
        );
        let fix = "get it issued for a shorter time, or by your own root: devca issue NAMES";
        Finding::new(&TOO_LONG, what, fix).saying(|words| words.client == Client::Chrome)
    })
}
