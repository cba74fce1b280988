//! A CA's own files, replaced all together or not at all.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::{Files, NewFile, STAGING, flush_folder, folder_hint};
use crate::error::OrHint;

/// The folder, in a CA's folder, whose files are about to take their places.
const READY: &str = "ready";

impl Files {
    /// Replaces and removes files of a CA's folder together: whenever it is interrupted, all of it has happened or,
    /// once [`settle`](Self::settle) has run, happens. The caller holds the CA's lock.
    pub fn exchange(self, folder: &Path, new: &[NewFile], gone: &[PathBuf]) -> anyhow::Result<()> {
        let exchange = || -> io::Result<()> {
            let next = tempfile::Builder::new().prefix(STAGING).tempdir_in(folder)?;
            self.hand_over(next.path())?;
            for file in new {
                let temporary = self.write_temporary(file, next.path())?;
                temporary.as_file().sync_all()?;
                temporary.persist(next.path().join(file.path.file_name().unwrap_or_default()))?;
            }
            // A file of no bytes says that its namesake goes.
            for path in gone {
                File::create_new(next.path().join(path.file_name().unwrap_or_default()))?;
            }
            flush_folder(next.path())?;
            fs::rename(next.keep(), folder.join(READY))?;
            flush_folder(folder)
        };
        exchange().or_hint(|| format!("cannot write {}", folder.display()), || folder_hint(folder))?;
        self.settle(folder)
    }

    /// Completes an [`exchange`](Self::exchange) that was interrupted. The caller holds the CA's lock.
    pub fn settle(self, folder: &Path) -> anyhow::Result<()> {
        let ready = folder.join(READY);
        // A link is none of devca's: what it leads to is not moved.
        if !ready.symlink_metadata().is_ok_and(|found| found.is_dir()) {
            return Ok(());
        }
        let settle = || -> io::Result<()> {
            for entry in fs::read_dir(&ready)? {
                let entry = entry?;
                let target = folder.join(entry.file_name());
                if entry.metadata()?.len() > 0 {
                    fs::rename(entry.path(), target)?;
                } else {
                    if target.symlink_metadata().is_ok() {
                        fs::remove_file(target)?;
                    }
                    fs::remove_file(entry.path())?;
                }
            }
            fs::remove_dir(&ready)?;
            flush_folder(folder)
        };
        settle().or_hint(|| format!("cannot write {}", folder.display()), || folder_hint(folder))
    }

    /// Removes what an interrupted run has left half-written in a CA's folder. The caller holds the CA's lock.
    pub fn sweep(self, folder: &Path) -> anyhow::Result<()> {
        for entry in folder.read_dir().into_iter().flatten().flatten() {
            let name = entry.file_name();
            if name.to_string_lossy().starts_with(STAGING) {
                if entry.path().is_dir() {
                    let mut inner = entry.path().read_dir().into_iter().flatten().flatten();
                    inner.try_for_each(|file| self.remove(&file.path()))?;
                    let _ = fs::remove_dir(entry.path());
                } else {
                    self.remove(&entry.path())?;
                }
            }
        }
        Ok(())
    }
}
