//! The system's keyring: Secret Service on Linux, Keychain on macOS, Credential Manager on Windows. It keeps a random
//! passphrase that encrypts a CA's keys, so that copies of the CA's files are useless without it.

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

/// What devca's entries in the keyring are filed under.
const APPLICATION: &str = "devca";

/// How long the keyring may take to answer at all.
const CONNECTING: Duration = Duration::from_secs(10);

/// How long somebody may take to unlock it, if it asks.
const PROMPTING: Duration = Duration::from_secs(60);

/// An entry of the keyring. Each passphrase gets an entry of its own: until the keys are encrypted with the new one, the
/// old one stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyringItem(String);

impl KeyringItem {
    /// A new entry for the CA whose folder has this tag.
    pub fn new(tag: u64) -> anyhow::Result<Self> {
        Ok(Self(format!("{tag:016x}{}", hex::encode(&key::random_serial()?[..8]))))
    }

    /// Reads what a key's file says; `None` for anything else than what [`new`](Self::new) makes.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        fits.then(|| Self(text.to_owned()))
    }

    /// Whether the entry was made for the CA whose folder has this tag, and not for one that it is a copy of.
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

    /// Stores a secret and reads it back.
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

    /// The secret.
    pub fn load(&self) -> Result<Zeroizing<String>, KeyringProblem> {
        let item = self.clone();
        let bytes = connected(move |service| service.load(&item.0))?;
        let text = std::str::from_utf8(&bytes).map_err(|_| KeyringProblem::Missing)?;
        Ok(Zeroizing::new(text.to_owned()))
    }

    /// Deletes the entry; one that is not there is no error.
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

/// Why the keyring did not do what it was asked.
#[derive(Debug)]
pub enum KeyringProblem {
    /// There is none, or none in this session.
    Unreachable(String),
    /// It is locked, and nobody unlocked it.
    Locked,
    /// It has no such entry.
    Missing,
    /// It did not answer in time.
    TimedOut(Duration),
    /// Anything else.
    Failed(String),
}

impl KeyringProblem {
    /// The error, with the way out that the caller knows.
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

/// Does something with the keyring, in a thread that is abandoned when time is up: a bus that accepts connections and
/// says nothing would block forever.
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
