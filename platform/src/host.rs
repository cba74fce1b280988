//! The machine that stores are on: its file tree, its programs, and how to run them, as root where needed.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::Problem;

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
    /// The top of the file tree.
    pub sysroot: PathBuf,
    /// Whose stores.
    pub person: Person,
    /// Absolute folders to look for programs in.
    pub path: Vec<PathBuf>,
    /// Whether this process may change the system.
    pub is_root: bool,
}

/// Where administrators' programs are; `/usr/sbin` is often missing from a user's `PATH`.
const ADMIN_FOLDERS: &[&str] = &["/usr/sbin", "/sbin", "/usr/local/sbin", "/usr/bin", "/bin"];

/// A program to run: always by its absolute path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Absolute.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Only root may do this.
    pub as_root: bool,
}

impl Step {
    /// A step that only root may do.
    pub fn as_root<A: Into<OsString>>(program: &Path, arguments: impl IntoIterator<Item = A>) -> Self {
        Self {
            program: program.to_owned(),
            arguments: arguments.into_iter().map(Into::into).collect(),
            as_root: true,
        }
    }
}

/// As one would type it into a shell.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&quoted(self.program.as_os_str()))?;
        self.arguments.iter().try_for_each(|argument| write!(f, " {}", quoted(argument)))
    }
}

fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:=@,%".contains(c);
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
        let path =
            std::env::split_paths(&from_env).filter(|folder| folder.is_absolute()).chain(admin).collect();
        Self { os: Os::current(), sysroot: "/".into(), person, path, is_root }
    }

    /// A path of the system, below the sysroot.
    pub fn system(&self, path: &str) -> PathBuf {
        self.sysroot.join(path.trim_start_matches('/'))
    }

    /// The absolute path of a program, if it is installed.
    pub fn program(&self, name: &str) -> Option<PathBuf> {
        let folders = std::env::join_paths(&self.path).ok()?;
        which::which_in(name, Some(folders), "/").ok()
    }

    /// Runs the steps in order; stops at the first that fails. Nothing is run where root's rights are needed and
    /// cannot be had: then the hint has the commands.
    pub fn perform(&self, steps: &[Step], mut before: impl FnMut(&str)) -> Result<(), Problem> {
        let elevate = self.elevation(steps)?;
        for step in steps {
            let mut command = if let (Some(sudo), true) = (&elevate, step.as_root) {
                before(&format!("{} {step}", quoted(sudo.as_os_str())));
                let mut command = Command::new(sudo);
                // sudo asks on the terminal; `sudo -S` users feed it from here.
                command.arg(&step.program).stdin(Stdio::inherit());
                command
            } else {
                before(&step.to_string());
                let mut command = Command::new(&step.program);
                command.stdin(Stdio::null());
                self.step_down(&mut command, step);
                command
            };
            let output = command.args(&step.arguments).output();
            check(step, output, steps)?;
        }
        Ok(())
    }

    /// Root working for a person runs the person's programs as the person.
    #[cfg(unix)]
    fn step_down(&self, command: &mut Command, step: &Step) {
        use std::os::unix::process::CommandExt;
        if let (Some((user, group)), false) = (self.person.ids, step.as_root) {
            command.uid(user).gid(group);
            if let Some(home) = &self.person.home {
                command.env("HOME", home);
            }
        }
    }

    #[cfg(not(unix))]
    #[allow(clippy::unused_self)]
    fn step_down(&self, _: &mut Command, _: &Step) {}

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

/// The steps as one shell command.
pub fn script(steps: &[Step]) -> String {
    steps.iter().map(ToString::to_string).collect::<Vec<_>>().join(" && ")
}

fn check(step: &Step, output: std::io::Result<Output>, all: &[Step]) -> Result<(), Problem> {
    let name = step.program.file_name().unwrap_or_default().to_string_lossy();
    let by_hand = || {
        let as_root = if step.as_root { "as root, " } else { "" };
        format!("to see what stops it, run {as_root}by hand: {}", script(all))
    };
    match output {
        Err(e) => Err(Problem::new(format!("cannot run {name}: {e}"), by_hand())),
        Ok(output) if !output.status.success() => {
            let last = |bytes: &[u8]| {
                String::from_utf8_lossy(bytes)
                    .lines()
                    .rev()
                    .find(|line| !line.trim().is_empty())
                    .map(|l| l.trim().to_owned())
            };
            let said = last(&output.stderr)
                .or_else(|| last(&output.stdout))
                .unwrap_or_else(|| output.status.to_string());
            Err(Problem::new(format!("{name} failed: {said}"), by_hand()))
        }
        Ok(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_in_the_current_folder_is_not_found() {
        let mut host = Host::this(Person::default(), true);
        host.path.retain(|folder| folder.is_absolute());
        assert!(host.path.iter().all(|folder| folder.is_absolute()));
        assert_eq!(host.program("Cargo.toml"), None);
    }

    #[test]
    fn steps_print_as_a_shell_reads_them() {
        let step = Step::as_root(Path::new("/usr/bin/install"), ["-m", "0644", "/home/it's me/root.pem"]);
        assert_eq!(step.to_string(), r"/usr/bin/install -m 0644 '/home/it'\''s me/root.pem'");
    }
}
