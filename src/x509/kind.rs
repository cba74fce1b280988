//! The kinds of leaves.

use rcgen::ExtendedKeyUsagePurpose;
use serde::{Deserialize, Serialize};

/// The kind of a leaf, which decides its extended key usages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Only serverAuth.
    Server,
    /// Only clientAuth.
    Client,
    /// Both, for a service that calls other services.
    Both,
}

impl Kind {
    /// The extended key usages (RFC 5280 §4.2.1.12).
    pub fn usages(self) -> &'static [ExtendedKeyUsagePurpose] {
        use ExtendedKeyUsagePurpose::{ClientAuth, ServerAuth};
        match self {
            Self::Server => &[ServerAuth],
            Self::Client => &[ClientAuth],
            Self::Both => &[ServerAuth, ClientAuth],
        }
    }

    /// Whether Apple's limits for server certificates apply.
    pub fn serves(self) -> bool {
        self != Self::Client
    }
}
