//! The programs that are installed beside this one.

use std::env;
use std::fs;
use std::io;
use std::path::PathBuf;

/// Finds a program beside the running one, where it is no easier to change than the running one itself: in a folder that
/// several people share, such as /tmp, anyone could put a program of that name there.
pub fn program_beside(name: &str) -> io::Result<PathBuf> {
    // Links are resolved. Without /proc this fails, and nothing else is searched: PATH may contain the current folder.
    let own = env::current_exe()?;
    let path = own.with_file_name(name);
    // Whoever may change a link decides what it leads to.
    let found = path.symlink_metadata()?;
    if !found.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    if !is_as_safe(&own.metadata()?, &found) {
        return Err(io::Error::other("other users can change it"));
    }
    Ok(path)
}

#[cfg(unix)]
fn is_as_safe(own: &fs::Metadata, found: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    const WRITABLE_BY_OTHERS: u32 = 0o022;
    let owners = [0, nix::unistd::geteuid().as_raw(), own.uid()];
    owners.contains(&found.uid()) && found.mode() & !own.mode() & WRITABLE_BY_OTHERS == 0
}

#[cfg(not(unix))]
fn is_as_safe(_: &fs::Metadata, _: &fs::Metadata) -> bool {
    true
}
