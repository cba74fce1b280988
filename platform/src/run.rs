//! Running programs: those that change a store, as root where needed, and those that only say what is in it.

use std::ffi::{OsStr, OsString};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use wait_timeout::ChildExt;

use crate::step::{Step, What, quoted, script};
use crate::{Host, Problem, privilege};

/// A program that only asks; `securityd` is known to hang.
const QUESTION_LIMIT: Duration = Duration::from_secs(60);
/// A program that changes something: a person may have to find the password first.
const CHANGE_LIMIT: Duration = Duration::from_secs(600);

impl Host {
    /// Runs the steps in order; stops at the first that fails. Nothing is run where root's rights are needed and
    /// cannot be had: then the hint has the commands.
    pub fn perform(&self, steps: &[Step], mut before: impl FnMut(&str)) -> Result<(), Problem> {
        let elevate = self.elevation(steps)?;
        for step in steps {
            let (program, arguments) = match &step.what {
                What::Windows(change) => {
                    before(&change.to_string());
                    change.make()?;
                    continue;
                }
                What::Run { program, arguments } => (program, arguments),
            };
            refuse_relative(program)?;
            let mut line: Vec<&OsStr> = vec![program.as_os_str()];
            line.extend(arguments.iter().map(OsString::as_os_str));
            if let (Some(sudo), true) = (&elevate, step.as_root) {
                line.insert(0, sudo.as_os_str());
            }
            before(&line.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "));
            let mut command = Command::new(line[0]);
            // sudo asks on the terminal; `sudo -S` users feed it from here.
            let stdin = match &step.input {
                Some(_) => Stdio::piped(),
                None if step.as_root && elevate.is_some() => Stdio::inherit(),
                None => Stdio::null(),
            };
            command.args(&line[1..]).stdin(stdin);
            if !step.as_root {
                self.step_down(&mut command);
            }
            let spawn = if step.as_root { privilege::spawn_as_root } else { privilege::spawn_as_person };
            let output = limited(command, spawn, step.input.as_deref(), CHANGE_LIMIT);
            check(step, program, output, steps)?;
        }
        Ok(())
    }

    /// Runs a program that changes nothing, as the person.
    pub(crate) fn ask(&self, step: &Step) -> Result<Output, Problem> {
        let What::Run { program, arguments } = &step.what else {
            return Err(Problem::new("only a program can be asked", "report this"));
        };
        refuse_relative(program)?;
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null());
        if !step.as_root {
            self.step_down(&mut command);
        }
        let spawn = if step.as_root { privilege::spawn_as_root } else { privilege::spawn_as_person };
        limited(command, spawn, None, QUESTION_LIMIT).map_err(|e| {
            Problem::new(format!("cannot run {}: {e}", program.display()), format!("run by hand: {step}"))
        })
    }

    /// Root working for a person runs the person's programs as the person.
    #[cfg(unix)]
    fn step_down(&self, command: &mut Command) {
        use std::os::unix::process::CommandExt;
        if let Some((user, group)) = self.person.ids {
            command.uid(user).gid(group);
            if let Some(home) = &self.person.home {
                command.env("HOME", home);
            }
        }
    }

    #[cfg(not(unix))]
    #[allow(clippy::unused_self)]
    fn step_down(&self, _: &mut Command) {}

    /// The program that turns a user into root; `None` where none is needed.
    fn elevation(&self, steps: &[Step]) -> Result<Option<PathBuf>, Problem> {
        if self.is_root || steps.iter().all(|step| !step.as_root) {
            return Ok(None);
        }
        let sudo = ["sudo", "doas"].iter().find_map(|name| self.program(name));
        sudo.map(Some).ok_or_else(|| {
            Problem::new(
                "it takes root's rights, and there is no sudo here",
                format!("as root, run: {}", script(steps)),
            )
        })
    }
}

/// What a relative path names depends on the folder that somebody stands in.
fn refuse_relative(program: &Path) -> Result<(), Problem> {
    // On Windows, `/usr/bin/x` is no absolute path; tests of the other systems' stores have such.
    if program.is_absolute() || program.has_root() {
        return Ok(());
    }
    let why = format!("{} is no absolute path, and so is not run", program.display());
    Err(Problem::new(why, "name programs and Javas by their absolute paths"))
}

/// As whom a program is started.
type Spawn = fn(&mut Command) -> std::io::Result<Child>;

/// What a program says, unless it takes too long: then it is ended.
fn limited(
    mut command: Command,
    spawn: Spawn,
    input: Option<&str>,
    limit: Duration,
) -> std::io::Result<Output> {
    let mut child = spawn(command.stdout(Stdio::piped()).stderr(Stdio::piped()))?;
    if let (Some(input), Some(mut stdin)) = (input, child.stdin.take()) {
        // A certificate fits into the pipe. A program that does not read it says why in its own words.
        let _ = stdin.write_all(input.as_bytes());
    }
    // Read on the side: a full pipe would stop the program.
    let (out, err) = (child.stdout.take().map(Pipe::read), child.stderr.take().map(Pipe::read));
    let status = child.wait_timeout(limit)?;
    let Some(status) = status else {
        privilege::kill(&mut child)?;
        child.wait()?;
        return Err(std::io::Error::other(format!("it had not ended after {} seconds", limit.as_secs())));
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

impl Pipe {
    fn read(mut pipe: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let (end, ended) = mpsc::channel();
        let shared = Arc::clone(&bytes);
        std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(read @ 1..) = pipe.read(&mut buffer) {
                shared.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&buffer[..read]);
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

fn check(step: &Step, program: &Path, output: std::io::Result<Output>, all: &[Step]) -> Result<(), Problem> {
    let inside = step.inside.as_deref();
    let program = match inside.map(|step| &step.what) {
        Some(What::Run { program, .. }) => program,
        _ => program,
    };
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    let by_hand = || {
        if let Some(inside) = inside {
            return format!("to see what stops it, run it in the tree: {inside}");
        }
        let as_root = if all.iter().any(|step| step.as_root) { "as root, " } else { "" };
        format!("to see what stops it, run {as_root}by hand: {}", script(all))
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
            Err(crate::sandbox::refusal(step, output.status.code(), &said)
                .unwrap_or_else(|| Problem::new(format!("{name} failed: {said}"), by_hand())))
        }
        Ok(_) => Ok(()),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_hangs_is_ended() {
        let mut command = Command::new("/bin/sleep");
        command.arg("1000");
        let error = limited(command, Command::spawn, None, Duration::from_millis(50)).unwrap_err();
        assert!(error.to_string().contains("had not ended"), "{error}");
    }
}
