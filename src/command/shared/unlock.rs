//! The sources of passphrases: a file, the keyring, the kernel's memory, or a prompt on the terminal.

use std::cell::RefCell;
use std::path::Path;

use rcgen::KeyPair;
use zeroize::Zeroizing;

use crate::ca;
use crate::ca::key_file::LockedKey;
use crate::ca::keyring::{KeyringItem, KeyringProblem, kernel};
use crate::ca::passphrase::{CaPassphrase, VARIABLE};
use crate::command::Context;
use crate::error::Fault;
use crate::x509::key;

/// How many times a passphrase may be entered.
const TRIES: usize = 3;

/// The passphrase from the file that the environment names. It is read only once, because the file may be a
/// pipe.
#[derive(Default)]
pub(in crate::command) struct GivenPassphrase(RefCell<Option<anyhow::Result<Option<CaPassphrase>>>>);

impl GivenPassphrase {
    /// Reads the passphrase, if a file is named. An error is reported when the passphrase is needed.
    pub(in crate::command) fn read_ahead(&self) {
        self.0.borrow_mut().get_or_insert_with(CaPassphrase::from_environment);
    }

    fn get(&self) -> anyhow::Result<Option<CaPassphrase>> {
        self.read_ahead();
        let mut read = self.0.borrow_mut();
        match read.as_ref() {
            Some(Ok(passphrase)) => Ok(passphrase.clone()),
            _ => read.take().unwrap_or(Ok(None)),
        }
    }
}

impl Context<'_> {
    /// Decrypts a key.
    pub(crate) fn unlock(
        &self,
        path: &Path,
        locked: &LockedKey,
    ) -> anyhow::Result<(Zeroizing<KeyPair>, CaPassphrase)> {
        if let Some(passphrase) = self.passphrase.get()? {
            let passphrase = passphrase.kept_in(locked.item.clone());
            let wrong = || {
                let what = format!("wrong passphrase for {1} in ${0}", VARIABLE, path.display());
                Fault::new(what, "write the right one into that file")
            };
            return Ok((open(&passphrase, locked)?.ok_or_else(wrong)?, passphrase));
        }
        if let Some(item) = &locked.item {
            return unlock_by_keyring(path, locked, item);
        }
        if let Some(passphrase) = kernel::recall(&self.remembered_as()).and_then(CaPassphrase::new)
            && let Some(key) = open(&passphrase, locked)?
        {
            return Ok((key, passphrase));
        }
        for left in (0..TRIES).rev() {
            let passphrase = self.ask_passphrase(&format!("Passphrase of {}: ", path.display()))?;
            if let Some(key) = open(&passphrase, locked)? {
                return Ok((key, passphrase));
            }
            if left > 0 {
                self.report.note("wrong passphrase, try again");
            }
        }
        let what = format!("wrong passphrase for {} ({TRIES} attempts)", path.display());
        Err(Fault::new(what, "a lost passphrase cannot be recovered; to replace the root: devca rotate")
            .into())
    }

    /// Stores a new random passphrase in the keyring. `hint` says what to do if that fails.
    pub(crate) fn passphrase_in_keyring(&self, hint: &str) -> anyhow::Result<CaPassphrase> {
        let folder = &self.folder;
        let label = format!("devca: key of the CA {} ({})", folder.name, folder.path.display());
        Ok(CaPassphrase::in_keyring(KeyringItem::new(folder.tag())?, &label)?
            .map_err(|problem| problem.fault(hint))?)
    }

    /// Deletes keyring entries that no key of this CA needs any longer. Entries that were made for another
    /// folder are kept, because this CA is a copy and the original still needs them.
    pub(crate) fn delete_unused(&self, items: impl IntoIterator<Item = KeyringItem>) {
        let used = ca::keyring_item(&self.folder);
        for item in items {
            if used.as_ref() != Some(&item)
                && item.is_of(self.folder.tag())
                && let Err(problem) = item.delete()
            {
                self.report.note(format!(
                    "an unused entry could not be removed from the keyring ({item}): {problem}"
                ));
            }
        }
    }

    /// The name under which the kernel remembers this CA's passphrase.
    pub(crate) fn remembered_as(&self) -> String {
        format!("devca:{}", self.folder.path.display())
    }

    /// A new passphrase, from the file that the environment names or typed twice.
    pub(crate) fn new_passphrase(&self) -> anyhow::Result<CaPassphrase> {
        self.passphrase.get()?.map_or_else(|| self.type_passphrase(), Ok)
    }

    /// Asks for a new passphrase twice.
    pub(crate) fn type_passphrase(&self) -> anyhow::Result<CaPassphrase> {
        let first = self.ask_passphrase("New passphrase: ")?;
        let second = self.ask_passphrase("Once more: ")?;
        if !first.is(&second) {
            return Err(Fault::new("the passphrases differ", "type the same passphrase twice").into());
        }
        Ok(first)
    }

    fn ask_passphrase(&self, question: &str) -> anyhow::Result<CaPassphrase> {
        let hint = format!("put it into a file: export {VARIABLE}=…");
        let typed = self.report.ask_hidden(question);
        let typed = typed
            .ok_or_else(|| Fault::new("a passphrase is needed, but there is no terminal to ask on", hint))?;
        CaPassphrase::new(typed)
            .ok_or_else(|| Fault::new("a passphrase cannot be empty", "type at least one character").into())
    }
}

fn unlock_by_keyring(
    path: &Path,
    locked: &LockedKey,
    item: &KeyringItem,
) -> anyhow::Result<(Zeroizing<KeyPair>, CaPassphrase)> {
    let passphrase = CaPassphrase::from_keyring(item).map_err(|problem| {
        let file = format!("put the passphrase into a file: export {VARIABLE}=…");
        let hint = match (&problem, item.lookup()) {
            (KeyringProblem::Missing, _) => format!("{file}; if it is lost, replace the root: devca rotate"),
            (_, Some(lookup)) => {
                format!("log in to the desktop to unlock the keyring, or {file} (to look it up: {lookup})")
            }
            (_, None) => file,
        };
        problem.fault(hint)
    })?;
    let wrong = || {
        let what = format!("the passphrase in the keyring does not open {}", path.display());
        Fault::new(what, format!("put the right one into a file: export {VARIABLE}=…"))
    };
    Ok((open(&passphrase, locked)?.ok_or_else(wrong)?, passphrase))
}

fn open(passphrase: &CaPassphrase, locked: &LockedKey) -> anyhow::Result<Option<Zeroizing<KeyPair>>> {
    Ok(passphrase.decrypt(&locked.der)?.and_then(|pkcs8| key::from_pkcs8(&pkcs8)))
}
