//! A folder that is opened once. Its files are created, renamed and removed relative to its descriptor, and
//! links are not followed, so that another user cannot redirect a write by replacing the folder or a file in
//! it.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags};

/// What was found under a name in a folder.
pub(super) struct FoundFile {
    pub(super) is_folder: bool,
    pub(super) is_file: bool,
    pub(super) size: u64,
}

pub(super) struct Folder {
    descriptor: OwnedFd,
}

impl Folder {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self { descriptor: rustix::fs::open(path, flags, Mode::empty())? })
    }

    /// Opens a subfolder, which must not be a link.
    pub(super) fn open_folder(&self, name: &OsStr) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(Self { descriptor: rustix::fs::openat(&self.descriptor, name, flags, Mode::empty())? })
    }

    /// Creates a subfolder that only its owner may enter.
    pub(super) fn create_folder(&self, name: &OsStr) -> io::Result<Self> {
        rustix::fs::mkdirat(&self.descriptor, name, Mode::RWXU)?;
        self.open_folder(name)
    }

    /// Creates a file with mode 0600; it must not exist yet.
    pub(super) fn create_file(&self, name: &OsStr) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(&self.descriptor, name, flags, Mode::RUSR | Mode::WUSR)?.into())
    }

    /// Opens a regular file for reading, and refuses links and FIFOs.
    pub(super) fn open_file(&self, name: &OsStr) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let opened = rustix::fs::openat(&self.descriptor, name, flags, Mode::empty());
        // POSIX specifies ELOOP, but FreeBSD returns EMLINK.
        if matches!(opened, Err(rustix::io::Errno::LOOP | rustix::io::Errno::MLINK)) {
            return Err(super::is_a_link());
        }
        let file = File::from(opened?);
        if file.metadata()?.is_file() { Ok(file) } else { Err(super::not_a_regular_file()) }
    }

    /// Looks up a name; `None` if it is free. A link counts as neither a file nor a folder.
    pub(super) fn look(&self, name: &OsStr) -> io::Result<Option<FoundFile>> {
        let found = match rustix::fs::statat(&self.descriptor, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            found => found?,
        };
        let kind = FileType::from_raw_mode(found.st_mode);
        Ok(Some(FoundFile {
            is_folder: kind == FileType::Directory,
            is_file: kind == FileType::RegularFile,
            size: found.st_size.try_into().unwrap_or(0),
        }))
    }

    /// Renames a file or folder, replacing any file with the new name.
    pub(super) fn rename(&self, name: &OsStr, to: &Self, new_name: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.descriptor, name, &to.descriptor, new_name)?)
    }

    /// Renames a file within this folder, unless the new name is taken.
    pub(super) fn rename_to_free(&self, name: &OsStr, new_name: &OsStr) -> io::Result<()> {
        #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
        {
            use rustix::fs::RenameFlags;
            use rustix::io::Errno;
            let (from, to) = (&self.descriptor, &self.descriptor);
            match rustix::fs::renameat_with(from, name, to, new_name, RenameFlags::NOREPLACE) {
                // Some file systems and old kernels do not support this.
                Err(Errno::NOSYS | Errno::INVAL | Errno::NOTSUP) => {}
                renamed => return Ok(renamed?),
            }
        }
        rustix::fs::linkat(&self.descriptor, name, &self.descriptor, new_name, AtFlags::empty())?;
        self.remove(name)
    }

    /// Removes a file or link; a missing one is not an error.
    pub(super) fn remove(&self, name: &OsStr) -> io::Result<()> {
        match rustix::fs::unlinkat(&self.descriptor, name, AtFlags::empty()) {
            Err(rustix::io::Errno::NOENT) => Ok(()),
            removed => Ok(removed?),
        }
    }

    /// Removes a folder with the files and empty folders in it.
    pub(super) fn remove_folder(&self, name: &OsStr) -> io::Result<()> {
        let inner = self.open_folder(name)?;
        for entry in inner.names()? {
            match inner.look(&entry)? {
                Some(found) if found.is_folder => {
                    rustix::fs::unlinkat(&inner.descriptor, &entry, AtFlags::REMOVEDIR)?;
                }
                _ => inner.remove(&entry)?,
            }
        }
        Ok(rustix::fs::unlinkat(&self.descriptor, name, AtFlags::REMOVEDIR)?)
    }

    pub(super) fn names(&self) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.descriptor)? {
            let entry = entry?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name != "." && name != ".." {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    /// Flushes renames in this folder to the disk.
    pub(super) fn flush(&self) -> io::Result<()> {
        Ok(rustix::fs::fsync(&self.descriptor)?)
    }
}
