//! Reads the certificates of CAs and leaves.

use std::path::Path;

use rcgen::{KeyPair, PublicKeyData};
use time::OffsetDateTime;
use x509_parser::prelude::{FromDer, X509Name};
use x509_parser::revocation_list::CertificateRevocationList;

use crate::error::Fault;
use crate::report::printable;
use crate::x509::constraints::Constraints;
use crate::x509::key;
use crate::x509::kind::Kind;
use crate::x509::parsed::{Parsed, Verified};
use crate::x509::pem;
use crate::x509::policy;
use crate::x509::rsa::{Exponent, UNUSABLE};
use crate::x509::usage::Usage;
use crate::x509::validity::Validity;

/// The certificate of a root or intermediate, parsed and verified to be a CA.
#[derive(Debug, Clone)]
pub struct CaCertificate {
    /// The certificate, DER-encoded.
    pub der: Vec<u8>,
    /// The common name in its subject.
    pub common_name: String,
    pub validity: Validity,
    /// The names that it may sign for.
    pub constraints: Constraints,
    /// The subject in DER, which is the issuer in its leaves.
    pub subject: Vec<u8>,
    /// The subject key identifier, which is the authority key identifier in its leaves.
    pub key_id: Option<Vec<u8>>,
    /// The serial number, in hexadecimal.
    pub serial: String,
    /// Whether its extended key usages limit the key to TLS, excluding email and code signing.
    pub tls_only: bool,
    /// The exponent of an RSA key, if it is unusual.
    pub exponent: Option<Exponent>,
    public_key: Vec<u8>,
}

impl CaCertificate {
    /// Loads a CA's root or intermediate. Fails if the file contains anything besides this one certificate,
    /// so that what is trusted is exactly what was checked.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let der = pem::only_certificate(path)?;
        Self::parse(der).map_err(|why| {
            let hint = "restore it from a backup, or start over: devca uninstall --purge && devca install";
            Fault::new(format!("{} is not a usable CA certificate: {why}", path.display()), hint).into()
        })
    }

    /// Parses a CA certificate. The error says why it is not one.
    pub fn parse(der: Vec<u8>) -> Result<Self, &'static str> {
        let parsed = Parsed::read(&der).ok_or("the certificate is damaged")?;
        if !parsed.rest.is_empty() || !parsed.basic_constraints().is_some_and(|(is_ca, _)| is_ca) {
            return Err("it is not a CA certificate");
        }
        // Without this extension, a key may be used for anything (RFC 5280 §4.2.1.3).
        let usage = parsed.raw.key_usage().map_err(|_| "its key usage is damaged")?;
        if usage.is_some_and(|usage| !usage.value.key_cert_sign()) {
            return Err("its key usage does not let it sign certificates");
        }
        let exponent = Exponent::of(parsed.raw.public_key());
        if exponent == Some(Exponent::Unusable) {
            return Err(UNUSABLE);
        }
        let constraints =
            match parsed.raw.name_constraints().map_err(|_| "its name constraints are damaged")? {
                Some(extension) => Constraints::from_extension_exactly(extension.value)
                    .ok_or("its name constraints are of a type that devca does not support")?,
                None => Constraints::default(),
            };
        parsed.raw.extended_key_usage().map_err(|_| "its extended key usage is damaged")?;
        let read = Self {
            tls_only: is_for_tls(&parsed.usages()),
            common_name: printable(parsed.common_name().unwrap_or("a CA without a common name")),
            validity: parsed.validity(),
            constraints,
            subject: parsed.subject().to_vec(),
            key_id: parsed.key_id(),
            serial: parsed.serial(),
            exponent,
            public_key: parsed.public_key().to_vec(),
            der: Vec::new(),
        };
        Ok(Self { der, ..read })
    }

    /// Whether devca created it.
    pub fn is_devca(&self) -> bool {
        local_ca(&self.der).is_some_and(|local| local.is_devca)
    }

    /// Whether both have the same key, so that they differ only in their constraints.
    pub fn has_key_of(&self, other: &Self) -> bool {
        self.public_key == other.public_key
    }

    /// Whether this is the certificate's key.
    pub fn belongs_to(&self, key: &KeyPair) -> bool {
        key.subject_public_key_info() == self.public_key
    }

    /// Whether this CA's key made the signature.
    pub fn is_signed_by(&self, issuer: &Self) -> bool {
        let (own, issuer) = (Parsed::read(&self.der), Parsed::read(&issuer.der));
        own.zip(issuer).is_some_and(|(own, issuer)| own.verify(&issuer) == Verified::Yes)
    }

    /// Whether it is the issuer that a revocation list names.
    pub fn is_issuer_of(&self, crl: &[u8]) -> bool {
        CertificateRevocationList::from_der(crl).is_ok_and(|(_, list)| list.issuer().as_raw() == self.subject)
    }

    /// Whether it names itself as its issuer, as a root does.
    pub fn is_self_issued(&self) -> bool {
        Parsed::read(&self.der).is_some_and(|parsed| parsed.issuer() == self.subject)
    }

    pub fn sha256(&self) -> [u8; 32] {
        key::sha256(&self.der)
    }
}

