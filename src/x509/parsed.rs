//! A parsed certificate, from which all other types take what they need.

use std::net::IpAddr;

use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use x509_parser::asn1_rs::Tag;
use x509_parser::error::X509Error;
use x509_parser::extensions::{GeneralName, KeyUsage, ParsedExtension};
use x509_parser::oid_registry::OID_KEY_TYPE_EC_PUBLIC_KEY;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::x509::algorithm::{KeyKind, SignatureKind};
use crate::x509::canonical::Canonical;
use crate::x509::name::address;
use crate::x509::usage::Usage;
use crate::x509::validity::Validity;

/// id-pe-acmeIdentifier.
const ACME_IDENTIFIER: &str = "1.3.6.1.5.5.7.1.31";

/// A certificate parsed from DER.
pub struct Parsed<'a> {
    /// The certificate as x509-parser represents it.
    pub raw: X509Certificate<'a>,
    /// Any data after the end of the certificate.
    pub rest: &'a [u8],
}

/// How a certificate describes its issuer's certificate, beside the key.
#[derive(Debug, Clone, Default)]
pub struct AuthorityCertificate {
    /// The issuer of the issuer's certificate.
    pub issuer: Option<Canonical>,
    /// The serial number of the issuer's certificate.
    pub serial: Option<Vec<u8>>,
}

/// The result of verifying a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verified {
    /// The signature is valid.
    Yes,
    /// The signature is invalid.
    No,
    /// devca does not support the algorithm, such as Ed448, or its parameters.
    Unsupported,
}

impl<'a> Parsed<'a> {
    /// Returns `None` if the bytes are not a certificate.
    pub fn read(der: &'a [u8]) -> Option<Self> {
        let (rest, raw) = X509Certificate::from_der(der).ok()?;
        Some(Self { raw, rest })
    }

    /// The subject, DER-encoded.
    pub fn subject(&self) -> &[u8] {
        self.raw.subject().as_raw()
    }

    /// The issuer, DER-encoded.
    pub fn issuer(&self) -> &[u8] {
        self.raw.issuer().as_raw()
    }

    /// The first common name in the subject.
    pub fn common_name(&self) -> Option<&str> {
        self.raw.subject().iter_common_name().next()?.as_str().ok()
    }

    /// The first organization in the subject.
    pub fn organization(&self) -> Option<&str> {
        self.raw.subject().iter_organization().next()?.as_str().ok()
    }

    /// The subject alternative names, in devca's notation. Kinds that devca does not issue are omitted.
    pub fn names(&self) -> Vec<String> {
        let extension = self.raw.subject_alternative_name().ok().flatten();
        let names = extension.into_iter().flat_map(|extension| &extension.value.general_names);
        names.filter_map(general_name).collect()
    }

    pub fn validity(&self) -> Validity {
        let validity = self.raw.validity();
        Validity {
            not_before: validity.not_before.to_datetime(),
            not_after: validity.not_after.to_datetime(),
        }
    }

    /// The serial number, in hexadecimal.
    pub fn serial(&self) -> String {
        hex::encode(self.raw.raw_serial())
    }

    /// The public key with its algorithm (SPKI), in DER.
    pub fn public_key(&self) -> &[u8] {
        self.raw.public_key().raw
    }

    pub fn key_kind(&self) -> KeyKind {
        KeyKind::of(self.raw.public_key())
    }

    /// The signature algorithm.
    pub fn signature_kind(&self) -> SignatureKind {
        SignatureKind::of(&self.raw.signature_algorithm)
    }

    /// Whether the key spells out its curve's parameters instead of naming the curve.
    pub fn has_explicit_curve(&self) -> bool {
        let algorithm = &self.raw.public_key().algorithm;
        algorithm.algorithm == OID_KEY_TYPE_EC_PUBLIC_KEY
            && algorithm.parameters.as_ref().is_some_and(|parameters| parameters.tag() != Tag::Oid)
    }

    /// The extended key usages; empty if the extension is missing.
    pub fn usages(&self) -> Vec<Usage> {
        let extension = self.raw.extended_key_usage().ok().flatten();
        extension.map_or_else(Vec::new, |extension| Usage::all(extension.value))
    }

    /// The key usage, if the certificate has that extension (RFC 5280 §4.2.1.3).
    pub fn key_usage(&self) -> Option<KeyUsage> {
        self.extension(|extension| match extension {
            ParsedExtension::KeyUsage(usage) => Some(*usage),
            _ => None,
        })
    }

