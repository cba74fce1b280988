//! Checks whether another program has locked a database. NSS reports that as damage, or as a general error.

use std::fs::File;
use std::path::Path;

use rustix::process::{Flock, FlockOffsetType, FlockType, fcntl_getlk};

/// The bytes that `SQLite` puts its locks on: "The Lock-Byte Page" in <https://sqlite.org/fileformat.html>.
const FIRST_BYTE: u64 = 0x4000_0000;
const BYTES: u64 = 512;

/// One of the two files of the database in a folder.
pub fn is_locked(folder: &Path) -> bool {
    ["cert9.db", "key4.db"].iter().any(|name| File::open(folder.join(name)).is_ok_and(|file| has_lock(&file)))
}

/// Asks the kernel whose lock would prevent a write lock.
fn has_lock(file: &File) -> bool {
    let lock = Flock {
        start: FIRST_BYTE,
        length: BYTES,
        pid: None,
        typ: FlockType::WriteLock,
        offset_type: FlockOffsetType::Set,
    };
    fcntl_getlk(file, &lock).is_ok_and(|holder| holder.is_some())
}
