//! The program that is started beside the server: `devca serve 3000 -- npm run dev`.

use std::io;
use std::process::{Child, Command, ExitStatus};
use std::thread;

use tokio::sync::oneshot;

/// It could not be waited for.
const UNKNOWN: u8 = 1;

/// A program that runs.
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

    /// Waits for its end. Returns what a shell would say of it.
    pub(super) async fn ended(&mut self) -> u8 {
        if self.code.is_none() {
            self.code = Some((&mut self.ended).await.unwrap_or(UNKNOWN));
        }
        self.code.unwrap_or(UNKNOWN)
    }

    /// Asks it to end, unless it has ended.
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

    /// Ctrl-C reaches every program of a console.
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
