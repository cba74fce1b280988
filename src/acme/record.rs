//! The stored records: accounts, orders, authorizations with their challenges, and certificates.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::identifier::Identifier;
use super::jwk::Jwk;
use super::problem::AcmeProblem;

/// The status of an account (RFC 8555 §7.1.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum AccountStatus {
    Valid,
    Deactivated,
}

/// An account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct AcmeAccount {
    pub(super) status: AccountStatus,
    pub(super) key: Jwk,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub(super) contact: Vec<String>,
    #[serde(default)]
    pub(super) agreed: bool,
    /// The external account binding that it was created with.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) binding: Option<serde_json::Value>,
}

/// The status of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum OrderStatus {
    /// Waits for its authorizations.
    Pending,
    /// Can be finalized.
    Ready,
    /// Has a certificate.
    Valid,
    /// Will never have one.
    Invalid,
}

/// An order. The status of its authorizations is looked up when needed: see [`super::order::status`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct AcmeOrder {
    pub(super) account: String,
    pub(super) identifiers: Vec<Identifier>,
    pub(super) authorizations: Vec<String>,
    #[serde(with = "time::serde::timestamp")]
    pub(super) expires: OffsetDateTime,
    #[serde(with = "time::serde::timestamp::option", skip_serializing_if = "Option::is_none", default)]
    pub(super) not_before: Option<OffsetDateTime>,
    #[serde(with = "time::serde::timestamp::option", skip_serializing_if = "Option::is_none", default)]
    pub(super) not_after: Option<OffsetDateTime>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) profile: Option<String>,
    /// The certificate that it renews, as the client named it (RFC 9773 §5).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) replaces: Option<String>,
    /// The certificate that was issued for it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) certificate: Option<String>,
    /// Why the order is invalid.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) error: Option<AcmeProblem>,
}

/// The status of an authorization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum AuthorizationStatus {
    Pending,
    Valid,
    Invalid,
    Deactivated,
    Expired,
}

/// The permission to get certificates for one identifier.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Authorization {
    pub(super) account: String,
    pub(super) identifier: Identifier,
    #[serde(default)]
    pub(super) wildcard: bool,
    pub(super) status: AuthorizationStatus,
    #[serde(with = "time::serde::timestamp")]
    pub(super) expires: OffsetDateTime,
    pub(super) challenges: Vec<Challenge>,
}

impl Authorization {
    /// Its current status.
    pub(super) fn status_at(&self, now: OffsetDateTime) -> AuthorizationStatus {
        match self.status {
            AuthorizationStatus::Pending if self.expires <= now => AuthorizationStatus::Invalid,
            AuthorizationStatus::Valid if self.expires <= now => AuthorizationStatus::Expired,
            status => status,
        }
    }
}

/// The type of a challenge, which proves control of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum ChallengeKind {
    /// A file on a web server (RFC 8555 §8.3).
    #[serde(rename = "http-01")]
    Http,
    /// A certificate on a TLS server (RFC 8737).
    #[serde(rename = "tls-alpn-01")]
    TlsAlpn,
    /// A TXT record (RFC 8555 §8.4).
    #[serde(rename = "dns-01")]
    Dns,
}

impl ChallengeKind {
    /// Its name in URLs and logs.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http-01",
            Self::TlsAlpn => "tls-alpn-01",
            Self::Dns => "dns-01",
        }
    }
}

/// The status of a challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ChallengeStatus {
    Pending,
    Processing,
    Valid,
    Invalid,
}

/// A challenge.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Challenge {
    #[serde(rename = "type")]
    pub(super) kind: ChallengeKind,
    pub(super) status: ChallengeStatus,
    pub(super) token: String,
    #[serde(with = "time::serde::timestamp::option", skip_serializing_if = "Option::is_none", default)]
    pub(super) validated: Option<OffsetDateTime>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) error: Option<AcmeProblem>,
}

/// A certificate that was issued; its serial number is its key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct AcmeCertificate {
    pub(super) account: String,
    pub(super) identifiers: Vec<Identifier>,
    /// The leaf and the intermediate, if there is one, in PEM.
    pub(super) chain: String,
    /// The root that ends the longer chain, in PEM.
    pub(super) root: String,
    /// The SHA-256 of the leaf, in hexadecimal.
    pub(super) sha256: String,
    /// The authority key identifier, which requests for renewal information contain.
    pub(super) key_id: String,
    pub(super) intermediate: bool,
    #[serde(with = "time::serde::timestamp")]
    pub(super) not_before: OffsetDateTime,
    #[serde(with = "time::serde::timestamp")]
    pub(super) not_after: OffsetDateTime,
    #[serde(default)]
    pub(super) revoked: bool,
    /// The order that replaces it (RFC 9773 §5).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) replaced_by: Option<String>,
}
