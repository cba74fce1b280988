//! The program that runs beside the server: `devca serve 3000 -- npm run dev`.

use std::io;
use std::process::{Child, Command, ExitStatus};
use std::thread;

use tokio::sync::oneshot;

/// The exit code if waiting for the program failed.
const UNKNOWN: u8 = 1;

/// A running program.
pub(super) struct Program {
    id: u32,
    ended: oneshot::Receiver<u8>,
    code: Option<u8>,
    /// Whether it is in a process group of its own.
    has_group: bool,
}

impl Program {
    pub(super) fn start(mut command: Command) -> io::Result<Self> {
        let has_group = own_group(&mut command);
        let child = command.spawn()?;
        let (id, (sender, ended)) = (child.id(), oneshot::channel());
        thread::Builder::new().name("program".into()).spawn(move || sender.send(wait(child)))?;
        Ok(Self { id, ended, code: None, has_group })
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

    /// Asks the program to stop, unless it has ended already. `npm run` does not pass this on to what it started, so the
    /// whole group is asked.
    #[cfg(unix)]
    pub(super) fn terminate(&mut self) {
        self.signal(rustix::process::Signal::TERM);
    }

    /// Stops a program that ignored that.
    #[cfg(unix)]
    pub(super) fn kill(&mut self) {
        self.signal(rustix::process::Signal::KILL);
    }

    #[cfg(unix)]
    fn signal(&mut self, signal: rustix::process::Signal) {
        use rustix::process::{Pid, kill_process, kill_process_group};
        if self.code.is_none()
            && let Ok(code) = self.ended.try_recv()
        {
            self.code = Some(code);
        }
        let pid = i32::try_from(self.id).ok().and_then(Pid::from_raw).filter(|_| self.code.is_none());
        if let Some(pid) = pid {
            let kill = if self.has_group { kill_process_group } else { kill_process };
            let _ = kill(pid, signal);
        }
    }

    /// On Windows, Ctrl-C already reaches every program on the console.
    #[cfg(not(unix))]
    pub(super) fn terminate(&mut self) {
        let _ = self.id;
    }

    #[cfg(not(unix))]
    pub(super) fn kill(&mut self) {
        let _ = self.id;
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
