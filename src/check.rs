//! Why TLS fails: connect, link the chain, judge it, and say it in the words that clients use.

use serde::Serialize;

use catalogue::Fault;

pub mod catalogue;
pub mod chain;
pub mod connect;
pub mod environment;
pub mod handshake;
pub mod judge;
pub mod purpose;
pub mod starttls;
pub mod target;

/// Something that is wrong.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// Which fault of the catalogue.
    #[serde(rename = "id")]
    pub fault: &'static Fault,
    /// What is wrong.
    pub what: String,
    /// The command or change that mends it.
    pub mend: String,
    /// What clients say.
    pub words: Vec<&'static catalogue::Words>,
}

impl Finding {
    /// A finding with all the words of its fault.
    pub fn new(fault: &'static Fault, what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { fault, what: what.into(), mend: mend.into(), words: fault.words.iter().collect() }
    }

    /// Only what clients say in this very case.
    #[must_use]
    pub fn saying(mut self, is_said: impl Fn(&catalogue::Words) -> bool) -> Self {
        self.words.retain(|words| is_said(words));
        self
    }

    /// Its place in the catalogue: the worst first.
    pub fn rank(&self) -> usize {
        catalogue::ALL.iter().position(|fault| *fault == self.fault).unwrap_or(usize::MAX)
    }
}
