//! The program that runs beside the server: `devca serve 3000 -- npm run dev`.

use std::io;
use std::process::{Child, Command, ExitStatus};
use std::thread;

use tokio::sync::oneshot;
#[cfg(unix)]
use tokio::time::sleep;

/// The exit code if waiting for the program failed.
const UNKNOWN: u8 = 1;
/// The pause between looks at what is left of the program's process group.
#[cfg(unix)]
const LOOK_AGAIN: std::time::Duration = std::time::Duration::from_millis(20);

/// A running program.
pub(super) struct Program {
    id: u32,
    ended: oneshot::Receiver<u8>,
    code: Option<u8>,
    /// Whether it is in a process group of its own.
    has_group: bool,
    /// Whether nothing is left of that group, so that its number may belong to others.
    is_gone: bool,
}

impl Program {
    pub(super) fn start(mut command: Command) -> io::Result<Self> {
        let has_group = own_group(&mut command);
        let child = command.spawn()?;
        let (id, (sender, ended)) = (child.id(), oneshot::channel());
        thread::Builder::new().name("program".into()).spawn(move || sender.send(wait(child)))?;
        Ok(Self { id, ended, code: None, has_group, is_gone: false })
    }

    /// Waits for the program to end. Returns its exit code as a shell reports it.
    pub(super) async fn ended(&mut self) -> u8 {
        if self.code.is_none() {
            self.code = Some((&mut self.ended).await.unwrap_or(UNKNOWN));
        }
        self.code.unwrap_or(UNKNOWN)
    }

    /// Whether Ctrl-C in the terminal reaches it.
    pub(super) fn shares_terminal(&self) -> bool {
        !self.has_group
    }

    /// Asks the program to stop, and what it has started: `npm run` does not pass this on, and may have ended already.
    #[cfg(unix)]
    pub(super) fn terminate(&mut self) {
        self.signal(rustix::process::Signal::TERM);
    }

    /// Stops a program that ignored that.
    #[cfg(unix)]
    pub(super) fn kill(&mut self) {
        self.signal(rustix::process::Signal::KILL);
    }

    /// Waits until nothing that the program has started is left in its process group.
    #[cfg(unix)]
    pub(super) async fn group_ended(&mut self) {
        use rustix::process::test_kill_process_group;
        self.ended().await;
        while self.pid().is_some_and(|pid| self.has_group && test_kill_process_group(pid).is_ok()) {
            sleep(LOOK_AGAIN).await;
        }
        self.is_gone = true;
    }

    #[cfg(unix)]
    fn pid(&self) -> Option<rustix::process::Pid> {
        i32::try_from(self.id).ok().and_then(rustix::process::Pid::from_raw)
    }

    #[cfg(unix)]
    fn signal(&mut self, signal: rustix::process::Signal) {
        use rustix::process::{kill_process, kill_process_group};
        if self.code.is_none()
            && let Ok(code) = self.ended.try_recv()
        {
            self.code = Some(code);
        }
        let Some(pid) = self.pid().filter(|_| !self.is_gone) else { return };
        if self.has_group {
            let _ = kill_process_group(pid, signal);
        } else if self.code.is_none() {
            let _ = kill_process(pid, signal);
        }
    }

    #[cfg(not(unix))]
    pub(super) async fn group_ended(&mut self) {
        self.ended().await;
        self.is_gone = true;
    }

    /// On Windows, Ctrl-C already reaches every program on the console.
    #[cfg(not(unix))]
    pub(super) fn terminate(&mut self) {
        let _ = self.id;
    }

    #[cfg(not(unix))]
    pub(super) fn kill(&mut self) {
        let _ = (self.id, self.is_gone);
    }
}

/// Starts a program in a process group of its own, unless it may read from the terminal: then Ctrl-C must reach all programs
/// in the terminal's group.
#[cfg(unix)]
fn own_group(command: &mut Command) -> bool {
    use std::io::IsTerminal;
    use std::os::unix::process::CommandExt;
    let is_alone = !io::stdin().is_terminal();
    if is_alone {
        command.process_group(0);
    }
    is_alone
}

#[cfg(not(unix))]
fn own_group(_: &mut Command) -> bool {
    false
}

fn wait(mut child: Child) -> u8 {
    child.wait().map_or(UNKNOWN, exit_code)
}

#[cfg(unix)]
fn exit_code(status: ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt;
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(UNKNOWN)
}

#[cfg(not(unix))]
fn exit_code(status: ExitStatus) -> u8 {
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(UNKNOWN)
}
