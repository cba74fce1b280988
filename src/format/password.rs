//! What encrypted formats are encrypted with: given in a file or a variable, never in argv, or made.

use std::fmt;
use std::path::Path;

use zeroize::Zeroizing;

use crate::disk::files;
use crate::error::{Fault, OrHint};

/// A password, not empty; `Debug` does not show it.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

/// Letters and digits that nobody mistakes for one another when typing them off.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

impl Password {
    /// The one that is given in a file or in a variable, if one is.
    pub fn given(file: Option<&Path>, variable: Option<&str>) -> anyhow::Result<Option<Self>> {
        match (file, variable) {
            (Some(file), _) => Self::from_file(file).map(Some),
            (None, Some(variable)) => Self::from_variable(variable).map(Some),
            (None, None) => Ok(None),
        }
    }

    /// The first line of a file.
    fn from_file(path: &Path) -> anyhow::Result<Self> {
        let bytes = files::read_named(path)?;
        let text = std::str::from_utf8(&bytes).or_hint(
            || format!("{} is not UTF-8 text", path.display()),
            || "write the password in UTF-8".into(),
        )?;
        let line = text.lines().next().unwrap_or_default();
        Self::checked(line, &path.display().to_string())
    }

    /// The value of an environment variable.
    fn from_variable(name: &str) -> anyhow::Result<Self> {
        let value = Zeroizing::new(std::env::var(name).unwrap_or_default());
        Self::checked(&value, &format!("${name}"))
    }

    fn checked(text: &str, place: &str) -> anyhow::Result<Self> {
        if text.is_empty() {
            let hint = "write one there, or omit the option to have one generated";
            return Err(Fault::new(format!("{place} contains no password"), hint).into());
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// 100 bits of the system's randomness, in twenty characters.
    pub fn generate() -> anyhow::Result<Self> {
        let mut random = Zeroizing::new([0_u8; 20]);
        aws_lc_rs::rand::fill(&mut *random).map_err(|_| {
            Fault::new("the system provides no randomness", "check that /dev/urandom can be read")
        })?;
        let text = random.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
        Ok(Self(Zeroizing::new(text)))
    }

    /// For encrypting, and for showing one that was made.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}
