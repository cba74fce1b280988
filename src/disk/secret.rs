//! Passwords and passphrases.

use std::fmt;
use std::path::Path;

use zeroize::Zeroizing;

use super::files;
use crate::error::{Fault, OrHint};

/// A password or passphrase, never empty. `Debug` does not show it, and its memory is zeroized on drop.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Returns `None` for an empty text.
    pub fn new(text: Zeroizing<String>) -> Option<Self> {
        (!text.is_empty()).then_some(Self(text))
    }

    /// Wraps text that is known not to be empty.
    pub fn of(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// Reads the first line of a file; `noun` is what errors call it.
    pub fn from_file(path: &Path, noun: &str) -> anyhow::Result<Self> {
        let bytes = files::read_named(path)?;
        let text = std::str::from_utf8(&bytes).or_hint(
            || format!("{} is not UTF-8 text", path.display()),
            || format!("write the {noun} in UTF-8"),
        )?;
        let line = Zeroizing::new(text.lines().next().unwrap_or_default().to_owned());
        let none =
            || Fault::new(format!("{} contains no {noun}", path.display()), "write it into the first line");
        Ok(Self::new(line).ok_or_else(none)?)
    }

    /// The text itself, for encrypting with it and for showing a generated one.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Fills a buffer from the system's random source.
pub fn fill_with_random(bytes: &mut [u8]) -> Result<(), Fault> {
    aws_lc_rs::rand::fill(bytes)
        .map_err(|_| Fault::new("the system provides no randomness", "check that /dev/urandom can be read"))
}
