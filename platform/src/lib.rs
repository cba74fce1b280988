//! The trust stores of a machine: where they are, what they hold, how a root gets in and out. It knows nothing of
//! how roots are made.
//!
//! A [`Store`] is a concrete place: this machine's system store, one browser profile, one JDK. Stores *plan*: they
//! answer with [`Step`]s, which [`Host::perform`] runs and which can be printed instead.
#![forbid(unsafe_code)]

use std::fmt;
use std::path::PathBuf;

pub mod host;
mod linux;

pub use host::{Host, Os, Person, Step};

/// A root as a store sees it.
#[derive(Debug, Clone)]
pub struct Anchor {
    /// What the store's own list calls it: letters, digits and hyphens, unique to the certificate.
    pub label: String,
    /// The certificate.
    pub der: Vec<u8>,
    /// A file with the certificate in PEM, for the programs that read one.
    pub pem: PathBuf,
}

/// Why a store could not be asked or changed, and what helps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Lower case, no full stop.
    pub why: String,
    /// The command or change that helps.
    pub hint: String,
}

impl Problem {
    /// A problem with its hint.
    pub fn new(why: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { why: why.into(), hint: hint.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl std::error::Error for Problem {}

/// One place that says which roots are trusted.
pub trait Store {
    /// The kind, as `--store` names it: `system`.
    fn kind(&self) -> &'static str;

    /// Which one of its kind, for a person.
    fn place(&self) -> String;

    /// Whether the store, as its readers see it, trusts this very certificate.
    fn holds(&self, anchor: &Anchor) -> Result<bool, Problem>;

    /// What puts the anchor in.
    fn add(&self, anchor: &Anchor) -> Result<Vec<Step>, Problem>;

    /// What takes the anchor out; no steps where it is not in.
    fn remove(&self, anchor: &Anchor) -> Result<Vec<Step>, Problem>;
}

/// The one list of stores.
pub fn find(host: &Host) -> Result<Vec<Box<dyn Store + '_>>, Problem> {
    match host.os {
        Os::Linux => Ok(vec![Box::new(linux::find(host)?)]),
        Os::MacOs | Os::Windows => Err(Problem::new(
            "the trust stores of this system are not supported yet",
            "add the certificate by hand: devca root --pem prints it",
        )),
    }
}
