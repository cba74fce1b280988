//! The events of a running server, printed as text or JSON.

use std::sync::Arc;

use serde::Serialize;

use super::record::ChallengeKind;
use crate::error::CaOption;
use crate::report::{self, Log, LogLine, printable};

/// An event.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum AcmeEvent<'a> {
    /// The server accepts connections.
    Listening {
        /// The directory's URL.
        directory: &'a str,
        /// The addresses with ports.
        addresses: &'a [String],
        /// The address of the built-in name server.
        #[serde(skip_serializing_if = "Option::is_none")]
        dns: Option<String>,
    },
    /// A request was answered.
    Request {
        /// The method, such as GET or POST.
        method: &'a str,
        /// The path.
        path: &'a str,
        /// The HTTP status.
        status: u16,
        /// The time until the response was complete, in milliseconds.
        milliseconds: f64,
        /// The client's address.
        client: String,
        /// The problem that was reported to the client.
        #[serde(skip_serializing_if = "Option::is_none")]
        problem: Option<&'a str>,
    },
    /// A challenge was validated.
    Validated {
        /// The name.
        identifier: &'a str,
        /// The type of the challenge.
        challenge: ChallengeKind,
        /// Whether the validation succeeded.
        valid: bool,
        /// What was tried, and what came back.
        detail: &'a str,
    },
    /// A certificate was issued.
    Issued {
        /// The subject alternative names.
        names: &'a [String],
        /// The serial number, in hexadecimal.
        serial: &'a str,
        /// The last second of its validity, RFC 3339.
        not_after: String,
    },
    /// A certificate was revoked.
    Revoked {
        /// The serial number, in hexadecimal.
        serial: &'a str,
    },
    /// Something that may need attention.
    Warning {
        /// What happened.
        message: String,
        /// How to fix it.
        #[serde(skip_serializing_if = "Option::is_none")]
        hint: Option<String>,
    },
    /// Lines were dropped because their reader was too slow.
    Dropped {
        /// The number of dropped lines.
        lines: usize,
    },
    /// The server has stopped.
    Stopped,
}

impl LogLine for AcmeEvent<'_> {
    fn text(&self) -> String {
        match self {
            Self::Listening { directory, dns, .. } => {
                let dns = dns.as_ref().map(|dns| format!("{}\n", report::dim(&format!("DNS on {dns}"))));
                format!("{directory}\n{}{}", dns.unwrap_or_default(), report::dim("Ctrl-C stops the server"))
            }
            Self::Request { method, path, status, milliseconds, problem, .. } => {
                let word = status.to_string();
                let status = if *status < 400 { word } else { report::verdict(false, &word) };
                let took = report::dim(&format!("{milliseconds:.1} ms"));
                let problem = problem.map(|what| format!(": {}", printable(what))).unwrap_or_default();
                format!("{status} {method} {} {took}{problem}", printable(path))
            }
            Self::Validated { identifier, challenge, valid, detail } => {
                let mark = report::verdict(*valid, if *valid { "valid" } else { "invalid" });
                let (identifier, detail) = (printable(identifier), printable(detail));
                format!("{mark} {identifier} {}: {detail}", challenge.as_str())
            }
            Self::Issued { names, serial, not_after } => {
                let issued = report::verdict(true, "issued");
                let names = printable(&names.join(", "));
                format!("{issued} {names} {}", report::dim(&format!("{serial}, expires {not_after}")))
            }
            Self::Revoked { serial } => format!("revoked {serial}"),
            Self::Warning { message, hint } => {
                let hint = hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
                report::noted(&format!("{}{}", printable(message), printable(&hint)))
            }
            Self::Dropped { lines } => {
                report::dim(&format!("{lines} lines are missing, because the terminal was too slow"))
            }
            Self::Stopped => report::dim("stopped"),
        }
    }

    fn dropped(lines: usize) -> Self {
        Self::Dropped { lines }
    }
}

/// Prints events.
pub struct AcmeLog {
    log: Arc<Log>,
    /// The CA for the commands in hints.
    ca: CaOption,
}

impl AcmeLog {
    /// Creates a printer of events with hints for this CA.
    pub fn new(log: Arc<Log>, ca: CaOption) -> Self {
        Self { log, ca }
    }

    /// Whether events are printed at all.
    pub(super) fn is_read(&self) -> bool {
        self.log.are_printed()
    }

    /// Prints an event.
    pub(super) fn say(&self, event: &AcmeEvent) {
        self.log.print(event);
    }

    /// Prints a warning.
    pub fn warn(&self, message: impl Into<String>, hint: Option<&str>) {
        let hint = hint.map(|hint| self.ca.hint(hint));
        self.say(&AcmeEvent::Warning { message: message.into(), hint });
    }
}
