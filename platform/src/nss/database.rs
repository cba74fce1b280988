//! One database, as a store.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::tool::{DatabaseTool, NssEntry};
use crate::last_read::LastRead;
use crate::{Anchor, Host, Problem, Step, Store, StoreKind};

/// Marks the folder of a database that devca created.
const MARK: &str = ".made-by-devca";

/// `cert9.db` and `key4.db` in a folder.
pub(super) struct Database<'a> {
    host: &'a Host,
    tool: Rc<dyn DatabaseTool>,
    name: String,
    pub folder: PathBuf,
    last_read: LastRead<Vec<NssEntry>>,
}

impl<'a> Database<'a> {
    pub(super) fn new(host: &'a Host, tool: Rc<dyn DatabaseTool>, name: String, folder: PathBuf) -> Self {
        Self { host, tool, name, folder, last_read: LastRead::default() }
    }

    /// Creates the database if it does not exist.
    pub(super) fn create(&self) -> Result<Vec<Step>, Problem> {
        let mut steps = Vec::new();
        if !self.exists() {
            let install = self.host.needed("install", "coreutils")?;
            let folder = self.folder.as_os_str();
            steps.push(Step::run(&install, ["-d".as_ref(), "-m".as_ref(), "0700".as_ref(), folder]));
            steps.extend(self.tool.create(&self.folder));
            // A folder that already exists belongs to someone else.
            if !self.folder.exists() {
                let mark = self.folder.join(MARK);
                let words = ["-m".as_ref(), "0600".as_ref(), "/dev/null".as_ref(), mark.as_os_str()];
                steps.push(Step::run(&install, words));
            }
        }
        Ok(steps)
    }

    fn exists(&self) -> bool {
        self.folder.join("cert9.db").is_file()
    }

    pub(super) fn entries(&self) -> Result<Vec<NssEntry>, Problem> {
        self.last_read
            .get(|| if self.exists() { self.tool.list(self.host, &self.folder) } else { Ok(Vec::new()) })
    }

    /// Afterward, everything read from the database is outdated, even if a step failed.
    pub(super) fn change(&self, steps: &[Step], before: impl FnMut(&str)) -> Result<(), Problem> {
        let performed = self.host.perform(steps, before);
        self.forget();
        performed
    }
}

impl Store for Database<'_> {
    fn kind(&self) -> StoreKind {
        StoreKind::Nss
    }

    fn place(&self) -> String {
        format!("{} ({})", self.name, self.folder.display())
    }

    /// A certificate in the database is not necessarily trusted.
    fn holds(&self, anchor: &Anchor) -> Result<bool, Problem> {
        Ok(self.entries()?.iter().any(|entry| entry.trusted && entry.der == anchor.der))
    }

    fn add(&self, anchor: &Anchor) -> Result<Vec<Step>, Problem> {
        let mut steps = self.create()?;
        steps.push(self.tool.add(&self.folder, anchor));
        Ok(steps)
    }

    fn remove(&self, anchor: &Anchor) -> Result<Vec<Step>, Problem> {
        let entries = self.entries()?;
        let mut ours: Vec<_> = entries.iter().filter(|entry| entry.der == anchor.der).collect();
        // For one name, certutil returns every certificate with that subject, so another root may have its own name.
        if ours.iter().any(|entry| entry.nickname == anchor.label) {
            ours.retain(|entry| entry.nickname == anchor.label);
        }
        // A certificate with its own name, for example a company's root, stays, but loses the trust.
        let is_ours =
            |entry: &NssEntry| ["devca", "mkcert"].iter().any(|word| entry.nickname.starts_with(word));
        let step = |entry: &NssEntry| match (is_ours(entry), entry.trusted) {
            (true, _) => Some(self.tool.remove(&self.folder, entry)),
            (false, true) => Some(self.tool.distrust(&self.folder, entry)),
            (false, false) => None,
        };
        Ok(ours.into_iter().filter_map(step).collect())
    }

    /// A database that was created for the root is removed with it, unless something else was added.
    fn remove_if_empty(&self) -> Result<Vec<Step>, Problem> {
        let mark = self.folder.join(MARK);
        if !mark.is_file() || !self.tool.is_empty(self.host, &self.folder)? {
            return Ok(Vec::new());
        }
        let files = ["cert9.db", "key4.db", "pkcs11.txt", MARK].map(|name| self.folder.join(name));
        let (remove, remove_folder) =
            (self.host.needed("rm", "coreutils")?, self.host.needed("rmdir", "coreutils")?);
        let words =
            ["-f".as_ref(), "--".as_ref()].into_iter().chain(files.iter().map(|file| file.as_os_str()));
        let folders = [Some(self.folder.as_path()), self.folder.parent()];
        let words_for_folders = ["--ignore-fail-on-non-empty".as_ref(), "--".as_ref()]
            .into_iter()
            .chain(folders.into_iter().flatten().map(Path::as_os_str));
        Ok(vec![Step::run(&remove, words), Step::run(&remove_folder, words_for_folders)])
    }

    fn forget(&self) {
        self.last_read.forget();
    }

    fn certificates(&self) -> Result<Vec<Vec<u8>>, Problem> {
        let mut all: Vec<_> = self.entries()?.into_iter().map(|entry| entry.der).collect();
        all.sort();
        all.dedup();
        Ok(all)
    }
}
