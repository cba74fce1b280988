//! The system's keyring: Secret Service on Linux, Keychain on macOS, Credential Manager on Windows. It stores
//! a random passphrase that encrypts a CA's keys, so that copies of the CA's files are useless without it.

use std::fmt;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::disk::secret::Secret;
use crate::error::Fault;
use crate::x509::key;

#[cfg_attr(not(target_os = "linux"), path = "keyring/no_kernel.rs")]
pub mod kernel;
#[cfg_attr(any(target_os = "macos", windows), path = "keyring/native.rs")]
#[cfg_attr(not(any(target_os = "linux", target_os = "macos", windows)), path = "keyring/no_service.rs")]
#[cfg_attr(target_os = "linux", path = "keyring/secret_service.rs")]
mod service;

/// The application name of devca's keyring entries.
const APPLICATION: &str = "devca";

/// How long to wait for the keyring to respond.
const CONNECTING: Duration = Duration::from_secs(10);

/// How long the user has to unlock the keyring when it prompts.
const PROMPTING: Duration = Duration::from_secs(60);

/// An entry in the keyring. Each passphrase has its own entry, so that the old one survives until the keys
/// are encrypted with the new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyringItem(String);

impl KeyringItem {
    /// Creates an identifier for the CA whose folder has this tag.
    pub fn new(tag: u64) -> anyhow::Result<Self> {
        Ok(Self(format!("{tag:016x}{}", hex::encode(&key::random_serial()?[..8]))))
    }

    /// Parses the identifier in a key file; `None` for anything that [`new`](Self::new) cannot have created.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        fits.then(|| Self(text.to_owned()))
    }

    /// Whether the entry was created for the CA whose folder has this tag, rather than for one that this is a
    /// copy of.
    pub fn is_of(&self, tag: u64) -> bool {
        self.0.starts_with(&format!("{tag:016x}"))
    }

    /// The command that prints the passphrase without devca.
    pub fn lookup(&self) -> Option<String> {
        if cfg!(target_os = "linux") {
            Some(format!("secret-tool lookup application {APPLICATION} item {self}"))
        } else if cfg!(target_os = "macos") {
            Some(format!("security find-generic-password -s {APPLICATION} -a {self} -w"))
        } else {
            None
        }
    }

    /// Stores a secret, then reads it back to verify that it was stored.
    pub fn store(&self, label: &str, secret: &Secret) -> Result<(), KeyringProblem> {
        let (item, label, secret) = (self.clone(), label.to_owned(), secret.clone());
        connected(move |service| {
            service.store(&item.0, &label, secret.as_str())?;
            if service.load(&item.0)?.as_slice() == secret.as_str().as_bytes() {
                Ok(())
            } else {
                Err(KeyringProblem::Failed("it returned something other than what was stored".into()))
            }
        })
    }

    /// Reads the secret.
    pub fn load(&self) -> Result<Zeroizing<String>, KeyringProblem> {
        let item = self.clone();
        let bytes = connected(move |service| service.load(&item.0))?;
        let text = std::str::from_utf8(&bytes).map_err(|_| KeyringProblem::Missing)?;
        Ok(Zeroizing::new(text.to_owned()))
    }

    /// Deletes the entry; a missing one is not an error.
    pub fn delete(&self) -> Result<(), KeyringProblem> {
        let item = self.clone();
        match connected(move |service| service.delete(&item.0)) {
            Err(KeyringProblem::Missing) => Ok(()),
            deleted => deleted,
        }
    }
}

impl fmt::Display for KeyringItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a keyring operation failed.
#[derive(Debug)]
pub enum KeyringProblem {
    /// There is no keyring, or none in this session.
    Unreachable(String),
    /// The keyring is locked and was not unlocked.
    Locked,
    /// The keyring does not have this entry.
    Missing,
    /// The keyring did not respond in time.
    TimedOut(Duration),
    /// Any other failure.
    Failed(String),
}

impl KeyringProblem {
    /// Converts this into an error with the caller's hint.
    pub fn fault(&self, hint: impl Into<String>) -> Fault {
        Fault::new(self.to_string(), hint)
    }
}

impl fmt::Display for KeyringProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(why) => write!(f, "cannot reach the system's keyring: {why}"),
            Self::Locked => f.write_str("the system's keyring is locked"),
            Self::Missing => f.write_str("the passphrase is not in the system's keyring"),
            Self::TimedOut(limit) => {
                write!(f, "the system's keyring did not answer within {} seconds", limit.as_secs())
            }
            Self::Failed(why) => write!(f, "the system's keyring failed: {why}"),
        }
    }
}

/// Runs a keyring operation in a thread and abandons it on timeout, because a D-Bus that accepts connections
/// but never answers would block forever.
fn connected<T: Send + 'static>(
    job: impl FnOnce(&service::Service) -> Result<T, KeyringProblem> + Send + 'static,
) -> Result<T, KeyringProblem> {
    let (connection, connects) = mpsc::channel();
    let (result, results) = mpsc::channel();
    thread::spawn(move || match service::Service::connect() {
        Err(problem) => drop(connection.send(Err(problem))),
        Ok(service) => {
            let _ = connection.send(Ok(()));
            let _ = result.send(job(&service));
        }
    });
    in_time(&connects, CONNECTING)??;
    in_time(&results, PROMPTING)?
}

fn in_time<T>(answers: &mpsc::Receiver<T>, limit: Duration) -> Result<T, KeyringProblem> {
    answers.recv_timeout(limit).map_err(|e| match e {
        RecvTimeoutError::Timeout => KeyringProblem::TimedOut(limit),
        RecvTimeoutError::Disconnected => KeyringProblem::Failed("its library crashed".into()),
    })
}
