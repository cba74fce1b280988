//! Extended key usages, including those that devca does not issue.

use std::fmt;

use serde::{Serialize, Serializer};
use x509_parser::extensions::ExtendedKeyUsage;

/// An extended key usage (RFC 5280 §4.2.1.12).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Usage {
    /// anyExtendedKeyUsage.
    Anything,
    /// serverAuth.
    Server,
    /// clientAuth.
    Client,
    /// codeSigning.
    Code,
    /// emailProtection.
    Mail,
    /// timeStamping.
    TimeStamps,
    /// `OCSPSigning`.
    Ocsp,
    /// Any other usage, by its OID.
    Other(String),
}

impl Usage {
    /// All usages in an extension.
    pub fn all(extension: &ExtendedKeyUsage) -> Vec<Self> {
        let known = [
            (extension.any, Self::Anything),
            (extension.server_auth, Self::Server),
            (extension.client_auth, Self::Client),
            (extension.code_signing, Self::Code),
            (extension.email_protection, Self::Mail),
            (extension.time_stamping, Self::TimeStamps),
            (extension.ocsp_signing, Self::Ocsp),
        ];
        let named = known.into_iter().filter(|(is_set, _)| *is_set).map(|(_, usage)| usage);
        named.chain(extension.other.iter().map(|oid| Self::Other(oid.to_id_string()))).collect()
    }

    /// Formats usages as a list.
    pub fn list(usages: &[Self]) -> String {
        usages.iter().map(Self::to_string).collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Anything => "anything",
            Self::Server => "server",
            Self::Client => "client",
            Self::Code => "code",
            Self::Mail => "mail",
            Self::TimeStamps => "time stamps",
            Self::Ocsp => "OCSP",
            Self::Other(oid) => oid,
        })
    }
}

impl Serialize for Usage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
