//! Reading certificates: a CA's, and a leaf's.

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

/// A CA's certificate, root or intermediate, read and found to be one.
#[derive(Debug, Clone)]
pub struct CaCertificate {
    /// The certificate.
    pub der: Vec<u8>,
    /// Its subject's common name.
    pub common_name: String,
    /// From when to when it is valid.
    pub validity: Validity,
    /// What it may sign for.
    pub constraints: Constraints,
    /// The subject in DER: the issuer of its leaves.
    pub subject: Vec<u8>,
    /// The subject key identifier: the authority key identifier of its leaves.
    pub key_id: Option<Vec<u8>>,
    /// Its serial number, hexadecimal.
    pub serial: String,
    /// Its extended key usages keep its key to TLS: neither mail nor code.
    pub tls_only: bool,
    /// Of an RSA key, where it is not an ordinary one.
    pub exponent: Option<Exponent>,
    public_key: Vec<u8>,
}

impl CaCertificate {
    /// Reads the root of a CA, or its intermediate. Fails where there is none, and where the file holds something else
    /// or something more: what is trusted must be what was looked at.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let der = pem::only_certificate(path)?;
        Self::parse(der).map_err(|why| {
            let hint = "restore it from a backup, or start over: devca uninstall --purge && devca install";
            Fault::new(format!("{} is not a usable CA certificate: {why}", path.display()), hint).into()
        })
    }

    /// Reads a CA certificate; the error says why it is none.
    pub fn parse(der: Vec<u8>) -> Result<Self, &'static str> {
        let parsed = Parsed::read(&der).ok_or("the certificate is damaged")?;
        if !parsed.rest.is_empty() || !parsed.basic_constraints().is_some_and(|(is_ca, _)| is_ca) {
            return Err("it is not a CA certificate");
        }
        // RFC 5280 §4.2.1.3: without the extension a key may be used for anything.
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
                Some(extension) => Constraints::whole(extension.value)
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

    /// Whether devca made it, and not another program.
    pub fn is_devca(&self) -> bool {
        local_ca(&self.der).is_some_and(|local| local.is_devca)
    }

    /// Whether both have the same key: one is the other with other constraints.
    pub fn has_key_of(&self, other: &Self) -> bool {
        self.public_key == other.public_key
    }

    /// Whether this is the key that the certificate is for.
    pub fn belongs_to(&self, key: &KeyPair) -> bool {
        key.subject_public_key_info() == self.public_key
    }

    /// Whether this CA's key made the signature.
    pub fn is_signed_by(&self, issuer: &Self) -> bool {
        let (own, issuer) = (Parsed::read(&self.der), Parsed::read(&issuer.der));
        own.zip(issuer).is_some_and(|(own, issuer)| own.verify(&issuer) == Verified::Yes)
    }

    /// Whether a revocation list names it as its issuer.
    pub fn is_issuer_of(&self, crl: &[u8]) -> bool {
        CertificateRevocationList::from_der(crl).is_ok_and(|(_, list)| list.issuer().as_raw() == self.subject)
    }

    /// Whether it names itself as its issuer, as a root does.
    pub fn is_self_issued(&self) -> bool {
        Parsed::read(&self.der).is_some_and(|parsed| parsed.issuer() == self.subject)
    }

    /// SHA-256 of the certificate.
    pub fn sha256(&self) -> [u8; 32] {
        key::sha256(&self.der)
    }
}

fn is_for_tls(usages: &[Usage]) -> bool {
    let others = [Usage::Anything, Usage::Code, Usage::Mail, Usage::TimeStamps];
    let tls = [Usage::Server, Usage::Client];
    usages.iter().any(|usage| tls.contains(usage)) && !usages.iter().any(|usage| others.contains(usage))
}

/// What devca wants to know of a leaf that it finds.
#[derive(Debug)]
pub struct Leaf {
    /// Its subject alternative names, as devca writes them.
    pub names: Vec<String>,
    /// From its extended key usages; `None` where it is for neither servers nor clients.
    pub kind: Option<Kind>,
    /// The public key with its algorithm (SPKI), in DER.
    pub public_key: Vec<u8>,
    /// Its serial number, hexadecimal.
    pub serial: String,
    /// Last second of validity.
    pub not_after: OffsetDateTime,
    issuer: Vec<u8>,
    authority_key_id: Option<Vec<u8>>,
}

impl Leaf {
    /// `None` where the bytes are not a certificate.
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

    /// Whether this CA, by name and key identifier, signed it. (Not a proof: it guards files, not connections.)
    pub fn is_of(&self, ca: &CaCertificate) -> bool {
        self.issuer == ca.subject && (ca.key_id.is_none() || self.authority_key_id == ca.key_id)
    }
}

impl Leaf {
    /// Whether a root or an intermediate that devca made signed it, by the organization in the issuer's name.
    pub fn is_of_devca(&self) -> bool {
        let issuer = X509Name::from_der(&self.issuer).map(|(_, name)| name);
        issuer.is_ok_and(|name| {
            name.iter_organization()
                .any(|organization| organization.as_str() == Ok(policy::ROOT_ORGANIZATION))
        })
    }
}

/// The root of a CA like this one, devca's or mkcert's.
#[derive(Debug)]
pub struct LocalCa {
    pub common_name: String,
    /// Made by devca.
    pub is_devca: bool,
}

/// mkcert's cert.go.
const MKCERT_ORGANIZATION: &str = "mkcert development CA";

/// Known by the organisation in its subject; `None` for every other certificate.
pub fn local_ca(der: &[u8]) -> Option<LocalCa> {
    let parsed = Parsed::read(der)?;
    let organization = parsed.organization()?;
    let is_devca = organization == policy::ROOT_ORGANIZATION;
    if !is_devca && organization != MKCERT_ORGANIZATION {
        return None;
    }
    Some(LocalCa { common_name: parsed.common_name()?.to_owned(), is_devca })
}
