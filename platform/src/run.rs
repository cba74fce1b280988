//! Runs programs: those that change a store, as root if necessary, and those that only read it.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use wait_timeout::ChildExt;

use crate::step::{Action, Step, script};
use crate::{Host, Problem, inheritance, privilege, sandbox};

/// The time limit for a program that only reads; `securityd` is known to hang.
const QUESTION_LIMIT: Duration = Duration::from_secs(60);
/// The time limit for a program that changes something: the user may have to look up a password first.
const CHANGE_LIMIT: Duration = Duration::from_secs(600);

impl Host {
    /// Runs the steps in order, and stops at the first that fails. If root's rights are needed but not
    /// available, nothing is run, and the hint has the commands.
    pub fn perform(&self, steps: &[Step], mut before: impl FnMut(&str)) -> Result<(), Problem> {
        let sudo = self.elevation(steps)?;
        for step in steps {
            if let Action::Windows(change) = &step.what {
                before(&change.to_string());
                change.make()?;
                continue;
            }
            let sudo = sudo.as_deref().filter(|_| step.as_root);
            let command = self.command(step, sudo)?;
            before(&step.after(sudo));
            check(step, run(command, step, CHANGE_LIMIT), steps)?;
        }
        Ok(())
    }

    /// Runs a program that changes nothing, as the user.
    pub(crate) fn ask(&self, step: &Step) -> Result<Output, Problem> {
        run(self.command(step, None)?, step, QUESTION_LIMIT).map_err(|e| {
            Problem::new(format!("cannot run {}: {e}", step.name), format!("run by hand: {step}"))
        })
    }

    fn command(&self, step: &Step, sudo: Option<&Path>) -> Result<Command, Problem> {
        let Action::Run { program, arguments } = &step.what else {
            return Err(Problem::new(format!("{step} is not a program"), "please report this"));
        };
        refuse_relative(program)?;
        let mut command = Command::new(sudo.unwrap_or(program));
        command.args(sudo.is_some().then_some(program)).args(arguments);
        match (step.as_root, sudo) {
            // sudo clears the environment itself, and needs some variables to ask for the password.
            (true, Some(_)) => command.current_dir("/"),
            (true, None) => inheritance::isolate(&mut command),
            (false, _) => self.with_own_home(&mut command),
        };
        command.stdin(match (&step.input, sudo) {
            (Some(_), _) => Stdio::piped(),
            // sudo asks on the terminal, but with `sudo -S` it reads from standard input.
            (None, Some(_)) => Stdio::inherit(),
            (None, None) => Stdio::null(),
        });
        Ok(command)
    }

    /// Sets the user's home, because under `sudo` the environment is root's.
    fn with_own_home<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        match &self.person.home {
            Some(home) if self.person.ids.is_some() => command.env("HOME", home),
            _ => command,
        }
    }
}

/// Refuses a relative path, which would depend on the current folder.
fn refuse_relative(program: &Path) -> Result<(), Problem> {
    // On Windows, `/usr/bin/x` is not an absolute path, but the tests of the other systems' stores use such
    // paths.
    if program.is_absolute() || program.has_root() {
        return Ok(());
    }
    let why = format!("{} is not an absolute path, so devca does not run it", program.display());
    Err(Problem::new(why, "use the absolute paths of programs and JDKs"))
}

/// Runs a program with its input and returns its output. It runs as root if the step requires that.
fn run(mut command: Command, step: &Step, limit: Duration) -> std::io::Result<Output> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut start = || {
        if step.as_root {
            privilege::spawn_as_root(&mut command)
        } else {
            privilege::spawn_as_person(&mut command)
        }
    };
    let child = if step.inside.is_some() { inheritance::without(start) } else { start() };
    let mut child = child?;
    if let (Some(mut stdin), Some(text)) = (child.stdin.take(), step.input.clone()) {
        // Write in the background, because the program may print a lot before it reads. One that ends without
        // reading reports the reason itself.
        std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    }
    limited(child, limit)
}

