//! What happens while a server runs, as lines for a person or as JSON.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;

use crate::error::CaOption;
use crate::report::{self, Log, LogLine};

/// So many different warnings are told apart.
const MOST_REMEMBERED: usize = 1000;

/// Something that happened.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event<'a> {
    /// The server can be reached.
    Listening {
        /// Each site with where it leads.
        sites: &'a [Shown],
        /// Addresses with ports.
        addresses: &'a [String],
    },
    /// A request was answered.
    Request {
        /// GET, POST and so on.
        method: &'a str,
        /// Host, and port where it is given.
        host: &'a str,
        /// Path and query.
        path: &'a str,
        /// HTTP status.
        status: u16,
        /// Until the answer began, in milliseconds.
        milliseconds: f64,
        /// The client's address.
        client: Cow<'a, str>,
        /// The name in the client's certificate.
        #[serde(skip_serializing_if = "Option::is_none")]
        identity: Option<&'a str>,
        /// The protocol of the client's connection.
        protocol: &'static str,
    },
    /// Something to know, and perhaps to do something about.
    Warning {
        /// What.
        message: String,
        /// What helps.
        #[serde(skip_serializing_if = "Option::is_none")]
        hint: Option<String>,
    },
    /// Lines are missing here, since nobody read them in time.
    Dropped {
        /// How many.
        lines: usize,
    },
    /// The server has ended.
    Stopped,
}

/// One line of the list of sites.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Shown {
    /// Where a browser finds it.
    pub url: String,
    /// Where requests go.
    pub upstream: String,
}

impl Event<'_> {
    /// A warning.
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
            Self::Request { method, host, path, status, milliseconds, identity, .. } => {
                let status = match status {
                    200..=399 => report::verdict(true, &status.to_string()),
                    400..=599 => report::verdict(false, &status.to_string()),
                    _ => status.to_string(),
                };
                let took = report::dim(&took(Duration::from_secs_f64(milliseconds / 1000.0)));
                let (host, path) = (report::printable(host), report::printable(path));
                let identity = identity.map(|name| report::dim(&format!(" {name}"))).unwrap_or_default();
                format!("{status} {method} https://{host}{path} {took}{identity}")
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

/// Where events go.
pub struct Events {
    log: Arc<Log>,
    /// The CA that hints are for.
    ca: CaOption,
    said: Mutex<HashSet<String>>,
}

impl Events {
    /// Printed here, with hints for this CA.
    pub fn new(log: Arc<Log>, ca: CaOption) -> Self {
        Self { log, ca, said: Mutex::default() }
    }

    /// Whether anybody reads them: what nobody reads need not be put together.
    pub fn are_read(&self) -> bool {
        self.log.are_printed()
    }

    /// Prints it.
    pub fn say(&self, event: &Event) {
        match event {
            Event::Warning { message, hint: Some(hint) } => {
                self.log.print(&Event::warning(message.as_str(), Some(self.ca.hint(hint))));
            }
            other => self.log.print(other),
        }
    }

    /// Prints a warning that has not been printed before: a client may cause it a thousand times.
    pub fn once(&self, event: &Event) {
        let Event::Warning { message, .. } = event else { return self.say(event) };
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.len() < MOST_REMEMBERED && said.insert(message.clone()) {
            self.say(event);
        }
    }
}
