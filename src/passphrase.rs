//! Encrypted PKCS#8 (RFC 5958 §3): a CA's keys, locked with a passphrase. OpenSSL opens them, too.

use std::fmt;
use std::path::Path;

use pkcs8::EncryptedPrivateKeyInfoRef;
use pkcs8::pkcs5::pbes2;
use zeroize::Zeroizing;

use crate::error::{Fault, OrHint};
use crate::files;

/// What a CA's keys are locked with; `Debug` does not show it.
#[derive(Clone)]
pub struct Passphrase(Zeroizing<String>);

/// PBKDF2 with SHA-256 (OWASP, Password Storage Cheat Sheet, 2023). Not scrypt: OpenSSL reads it with 32 MiB at most.
const ITERATIONS: u32 = 600_000;

/// The variable that names a file with the passphrase, for scripts.
pub const VARIABLE: &str = "DEVCA_PASSPHRASE_FILE";

impl Passphrase {
    /// What somebody typed; `None` for nothing.
    pub fn new(text: Zeroizing<String>) -> Option<Self> {
        (!text.is_empty()).then_some(Self(text))
    }

    /// The first line of the file that [`VARIABLE`] names; `None` where it names none.
    pub fn from_environment() -> anyhow::Result<Option<Self>> {
        let Some(path) = std::env::var_os(VARIABLE).filter(|value| !value.is_empty()) else {
            return Ok(None);
        };
        Self::from_file(Path::new(&path)).map(Some)
    }

    /// The first line of a file.
    pub fn from_file(path: &Path) -> anyhow::Result<Self> {
        let bytes = files::read_named(path)?;
        let text = std::str::from_utf8(&bytes).or_hint(
            || format!("{} is no text", path.display()),
            || "write the passphrase in UTF-8".into(),
        )?;
        let line = Zeroizing::new(text.lines().next().unwrap_or_default().to_owned());
        let none = || Fault::new(format!("there is no passphrase in {}", path.display()), "write one there");
        Ok(Self::new(line).ok_or_else(none)?)
    }

    /// Whether it is the same.
    pub fn is(&self, other: &Self) -> bool {
        *self.0 == *other.0
    }

    /// Locks a PKCS#8 key.
    pub fn encrypt(&self, pkcs8: &[u8]) -> anyhow::Result<Vec<u8>> {
        let (mut salt, mut iv) = ([0; 16], [0; 16]);
        aws_lc_rs::rand::fill(&mut salt).and_then(|()| aws_lc_rs::rand::fill(&mut iv)).map_err(|_| {
            Fault::new("the system gives no randomness", "check that /dev/urandom can be read")
        })?;
        let hint = || "this should not happen: report it".into();
        let parameters = pbes2::Parameters::generate_pbkdf2_sha256_aes256cbc(ITERATIONS, &salt, iv)
            .or_hint(|| "cannot encrypt the key".into(), hint)?;
        let key =
            pkcs8::PrivateKeyInfoRef::try_from(pkcs8).or_hint(|| "cannot encrypt the key".into(), hint)?;
        let locked = key
            .encrypt_with_params(parameters, self.0.as_bytes())
            .or_hint(|| "cannot encrypt the key".into(), hint)?;
        Ok(locked.as_bytes().to_vec())
    }

    /// The PKCS#8 key; `None` where this is not its passphrase.
    pub fn decrypt(&self, locked: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let info = EncryptedPrivateKeyInfoRef::try_from(locked).ok()?;
        let key = info.decrypt(self.0.as_bytes()).ok()?;
        Some(Zeroizing::new(key.as_bytes().to_vec()))
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase")
    }
}
