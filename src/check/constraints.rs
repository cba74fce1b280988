//! Checks names against name constraints, the way each library compares them.

use super::Finding;
use super::catalogue::{Case, Library, OUTSIDE_CONSTRAINTS, TOO_MANY_NAMES};
use super::chain::{Chain, Link};
use super::names::{AnyName, Limits};
use crate::x509::name::Name;

use Library::{Chrome, Firefox, GnuTls, Go, Java, OpenSsl, Webpki};

/// The maximum number of comparisons in Go and webpki (maxConstraintComparisons in crypto/x509, `Budget` in
/// webpki).
const MAX_COMPARISONS: usize = 250_000;

/// The maximum in OpenSSL and `GnuTLS` (`NAME_CHECK_MAX`), and in devca.
const MAX_COMPARISONS_OF_ALL: usize = 1 << 20;

/// A name that a CA may not sign for.
struct Outside {
    name: AnyName,
    /// The name is in an excluded subtree, rather than outside the permitted ones.
    is_excluded: bool,
    refused_by: Vec<Library>,
}

/// Checks every certificate against the constraints of each CA above it.
pub(super) fn judge(chain: &Chain) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (above, (ca, _)) in chain.links.iter().enumerate().skip(1) {
        let Some(limits) = &ca.limits else { continue };
        let below = &chain.links[..above];
        let names: usize = below.iter().map(|(link, _)| link.names.alternative.len() + 1).sum();
        let comparisons = names.saturating_mul(limits.all().count());
        if comparisons > MAX_COMPARISONS {
            findings.push(too_many(ca, names, limits, comparisons));
        }
        if comparisons > MAX_COMPARISONS_OF_ALL {
            continue;
        }
        let mut outside = below.iter().enumerate().flat_map(|(at, (link, _))| {
            // RFC 5280 §6.1.4 (b): self-issued intermediates are exempt from name constraints.
            let is_checked = at == 0 || !link.is_self_issued();
            let (is_leaf, by_root) = (at == 0, chain.is_root(ca));
            let outside =
                alternative(limits, link, is_leaf, by_root).chain(subject(limits, link, is_leaf, by_root));
            outside.filter(move |_| is_checked)
        });
        // Go also checks a CA's own names against its constraints.
        let own = alternative(limits, ca, false, false).map(|own| Outside { refused_by: vec![Go], ..own });
        let own = own.filter(|own| !matches!(own.name, AnyName::Directory(_) | AnyName::Other(_)));
        let mut outside = outside.by_ref().chain(own);
        if let Some(mut worst) = outside.next() {
            for other in outside {
                let more = other.refused_by.iter().filter(|library| !worst.refused_by.contains(library));
                let more: Vec<Library> = more.copied().collect();
                worst.refused_by.extend(more);
            }
            findings.push(finding(ca, &worst));
        }
        findings.extend(unsupported(ca, limits));
    }
    findings
}

fn too_many(ca: &Link, names: usize, limits: &Limits, comparisons: usize) -> Finding {
    let what = format!(
        "{} has {} name constraints and {names} names below it, more than clients compare",
        ca.details.subject,
        limits.all().count()
    );
    let refused_by =
        if comparisons > MAX_COMPARISONS_OF_ALL { &[OpenSsl, GnuTls, Go, Webpki][..] } else { &[Go, Webpki] };
    Finding::new(&TOO_MANY_NAMES, what, "issue one certificate per service: devca issue NAMES")
        .said_by(refused_by)
}

fn finding(ca: &Link, outside: &Outside) -> Finding {
    let what = format!("{} may not sign for {}", ca.details.subject, outside.name);
    // devca can only permit host names and addresses.
    let permitted = match &outside.name {
        AnyName::Dns(text) => Name::parse(text).ok(),
        AnyName::Ip(octets) => crate::x509::name::address(octets).map(Name::Ip),
        _ => None,
    };
    let fix = match permitted {
        Some(name) => format!("devca permit {}", crate::ca::signer::base(&name)),
        None => format!("devca issue NAMES, without {}", outside.name),
    };
    Finding::new(&OUTSIDE_CONSTRAINTS, what, fix).said_by(&outside.refused_by).saying(|words| {
        match words.when {
            Case::NotPermitted => !outside.is_excluded,
            Case::Excluded => outside.is_excluded,
            _ => true,
        }
    })
}

