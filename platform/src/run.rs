//! Running programs: those that change a store, as root where needed, and those that only say what is in it.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use wait_timeout::ChildExt;

use crate::elevation::isolate;
use crate::step::{Action, Step, script};
use crate::{Host, Problem, inheritance, privilege, sandbox};

/// A program that only asks; `securityd` is known to hang.
const QUESTION_LIMIT: Duration = Duration::from_secs(60);
/// A program that changes something: a person may have to find the password first.
const CHANGE_LIMIT: Duration = Duration::from_secs(600);

impl Host {
    /// Runs the steps in order; stops at the first that fails. Nothing is run where root's rights are needed and
    /// cannot be had: then the hint has the commands.
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

    /// Runs a program that changes nothing, as the person.
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
            // sudo cleans the environment by itself, and needs some of it to ask for the password.
            (true, Some(_)) => command.current_dir("/"),
            (true, None) => isolate(&mut command),
            (false, _) => self.with_own_home(&mut command),
        };
        command.stdin(match (&step.input, sudo) {
            (Some(_), _) => Stdio::piped(),
            // sudo asks on the terminal; users of `sudo -S` feed it from here.
            (None, Some(_)) => Stdio::inherit(),
            (None, None) => Stdio::null(),
        });
        Ok(command)
    }

    /// Behind `sudo`, the environment is root's.
    fn with_own_home<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        match &self.person.home {
            Some(home) if self.person.ids.is_some() => command.env("HOME", home),
            _ => command,
        }
    }
}

/// What a relative path names depends on the folder that somebody stands in.
fn refuse_relative(program: &Path) -> Result<(), Problem> {
    // On Windows, `/usr/bin/x` is no absolute path; tests of the other systems' stores have such.
    if program.is_absolute() || program.has_root() {
        return Ok(());
    }
    let why = format!("{} is not an absolute path, so devca does not run it", program.display());
    Err(Problem::new(why, "use the absolute paths of programs and JDKs"))
}

/// What a program says, which is given its input. It is root's if the step is.
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
        // On the side: the program may say much before it reads. One that ends without reading says why itself.
        std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    }
    limited(child, limit)
}

/// What a program says, unless it takes too long: then it is ended.
fn limited(mut child: Child, limit: Duration) -> std::io::Result<Output> {
    // Read on the side: a full pipe would stop the program.
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

/// What a program says, read while it runs.
struct Pipe {
    bytes: Arc<Mutex<Vec<u8>>>,
    ended: mpsc::Receiver<()>,
}

/// A daemon that a program leaves behind keeps its pipes open: nobody waits for that to end.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Of what a program says, so many of the last bytes are kept: enough for the roots of a system as PEM.
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

    /// Once the program has ended.
    fn said(self) -> Vec<u8> {
        let _ = self.ended.recv_timeout(LAST_WORDS);
        std::mem::take(&mut *self.bytes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The last line that a program said, which is where programs put their reason.
pub(crate) fn last_words(output: &Output) -> String {
    let last = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        text.lines().rev().find(|line| !line.trim().is_empty()).map(|line| line.trim().to_owned())
    };
    // keytool puts its error on standard output, and a warning on the other side.
    let out = String::from_utf8_lossy(&output.stdout);
    let error = out.lines().rev().find(|line| line.contains("error:")).map(|line| line.trim().to_owned());
    error
        .or_else(|| last(&output.stderr))
        .or_else(|| last(&output.stdout))
        .unwrap_or_else(|| output.status.to_string())
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
            let said = last_words(&output);
            let all_said = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
            let forgiven =
                step.forgiven.is_some_and(|words| String::from_utf8_lossy(&all_said).contains(words));
            if forgiven {
                return Ok(());
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
    fn a_program_that_hangs_is_ended() {
        let mut command = Command::new("/bin/sleep");
        command.arg("1000");
        let error = limited(command.spawn().unwrap(), Duration::from_millis(50)).unwrap_err();
        assert!(error.to_string().contains("did not finish"), "{error}");
    }
}
