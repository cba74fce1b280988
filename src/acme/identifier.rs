//! Identifiers in orders: DNS names (RFC 8555 §9.7.7) and IP addresses (RFC 8738).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::problem::{AcmeProblem, ProblemKind};
use crate::x509::name::Name;

/// An identifier as clients write it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Identifier {
    /// `dns` or `ip`.
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) value: String,
}

impl Identifier {
    /// The identifier of a name; for a wildcard, that of its base domain.
    pub(super) fn of(name: &Name) -> Self {
        let kind = if matches!(name, Name::Ip(_)) { "ip" } else { "dns" };
        let value = name.dns_base().map_or_else(|| name.to_string(), ToOwned::to_owned);
        Self { kind: kind.into(), value }
    }

    /// The name, including the `*.` of a wildcard.
    pub(super) fn with_wildcard(name: &Name) -> Self {
        Self { value: name.to_string(), ..Self::of(name) }
    }

    /// Parses what a client sent.
    pub(super) fn name(&self) -> Result<Name, AcmeProblem> {
        let name = Name::parse(&self.value);
        match (self.kind.as_str(), name) {
            ("dns", Ok(name @ Name::Dns(_))) | ("ip", Ok(name @ Name::Ip(_))) => Ok(name),
            ("dns", Ok(Name::Ip(_))) => {
                let what = format!("{} is an IP address: use an identifier of type ip", self.value);
                Err(AcmeProblem::malformed(what))
            }
            ("dns" | "ip", Ok(_)) => Err(AcmeProblem::malformed(format!(
                "{:?} is not a valid {} identifier",
                self.value, self.kind
            ))),
            ("dns" | "ip", Err(fault)) => Err(AcmeProblem::malformed(fault.to_string())),
            _ => {
                let what = format!("identifiers of type {:?} are not supported; use dns or ip", self.kind);
                Err(AcmeProblem::new(ProblemKind::UnsupportedIdentifier, what))
            }
        }
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.value)
    }
}