/// Reports constraints on kinds of names that a client does not support. RFC 5280 §4.2.1.10 requires the
/// client to reject the chain in that case.
fn unsupported(ca: &Link, limits: &Limits) -> Option<Finding> {
    let is_other = |name: &AnyName| matches!(name, AnyName::Other(_));
    let is_directory = |name: &AnyName| matches!(name, AnyName::Directory(_));
    let mut refused_by = Vec::new();
    if limits.is_critical && limits.all().any(|name| is_other(name) || is_directory(name)) {
        refused_by.push(Go);
    }
    if limits.all().any(is_other) || limits.excluded.iter().any(is_directory) {
        refused_by.push(GnuTls);
    }
    // webpki does not compare directory names, and every certificate has one (its subject).
    if limits.all().any(is_directory) {
        refused_by.push(Webpki);
    }
    let what = format!("{} has name constraints of a kind that not all clients support", ca.details.subject);
    let fix = "constrain only host names and addresses: devca install";
    (!refused_by.is_empty()).then(|| Finding::new(&OUTSIDE_CONSTRAINTS, what, fix).said_by(&refused_by))
}

/// Finds an alternative name of a certificate that violates the constraints, and the libraries that reject
/// it.
fn alternative<'a>(
    limits: &'a Limits,
    link: &'a Link,
    is_leaf: bool,
    by_root: bool,
) -> impl Iterator<Item = Outside> + 'a {
    link.names.alternative.iter().filter_map(move |name| {
        let is_excluded = is_excluded(limits, name);
        if !is_excluded && is_permitted(limits, name) {
            return lenient(limits, name, is_leaf);
        }
        // Go checks only the leaf's and the CA's own names; Java ignores the constraints of a root.
        let refused_by = [OpenSsl, GnuTls, Go, Webpki, Java, Chrome, Firefox];
        let minds = |library: &Library| match library {
            GnuTls if is_of_other_version(limits, name) && !is_excluded => false,
            Go | GnuTls => is_leaf,
            Java => !by_root,
            _ => true,
        };
        let refused_by = match name {
            AnyName::Other(_) => vec![OpenSsl, Webpki],
            AnyName::Directory(_) => vec![OpenSsl],
            // GnuTLS does not support permitted URIs.
            AnyName::Uri(_) if !is_excluded && is_leaf => vec![OpenSsl, Go, Webpki],
            AnyName::Uri(_) if !is_excluded => vec![OpenSsl, Webpki],
            AnyName::Ip(octets) if ![4, 16].contains(&octets.len()) => vec![OpenSsl, Go, Webpki],
            _ => refused_by.into_iter().filter(minds).collect(),
        };
        Some(Outside { name: name.clone(), is_excluded, refused_by })
    })
}

/// Whether no permitted subtree has addresses of this one's version. `GnuTLS` permits all addresses of that
/// version then.
fn is_of_other_version(limits: &Limits, name: &AnyName) -> bool {
    let AnyName::Ip(own) = name else { return false };
    let is_same = |base: &AnyName| matches!(base, AnyName::Ip(base) if base.len() == 2 * own.len());
    !limits.permitted.iter().any(is_same)
}

/// Does the same for the names in the subject.
fn subject<'a>(
    limits: &'a Limits,
    link: &'a Link,
    is_leaf: bool,
    by_root: bool,
) -> impl Iterator<Item = Outside> + 'a {
    let common = link.names.common_as_hosts().filter(move |_| is_leaf).filter_map(move |name| {
        let is_excluded = is_excluded(limits, &name);
        let refused_by = if by_root { vec![OpenSsl, GnuTls] } else { vec![OpenSsl, GnuTls, Java] };
        (is_excluded || !is_permitted(limits, &name)).then_some(Outside { name, is_excluded, refused_by })
    });
    let subject =
        Some(AnyName::Directory(link.names.subject.clone())).filter(|_| !link.names.subject.is_empty());
    let subject = subject.into_iter().filter_map(move |name| {
        let is_excluded = is_excluded(limits, &name);
        (is_excluded || !is_permitted(limits, &name)).then(|| Outside {
            name,
            is_excluded,
            refused_by: vec![OpenSsl],
        })
    });
    common.chain(subject).chain(mailboxes(limits, link, is_leaf, by_root))
}

