//! Determines who can change what a path leads to.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::accounts;

/// In a sticky folder such as /tmp, users can create files but not replace those of others.
const STICKY: u32 = 0o1000;

/// The maximum number of links, as in Linux.
const MOST_LINKS: usize = 40;

/// The first part of a path that users other than root and this one can change: the file, a folder above it,
/// or a link on the way. `None` if there is no such part.
pub fn strangers_part(path: &Path, user: u32) -> Option<PathBuf> {
    walk(path, user, Strictness::Writable)
}

/// The first part of a path that belongs to a user other than root and this one. Missing parts belong to no
/// one.
pub fn others_part(path: &Path, user: u32) -> Option<PathBuf> {
    walk(path, user, Strictness::Owned)
}

/// What is not accepted in a part of a path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Strictness {
    /// It belongs to another user.
    Owned,
    /// It belongs to another user, others can write to it, or it is missing.
    Writable,
}

fn walk(path: &Path, user: u32, strictness: Strictness) -> Option<PathBuf> {
    let parts =
        |path: &Path| -> Vec<_> { path.components().rev().map(|part| part.as_os_str().to_owned()).collect() };
    let (mut here, mut rest, mut links) = (PathBuf::new(), parts(path), 0);
    while let Some(part) = rest.pop() {
        here.push(part);
        let Ok(metadata) = here.symlink_metadata() else {
            return (strictness == Strictness::Writable).then_some(here);
        };
        if ![0, user].contains(&metadata.uid()) {
            return Some(here);
        }
        if metadata.is_symlink() {
            links += 1;
            match here.read_link() {
                Ok(target) if links <= MOST_LINKS => {
                    here.pop();
                    rest.extend(parts(&target));
                }
                _ => return Some(here),
            }
            continue;
        }
        if strictness == Strictness::Owned {
            continue;
        }
        let by_others = metadata.mode() & 0o002 != 0;
        let by_group = metadata.mode() & 0o020 != 0 && !is_private_group(metadata.gid(), user);
        if (by_others || by_group) && !(metadata.is_dir() && metadata.mode() & STICKY != 0) {
            return Some(here);
        }
    }
    None
}

/// Many systems give each user a group with the same name, and a umask that lets it write. A group with other
/// members is not private, whatever its name.
pub fn is_private_group(group: u32, user: u32) -> bool {
    if user == 0 {
        return false;
    }
    let (group, user) = (accounts::group_by_id(group), accounts::user_by_id(user));
    group.zip(user).is_some_and(|(group, user)| {
        group.name == user.name
            && group.id == user.group
            && group.members.iter().all(|member| *member == user.name)
    })
}
