//! All writing of devca's own files: exclusive create, modes from the first byte, atomic rename, one lock a CA.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use devca_platform::read;
use tempfile::NamedTempFile;
use zeroize::Zeroizing;

use crate::error::{Fault, OrHint};

mod exchange;
mod staged;

pub use staged::Staged;

/// No file that devca reads is larger; what is, is not one of its files.
const READ_LIMIT: u64 = 1 << 20;

/// What the names of half-written files and folders begin with.
const STAGING: &str = ".devca-";

/// How long a lock may be held by another devca before the user is told.
const PATIENCE: Duration = Duration::from_secs(1);

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrecy {
    /// A certificate: 0644.
    Public,
    /// A key, or what names one: 0600.
    Private,
}

impl Secrecy {
    #[cfg(unix)]
    fn mode(self) -> u32 {
        match self {
            Self::Public => 0o644,
            Self::Private => 0o600,
        }
    }
}

/// What is to be written, and whether it may take the place of what is there.
pub struct NewFile {
    /// Where it goes.
    pub path: PathBuf,
    /// All of its content.
    pub content: Zeroizing<Vec<u8>>,
    /// Its mode.
    pub secrecy: Secrecy,
    /// Decided by the caller; without it, a file that turns up in the meantime is an error.
    pub replace: bool,
}

impl NewFile {
    /// A file for everybody to read, where none is yet.
    pub fn public(path: PathBuf, content: impl Into<Zeroizing<Vec<u8>>>) -> Self {
        Self { path, content: content.into(), secrecy: Secrecy::Public, replace: false }
    }
}

/// The whole of a regular file, which stays in no freed memory.
pub fn read(path: &Path) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    read::regular(path, READ_LIMIT, &mut bytes).map(|()| bytes).or_hint(
        || format!("cannot read {}", path.display()),
        || format!("check that the file is there and yours: ls -l {}", path.display()),
    )
}

/// The whole of what the user has named: a file, a pipe such as `<(…)`, or `-` for standard input.
pub fn read_named(path: &Path) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    read_named_up_to(path, READ_LIMIT)
}

/// The same with a limit of its own.
pub fn read_named_up_to(path: &Path, limit: u64) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    let is_stdin = path == Path::new("-");
    let read = if is_stdin {
        read::up_to(io::stdin().lock(), 1 << 16, limit, &mut bytes)
    } else {
        read::named(path, limit, read::PATIENCE, &mut bytes)
    };
    let what = || if is_stdin { "standard input".into() } else { path.display().to_string() };
    let hint = || {
        if is_stdin {
            "pipe a file into it".into()
        } else {
            format!("check that the file is there and yours: ls -l {}", path.display())
        }
    };
    read.map(|()| bytes).or_hint(|| format!("cannot read {}", what()), hint)
}

/// When a file was written, in nanoseconds since 1970.
pub fn modified(path: &Path) -> Option<u64> {
    modified_of(&path.symlink_metadata().ok()?)
}

fn modified_of(metadata: &fs::Metadata) -> Option<u64> {
    let since = metadata.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    u64::try_from(since.as_nanos()).ok()
}

/// Writes on behalf of a person: under `sudo` the files become theirs.
#[derive(Debug, Clone, Copy, Default)]
pub struct Files {
    /// User and group to give new files to, where that is somebody else.
    pub owner: Option<(u32, u32)>,
    /// A file that takes another's place gets its owner, group and mode: a server may read it by these.
    pub keep_rights: bool,
    /// The CA's, in the names of half-written files: whoever holds its lock knows that they are nobody's any more.
    pub tag: Option<u64>,
}

