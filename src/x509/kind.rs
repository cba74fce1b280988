//! What a leaf is for.

use rcgen::ExtendedKeyUsagePurpose;
use serde::{Deserialize, Serialize};

/// What a leaf is for: its extended key usages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// serverAuth alone.
    Server,
    /// clientAuth alone.
    Client,
    /// Both: a service that calls others.
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

    /// Whether Apple's limits on server certificates bind it.
    pub fn serves(self) -> bool {
        self != Self::Client
    }
}
