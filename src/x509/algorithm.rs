//! The algorithms of keys and signatures in certificates, including those that devca does not use.

use std::fmt;

use serde::{Serialize, Serializer};
use x509_parser::asn1_rs::Tag;
use x509_parser::oid_registry::{OID_NIST_HASH_SHA256, OID_NIST_HASH_SHA384, OID_NIST_HASH_SHA512};
use x509_parser::public_key::PublicKey;
use x509_parser::signature_algorithm::RsaSsaPssParams;
use x509_parser::x509::{AlgorithmIdentifier, SubjectPublicKeyInfo};

/// The type of a public key, with its size if that varies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA with this many bits.
    Rsa(usize),
    EcdsaP256,
    EcdsaP384,
    EcdsaP521,
    /// A curve that few clients support, by its OID; `None` if the curve is not named.
    EcdsaOther(Option<String>),
    Ed25519,
    Dsa,
    /// Any other algorithm, by its OID.
    Other(String),
}

impl KeyKind {
    /// The type of a public key, from its algorithm and curve.
    pub fn of(info: &SubjectPublicKeyInfo) -> Self {
        // `as_oid` would also accept a SEQUENCE of explicit parameters.
        let named = info.algorithm.parameters.as_ref().filter(|parameters| parameters.tag() == Tag::Oid);
        let curve = named.and_then(|parameters| parameters.as_oid().ok());
        match (info.parsed(), info.algorithm.algorithm.to_id_string().as_str()) {
            (Ok(PublicKey::RSA(rsa)), _) => Self::Rsa(rsa.key_size()),
            (Ok(PublicKey::EC(_)), _) => match curve.map(|oid| oid.to_id_string()) {
                Some(oid) if oid == P256 => Self::EcdsaP256,
                Some(oid) if oid == P384 => Self::EcdsaP384,
                Some(oid) if oid == P521 => Self::EcdsaP521,
                other => Self::EcdsaOther(other),
            },
            (_, ED25519) => Self::Ed25519,
            (Ok(PublicKey::DSA(_)), _) | (_, "1.2.840.10040.4.1") => Self::Dsa,
            (_, oid) => Self::Other(oid.to_owned()),
        }
    }

    /// Whether clients reject it as too weak.
    pub fn is_weak(&self) -> bool {
        matches!(self, Self::Rsa(..2048))
    }

    /// Whether many clients do not support it.
    pub fn is_rare(&self) -> bool {
        matches!(self, Self::EcdsaOther(Some(_)) | Self::Dsa | Self::Other(_))
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa(bits) => write!(f, "RSA {bits}"),
            Self::EcdsaP256 => f.write_str("ECDSA P-256"),
            Self::EcdsaP384 => f.write_str("ECDSA P-384"),
            Self::EcdsaP521 => f.write_str("ECDSA P-521"),
            Self::EcdsaOther(Some(oid)) => write!(f, "ECDSA on the curve {oid}"),
            Self::EcdsaOther(None) => f.write_str("ECDSA on a curve without a name"),
            Self::Ed25519 => f.write_str("Ed25519"),
            Self::Dsa => f.write_str("DSA"),
            Self::Other(oid) => write!(f, "an algorithm {oid}"),
        }
    }
}

/// The hash function of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    Md5,
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

/// The algorithm of a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignatureKind {
    Ecdsa(Hash),
    Rsa(Hash),
    RsaPss,
    /// RSA-PSS with parameters that TLS does not use (RFC 8446 §4.2.3), and with a salt of this length: the
    /// salt is not as long as the hash, or the hash is another one.
    RsaPssOther(u32),
    Ed25519,
    /// Any other algorithm, by its OID.
    Other(String),
}

impl SignatureKind {
    /// The kind of signature, by the OID of the algorithm.
    pub fn of(algorithm: &AlgorithmIdentifier) -> Self {
        match algorithm.algorithm.to_id_string().as_str() {
            "1.2.840.10045.4.1" => Self::Ecdsa(Hash::Sha1),
            "1.2.840.10045.4.3.2" => Self::Ecdsa(Hash::Sha256),
            "1.2.840.10045.4.3.3" => Self::Ecdsa(Hash::Sha384),
            "1.2.840.10045.4.3.4" => Self::Ecdsa(Hash::Sha512),
            "1.2.840.113549.1.1.4" => Self::Rsa(Hash::Md5),
            "1.2.840.113549.1.1.5" => Self::Rsa(Hash::Sha1),
            "1.2.840.113549.1.1.11" => Self::Rsa(Hash::Sha256),
            "1.2.840.113549.1.1.12" => Self::Rsa(Hash::Sha384),
            "1.2.840.113549.1.1.13" => Self::Rsa(Hash::Sha512),
            "1.2.840.113549.1.1.10" => Self::of_pss(algorithm),
            ED25519 => Self::Ed25519,
            other => Self::Other(other.to_owned()),
        }
    }

    fn of_pss(algorithm: &AlgorithmIdentifier) -> Self {
        let parameters = algorithm.parameters.as_ref();
        let Some(pss) = parameters.and_then(|any| RsaSsaPssParams::try_from(any).ok()) else {
            return Self::RsaPssOther(0);
        };
        let hash = pss.hash_algorithm_oid();
        let length = match () {
            () if *hash == OID_NIST_HASH_SHA256 => 32,
            () if *hash == OID_NIST_HASH_SHA384 => 48,
            () if *hash == OID_NIST_HASH_SHA512 => 64,
            () => return Self::RsaPssOther(pss.salt_length()),
        };
        let has_one_hash = pss.mask_gen_algorithm().is_ok_and(|mask| mask.hash == *hash);
        let is_usual = has_one_hash && pss.salt_length() == length;
        if is_usual { Self::RsaPss } else { Self::RsaPssOther(pss.salt_length()) }
    }

    /// Whether clients reject its hash function.
    pub fn is_weak(&self) -> bool {
        matches!(self, Self::Ecdsa(Hash::Sha1) | Self::Rsa(Hash::Md5 | Hash::Sha1))
    }

    /// Whether many clients do not support it.
    pub fn is_rare(&self) -> bool {
        matches!(self, Self::RsaPssOther(_) | Self::Other(_))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Md5 => "MD5",
            Self::Sha1 => "SHA-1",
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
        })
    }
}

impl fmt::Display for SignatureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ecdsa(hash) => write!(f, "ECDSA with {hash}"),
            Self::Rsa(hash) => write!(f, "RSA with {hash}"),
            Self::RsaPss => f.write_str("RSA-PSS"),
            Self::RsaPssOther(salt) => write!(f, "RSA-PSS with unusual parameters (a salt of {salt} octets)"),
            Self::Ed25519 => f.write_str("Ed25519"),
            Self::Other(oid) => write!(f, "an algorithm {oid}"),
        }
    }
}

impl Serialize for KeyKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for SignatureKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

const P256: &str = "1.2.840.10045.3.1.7";
const P384: &str = "1.3.132.0.34";
const P521: &str = "1.3.132.0.35";
const ED25519: &str = "1.3.101.112";
