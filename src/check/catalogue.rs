//! The catalogue of faults: what each means, what clients say when they meet it, and what fixes it. `devca check` reports
//! from it, `devca explain` searches it, and `docs/troubleshooting.md` is printed from it.

#![allow(missing_docs)] // a fault says itself what it is

use serde::{Serialize, Serializer};

mod chain;
mod connection;
mod form;
mod leaf;
mod surroundings;

pub use chain::*;
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
pub struct Words {
    /// Who.
    pub client: &'static str,
    /// A part of the message, to the letter.
    pub says: &'static str,
}

/// What verifies certificates for a client. Clients with the same library agree on what they refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Library {
    OpenSsl,
    GnuTls,
    Go,
    /// For rustls.
    Webpki,
    Java,
    Chrome,
    Firefox,
}

impl std::fmt::Display for Library {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::OpenSsl => "OpenSSL",
            Self::GnuTls => "GnuTLS",
            Self::Go => "Go",
            Self::Webpki => "rustls",
            Self::Java => "Java",
            Self::Chrome => "Chrome",
            Self::Firefox => "Firefox",
        })
    }
}

impl Words {
    /// The library that this client verifies with, where one is known to be behind these words.
    pub fn library(&self) -> Option<Library> {
        Some(match self.client {
            "curl" | "OpenSSL" | "Node" | "Python" => Library::OpenSsl,
            "GnuTLS" => Library::GnuTls,
            "Go" => Library::Go,
            "rustls" => Library::Webpki,
            "Java" => Library::Java,
            "Chrome" => Library::Chrome,
            "Firefox" => Library::Firefox,
            _ => return None,
        })
    }
}

const fn says(client: &'static str, says: &'static str) -> Words {
    Words { client, says }
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
    &KEY_READABLE,
    &CLOCK_SKEW,
    &PROXY,
    &VERIFICATION_OFF,
    &EXPIRING,
    &REFUSED,
];
