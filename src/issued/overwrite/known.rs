//! Looks up files in the inventory by their content.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::disk::home::CaFolder;
use crate::issued::inventory::{Entry, Inventory};

/// A CA's inventory, indexed by the paths of files and the hashes of files and keys. It is read once, when it is first needed.
pub struct Known<'a> {
    ca: &'a CaFolder,
    index: OnceLock<Index>,
}

#[derive(Default)]
struct Index {
    entries: Vec<Entry>,
    by_hash: HashMap<String, Vec<usize>>,
    by_path: HashMap<PathBuf, usize>,
}

impl<'a> Known<'a> {
    /// Creates the index without reading the inventory yet.
    pub fn new(ca: &'a CaFolder) -> Self {
        Self { ca, index: OnceLock::new() }
    }

    pub(super) fn ca(&self) -> &'a CaFolder {
        self.ca
    }

    /// The certificates that were issued with this file or key (SHA-256 in hexadecimal).
    pub(super) fn with(&self, sha256: &str) -> impl Iterator<Item = &Entry> {
        let index = self.index();
        index.by_hash.get(sha256).into_iter().flatten().map(|at| &index.entries[*at])
    }

    /// The certificate that was issued last with a file at this path.
    pub(in crate::issued) fn at(&self, path: &Path) -> Option<&Entry> {
        let index = self.index();
        index.by_path.get(path).map(|at| &index.entries[*at])
    }

    fn index(&self) -> &Index {
        self.index.get_or_init(|| {
            let mut index = Index::default();
            let inventory = Inventory::load(&self.ca.inventory()).unwrap_or_default();
            inventory.entries.into_iter().for_each(|entry| index.insert(entry));
            index
        })
    }

    /// Adds a certificate that was issued in the meantime.
    pub fn add(&mut self, entry: Entry) {
        // If the inventory has not been read yet, it will already include the entry.
        if let Some(index) = self.index.get_mut() {
            index.insert(entry);
        }
    }
}

impl Index {
    fn insert(&mut self, entry: Entry) {
        let at = self.entries.len();
        let files = entry.files.iter().filter_map(|file| file.sha256.clone());
        for hash in files.chain([entry.key_sha256.clone()]) {
            self.by_hash.entry(hash).or_default().push(at);
        }
        self.by_path.extend(entry.files.iter().map(|file| (file.path.clone(), at)));
        self.entries.push(entry);
    }
}
