//! What devca and `devca-nss` say to each other. `devca-nss FOLDER` reads changes, one JSON object a line, and prints
//! [`DatabaseContents`] once they are made; or one line on standard error, and exits with the code of a [`FailureReason`].

use serde::{Deserialize, Serialize};

/// One change of a database. Certificates are PEM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum DatabaseChange {
    /// Adds it, trusted for TLS servers, to a database that is created where there is none.
    Add { nickname: String, certificate: String },
    /// It stays, without its trust.
    Distrust { certificate: String },
    /// Deletes it.
    Remove { certificate: String },
}

/// Everything in a database that devca asks about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseContents {
    pub certificates: Vec<ListedCertificate>,
    /// Whether there are private keys.
    pub has_keys: bool,
}

/// A certificate in a database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedCertificate {
    pub nickname: String,
    /// As a CA for TLS servers.
    pub trusted: bool,
    /// PEM.
    pub certificate: String,
}

/// Why `devca-nss` did nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureReason {
    /// None of the above, or a change that is not understood.
    Other,
    /// This system has no NSS library that can be loaded.
    NoLibrary,
    /// A primary password protects the database.
    Password,
    /// The files are not what NSS can read.
    Damaged,
    /// Another program has it locked.
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

    /// What a process that exited with this code meant.
    pub fn of_exit_code(code: Option<i32>) -> Self {
        let is_meant = |reason: &Self| Some(i32::from(reason.exit_code())) == code;
        Self::ALL.into_iter().find(is_meant).unwrap_or(Self::Other)
    }
}
