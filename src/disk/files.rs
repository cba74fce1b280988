//! Writes all of devca's own files: created exclusively, with the right mode from the first byte, renamed
//! atomically, and under one lock per CA.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use devca_platform::read;
use zeroize::Zeroizing;

use self::folder::Folder;
use self::temporary::Temporary;
use crate::error::{Fault, OrHint, quoted};

mod exchange;
#[cfg(unix)]
mod folder;
#[cfg(not(unix))]
#[path = "files/folder_by_path.rs"]
mod folder;
mod lock;
mod rights;
mod staged;
mod temporary;

pub use rights::{
    is_own_but_unreadable, is_shared, refuse_foreign, refuse_unsafe, refuse_unsafe_parent,
    remove_empty_folder, remove_own_folder, restrict_permissions, too_open,
};
pub use staged::{Recognize, Staged};

/// The maximum size of the files that devca reads; none of its own are larger.
const READ_LIMIT: u64 = 1 << 20;

/// The prefix of temporary files and folders.
const STAGING: &str = ".devca-";

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrecy {
    /// Everyone: a certificate (0644).
    Public,
    /// Only the owner: a key, or a list that names keys (0600).
    Private,
    /// Everyone, who may also run it: a script (0755).
    Program,
}

impl Secrecy {
    #[cfg(unix)]
    fn mode(self) -> u32 {
        match self {
            Self::Public => 0o644,
            Self::Private => 0o600,
            Self::Program => 0o755,
        }
    }
}

/// A file to be written.
pub struct NewFile {
    pub path: PathBuf,
    pub content: Zeroizing<Vec<u8>>,
    /// Who may read it.
    pub secrecy: Secrecy,
    /// Whether it may replace an existing file. Otherwise, a file that appears in the meantime is an error.
    pub replace: bool,
}

impl NewFile {
    /// A new file that everyone may read.
    pub fn public(path: PathBuf, content: impl Into<Zeroizing<Vec<u8>>>) -> Self {
        Self { path, content: content.into(), secrecy: Secrecy::Public, replace: false }
    }

    fn name(&self) -> &OsStr {
        self.path.file_name().unwrap_or_default()
    }
}

/// Reads a whole regular file; its content is zeroized when it is dropped.
pub fn read(path: &Path) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    read::regular(path, READ_LIMIT, &mut bytes).map(|()| bytes).or_hint(
        || format!("cannot read {}", path.display()),
        || format!("check that the file exists and is yours: ls -l {}", quoted(path)),
    )
}

/// Reads a file that the user named: a regular file, a pipe such as `<(…)`, or `-` for standard input. Gives
/// up on a pipe that stays silent.
pub fn read_named(path: &Path) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    read_up_to(path, READ_LIMIT, read::PATIENCE)
}

/// Reads a list, with its own size limit and without a timeout: the program that writes it may be slow.
pub fn read_list(path: &Path, limit: u64) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    read_up_to(path, limit, read::UNLIMITED)
}

fn read_up_to(path: &Path, limit: u64, patience: Duration) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    let is_stdin = path == Path::new("-");
    let read = if is_stdin {
        read::stdin(limit, patience, &mut bytes)
    } else {
        read::named(path, limit, read::PATIENCE, &mut bytes)
    };
    let what = || if is_stdin { "standard input".into() } else { path.display().to_string() };
    let hint = || {
        if is_stdin {
            "pipe a file into it".into()
        } else {
            format!("check that the file exists and is yours: ls -l {}", quoted(path))
        }
    };
    read.map(|()| bytes).or_hint(|| format!("cannot read {}", what()), hint)
}

/// An absolute path without `..`, which is valid wherever devca starts, even if a folder that it led through is removed.
/// Links are resolved only before a `..`.
pub fn absolute(path: impl AsRef<Path>) -> io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    let parts: Vec<Component> = path.components().collect();
    match parts.iter().rposition(|part| *part == Component::ParentDir) {
        Some(last) => {
            let (before, after) = parts.split_at(last + 1);
            Ok(resolved(&before.iter().collect::<PathBuf>())?.join(after.iter().collect::<PathBuf>()))
        }
        None => Ok(path),
    }
}

/// The absolute path of a file that the inventory is going to list, which is JSON.
pub fn listable(path: impl AsRef<Path>) -> anyhow::Result<PathBuf> {
    let path = absolute(path)?;
    if path.to_str().is_some() {
        return Ok(path);
    }
    let what = format!("{} is not valid Unicode, so devca cannot list it in its inventory", path.display());
    Err(Fault::usage(what, "choose a folder with another name: --out FOLDER").into())
}

/// Resolves links and `..` in a path whose last components may not exist yet.
pub fn resolved(path: &Path) -> io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    let real = path.ancestors().find_map(|part| Some((part, part.canonicalize().ok()?)));
    let Some((part, mut real)) = real else { return Ok(path) };
    for component in path.strip_prefix(part).unwrap_or(Path::new("")).components() {
        match component {
            Component::ParentDir => _ = real.pop(),
            other => real.push(other),
        }
    }
    Ok(real)
}

