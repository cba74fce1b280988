//! Reads files of the system, on this machine or below `--sysroot`. In another tree, links are resolved as a
//! program running there would resolve them, so they never lead outside. The creator of the tree may be
//! hostile, and change it at the same time.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::{Host, read};

/// The maximum size, larger than any bundle of roots or key store.
const LARGEST: u64 = 16 << 20;

/// The maximum number of links, as in Linux.
const MOST_LINKS: usize = 40;

impl Host {
    /// The content of a regular file.
    pub(crate) fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let file = self.open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::other("it is not a regular file"));
        }
        let mut bytes = Vec::new();
        read::up_to(file, metadata.len(), LARGEST, &mut bytes)?;
        Ok(bytes)
    }

    pub(crate) fn is_file(&self, path: &Path) -> bool {
        self.metadata(path).is_ok_and(|metadata| metadata.is_file())
    }

    pub(crate) fn exists(&self, path: &Path) -> bool {
        self.metadata(path).is_ok()
    }

    /// The names in a folder, sorted; none if it cannot be read.
    pub(crate) fn list(&self, folder: &Path) -> Vec<OsString> {
        let mut names = self.names(folder).unwrap_or_default();
        names.sort();
        names
    }

    /// The path without links, within the system.
    pub(crate) fn real(&self, path: &Path) -> io::Result<PathBuf> {
        if !self.is_elsewhere() {
            return fs::canonicalize(path);
        }
        let real = resolve(&self.sysroot, path)?;
        self.metadata(&real).map(|_| real)
    }

    /// The target of a link, without following it.
    pub(crate) fn link(&self, path: &Path) -> io::Result<PathBuf> {
        if !self.is_elsewhere() {
            return fs::read_link(path);
        }
        let folder = resolve(&self.sysroot, path.parent().unwrap_or(path))?;
        fs::read_link(below(&self.sysroot, &folder.join(path.file_name().unwrap_or_default())))
    }
}

/// The path on this machine of a file in the tree.
pub(crate) fn below(sysroot: &Path, path: &Path) -> PathBuf {
    sysroot.join(path.strip_prefix("/").unwrap_or(path))
}

/// Resolves links by reading them, within the sysroot. The tree may change immediately afterwards, so this is
/// only for names, and for systems that have no better way.
fn resolve(sysroot: &Path, path: &Path) -> io::Result<PathBuf> {
    let parts = |path: &Path| -> Vec<OsString> {
        path.components().rev().map(|part| part.as_os_str().to_owned()).collect()
    };
    let mut rest = parts(path);
    let mut inside = PathBuf::from("/");
    let mut links = 0;
    while let Some(part) = rest.pop() {
        match Path::new(&part).components().next() {
            Some(Component::ParentDir) => {
                inside.pop();
                continue;
            }
            Some(Component::Normal(_)) => inside.push(&part),
            _ => continue,
        }
        if let Ok(target) = below(sysroot, &inside).read_link() {
            links += 1;
            if links > MOST_LINKS {
                return Err(io::Error::other("too many links"));
            }
            inside.pop();
            if target.has_root() {
                inside = "/".into();
            }
            rest.extend(parts(&target));
        }
    }
    Ok(inside)
}

/// Lets the kernel resolve the whole path within the tree, so that nothing can be replaced between check and
/// use. `O_NONBLOCK` keeps devca from waiting for the writer of a pipe.
#[cfg(target_os = "linux")]
mod files {
    use std::os::unix::ffi::OsStrExt;

    use rustix::fs::{CWD, Dir, Mode, OFlags, ResolveFlags, openat2};

    use super::{File, Host, OsString, Path, fs, io};

    impl Host {
        pub(super) fn open(&self, path: &Path) -> io::Result<File> {
            self.open_as(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY)
        }

        pub(super) fn metadata(&self, path: &Path) -> io::Result<fs::Metadata> {
            self.open_as(path, OFlags::PATH)?.metadata()
        }

        pub(super) fn names(&self, folder: &Path) -> io::Result<Vec<OsString>> {
            let folder = self.open_as(folder, OFlags::RDONLY | OFlags::DIRECTORY)?;
            let names = Dir::read_from(folder)?.map(|entry| {
                let entry = entry?;
                Ok(std::ffi::OsStr::from_bytes(entry.file_name().to_bytes()).to_owned())
            });
            let names: io::Result<Vec<OsString>> = names.collect();
            names.map(|names| names.into_iter().filter(|name| name != "." && name != "..").collect())
        }

        fn open_as(&self, path: &Path, how: OFlags) -> io::Result<File> {
            let how = how | OFlags::CLOEXEC;
            if !self.is_elsewhere() {
                return Ok(rustix::fs::open(path, how, Mode::empty())?.into());
            }
            let tree = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let tree = rustix::fs::openat(CWD, &self.sysroot, tree, Mode::empty())?;
            let inside = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
            Ok(openat2(tree, path, how, Mode::empty(), inside)?.into())
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod files {
    use super::{File, Host, OsString, Path, PathBuf, below, fs, io, resolve};

    impl Host {
        pub(super) fn open(&self, path: &Path) -> io::Result<File> {
            File::open(self.outside(path)?)
        }

        pub(super) fn metadata(&self, path: &Path) -> io::Result<fs::Metadata> {
            fs::metadata(self.outside(path)?)
        }

        pub(super) fn names(&self, folder: &Path) -> io::Result<Vec<OsString>> {
            fs::read_dir(self.outside(folder)?)?.map(|entry| Ok(entry?.file_name())).collect()
        }

        fn outside(&self, path: &Path) -> io::Result<PathBuf> {
            if !self.is_elsewhere() {
                return Ok(path.to_owned());
            }
            Ok(below(&self.sysroot, &resolve(&self.sysroot, path)?))
        }
    }
}
