//! Key algorithms and private keys.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::signature::EcdsaKeyPair;
use aws_lc_rs::{rsa, signature};
use clap::ValueEnum;
use rcgen::{KeyPair, RsaKeySize, SignatureAlgorithm};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::error::{Fault, OrHint};

/// What kind of key a certificate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyType {
    /// ECDSA on P-256: small, quick, accepted everywhere
    #[default]
    EcdsaP256,
    /// ECDSA on P-384
    EcdsaP384,
    /// Ed25519: refused by Chromium and Firefox as a server key
    Ed25519,
    /// RSA, 2048 bits: for old clients
    #[serde(rename = "rsa-2048")]
    #[value(name = "rsa-2048")]
    Rsa2048,
    /// RSA, 3072 bits
    #[serde(rename = "rsa-3072")]
    #[value(name = "rsa-3072")]
    Rsa3072,
    /// RSA, 4096 bits
    #[serde(rename = "rsa-4096")]
    #[value(name = "rsa-4096")]
    Rsa4096,
}

impl KeyType {
    /// A fresh key pair from the operating system's randomness.
    pub fn generate(self) -> anyhow::Result<Zeroizing<KeyPair>> {
        let made = match self {
            Self::EcdsaP256 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256),
            Self::EcdsaP384 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384),
            Self::Ed25519 => ed25519(),
            Self::Rsa2048 => rsa(RsaKeySize::_2048),
            Self::Rsa3072 => rsa(RsaKeySize::_3072),
            Self::Rsa4096 => rsa(RsaKeySize::_4096),
        };
        let key = made.or_hint(
            || "cannot generate a key".into(),
            || "try again: the system may lack randomness".into(),
        )?;
        Ok(Zeroizing::new(key))
    }
}

/// RSA keys sign with SHA-256, PKCS#1 v1.5: every client knows it.
const RSA_SIGNATURE: &SignatureAlgorithm = &rcgen::PKCS_RSA_SHA256;

/// PKCS#8 version 1: rcgen would write version 2, with the public key in it (RFC 5958), which OpenSSL 3.0 cannot read.
fn ed25519() -> Result<KeyPair, rcgen::Error> {
    let pkcs8 = signature::Ed25519KeyPair::generate_pkcs8v1(&aws_lc_rs::rand::SystemRandom::new())
        .map_err(|_| rcgen::Error::RingUnspecified)?;
    KeyPair::try_from(pkcs8.as_ref())
}

fn rsa(size: RsaKeySize) -> Result<KeyPair, rcgen::Error> {
    KeyPair::generate_rsa_for(RSA_SIGNATURE, size)
}

/// Reads a private key in any of its three forms, and keeps it in PKCS#8: rcgen would write the others under its label.
pub fn from_der(der: &PrivateKeyDer) -> Option<Zeroizing<KeyPair>> {
    let pkcs8 = match der {
        PrivateKeyDer::Pkcs8(key) => Zeroizing::new(key.secret_pkcs8_der().to_vec()),
        PrivateKeyDer::Sec1(key) => {
            let curves = [
                &signature::ECDSA_P256_SHA256_ASN1_SIGNING,
                &signature::ECDSA_P384_SHA384_ASN1_SIGNING,
                &signature::ECDSA_P521_SHA512_ASN1_SIGNING,
            ];
            let read = |curve| EcdsaKeyPair::from_private_key_der(curve, key.secret_sec1_der()).ok();
            Zeroizing::new(curves.into_iter().find_map(read)?.to_pkcs8v1().ok()?.as_ref().to_vec())
        }
        PrivateKeyDer::Pkcs1(key) => {
            let pair = rsa::KeyPair::from_der(key.secret_pkcs1_der()).ok()?;
            let pkcs8: Pkcs8V1Der = pair.as_der().ok()?;
            Zeroizing::new(pkcs8.as_ref().to_vec())
        }
        _ => return None,
    };
    from_pkcs8(&pkcs8)
}

/// Reads a key in PKCS#8.
pub fn from_pkcs8(der: &[u8]) -> Option<Zeroizing<KeyPair>> {
    KeyPair::try_from(&PrivatePkcs8KeyDer::from(der)).ok().map(Zeroizing::new)
}

/// 128 bits of randomness as a positive serial number that always takes 16 octets (RFC 5280 §4.1.2.2: at most 20).
pub fn random_serial() -> anyhow::Result<[u8; 16]> {
    let mut serial = [0; 16];
    aws_lc_rs::rand::fill(&mut serial)
        .map_err(|_| Fault::new("the system gives no randomness", "check that /dev/urandom can be read"))?;
    serial[0] = serial[0] & 0x7f | 0x40;
    Ok(serial)
}

/// SHA-256, as fingerprints and the inventory carry it.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut digest = [0; 32];
    digest.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref());
    digest
}

/// SHA-1, by which Windows and macOS know a certificate; it protects nothing.
pub fn sha1(bytes: &[u8]) -> [u8; 20] {
    let mut digest = [0; 20];
    let algorithm = &aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY;
    digest.copy_from_slice(aws_lc_rs::digest::digest(algorithm, bytes).as_ref());
    digest
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes of hexadecimal digits; `None` where they are none.
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(c.to_digit(16)?).ok()).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}
