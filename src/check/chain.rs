//! From a leaf to its root: which certificates link, and where it ends.

use x509_parser::error::X509Error;
use x509_parser::extensions::{KeyUsage, ParsedExtension};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::details::Certificate;

/// A certificate with what links it to others.
#[derive(Debug, Clone)]
pub struct Link {
    /// In DER.
    pub der: Vec<u8>,
    /// What stands in it.
    pub details: Certificate,
    /// The subject, in DER.
    pub subject: Vec<u8>,
    issuer: Vec<u8>,
    key_id: Option<Vec<u8>>,
    authority_key_id: Option<Vec<u8>>,
    /// The key usage, where the certificate has that extension (RFC 5280 §4.2.1.3).
    pub key_usage: Option<KeyUsage>,
    /// The first critical extension that is not known, by its OID.
    pub unknown_critical: Option<String>,
}

/// Where a link was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The server sent it, or the file holds it.
    Sent,
    /// It is known here, and was not sent.
    Known,
}

/// How a chain ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// At a self-signed certificate.
    Root,
    /// At one whose issuer is not known here.
    Unknown,
    /// At one whose issuer is known by name, but has another key: its signature is not good.
    BadSignature,
}

/// A leaf and what stands above it.
#[derive(Debug)]
pub struct Chain {
    /// From the leaf upwards.
    pub links: Vec<(Link, Source)>,
    /// How it ends.
    pub end: End,
    /// What was sent and does not belong to it, or comes too early.
    pub is_in_order: bool,
}

impl Link {
    /// `None` where the bytes are no certificate.
    pub fn read(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let (mut key_id, mut authority_key_id, mut key_usage, mut unknown_critical) =
            (None, None, None, None);
        for extension in certificate.iter_extensions() {
            match extension.parsed_extension() {
                ParsedExtension::SubjectKeyIdentifier(id) => key_id = Some(id.0.to_vec()),
                ParsedExtension::AuthorityKeyIdentifier(id) => {
                    authority_key_id = id.key_identifier.as_ref().map(|id| id.0.to_vec());
                }
                ParsedExtension::KeyUsage(usage) => key_usage = Some(*usage),
                ParsedExtension::UnsupportedExtension { oid } if extension.critical => {
                    unknown_critical.get_or_insert_with(|| oid.to_id_string());
                }
                _ => {}
            }
        }
        Some(Self {
            details: Certificate::read(der)?,
            subject: certificate.subject().as_raw().to_vec(),
            issuer: certificate.issuer().as_raw().to_vec(),
            key_id,
            authority_key_id,
            key_usage,
            unknown_critical,
            der: der.to_vec(),
        })
    }

    /// Its own signature is by its own key.
    pub fn is_self_signed(&self) -> bool {
        self.subject == self.issuer && self.is_signed_by(self)
    }

    /// The name and, where both have one, the key identifier agree.
    pub fn names(&self, issuer: &Self) -> bool {
        self.issuer == issuer.subject
            && match (&self.authority_key_id, &issuer.key_id) {
                (Some(wanted), Some(own)) => wanted == own,
                _ => true,
            }
    }

    /// Whether both certify the same key.
    pub fn has_key_of(&self, other: &Self) -> bool {
        let key = |der: &[u8]| Some(X509Certificate::from_der(der).ok()?.1.public_key().raw.to_vec());
        key(&self.der) == key(&other.der)
    }

    /// The name agrees, whatever the key.
    pub fn names_only(&self, issuer: &Self) -> bool {
        self.issuer == issuer.subject
    }

    fn is_signed_by(&self, issuer: &Self) -> bool {
        let parse = |der| X509Certificate::from_der(der).map(|(_, certificate)| certificate).ok();
        let (Some(own), Some(issuer_certificate)) = (parse(&self.der), parse(&issuer.der)) else {
            return false;
        };
        match own.verify_signature(Some(issuer_certificate.public_key())) {
            // Not every algorithm is calculated here, and no small RSA key: then names and key identifiers decide.
            Ok(()) | Err(X509Error::SignatureUnsupportedAlgorithm) => true,
            Err(_) => issuer.details.weak_key().is_some(),
        }
    }
}

impl Chain {
    /// Links the first of what was sent to a root: by what was sent and by what is known here.
    pub fn build(sent: &[Link], known: &[Link]) -> Option<Self> {
        let leaf = sent.first()?;
        let mut links = vec![(leaf.clone(), Source::Sent)];
        let mut used = vec![0];
        let end = loop {
            let (last, _) = links.last()?;
            if last.is_self_signed() {
                break End::Root;
            }
            let is_issuer = |link: &&Link| last.names(link) && last.is_signed_by(link);
            if let Some(at) = sent.iter().position(|link| is_issuer(&link)) {
                if used.contains(&at) {
                    break End::Unknown; // a circle
                }
                used.push(at);
                links.push((sent[at].clone(), Source::Sent));
            } else if let Some(link) = known.iter().find(is_issuer) {
                links.push((link.clone(), Source::Known));
            } else if sent.iter().chain(known).any(|link| last.names_only(link)) {
                break End::BadSignature;
            } else {
                break End::Unknown;
            }
            if links.len() > 20 {
                break End::Unknown;
            }
        };
        let is_in_order = used.iter().copied().eq(0..sent.len());
        Some(Self { links, end, is_in_order })
    }

    /// The leaf.
    pub fn leaf(&self) -> &Link {
        &self.links[0].0
    }

    /// The last one.
    pub fn top(&self) -> &Link {
        &self.links[self.links.len() - 1].0
    }
}
