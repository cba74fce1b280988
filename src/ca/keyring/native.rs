//! macOS: the user's Keychain. Windows: the user's Credential Manager, limited to this machine.

use std::sync::Arc;

#[cfg(target_os = "macos")]
use apple_native_keyring_store::keychain::Store;
use keyring_core::api::CredentialStoreApi;
use keyring_core::{Entry, Error};
#[cfg(windows)]
use windows_native_keyring_store::Store;
use zeroize::Zeroizing;

use super::{APPLICATION, KeyringProblem};

pub(super) struct Service(Arc<Store>);

impl Service {
    pub(super) fn connect() -> Result<Self, KeyringProblem> {
        Store::new().map(Self).map_err(|e| KeyringProblem::Unreachable(e.to_string()))
    }

    /// These keyrings do not show the label.
    pub(super) fn store(&self, item: &str, _label: &str, secret: &str) -> Result<(), KeyringProblem> {
        self.entry(item)?.set_secret(secret.as_bytes()).map_err(problem)
    }

    pub(super) fn load(&self, item: &str) -> Result<Zeroizing<Vec<u8>>, KeyringProblem> {
        self.entry(item)?.get_secret().map(Zeroizing::new).map_err(problem)
    }

    pub(super) fn delete(&self, item: &str) -> Result<(), KeyringProblem> {
        self.entry(item)?.delete_credential().map_err(problem)
    }

    #[cfg(target_os = "macos")]
    fn entry(&self, item: &str) -> Result<Entry, KeyringProblem> {
        self.0.build(APPLICATION, item, None).map_err(problem)
    }

    /// The default persistence, "Enterprise", follows the user to other machines in the domain.
    #[cfg(windows)]
    fn entry(&self, item: &str) -> Result<Entry, KeyringProblem> {
        let local = std::collections::HashMap::from([("persistence", "Local")]);
        self.0.build(APPLICATION, item, Some(&local)).map_err(problem)
    }
}

fn problem(error: Error) -> KeyringProblem {
    match error {
        Error::NoEntry => KeyringProblem::Missing,
        Error::NoStorageAccess(_) => KeyringProblem::Locked,
        // The error contains the secret's data, so it is not shown.
        Error::BadEncoding(_) | Error::BadDataFormat(..) => {
            KeyringProblem::Failed("the entry is damaged".into())
        }
        e => KeyringProblem::Failed(e.to_string()),
    }
}
