//! The other files of a certificate that is about to be replaced, such as a `.p12` beside its PEM pair. Without them in
//! the new line of the inventory, nothing would renew them.

use devca_platform::read;

use crate::disk::secret::Secret;
use crate::format::{self, Output, Written};
use crate::issued::inventory::Entry;
use crate::issued::overwrite::Known;
use crate::issued::presence;

/// Adds the other files of the certificates at these paths to the outputs. Returns the encrypted ones that cannot be
/// written, because their password is unknown, each with its certificate.
pub fn join(outputs: &mut Vec<Output>, known: &Known, password: Option<&Secret>) -> Vec<(Entry, Written)> {
    let mut entries: Vec<&Entry> = Vec::new();
    for output in outputs.iter().filter(|output| output.path.exists()) {
        let entry = known.at(&output.path);
        entries.extend(entry.filter(|entry| entries.iter().all(|known| known.serial != entry.serial)));
    }
    let mut left = Vec::new();
    for (entry, file) in entries.iter().flat_map(|entry| entry.files.iter().map(move |file| (*entry, file))) {
        let is_named = outputs.iter().any(|output| output.path == file.path);
        let (Some(output), Ok(content)) = (Output::again(file), read::bytes(&file.path)) else { continue };
        // What somebody has replaced or added to is no longer devca's.
        if is_named || !presence::is_the_same(entry, file, &content, |_| true) {
            continue;
        }
        let is_open = || password.is_some_and(|password| format::is_store(&content, Some(password)));
        if !output.format.takes_password() || is_open() {
            outputs.push(output);
        } else {
            left.push((entry.clone(), file.clone()));
        }
    }
    left
}
