//! Writes issued files: all of them are complete under temporary names before the first is renamed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use super::folder::Folder;
use super::temporary::Temporary;
use super::{Files, NewFile, Secrecy, folder_hint, folder_of, modified, modified_of};
use crate::error::{Fault, OrHint, quoted};

/// Decides, by its path and content, whether a file may be replaced. First it is asked without content: whether the file may
/// be replaced unread.
pub type Recognize = Box<dyn Fn(&Path, Option<&[u8]>) -> bool + Send + Sync>;

/// Files that are complete on disk under temporary names. They are removed when this is dropped.
#[must_use]
pub struct Staged {
    files: Vec<(Temporary, NewFile)>,
}

impl Files {
    /// Removes the temporary files that an interrupted run with this tag left in a folder. The caller holds
    /// the CA's lock.
    pub fn remove_issued_leftovers(self, folder: &Path) {
        let (true, Ok(folder)) = (self.tag.is_some(), Folder::open(folder)) else { return };
        let prefix = self.prefix();
        for name in folder.names().unwrap_or_default() {
            if name.to_string_lossy().starts_with(&prefix) {
                // A leftover file does no harm.
                let _ = folder.remove(&name);
            }
        }
    }

    /// Writes every file under a temporary name beside its final one. If it fails, nothing is left behind.
    pub fn stage(self, files: Vec<NewFile>) -> anyhow::Result<Staged> {
        self.stage_over(files, None)
    }

    /// Does the same for files that replace others. The new files get the owner, group, mode and access
    /// control list of the old ones, which a server may need to read them. Each old file is opened once and
    /// must be recognized by its content, so that no one can obtain a new key without having been able to
    /// read the old one.
    pub fn stage_in_place(self, files: Vec<NewFile>, recognize: &Recognize) -> anyhow::Result<Staged> {
        self.stage_over(files, Some(recognize))
    }

    fn stage_over(self, files: Vec<NewFile>, recognize: Option<&Recognize>) -> anyhow::Result<Staged> {
        let mut folders: Vec<(PathBuf, Arc<Folder>)> = Vec::new();
        let mut staged = Vec::with_capacity(files.len());
        for file in files {
            let folder = open_once(&mut folders, folder_of(&file.path))
                .or_hint(|| format!("cannot write {}", file.path.display()), || folder_hint(&file.path))?;
            let old = match recognize.filter(|_| file.replace) {
                Some(recognize) => recognized(&folder, &file, recognize)?,
                None => None,
            };
            let write = || {
                let temporary = self.write_temporary(&file, &folder)?;
                if let Some(old) = &old {
                    super::rights::take_over(temporary.file(), old)?;
                }
                Ok::<_, std::io::Error>(temporary)
            };
            let temporary = write()
                .or_hint(|| format!("cannot write {}", file.path.display()), || folder_hint(&file.path))?;
            staged.push((temporary, file));
        }
        Ok(Staged { files: staged })
    }
}

fn open_once(opened: &mut Vec<(PathBuf, Arc<Folder>)>, path: &Path) -> std::io::Result<Arc<Folder>> {
    if let Some((_, folder)) = opened.iter().find(|(known, _)| known == path) {
        return Ok(Arc::clone(folder));
    }
    let folder = Arc::new(Folder::open(path)?);
    opened.push((path.to_owned(), Arc::clone(&folder)));
    Ok(folder)
}

/// Opens the file to be replaced, if its content is what devca wrote. Returns `None` if it need not be read.
fn recognized(
    folder: &Folder,
    file: &NewFile,
    recognize: &Recognize,
) -> anyhow::Result<Option<std::fs::File>> {
    if recognize(&file.path, None) {
        return Ok(None);
    }
    let path = file.path.display();
    let hint = || format!("see what it is: ls -l {}", quoted(&file.path));
    let read = || {
        let old = folder.open_file(file.name())?;
        let size = old.metadata()?.len();
        let mut content = Zeroizing::new(Vec::new());
        devca_platform::read::up_to(&old, size, super::READ_LIMIT, &mut content)?;
        Ok::<_, std::io::Error>((old, content))
    };
    let (old, content) = read().or_hint(|| format!("cannot replace {path}"), hint)?;
    if recognize(&file.path, Some(&content)) {
        return Ok(Some(old));
    }
    let what = format!("cannot replace {path}: it changed while devca was writing");
    Err(Fault::new(what, hint()).into())
}

impl Staged {
    /// The modification time of the file for this path, whether it is staged or already exists.
    pub fn modified(&self, path: &Path) -> Option<u64> {
        match self.files.iter().find(|(_, file)| file.path == path) {
            Some((temporary, _)) => modified_of(&temporary.file().metadata().ok()?),
            None => modified(path),
        }
    }

    /// Also flushes the files and, after renaming, their folders to the disk: roots must survive a power
    /// failure.
    pub fn commit_durably(self) -> anyhow::Result<()> {
        let mut folders: Vec<(PathBuf, Arc<Folder>)> = Vec::new();
        for (temporary, file) in &self.files {
            temporary
                .file()
                .sync_all()
                .or_hint(|| format!("cannot write {}", file.path.display()), || folder_hint(&file.path))?;
            if !folders.iter().any(|(known, _)| known == folder_of(&file.path)) {
                folders.push((folder_of(&file.path).to_owned(), Arc::clone(temporary.folder())));
            }
        }
        self.commit()?;
        for (path, folder) in folders {
            folder.flush().or_hint(|| format!("cannot flush {}", path.display()), || folder_hint(&path))?;
        }
        Ok(())
    }

    /// Renames the files to their final names, in order. If a key is replaced, the old certificate is removed
    /// first and then the old key, so that no reader ever sees a certificate with the wrong key. (It also
    /// spares ext4 the flush that it does when one file is renamed over another.)
    pub fn commit(self) -> anyhow::Result<()> {
        self.remove_old_pairs()?;
        self.commit_over()
    }

    fn remove_old_pairs(&self) -> anyhow::Result<()> {
        let old =
            |secrecy| self.files.iter().filter(move |(_, file)| file.replace && file.secrecy == secrecy);
        if old(Secrecy::Private).next().is_some() {
            for (temporary, file) in old(Secrecy::Public).chain(old(Secrecy::Private)) {
                temporary.folder().remove(file.name()).or_hint(
                    || format!("cannot remove {}", file.path.display()),
                    || folder_hint(&file.path),
                )?;
            }
        }
        Ok(())
    }

    /// Renames the files to their final names, replacing each old file atomically. This is for certificates
    /// that keep their key.
    pub fn commit_over(self) -> anyhow::Result<()> {
        let mut created: Vec<(Arc<Folder>, NewFile)> = Vec::new();
        for (temporary, file) in self.files {
            let folder = Arc::clone(temporary.folder());
            if let Err(e) = temporary.persist(file.name(), file.replace) {
                for (folder, file) in created {
                    let _ = folder.remove(file.name());
                }
                return Err(e)
                    .or_hint(|| format!("cannot write {}", file.path.display()), || folder_hint(&file.path));
            }
            if !file.replace {
                created.push((folder, file));
            }
        }
        Ok(())
    }
}
