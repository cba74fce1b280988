//! Linux: the desktop's Secret Service (GNOME Keyring, KDE Wallet, `KeePassXC`), over the D-Bus session bus.

use std::collections::HashMap;

use dbus_secret_service::{Collection, EncryptionType, Error, SecretService};
use zeroize::Zeroizing;

use super::{APPLICATION, KeyringProblem, PROMPTING};

pub(super) struct Service(SecretService);

impl Service {
    /// Uses an unencrypted session: the bus is a Unix socket of this user, whose other processes could also
    /// request the secret.
    pub(super) fn connect() -> Result<Self, KeyringProblem> {
        let seconds = PROMPTING.as_secs().saturating_sub(1); // closes the prompt before the time is up
        SecretService::connect_with_max_prompt_timeout(EncryptionType::Plain, seconds).map(Self).map_err(
            |e| match e {
                Error::Dbus(_) if std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_none() => {
                    KeyringProblem::Unreachable(
                        "this is not a desktop session (DBUS_SESSION_BUS_ADDRESS is not set)".into(),
                    )
                }
                Error::Dbus(e) => {
                    KeyringProblem::Unreachable(e.message().unwrap_or("no D-Bus session").to_owned())
                }
                e => KeyringProblem::Unreachable(e.to_string()),
            },
        )
    }

    pub(super) fn store(&self, item: &str, label: &str, secret: &str) -> Result<(), KeyringProblem> {
        let collection = self.collection()?;
        collection
            .create_item(label, attributes(item), secret.as_bytes(), true, "text/plain")
            .map_err(problem)?;
        Ok(())
    }

    pub(super) fn load(&self, item: &str) -> Result<Zeroizing<Vec<u8>>, KeyringProblem> {
        let found = self.0.search_items(attributes(item)).map_err(problem)?;
        let entry = match (found.unlocked.first(), found.locked.first()) {
            (Some(entry), _) => entry,
            (None, Some(entry)) => {
                entry.unlock().map_err(problem)?;
                entry
            }
            (None, None) => return Err(KeyringProblem::Missing),
        };
        entry.get_secret().map(Zeroizing::new).map_err(problem)
    }

    pub(super) fn delete(&self, item: &str) -> Result<(), KeyringProblem> {
        let found = self.0.search_items(attributes(item)).map_err(problem)?;
        let mut entries = found.unlocked.iter().chain(&found.locked);
        entries.try_for_each(|entry| {
            entry.ensure_unlocked().map_err(problem)?;
            entry.delete().map_err(problem)
        })
    }

    fn collection(&self) -> Result<Collection<'_>, KeyringProblem> {
        let collection = self.0.get_default_collection().map_err(|e| match e {
            Error::NoResult => KeyringProblem::Unreachable("it has no default collection".into()),
            e => problem(e),
        })?;
        collection.ensure_unlocked().or_else(|_| collection.unlock()).map_err(problem)?;
        Ok(collection)
    }
}

fn attributes(item: &str) -> HashMap<&str, &str> {
    HashMap::from([("application", APPLICATION), ("item", item)])
}

fn problem(error: Error) -> KeyringProblem {
    match error {
        Error::Locked | Error::Prompt => KeyringProblem::Locked,
        Error::NoResult => KeyringProblem::Missing,
        Error::Unavailable => {
            KeyringProblem::Unreachable("no Secret Service is running in this session".into())
        }
        Error::Dbus(e) => {
            KeyringProblem::Failed(e.message().unwrap_or("an error without a message").to_owned())
        }
        e => KeyringProblem::Failed(e.to_string()),
    }
}
