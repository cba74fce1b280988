//! Mutual TLS: the rules for client certificates, reloaded when their files change.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustls::crypto::CryptoProvider;

use super::client_gate::ClientGate;
use super::event::{Event, Events};
use crate::error::{CaOption, Fault, hint};

/// The minimum time between checks of the files.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The CAs of clients and their revocations.
#[derive(Debug, Clone, Default)]
pub struct ClientCas {
    /// The certificates in DER.
    pub roots: Vec<Vec<u8>>,
    /// The revocation lists in DER.
    pub lists: Vec<Vec<u8>>,
    /// The serial numbers that the devca CA has revoked, in hexadecimal.
    pub revoked: Vec<String>,
    /// The `--ca` option that selects this CA in the commands of hints, if it is one of devca's.
    pub option: Option<CaOption>,
}

/// The source of these CAs.
pub trait ClientCaFiles: Send + Sync {
    /// A value that changes when the files change.
    fn stamp(&self) -> u64;
    /// Loads the CAs and revocations.
    fn load(&self) -> anyhow::Result<ClientCas>;
}

/// A name for `--allow`: `alice`, or `spiffe://dev/*` for any name with that prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamePattern(String);

impl std::str::FromStr for NamePattern {
    type Err = Fault;

    fn from_str(word: &str) -> Result<Self, Fault> {
        let is_valid = !word.is_empty() && word.find('*').is_none_or(|at| at + 1 == word.len());
        let what = || format!("{word:?} is not a name of clients");
        let hint = "a * stands for the rest of a name, for example: --allow alice --allow 'spiffe://dev/*'";
        if is_valid { Ok(Self(word.to_owned())) } else { Err(Fault::usage(what(), hint)) }
    }
}

impl NamePattern {
    /// Whether the pattern matches this name.
    pub fn covers(&self, name: &str) -> bool {
        self.0.strip_suffix('*').map_or_else(|| self.0 == name, |start| name.starts_with(start))
    }
}

/// The requirements for clients.
pub struct ClientRules {
    /// Whether clients must send a certificate.
    pub required: bool,
    /// Whether to let in clients with a bad certificate, too, because nothing is served but the page that says what is
    /// wrong with it.
    pub only_judge: bool,
    /// If not empty, the only names that are accepted.
    pub allow: Vec<NamePattern>,
    /// The CAs that issue client certificates.
    pub files: Box<dyn ClientCaFiles>,
}

/// Keeps the verifier of client certificates up to date.
pub(crate) struct Clients {
    rules: ClientRules,
    provider: Arc<CryptoProvider>,
    events: Arc<Events>,
    state: Mutex<Present>,
}

struct Present {
    gate: Arc<ClientGate>,
    stamp: u64,
    looked: Instant,
}

impl Clients {
    pub(super) fn new(
        rules: ClientRules,
        provider: Arc<CryptoProvider>,
        events: Arc<Events>,
    ) -> anyhow::Result<Self> {
        let stamp = rules.files.stamp();
        let gate = Arc::new(ClientGate::new(&rules, rules.files.load()?, &provider, &events)?);
        let state = Mutex::new(Present { gate, stamp, looked: Instant::now() });
        Ok(Self { rules, provider, events, state })
    }

    /// The verifier for the next handshake, rebuilt if the files have changed.
    pub(super) fn gate(&self) -> Arc<ClientGate> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.looked.elapsed() >= LOOK_AGAIN {
            state.looked = Instant::now();
            let stamp = self.rules.files.stamp();
            if stamp != state.stamp {
                let read = self.rules.files.load();
                match read.and_then(|cas| ClientGate::new(&self.rules, cas, &self.provider, &self.events)) {
                    Ok(gate) => (state.gate, state.stamp) = (Arc::new(gate), stamp),
                    Err(e) => {
                        let what = format!(
                            "the client CA or its revocation list has changed, and the old one stays in use: {e:#}"
                        );
                        self.events.once(&Event::warning(what, Some(hint(&e).to_owned())));
                    }
                }
            }
        }
        state.gate.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_cover_names_and_beginnings() {
        let covers = |pattern: &str, name| pattern.parse::<NamePattern>().unwrap().covers(name);
        assert!(covers("alice", "alice") && !covers("alice", "alice2") && !covers("alice", "Alice"));
        assert!(
            covers("spiffe://dev/*", "spiffe://dev/web") && !covers("spiffe://dev/*", "spiffe://prod/web")
        );
        assert!(covers("*", "anyone"));
        for word in ["", "*.test", "a*b", "**"] {
            word.parse::<NamePattern>().expect_err(word);
        }
    }
}
