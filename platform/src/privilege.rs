//! The rights that this process uses.
//!
//! Under `sudo` or `doas`, devca acts as the user who ran the command, from [`act_as`] on: it opens and
//! writes files and starts programs with the user's rights, so that links, folders and files prepared by
//! other processes of the user cannot make it do more. Root's rights are kept in the saved user ID, and used
//! only while starting one of root's own steps.
//!
//! The user ID belongs to the whole process: libc changes it in all threads together. So while a step of root
//! may be starting in another thread, programs must be started with [`spawn_as_person`].
#![cfg_attr(not(unix), allow(clippy::unnecessary_wraps))]

use std::io;
use std::process::{Child, Command};

#[cfg(unix)]
mod unix;

#[cfg(unix)]
use unix::with_root;

/// From now on, this process acts as the user, with the groups of that login name. The process must be root.
///
/// Programs that it starts cannot regain root's rights, because `execve(2)` overwrites the saved user ID. (On
/// macOS, the saved user ID cannot be set; [`spawn_as_person`] takes care of that.)
#[cfg(unix)]
pub fn act_as(user: u32, group: u32, login_name: &str) -> io::Result<()> {
    unix::act_as(user.into(), group.into(), login_name)
}

/// Whether root's steps can be started without `sudo`, because this process is root, or was before
/// [`act_as`].
pub fn can_be_root() -> bool {
    #[cfg(unix)]
    return unix::is_root() || unix::kept_root();
    #[cfg(not(unix))]
    false
}

/// Permanently gives up the root rights that [`act_as`] kept, for code that calls `exec` itself.
pub fn give_up_root() -> io::Result<()> {
    #[cfg(unix)]
    unix::give_up_root()?;
    Ok(())
}

/// Starts a program as the user for whom this process acts.
pub fn spawn_as_person(command: &mut Command) -> io::Result<Child> {
    #[cfg(unix)]
    return unix::spawn_as_person(command);
    #[cfg(not(unix))]
    command.spawn()
}

/// Starts a program as root if [`can_be_root`], or else as the current user. It has none of the user's
/// groups. Everyone can read the files that it creates, whatever the user's umask is, as trust stores
/// require.
pub(crate) fn spawn_as_root(command: &mut Command) -> io::Result<Child> {
    #[cfg(unix)]
    return with_root(|kept| {
        use std::os::unix::process::CommandExt;
        if kept {
            // The standard library also drops the groups in this case.
            command.gid(0).uid(0);
        }
        let _umask = unix::Umask::set(nix::sys::stat::Mode::from_bits_truncate(0o022));
        command.spawn()
    });
    #[cfg(not(unix))]
    command.spawn()
}

/// Kills a program, even if it runs as root.
pub(crate) fn kill(child: &mut Child) -> io::Result<()> {
    #[cfg(unix)]
    return with_root(|_| child.kill());
    #[cfg(not(unix))]
    child.kill()
}

