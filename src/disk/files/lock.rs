//! The lock of a CA: a file in its folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::{Files, Secrecy, folder_hint, folder_of, without_following};
use crate::error::OrHint;

/// How long to wait for another devca process before telling the user.
const PATIENCE: Duration = Duration::from_secs(1);

impl Files {
    /// Takes the lock of a CA, which is released when the file is dropped. Creates the CA's folder if
    /// necessary. Calls `waiting` after a second, because another devca may be waiting for a passphrase.
    pub fn lock(self, path: &Path, waiting: &dyn Fn()) -> anyhow::Result<File> {
        loop {
            self.create_folder(folder_of(path), Secrecy::Private)?;
            let locked = open_and_lock(path, waiting)
                .or_hint(|| format!("cannot lock {}", path.display()), || folder_hint(path))?;
            if let Some(locked) = locked {
                return Ok(locked);
            }
        }
    }
}

/// Returns `None` if `uninstall --purge` removed the file in the meantime: the next process would lock a
/// different one.
fn open_and_lock(path: &Path, waiting: &dyn Fn()) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    let file = match without_following(&mut options).open(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    wait_for_lock(&file, waiting)?;
    Ok(is_at(&file, path)?.then_some(file))
}

fn wait_for_lock(file: &File, waiting: &dyn Fn()) -> io::Result<()> {
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => {}
        taken => return taken.map_err(Into::into),
    }
    thread::scope(|scope| {
        let (tell, taken) = mpsc::channel();
        scope.spawn(move || tell.send(file.lock()));
        let taken = taken.recv_timeout(PATIENCE).or_else(|_| {
            waiting();
            taken.recv()
        });
        taken.unwrap_or_else(|e| Err(io::Error::other(e)))
    })
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let file = file.metadata()?;
    match path.symlink_metadata() {
        Ok(found) => Ok((found.dev(), found.ino()) == (file.dev(), file.ino())),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e),
    }
}

/// The standard library cannot compare files by identity on this system.
#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> io::Result<bool> {
    path.try_exists()
}
