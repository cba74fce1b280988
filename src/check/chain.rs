//! Certificates linked to their issuers, and the chains that they form.

use aws_lc_rs::digest;
use time::OffsetDateTime;
use x509_parser::extensions::KeyUsage;
use x509_parser::prelude::FromDer;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::features::Features;
use super::form::{self, Defect};
use super::names::{Limits, Names};
use crate::x509::canonical::Canonical;
use crate::x509::details::CertificateDetails;
use crate::x509::parsed::{AuthorityCertificate, Parsed, Verified};

/// A certificate with what is needed to find and verify its issuer.
#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools)] // independent facts
pub struct Link {
    /// The certificate, DER-encoded.
    pub der: Vec<u8>,
    /// The parsed contents of the certificate.
    pub details: CertificateDetails,
    /// The subject, DER-encoded.
    pub subject: Vec<u8>,
    issuer: Vec<u8>,
    /// The subject and issuer as OpenSSL compares them.
    canonical: [Canonical; 2],
    serial: Vec<u8>,
    public_key: Vec<u8>,
    key_id: Option<Vec<u8>>,
    authority_key_id: Option<Vec<u8>>,
    authority_certificate: AuthorityCertificate,
    /// The key usage, if the certificate has that extension (RFC 5280 §4.2.1.3).
    pub key_usage: Option<KeyUsage>,
    /// Whether the certificate has the basicConstraints extension, with any value.
    pub has_basic_constraints: bool,
    /// Whether that extension is a CA's, with a negative path length.
    pub has_negative_path_length: bool,
    /// Whether this is an X.509 version 3 certificate; earlier versions have no extensions.
    pub is_version_3: bool,
    /// The OIDs of its critical extensions.
    pub critical: Vec<String>,
    /// Whether the key spells out its curve's parameters instead of naming the curve.
    pub has_explicit_curve: bool,
    /// Every name that name constraints apply to.
    pub names: Names,
    /// Its name constraints, if it has any.
    pub limits: Option<Limits>,
    /// The TLS features that it requires, if it has that extension.
    pub features: Option<Features>,
    /// Everything that is malformed in it.
    pub defects: Vec<Defect>,
}

/// Where a certificate in the chain came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The server sent it, or it was in the file.
    Sent,
    /// It is trusted on this machine and was not sent.
    Trusted,
    /// It is known on this machine, but neither sent nor trusted.
    Known,
}

/// How a chain ends, the best ending first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// At a trusted certificate, or at one whose trust is checked separately in its store.
    Anchor,
    /// At a self-signed certificate.
    Root,
    /// At a certificate whose issuer cannot be found.
    Unknown,
    /// At a certificate whose named issuer was found, but whose signature was made with a different key.
    OtherKey,
    /// At a certificate that names its issuer's key, but whose signature does not verify with that key.
    BadSignature,
}

/// A leaf and the certificates above it.
#[derive(Debug, Clone)]
pub struct Chain<'a> {
    /// The certificates, starting with the leaf.
    pub links: Vec<(&'a Link, Source)>,
    /// How the chain ends.
    pub end: End,
}

impl Link {
    /// Returns `None` if the bytes are not a certificate.
    pub fn read(der: &[u8]) -> Option<Self> {
        let parsed = Parsed::read(der)?;
        let of_ca = |oid: &str| parsed.raw.iter_extensions().find(|found| found.oid.to_id_string() == oid);
        let critical = parsed.raw.iter_extensions().filter(|extension| extension.critical);
        Some(Self {
            details: CertificateDetails::of(&parsed, der),
            subject: parsed.subject().to_vec(),
            issuer: parsed.issuer().to_vec(),
            canonical: [parsed.raw.subject(), parsed.raw.issuer()].map(Canonical::of),
            serial: parsed.raw.raw_serial().to_vec(),
            public_key: parsed.public_key().to_vec(),
            key_id: parsed.key_id(),
            authority_key_id: parsed.authority_key_id(),
            authority_certificate: parsed.authority_certificate(),
            key_usage: parsed.key_usage(),
            critical: critical.map(|extension| extension.oid.to_id_string()).collect(),
            has_basic_constraints: of_ca(form::BASIC_CONSTRAINTS).is_some(),
            has_negative_path_length: of_ca(form::BASIC_CONSTRAINTS)
                .is_some_and(form::has_negative_path_length),
            is_version_3: parsed.raw.version().0 == 2,
            has_explicit_curve: parsed.has_explicit_curve(),
            names: Names::of(&parsed.raw),
            limits: Limits::of(&parsed.raw),
            features: Features::of(&parsed.raw),
            defects: form::defects(&parsed.raw, parsed.rest),
            der: der.to_vec(),
        })
    }