/// Does the same for the email addresses in the subject. OpenSSL compares all of them; `GnuTLS` and Java only
/// if the certificate has no alternative names of that kind (Java: of any kind).
fn mailboxes<'a>(
    limits: &'a Limits,
    link: &'a Link,
    is_leaf: bool,
    by_root: bool,
) -> impl Iterator<Item = Outside> + 'a {
    let has_other = link.names.alternative.iter().any(|name| matches!(name, AnyName::Email(_)));
    link.names.mailboxes.iter().filter_map(move |name| {
        // OpenSSL rejects any name that it cannot parse when there are constraints.
        if matches!(name, AnyName::Unreadable(_)) {
            return Some(Outside { name: name.clone(), is_excluded: false, refused_by: vec![OpenSsl] });
        }
        let is_excluded = is_excluded(limits, name);
        let mut refused_by = vec![OpenSsl];
        if is_leaf && !has_other {
            refused_by.push(GnuTls);
        }
        if !by_root && link.names.alternative.is_empty() {
            refused_by.push(Java);
        }
        (is_excluded || !is_permitted(limits, name)).then(|| Outside {
            name: name.clone(),
            is_excluded,
            refused_by,
        })
    })
}

fn is_excluded(limits: &Limits, name: &AnyName) -> bool {
    let is_other = matches!(name, AnyName::Other(_));
    limits.excluded.iter().any(|base| name.is_within(base) || (is_other && name.is_like(base)))
}

fn is_permitted(limits: &Limits, name: &AnyName) -> bool {
    let mut of_its_kind = limits.permitted.iter().filter(|base| name.is_like(base)).peekable();
    of_its_kind.peek().is_none() || of_its_kind.any(|base| name.is_within(base))
}

/// Names that satisfy the constraints but that some libraries still reject, if there are constraints on that
/// kind of name.
fn lenient(limits: &Limits, name: &AnyName, is_leaf: bool) -> Option<Outside> {
    let has_own_kind = limits.all().any(|base| name.is_like(base));
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() < 64
            && label.chars().all(|c| c.is_ascii_alphanumeric() || "-_*".contains(c))
    };
    // Go accepts other printable characters and any length, but no dot at the end.
    let go_refuses = |text: &str| {
        let mut labels = text.strip_prefix('.').unwrap_or(text).split('.');
        let is_bad = |label: &str| label.is_empty() || !label.bytes().all(|byte| byte.is_ascii_graphic());
        is_leaf && !text.is_empty() && labels.any(is_bad)
    };
    let webpki_refuses =
        |text: &str| has_own_kind && !text.strip_suffix('.').unwrap_or(text).split('.').all(is_label);
    let minds = |library: Library, when: bool| Some(library).filter(|_| when);
    let outside = |refused_by: &[Option<Library>]| {
        let refused_by: Vec<Library> = refused_by.iter().flatten().copied().collect();
        (!refused_by.is_empty()).then(|| Outside { name: name.clone(), is_excluded: false, refused_by })
    };
    let list = match name {
        AnyName::Dns(text) if go_refuses(text) || webpki_refuses(text) => {
            [minds(Go, go_refuses(text)), minds(Webpki, webpki_refuses(text))]
        }
        // webpki does not accept an IP address as a host name.
        AnyName::Dns(text) if text.parse::<std::net::IpAddr>().is_ok() => [None, minds(Webpki, has_own_kind)],
        // webpki supports neither kind, and OpenSSL only compares what it can parse.
        AnyName::Email(text) => {
            let is_broken = !text.contains('@');
            let by_openssl = minds(OpenSsl, is_broken && has_own_kind);
            [by_openssl.or(minds(Go, is_broken && is_leaf)), minds(Webpki, has_own_kind)]
        }
        AnyName::Uri(_) => {
            // Go compares a host name, and GnuTLS supports no excluded URIs.
            let is_limited = limits.excluded.iter().any(|base| name.is_like(base));
            return outside(&[
                minds(OpenSsl, has_own_kind && !name.has_authority()),
                minds(Webpki, has_own_kind),
                minds(Go, has_own_kind && is_leaf && !name.has_host()),
                minds(GnuTls, is_limited && is_leaf),
            ]);
        }
        // webpki and Chrome refuse a wildcard that includes an excluded name.
        AnyName::Dns(_) if limits.excluded.iter().any(|base| name.covers(base)) => {
            [minds(Webpki, true), minds(Chrome, true)]
        }
        // OpenSSL and webpki do not validate a constraint until they compare it.
        AnyName::Ip(octets) if ![4, 16].contains(&octets.len()) => {
            [minds(OpenSsl, has_own_kind), minds(Webpki, has_own_kind)]
        }
        AnyName::Unreadable(_) => [None, Some(Webpki)],
        _ => return None,
    };
    outside(&list)
}
