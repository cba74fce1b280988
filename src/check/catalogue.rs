//! The catalogue of faults: what each means, what clients say when they meet it, and what fixes it. `devca check` reports
//! from it, `devca explain` searches it, and `docs/troubleshooting.md` is printed from it.

use serde::{Serialize, Serializer};

mod chain;
mod client;
mod connection;
mod form;
mod leaf;
mod surroundings;

pub use chain::*;
pub use client::{Client, Library};
pub use connection::*;
pub use form::*;
pub use leaf::*;
pub use surroundings::*;

/// One way in which TLS fails.
#[derive(Debug, PartialEq, Eq)]
pub struct Diagnosis {
    /// A short name that stays.
    pub id: &'static str,
    /// The fault in a few words.
    pub title: &'static str,
    /// What it means, in a sentence or two.
    pub meaning: &'static str,
    /// What usually lies behind it, the likeliest first.
    pub causes: &'static [&'static str],
    /// What to run.
    pub fix: &'static [&'static str],
    /// What clients say. The words are parts of their messages, in which names and numbers differ.
    pub words: &'static [Words],
}

impl Serialize for Diagnosis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id)
    }
}

/// What a client says.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Words {
    /// Who.
    #[cfg_attr(test, schemars(with = "String"))]
    pub client: Client,
    /// A part of the message, to the letter.
    #[serde(rename = "message")]
    pub says: &'static str,
    /// In which case of the fault, where the client words several differently.
    #[serde(skip)]
    pub when: Case,
}

/// Cases of a fault that a client has messages of their own for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    Any,
    /// Untrusted: the server sends its root, too.
    RootSent,
    /// Untrusted: it does not.
    RootNotSent,
    /// Untrusted: it sends its leaf alone.
    LeafSent,
    /// Untrusted: it sends more than the leaf, and no root.
    ChainSent,
    /// What is trusted is not self-signed.
    AnchorIsNoRoot,
    /// Another name than the one wanted, which is a host's.
    HostName,
    /// Another name than the one wanted, which is an address.
    Address,
    /// An address is wanted, and there are only host names.
    NoAddresses,
    /// There is only a common name.
    NoNames,
    /// There are only names that are not of hosts.
    NoHostNames,
    /// There are names of hosts.
    OtherNames,
    /// The server knows no such name (SNI), and sends no certificate.
    UnknownSni,
    /// A weak key of the leaf.
    LeafKey,
    /// A weak key of a CA.
    CaKey,
    /// A weak signature.
    Signature,
    /// An issuer that is not marked as a CA.
    IsNoCa,
    /// The same, said of intermediates only.
    IntermediateIsNoCa,
    /// An issuer whose key usage lacks keyCertSign.
    NoCertSign,
    /// More intermediates than the client follows.
    TooManyIntermediates,
    /// What is said of the leaf.
    OfLeaf,
    /// What is said of a CA above it.
    OfCa,
    /// Names that are not among those permitted.
    NotPermitted,
    /// Names that are among those excluded.
    Excluded,
    /// The alert `unknown_ca`.
    UnknownCa,
    /// No client certificate was sent, since its issuer is not among those that the server names.
    IssuerNotListed,
    /// The alert `bad_certificate`.
    BadCertificate,
    /// The alert `certificate_expired`.
    Expired,
    /// The alert `certificate_revoked`.
    Revoked,
    /// The alert `unsupported_certificate`.
    Unsupported,
}

const fn says(client: Client, says: &'static str) -> Words {
    Words { client, says, when: Case::Any }
}

impl Words {
    /// The library that this client verifies with, where one is known to be behind these words.
    pub fn library(&self) -> Option<Library> {
        self.client.library()
    }

    const fn when(self, case: Case) -> Self {
        Self { when: case, ..self }
    }
}

/// All faults, the worst first: what keeps every client away before what bothers some of them, some day.
pub static ALL: &[&Diagnosis] = &[
    &UNRESOLVED,
    &CONNECTION_REFUSED,
    &NO_ANSWER,
    &PLAIN_HTTP,
    &PLAIN_CLIENT,
    &NOT_TLS,
    &PROTOCOL_TOO_OLD,
    &CLIENT_CERTIFICATE_REQUIRED,
    &CLIENT_CERTIFICATE_REFUSED,
    &REJECTED_BY_CLIENT,
    &UNREADABLE_FILE,
    &KEY_MISMATCH,
    &MALFORMED,
    &EXPLICIT_CURVE,
    &SELF_SIGNED,
    &MISSING_INTERMEDIATE,
    &UNTRUSTED_ROOT,
    &REPLACED_ROOT,
    &BAD_SIGNATURE,
    &KEY_ID_MISMATCH,
    &NAME_MISMATCH,
    &EXPIRED,
    &NOT_YET_VALID,
    &REVOKED,
    &CRL_UNUSABLE,
    &WRONG_USAGE,
    &CA_AS_LEAF,
    &WRONG_KEY_USAGE,
    &NOT_A_CA,
    &PATH_TOO_LONG,
    &UNKNOWN_EXTENSION,
    &OUTSIDE_CONSTRAINTS,
    &CONSTRAINED_ADDRESSES,
    &CLIENT_WITHOUT_SAN,
    &TOO_MANY_NAMES,
    &WEAK,
    &WRONG_ORDER,
    &TOO_LONG,
    &SMALL_EXPONENT,
    &KEY_READABLE,
    &CLOCK_SKEW,
    &PROXY,
    &VERIFICATION_OFF,
    &EXPIRING,
    &REFUSED,
];