    /// Whether the certificate names itself as its issuer, as roots do.
    pub fn is_self_issued(&self) -> bool {
        self.subject == self.issuer
    }

    /// Whether `now` is within the certificate's validity.
    pub fn is_valid_at(&self, now: OffsetDateTime) -> bool {
        (self.details.not_before..=self.details.not_after).contains(&now)
    }

    /// Whether the certificate was signed with its own key.
    pub fn is_self_signed(&self) -> bool {
        self.is_self_issued() && self.is_signed_by(self)
    }

    /// Whether the certificate names `issuer` as its issuer.
    pub fn names(&self, issuer: &Self) -> bool {
        self.issuer == issuer.subject
    }

    /// Whether the certificate names `issuer` as its issuer, in any encoding, case and spacing. OpenSSL
    /// compares names in this way; most other libraries compare the octets.
    pub fn names_in_any_spelling(&self, issuer: &Self) -> bool {
        self.canonical[1] == issuer.canonical[0]
    }

    /// Whether the key identifiers agree; a missing one agrees with any (RFC 5280 §4.2.1.1).
    pub fn agrees_on_key_with(&self, issuer: &Self) -> bool {
        match (&self.authority_key_id, &issuer.key_id) {
            (Some(wanted), Some(own)) => wanted == own,
            _ => true,
        }
    }

    /// Whether both state a key identifier, and the same one.
    pub fn shares_key_id_with(&self, issuer: &Self) -> bool {
        self.authority_key_id.is_some() && self.authority_key_id == issuer.key_id
    }

    /// Whether the issuer's certificate has the issuer and the serial number that this one states, if it
    /// states them. Only OpenSSL and, of
    /// a root's serial number, Java require that: a renewed CA has the same key and another serial number.
    pub fn agrees_on_certificate_with(&self, issuer: &Self) -> bool {
        let above = self.authority_certificate.issuer.as_ref();
        above.is_none_or(|name| *name == issuer.canonical[1]) && self.agrees_on_serial_with(issuer)
    }

    /// Whether the issuer's certificate has the serial number that this one states, if it states one.
    pub fn agrees_on_serial_with(&self, issuer: &Self) -> bool {
        self.authority_certificate.serial.as_ref().is_none_or(|serial| *serial == issuer.serial)
    }

    /// Whether the authority key identifier can only mean the issuer's key: it is a digest of that key (RFC
    /// 5280 §4.2.1.2 and RFC 7093 §2).
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

    /// Whether both certificates have the same key.
    pub fn has_key_of(&self, other: &Self) -> bool {
        self.public_key == other.public_key
    }

    /// Whether both certificates have the same subject and key, as a cross-signed root and its original do.
    pub fn is_twin_of(&self, other: &Self) -> bool {
        self.subject == other.subject && self.has_key_of(other)
    }

    /// Whether the issuer's key made the signature.
    pub fn is_signed_by(&self, issuer: &Self) -> bool {
        let (own, issuer_read) = (Parsed::read(&self.der), Parsed::read(&issuer.der));
        own.zip(issuer_read).is_some_and(|(own, issuer_read)| match own.verify(&issuer_read) {
            // devca cannot verify this algorithm at all, so the names decide; `weakness` reports the
            // algorithm itself.
            Verified::Yes | Verified::Unsupported => true,
            // The library also rejects good signatures of RSA keys that are too short, which are reported as
            // weak.
            Verified::No => issuer.details.key.is_weak(),
        })
    }
}

impl Chain<'_> {
    pub fn leaf(&self) -> &Link {
        self.links[0].0
    }

    /// The last certificate, closest to the root.
    pub fn top(&self) -> &Link {
        self.links[self.links.len() - 1].0
    }

    /// Whether this is the root at the end of the chain. Some clients use only its name and key.
    pub fn is_root(&self, link: &Link) -> bool {
        matches!(self.end, End::Anchor | End::Root) && std::ptr::eq(link, self.top())
    }

    /// How many of the certificates were sent by the server.
    pub fn sent(&self) -> usize {
        self.links.iter().filter(|(_, source)| *source == Source::Sent).count()
    }
}

/// Whether each certificate follows one that it issued, without duplicates. RFC 5246 §7.4.2 requires this;
/// RFC 8446 §4.4.2 only recommends it.
pub fn is_in_order(sent: &[Link]) -> bool {
    let follows = |at: usize| {
        let (before, link) = (&sent[..at], &sent[at]);
        before.iter().any(|child| child.names_in_any_spelling(link))
            && before.iter().all(|other| other.der != link.der)
    };
    (1..sent.len()).all(follows)
}
