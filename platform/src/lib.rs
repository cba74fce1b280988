//! The trust stores of a machine: where they are, what they hold, how a root gets in and out. It knows nothing of
//! how roots are made.
//!
//! A [`Store`] is a concrete place: this machine's system store, one browser profile, one JDK. Stores *plan*: they
//! answer with [`Step`]s, which [`Host::perform`] runs and which can be printed instead.
#![deny(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

use std::fmt;

pub mod bundle;
mod elevation;
pub mod host;
mod inheritance;
mod java;
pub mod keystore;
mod last_read;
mod linux;
mod macos;
mod nss;
#[cfg(unix)]
pub mod ownership;
pub mod privilege;
pub mod read;
mod run;
pub mod runtime;
mod sandbox;
pub mod step;
mod sysroot;
pub mod timer;
mod windows;
mod wsl;

pub use host::{Account, Host, Os};
pub use nss::{BrowserDatabase, Identity, Ours, browsers, protocol as nss_protocol};
pub use step::Step;

/// A root as a store sees it.
#[derive(Debug, Clone)]
pub struct Anchor {
    /// What the store's own list calls it: `devca-` and digits, unique to the certificate.
    pub label: String,
    /// The certificate.
    pub der: Vec<u8>,
    /// SHA-1 of the certificate, by which Windows and macOS know it.
    pub sha1: [u8; 20],
}

impl Anchor {
    /// The certificate in PEM. Programs that change a store read these bytes, never a file that could be exchanged.
    pub fn pem(&self) -> String {
        bundle::pem(&self.der)
    }

    /// The SHA-1 in upper-case hexadecimal, as `certutil` and `security` print it.
    pub fn thumbprint(&self) -> String {
        use fmt::Write;
        self.sha1.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02X}");
            text
        })
    }
}

/// Why a store could not be asked or changed, and what helps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Lower case, no full stop.
    pub why: String,
    /// The command or change that helps; empty where none is needed.
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

/// The kinds of stores, as `--store` names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StoreKind {
    /// The operating system's own: what most programs read.
    System,
    /// The databases of Firefox and of the Chromium family.
    Nss,
    /// Each JDK's own file.
    Java,
    /// From inside WSL: the Windows host's.
    Wsl,
}

impl StoreKind {
    /// All of them, in the order in which they are reported.
    pub const ALL: [Self; 4] = [Self::System, Self::Nss, Self::Java, Self::Wsl];

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Nss => "nss",
            Self::Java => "java",
            Self::Wsl => "wsl",
        }
    }
}

/// One place that says which roots are trusted.
pub trait Store {
    fn kind(&self) -> StoreKind;

    /// Which one of its kind, for a person.
    fn place(&self) -> String;

    /// Whether the store, as its readers see it, trusts this very certificate.
    fn holds(&self, anchor: &Anchor) -> Result<bool, Problem> {
        Ok(self.certificates()?.contains(&anchor.der))
    }

    /// What puts the anchor in.
    fn add(&self, anchor: &Anchor) -> Result<Vec<Step>, Problem>;

    /// What takes the anchor out; no steps where it is not in.
    fn remove(&self, anchor: &Anchor) -> Result<Vec<Step>, Problem>;

    /// Whether the store is filled from the system store and agrees with it on the anchor: then only the system store
    /// can be changed.
    fn follows_system(&self, _: &Anchor) -> Result<bool, Problem> {
        Ok(false)
    }

    /// What takes away a store that was made for the anchor alone, and is empty now.
    fn leave(&self) -> Result<Vec<Step>, Problem> {
        Ok(Vec::new())
    }

    /// The certificates in it, in DER: all, or at least those that devca or mkcert put there. Read once, and again only
    /// after [`Store::forget`].
    fn certificates(&self) -> Result<Vec<Vec<u8>>, Problem>;

    /// The store was changed: what was read of it is old.
    fn forget(&self) {}
}

/// What was found on a machine.
pub enum Found<'a> {
    /// A store that can be asked and changed.
    Store(Box<dyn Store + 'a>),
    /// A place that cannot, or need not, be changed.
    Remark(Remark),
}

/// Why a place is skipped, and what helps.
#[derive(Debug, Clone)]
pub struct Remark {
    /// What kind of store it would be.
    pub kind: StoreKind,
    pub place: String,
    /// Why, and what helps.
    pub problem: Problem,
    /// Something there does not trust the root for it; otherwise all is as it should be.
    pub is_failure: bool,
}

impl<'a> Found<'a> {
    pub(crate) fn store(store: impl Store + 'a) -> Self {
        Self::Store(Box::new(store))
    }

    pub(crate) fn failure(kind: StoreKind, place: impl Into<String>, problem: Problem) -> Self {
        Self::Remark(Remark { kind, place: place.into(), problem, is_failure: true })
    }

    pub(crate) fn left_alone(kind: StoreKind, place: impl Into<String>, problem: Problem) -> Self {
        Self::Remark(Remark { kind, place: place.into(), problem, is_failure: false })
    }
}

/// The one list of stores: everything of the chosen kinds that is on this machine.
pub fn find<'a>(host: &'a Host, kinds: &[StoreKind]) -> Vec<Found<'a>> {
    let of = |kind: StoreKind| -> Vec<Found<'a>> {
        match (kind, host.os) {
            (StoreKind::System, Os::Linux) => linux::find(host),
            (StoreKind::System, Os::MacOs) => macos::find(host),
            (StoreKind::System, Os::Windows) => windows::find(host),
            (StoreKind::Nss, _) => nss::find(host),
            (StoreKind::Java, _) => java::find(host),
            (StoreKind::Wsl, Os::Linux) => wsl::find(host),
            (StoreKind::Wsl, _) => Vec::new(),
        }
    };
    kinds.iter().flat_map(|&kind| of(kind)).collect()
}
