//! The machine that stores are on: its file tree, its programs, and how to run them, as root where needed.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use wait_timeout::ChildExt;

use crate::Problem;
use crate::windows::Change;

/// The operating system, as a value: what is driven through programs compiles and is tested everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Os {
    Linux,
    MacOs,
    Windows,
}

impl Os {
    /// The one this program was built for.
    pub const fn current() -> Self {
        if cfg!(windows) {
            Self::Windows
        } else if cfg!(target_os = "macos") {
            Self::MacOs
        } else {
            Self::Linux
        }
    }
}

/// Whose stores they are.
#[derive(Debug, Clone, Default)]
pub struct Person {
    /// Home folder.
    pub home: Option<PathBuf>,
    /// User and group to run programs as, where this process is root on the person's behalf.
    pub ids: Option<(u32, u32)>,
}

/// A machine.
#[derive(Debug, Clone)]
pub struct Host {
    /// Decides which stores there are.
    pub os: Os,
    /// The top of the file tree: `/`, or a container image's.
    pub sysroot: PathBuf,
    /// Whose stores.
    pub person: Person,
    /// Absolute folders to look for programs in.
    pub path: Vec<PathBuf>,
    /// Whether this process may change the system.
    pub is_root: bool,
    /// The store of all users of the machine, where a system has one for each user as well.
    pub machine: bool,
    /// Reads an environment variable.
    pub variable: fn(&str) -> Option<OsString>,
}

/// Where administrators' programs are; `/usr/sbin` is often missing from a user's `PATH`.
const ADMIN_FOLDERS: &[&str] =
    &["/usr/sbin", "/sbin", "/usr/local/sbin", "/usr/bin", "/bin", "/usr/local/bin"];

/// A program that only asks; `securityd` is known to hang.
const QUESTION_LIMIT: Duration = Duration::from_secs(60);
/// A program that changes something: a person may have to find the password first.
const CHANGE_LIMIT: Duration = Duration::from_secs(600);

/// One change, which can be made or shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    what: What,
    /// Only root may do this.
    pub as_root: bool,
    /// Words of a failure that means it had been done before.
    forgiven: Option<&'static str>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    /// A program, always by its absolute path.
    Run { program: PathBuf, arguments: Vec<OsString> },
    /// Windows' certificate API.
    Windows(Change),
}

impl Step {
    /// A program that anybody may run.
    pub fn run<A: Into<OsString>>(program: &Path, arguments: impl IntoIterator<Item = A>) -> Self {
        let arguments = arguments.into_iter().map(Into::into).collect();
        Self { what: What::Run { program: program.to_owned(), arguments }, as_root: false, forgiven: None }
    }

    /// A program that only root may run with success.
    pub fn as_root<A: Into<OsString>>(program: &Path, arguments: impl IntoIterator<Item = A>) -> Self {
        Self::run(program, arguments).elevated()
    }

    #[must_use]
    pub(crate) fn elevated(mut self) -> Self {
        self.as_root = true;
        self
    }

    pub(crate) fn windows(change: Change) -> Self {
        Self { what: What::Windows(change), as_root: false, forgiven: None }
    }

    /// Fails only if these words are not in what the program says.
    #[must_use]
    pub(crate) fn forgiving(mut self, words: &'static str) -> Self {
        self.forgiven = Some(words);
        self
    }
}

/// As one would type it into a shell.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Run { program, arguments } => {
                f.write_str(&quoted(program.as_os_str()))?;
                arguments.iter().try_for_each(|argument| write!(f, " {}", quoted(argument)))
            }
            What::Windows(change) => change.fmt(f),
        }
    }
}

fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:=@,%\\".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.into_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

impl Host {
    /// This machine, with what `$PATH` says of absolute folders: a program in the current folder is never run.
    pub fn this(person: Person, is_root: bool) -> Self {
        let from_env = std::env::var_os("PATH").unwrap_or_default();
        let admin = ADMIN_FOLDERS.iter().map(PathBuf::from);
        // "/usr/bin" is no absolute path on Windows.
        let path =
            std::env::split_paths(&from_env).chain(admin).filter(|folder| folder.is_absolute()).collect();
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        Self { os: Os::current(), sysroot: "/".into(), person, path, is_root, machine: false, variable }
    }

    /// A path of the system, below the sysroot: links in another file tree lead to places in that tree, as they would
    /// for a program that runs there, and never out of it.
    pub fn system(&self, path: &str) -> PathBuf {
        let below = path.trim_start_matches('/');
        if self.is_elsewhere() { self.resolved(Path::new(below)) } else { self.sysroot.join(below) }
    }

    fn resolved(&self, path: &Path) -> PathBuf {
        let mut rest: Vec<OsString> =
            path.components().rev().map(|part| part.as_os_str().to_owned()).collect();
        let mut inside = PathBuf::new();
        let mut links = 0;
        while let Some(part) = rest.pop() {
            match part.to_str() {
                Some("/" | ".") => continue,
                Some("..") => {
                    inside.pop();
                    continue;
                }
                _ => inside.push(&part),
            }
            // As many as Linux follows.
            if let (Ok(target), true) = (self.sysroot.join(&inside).read_link(), links < 40) {
                links += 1;
                inside.pop();
                if target.has_root() {
                    inside = PathBuf::new();
                }
                rest.extend(target.components().rev().map(|part| part.as_os_str().to_owned()));
            }
        }
        self.sysroot.join(inside)
    }

