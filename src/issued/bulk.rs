//! Many certificates at once: on every core, a chunk at a time, so that memory stays flat.

use std::path::Path;

use crate::disk::files::{Files, NewFile, Recognize, Staged};
use crate::issued::inventory::{self, Entry};
use crate::issued::parallel::map;

/// No more are made before they are written: enough to keep the cores busy, few enough to hold in memory.
const LARGEST_CHUNK: usize = 1024;

/// Standard streams, the lock, libraries: what is open beside the files of a chunk.
const OTHER_FILES: usize = 32;

/// How many certificates with so many files each are made before they are written. Until then their files are open,
/// and each has its folder open: desktops let a process open 1024 files, macOS 256.
pub fn chunk(files_each: usize) -> usize {
    (open_files().saturating_sub(OTHER_FILES) / (files_each + 1)).clamp(1, LARGEST_CHUNK)
}

#[cfg(unix)]
fn open_files() -> usize {
    use rustix::process::{Resource, getrlimit};
    let limit = getrlimit(Resource::Nofile).current;
    limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX)
}

/// Windows has no limit worth speaking of.
#[cfg(not(unix))]
fn open_files() -> usize {
    usize::MAX
}

/// A certificate that is made, and not yet written.
pub struct Made {
    /// In order; those that do not change are left out.
    pub files: Vec<NewFile>,
    /// The inventory's line.
    pub entry: Entry,
    /// Whether certificate and key replace others, so that the old ones must go first.
    pub changes_key: bool,
    /// Knows the files that are to be replaced, whose owner and mode the new ones get.
    pub recognize: Option<Recognize>,
}

/// Makes one certificate for each job, and writes them: all staged, one append to the inventory, and then their names.
/// A job that fails leaves the others done. The caller holds the CA's lock.
pub fn write<J: Sync>(
    jobs: &[J],
    make: impl Fn(&J) -> anyhow::Result<Made> + Sync,
    inventory: &Path,
    files: Files,
) -> anyhow::Result<Vec<anyhow::Result<Entry>>> {
    let stage = |job: &J| {
        let Made { files: new, mut entry, changes_key, recognize } = make(job)?;
        let staged = match &recognize {
            Some(recognize) => files.stage_in_place(new, recognize)?,
            None => files.stage(new)?,
        };
        entry.stamp(&staged);
        let line = inventory::lines_of([&entry])?;
        Ok((line, (staged, entry, changes_key)))
    };
    let staged: Vec<anyhow::Result<_>> = map(jobs.iter().collect(), stage);
    let lines: String = staged.iter().flatten().map(|(line, _)| line.as_str()).collect();
    if !lines.is_empty() {
        files.append_lines(inventory, &lines)?;
    }
    let commit = |made: anyhow::Result<_>| {
        let (_, (staged, entry, changes_key)): (String, (Staged, Entry, bool)) = made?;
        let committed = if changes_key { staged.commit() } else { staged.commit_over() };
        committed.map(|()| entry)
    };
    Ok(map(staged, commit))
}
