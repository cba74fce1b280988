//! Reads files with limits on size and time: another user's file may be endless, or a pipe to which nothing
//! is ever written.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::path::Path;
use std::time::{Duration, Instant};

/// How long to wait for a pipe that the user named: the program at its other end may ask for a password
/// first.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Wait as long as the program at the other end runs; a month, because the clock needs some limit.
pub const UNLIMITED: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The maximum size, larger than any settings, list of roots or inventory.
const LARGEST: u64 = 256 << 20;

/// Reads a regular file.
pub fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    regular(path, LARGEST, &mut bytes).map(|()| bytes)
}

/// Reads a regular file as text.
pub fn text(path: &Path) -> io::Result<String> {
    String::from_utf8(bytes(path)?).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))
}

/// Appends the content of a regular file. Anything else (a pipe, a device, a folder) is an error.
pub fn regular(path: &Path, limit: u64, into: &mut Vec<u8>) -> io::Result<()> {
    let file = open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    up_to(file, metadata.len(), limit, into)
}

/// Appends the content of a file that the user named, which may be a pipe such as `<(…)`. The first octet
/// must arrive within `patience`, and the rest within the same time after that.
pub fn named(path: &Path, limit: u64, patience: Duration, into: &mut Vec<u8>) -> io::Result<()> {
    let file = open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_file() {
        up_to(file, metadata.len(), limit, into)
    } else if metadata.is_dir() {
        Err(io::ErrorKind::IsADirectory.into())
    } else {
        // Enough for any key, because a growing vector leaves copies in memory.
        up_to(Patient { file, patience, deadline: None }, 1 << 16, limit, into)
    }
}

/// Appends standard input. A pipe has the same time limit as in [`named`]; on a terminal, where a person
/// types, there is none.
#[cfg(unix)]
pub fn stdin(limit: u64, patience: Duration, into: &mut Vec<u8>) -> io::Result<()> {
    use std::io::IsTerminal;
    use std::os::fd::AsFd;
    let stdin = io::stdin();
    if stdin.is_terminal() {
        return up_to(stdin.lock(), 1 << 16, limit, into);
    }
    descriptor(stdin.as_fd(), limit, patience, into)
}

#[cfg(unix)]
fn descriptor(
    opened: std::os::fd::BorrowedFd,
    limit: u64,
    patience: Duration,
    into: &mut Vec<u8>,
) -> io::Result<()> {
    let file = File::from(opened.try_clone_to_owned()?);
    up_to(Patient { file, patience, deadline: None }, 1 << 16, limit, into)
}

/// Appends standard input; on Windows, there is no time limit.
#[cfg(not(unix))]
pub fn stdin(limit: u64, _: Duration, into: &mut Vec<u8>) -> io::Result<()> {
    up_to(io::stdin().lock(), 1 << 16, limit, into)
}

/// Appends everything that can be read (about `size` bytes), and fails if that exceeds the limit.
pub fn up_to(from: impl Read, size: u64, limit: u64, into: &mut Vec<u8>) -> io::Result<()> {
    let before = into.len();
    into.reserve(usize::try_from(size.min(limit)).unwrap_or(0) + 1);
    from.take(limit + 1).read_to_end(into)?;
    if (into.len() - before) as u64 > limit {
        let limit = if limit >= 1 << 20 { format!("{} MB", limit >> 20) } else { format!("{limit} bytes") };
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it is too large: the limit is {limit}"),
        ));
    }
    Ok(())
}

/// Opens a file; if it is a pipe, does not wait for its writer.
#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use nix::fcntl::OFlag;
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new().read(true).custom_flags((OFlag::O_NONBLOCK | OFlag::O_NOCTTY).bits()).open(path)
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).open(path)
}

/// A pipe or a terminal with a time limit.
struct Patient {
    file: File,
    patience: Duration,
    /// Set after the first bytes have arrived.
    deadline: Option<Instant>,
}

