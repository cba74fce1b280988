//! Replaces a CA's own files all together or not at all.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::folder::Folder;
use super::temporary::create_unique;
use super::{Files, NewFile, STAGING, folder_hint};
use crate::error::OrHint;

/// The folder, inside a CA's folder, with the files that are ready to be moved into place.
const READY: &str = "ready";

impl Files {
    /// Replaces and removes files of a CA's folder in one transaction. If it is interrupted, either nothing
    /// has changed, or the next [`finish_exchange`](Self::finish_exchange) completes it. The caller holds the CA's lock.
    pub fn exchange(self, folder: &Path, new: &[NewFile], gone: &[PathBuf]) -> anyhow::Result<()> {
        let exchange = || -> io::Result<()> {
            let opened = Folder::open(folder)?;
            let (name, next) = create_unique(STAGING, |name| opened.create_folder(name))?;
            let exchanged = self.fill(next, new, gone).and_then(|()| {
                opened.rename(&name, &opened, OsStr::new(READY))?;
                opened.flush()
            });
            if exchanged.is_err() {
                let _ = opened.remove_folder(&name);
            }
            exchanged
        };
        exchange().or_hint(|| format!("cannot write {}", folder.display()), || folder_hint(folder))?;
        self.finish_exchange(folder)
    }

    fn fill(self, folder: Folder, new: &[NewFile], gone: &[PathBuf]) -> io::Result<()> {
        let folder = Arc::new(folder);
        for file in new {
            let temporary = self.write_temporary(file, &folder)?;
            temporary.file().sync_all()?;
            temporary.persist(file.name(), false)?;
        }
        // An empty file marks the file of the same name for removal.
        for path in gone {
            folder.create_file(path.file_name().unwrap_or_default())?;
        }
        folder.flush()
    }

    /// Completes an interrupted [`exchange`](Self::exchange). The caller holds the CA's lock.
    pub fn finish_exchange(self, folder: &Path) -> anyhow::Result<()> {
        // Every command passes here, and usually there is nothing to complete, so check the path first.
        if folder.join(READY).symlink_metadata().is_ok_and(|found| found.is_dir()) {
            move_into_place(folder)
                .or_hint(|| format!("cannot write {}", folder.display()), || folder_hint(folder))?;
        }
        Ok(())
    }

    /// Removes the temporary files that an interrupted run left in a CA's folder. The caller holds the CA's
    /// lock.
    pub fn remove_leftovers(self, folder: &Path) -> anyhow::Result<()> {
        let remove = || -> io::Result<()> {
            let folder = Folder::open(folder)?;
            for name in folder.names()? {
                if name.to_string_lossy().starts_with(STAGING) {
                    match folder.look(&name)? {
                        Some(found) if found.is_folder => folder.remove_folder(&name)?,
                        _ => folder.remove(&name)?,
                    }
                }
            }
            Ok(())
        };
        remove().or_hint(|| format!("cannot clean up {}", folder.display()), || folder_hint(folder))
    }
}

fn move_into_place(folder: &Path) -> io::Result<()> {
    let folder = Folder::open(folder)?;
    let ready = folder.open_folder(OsStr::new(READY))?;
    for name in ready.names()? {
        match ready.look(&name)? {
            Some(found) if found.is_file && found.size > 0 => ready.rename(&name, &folder, &name)?,
            Some(found) if found.is_file => {
                folder.remove(&name)?;
                ready.remove(&name)?;
            }
            // `exchange` creates nothing else there.
            _ => {}
        }
    }
    folder.remove_folder(OsStr::new(READY))?;
    folder.flush()
}
