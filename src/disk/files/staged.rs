//! Files that were issued: complete under other names before the first gets its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use super::folder::Folder;
use super::temporary::Temporary;
use super::{Files, NewFile, Secrecy, folder_hint, folder_of, modified, modified_of};
use crate::error::{Fault, OrHint, quoted};

/// Whether this is the content, at this path, of the file that may be replaced.
pub type Recognize = Box<dyn Fn(&Path, &[u8]) -> bool + Send + Sync>;

/// Files that are complete on disk under temporary names; dropped, they vanish.
#[must_use]
pub struct Staged {
    files: Vec<(Temporary, NewFile)>,
}

impl Files {
    /// Removes what an interrupted run has left half-written in a folder, with this tag. The caller holds the CA's lock.
    pub fn sweep_issued(self, folder: &Path) {
        let (true, Ok(folder)) = (self.tag.is_some(), Folder::open(folder)) else { return };
        let prefix = self.prefix();
        for name in folder.names().unwrap_or_default() {
            if name.to_string_lossy().starts_with(&prefix) {
                // A file that cannot be removed does no harm.
                let _ = folder.remove(&name);
            }
        }
    }

    /// Writes every file under a temporary name beside its own; fails with nothing left behind.
    pub fn stage(self, files: Vec<NewFile>) -> anyhow::Result<Staged> {
        self.stage_over(files, None)
    }

    /// The same for files that are to take the places of others, and their owner, group, mode and access control list:
    /// a server may read them by these. Each is opened once and must be recognized by its content, so that nobody gets
    /// a new key who could not read the old one.
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
                Some(recognize) => Some(recognized(&folder, &file, recognize)?),
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

/// The file that is to be replaced, open, if its content is what devca wrote there.
fn recognized(folder: &Folder, file: &NewFile, recognize: &Recognize) -> anyhow::Result<std::fs::File> {
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
    if recognize(&file.path, &content) {
        return Ok(old);
    }
    let what = format!("cannot replace {path}: it changed while devca was writing");
    Err(Fault::new(what, hint()).into())
}

impl Staged {
    /// When the file that is to be at this path was written; a file that is not to be replaced is there already.
    pub fn modified(&self, path: &Path) -> Option<u64> {
        match self.files.iter().find(|(_, file)| file.path == path) {
            Some((temporary, _)) => modified_of(&temporary.file().metadata().ok()?),
            None => modified(path),
        }
    }

    /// Flushes the content and, once renamed, the folders to the disk: for roots, which must outlive a power cut.
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

    /// Gives the files their names, in order. When a key is replaced, the old certificate goes first and the old key
    /// next: a reader of the pair never sees a certificate with another's key. (And ext4 need
    /// not flush the new file, as it does when one is renamed over another.)
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

    /// Gives the files their names, each at once in the place of the old one: for certificates that keep their key.
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
