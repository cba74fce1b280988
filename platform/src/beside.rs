//! Finds the programs that are installed next to this one.

use std::env;
use std::fs;
use std::io;
use std::path::PathBuf;

/// Finds a program next to the running one, unless it is easier to change than the running one itself: in a
/// shared folder such as /tmp, anyone could add a program with that name.
pub fn program_beside(name: &str) -> io::Result<PathBuf> {
    // This resolves links. Without /proc it fails, and there is no other search, because PATH may contain the
    // current folder.
    let own = env::current_exe()?;
    let path = own.with_file_name(name);
    // Anyone who can change a link decides where it leads.
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
