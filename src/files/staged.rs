//! Files that were issued: complete under other names before the first gets its own.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::{Files, NewFile, Secrecy, flush_folder, folder_hint, folder_of, modified, modified_of};
use crate::error::OrHint;

/// Files that are complete on disk under temporary names; dropped, they vanish.
#[must_use]
pub struct Staged {
    files: Vec<(NamedTempFile, NewFile)>,
}

impl Files {
    /// Removes what an interrupted run has left half-written in a folder, with this tag. The caller holds the CA's lock.
    pub fn sweep_issued(self, folder: &Path) {
        let prefix = self.prefix();
        let is_left = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().starts_with(&prefix);
        let entries = folder.read_dir().into_iter().flatten().flatten();
        for left in entries.filter(|entry| self.tag.is_some() && is_left(entry)) {
            // What cannot be removed is in nobody's way.
            let _ = fs::remove_file(left.path());
        }
    }

    /// Writes every file under a temporary name beside its own; fails with nothing left behind.
    pub fn stage(self, files: Vec<NewFile>) -> anyhow::Result<Staged> {
        let mut staged = Vec::with_capacity(files.len());
        for file in files {
            let temporary = self
                .write_temporary(&file, folder_of(&file.path))
                .or_hint(|| format!("cannot write {}", file.path.display()), || folder_hint(&file.path))?;
            staged.push((temporary, file));
        }
        Ok(Staged { files: staged })
    }
}

impl Staged {
    /// When the file that is to be at this path was written; a file that is not to be replaced is there already.
    pub fn modified(&self, path: &Path) -> Option<u64> {
        match self.files.iter().find(|(_, file)| file.path == path) {
            Some((temporary, _)) => modified_of(&temporary.as_file().metadata().ok()?),
            None => modified(path),
        }
    }

    /// Flushes the content and, once renamed, the folders to the disk: for roots, which must outlive a power cut.
    pub fn commit_durably(self) -> anyhow::Result<()> {
        let folders: Vec<PathBuf> = self.files.iter().map(|(_, f)| folder_of(&f.path).to_owned()).collect();
        for (temporary, file) in &self.files {
            temporary
                .as_file()
                .sync_all()
                .or_hint(|| format!("cannot write {}", file.path.display()), || folder_hint(&file.path))?;
        }
        self.commit()?;
        for folder in folders {
            flush_folder(&folder)
                .or_hint(|| format!("cannot flush {}", folder.display()), || folder_hint(&folder))?;
        }
        Ok(())
    }

    /// Gives the files their names, in order. When a key is replaced, the old certificate goes first and the old key
    /// next: whoever reads the pair, at whatever moment, never sees a certificate with another's key. (And ext4 need
    /// not flush the new file, as it does when one is renamed over another.)
    pub fn commit(self) -> anyhow::Result<()> {
        self.remove_old_pairs()?;
        self.commit_over()
    }

    fn remove_old_pairs(&self) -> anyhow::Result<()> {
        let old =
            |secrecy| self.files.iter().map(|(_, f)| f).filter(move |f| f.replace && f.secrecy == secrecy);
        if old(Secrecy::Private).next().is_some() {
            for file in old(Secrecy::Public).chain(old(Secrecy::Private)) {
                Files::default().remove(&file.path)?;
            }
        }
        Ok(())
    }

    /// Gives the files their names, each at once in the place of the old one: for certificates that keep their key.
    pub fn commit_over(self) -> anyhow::Result<()> {
        let mut fresh: Vec<PathBuf> = Vec::new();
        for (temporary, file) in self.files {
            let named = if file.replace {
                temporary.persist(&file.path)
            } else {
                temporary.persist_noclobber(&file.path)
            };
            if let Err(e) = named {
                for path in fresh {
                    Files::default().remove(&path)?;
                }
                return Err(e.error)
                    .or_hint(|| format!("cannot write {}", file.path.display()), || folder_hint(&file.path));
            }
            if !file.replace {
                fresh.push(file.path);
            }
        }
        Ok(())
    }
}
