//! Issues many certificates at once: on every core, one chunk at a time, so that memory use stays flat.

use std::path::Path;

use crate::disk::files::{Files, NewFile, Recognize, Staged};
use crate::issued::inventory::{self, Entry};
use crate::issued::parallel::map;

/// The most certificates made before they are written: enough to keep the cores busy, few enough to hold in
/// memory.
const LARGEST_CHUNK: usize = 1024;

/// Open files other than those of a chunk: the standard streams, the lock, and whatever libraries open.
const OTHER_FILES: usize = 32;

/// How many certificates with this many files each to make before writing them. Until then their files and
/// folders stay open, and the limit for open files is 1024 on desktops and 256 on macOS.
pub fn chunk(files_each: usize) -> usize {
    (open_files().saturating_sub(OTHER_FILES) / (files_each + 1)).clamp(1, LARGEST_CHUNK)
}

#[cfg(unix)]
fn open_files() -> usize {
    use rustix::process::{Resource, getrlimit};
    let limit = getrlimit(Resource::Nofile).current;
    limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX)
}

/// Windows has no limit that matters here.
#[cfg(not(unix))]
fn open_files() -> usize {
    usize::MAX
}

/// A certificate that has been made but not yet written.
pub struct Made {
    /// The files to write, in order, without those that do not change.
    pub files: Vec<NewFile>,
    /// The line for the inventory.
    pub entry: Entry,
    /// Whether certificate and key replace another pair, so that the old files must be removed first.
    pub changes_key: bool,
    /// Recognizes the files to be replaced; the new ones get their owner and mode.
    pub recognize: Option<Recognize>,
}

/// Makes one certificate for each job, then writes them: stages all files, appends to the inventory once, and
/// then renames the files. A job that fails does not affect the others. The caller holds the CA's lock.
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
