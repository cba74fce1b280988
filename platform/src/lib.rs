//! The trust stores of a machine: where they are, what they contain, and how a root is added and removed.
//! This crate does not know how roots are created.
//!
//! A [`Store`] is a concrete place: this machine's system store, one browser profile, or one JDK. Stores
//! *plan* changes: they return [`Step`]s, which [`Host::perform`] runs and which can be printed instead.
#![deny(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

use std::fmt;

#[cfg(unix)]
pub mod accounts;
mod beside;
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

pub use beside::program_beside;
pub use host::{Account, Host, Os};
pub use java::own_cacerts;
pub use nss::{BrowserDatabase, Identity, Ours, browsers, protocol as nss_protocol};
pub use step::Step;

/// A root to be stored.
#[derive(Debug, Clone)]
pub struct Anchor {
    /// Its name in a store's list: `devca-` and digits, unique to the certificate.
    pub label: String,
    /// The certificate, DER-encoded.
    pub der: Vec<u8>,
    /// SHA-1 of the certificate, by which Windows and macOS identify it.
    pub sha1: [u8; 20],
}

impl Anchor {
    /// The certificate in PEM. Programs that change a store read these bytes rather than a file that could be
    /// replaced.
    pub fn pem(&self) -> String {
        bundle::pem(&self.der)
    }

    /// The SHA-1 in upper-case hexadecimal, as printed by `certutil` and `security`.
    pub fn thumbprint(&self) -> String {
        use fmt::Write;
        self.sha1.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02X}");
            text
        })
    }
}

/// Why a store could not be read or changed, and how to fix it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The reason, beginning in lower case and without a period.
    pub why: String,
    /// The command or change that fixes it; empty if none is needed.
    pub hint: String,
}

impl Problem {
    /// Creates a problem with its hint.
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
    /// The operating system's own store, which most programs use.
    System,
    /// The databases of Firefox and the Chromium family.
    Nss,
    /// The file of each JDK.
    Java,
    /// Inside WSL: the store of the Windows host.
    Wsl,
}

impl StoreKind {
    /// All kinds, in the order of the report.
    pub const ALL: [Self; 4] = [Self::System, Self::Nss, Self::Java, Self::Wsl];

    /// The name for `--store`.
    pub fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Nss => "nss",
            Self::Java => "java",
            Self::Wsl => "wsl",
        }
    }
}

/// A place that determines which roots are trusted.
pub trait Store {
    fn kind(&self) -> StoreKind;

    /// The name of this store for display.
    fn place(&self) -> String;

    /// Whether programs that use the store trust exactly this certificate.
    fn holds(&self, anchor: &Anchor) -> Result<bool, Problem> {
        Ok(self.certificates()?.contains(&anchor.der))
    }

    /// The steps that add the anchor.
    fn add(&self, anchor: &Anchor) -> Result<Vec<Step>, Problem>;

    /// The steps that remove the anchor; empty if it is not in the store.
    fn remove(&self, anchor: &Anchor) -> Result<Vec<Step>, Problem>;

    /// Whether the store is generated from the system store and already agrees with it about the anchor. If
    /// so, only the system store can be changed.
    fn follows_system(&self, _: &Anchor) -> Result<bool, Problem> {
        Ok(false)
    }

    /// The steps that delete a store that was created only for the anchor and is now empty.
    fn remove_if_empty(&self) -> Result<Vec<Step>, Problem> {
        Ok(Vec::new())
    }

    /// The certificates in the store, in DER: all of them, or at least those that devca or mkcert added. They
    /// are read once, and again only after [`Store::forget`].
    fn certificates(&self) -> Result<Vec<Vec<u8>>, Problem>;

    /// Discards what was read, because the store was changed.
    fn forget(&self) {}
}

/// The result of a search on a machine.
pub enum Found<'a> {
    /// A store that can be read and changed.
    Store(Box<dyn Store + 'a>),
    /// A place that cannot or need not be changed.
    Remark(Remark),
}

/// Why a place is skipped, and how to change that.
#[derive(Debug, Clone)]
pub struct Remark {
    /// The kind of store at this place.
    pub kind: StoreKind,
    pub place: String,
    /// The reason, and what to do about it.
    pub problem: Problem,
    /// Whether programs therefore do not trust the root; otherwise, nothing is wrong.
    pub is_failure: bool,
}

impl<'a> Found<'a> {
    pub(crate) fn store(store: impl Store + 'a) -> Self {
        Self::Store(Box::new(store))
    }

    pub(crate) fn failure(kind: StoreKind, place: impl Into<String>, problem: Problem) -> Self {
        Self::Remark(Remark { kind, place: place.into(), problem, is_failure: true })
    }

    pub(crate) fn skipped(kind: StoreKind, place: impl Into<String>, problem: Problem) -> Self {
        Self::Remark(Remark { kind, place: place.into(), problem, is_failure: false })
    }
}

/// Finds all stores of these kinds on this machine. This is the only list of stores.
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
