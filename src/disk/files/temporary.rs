//! A file under a temporary name, until it is complete.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::sync::Arc;

use super::folder::Folder;

/// How often a free name is looked for.
const TRIES: usize = 100;

/// A file that vanishes when it is dropped before it has got its name.
pub(super) struct Temporary {
    folder: Arc<Folder>,
    name: OsString,
    file: File,
    has_name: bool,
}

impl Temporary {
    /// Creates a file, mode 0600, whose name begins like this.
    pub(super) fn create(folder: &Arc<Folder>, prefix: &str) -> io::Result<Self> {
        let (name, file) = create_unique(prefix, |name| folder.create_file(name))?;
        Ok(Self { folder: Arc::clone(folder), name, file, has_name: false })
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    pub(super) fn folder(&self) -> &Arc<Folder> {
        &self.folder
    }

    /// Gives the file its name. Where it is not to replace another, a file of that name is an error.
    pub(super) fn persist(mut self, name: &OsStr, replace: bool) -> io::Result<()> {
        if replace {
            self.folder.rename(&self.name, &self.folder, name)?;
        } else {
            self.folder.rename_to_free(&self.name, name)?;
        }
        self.has_name = true;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.has_name {
            let _ = self.folder.remove(&self.name);
        }
    }
}

/// Creates something under a name that begins like this and was free.
pub(super) fn create_unique<T>(
    prefix: &str,
    mut create: impl FnMut(&OsStr) -> io::Result<T>,
) -> io::Result<(OsString, T)> {
    for _ in 0..TRIES {
        // Each of these states has keys of its own, the first of a thread from the system's randomness. A name that
        // somebody guesses is no danger: an existing file is never opened.
        let name = OsString::from(format!("{prefix}{:016x}", RandomState::new().build_hasher().finish()));
        match create(&name) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            created => return Ok((name, created?)),
        }
    }
    Err(io::Error::other("no free temporary name"))
}
