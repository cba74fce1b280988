//! The protocol between devca and `devca-nss`. `devca-nss FOLDER` reads changes, one JSON object per line, makes them,
//! and prints [`DatabaseContents`]. On failure, it prints a line on standard error and exits with a [`FailureReason`].

use serde::{Deserialize, Serialize};

/// A change to a database. Certificates are in PEM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum DatabaseChange {
    /// Adds a certificate, trusted for TLS servers. Creates the database if it does not exist.
    Add { nickname: String, certificate: String },
    /// Removes the trust of a certificate, but keeps the certificate.
    Distrust { certificate: String },
    /// Deletes a certificate.
    Remove { certificate: String },
}

/// The contents of a database, as far as devca needs them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseContents {
    pub certificates: Vec<ListedCertificate>,
    /// Whether it contains private keys.
    pub has_keys: bool,
}

/// A certificate in a database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedCertificate {
    pub nickname: String,
    /// Trusted as a CA for TLS servers.
    pub trusted: bool,
    /// The certificate in PEM.
    pub certificate: String,
}

/// Why `devca-nss` changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureReason {
    /// Any other reason, including a change that it does not understand.
    Other,
    /// This system has no NSS library that can be loaded.
    NoLibrary,
    /// A primary password protects the database.
    Password,
    /// NSS cannot read the files.
    Damaged,
    /// Another program has locked it.
    Locked,
}

impl FailureReason {
    const ALL: [Self; 5] = [Self::Other, Self::NoLibrary, Self::Password, Self::Damaged, Self::Locked];

    pub fn exit_code(self) -> u8 {
        match self {
            Self::Other => 1,
            Self::NoLibrary => 3,
            Self::Password => 4,
            Self::Damaged => 5,
            Self::Locked => 6,
        }
    }

    /// The reason for this exit code.
    pub fn of_exit_code(code: Option<i32>) -> Self {
        let is_meant = |reason: &Self| Some(i32::from(reason.exit_code())) == code;
        Self::ALL.into_iter().find(is_meant).unwrap_or(Self::Other)
    }
}
