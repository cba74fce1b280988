//! Encrypts a CA's keys with a passphrase (PKCS#8, RFC 5958 §3), in a way that OpenSSL can also read.

use std::path::Path;

use pkcs8::EncryptedPrivateKeyInfoRef;
use pkcs8::pkcs5::EncryptionScheme;
use pkcs8::pkcs5::pbes2::{self, Kdf};
use zeroize::Zeroizing;

use crate::ca::keyring::{KeyringItem, KeyringProblem};
use crate::disk::secret::{self, Secret};
use crate::error::{Fault, OrHint};

/// The passphrase that encrypts a CA's keys; `Debug` does not show it.
#[derive(Clone, Debug)]
pub struct CaPassphrase {
    text: Secret,
    item: Option<KeyringItem>,
}

/// PBKDF2 with SHA-256 (OWASP, Password Storage Cheat Sheet, 2023). scrypt is no alternative, because OpenSSL
/// allows it only 32 MiB.
const ITERATIONS: u32 = 600_000;

/// A passphrase of 128 random bits cannot be guessed, no matter how fast each guess is. RFC 8018 §4.2
/// recommends at least 1000 iterations.
const ITERATIONS_OF_RANDOM: u32 = 2048;

/// The most iterations accepted for a key from elsewhere; more would keep devca busy for minutes. RFC 8018
/// §4.2 calls 10 million iterations appropriate "for especially critical keys".
const MAX_ITERATIONS: u32 = 10_000_000;

/// The limits for scrypt (RFC 7914 §2): bytes of memory, and bytes mixed in total. OpenSSL's limit is 32 MiB.
const MAX_SCRYPT_MEMORY: u64 = 256 << 20;
const MAX_SCRYPT_WORK: u64 = 1 << 30;

/// The variable that names a file with the passphrase, for scripts.
pub const VARIABLE: &str = "DEVCA_PASSPHRASE_FILE";

impl CaPassphrase {
    /// Wraps a passphrase that was typed; `None` if it is empty.
    pub fn new(text: Zeroizing<String>) -> Option<Self> {
        Secret::new(text).map(|text| Self { text, item: None })
    }

    /// Reads the first line of the file that [`VARIABLE`] names; `None` if it is not set.
    pub fn from_environment() -> anyhow::Result<Option<Self>> {
        let Some(path) = std::env::var_os(VARIABLE).filter(|value| !value.is_empty()) else {
            return Ok(None);
        };
        Self::from_file(Path::new(&path)).map(Some)
    }

    /// Reads the first line of a file.
    pub fn from_file(path: &Path) -> anyhow::Result<Self> {
        Ok(Self { text: Secret::from_file(path, "passphrase")?, item: None })
    }

    /// Creates a random passphrase and stores it in the keyring, reading it back to verify it.
    pub fn in_keyring(item: KeyringItem, label: &str) -> anyhow::Result<Result<Self, KeyringProblem>> {
        let mut random = Zeroizing::new([0; 16]);
        secret::fill_with_random(&mut *random)?;
        let text = Secret::of(hex::encode(*random));
        Ok(item.store(label, &text).map(|()| Self { text, item: Some(item) }))
    }

    pub fn from_keyring(item: &KeyringItem) -> Result<Self, KeyringProblem> {
        let text = Secret::new(item.load()?).ok_or(KeyringProblem::Missing)?;
        Ok(Self { text, item: Some(item.clone()) })
    }

    /// The same passphrase, marked as stored in this keyring entry.
    #[must_use]
    pub fn kept_in(self, item: Option<KeyringItem>) -> Self {
        Self { item, ..self }
    }

    /// The keyring entry it is stored in; `None` if the user knows the passphrase.
    pub fn item(&self) -> Option<&KeyringItem> {
        self.item.as_ref()
    }

    /// Whether devca generated it. The entry alone does not prove that, because it is read from a key file
    /// that may come from elsewhere.
    fn is_random(&self) -> bool {
        self.item.is_some() && self.as_str().len() == 32 && hex::decode(self.as_str()).ok().is_some()
    }

    /// The text, to be remembered elsewhere.
    pub fn as_str(&self) -> &str {
        self.text.as_str()
    }

    /// Whether both are the same passphrase.
    pub fn is(&self, other: &Self) -> bool {
        self.text == other.text
    }