#[cfg(unix)]
impl Read for Patient {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        use nix::errno::Errno;
        use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
        use std::os::fd::AsFd;
        loop {
            let left =
                self.deadline.map_or(self.patience, |end| end.saturating_duration_since(Instant::now()));
            let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
            match poll(&mut [PollFd::new(self.file.as_fd(), PollFlags::POLLIN)], timeout) {
                Ok(0) => {
                    let (seconds, is_begun) = (self.patience.as_secs_f32(), self.deadline.is_some());
                    let what = if is_begun {
                        format!("it did not end within {seconds} seconds")
                    } else {
                        format!("nothing was written to it within {seconds} seconds")
                    };
                    return Err(io::Error::new(io::ErrorKind::TimedOut, what));
                }
                Ok(_) | Err(Errno::EINTR) => {}
                Err(e) => return Err(e.into()),
            }
            match self.file.read(buffer) {
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                read => {
                    self.deadline.get_or_insert_with(|| Instant::now() + self.patience);
                    return read;
                }
            }
        }
    }
}

/// There is no time limit for named pipes on Windows.
#[cfg(not(unix))]
impl Read for Patient {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let _ = (self.patience, self.deadline);
        self.file.read(buffer)
    }
}

#[cfg(all(test, unix))]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::io::Write;

    fn pipe() -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        (folder, path)
    }

    fn read_named(path: &Path, limit: u64, patience: Duration) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        named(path, limit, patience, &mut bytes).map(|()| bytes)
    }

    #[test]
    fn what_is_written_to_a_pipe_is_read_to_its_end() {
        let (_folder, path) = pipe();
        let writer = {
            let path = path.clone();
            std::thread::spawn(move || {
                let mut file = OpenOptions::new().write(true).open(path).unwrap();
                file.write_all(&vec![b'a'; 100_000]).unwrap();
                file.write_all(b"end").unwrap();
            })
        };
        let read = read_named(&path, 1 << 20, Duration::from_secs(60)).unwrap();
        writer.join().unwrap();
        assert!(read.len() == 100_003 && read.ends_with(b"end"));
    }

    #[test]
    fn a_pipe_without_a_writer_times_out() {
        let (_folder, path) = pipe();
        let silent = read_named(&path, 10, Duration::from_millis(50)).unwrap_err();
        assert_eq!(silent.kind(), io::ErrorKind::TimedOut);
        let held = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        let silent = read_named(&path, 10, Duration::from_millis(50)).unwrap_err();
        assert_eq!(silent.kind(), io::ErrorKind::TimedOut);
        drop(held);
        assert!(regular(&path, 10, &mut Vec::new()).unwrap_err().to_string().contains("not a regular file"));
    }

    #[test]
    fn a_pipe_that_is_already_open_times_out() {
        use std::os::fd::AsFd;
        let (reader, writer) = nix::unistd::pipe().unwrap();
        let read = |patience: u64| {
            let mut bytes = Vec::new();
            descriptor(reader.as_fd(), 10, Duration::from_millis(patience), &mut bytes).map(|()| bytes)
        };
        assert!(read(50).unwrap_err().to_string().contains("nothing was written to it"));
        let mut writer = File::from(writer);
        writer.write_all(b"a").unwrap();
        assert!(read(50).unwrap_err().to_string().contains("it did not end"));
        writer.write_all(b"b").unwrap();
        drop(writer);
        assert_eq!(read(60_000).unwrap(), b"b");
    }

    #[test]
    fn endless_input_is_too_large() {
        let endless = read_named(Path::new("/dev/zero"), 1 << 16, PATIENCE).unwrap_err();
        assert_eq!(endless.kind(), io::ErrorKind::FileTooLarge);
        assert!(regular(Path::new("/dev/zero"), 10, &mut Vec::new()).is_err());
        assert!(regular(Path::new("/dev"), 10, &mut Vec::new()).is_err());
        assert!(read_named(Path::new("/dev"), 10, PATIENCE).is_err());
    }
}
