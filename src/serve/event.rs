//! The events of a running server, printed as text or JSON lines.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;

use crate::error::CaOption;
use crate::report::{self, Log, LogLine};

/// The number of different warnings that are remembered.
const MOST_REMEMBERED: usize = 1000;

/// An event.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event<'a> {
    /// The server accepts connections.
    Listening {
        /// The sites with their upstreams.
        sites: &'a [Shown],
        /// The addresses with ports.
        addresses: &'a [String],
    },
    /// A request was answered, or ended without an answer.
    Request {
        /// The method, such as GET or POST.
        method: &'a str,
        /// The scheme of the URL: https, or http for a request without TLS.
        scheme: &'static str,
        /// The host, with the port if the client sent one.
        host: &'a str,
        /// The path and query.
        path: &'a str,
        /// The HTTP status; absent if there was no response.
        #[serde(skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
        /// Why there was no response.
        #[serde(skip_serializing_if = "Option::is_none")]
        failure: Option<&'static str>,
        /// The time until the response began, in milliseconds.
        milliseconds: f64,
        /// The client's address.
        client: Cow<'a, str>,
        /// The name in the client's certificate.
        #[serde(skip_serializing_if = "Option::is_none")]
        identity: Option<&'a str>,
        /// The protocol of the client's connection.
        protocol: &'static str,
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

/// A site in the list.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Shown {
    /// The URL for browsers.
    pub url: String,
    /// What answers the requests: an upstream, a folder, or the page about the connection.
    pub upstream: String,
}

impl Event<'_> {
    /// Creates a warning.
    pub fn warning(message: impl Into<String>, hint: Option<String>) -> Self {
        Self::Warning { message: message.into(), hint }
    }
}

impl LogLine for Event<'_> {
    fn text(&self) -> String {
        match self {
            Self::Listening { sites, .. } => {
                let width = sites.iter().map(|site| site.url.len()).max().unwrap_or(0);
                let line = |site: &Shown| {
                    format!("{:width$}  {}", site.url, report::dim(&format!("→ {}", site.upstream)))
                };
                let end = report::dim("Ctrl-C stops the server");
                sites.iter().map(line).chain([end]).collect::<Vec<_>>().join("\n")
            }
            Self::Request { method, scheme, host, path, status, failure, milliseconds, identity, .. } => {
                let status = match status {
                    Some(good @ 200..=399) => report::verdict(true, &good.to_string()),
                    Some(bad @ 400..=599) => report::verdict(false, &bad.to_string()),
                    Some(other) => other.to_string(),
                    None => report::verdict(false, "---"),
                };
                let failure = failure.map(|why| format!(": {why}")).unwrap_or_default();
                let took = report::dim(&took(Duration::from_secs_f64(milliseconds / 1000.0)));
                let (host, path) = (report::printable(host), report::printable(path));
                let identity = identity.map(|name| report::dim(&format!(" {name}"))).unwrap_or_default();
                format!("{status} {method} {scheme}://{host}{path} {took}{identity}{failure}")
            }
            Self::Warning { message, hint } => {
                let hint = hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
                report::noted(&format!("{}{}", report::printable(message), report::printable(&hint)))
            }
            Self::Dropped { lines } => {
                report::dim(&format!("{lines} lines are missing: the terminal was too slow"))
            }
            Self::Stopped => report::dim("stopped"),
        }
    }

    fn dropped(lines: usize) -> Self {
        Self::Dropped { lines }
    }
}

fn took(duration: Duration) -> String {
    match duration.as_millis() {
        0..10 => format!("{:.1} ms", duration.as_secs_f64() * 1000.0),
        millis @ 10..10_000 => format!("{millis} ms"),
        _ => format!("{:.0} s", duration.as_secs_f64()),
    }
}

/// Prints events.
pub struct Events {
    log: Arc<Log>,
    /// The CA for the commands in hints.
    ca: CaOption,
    said: Mutex<HashSet<String>>,
}

impl Events {
    /// Creates a printer of events with hints for this CA.
    pub fn new(log: Arc<Log>, ca: CaOption) -> Self {
        Self { log, ca, said: Mutex::default() }
    }

    /// Whether events are printed at all; if not, there is no need to assemble them.
    pub fn are_read(&self) -> bool {
        self.log.are_printed()
    }

    /// Prints an event.
    pub fn say(&self, event: &Event) {
        match event {
            Event::Warning { message, hint: Some(hint) } => {
                self.log.print(&Event::warning(message.as_str(), Some(self.ca.hint(hint))));
            }
            other => self.log.print(other),
        }
    }

    /// Prints a warning only the first time, because a client may cause it a thousand times.
    pub fn once(&self, event: &Event) {
        let Event::Warning { message, .. } = event else { return self.say(event) };
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.len() < MOST_REMEMBERED && said.insert(message.clone()) {
            self.say(event);
        }
    }
}