impl Files {
    /// Makes a folder and those above it. A private one is 0700.
    pub fn create_folder(self, path: &Path, secrecy: Secrecy) -> anyhow::Result<()> {
        if path.as_os_str().is_empty() || path.is_dir() {
            return Ok(());
        }
        if let Some(parent) = path.parent() {
            self.create_folder(parent, secrecy)?;
        }
        match folder_builder(secrecy).create(path) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
            made => made.and_then(|()| self.hand_over(path)),
        }
        .or_hint(|| format!("cannot make the folder {}", path.display()), || folder_hint(path))
    }

    /// Takes the lock of a CA, which is free again when the file is dropped. Calls `waiting` if it takes a second:
    /// another devca may be asking somebody for a passphrase.
    pub fn lock(self, path: &Path, waiting: &dyn Fn()) -> anyhow::Result<File> {
        let lock = || -> io::Result<File> {
            refuse_link(path)?;
            let fresh = !path.exists();
            let mut options = OpenOptions::new();
            options.create(true).truncate(false).write(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, Secrecy::Private.mode());
            let file = options.open(path)?;
            if fresh {
                self.hand_over(path)?;
            }
            wait_for_lock(&file, waiting)?;
            Ok(file)
        };
        lock().or_hint(|| format!("cannot lock {}", path.display()), || folder_hint(path))
    }

    fn write_temporary(self, file: &NewFile, folder: &Path) -> io::Result<NamedTempFile> {
        // What is not to be replaced was seen to be free.
        if file.replace && file.path.is_dir() {
            return Err(io::Error::other("a folder of that name is in the way"));
        }
        let mut builder = tempfile::Builder::new();
        let prefix = self.prefix();
        builder.prefix(&prefix);
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(file.secrecy.mode()));
        let mut temporary = builder.tempfile_in(folder)?;
        temporary.write_all(&file.content)?;
        self.hand_over(temporary.path())?;
        if self.keep_rights {
            take_rights(temporary.path(), &file.path)?;
        }
        Ok(temporary)
    }

    fn prefix(self) -> String {
        self.tag.map_or_else(|| STAGING.into(), |tag| format!("{STAGING}{tag:016x}-"))
    }

    /// Sets a mode that keeps others out.
    #[cfg(unix)]
    pub fn close(self, path: &Path) -> anyhow::Result<()> {
        let mode = if path.is_dir() { 0o700 } else { Secrecy::Private.mode() };
        fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).or_hint(
            || format!("cannot change {}", path.display()),
            || format!("see whose it is: ls -ld {}", path.display()),
        )
    }

    /// Windows gives the user's local data to nobody else.
    #[cfg(not(unix))]
    #[allow(clippy::unused_self, clippy::unnecessary_wraps)]
    pub fn close(self, _: &Path) -> anyhow::Result<()> {
        Ok(())
    }

    /// Appends whole lines with a single write. A torn line that a crash left stays alone on its own line.
    pub fn append_lines(self, path: &Path, lines: &str) -> anyhow::Result<()> {
        let append = || -> io::Result<()> {
            refuse_link(path)?;
            let fresh = !path.exists();
            let mut options = OpenOptions::new();
            options.create(true).append(true).read(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, Secrecy::Private.mode());
            let mut file = options.open(path)?;
            if fresh {
                self.hand_over(path)?;
            }
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

    /// Removes a file; one that is not there is no error.
    pub fn remove(self, path: &Path) -> anyhow::Result<()> {
        match fs::remove_file(path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                Err(e).or_hint(|| format!("cannot remove {}", path.display()), || folder_hint(path))
            }
            _ => Ok(()),
        }
    }

    #[cfg(unix)]
    fn hand_over(self, path: &Path) -> io::Result<()> {
        match self.owner {
            Some((user, group)) => std::os::unix::fs::lchown(path, Some(user), Some(group)),
            None => Ok(()),
        }
    }

    #[cfg(not(unix))]
    #[allow(clippy::unused_self, clippy::unnecessary_wraps)]
    fn hand_over(self, _: &Path) -> io::Result<()> {
        Ok(())
    }
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
fn take_rights(path: &Path, from: &Path) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, lchown};
    match from.symlink_metadata() {
        Ok(old) if old.is_file() => {
            lchown(path, Some(old.uid()), Some(old.gid()))?;
            fs::set_permissions(path, old.permissions())
        }
        _ => Ok(()),
    }
}

/// A folder's rights are its files' on Windows.
#[cfg(not(unix))]
#[allow(clippy::unnecessary_wraps)]
fn take_rights(_: &Path, _: &Path) -> io::Result<()> {
    Ok(())
}

/// A link in the CA's own folder would lead writing, under `sudo` root's, to somebody's file.
fn refuse_link(path: &Path) -> io::Result<()> {
    if path.is_symlink() { Err(io::Error::other("it is a link, and links are not followed")) } else { Ok(()) }
}

/// Windows has no handle on a folder to flush, and needs none.
fn flush_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
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

/// Warns about a key that others can read, with the command that mends it.
#[cfg(unix)]
pub fn too_open(path: &Path) -> Option<String> {
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(path).ok()?.permissions());
    (mode & 0o077 != 0).then(|| {
        format!("{} can be read by others (mode {:04o}): chmod 600 {0}", path.display(), mode & 0o7777)
    })
}

/// Windows gives the user's local data to nobody else.
#[cfg(not(unix))]
pub fn too_open(_: &Path) -> Option<String> {
    None
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn folder_hint(path: &Path) -> String {
    format!("check the room and the rights there: df -h {0}; ls -ld {0}", folder_of(path).display())
}

/// A file that must not be there yet gets this fault.
pub fn in_the_way(path: &Path, why: &str) -> Fault {
    Fault::new(
        format!("{} is there already, and {why}", path.display()),
        "choose another place with --out, --cert-file or --key-file, or replace it with --force",
    )
}
