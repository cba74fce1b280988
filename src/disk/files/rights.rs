//! Who may read and change files: owners, modes and access control lists.

use std::fs::File;
use std::io;
use std::path::Path;

use crate::error::Fault;
#[cfg(unix)]
use crate::error::{OrHint, quoted};

/// Copies the owner, group, mode and access control list of the file being replaced, and nothing else: no
/// set-user-ID bits, and nothing inherited from the folder.
#[cfg(unix)]
pub(super) fn take_over(new: &File, old: &File) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
    let (had, has) = (old.metadata()?, new.metadata()?);
    if (had.uid(), had.gid()) != (has.uid(), has.gid()) {
        fchown(new, Some(had.uid()), Some(had.gid()))?;
    }
    // This must come before the mode, because with an access control list the group bits are its mask.
    copy_access_list(new, old)?;
    new.set_permissions(PermissionsExt::from_mode(had.mode() & 0o777))
}

/// On Windows, files get their rights from their folder.
#[cfg(not(unix))]
pub(super) fn take_over(_: &File, _: &File) -> io::Result<()> {
    Ok(())
}

/// Copies the POSIX access control list, see acl(5).
#[cfg(any(target_os = "linux", target_os = "android"))]
fn copy_access_list(new: &File, old: &File) -> io::Result<()> {
    use rustix::fs::{XattrFlags, fgetxattr, fremovexattr, fsetxattr};
    use rustix::io::Errno;
    const NAME: &str = "system.posix_acl_access";
    // The largest extended attribute on Linux.
    let mut list = vec![0; 1 << 16];
    match fgetxattr(old, NAME, list.as_mut_slice()) {
        Ok(size) => Ok(fsetxattr(new, NAME, &list[..size], XattrFlags::empty())?),
        // Remove a list that the file inherited from its folder.
        Err(Errno::NODATA) => match fremovexattr(new, NAME) {
            Ok(()) | Err(Errno::NODATA | Errno::NOTSUP) => Ok(()),
            Err(e) => Err(e.into()),
        },
        Err(Errno::NOTSUP) => Ok(()),
        Err(e) => Err(e.into()),
    }
}

#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
fn copy_access_list(_: &File, _: &File) -> io::Result<()> {
    Ok(())
}

/// Gives a new file the mode for its content, regardless of the umask.
#[cfg(unix)]
pub(super) fn open_to_others(new: &File, secrecy: super::Secrecy) -> io::Result<()> {
    new.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(secrecy.mode()))
}

#[cfg(not(unix))]
pub(super) fn open_to_others(_: &File, _: super::Secrecy) -> io::Result<()> {
    Ok(())
}

/// Removes all rights of other users from a file or folder.
#[cfg(unix)]
pub fn restrict_permissions(path: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let restrict = || -> io::Result<()> {
        let mut options = File::options();
        let file = super::without_following(options.read(true)).open(path)?;
        let mode = if file.metadata()?.is_dir() { 0o700 } else { super::Secrecy::Private.mode() };
        file.set_permissions(PermissionsExt::from_mode(mode))
    };
    restrict().or_hint(
        || format!("cannot change the permissions of {}", path.display()),
        || format!("check its owner: ls -ld {}", quoted(path)),
    )
}

/// Windows does not let other users access a user's local data.
#[cfg(not(unix))]
pub fn restrict_permissions(_: &Path) -> anyhow::Result<()> {
    Ok(())
}

/// Warns about a key that other users can read, with the command that fixes it.
#[cfg(unix)]
pub fn too_open(path: &Path) -> Option<String> {
    let mode = std::os::unix::fs::PermissionsExt::mode(&path.metadata().ok()?.permissions());
    (mode & 0o077 != 0).then(|| {
        let (shown, quoted) = (path.display(), quoted(path));
        format!("{shown} is readable by other users (mode {:04o}): chmod 600 {quoted}", mode & 0o7777)
    })
}

/// Windows does not let other users access a user's local data.
#[cfg(not(unix))]
pub fn too_open(_: &Path) -> Option<String> {
    None
}

/// Whether a folder is shared by all users, like `/tmp`. Nobody but the administrator may change its mode.
#[cfg(unix)]
pub fn is_shared(folder: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    folder.symlink_metadata().is_ok_and(|found| found.is_dir() && found.mode() & STICKY != 0)
}

#[cfg(unix)]
const STICKY: u32 = 0o1000;

/// Windows does not let other users access a user's local data.
#[cfg(not(unix))]
pub fn is_shared(_: &Path) -> bool {
    false
}

/// Removes an empty folder that devca has created, which is private. Another one, such as `/tmp` in `DEVCA_HOME`, stays.
pub fn remove_own_folder(path: &Path) -> bool {
    is_private_folder(path) && remove_empty_folder(path)
}

/// Removes a folder if it is empty. Returns whether it was removed.
pub fn remove_empty_folder(path: &Path) -> bool {
    std::fs::remove_dir(path).is_ok()
}

#[cfg(unix)]
fn is_private_folder(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    path.symlink_metadata().is_ok_and(|found| found.is_dir() && found.mode() & (STICKY | 0o777) == 0o700)
}

/// On Windows, folders get their rights from the one above.
#[cfg(not(unix))]
fn is_private_folder(_: &Path) -> bool {
    true
}

