//! A file that has a temporary name until it is complete.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::sync::Arc;

use super::folder::Folder;

/// How many names to try.
const TRIES: usize = 100;

/// A temporary file that is removed when it is dropped, unless it was given its final name.
pub(super) struct Temporary {
    folder: Arc<Folder>,
    name: OsString,
    file: File,
    has_name: bool,
}

impl Temporary {
    /// Creates a file with mode 0600 whose name has this prefix.
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

    /// Gives the file its final name. Unless `replace` is set, an existing file with that name is an error.
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

/// Creates something under a free name with this prefix.
pub(super) fn create_unique<T>(
    prefix: &str,
    mut create: impl FnMut(&OsStr) -> io::Result<T>,
) -> io::Result<(OsString, T)> {
    for _ in 0..TRIES {
        // Each hasher has its own keys, seeded once per thread from the system's random source. Guessing the
        // name gains nothing, because an existing file is never opened.
        let name = OsString::from(format!("{prefix}{:016x}", RandomState::new().build_hasher().finish()));
        match create(&name) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            created => return Ok((name, created?)),
        }
    }
    Err(io::Error::other("no free temporary name"))
}
