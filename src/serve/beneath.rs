//! Opens what is in a folder, and nothing outside it, whatever links are there and however they change meanwhile.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::path::Path;

/// A file or folder that is open for reading.
pub(super) struct Opened {
    pub(super) file: File,
    pub(super) metadata: std::fs::Metadata,
}

/// An entry of a folder, which can be opened with [`open`].
pub(super) struct FolderEntry {
    pub(super) name: OsString,
    pub(super) is_folder: bool,
}

/// Opens a file or folder in `root`, by the names on the way to it. Devices, sockets and pipes are not found.
pub(super) fn open(root: &Path, names: &[&OsStr]) -> io::Result<Opened> {
    let file = open_beneath(root, names)?;
    let metadata = file.metadata()?;
    let is_served = metadata.is_file() || metadata.is_dir();
    if is_served { Ok(Opened { file, metadata }) } else { Err(io::ErrorKind::NotFound.into()) }
}

/// Whether a name begins with a dot, other than `.well-known` (RFC 8615).
pub(super) fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".") && name != ".well-known"
}

/// On Linux, the kernel resolves the path and refuses to leave the folder at any step (openat2, `RESOLVE_BENEATH`), so
/// links within the folder work, unless they lead to something hidden. Where it cannot, links are not followed at all.
#[cfg(target_os = "linux")]
fn open_beneath(root: &Path, names: &[&OsStr]) -> io::Result<File> {
    use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};
    use rustix::io::Errno;
    /// A rename somewhere in the file system interrupts the resolution of `..` in a link.
    const ATTEMPTS: usize = 16;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let root = openat(CWD, root, flags | OFlags::DIRECTORY, Mode::empty())?;
    let path: std::path::PathBuf = if names.is_empty() { ".".into() } else { names.iter().collect() };
    let mut resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    for _ in 0..ATTEMPTS {
        match openat2(&root, &path, flags, Mode::empty(), resolve) {
            Ok(file) if resolve.contains(ResolveFlags::NO_SYMLINKS) || is_visible(&root, &file) => {
                return Ok(File::from(file));
            }
            Err(Errno::AGAIN) => {}
            // There is a link on the way.
            Err(Errno::LOOP) if resolve.contains(ResolveFlags::NO_SYMLINKS) => {
                resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
            }
            // An old kernel, or a sandbox that does not know the call.
            Err(Errno::NOSYS | Errno::PERM) => return walk(root, names),
            Ok(_) | Err(Errno::XDEV | Errno::LOOP) => return Err(io::ErrorKind::NotFound.into()),
            Err(e) => return Err(e.into()),
        }
    }
    walk(root, names)
}

/// Whether no name between a folder and a file in it is hidden. A link may have led there.
#[cfg(target_os = "linux")]
fn is_visible(root: &rustix::fd::OwnedFd, file: &rustix::fd::OwnedFd) -> bool {
    use rustix::fd::AsRawFd;
    let path = |fd: i32| std::fs::read_link(format!("/proc/self/fd/{fd}"));
    match (path(root.as_raw_fd()), path(file.as_raw_fd())) {
        (Ok(root), Ok(file)) => file.strip_prefix(root).is_ok_and(|rest| !rest.iter().any(is_hidden)),
        _ => false,
    }
}

#[cfg(all(unix, not(target_os = "linux")))]
fn open_beneath(root: &Path, names: &[&OsStr]) -> io::Result<File> {
    use rustix::fs::{CWD, Mode, OFlags, openat};
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::DIRECTORY;
    walk(openat(CWD, root, flags, Mode::empty())?, names)
}

/// Opens one name after the other, each in the folder before it, without following links.
#[cfg(unix)]
fn walk(root: rustix::fd::OwnedFd, names: &[&OsStr]) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags, openat};
    use rustix::io::Errno;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW;
    let mut current = root;
    for name in names {
        current = match openat(&current, *name, flags, Mode::empty()) {
            Ok(next) => next,
            Err(Errno::LOOP | Errno::MLINK) => return Err(io::ErrorKind::NotFound.into()),
            Err(e) => return Err(e.into()),
        };
    }
    Ok(File::from(current))
}

/// Without such calls, the path is resolved first and opened if it is inside. A program that replaces a folder by a link in
/// between could lead it outside; on Windows, that requires a privilege.
#[cfg(not(unix))]
fn open_beneath(root: &Path, names: &[&OsStr]) -> io::Result<File> {
    let root = root.canonicalize()?;
    let path = root.join(names.iter().collect::<std::path::PathBuf>()).canonicalize()?;
    let is_visible = path.strip_prefix(&root).is_ok_and(|rest| !rest.iter().any(is_hidden));
    if is_visible { File::open(path) } else { Err(io::ErrorKind::NotFound.into()) }
}

