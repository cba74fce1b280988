//! What programs must not inherit from devca: for root's programs, the user's environment; for programs of
//! another file tree, open files of devca's caller, which could lead to this machine's files, and the login
//! session's keys in the kernel.

use std::io;
use std::process::{Child, Command};

/// Isolates a program of root from the user's environment variables and current folder.
pub(crate) fn isolate(command: &mut Command) -> &mut Command {
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("LC_ALL", "C.UTF-8").current_dir("/")
}

/// Starts a program of another file tree without open files and keys.
#[cfg(target_os = "linux")]
pub(crate) fn without(mut start: impl FnMut() -> io::Result<Child> + Send) -> io::Result<Child> {
    close_on_exec()?;
    // This needs its own thread, because it gives up the session's keys permanently, and devca still needs
    // them.
    std::thread::scope(|scope| {
        let started = scope.spawn(|| {
            leave_session_keyring()?;
            start()
        });
        started.join().unwrap_or_else(|_| Err(io::Error::other("the thread that starts programs has ended")))
    })
}

/// Other systems do not run programs of other trees.
#[cfg(not(target_os = "linux"))]
pub(crate) fn without(mut start: impl FnMut() -> io::Result<Child> + Send) -> io::Result<Child> {
    start()
}

/// Marks all files except standard input, output and error to be closed.
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
fn close_on_exec() -> io::Result<()> {
    for entry in std::fs::read_dir("/proc/self/fd")? {
        let name = entry?.file_name();
        let Some(descriptor) = name.to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        if descriptor > 2 {
            // SAFETY: this only sets a flag. If the descriptor has been closed, it returns an error.
            unsafe { nix::libc::fcntl(descriptor, nix::libc::F_SETFD, nix::libc::FD_CLOEXEC) };
        }
    }
    Ok(())
}

/// Gives this thread and its children a new session keyring (`keyctl_join_session_keyring(3)`).
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
fn leave_session_keyring() -> io::Result<()> {
    const JOIN_SESSION_KEYRING: i32 = 1;
    // SAFETY: the name is null, which requests an anonymous keyring.
    let joined = unsafe { nix::libc::syscall(nix::libc::SYS_keyctl, JOIN_SESSION_KEYRING, 0usize) };
    let error = io::Error::last_os_error();
    // A kernel without keyrings has no keys, and a sandbox that forbids the call also forbids it to the
    // program.
    let has_none = [nix::libc::ENOSYS, nix::libc::EPERM].map(Some).contains(&error.raw_os_error());
    if joined >= 0 || has_none { Ok(()) } else { Err(error) }
}
