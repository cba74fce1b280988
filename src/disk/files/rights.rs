//! Who may read and change files: whose they are, their modes and access control lists.

use std::fs::File;
use std::io;
use std::path::Path;

use crate::error::Fault;
#[cfg(unix)]
use crate::error::{OrHint, quoted};

/// Gives a new file the owner, group, mode and access control list of the one whose place it takes, and no more than
/// these: no set-user-id bits, and nothing that it has inherited from its folder.
#[cfg(unix)]
pub(super) fn take_over(new: &File, old: &File) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
    let (had, has) = (old.metadata()?, new.metadata()?);
    if (had.uid(), had.gid()) != (has.uid(), has.gid()) {
        fchown(new, Some(had.uid()), Some(had.gid()))?;
    }
    // Before the mode: with a list, the group's bits say what everybody on it may do.
    copy_access_list(new, old)?;
    new.set_permissions(PermissionsExt::from_mode(had.mode() & 0o777))
}

/// A folder's rights are those of its files on Windows.
#[cfg(not(unix))]
#[allow(clippy::unnecessary_wraps)]
pub(super) fn take_over(_: &File, _: &File) -> io::Result<()> {
    Ok(())
}

/// POSIX access control lists, acl(5).
#[cfg(any(target_os = "linux", target_os = "android"))]
fn copy_access_list(new: &File, old: &File) -> io::Result<()> {
    use rustix::fs::{XattrFlags, fgetxattr, fremovexattr, fsetxattr};
    use rustix::io::Errno;
    const NAME: &str = "system.posix_acl_access";
    // The largest value that Linux keeps.
    let mut list = vec![0; 1 << 16];
    match fgetxattr(old, NAME, list.as_mut_slice()) {
        Ok(size) => Ok(fsetxattr(new, NAME, &list[..size], XattrFlags::empty())?),
        // The folder may have a default list.
        Err(Errno::NODATA) => match fremovexattr(new, NAME) {
            Ok(()) | Err(Errno::NODATA | Errno::NOTSUP) => Ok(()),
            Err(e) => Err(e.into()),
        },
        Err(Errno::NOTSUP) => Ok(()),
        Err(e) => Err(e.into()),
    }
}

#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
#[allow(clippy::unnecessary_wraps)]
fn copy_access_list(_: &File, _: &File) -> io::Result<()> {
    Ok(())
}

/// Gives a new file the mode that its content calls for, whatever the umask is.
#[cfg(unix)]
pub(super) fn open_to_readers(new: &File) -> io::Result<()> {
    new.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(super::Secrecy::Public.mode()))
}

#[cfg(not(unix))]
#[allow(clippy::unnecessary_wraps)]
pub(super) fn open_to_readers(_: &File) -> io::Result<()> {
    Ok(())
}

/// Takes all rights on a file or folder away from others.
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

/// Windows gives the user's local data to nobody else.
#[cfg(not(unix))]
#[allow(clippy::unnecessary_wraps)]
pub fn restrict_permissions(_: &Path) -> anyhow::Result<()> {
    Ok(())
}

/// Warns about a key that others can read, with the command that changes it.
#[cfg(unix)]
pub fn too_open(path: &Path) -> Option<String> {
    let mode = std::os::unix::fs::PermissionsExt::mode(&path.metadata().ok()?.permissions());
    (mode & 0o077 != 0).then(|| {
        let (shown, quoted) = (path.display(), quoted(path));
        format!("{shown} is readable by other users (mode {:04o}): chmod 600 {quoted}", mode & 0o7777)
    })
}

/// Windows gives the user's local data to nobody else.
#[cfg(not(unix))]
pub fn too_open(_: &Path) -> Option<String> {
    None
}

/// Refuses a file or folder that another user could have put there or can change, as ssh does: a link, one that is
/// neither this user's nor root's, or one that others may write. What is not there is not refused.
#[cfg(unix)]
pub fn refuse_unsafe(path: &Path) -> Result<(), Fault> {
    let Ok(found) = path.symlink_metadata() else { return Ok(()) };
    refuse_link(path, &found)?;
    refuse_others(path, &found, false)
}

/// Refuses a link, and what is neither this user's nor root's.
#[cfg(unix)]
pub fn refuse_foreign(path: &Path) -> Result<(), Fault> {
    let Ok(found) = path.symlink_metadata() else { return Ok(()) };
    refuse_link(path, &found)?;
    refuse_owner(path, &found)
}

#[cfg(unix)]
fn refuse_link(path: &Path, found: &std::fs::Metadata) -> Result<(), Fault> {
    if found.is_symlink() {
        let hint =
            format!("see where it leads, and replace it with the original file: ls -l {}", quoted(path));
        return Err(Fault::new(format!("{} is a link", path.display()), hint));
    }
    Ok(())
}

/// The same for the folder above a CA's, and all that are above that: links there must be this user's or root's, and a
/// folder may be shared only where nobody but the owners of files can rename them, such as `/tmp`.
#[cfg(unix)]
pub fn refuse_unsafe_parent(path: &Path) -> Result<(), Fault> {
    path.metadata().map_or(Ok(()), |found| refuse_others(path, &found, true))?;
    // What is not there yet is made with safe rights, below what is.
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
    if found.mode() & 0o022 != 0 && !(may_be_sticky && found.mode() & 0o1000 != 0) {
        let what =
            format!("{} can be changed by other users (mode {:04o})", path.display(), found.mode() & 0o7777);
        return Err(Fault::new(what, format!("restrict it: chmod go-w {}", quoted(path))));
    }
    Ok(())
}

#[cfg(unix)]
fn name_of(user: u32) -> String {
    let known = nix::unistd::User::from_uid(user.into()).ok().flatten();
    known.map_or_else(|| user.to_string(), |known| known.name)
}

/// Windows gives the user's local data to nobody else.
#[cfg(not(unix))]
#[allow(clippy::unnecessary_wraps)]
pub fn refuse_unsafe(_: &Path) -> Result<(), Fault> {
    Ok(())
}

/// The same.
#[cfg(not(unix))]
#[allow(clippy::unnecessary_wraps)]
pub fn refuse_foreign(_: &Path) -> Result<(), Fault> {
    Ok(())
}

/// The same.
#[cfg(not(unix))]
#[allow(clippy::unnecessary_wraps)]
pub fn refuse_unsafe_parent(_: &Path) -> Result<(), Fault> {
    Ok(())
}
