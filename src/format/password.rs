//! The password for encrypted formats: read from a file or variable (never from argv), or generated.

use std::path::Path;

use zeroize::Zeroizing;

use crate::disk::secret::{self, Secret};
use crate::error::Fault;

/// Letters and digits without those that look alike, for passwords that are typed.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// The password from a file or variable, if one was given.
pub fn given(file: Option<&Path>, variable: Option<&str>) -> anyhow::Result<Option<Secret>> {
    match (file, variable) {
        (Some(file), _) => Secret::from_file(file, "password").map(Some),
        (None, Some(variable)) => from_variable(variable).map(Some),
        (None, None) => Ok(None),
    }
}

fn from_variable(name: &str) -> anyhow::Result<Secret> {
    let value = Zeroizing::new(std::env::var(name).unwrap_or_default());
    let none = || Fault::new(format!("${name} contains no password"), "set it, or omit --password-env");
    Ok(Secret::new(value).ok_or_else(none)?)
}

/// Generates a password with 100 bits of entropy, in twenty characters.
pub fn generate() -> anyhow::Result<Secret> {
    let mut random = Zeroizing::new([0_u8; 20]);
    secret::fill_with_random(&mut *random)?;
    let letters = random.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
    Ok(Secret::of(letters.collect()))
}
