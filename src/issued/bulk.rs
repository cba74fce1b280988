//! Many certificates at once: on every core, a chunk at a time, so that memory stays flat.

use std::path::Path;

use crate::disk::files::{Files, NewFile, Recognize, Staged};
use crate::issued::inventory::{self, Entry};
use crate::issued::parallel::map;

/// How many are made before they are written: enough to keep the cores busy, few enough to hold in memory.
pub const CHUNK: usize = 1024;

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
