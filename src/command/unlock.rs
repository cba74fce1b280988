//! Where passphrases come from: a file, the keyring, the kernel's memory, or somebody at a terminal.

use std::path::Path;

use rcgen::KeyPair;
use zeroize::Zeroizing;

use super::Context;
use crate::ca;
use crate::error::Fault;
use crate::key;
use crate::keyring::{KeyringItem, Problem, kernel};
use crate::passphrase::{Passphrase, VARIABLE};
use crate::pem::LockedKey;

/// How often a passphrase may be typed.
const TRIES: usize = 3;

impl Context<'_> {
    /// Decrypts a key.
    pub(crate) fn unlock(
        &self,
        path: &Path,
        locked: &LockedKey,
    ) -> anyhow::Result<(Zeroizing<KeyPair>, Passphrase)> {
        if let Some(passphrase) = Passphrase::from_environment()? {
            let passphrase = passphrase.kept_in(locked.item.clone());
            let wrong = || {
                let what = format!("the passphrase in ${} does not open {}", VARIABLE, path.display());
                Fault::new(what, "write the right one into that file")
            };
            return Ok((open(&passphrase, locked)?.ok_or_else(wrong)?, passphrase));
        }
        if let Some(item) = &locked.item {
            return unlock_by_keyring(path, locked, item);
        }
        if let Some(passphrase) = kernel::recall(&self.remembered_as()).and_then(Passphrase::new)
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
                self.report.note("that is not its passphrase: try once more");
            }
        }
        let what = format!("{TRIES} times that was not the passphrase of {}", path.display());
        Err(Fault::new(what, "it cannot be recovered: a new root is made by devca rotate").into())
    }

    /// A new random passphrase, which is in the keyring. `hint` says what to do where that fails.
    pub(crate) fn passphrase_in_keyring(&self, hint: &str) -> anyhow::Result<Passphrase> {
        let folder = &self.folder;
        let label = format!("devca: key of the CA {} ({})", folder.name, folder.path.display());
        Ok(Passphrase::in_keyring(KeyringItem::new(folder.tag())?, &label)?
            .map_err(|problem| problem.fault(hint))?)
    }

    /// Deletes entries of the keyring that no key of this CA needs any more. An entry that was made for another folder
    /// stays: this CA is a copy, and the original needs it.
    pub(crate) fn delete_unused(&self, items: impl IntoIterator<Item = KeyringItem>) {
        let used = ca::keyring_item(&self.folder);
        for item in items {
            if used.as_ref() != Some(&item)
                && item.is_of(self.folder.tag())
                && let Err(problem) = item.delete()
            {
                self.report.note(format!(
                    "an entry that is not used any more stays in the keyring ({item}): {problem}"
                ));
            }
        }
    }

    /// What the kernel calls the passphrase of this CA.
    pub(crate) fn remembered_as(&self) -> String {
        format!("devca:{}", self.folder.path.display())
    }

    /// A new passphrase: of the file that is named, or typed twice.
    pub(crate) fn new_passphrase(&self) -> anyhow::Result<Passphrase> {
        Passphrase::from_environment()?.map_or_else(|| self.type_passphrase(), Ok)
    }

    /// One that is typed, twice.
    pub(crate) fn type_passphrase(&self) -> anyhow::Result<Passphrase> {
        let first = self.ask_passphrase("New passphrase: ")?;
        let second = self.ask_passphrase("Once more: ")?;
        if !first.is(&second) {
            return Err(Fault::new("the two passphrases differ", "type the same one twice").into());
        }
        Ok(first)
    }

    fn ask_passphrase(&self, question: &str) -> anyhow::Result<Passphrase> {
        let hint = format!("name a file with it: export {VARIABLE}=…");
        let typed = self.report.ask_hidden(question);
        let typed =
            typed.ok_or_else(|| Fault::new("a passphrase is needed, and no terminal is here", hint))?;
        Passphrase::new(typed)
            .ok_or_else(|| Fault::new("a passphrase cannot be empty", "type at least one letter").into())
    }
}

fn unlock_by_keyring(
    path: &Path,
    locked: &LockedKey,
    item: &KeyringItem,
) -> anyhow::Result<(Zeroizing<KeyPair>, Passphrase)> {
    let passphrase = Passphrase::from_keyring(item).map_err(|problem| {
        let file = format!("give the passphrase in a file: export {VARIABLE}=…");
        let hint = match (&problem, item.lookup()) {
            (Problem::Missing, _) => format!("{file}; if it is lost, make a new root: devca rotate"),
            (_, Some(lookup)) => {
                format!(
                    "log in to the desktop, which unlocks the keyring, or {file} (look it up there: {lookup})"
                )
            }
            (_, None) => file,
        };
        problem.fault(hint)
    })?;
    let wrong = || {
        let what = format!("the passphrase in the keyring does not open {}", path.display());
        Fault::new(what, format!("give the right one in a file: export {VARIABLE}=…"))
    };
    Ok((open(&passphrase, locked)?.ok_or_else(wrong)?, passphrase))
}

fn open(passphrase: &Passphrase, locked: &LockedKey) -> anyhow::Result<Option<Zeroizing<KeyPair>>> {
    Ok(passphrase.decrypt(&locked.der)?.and_then(|pkcs8| key::from_pkcs8(&pkcs8)))
}
