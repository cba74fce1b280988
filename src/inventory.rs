//! What was issued and revoked: one JSON line each, append-only.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::bundle::{Format, Holds, Material, Output};
use crate::files::{Files, NewFile};
use crate::issuer::{KeySource, Request};
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
    /// O in the subject, where it is not devca's own.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub organization: Option<String>,
    /// OU in the subject.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unit: Option<String>,
    /// The subject alternative names.
    pub names: Vec<String>,
    /// The kind of key; none where it came with a request.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub key_type: Option<KeyType>,
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
    /// Signed by the intermediate, not by the root.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub intermediate: bool,
    /// Its chains have the root at their end.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub with_root: bool,
    /// Its PKCS#12 is of the modern kind.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub modern: bool,
    /// Where it went.
    pub files: Vec<Written>,
}

/// One file of a certificate.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Written {
    /// In which format.
    pub format: Format,
    /// What is in it.
    pub part: String,
    /// Where, absolute.
    pub path: PathBuf,
    /// SHA-256 of the file, hexadecimal, where its content cannot be looked into.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sha256: Option<String>,
}

/// One certificate that is good no more.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Revocation {
    /// [`FORMAT`].
    pub v: u32,
    /// When it was revoked.
    #[serde(with = "time::serde::rfc3339")]
    pub revoked: OffsetDateTime,
    /// Which one: serial number, hexadecimal.
    pub serial: String,
    /// Signed by the intermediate, not by the root.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub intermediate: bool,
}

impl Entry {
    /// The line for a leaf that is about to be written.
    pub fn new(
        request: &Request,
        material: &Material,
        outputs: &[Output],
        files: &[NewFile],
        now: OffsetDateTime,
    ) -> Self {
        let (issued, subject) = (material.issued, &request.subject);
        let written = |(output, file): (&Output, &NewFile)| Written {
            format: output.format,
            part: output.part.label.to_owned(),
            path: output.path.clone(),
            sha256: match output.part.holds {
                Holds::Certificate | Holds::Key => None,
                Holds::Sealed | Holds::Public => Some(key::hex(&key::sha256(&file.content))),
            },
        };
        Self {
            v: FORMAT,
            issued: now.replace_nanosecond(0).unwrap_or(now),
            serial: key::hex(&issued.serial),
            kind: request.kind,
            common_name: subject.common_name.clone(),
            organization: subject.organization.clone(),
            unit: subject.unit.clone(),
            names: subject.names.iter().map(ToString::to_string).collect(),
            key_type: match request.key {
                KeySource::Fresh(key_type) => Some(key_type),
                KeySource::Kept(key_type, _) => key_type,
                KeySource::Requested(_) => None,
            },
            not_before: issued.validity.not_before,
            not_after: issued.validity.not_after,
            sha256: key::hex(&key::sha256(&issued.certificate)),
            key_sha256: key::hex(&issued.key_sha256),
            intermediate: material.authority.intermediate.is_some(),
            with_root: material.options.with_root,
            modern: material.options.modern,
            files: outputs.iter().zip(files).map(written).collect(),
        }
    }
}

/// Adds a line. The caller holds the CA's lock.
pub fn append(path: &Path, line: &impl Serialize, files: Files) -> anyhow::Result<()> {
    files.append_line(path, &serde_json::to_string(line)?)
}

/// What was issued, in order.
pub fn read(path: &Path) -> impl Iterator<Item = Entry> {
    lines(path)
}

/// What was revoked, in order.
pub fn revocations(path: &Path) -> impl Iterator<Item = Revocation> {
    lines(path)
}

/// The serial numbers of what was revoked.
pub fn revoked(path: &Path) -> HashSet<String> {
    revocations(path).map(|revocation| revocation.serial).collect()
}

/// What was issued last for each place; what was printed stands for itself.
pub fn latest(path: &Path) -> Vec<Entry> {
    let mut entries: Vec<Option<Entry>> = Vec::new();
    let mut places: HashMap<PathBuf, usize> = HashMap::new();
    for entry in read(path) {
        if let Some(file) = entry.files.first()
            && let Some(earlier) = places.insert(file.path.clone(), entries.len())
        {
            entries[earlier] = None;
        }
        entries.push(Some(entry));
    }
    entries.into_iter().flatten().collect()
}

/// The lines that are of this kind: others, torn ones and those of a later version are passed over.
fn lines<T: for<'a> Deserialize<'a>>(path: &Path) -> impl Iterator<Item = T> {
    let reader = File::open(path).ok().map(|file| BufReader::with_capacity(1 << 16, file));
    let lines = reader.into_iter().flat_map(|reader| reader.split(b'\n').map_while(Result::ok));
    lines.filter_map(|line| serde_json::from_slice(&line).ok())
}
