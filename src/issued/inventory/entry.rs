//! A line of the inventory.

use std::path::Path;

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::FORMAT;
use crate::ca::signer::{KeySource, Request};
use crate::disk::files::{self, NewFile, Staged};
use crate::format::{Holds, Material, Output, Written};
use crate::x509::certificate::CaCertificate;
use crate::x509::key::{self, KeyType};
use crate::x509::kind::Kind;

/// One issued certificate. The line is written before the files are renamed into place, so that every
/// certificate in use is in the inventory. A line without files is harmless.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The version of the line, [`FORMAT`].
    pub v: u32,
    /// When it was issued.
    #[serde(with = "time::serde::rfc3339")]
    pub issued: OffsetDateTime,
    /// The serial number, in hexadecimal.
    pub serial: String,
    /// Server, client or both.
    pub kind: Kind,
    /// The common name in the subject.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub common_name: Option<String>,
    /// The organization (O) in the subject, if it is not devca's default.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub organization: Option<String>,
    /// The organizational unit (OU) in the subject.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unit: Option<String>,
    /// The subject alternative names.
    pub names: Vec<String>,
    /// The type of key; `None` if the key came with a CSR.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub key_type: Option<KeyType>,
    /// The first second of validity.
    #[serde(with = "time::serde::rfc3339")]
    pub not_before: OffsetDateTime,
    /// The last second of validity.
    #[serde(with = "time::serde::rfc3339")]
    pub not_after: OffsetDateTime,
    /// The days that were requested, if the end of its issuer's validity shortened them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub days: Option<i64>,
    /// SHA-256 of the certificate, in hexadecimal.
    pub sha256: String,
    /// SHA-256 of the public key (SPKI), in hexadecimal.
    pub key_sha256: String,
    /// Whether the intermediate signed it, rather than the root.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub intermediate: bool,
    /// Whether its chains include the root.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub with_root: bool,
    /// SHA-256 of the root, in hexadecimal, if its files include the root.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub root: Option<String>,
    /// Whether its PKCS#12 file uses modern encryption.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub modern: bool,
    /// The account of `devca acme` that it was issued to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub acme_account: Option<String>,
    /// The files it was written to.
    pub files: Vec<Written>,
}

/// One revoked certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// The version of the line, [`FORMAT`].
    pub v: u32,
    /// When it was revoked.
    #[serde(with = "time::serde::rfc3339")]
    pub revoked: OffsetDateTime,
    /// The serial number, in hexadecimal.
    pub serial: String,
    /// Whether the intermediate signed it, rather than the root.
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
        let mut entry = Self {
            v: FORMAT,
            issued: now.replace_nanosecond(0).unwrap_or(now),
            serial: hex::encode(issued.serial),
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
            days: (issued.validity.not_after < request.validity.not_after).then(|| request.validity.days()),
            sha256: hex::encode(key::sha256(&issued.certificate)),
            key_sha256: hex::encode(issued.key_sha256),
            intermediate: material.authority.intermediate.is_some(),
            with_root: material.options.with_root,
            root: None,
            modern: material.options.modern,
            acme_account: None,
            files: Vec::new(),
        };
        entry.add(material, outputs, files);
        entry
    }

    /// Lists more files with the certificate, or newer ones at the same paths.
    pub fn add(&mut self, material: &Material, outputs: &[Output], files: &[NewFile]) {
        let written = |(output, file): (&Output, &NewFile)| Written {
            format: output.format,
            part: output.part.label.to_owned(),
            path: output.path.clone(),
            sha256: match output.part.holds {
                Holds::Certificate | Holds::Key => None,
                Holds::Opaque | Holds::Public => Some(hex::encode(key::sha256(&file.content))),
            },
            modified: None,
            outdated: false,
            not_after: None,
        };
        self.files.retain(|file| outputs.iter().all(|output| output.path != file.path));
        self.files.extend(outputs.iter().zip(files).map(written));
        if outputs.iter().any(|output| output.format.includes_root(material.options.with_root)) {
            self.root = Some(hex::encode(material.authority.root.sha256()));
        }
    }

    /// How long it is valid.
    pub fn lifetime(&self) -> Duration {
        self.not_after - self.not_before
    }

    /// Its paths. The first one identifies a certificate: a later one with a file there replaces it.
    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|file| file.path.as_path())
    }

    /// Whether its files still have the modification times that were recorded; does not read them.
    pub fn is_untouched(&self) -> bool {
        let untouched =
            |file: &Written| file.modified.is_some() && files::modified(&file.path) == file.modified;
        !self.files.is_empty() && self.files.iter().all(untouched)
    }

    /// Whether its files include this root or none.
    pub fn includes_only(&self, root: &CaCertificate) -> bool {
        self.root.as_ref().is_none_or(|known| *known == hex::encode(root.sha256()))
    }

    /// Lists a file of the previous certificate that could not be written, because its password is unknown.
    pub fn keep(&mut self, old: &Self, file: &Written, root: &CaCertificate) {
        let is_trust_store = Output::holds(file) == Some(Holds::Public);
        let end = if file.outdated { file.not_after } else { Some(old.not_after) };
        // A trust store has no certificate that expires, and is up to date as long as the root is the same.
        let outdated = !is_trust_store || file.outdated || !old.includes_only(root);
        if !outdated {
            self.root = self.root.take().or_else(|| old.root.clone());
        }
        let not_after = end.filter(|_| !is_trust_store);
        self.files.push(Written { outdated, not_after, ..file.clone() });
    }

    /// The files that still contain the previous certificate.
    pub fn outdated_files(&self) -> impl Iterator<Item = &Written> {
        self.files.iter().filter(|file| file.outdated)
    }

    /// Records the modification times of its files.
    pub fn stamp(&mut self, staged: &Staged) {
        for file in &mut self.files {
            file.modified = staged.modified(&file.path);
        }
    }
}
