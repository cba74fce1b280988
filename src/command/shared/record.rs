//! An issued certificate in JSON output.

use std::path::PathBuf;

use serde::Serialize;
use time::OffsetDateTime;

use crate::format::{Format, Holds, Output, Written};
use crate::issued::inventory::Entry;
use crate::x509::key::KeyType;
use crate::x509::kind::Kind;
use crate::x509::validity::DaysLeft;

/// An issued certificate.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::command) struct CertificateRecord {
    /// The serial number, in hexadecimal.
    pub(in crate::command) serial: String,
    pub(in crate::command) kind: Kind,
    /// The common name in the subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::command) common_name: Option<String>,
    /// The organization (O) in the subject, if one was chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    organization: Option<String>,
    /// The organizational unit (OU) in the subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<String>,
    /// The subject alternative names.
    pub(in crate::command) names: Vec<String>,
    /// The type of key; absent if the key came with a CSR.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::command) key_type: Option<KeyType>,
    /// When it was issued.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(test, schemars(with = "String", extend("format" = "date-time")))]
    issued: OffsetDateTime,
    /// The first second of validity.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(test, schemars(with = "String", extend("format" = "date-time")))]
    not_before: OffsetDateTime,
    /// The last second of validity.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(test, schemars(with = "String", extend("format" = "date-time")))]
    pub(in crate::command) not_after: OffsetDateTime,
    pub(in crate::command) days_left: DaysLeft,
    /// SHA-256 of the certificate, in hexadecimal.
    sha256: String,
    /// SHA-256 of the public key (SPKI), in hexadecimal.
    key_sha256: String,
    /// Whether the intermediate signed it, rather than the root.
    intermediate: bool,
    /// The account of `devca acme` that it was issued to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::command) acme_account: Option<String>,
    /// The file of the certificate in PEM, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::command) certificate: Option<PathBuf>,
    /// The file of the key in PEM, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::command) key: Option<PathBuf>,
    /// All files that were written.
    pub(in crate::command) files: Vec<CertificateFile>,
}

/// A file of an issued certificate.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::command) struct CertificateFile {
    format: Format,
    /// What it contains, for example `certificate` or `key`.
    pub(in crate::command) part: String,
    /// The path of the file.
    pub(in crate::command) path: PathBuf,
    /// Whether it still contains the previous certificate, because its password was unknown at the renewal.
    pub(in crate::command) outdated: bool,
    /// When the certificate in an outdated file expires, if that is known.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Option<String>", extend("format" = "date-time")))]
    not_after: Option<OffsetDateTime>,
}

impl CertificateRecord {
    pub(in crate::command) fn new(entry: Entry, now: OffsetDateTime) -> Self {
        let file_that = |holds| {
            let file = entry.files.iter().find(|file| Output::holds(file) == Some(holds));
            file.map(|file| file.path.clone())
        };
        Self {
            days_left: DaysLeft::until(entry.not_after, now),
            certificate: file_that(Holds::Certificate),
            key: file_that(Holds::Key),
            serial: entry.serial,
            kind: entry.kind,
            common_name: entry.common_name,
            organization: entry.organization,
            unit: entry.unit,
            names: entry.names,
            key_type: entry.key_type,
            issued: entry.issued,
            not_before: entry.not_before,
            not_after: entry.not_after,
            sha256: entry.sha256,
            key_sha256: entry.key_sha256,
            intermediate: entry.intermediate,
            acme_account: entry.acme_account,
            files: entry.files.into_iter().map(CertificateFile::of).collect(),
        }
    }
}

impl CertificateFile {
    fn of(Written { format, part, path, outdated, not_after, .. }: Written) -> Self {
        Self { format, part, path, outdated, not_after }
    }
}
