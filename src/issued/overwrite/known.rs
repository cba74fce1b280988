//! What the inventory knows of files by their content.

use std::collections::HashMap;
use std::sync::OnceLock;

use crate::disk::home::CaFolder;
use crate::issued::inventory::{Entry, Inventory};

/// The inventory of a CA, by the hashes of files and keys. It is read once, and only where something asks.
pub struct Known<'a> {
    ca: &'a CaFolder,
    index: OnceLock<Index>,
}

#[derive(Default)]
struct Index {
    entries: Vec<Entry>,
    by_hash: HashMap<String, Vec<usize>>,
}

impl<'a> Known<'a> {
    /// Nothing is read yet.
    pub fn new(ca: &'a CaFolder) -> Self {
        Self { ca, index: OnceLock::new() }
    }

    pub(super) fn ca(&self) -> &'a CaFolder {
        self.ca
    }

    /// What was issued with this file or this key (SHA-256, hexadecimal).
    pub(super) fn with(&self, sha256: &str) -> impl Iterator<Item = &Entry> {
        let index = self.index.get_or_init(|| {
            let mut index = Index::default();
            let inventory = Inventory::load(&self.ca.inventory()).unwrap_or_default();
            inventory.entries.into_iter().for_each(|entry| index.insert(entry));
            index
        });
        index.by_hash.get(sha256).into_iter().flatten().map(|at| &index.entries[*at])
    }

    /// Something was issued since.
    pub fn add(&mut self, entry: Entry) {
        // What has not been read yet will have it.
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
        self.entries.push(entry);
    }
}
