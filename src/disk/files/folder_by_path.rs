//! A folder on Windows, where the standard library has no folder descriptors. Files are accessed by path; the
//! folder's own permissions decide what other users can do.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// What was found under a name in a folder.
pub(super) struct FoundFile {
    pub(super) is_folder: bool,
    pub(super) is_file: bool,
    pub(super) size: u64,
}

pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        if path.metadata()?.is_dir() {
            Ok(Self { path: path.to_owned() })
        } else {
            Err(io::ErrorKind::NotADirectory.into())
        }
    }

    /// Opens a subfolder, which must not be a link.
    pub(super) fn open_folder(&self, name: &OsStr) -> io::Result<Self> {
        let path = self.path.join(name);
        if path.symlink_metadata()?.is_dir() {
            Ok(Self { path })
        } else {
            Err(io::ErrorKind::NotADirectory.into())
        }
    }

    /// Creates a subfolder, which inherits the folder's permissions.
    pub(super) fn create_folder(&self, name: &OsStr) -> io::Result<Self> {
        fs::create_dir(self.path.join(name))?;
        self.open_folder(name)
    }

    /// Creates a file, which must not exist yet.
    pub(super) fn create_file(&self, name: &OsStr) -> io::Result<File> {
        File::options().read(true).write(true).create_new(true).open(self.path.join(name))
    }

    /// Opens a regular file for reading.
    pub(super) fn open_file(&self, name: &OsStr) -> io::Result<File> {
        let path = self.path.join(name);
        let found = path.symlink_metadata()?;
        if found.is_symlink() {
            return Err(super::is_a_link());
        }
        if found.is_file() { File::open(path) } else { Err(super::not_a_regular_file()) }
    }

    /// Looks up a name; `None` if it is free. A link counts as neither a file nor a folder.
    pub(super) fn look(&self, name: &OsStr) -> io::Result<Option<FoundFile>> {
        let found = match self.path.join(name).symlink_metadata() {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            found => found?,
        };
        Ok(Some(FoundFile { is_folder: found.is_dir(), is_file: found.is_file(), size: found.len() }))
    }

    /// Renames a file or folder, replacing any file with the new name.
    pub(super) fn rename(&self, name: &OsStr, to: &Self, new_name: &OsStr) -> io::Result<()> {
        fs::rename(self.path.join(name), to.path.join(new_name))
    }

    /// Renames a file within this folder, unless the new name is taken.
    pub(super) fn rename_to_free(&self, name: &OsStr, new_name: &OsStr) -> io::Result<()> {
        let renamed = tempfile::TempPath::try_from_path(self.path.join(name))?
            .persist_noclobber(self.path.join(new_name));
        renamed.map_err(|e| {
            // The caller removes the file; the `TempPath` only borrows its path.
            let _ = e.path.keep();
            e.error
        })
    }

    /// Removes a file or link; a missing one is not an error.
    pub(super) fn remove(&self, name: &OsStr) -> io::Result<()> {
        match fs::remove_file(self.path.join(name)) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }

    /// Removes a folder with the files and empty folders in it.
    pub(super) fn remove_folder(&self, name: &OsStr) -> io::Result<()> {
        let inner = self.open_folder(name)?;
        for entry in inner.names()? {
            match inner.look(&entry)? {
                Some(found) if found.is_folder => fs::remove_dir(inner.path.join(entry))?,
                _ => inner.remove(&entry)?,
            }
        }
        fs::remove_dir(inner.path)
    }

    pub(super) fn names(&self) -> io::Result<Vec<OsString>> {
        self.path.read_dir()?.map(|entry| Ok(entry?.file_name())).collect()
    }

    /// On Windows, there is no way and no need to flush a folder.
    #[allow(clippy::unused_self, clippy::unnecessary_wraps)]
    pub(super) fn flush(&self) -> io::Result<()> {
        Ok(())
    }
}
