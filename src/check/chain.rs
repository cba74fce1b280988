//! Certificates with what links them to others, and the chains that they form.

use aws_lc_rs::digest;
use time::OffsetDateTime;
use x509_parser::extensions::KeyUsage;
use x509_parser::prelude::FromDer;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::form::{self, Defect};
use super::names::{Limits, Names};
use crate::x509::details::CertificateDetails;
use crate::x509::parsed::{Parsed, Verified};

/// A certificate with what links it to others.
#[derive(Debug, Clone)]
pub struct Link {
    /// The certificate in DER.
    pub der: Vec<u8>,
    /// What the certificate says.
    pub details: CertificateDetails,
    /// The subject in DER.
    pub subject: Vec<u8>,
    issuer: Vec<u8>,
    public_key: Vec<u8>,
    key_id: Option<Vec<u8>>,
    authority_key_id: Option<Vec<u8>>,
    /// The key usage, where the certificate has that extension (RFC 5280 §4.2.1.3).
    pub key_usage: Option<KeyUsage>,
    /// Whether it has basicConstraints, whatever they say.
    pub has_basic_constraints: bool,
    /// Whether it is of version 3, which has extensions.
    pub is_version_3: bool,
    /// The critical extensions, by OID.
    pub critical: Vec<String>,
    /// Whether its key lists the parameters of its curve instead of naming it.
    pub has_explicit_curve: bool,
    /// Every name that name constraints apply to.
    pub names: Names,
    /// What it may sign for, if that is limited.
    pub limits: Option<Limits>,
    /// What is malformed in it.
    pub defects: Vec<Defect>,
}

/// Where a link was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The server sent it, or the file holds it.
    Sent,
    /// It is trusted here, and was not sent.
    Trusted,
    /// It is known here, was not sent and is not trusted.
    Known,
}

/// How a chain ends, the best end first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// At a certificate that is trusted, or would be where its store is asked.
    Anchor,
    /// At a self-signed certificate.
    Root,
    /// At a certificate whose issuer is not known here.
    Unknown,
    /// At a certificate that names an issuer which is known, but was signed by another key.
    OtherKey,
    /// At a certificate that names the key of its issuer, but whose signature that key does not verify.
    BadSignature,
}

/// A leaf and what stands above it.
#[derive(Debug, Clone)]
pub struct Chain<'a> {
    /// From the leaf upwards.
    pub links: Vec<(&'a Link, Source)>,
    /// How it ends.
    pub end: End,
}

impl Link {
    /// `None` where the bytes are not a certificate.
    pub fn read(der: &[u8]) -> Option<Self> {
        let parsed = Parsed::read(der)?;
        let critical = parsed.raw.iter_extensions().filter(|extension| extension.critical);
        Some(Self {
            details: CertificateDetails::of(&parsed, der),
            subject: parsed.subject().to_vec(),
            issuer: parsed.issuer().to_vec(),
            public_key: parsed.public_key().to_vec(),
            key_id: parsed.key_id(),
            authority_key_id: parsed.authority_key_id(),
            key_usage: parsed.key_usage(),
            critical: critical.map(|extension| extension.oid.to_id_string()).collect(),
            has_basic_constraints: parsed.basic_constraints().is_some(),
            is_version_3: parsed.raw.version().0 == 2,
            has_explicit_curve: parsed.has_explicit_curve(),
            names: Names::of(&parsed.raw),
            limits: Limits::of(&parsed.raw),
            defects: form::defects(&parsed.raw, parsed.rest),
            der: der.to_vec(),
        })
    }

    /// Whether it names itself as its issuer, as roots do.
    pub fn is_self_issued(&self) -> bool {
        self.subject == self.issuer
    }

    /// Whether this moment is within its validity.
    pub fn is_valid_at(&self, now: OffsetDateTime) -> bool {
        (self.details.not_before..=self.details.not_after).contains(&now)
    }

    /// Whether its own key made its signature.
    pub fn is_self_signed(&self) -> bool {
        self.is_self_issued() && self.is_signed_by(self)
    }

    /// Whether it names this one as its issuer.
    pub fn names(&self, issuer: &Self) -> bool {
        self.issuer == issuer.subject
    }

    /// Whether the key identifiers agree, where both have one (RFC 5280 §4.2.1.1).
    pub fn agrees_on_key_with(&self, issuer: &Self) -> bool {
        match (&self.authority_key_id, &issuer.key_id) {
            (Some(wanted), Some(own)) => wanted == own,
            _ => true,
        }
    }

    /// Whether it names the very key of the issuer: its key identifier is a digest of that key (RFC 5280 §4.2.1.2 and
    /// RFC 7093 §2), which no other key has.
    pub fn names_key_of(&self, issuer: &Self) -> bool {
        let Some(wanted) = self.authority_key_id.as_deref().filter(|id| !id.is_empty()) else { return false };
        let whole = issuer.public_key.as_slice();
        let bits = SubjectPublicKeyInfo::from_der(whole).map(|(_, key)| key.subject_public_key.data);
        let mut keys = bits.iter().map(AsRef::as_ref).chain([whole]);
        keys.any(|key| {
            [&digest::SHA1_FOR_LEGACY_USE_ONLY, &digest::SHA256, &digest::SHA384, &digest::SHA512]
                .iter()
                .any(|algorithm| digest::digest(algorithm, key).as_ref().get(..20) == Some(wanted))
        })
    }

    /// Whether both certify the same key.
    pub fn has_key_of(&self, other: &Self) -> bool {
        self.public_key == other.public_key
    }

    /// Whether both certify the same key under the same name.
    pub fn is_twin_of(&self, other: &Self) -> bool {
        self.subject == other.subject && self.has_key_of(other)
    }

    /// Whether the issuer's key made the signature.
    pub fn is_signed_by(&self, issuer: &Self) -> bool {
        let (own, issuer_read) = (Parsed::read(&self.der), Parsed::read(&issuer.der));
        own.zip(issuer_read).is_some_and(|(own, issuer_read)| match own.verify(&issuer_read) {
            // Of what devca cannot calculate at all the names decide, and `weakness` reports the algorithm.
            Verified::Yes | Verified::Unsupported => true,
            // The library refuses a small RSA key as well.
            Verified::No => issuer.details.key.is_weak(),
        })
    }
}

impl Chain<'_> {
    /// The leaf.
    pub fn leaf(&self) -> &Link {
        self.links[0].0
    }

    /// The last certificate.
    pub fn top(&self) -> &Link {
        self.links[self.links.len() - 1].0
    }

    /// Whether this is the certificate at the end of a chain, which some clients take for its name and key alone.
    pub fn is_root(&self, link: &Link) -> bool {
        matches!(self.end, End::Anchor | End::Root) && std::ptr::eq(link, self.top())
    }

    /// How many of its certificates were sent.
    pub fn sent(&self) -> usize {
        self.links.iter().filter(|(_, source)| *source == Source::Sent).count()
    }
}

/// Whether each certificate comes after one that names it as its issuer, and none comes twice (RFC 5246 §7.4.2 demands
/// it, RFC 8446 §4.4.2 wishes for it).
pub fn is_in_order(sent: &[Link]) -> bool {
    let follows = |at: usize| {
        let (before, link) = (&sent[..at], &sent[at]);
        before.iter().any(|child| child.names(link)) && before.iter().all(|other| other.der != link.der)
    };
    (1..sent.len()).all(follows)
}