    /// The subject key identifier (RFC 5280 §4.2.1.2).
    pub fn key_id(&self) -> Option<Vec<u8>> {
        self.extension(|extension| match extension {
            ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0.to_vec()),
            _ => None,
        })
    }

    /// The authority key identifier (RFC 5280 §4.2.1.1).
    pub fn authority_key_id(&self) -> Option<Vec<u8>> {
        self.extension(|extension| match extension {
            ParsedExtension::AuthorityKeyIdentifier(id) => id.key_identifier.as_ref().map(|id| id.0.to_vec()),
            _ => None,
        })
    }

    /// The issuer and the serial number of the issuer's certificate, each if the authority key identifier
    /// has it (RFC 5280 §4.2.1.1).
    pub fn authority_certificate(&self) -> AuthorityCertificate {
        let found = self.extension(|extension| match extension {
            ParsedExtension::AuthorityKeyIdentifier(id) => Some(AuthorityCertificate {
                issuer: id.authority_cert_issuer.iter().flatten().find_map(|name| match name {
                    GeneralName::DirectoryName(name) => Some(Canonical::of(name)),
                    _ => None,
                }),
                serial: id.authority_cert_serial.map(<[u8]>::to_vec),
            }),
            _ => None,
        });
        found.unwrap_or_default()
    }

    /// The digest in a critical acmeIdentifier extension (RFC 8737 §3).
    pub fn acme_identifier(&self) -> Option<&'a [u8]> {
        let extension =
            self.raw.extensions().iter().find(|extension| extension.oid.to_id_string() == ACME_IDENTIFIER)?;
        // An octet string of 32 octets.
        extension.value.strip_prefix(&[4, 32]).filter(|digest| extension.critical && digest.len() == 32)
    }

    /// Whether it claims to be a CA, and the maximum number of CAs below it (RFC 5280 §4.2.1.9).
    pub fn basic_constraints(&self) -> Option<(bool, Option<u32>)> {
        let extension = self.raw.basic_constraints().ok().flatten()?;
        Some((extension.value.ca, extension.value.path_len_constraint))
    }

    /// Verifies the signature with the issuer's key.
    pub fn verify(&self, issuer: &Parsed) -> Verified {
        let verdict = |is_good| if is_good { Verified::Yes } else { Verified::No };
        // The library ignores the length of the salt, and finds that such a signature does not match.
        if matches!(self.signature_kind(), SignatureKind::RsaPssOther(_)) {
            return Verified::Unsupported;
        }
        match self.raw.verify_signature(Some(issuer.raw.public_key())) {
            Ok(()) => Verified::Yes,
            Err(X509Error::SignatureUnsupportedAlgorithm) => {
                self.is_signed_on_a_rare_curve(issuer).map_or(Verified::Unsupported, verdict)
            }
            Err(_) => Verified::No,
        }
    }

    fn extension<T>(&self, find: impl Fn(&ParsedExtension) -> Option<T>) -> Option<T> {
        self.raw.iter_extensions().find_map(|extension| find(extension.parsed_extension()))
    }

    /// Verifies a signature that aws-lc supports but x509-parser does not. Returns `None` for any other
    /// algorithm.
    fn is_signed_on_a_rare_curve(&self, issuer: &Parsed) -> Option<bool> {
        const P256: &str = "1.2.840.10045.3.1.7";
        const P384: &str = "1.3.132.0.34";
        const P521: &str = "1.3.132.0.35";
        const SECP256K1: &str = "1.3.132.0.10";
        const ECDSA_SHA256: &str = "1.2.840.10045.4.3.2";
        const ECDSA_SHA384: &str = "1.2.840.10045.4.3.3";
        const ECDSA_SHA512: &str = "1.2.840.10045.4.3.4";
        let key = issuer.raw.public_key();
        let curve = key.algorithm.parameters.as_ref()?.as_oid().ok()?.to_id_string();
        let hash = self.raw.signature_algorithm.algorithm.to_id_string();
        let algorithm: &dyn VerificationAlgorithm = match (curve.as_str(), hash.as_str()) {
            (P521, ECDSA_SHA256) => &signature::ECDSA_P521_SHA256_ASN1,
            (P521, ECDSA_SHA384) => &signature::ECDSA_P521_SHA384_ASN1,
            (P521, ECDSA_SHA512) => &signature::ECDSA_P521_SHA512_ASN1,
            (P256, ECDSA_SHA512) => &signature::ECDSA_P256_SHA512_ASN1,
            (P384, ECDSA_SHA512) => &signature::ECDSA_P384_SHA512_ASN1,
            (SECP256K1, ECDSA_SHA256) => &signature::ECDSA_P256K1_SHA256_ASN1,
            _ => return None,
        };
        let key = UnparsedPublicKey::new(algorithm, &key.subject_public_key.data);
        Some(key.verify(self.raw.tbs_certificate.as_ref(), &self.raw.signature_value.data).is_ok())
    }
}

/// A name in devca's notation; `None` for kinds that devca does not issue.
pub fn general_name(general: &GeneralName) -> Option<String> {
    match general {
        // No client uses an address that is encoded as a host name.
        GeneralName::DNSName(text) if text.parse::<IpAddr>().is_ok() => Some(format!("DNS:{text}")),
        GeneralName::DNSName(text) | GeneralName::RFC822Name(text) | GeneralName::URI(text) => {
            Some((*text).to_owned())
        }
        GeneralName::IPAddress(octets) => address(octets).map(|ip| ip.to_string()),
        _ => None,
    }
}