/// The entries of a folder in `root`, in no particular order. Links are listed as what they lead to.
pub(super) fn list(root: &Path, names: &[&OsStr], folder: File) -> io::Result<Vec<FolderEntry>> {
    let mut entries = Vec::new();
    for (name, kind) in raw_entries(root, names, folder)? {
        let is_folder = match kind {
            RawKind::File => false,
            RawKind::Folder => true,
            RawKind::Link => {
                let path: Vec<&OsStr> = names.iter().copied().chain([name.as_os_str()]).collect();
                let Ok(opened) = open(root, &path) else { continue };
                opened.metadata.is_dir()
            }
            RawKind::Other => continue,
        };
        entries.push(FolderEntry { name, is_folder });
    }
    Ok(entries)
}

#[derive(Clone, Copy)]
enum RawKind {
    File,
    Folder,
    /// Or unknown, as on some file systems.
    Link,
    Other,
}

#[cfg(unix)]
fn raw_entries(_: &Path, _: &[&OsStr], folder: File) -> io::Result<Vec<(OsString, RawKind)>> {
    use std::os::unix::ffi::OsStrExt;

    use rustix::fs::{Dir, FileType};
    let mut entries = Vec::new();
    for entry in Dir::new(folder)? {
        let entry = entry?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes()).to_owned();
        let kind = match entry.file_type() {
            FileType::RegularFile => RawKind::File,
            FileType::Directory => RawKind::Folder,
            FileType::Symlink | FileType::Unknown => RawKind::Link,
            _ => RawKind::Other,
        };
        if name != "." && name != ".." {
            entries.push((name, kind));
        }
    }
    Ok(entries)
}

#[cfg(not(unix))]
fn raw_entries(root: &Path, names: &[&OsStr], _: File) -> io::Result<Vec<(OsString, RawKind)>> {
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(root.join(names.iter().collect::<std::path::PathBuf>()))? {
        let entry = entry?;
        let kind = match entry.file_type()? {
            kind if kind.is_file() => RawKind::File,
            kind if kind.is_dir() => RawKind::Folder,
            kind if kind.is_symlink() => RawKind::Link,
            _ => RawKind::Other,
        };
        entries.push((entry.file_name(), kind));
    }
    Ok(entries)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn nothing_outside_is_opened() {
        let outside = tempfile::TempDir::new().unwrap();
        std::fs::write(outside.path().join("secret"), "x").unwrap();
        let folder = outside.path().join("public");
        std::fs::create_dir_all(folder.join("sub")).unwrap();
        std::fs::write(folder.join("sub/file"), "x").unwrap();
        symlink("../secret", folder.join("up")).unwrap();
        symlink(outside.path().join("secret"), folder.join("absolute")).unwrap();
        symlink("..", folder.join("folder")).unwrap();
        symlink("loop", folder.join("loop")).unwrap();
        symlink("sub/file", folder.join("within")).unwrap();
        symlink("within", folder.join("again")).unwrap();
        std::fs::create_dir(folder.join(".git")).unwrap();
        std::fs::write(folder.join(".git/config"), "x").unwrap();
        symlink(".git/config", folder.join("config")).unwrap();
        symlink(".git", folder.join("git")).unwrap();
        let find = |names: &[&str]| {
            let names: Vec<&OsStr> = names.iter().map(OsStr::new).collect();
            open(&folder, &names).is_ok()
        };
        assert!(find(&[]) && find(&["sub"]) && find(&["sub", "file"]));
        for names in
            [&["up"][..], &["absolute"], &["folder", "secret"], &["loop"], &["..", "secret"], &["missing"]]
        {
            assert!(!find(names), "{names:?}");
        }
        assert!(!find(&["config"]) && !find(&["git", "config"]) && !find(&["git"]));
        assert_eq!(find(&["within"]), cfg!(target_os = "linux"));
        assert_eq!(find(&["again"]), cfg!(target_os = "linux"));
        let root = File::open(&folder).unwrap();
        assert!(walk(root.try_clone().unwrap().into(), &[OsStr::new("within")]).is_err());
        assert!(walk(root.into(), &[OsStr::new("sub"), OsStr::new("file")]).is_ok());
    }
}