    /// Encrypts a PKCS#8 key.
    pub fn encrypt(&self, pkcs8: &[u8]) -> anyhow::Result<Vec<u8>> {
        let (mut salt, mut iv) = ([0; 16], [0; 16]);
        secret::fill_with_random(&mut salt)?;
        secret::fill_with_random(&mut iv)?;
        let hint = || "this is a bug in devca: please report it".into();
        let iterations = if self.is_random() { ITERATIONS_OF_RANDOM } else { ITERATIONS };
        let parameters = pbes2::Parameters::generate_pbkdf2_sha256_aes256cbc(iterations, &salt, iv)
            .or_hint(|| "cannot encrypt the key".into(), hint)?;
        let key =
            pkcs8::PrivateKeyInfoRef::try_from(pkcs8).or_hint(|| "cannot encrypt the key".into(), hint)?;
        let locked = key
            .encrypt_with_params(parameters, self.as_str().as_bytes())
            .or_hint(|| "cannot encrypt the key".into(), hint)?;
        Ok(locked.as_bytes().to_vec())
    }

    /// Decrypts a PKCS#8 key; `None` if this is not its passphrase. A key that would take minutes or
    /// gigabytes to decrypt is an error.
    pub fn decrypt(&self, locked: &[u8]) -> anyhow::Result<Option<Zeroizing<Vec<u8>>>> {
        let Ok(info) = EncryptedPrivateKeyInfoRef::try_from(locked) else { return Ok(None) };
        refuse_expensive(&info.encryption_algorithm)?;
        let key = info.decrypt(self.as_str().as_bytes()).ok();
        Ok(key.map(|key| Zeroizing::new(key.as_bytes().to_vec())))
    }
}

/// The creator of the file decides how much work it takes to decrypt it.
fn refuse_expensive(scheme: &EncryptionScheme) -> Result<(), Fault> {
    let EncryptionScheme::Pbes2(parameters) = scheme else { return Ok(()) };
    let what = match &parameters.kdf {
        Kdf::Pbkdf2(pbkdf2) if pbkdf2.iteration_count > MAX_ITERATIONS => format!(
            "this key is encrypted with {} rounds of PBKDF2, but devca accepts at most {MAX_ITERATIONS}",
            pbkdf2.iteration_count
        ),
        Kdf::Scrypt(scrypt) => {
            let memory = scrypt.cost_parameter.saturating_mul(128).saturating_mul(scrypt.block_size.into());
            let work = memory.saturating_mul(scrypt.parallelization.into());
            if memory <= MAX_SCRYPT_MEMORY && work <= MAX_SCRYPT_WORK {
                return Ok(());
            }
            format!(
                "this key is encrypted with scrypt, which needs {} MiB of memory {} times, but devca uses at most {} MiB",
                memory >> 20,
                scrypt.parallelization,
                MAX_SCRYPT_MEMORY >> 20
            )
        }
        _ => return Ok(()),
    };
    let hint = "encrypt it with fewer rounds: openssl pkcs8 -topk8 -v2 aes-256-cbc -iter 600000 -in KEY -out NEW-KEY";
    Err(Fault::new(what, hint))
}

/// `tests/cross` runs this with Credential Manager in wine.
#[cfg(all(test, windows))]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Measures the extra work of `devca issue` with an encrypted key: a lookup in Credential Manager and the
    /// decryption.
    #[test]
    fn the_credential_manager_costs_little() {
        let passphrase =
            CaPassphrase::in_keyring(KeyringItem::new(7).unwrap(), "devca's test").unwrap().unwrap();
        let item = passphrase.item().unwrap().clone();
        let key = rcgen::KeyPair::generate().unwrap();
        let locked = passphrase.encrypt(key.serialized_der()).unwrap();
        let usual = |work: &dyn Fn()| {
            let mut times: Vec<_> = (0..201)
                .map(|_| {
                    let start = std::time::Instant::now();
                    work();
                    start.elapsed()
                })
                .collect();
            times.sort();
            times[20] // the 10th percentile, because other programs run beside the test
        };
        let asking = usual(&|| drop(CaPassphrase::from_keyring(&item).unwrap()));
        let decrypting = usual(&|| drop(passphrase.decrypt(&locked).unwrap().unwrap()));
        item.delete().unwrap();
        assert!(asking < std::time::Duration::from_millis(50), "{asking:?}, and {decrypting:?} to decrypt");
    }
}