/// Whether this is a regular file that belongs to the user, but that the user may not read.
#[cfg(unix)]
pub fn is_own_but_unreadable(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let this = nix::unistd::geteuid().as_raw();
    path.symlink_metadata().is_ok_and(|found| found.is_file() && found.uid() == this)
        && super::without_following(File::options().read(true))
            .open(path)
            .is_err_and(|e| e.kind() == io::ErrorKind::PermissionDenied)
}

/// On Windows, files get their rights from their folder.
#[cfg(not(unix))]
pub fn is_own_but_unreadable(_: &Path) -> bool {
    false
}

/// Refuses a file or folder that another user could have created or could change, as ssh does: a link,
/// anything owned by someone other than this user or root, or anything that others can write to. A missing
/// file is accepted.
#[cfg(unix)]
pub fn refuse_unsafe(path: &Path) -> Result<(), Fault> {
    let Ok(found) = path.symlink_metadata() else { return Ok(()) };
    refuse_kind(path, &found)?;
    refuse_others(path, &found, false)
}

/// Refuses a link, and anything owned by someone other than this user or root.
#[cfg(unix)]
pub fn refuse_foreign(path: &Path) -> Result<(), Fault> {
    let Ok(found) = path.symlink_metadata() else { return Ok(()) };
    refuse_kind(path, &found)?;
    refuse_owner(path, &found)
}

#[cfg(unix)]
fn refuse_kind(path: &Path, found: &std::fs::Metadata) -> Result<(), Fault> {
    if found.is_symlink() {
        let hint =
            format!("see where it leads, and replace it with the original file: ls -l {}", quoted(path));
        return Err(Fault::new(format!("{} is a link", path.display()), hint));
    }
    // A line that is written to a pipe is lost, and a device may give anything.
    if !found.is_file() && !found.is_dir() {
        let what = format!("{} is not a regular file", path.display());
        return Err(Fault::new(what, format!("move it away: mv {0} {0}.old", quoted(path))));
    }
    Ok(())
}

/// Applies the same rule to the parent of a CA's folder and to all its ancestors. Links must belong to this
/// user or root, and a shared folder is accepted only if it is sticky like `/tmp`, where only owners can
/// rename their files.
#[cfg(unix)]
pub fn refuse_unsafe_parent(path: &Path) -> Result<(), Fault> {
    path.metadata().map_or(Ok(()), |found| refuse_others(path, &found, true))?;
    // Missing folders will be created with safe modes below the first existing one.
    let Some(existing) = path.ancestors().find(|above| above.symlink_metadata().is_ok()) else {
        return Ok(());
    };
    let user = nix::unistd::geteuid().as_raw();
    match devca_platform::ownership::strangers_part(existing, user) {
        None => Ok(()),
        Some(part) => Err(Fault::new(
            format!("{} can be changed by other users, and so can all that is below it", part.display()),
            format!(
                "choose a folder of your own: export DEVCA_HOME=…, or see who owns it: ls -ld {}",
                quoted(&part)
            ),
        )),
    }
}

#[cfg(unix)]
fn refuse_owner(path: &Path, found: &std::fs::Metadata) -> Result<(), Fault> {
    use std::os::unix::fs::MetadataExt;
    let this = nix::unistd::geteuid().as_raw();
    if ![this, 0].contains(&found.uid()) {
        let what = format!("{} belongs to {}, not to you", path.display(), name_of(found.uid()));
        let hint = if this == 0 {
            format!("run devca as that user: sudo -u {} devca", name_of(found.uid()))
        } else {
            format!(
                "if you trust its contents, take ownership: sudo chown -R {} {}",
                name_of(this),
                quoted(path)
            )
        };
        return Err(Fault::new(what, hint));
    }
    Ok(())
}

#[cfg(unix)]
fn refuse_others(path: &Path, found: &std::fs::Metadata, may_be_sticky: bool) -> Result<(), Fault> {
    use std::os::unix::fs::MetadataExt;
    refuse_owner(path, found)?;
    if found.mode() & 0o022 != 0 && !(may_be_sticky && found.mode() & STICKY != 0) {
        let what =
            format!("{} can be changed by other users (mode {:04o})", path.display(), found.mode() & 0o7777);
        let hint = if found.is_dir() && found.mode() & STICKY != 0 {
            "it is shared by all users, so choose a folder of your own: export DEVCA_HOME=…".into()
        } else {
            format!("restrict it: chmod go-w {}", quoted(path))
        };
        return Err(Fault::new(what, hint));
    }
    Ok(())
}

#[cfg(unix)]
fn name_of(user: u32) -> String {
    let known = devca_platform::accounts::user_by_id(user);
    known.map_or_else(|| user.to_string(), |known| known.name)
}

/// Windows does not let other users access a user's local data.
#[cfg(not(unix))]
pub fn refuse_unsafe(_: &Path) -> Result<(), Fault> {
    Ok(())
}

/// See [`refuse_unsafe`].
#[cfg(not(unix))]
pub fn refuse_foreign(_: &Path) -> Result<(), Fault> {
    Ok(())
}

/// See [`refuse_unsafe`].
#[cfg(not(unix))]
pub fn refuse_unsafe_parent(_: &Path) -> Result<(), Fault> {
    Ok(())
}