fn is_for_tls(usages: &[Usage]) -> bool {
    let others = [Usage::Anything, Usage::Code, Usage::Mail, Usage::TimeStamps];
    let tls = [Usage::Server, Usage::Client];
    usages.iter().any(|usage| tls.contains(usage)) && !usages.iter().any(|usage| others.contains(usage))
}

/// The parts of an existing leaf that devca needs.
#[derive(Debug)]
pub struct Leaf {
    /// Its subject alternative names, in devca's notation.
    pub names: Vec<String>,
    /// The kind according to its extended key usages; `None` if it is for neither servers nor clients.
    pub kind: Option<Kind>,
    /// The public key with its algorithm (SPKI), in DER.
    pub public_key: Vec<u8>,
    /// The serial number, in hexadecimal.
    pub serial: String,
    /// The last second of validity.
    pub not_after: OffsetDateTime,
    issuer: Vec<u8>,
    authority_key_id: Option<Vec<u8>>,
}

impl Leaf {
    /// Returns `None` if the bytes are not a certificate.
    pub fn parse(der: &[u8]) -> Option<Self> {
        let parsed = Parsed::read(der)?;
        let usages = parsed.usages();
        let kind = match (usages.contains(&Usage::Server), usages.contains(&Usage::Client)) {
            (true, false) => Some(Kind::Server),
            (false, true) => Some(Kind::Client),
            (true, true) => Some(Kind::Both),
            (false, false) => None,
        };
        Some(Self {
            names: parsed.names(),
            kind,
            public_key: parsed.public_key().to_vec(),
            serial: parsed.serial(),
            not_after: parsed.validity().not_after,
            issuer: parsed.issuer().to_vec(),
            authority_key_id: parsed.authority_key_id(),
        })
    }

    /// Whether this CA is the issuer, by name and key identifier. (This does not prove it: it protects files,
    /// not connections.)
    pub fn is_of(&self, ca: &CaCertificate) -> bool {
        self.issuer == ca.subject && (ca.key_id.is_none() || self.authority_key_id == ca.key_id)
    }
}

impl Leaf {
    /// Whether a CA made by devca or mkcert is the issuer, by the organization in the issuer's name.
    pub fn is_of_local_ca(&self) -> bool {
        let local = [policy::ROOT_ORGANIZATION, MKCERT_ORGANIZATION];
        let issuer = X509Name::from_der(&self.issuer).map(|(_, name)| name);
        issuer.is_ok_and(|name| {
            name.iter_organization()
                .any(|organization| organization.as_str().is_ok_and(|name| local.contains(&name)))
        })
    }
}

/// The root of a local CA, made by devca or mkcert.
#[derive(Debug)]
pub struct LocalCa {
    pub common_name: String,
    /// Whether devca made it.
    pub is_devca: bool,
}

/// The organization that mkcert uses, from its cert.go.
const MKCERT_ORGANIZATION: &str = "mkcert development CA";

/// Recognizes a local CA by the organization in its subject; `None` for any other certificate.
pub fn local_ca(der: &[u8]) -> Option<LocalCa> {
    let parsed = Parsed::read(der)?;
    let organization = parsed.organization()?;
    let is_devca = organization == policy::ROOT_ORGANIZATION;
    if !is_devca && organization != MKCERT_ORGANIZATION {
        return None;
    }
    Some(LocalCa { common_name: parsed.common_name()?.to_owned(), is_devca })
}
