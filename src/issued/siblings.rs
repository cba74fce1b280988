//! The other files of a certificate that is about to be replaced, such as a `.p12` beside its PEM pair. Without them in
//! the new line of the inventory, nothing would renew them.

use devca_platform::read;

use crate::disk::secret::Secret;
use crate::format::{self, Holds, Output, Written};
use crate::issued::overwrite::Known;
use crate::issued::presence;

/// Adds the other files of the certificate at these paths to the outputs. Returns the encrypted ones that cannot be
/// written, because their password is unknown.
pub fn join(outputs: &mut Vec<Output>, known: &Known, password: Option<&Secret>) -> Vec<Written> {
    let entry =
        outputs.iter().filter(|output| output.path.exists()).find_map(|output| known.at(&output.path));
    let Some(entry) = entry else { return Vec::new() };
    let mut outdated = Vec::new();
    for file in &entry.files {
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
            let end = file.not_after.filter(|_| file.outdated).unwrap_or(entry.not_after);
            // Trust stores contain no certificate that expires.
            let not_after = Some(end).filter(|_| output.part.holds == Holds::Sealed);
            outdated.push(Written { outdated: true, not_after, ..file.clone() });
        }
    }
    outdated
}