#[cfg(all(test, target_os = "linux"))]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::process::Stdio;

    use super::*;

    /// Debian's `nobody`, with the groups that this system gives it.
    const PERSON: (u32, u32, &str) = (65534, 65534, "nobody");
    const MARK: &str = "DEVCA_TEST_PRIVILEGE";

    /// Runs each of these tests as root in a separate process, because they change it permanently.
    fn in_own_process(test: &str) -> bool {
        if std::env::var_os(MARK).is_some() {
            return true;
        }
        let itself = std::env::current_exe().unwrap();
        let name = format!("privilege::tests::{test}");
        let mut command = if unix::is_root() { Command::new(itself) } else { sudo(&itself) };
        let output = command.args(["--exact", &name, "--nocapture"]).env(MARK, "1").output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && said.contains("1 passed"), "{said}{output:?}");
        false
    }

    fn sudo(program: &std::path::Path) -> Command {
        let mut command = Command::new("sudo");
        command.args(["-n", "--preserve-env"]).arg(program);
        command
    }

    /// The real, effective, saved and file system IDs of users or groups, or the list of groups.
    fn ids(status: &str, which: &str) -> Vec<u32> {
        let line = status.lines().find_map(|line| line.strip_prefix(which)).unwrap();
        line.split_whitespace().map(|id| id.parse().unwrap()).collect()
    }

    fn own_status() -> [String; 2] {
        ["self", "thread-self"].map(|of| std::fs::read_to_string(format!("/proc/{of}/status")).unwrap())
    }

    fn status_of(spawn: fn(&mut Command) -> io::Result<Child>) -> String {
        let mut command = Command::new("/bin/cat");
        command.arg("/proc/self/status").stdout(Stdio::piped());
        let output = spawn(&mut command).unwrap().wait_with_output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    fn groups_of_person() -> Vec<u32> {
        let output = Command::new("id").args(["-G", PERSON.2]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let mut groups: Vec<u32> = text.split_whitespace().map(|id| id.parse().unwrap()).collect();
        groups.sort_unstable();
        groups
    }

    fn assert_acts_as_person() {
        let (user, group, _) = PERSON;
        for status in own_status() {
            assert_eq!(ids(&status, "Uid:"), [user, user, 0, user]);
            assert_eq!(ids(&status, "Gid:"), [group; 4]);
            assert_eq!(ids(&status, "Groups:"), groups_of_person());
            assert!(status.contains("CapEff:\t0000000000000000"), "{status}");
        }
    }

    #[test]
    fn child_processes_cannot_regain_root() {
        if !in_own_process("child_processes_cannot_regain_root") {
            return;
        }
        let (user, group, name) = PERSON;
        assert!(can_be_root());
        act_as(user, group, name).unwrap();
        assert_acts_as_person();
        for status in [status_of(Command::spawn), status_of(spawn_as_person)] {
            assert_eq!(ids(&status, "Uid:"), [user; 4]);
            assert_eq!(ids(&status, "Gid:"), [group; 4]);
            assert_eq!(ids(&status, "Groups:"), groups_of_person());
            assert!(status.contains("CapPrm:\t0000000000000000"), "{status}");
        }
        assert!(std::fs::File::open("/etc/shadow").is_err());
    }

    #[test]
    fn a_step_of_roots_is_roots_alone() {
        if !in_own_process("a_step_of_roots_is_roots_alone") {
            return;
        }
        let (user, group, name) = PERSON;
        nix::unistd::setgroups(&[20.into(), 27.into()]).unwrap();
        act_as(user, group, name).unwrap();
        assert!(can_be_root());
        let status = status_of(spawn_as_root);
        assert_eq!(ids(&status, "Uid:"), [0; 4]);
        assert_eq!(ids(&status, "Gid:"), [0; 4]);
        assert!(ids(&status, "Groups:").is_empty(), "{status}");
        assert_acts_as_person();
        // A program that cannot be started leaves nothing behind either.
        spawn_as_root(&mut Command::new("/nowhere")).unwrap_err();
        assert_acts_as_person();
        // Root's program can be killed, even though the user may not send signals to it.
        let mut child = spawn_as_root(Command::new("/bin/sleep").arg("1000")).unwrap();
        child.kill().unwrap_err();
        kill(&mut child).unwrap();
        child.wait().unwrap();
        assert_acts_as_person();
    }

    #[test]
    fn the_users_umask_does_not_hide_what_root_creates() {
        if !in_own_process("the_users_umask_does_not_hide_what_root_creates") {
            return;
        }
        let person = unix::Umask::set(nix::sys::stat::Mode::from_bits_truncate(0o077));
        let status = status_of(spawn_as_root);
        assert!(status.contains("Umask:\t0022"), "{status}");
        let status = status_of(spawn_as_person);
        assert!(status.contains("Umask:\t0077"), "{status}");
        drop(person);
    }

    #[test]
    fn root_is_given_up_for_good() {
        if !in_own_process("root_is_given_up_for_good") {
            return;
        }
        let (user, group, name) = PERSON;
        act_as(user, group, name).unwrap();
        give_up_root().unwrap();
        assert!(!can_be_root());
        for status in own_status() {
            assert_eq!(ids(&status, "Uid:"), [user; 4]);
            assert!(status.contains("CapPrm:\t0000000000000000"), "{status}");
        }
        nix::unistd::seteuid(0.into()).unwrap_err();
        let status = status_of(spawn_as_root);
        assert_eq!(ids(&status, "Uid:"), [user; 4]);
    }
}