/// Returns the output of a program, or kills it if it takes too long.
fn limited(mut child: Child, limit: Duration) -> std::io::Result<Output> {
    // Read in the background, because a full pipe would block the program.
    let (out, err) = (child.stdout.take().map(Pipe::read), child.stderr.take().map(Pipe::read));
    let status = child.wait_timeout(limit)?;
    let Some(status) = status else {
        privilege::kill(&mut child)?;
        child.wait()?;
        return Err(std::io::Error::other(format!("it did not finish within {} seconds", limit.as_secs())));
    };
    let said = |pipe: Option<Pipe>| pipe.map(Pipe::said).unwrap_or_default();
    Ok(Output { status, stdout: said(out), stderr: said(err) })
}

/// Output that is read while the program runs.
struct Pipe {
    bytes: Arc<Mutex<Vec<u8>>>,
    ended: mpsc::Receiver<()>,
}

/// How long to wait for more output after the program has ended: a daemon that it started may keep the pipes
/// open.
const REST_OF_OUTPUT: Duration = Duration::from_secs(1);

/// How many bytes of the output are kept, counted from its end: enough for the roots of a system in PEM.
const MOST_SAID: usize = 16 << 20;

impl Pipe {
    fn read(mut pipe: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let (end, ended) = mpsc::channel();
        let shared = Arc::clone(&bytes);
        std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(read @ 1..) = pipe.read(&mut buffer) {
                let mut bytes = shared.lock().unwrap_or_else(PoisonError::into_inner);
                if bytes.len() > MOST_SAID {
                    bytes.drain(..MOST_SAID / 2);
                }
                bytes.extend_from_slice(&buffer[..read]);
            }
            let _ = end.send(());
        });
        Self { bytes, ended }
    }

    /// The output, after the program has ended.
    fn said(self) -> Vec<u8> {
        let _ = self.ended.recv_timeout(REST_OF_OUTPUT);
        std::mem::take(&mut *self.bytes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The last line that a program printed, which usually says why it failed.
pub(crate) fn last_line(output: &Output) -> String {
    let last = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        text.lines().rev().find(|line| !line.trim().is_empty()).map(|line| line.trim().to_owned())
    };
    // keytool prints its error on standard output, and a warning on standard error.
    let out = String::from_utf8_lossy(&output.stdout);
    let error = out.lines().rev().find(|line| line.contains("error:")).map(|line| line.trim().to_owned());
    error
        .or_else(|| last(&output.stderr))
        .or_else(|| last(&output.stdout))
        .unwrap_or_else(|| output.status.to_string())
}

/// Whether `sudo` or `doas` could not ask for a password, because there is no terminal.
fn needs_password(said: &str) -> bool {
    let says = [
        "a password is required",
        "a terminal is required to read the password",
        "doas: Authentication required",
    ];
    says.iter().any(|part| said.contains(part))
}

fn check(step: &Step, output: std::io::Result<Output>, all: &[Step]) -> Result<(), Problem> {
    let name = &step.name;
    let by_hand = || {
        if let Some(hint) = &step.hint {
            return hint.clone();
        }
        if let Some(inside) = &step.inside {
            return format!("to see why, run it in the tree: {inside}");
        }
        let as_root = if all.iter().any(|step| step.as_root) { " as root" } else { "" };
        format!("to see why, run it by hand{as_root}: {}", script(all))
    };
    match output {
        Err(e) => Err(Problem::new(format!("cannot run {name}: {e}"), by_hand())),
        Ok(output) if !output.status.success() => {
            let said = last_line(&output);
            let all_said = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
            let forgiven =
                step.forgiven.is_some_and(|words| String::from_utf8_lossy(&all_said).contains(words));
            if forgiven {
                return Ok(());
            }
            if step.as_root && step.inside.is_none() && needs_password(&said) {
                let hint = format!("run the same command with sudo, or by hand as root: {}", script(all));
                return Err(Problem::new("it needs root, and sudo cannot ask for a password here", hint));
            }
            Err(sandbox::refusal(step, output.status.code(), &said)
                .unwrap_or_else(|| Problem::new(format!("{name} failed: {said}"), by_hand())))
        }
        Ok(_) => Ok(()),
    }
}

#[cfg(all(test, unix))]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_hangs_is_killed() {
        let mut command = Command::new("/bin/sleep");
        command.arg("1000");
        let error = limited(command.spawn().unwrap(), Duration::from_millis(50)).unwrap_err();
        assert!(error.to_string().contains("did not finish"), "{error}");
    }
}
