//! The catalogue of faults: what each one means, what clients say when they meet it, and what fixes it.
//! `devca check` reports from it, `devca explain` searches it, and `docs/troubleshooting.md` is generated
//! from it.

use serde::{Serialize, Serializer};

mod chain;
mod client;
mod connection;
mod form;
mod leaf;
mod mutual;
pub mod search;
mod surroundings;

pub use chain::*;
pub use client::{Client, Library};
pub use connection::*;
pub use form::*;
pub use leaf::*;
pub use mutual::*;
pub use surroundings::*;

/// One way in which TLS fails.
#[derive(Debug, PartialEq, Eq)]
pub struct Diagnosis {
    /// A short name that never changes, for scripts.
    pub id: &'static str,
    /// The fault in a few words.
    pub title: &'static str,
    /// What the fault means, in a sentence or two.
    pub meaning: &'static str,
    /// The usual causes, the most likely first.
    pub causes: &'static [&'static str],
    /// The commands or changes that fix it.
    pub fix: &'static [&'static str],
    /// What clients say: fragments of their messages without the names and numbers, which vary.
    pub words: &'static [Words],
}

impl Serialize for Diagnosis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id)
    }
}

/// What one client says about a fault.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Words {
    /// The client.
    #[cfg_attr(test, schemars(with = "String"))]
    pub client: Client,
    /// A literal fragment of the client's message, or several, with "…" between them.
    #[serde(rename = "message")]
    pub says: &'static str,
    /// The case of the fault in which the client says this, if it words several cases differently.
    #[serde(skip)]
    pub when: Case,
}

/// Variants of a fault for which some clients have separate messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    Any,
    /// Untrusted: the server also sends its root.
    RootSent,
    /// Untrusted: the server does not send its root.
    RootNotSent,
    /// Untrusted: the server sends only its leaf.
    LeafSent,
    /// Untrusted: the server sends intermediates with its leaf, but no root.
    ChainSent,
    /// The trusted certificate is not self-signed.
    AnchorIsNoRoot,
    /// The certificate does not cover the host name that the client asked for.
    HostName,
    /// The certificate does not cover the IP address that the client asked for.
    Address,
    /// The client asked for an IP address, and the certificate has only host names.
    NoAddresses,
    /// The certificate has a common name and no subject alternative names.
    NoNames,
    /// The certificate has only alternative names that are not host names.
    NoHostNames,
    /// The certificate has host names, but not the right one.
    OtherNames,
    /// The server does not know the requested name (SNI) and sends no certificate.
    UnknownSni,
    /// The leaf has expired.
    ExpiredLeaf,
    /// A CA has expired.
    ExpiredCa,
    /// The leaf's key is weak.
    LeafKey,
    /// A CA's key is weak.
    CaKey,
    /// A signature uses a weak algorithm.
    Signature,
    /// A key is in a certificate that was sent.
    SentKey,
    /// A signature is one of ECDSA with SHA-3.
    EcdsaWithSha3,
    /// A root's own signature is one of ECDSA with SHA-3.
    RootWithSha3,
    /// The issuer that is not recognized is a root.
    AtRoot,
    /// A host name has an underscore.
    Underscore,
    /// An issuer is not marked as a CA.
    IsNoCa,
    /// The same as `IsNoCa`, from clients that say it about intermediates only.
    IntermediateIsNoCa,
    /// An issuer's key usage lacks keyCertSign.
    NoCertSign,
    /// The chain has more intermediates than the client follows.
    TooManyIntermediates,
    /// The message is about the leaf.
    OfLeaf,
    /// The message is about a CA above the leaf.
    OfCa,
    /// A certificate does not require the TLS features that its CA requires.
    NotInherited,
    /// A name is not in the permitted subtrees.
    NotPermitted,
    /// A name is in an excluded subtree.
    Excluded,
    /// The alert `unknown_ca`.
    UnknownCa,
    /// The client sent no certificate, because its issuer is not in the server's list of acceptable CAs.
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
    /// The library that this client verifies with, if these messages are known to come from one.
    pub fn library(&self) -> Option<Library> {
        self.client.library()
    }

    const fn when(self, case: Case) -> Self {
        Self { when: case, ..self }
    }
}

/// All faults, the worst first: those that stop every client come before those that affect only some.
pub static ALL: &[&Diagnosis] = &[
    &UNRESOLVED,
    &CONNECTION_REFUSED,
    &NO_ANSWER,
    &PLAIN_HTTP,
    &PLAIN_CLIENT,
    &NOT_TLS,
    &PROTOCOL_TOO_OLD,
    &NO_COMMON_PROTOCOL,
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
    &ISSUER_NAME_MISMATCH,
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
    &MUST_STAPLE,
    &OUTSIDE_CONSTRAINTS,
    &CONSTRAINED_ADDRESSES,
    &CLIENT_WITHOUT_SAN,
    &TOO_MANY_NAMES,
    &WEAK,
    &UNSUPPORTED_ALGORITHM,
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
