//! Finds out why TLS fails: connects, builds the chain, judges it, and reports the result in the words that
//! clients use.

use std::path::Path;

use serde::Serialize;

use crate::ca::profile;
use crate::error::quoted;
use crate::x509::details::CertificateDetails;
use crate::x509::usage::Usage;
use catalogue::Diagnosis;

pub mod catalogue;
pub mod chain;
pub(crate) mod connect;
mod constraints;
mod deadline_stream;
pub(crate) mod environment;
mod features;
mod form;
pub(crate) mod handshake;
mod hostname;
mod issuers;
pub mod judge;
pub(crate) mod names;
pub mod path;
pub(crate) mod purpose;
mod recorder;
pub mod starttls;
mod strength;
pub mod target;

/// The command that issues a replacement for this certificate, quoted for the shell.
pub fn issue(details: &CertificateDetails) -> String {
    let has = |usage| details.usages.contains(&usage);
    let is_client = has(Usage::Client) && !has(Usage::Server);
    let names = requested(details, is_client);
    let names = if names.is_empty() { "NAMES".into() } else { words(&names) };
    format!("devca issue{} {names}", if is_client { " --client" } else { "" })
}

/// The names that were requested for a certificate, or would create it again. devca adds names of its own to
/// a client's certificate that would have none.
fn requested(details: &CertificateDetails, is_client: bool) -> Vec<String> {
    let CertificateDetails { common_name, names, .. } = details;
    if !is_client && !names.is_empty() {
        return names.clone();
    }
    let is_nameless = is_client && names.iter().any(|name| name.starts_with(profile::CLIENT_URI));
    let others = names.iter().filter(|name| !is_nameless && Some(*name) != common_name.as_ref());
    common_name.iter().chain(others).cloned().collect()
}

/// Names as quoted words of a shell command.
pub fn words(names: &[String]) -> String {
    names.iter().map(|name| quoted(Path::new(name))).collect::<Vec<_>>().join(" ")
}

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Some or all clients reject the connection, now or soon.
    Error,
    /// It violates a standard, but every known client accepts it.
    Warning,
}

/// A problem that was found.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Finding {
    /// The fault in the catalogue.
    #[serde(rename = "id")]
    #[cfg_attr(test, schemars(with = "String"))]
    pub fault: &'static Diagnosis,
    /// What is wrong.
    #[serde(rename = "message")]
    pub what: String,
    /// Whether clients reject the connection because of it.
    pub severity: Severity,
    /// The command or change that fixes it.
    #[serde(rename = "hint")]
    pub fix: String,
    /// What clients say about it.
    #[serde(rename = "seen_as")]
    pub words: Vec<&'static catalogue::Words>,
}

impl Finding {
    /// Creates a finding with all messages of its fault.
    pub fn new(fault: &'static Diagnosis, what: impl Into<String>, fix: impl Into<String>) -> Self {
        // RFC 8446 §4.4.2 asks clients to accept certificates in any order, and extra ones. They also accept
        // small exponents.
        let is_accepted = [&catalogue::WRONG_ORDER, &catalogue::SMALL_EXPONENT].contains(&fault);
        let severity = if is_accepted { Severity::Warning } else { Severity::Error };
        Self { fault, what: what.into(), severity, fix: fix.into(), words: fault.words.iter().collect() }
    }

    /// Keeps only what clients say in this particular case.
    #[must_use]
    pub fn saying(mut self, is_said: impl Fn(&catalogue::Words) -> bool) -> Self {
        self.words.retain(|words| is_said(words));
        self
    }

    /// Keeps only the messages of clients that use these libraries.
    #[must_use]
    pub fn said_by(self, libraries: &[catalogue::Library]) -> Self {
        self.saying(|words| words.library().is_some_and(|library| libraries.contains(&library)))
    }

    /// The position in the catalogue, which lists the worst faults first.
    pub fn rank(&self) -> usize {
        catalogue::ALL.iter().position(|fault| *fault == self.fault).unwrap_or(usize::MAX)
    }
}