    /// The same step with the sysroot as its `/`, where that is another than this machine's.
    pub(crate) fn inside(&self, step: Step) -> Result<Step, Problem> {
        let What::Run { program, arguments } = &step.what else { return Ok(step) };
        if !self.is_elsewhere() {
            return Ok(step);
        }
        let chroot = self.needed("chroot", "coreutils")?;
        let words = [self.sysroot.as_os_str(), program.as_os_str()].into_iter();
        let words = words.chain(arguments.iter().map(OsString::as_os_str)).map(ToOwned::to_owned);
        Ok(Step { forgiven: step.forgiven, ..Step::as_root(&chroot, words) })
    }

    /// A path below the person's home.
    pub fn home(&self, path: &str) -> Option<PathBuf> {
        self.person.home.as_ref().map(|home| home.join(path))
    }

    /// Whether the file tree is another than this machine's.
    pub fn is_elsewhere(&self) -> bool {
        self.sysroot != Path::new("/")
    }

    /// The absolute path of a program of this machine, if it is installed.
    pub fn program(&self, name: &str) -> Option<PathBuf> {
        let folders = std::env::join_paths(&self.path).ok()?;
        which::which_in(name, Some(folders), std::env::temp_dir()).ok()
    }

    /// The absolute path, within the sysroot, of a program that is there.
    pub fn program_inside(&self, name: &str) -> Option<PathBuf> {
        if !self.is_elsewhere() {
            return self.program(name);
        }
        ADMIN_FOLDERS
            .iter()
            .map(|folder| format!("{folder}/{name}"))
            .find(|p| self.system(p).is_file())
            .map(Into::into)
    }

    /// A program that cannot be done without.
    pub(crate) fn needed(&self, name: &str, package: &str) -> Result<PathBuf, Problem> {
        self.program(name).ok_or_else(|| {
            Problem::new(
                format!("{name} is not installed"),
                format!("{}, then again", self.install_command(package)),
            )
        })
    }

    /// The command that installs a package here.
    pub(crate) fn install_command(&self, package: &str) -> String {
        self.install_command_for(package, &[])
    }

    /// The same for a package that some package managers know by another name.
    pub(crate) fn install_command_for(&self, package: &str, other_names: &[(&str, &str)]) -> String {
        const MANAGERS: &[(&str, &str)] = &[
            ("apt-get", "sudo apt-get install -y"),
            ("dnf", "sudo dnf install -y"),
            ("zypper", "sudo zypper install -y"),
            ("pacman", "sudo pacman -S"),
            ("apk", "sudo apk add"),
            ("brew", "brew install"),
        ];
        let Some((manager, command)) = MANAGERS.iter().find(|(manager, _)| self.program(manager).is_some())
        else {
            return format!("install the package {package}");
        };
        let name = other_names.iter().find(|(of, _)| of == manager).map_or(package, |(_, name)| name);
        format!("{command} {name}")
    }

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
            let stdin = if step.as_root && elevate.is_some() { Stdio::inherit() } else { Stdio::null() };
            command.args(&line[1..]).stdin(stdin);
            if !step.as_root {
                self.step_down(&mut command);
            }
            check(step, program, limited(command, CHANGE_LIMIT), steps)?;
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
        limited(command, QUESTION_LIMIT).map_err(|e| {
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

/// The steps as one shell command.
pub fn script(steps: &[Step]) -> String {
    steps.iter().map(ToString::to_string).collect::<Vec<_>>().join(" && ")
}

/// What a program says, unless it takes too long: then it is ended.
fn limited(mut command: Command, limit: Duration) -> std::io::Result<Output> {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    // Read on the side: a full pipe would stop the program.
    let (out, err) = (child.stdout.take().map(Pipe::read), child.stderr.take().map(Pipe::read));
    let status = child.wait_timeout(limit)?;
    let Some(status) = status else {
        child.kill()?;
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
    // Of what runs in another file tree, not the program that changes into that.
    let program = match &step.what {
        What::Run { arguments, .. } if program.ends_with("chroot") => {
            arguments.get(1).map_or(program, |inner| Path::new(inner))
        }
        _ => program,
    };
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    let by_hand = || {
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
            if forgiven { Ok(()) } else { Err(Problem::new(format!("{name} failed: {said}"), by_hand())) }
        }
        Ok(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_in_the_current_folder_is_not_found() {
        let host = Host::this(Person::default(), true);
        assert!(host.path.iter().all(|folder| folder.is_absolute()));
        assert_eq!(host.program("Cargo.toml"), None);
    }

    #[test]
    fn steps_print_as_a_shell_reads_them() {
        let step = Step::as_root(Path::new("/usr/bin/install"), ["-m", "0644", "/home/it's me/root.pem"]);
        assert_eq!(step.to_string(), r"/usr/bin/install -m 0644 '/home/it'\''s me/root.pem'");
    }

    #[cfg(unix)]
    #[test]
    fn a_program_that_hangs_is_ended() {
        let mut command = Command::new("/bin/sleep");
        command.arg("1000");
        let error = limited(command, Duration::from_millis(50)).unwrap_err();
        assert!(error.to_string().contains("had not ended"), "{error}");
    }
}
