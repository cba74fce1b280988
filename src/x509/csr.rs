//! Certificate signing requests (RFC 2986). devca uses only the public key and the names in them.

use std::path::Path;

use rcgen::SubjectPublicKeyInfo;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::error::X509Error;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;

use crate::disk::files;
use crate::error::{Fault, OrHint};
use crate::x509::parsed::general_name;
use crate::x509::pem;
use crate::x509::rsa::{Exponent, UNUSABLE};

/// The parts of a CSR that are used. Its signature has been verified, so the requester has the private key.
pub struct Csr {
    /// The key to certify.
    pub public_key: SubjectPublicKeyInfo,
    /// The subject's common name.
    pub common_name: Option<String>,
    /// The subject alternative names, in devca's notation.
    pub names: Vec<String>,
    /// The exponent of an RSA key, if it is unusual.
    pub exponent: Option<Exponent>,
    /// Whether it requests a CA certificate, which devca does not issue for a CSR.
    pub requests_ca: bool,
}

/// Clients reject shorter keys (CA/Browser Forum BR §6.1.5).
const MIN_RSA_BITS: usize = 2048;

impl Csr {
    /// Reads a CSR in PEM or DER; `-` is standard input.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let bytes = files::read_named(path)?;
        let place = if path == Path::new("-") { "standard input".into() } else { path.display().to_string() };
        let der = match pem::first_csr(&bytes) {
            Some(der) => der,
            None if bytes.first() == Some(&0x30) => bytes.to_vec(),
            None => {
                return Err(Fault::new(
                    format!("{place} contains no certificate signing request"),
                    "use PEM with BEGIN CERTIFICATE REQUEST, or DER, as written by: openssl req -new",
                )
                .into());
            }
        };
        Self::parse(&der).or_hint(
            || format!("the CSR in {place} cannot be used"),
            || "create a new one: openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 …".into(),
        )
    }

    /// Parses a CSR. The error says why it is invalid or unacceptable.
    pub fn parse(der: &[u8]) -> Result<Self, &'static str> {
        let (rest, csr) = X509CertificationRequest::from_der(der).map_err(|_| "it is damaged")?;
        if !rest.is_empty() {
            return Err("there is data after it");
        }
        let info = &csr.certification_request_info;
        let public_key = SubjectPublicKeyInfo::from_der(info.subject_pki.raw)
            .map_err(|_| "its key is neither RSA, ECDSA (P-256, P-384) nor Ed25519")?;
        if let Ok(PublicKey::RSA(rsa)) = info.subject_pki.parsed()
            && rsa.key_size() < MIN_RSA_BITS
        {
            return Err("its RSA key has fewer than 2048 bits");
        }
        let exponent = Exponent::of(&info.subject_pki);
        if exponent == Some(Exponent::Unusable) {
            return Err(UNUSABLE);
        }
        csr.verify_signature().map_err(|error| match error {
            X509Error::SignatureUnsupportedAlgorithm => {
                "its signature algorithm is not supported; RSA, ECDSA (P-256, P-384) and Ed25519 with SHA-256 are"
            }
            _ => "its signature is invalid: the requester must have the key",
        })?;
        let (mut names, mut requests_ca) = (Vec::new(), false);
        for extension in csr.requested_extensions().into_iter().flatten() {
            match extension {
                ParsedExtension::BasicConstraints(basic) => requests_ca = basic.ca,
                ParsedExtension::SubjectAlternativeName(san) => {
                    for name in &san.general_names {
                        names.push(general_name(name).ok_or("it asks for a name of an unknown type")?);
                    }
                }
                _ => {}
            }
        }
        let common_name = info.subject.iter_common_name().next().and_then(|name| name.as_str().ok());
        Ok(Self { public_key, common_name: common_name.map(ToOwned::to_owned), names, exponent, requests_ca })
    }
}
