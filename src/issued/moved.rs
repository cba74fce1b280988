//! Finds files that were moved or renamed, by their content.

use std::path::{Path, PathBuf};

use crate::disk::files;
use crate::format::{Format, Written};
use crate::issued::inventory::Entry;
use crate::issued::presence::{self, State};
use crate::x509::key;
use crate::x509::pem;

/// The maximum number of files read in a folder, and the maximum size of each.
const MAX_FILES: usize = 1000;
const MAX_BYTES: u64 = 1 << 20;

/// Finds the entry that a file belongs to, with the current paths of its files: those in the folder of this file, those that
/// were named with it and, unless it is a copy, those that are still at their old paths. One of them must have the key, if
/// devca made it.
pub fn find(entries: &[Entry], file: &Path, named: &[String]) -> Option<Entry> {
    let file = files::absolute(file).ok()?;
    let mut entry = entry_of(entries, &file)?.clone();
    let is_copy = presence::state(&entry) == State::There;
    let folder = file.parent()?;
    // A copy must not share a key file with the original.
    let is_shared = |path: &PathBuf| is_copy && entry.files.iter().any(|known| known.path == *path);
    let named = named.iter().filter_map(|name| files::absolute(name).ok()).filter(|path| !is_shared(path));
    let there = [candidates(folder), named.collect()].concat();
    let mut found: Vec<Written> = Vec::new();
    for known in &entry.files {
        let same_name = folder.join(known.path.file_name()?);
        let is_it = |path: &&PathBuf| {
            found.iter().all(|other| other.path != **path) && has_content_of(&entry, known, path)
        };
        let stayed = Some(&known.path).filter(|path| !is_copy && is_it(path));
        if let Some(path) = std::iter::once(&same_name).chain(&there).find(is_it).or(stayed) {
            found.push(Written { path: path.clone(), modified: files::modified(path), ..known.clone() });
        }
    }
    entry.files = found;
    let has_key = entry.key_type.is_none()
        || presence::private_key(&entry, None).is_some()
        || presence::sealed_files(&entry).next().is_some();
    (entry.files.iter().any(|written| written.path == file) && has_key).then_some(entry)
}

/// The latest entry with this file, wherever it is now.
pub fn entry_of<'a>(entries: &'a [Entry], file: &Path) -> Option<&'a Entry> {
    let content = files::read(file).ok()?;
    let der = pem::certificate_in(&content).unwrap_or_else(|| content.to_vec());
    let (of_certificate, of_file) = (hex::encode(key::sha256(&der)), hex::encode(key::sha256(&content)));
    entries.iter().rfind(|entry| {
        let mut files = entry.files.iter();
        entry.sha256 == of_certificate || files.any(|known| known.sha256.as_ref() == Some(&of_file))
    })
}

/// The files in a folder that may be certificates or keys.
fn candidates(folder: &Path) -> Vec<PathBuf> {
    let entries = folder.read_dir().into_iter().flatten().flatten();
    let is_small = |path: &PathBuf| {
        path.symlink_metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() <= MAX_BYTES)
    };
    entries.map(|entry| entry.path()).filter(is_small).take(MAX_FILES).collect()
}

fn has_content_of(entry: &Entry, known: &Written, path: &Path) -> bool {
    let Ok(content) = files::read(path) else { return false };
    // A single certificate and a chain both begin with the leaf.
    let is_chain = pem::contents(&content).certificates.len() > 1;
    let has_its_length = match known.format {
        Format::Pem => !is_chain,
        Format::Fullchain | Format::Combined => is_chain == (entry.intermediate || entry.with_root),
        _ => true,
    };
    has_its_length && presence::is_the_same(entry, known, &content, |_| true)
}
