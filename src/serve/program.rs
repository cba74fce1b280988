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
}

impl Program {
    pub(super) fn start(mut command: Command) -> io::Result<Self> {
        let child = command.spawn()?;
        let (id, (sender, ended)) = (child.id(), oneshot::channel());
        thread::Builder::new().name("program".into()).spawn(move || sender.send(wait(child)))?;
        Ok(Self { id, ended, code: None })
    }

    /// Waits for the program to end. Returns its exit code as a shell reports it.
    pub(super) async fn ended(&mut self) -> u8 {
        if self.code.is_none() {
            self.code = Some((&mut self.ended).await.unwrap_or(UNKNOWN));
        }
        self.code.unwrap_or(UNKNOWN)
    }

    /// Asks the program to stop, unless it has ended already.
    #[cfg(unix)]
    pub(super) fn terminate(&mut self) {
        use rustix::process::{Pid, Signal, kill_process};
        if self.code.is_none()
            && let Ok(code) = self.ended.try_recv()
        {
            self.code = Some(code);
        }
        let pid = i32::try_from(self.id).ok().and_then(Pid::from_raw).filter(|_| self.code.is_none());
        if let Some(pid) = pid {
            let _ = kill_process(pid, Signal::TERM);
        }
    }

    /// On Windows, Ctrl-C already reaches every program on the console.
    #[cfg(not(unix))]
    pub(super) fn terminate(&mut self) {
        let _ = self.id;
    }
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
