//! Problem documents (RFC 7807), as specified in RFC 8555 §6.7.

use serde::{Deserialize, Serialize};

use super::identifier::Identifier;

/// The types of errors, by the names that clients know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ProblemKind {
    #[serde(rename = "urn:ietf:params:acme:error:accountDoesNotExist")]
    AccountDoesNotExist,
    #[serde(rename = "urn:ietf:params:acme:error:alreadyReplaced")]
    AlreadyReplaced,
    #[serde(rename = "urn:ietf:params:acme:error:alreadyRevoked")]
    AlreadyRevoked,
    #[serde(rename = "urn:ietf:params:acme:error:badCSR")]
    BadCsr,
    #[serde(rename = "urn:ietf:params:acme:error:badNonce")]
    BadNonce,
    #[serde(rename = "urn:ietf:params:acme:error:badPublicKey")]
    BadPublicKey,
    #[serde(rename = "urn:ietf:params:acme:error:badRevocationReason")]
    BadRevocationReason,
    #[serde(rename = "urn:ietf:params:acme:error:badSignatureAlgorithm")]
    BadSignatureAlgorithm,
    #[serde(rename = "urn:ietf:params:acme:error:compound")]
    Compound,
    #[serde(rename = "urn:ietf:params:acme:error:connection")]
    Connection,
    #[serde(rename = "urn:ietf:params:acme:error:dns")]
    Dns,
    #[serde(rename = "urn:ietf:params:acme:error:externalAccountRequired")]
    ExternalAccountRequired,
    #[serde(rename = "urn:ietf:params:acme:error:incorrectResponse")]
    IncorrectResponse,
    #[serde(rename = "urn:ietf:params:acme:error:invalidContact")]
    InvalidContact,
    #[serde(rename = "urn:ietf:params:acme:error:invalidProfile")]
    InvalidProfile,
    #[serde(rename = "urn:ietf:params:acme:error:malformed")]
    Malformed,
    #[serde(rename = "urn:ietf:params:acme:error:orderNotReady")]
    OrderNotReady,
    #[serde(rename = "urn:ietf:params:acme:error:rateLimited")]
    RateLimited,
    #[serde(rename = "urn:ietf:params:acme:error:rejectedIdentifier")]
    RejectedIdentifier,
    #[serde(rename = "urn:ietf:params:acme:error:serverInternal")]
    ServerInternal,
    #[serde(rename = "urn:ietf:params:acme:error:tls")]
    Tls,
    #[serde(rename = "urn:ietf:params:acme:error:unauthorized")]
    Unauthorized,
    #[serde(rename = "urn:ietf:params:acme:error:unsupportedContact")]
    UnsupportedContact,
    #[serde(rename = "urn:ietf:params:acme:error:unsupportedIdentifier")]
    UnsupportedIdentifier,
}

impl ProblemKind {
    /// The default HTTP status of this type.
    fn status(self) -> u16 {
        match self {
            Self::OrderNotReady | Self::Unauthorized | Self::ExternalAccountRequired => 403,
            Self::AlreadyReplaced => 409,
            Self::RateLimited => 429,
            Self::ServerInternal => 500,
            _ => 400,
        }
    }
}

/// A problem document.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct AcmeProblem {
    #[serde(rename = "type")]
    pub(super) kind: ProblemKind,
    pub(super) detail: String,
    pub(super) status: u16,
    /// The signature algorithms that are accepted (§6.2).
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub(super) algorithms: Vec<String>,
    /// The problems of individual identifiers (§6.7.1).
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub(super) subproblems: Vec<Subproblem>,
    /// A value that is also sent as a header.
    #[serde(skip)]
    pub(super) location: Option<String>,
    #[serde(skip)]
    pub(super) retry_after: Option<u64>,
}

/// A problem with one identifier.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Subproblem {
    #[serde(rename = "type")]
    pub(super) kind: ProblemKind,
    pub(super) detail: String,
    pub(super) identifier: Identifier,
}

impl AcmeProblem {
    /// A problem with the default status.
    pub(super) fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            status: kind.status(),
            algorithms: Vec::new(),
            subproblems: Vec::new(),
            location: None,
            retry_after: None,
        }
    }

    /// The request is malformed.
    pub(super) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::Malformed, detail)
    }

    /// The client is not allowed to do that.
    pub(super) fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::Unauthorized, detail)
    }

    /// Nothing exists at this URL.
    pub(super) fn not_found(what: &str) -> Self {
        Self::malformed(format!("there is no such {what}")).with_status(404)
    }

    /// The server failed, not the client.
    pub(super) fn internal(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::ServerInternal, detail)
    }

    /// The same problem with another HTTP status.
    pub(super) fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Combines the problems of several identifiers into one.
    pub(super) fn of_all(mut subproblems: Vec<Subproblem>) -> Self {
        if subproblems.len() == 1 {
            let only = subproblems.remove(0);
            return Self::new(only.kind, only.detail);
        }
        let kind = subproblems.first().map_or(ProblemKind::Malformed, |first| first.kind);
        let kind = if subproblems.iter().all(|sub| sub.kind == kind) { kind } else { ProblemKind::Compound };
        let details: Vec<&str> = subproblems.iter().map(|sub| sub.detail.as_str()).collect();
        let mut problem = Self::new(kind, details.join("; "));
        problem.subproblems = subproblems;
        problem
    }
}
