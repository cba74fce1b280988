//! Key algorithms and private keys.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::signature::{EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _};
use aws_lc_rs::{rsa, signature};
use clap::ValueEnum;
use pkcs8::PrivateKeyInfoRef;
use rcgen::{KeyPair, PublicKeyData, SignatureAlgorithm};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::disk::secret::fill_with_random;
use crate::error::{Fault, OrHint};

/// The type of a certificate's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum KeyType {
    /// ECDSA on P-256: small, quick, accepted everywhere
    #[default]
    #[value(alias = "ecdsa")]
    EcdsaP256,
    /// ECDSA on P-384
    EcdsaP384,
    /// Ed25519: refused by Chromium and Firefox as a server key
    Ed25519,
    /// RSA, 2048 bits: for old clients
    #[serde(rename = "rsa-2048")]
    #[value(name = "rsa-2048", alias = "rsa")]
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
    /// Generates a key from the operating system's random source.
    pub fn generate(self) -> anyhow::Result<FreshKey> {
        let made = match self {
            Self::EcdsaP256 => {
                ecdsa(&signature::ECDSA_P256_SHA256_ASN1_SIGNING, &rcgen::PKCS_ECDSA_P256_SHA256)
            }
            Self::EcdsaP384 => {
                ecdsa(&signature::ECDSA_P384_SHA384_ASN1_SIGNING, &rcgen::PKCS_ECDSA_P384_SHA384)
            }
            Self::Ed25519 => ed25519(),
            Self::Rsa2048 => rsa(rsa::KeySize::Rsa2048),
            Self::Rsa3072 => rsa(rsa::KeySize::Rsa3072),
            Self::Rsa4096 => rsa(rsa::KeySize::Rsa4096),
        };
        made.or_hint(|| "cannot generate a key".into(), || "try again: the system may lack randomness".into())
    }
}

/// A newly generated key. Parsing a key also verifies it, which takes as long as generating it, so that is
/// skipped for keys that do not sign anything.
pub struct FreshKey {
    /// The private key as PKCS#8 in DER.
    pub pkcs8: Zeroizing<Vec<u8>>,
    public: Vec<u8>,
    algorithm: &'static SignatureAlgorithm,
}

impl FreshKey {
    /// Parses the key in order to sign with it.
    pub fn pair(&self) -> anyhow::Result<Zeroizing<KeyPair>> {
        from_pkcs8(&self.pkcs8).ok_or_else(|| Fault::new("cannot read the new key", "try again").into())
    }
}

impl PublicKeyData for FreshKey {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        self.algorithm
    }
}

/// RSA keys sign with SHA-256 and PKCS#1 v1.5, which every client supports.
const RSA_SIGNATURE: &SignatureAlgorithm = &rcgen::PKCS_RSA_SHA256;

fn ecdsa(
    curve: &'static EcdsaSigningAlgorithm,
    algorithm: &'static SignatureAlgorithm,
) -> Result<FreshKey, Unspecified> {
    let pair = EcdsaKeyPair::generate(curve)?;
    Ok(fresh(pair.to_pkcs8v1()?.as_ref(), pair.public_key().as_ref(), algorithm))
}

/// Uses PKCS#8 version 1, because OpenSSL 3.0 cannot read version 2 with the public key in it (RFC 5958).
fn ed25519() -> Result<FreshKey, Unspecified> {
    let pair = Ed25519KeyPair::generate()?;
    Ok(fresh(pair.to_pkcs8v1()?.as_ref(), pair.public_key().as_ref(), &rcgen::PKCS_ED25519))
}

fn rsa(size: rsa::KeySize) -> Result<FreshKey, Unspecified> {
    let pair = rsa::KeyPair::generate(size)?;
    let pkcs8: Pkcs8V1Der = pair.as_der()?;
    Ok(fresh(pkcs8.as_ref(), pair.public_key().as_ref(), RSA_SIGNATURE))
}

fn fresh(pkcs8: &[u8], public: &[u8], algorithm: &'static SignatureAlgorithm) -> FreshKey {
    FreshKey { pkcs8: Zeroizing::new(pkcs8.to_vec()), public: public.to_vec(), algorithm }
}

/// Parses a private key in PKCS#8, SEC1 or PKCS#1, and converts it to PKCS#8, because rcgen would write the
/// others with the PKCS#8 label.
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

/// Parses a PKCS#8 key.
pub fn from_pkcs8(der: &[u8]) -> Option<Zeroizing<KeyPair>> {
    let algorithm = algorithm(der)?;
    KeyPair::from_pkcs8_der_and_sign_algo(&PrivatePkcs8KeyDer::from(der), algorithm).ok().map(Zeroizing::new)
}

/// The signature algorithm for a PKCS#8 key. Otherwise rcgen would parse the key once for every algorithm it
/// tries.
fn algorithm(pkcs8: &[u8]) -> Option<&'static SignatureAlgorithm> {
    let info = PrivateKeyInfoRef::try_from(pkcs8).ok()?;
    let (algorithm, curve) = info.algorithm.oids().ok()?;
    match (algorithm.to_string().as_str(), curve.map(|oid| oid.to_string()).as_deref()) {
        ("1.2.840.113549.1.1.1", _) => Some(RSA_SIGNATURE),
        ("1.3.101.112", _) => Some(&rcgen::PKCS_ED25519),
        ("1.2.840.10045.2.1", Some("1.2.840.10045.3.1.7")) => Some(&rcgen::PKCS_ECDSA_P256_SHA256),
        ("1.2.840.10045.2.1", Some("1.3.132.0.34")) => Some(&rcgen::PKCS_ECDSA_P384_SHA384),
        ("1.2.840.10045.2.1", Some("1.3.132.0.35")) => Some(&rcgen::PKCS_ECDSA_P521_SHA512),
        _ => None,
    }
}

/// Keeps keys and passphrases out of core dumps, and prevents other processes of the user from attaching to
/// this one (prctl(2), `PR_SET_DUMPABLE`). Programs that devca starts are not affected, because `execve`
/// resets the flag; they would inherit a limit on the size of core dumps.
pub fn refuse_core_dumps() {
    #[cfg(target_os = "linux")]
    let _ = nix::sys::prctl::set_dumpable(false);
}

/// Generates a serial number of 128 random bits, positive and always 16 octets long (RFC 5280 §4.1.2.2 allows
/// up to 20).
pub fn random_serial() -> anyhow::Result<[u8; 16]> {
    let mut serial = [0; 16];
    fill_with_random(&mut serial)?;
    serial[0] = serial[0] & 0x7f | 0x40;
    Ok(serial)
}

/// SHA-256, used in fingerprints and the inventory.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut digest = [0; 32];
    digest.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref());
    digest
}

/// SHA-1, by which Windows and macOS identify certificates; security does not depend on it.
pub fn sha1(bytes: &[u8]) -> [u8; 20] {
    let mut digest = [0; 20];
    let algorithm = &aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY;
    digest.copy_from_slice(aws_lc_rs::digest::digest(algorithm, bytes).as_ref());
    digest
}