/// The modification time of a file, in nanoseconds since 1970.
pub fn modified(path: &Path) -> Option<u64> {
    modified_of(&path.symlink_metadata().ok()?)
}

fn modified_of(metadata: &fs::Metadata) -> Option<u64> {
    let since = metadata.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    u64::try_from(since.as_nanos()).ok()
}

/// Writes files. Under `sudo` this process acts as the user, so the user owns the files.
#[derive(Debug, Clone, Copy, Default)]
pub struct Files {
    /// The CA's tag in the names of temporary files. The holder of the CA's lock knows that no other process
    /// is still writing them.
    pub tag: Option<u64>,
}

impl Files {
    /// Creates a folder and its parents; a private one gets mode 0700.
    pub fn create_folder(self, path: &Path, secrecy: Secrecy) -> anyhow::Result<()> {
        create_folders(path, secrecy)
    }

    fn write_temporary(self, file: &NewFile, folder: &Arc<Folder>) -> io::Result<Temporary> {
        // If the file is not to be replaced, the caller has already seen that the name is free.
        if file.replace && folder.look(file.name())?.is_some_and(|found| found.is_folder) {
            return Err(io::Error::other("a folder with that name exists"));
        }
        let temporary = Temporary::create(folder, &self.prefix())?;
        temporary.file().write_all(&file.content)?;
        if file.secrecy != Secrecy::Private {
            rights::open_to_others(temporary.file(), file.secrecy)?;
        }
        Ok(temporary)
    }

    fn prefix(self) -> String {
        self.tag.map_or_else(|| STAGING.into(), |tag| format!("{STAGING}{tag:016x}-"))
    }

    /// Appends whole lines with a single write, ending a line that a crash cut off first.
    pub fn append_lines(self, path: &Path, lines: &str) -> anyhow::Result<()> {
        let append = || -> io::Result<()> {
            let mut options = OpenOptions::new();
            options.create(true).append(true).read(true);
            let mut file = without_following(&mut options).open(path)?;
            let torn = file.metadata()?.len() > 0 && {
                let mut last = [0];
                file.seek(SeekFrom::End(-1))?;
                file.read_exact(&mut last)?;
                last != *b"\n"
            };
            let start = if torn { "\n" } else { "" };
            file.write_all(format!("{start}{lines}").as_bytes())
        };
        append().or_hint(|| format!("cannot write {}", path.display()), || folder_hint(path))
    }

    /// Opens a file that a library writes to, creating it with mode 0600 if necessary.
    pub fn open_private(self, path: &Path) -> anyhow::Result<File> {
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).read(true).write(true);
        let opened = without_following(&mut options).open(path);
        opened.or_hint(|| format!("cannot open {}", path.display()), || folder_hint(path))
    }

    /// Removes a file; a missing one is not an error.
    pub fn remove(self, path: &Path) -> anyhow::Result<()> {
        match fs::remove_file(path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                Err(e).or_hint(|| format!("cannot remove {}", path.display()), || folder_hint(path))
            }
            _ => Ok(()),
        }
    }
}

/// Makes `open` refuse a link as the last component, create files as private, and not wait for the other end
/// of a FIFO.
#[cfg(unix)]
fn without_following(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    options.mode(Secrecy::Private.mode()).custom_flags(flags.bits().cast_signed())
}

/// Creating links requires administrator rights on Windows.
#[cfg(not(unix))]
fn without_following(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

fn is_a_link() -> io::Error {
    io::Error::other("it is a link, which devca neither follows nor replaces")
}

fn not_a_regular_file() -> io::Error {
    io::Error::other("it is not a regular file")
}

fn create_folders(path: &Path, secrecy: Secrecy) -> anyhow::Result<()> {
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        create_folders(parent, secrecy)?;
    }
    match folder_builder(secrecy).create(path) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        made => made,
    }
    .or_hint(|| format!("cannot create the folder {}", path.display()), || folder_hint(path))
}

#[cfg(unix)]
fn folder_builder(secrecy: Secrecy) -> fs::DirBuilder {
    let mut builder = fs::DirBuilder::new();
    if secrecy == Secrecy::Private {
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    }
    builder
}

#[cfg(not(unix))]
fn folder_builder(_: Secrecy) -> fs::DirBuilder {
    fs::DirBuilder::new()
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn folder_hint(path: &Path) -> String {
    let folder = folder_of(path);
    if folder.symlink_metadata().is_err_and(|e| e.kind() == std::io::ErrorKind::NotFound) {
        return format!("create the folder first: mkdir -p {}", quoted(folder));
    }
    format!("check free space and permissions: df -h {0}; ls -ld {0}", quoted(folder))
}

/// The error for a file that must not exist yet.
pub fn in_the_way(path: &Path, why: &str) -> Fault {
    Fault::new(
        format!("{} already exists, and {why}", path.display()),
        "choose another folder with --out, --cert-file or --key-file, or replace it with --force",
    )
}
