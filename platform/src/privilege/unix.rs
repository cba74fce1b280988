//! User IDs that are switched back and forth, as on all Unix systems.

use std::io;
use std::process::{Child, Command};
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::sys::stat::{Mode, umask};
use nix::unistd::{Gid, Uid};

/// Held while this process is root, and while another thread starts a program that must not be.
static SWITCH: Mutex<()> = Mutex::new(());

pub(super) fn act_as(user: Uid, group: Gid, login_name: &str) -> io::Result<()> {
    system::take_groups(login_name, group)?;
    system::lower(user)?;
    Ok(())
}

pub(super) fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Whether this process acts for a user and can become root again.
pub(super) fn kept_root() -> bool {
    !is_root() && system::kept_root()
}

pub(super) fn give_up_root() -> io::Result<()> {
    if kept_root() {
        system::give_up_root(nix::unistd::geteuid(), nix::unistd::getegid())?;
    }
    Ok(())
}

/// Runs a closure as root if possible. Its argument says whether the process had to be elevated.
pub(super) fn with_root<T>(action: impl FnOnce(bool) -> io::Result<T>) -> io::Result<T> {
    let _switch = switch();
    if !kept_root() {
        return action(false);
    }
    let _raised = Raised::now()?;
    action(true)
}

pub(super) fn spawn_as_person(command: &mut Command) -> io::Result<Child> {
    use std::os::unix::process::CommandExt;
    let _switch = switch();
    if !kept_root() || system::EXEC_FORGETS_ROOT {
        return command.spawn();
    }
    command.gid(nix::unistd::getegid().as_raw()).uid(nix::unistd::geteuid().as_raw());
    let _raised = Raised::now()?;
    command.spawn()
}

fn switch() -> MutexGuard<'static, ()> {
    SWITCH.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps this process root until it is dropped.
struct Raised {
    person: Uid,
}

impl Raised {
    fn now() -> io::Result<Self> {
        let person = nix::unistd::geteuid();
        system::raise()?;
        Ok(Self { person })
    }
}

impl Drop for Raised {
    fn drop(&mut self) {
        if system::lower(self.person).is_err() {
            // Aborting is better than continuing as root.
            std::process::abort();
        }
    }
}

/// Changes the mode of new files until it is dropped.
pub(super) struct Umask {
    before: Mode,
}

impl Umask {
    pub(super) fn set(mask: Mode) -> Self {
        Self { before: umask(mask) }
    }
}

impl Drop for Umask {
    fn drop(&mut self) {
        umask(self.before);
    }
}

/// On these systems all three user IDs can be set: the real and effective ones are the user's, and only
/// the saved one is root's.
#[cfg(target_os = "linux")]
mod system {
    use std::io;

    use nix::Result;
    use nix::unistd::{Gid, Uid, getresuid, setgroups, setresgid, setresuid};

    use crate::accounts;

    /// A program that is executed gets the effective user ID as its saved one.
    pub(super) const EXEC_FORGETS_ROOT: bool = true;

    const ROOT: Uid = Uid::from_raw(0);

    pub(super) fn take_groups(name: &str, group: Gid) -> io::Result<()> {
        let groups = accounts::groups_of(name, group.as_raw())?;
        setgroups(&groups.into_iter().map(Gid::from_raw).collect::<Vec<_>>())?;
        Ok(setresgid(group, group, group)?)
    }

    pub(super) fn lower(person: Uid) -> Result<()> {
        setresuid(person, person, ROOT)
    }

    pub(super) fn raise() -> Result<()> {
        setresuid(ROOT, ROOT, ROOT)
    }

    pub(super) fn kept_root() -> bool {
        getresuid().is_ok_and(|ids| ids.saved.is_root())
    }

    pub(super) fn give_up_root(user: Uid, _: Gid) -> Result<()> {
        setresuid(user, user, user)
    }
}

/// On other systems (macOS), the real user ID stays root's. macOS looks up a user's groups by user ID, so
/// there is no list to set.
#[cfg(not(target_os = "linux"))]
mod system {
    use std::io;

    use nix::Result;
    use nix::unistd::{Gid, Uid, getuid, setegid, seteuid, setgid, setuid};

    pub(super) const EXEC_FORGETS_ROOT: bool = false;

    pub(super) fn take_groups(_: &str, group: Gid) -> io::Result<()> {
        Ok(setegid(group)?)
    }

    pub(super) fn lower(person: Uid) -> Result<()> {
        seteuid(person)
    }

    pub(super) fn raise() -> Result<()> {
        seteuid(Uid::from_raw(0))
    }

    pub(super) fn kept_root() -> bool {
        getuid().is_root()
    }

    pub(super) fn give_up_root(user: Uid, group: Gid) -> Result<()> {
        raise()?;
        setgid(group)?;
        setuid(user)
    }
}
