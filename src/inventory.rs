//! What was issued: one JSON line each, append-only.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::files::Files;
use crate::issuer::{Issued, Request};
use crate::key::{self, KeyType};
use crate::profile::Kind;

/// The version of the line's format; a reader leaves lines of a later one alone.
pub const FORMAT: u32 = 1;

/// One certificate. It is written before the files get their names, so that no certificate is in use
/// that the inventory does not know; a line whose files never came is harmless.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Entry {
    /// [`FORMAT`].
    pub v: u32,
    /// When it was issued.
    #[serde(with = "time::serde::rfc3339")]
    pub issued: OffsetDateTime,
    /// Serial number, hexadecimal.
    pub serial: String,
    /// Server, client or both.
    pub kind: Kind,
    /// The common name in the subject.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub common_name: Option<String>,
    /// The subject alternative names.
    pub names: Vec<String>,
    /// The kind of key.
    pub key_type: KeyType,
    /// First second of validity.
    #[serde(with = "time::serde::rfc3339")]
    pub not_before: OffsetDateTime,
    /// Last second of validity.
    #[serde(with = "time::serde::rfc3339")]
    pub not_after: OffsetDateTime,
    /// SHA-256 of the certificate, hexadecimal.
    pub sha256: String,
    /// SHA-256 of the public key's SPKI, hexadecimal.
    pub key_sha256: String,
    /// Where the certificate went, absolute.
    pub certificate: PathBuf,
    /// Where the key went, absolute.
    pub key: PathBuf,
}

impl Entry {
    /// The line for a leaf that is about to be written.
    pub fn new(
        request: &Request,
        issued: &Issued,
        certificate: &Path,
        key: &Path,
        now: OffsetDateTime,
    ) -> Self {
        Self {
            v: FORMAT,
            issued: now.replace_nanosecond(0).unwrap_or(now),
            serial: key::hex(&issued.serial),
            kind: request.kind,
            common_name: request.common_name.clone(),
            names: request.names.iter().map(ToString::to_string).collect(),
            key_type: request.key_type,
            not_before: issued.validity.not_before,
            not_after: issued.validity.not_after,
            sha256: key::hex(&key::sha256(&issued.certificate)),
            key_sha256: key::hex(&issued.key_sha256),
            certificate: certificate.to_owned(),
            key: key.to_owned(),
        }
    }
}

/// Adds a line. The caller holds the CA's lock.
pub fn append(path: &Path, entry: &Entry, files: Files) -> anyhow::Result<()> {
    files.append_line(path, &serde_json::to_string(entry)?)
}

/// Whether a key of this public-key hash was issued for exactly these names: read only when a key lies about alone.
pub fn knows_key(path: &Path, key_sha256: &str, names: &[String]) -> bool {
    let Ok(text) = std::fs::read_to_string(path) else { return false };
    text.lines()
        .filter_map(|line| serde_json::from_str::<Entry>(line).ok())
        .any(|entry| entry.key_sha256 == key_sha256 && entry.names == names)
}
