//! Reloads the files of a CA in a server that runs for hours.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use rcgen::KeyPair;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::ca::Authority;
use crate::ca::key_file::LockedKey;
use crate::ca::passphrase::CaPassphrase;
use crate::disk::files;
use crate::disk::home::CaFolder;
use crate::error::Fault;
use crate::serve::certificates::CaFiles;
use crate::x509::key;

/// The files of a CA, which may change while the server runs.
pub(in crate::command) struct WatchedCa {
    folder: CaFolder,
    /// The passphrase that decrypted the key at the start.
    passphrase: Option<CaPassphrase>,
    /// The command that runs the server.
    command: &'static str,
}

impl WatchedCa {
    pub(in crate::command) fn new(folder: CaFolder, authority: &Authority, command: &'static str) -> Self {
        Self { folder, passphrase: authority.passphrase().cloned(), command }
    }

    /// The server cannot prompt, so it uses the passphrase from the start, the environment or the keyring.
    fn unlock(&self, path: &Path, locked: &LockedKey) -> anyhow::Result<(Zeroizing<KeyPair>, CaPassphrase)> {
        let of_keyring = locked.item.as_ref().and_then(|item| CaPassphrase::from_keyring(item).ok());
        let of_environment = CaPassphrase::from_environment().ok().flatten();
        for passphrase in self.passphrase.iter().cloned().chain(of_keyring).chain(of_environment) {
            let opened = passphrase.decrypt(&locked.der)?;
            if let Some(key) = opened.and_then(|pkcs8| key::from_pkcs8(&pkcs8)) {
                return Ok((key, passphrase.kept_in(locked.item.clone())));
            }
        }
        let what = format!("{} has another passphrase now", path.display());
        Err(Fault::new(what, format!("start devca {} again", self.command)).into())
    }
}

impl CaFiles for WatchedCa {
    fn stamp(&self) -> u64 {
        let folder = &self.folder;
        let [root, key] = [folder.root(), folder.root_key()];
        stamp(&[&root, &key, &folder.intermediate(), &folder.intermediate_key()])
    }

    fn load(&self) -> anyhow::Result<Authority> {
        self.folder.refuse_unsafe()?;
        Authority::load(&self.folder, &|path, locked| self.unlock(path, locked), OffsetDateTime::now_utc())
    }
}

/// A hash of the modification times of these files.
pub(in crate::command) fn stamp(paths: &[&Path]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for path in paths {
        files::modified(path).hash(&mut hasher);
    }
    hasher.finish()
}
