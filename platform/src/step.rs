//! Changes to a store as data, so that they can be printed instead of made.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

use crate::windows::Change;

/// A change that can be made or printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub(crate) what: Action,
    /// Whether only root may do this.
    pub as_root: bool,
    /// The program's name in errors.
    pub(crate) name: String,
    /// The folder with the program's own files, if they are not the system's.
    pub(crate) home: Option<PathBuf>,
    /// The lines for its standard input.
    pub(crate) input: Option<String>,
    /// Whether each of those lines is a separate change, so that several steps can be combined into one run.
    pub(crate) takes_more_lines: bool,
    /// The hint if it fails.
    pub(crate) hint: Option<String>,
    /// Text in a failure which means that the change had already been made.
    pub(crate) forgiven: Option<&'static str>,
    /// The step as it runs inside the sysroot.
    pub(crate) inside: Option<Box<Self>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// Runs a program, always by its absolute path.
    Run { program: PathBuf, arguments: Vec<OsString> },
    /// Calls Windows' certificate API.
    Windows(Change),
}

impl Step {
    /// A program that any user can run.
    pub fn run<A: Into<OsString>>(program: &Path, arguments: impl IntoIterator<Item = A>) -> Self {
        let arguments = arguments.into_iter().map(Into::into).collect();
        let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Self::new(name, Action::Run { program: program.to_owned(), arguments })
    }

    /// A program that only root can run successfully.
    pub fn as_root<A: Into<OsString>>(program: &Path, arguments: impl IntoIterator<Item = A>) -> Self {
        Self::run(program, arguments).elevated()
    }

    #[must_use]
    pub(crate) fn elevated(mut self) -> Self {
        self.as_root = true;
        self
    }

    pub(crate) fn windows(change: Change) -> Self {
        Self::new("Windows".into(), Action::Windows(change))
    }

    fn new(name: String, what: Action) -> Self {
        Self {
            what,
            as_root: false,
            name,
            home: None,
            input: None,
            takes_more_lines: false,
            hint: None,
            forgiven: None,
            inside: None,
        }
    }

    /// A shell script with arguments in `$1` and so on. In errors, it has the name of its purpose.
    pub(crate) fn shell<A: Into<OsString>>(
        name: &str,
        script: &str,
        words: impl IntoIterator<Item = A>,
    ) -> Self {
        let own = ["-c", script, "sh"].into_iter().map(OsString::from);
        let step = Self::run(Path::new("/bin/sh"), own.chain(words.into_iter().map(Into::into)));
        Self { name: name.to_owned(), ..step }
    }

    /// Passes this text, which consists of whole lines, to the program's standard input.
    #[must_use]
    pub(crate) fn reading(mut self, text: String) -> Self {
        self.input = Some(text);
        self
    }

    /// Does the same for a program to which each line is a separate change.
    #[must_use]
    pub(crate) fn reading_change(self, line: String) -> Self {
        Self { takes_more_lines: true, ..self.reading(line) }
    }

    /// Sets the hint if it fails.
    #[must_use]
    pub(crate) fn hinting(mut self, hint: &str) -> Self {
        self.hint = Some(hint.to_owned());
        self
    }

    /// Appends the lines of another step if the same program would read them. Returns whether it did.
    fn takes_over(&mut self, other: &Self) -> bool {
        let is_same = Self { input: self.input.clone(), ..other.clone() } == *self;
        if !(is_same && self.takes_more_lines) {
            return false;
        }
        let lines = [&self.input, &other.input].map(|input| input.as_deref().unwrap_or_default());
        self.input = Some(lines.join("\n"));
        true
    }

    /// Marks the program as part of a self-contained folder: a JDK.
    #[must_use]
    pub(crate) fn with_home(mut self, home: &Path) -> Self {
        self.home = Some(home.to_owned());
        self
    }

    /// The program that it runs.
    pub(crate) fn program(&self) -> Option<&Path> {
        match &self.what {
            Action::Run { program, .. } => Some(program),
            Action::Windows(_) => None,
        }
    }

    /// The step as a shell command, with a program such as `sudo` before it.
    pub(crate) fn after(&self, prefix: Option<&Path>) -> String {
        let (program, arguments) = match &self.what {
            Action::Run { program, arguments } => (program, arguments),
            Action::Windows(change) => return change.to_string(),
        };
        let line = prefix.into_iter().chain([program.as_path()]).map(Path::as_os_str);
        let line = words(line.chain(arguments.iter().map(OsString::as_os_str)));
        match &self.input {
            // Each line is a separate word, so that the command can be pasted as a single line.
            Some(text) => format!("printf '%s\\n' {} | {line}", words(text.lines().map(OsStr::new))),
            None => line,
        }
    }

    /// Ignores a failure whose output contains this text.
    #[must_use]
    pub(crate) fn forgiving(mut self, words: &'static str) -> Self {
        self.forgiven = Some(words);
        self
    }
}

/// Formats the step as a shell command.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.after(None))
    }
}

fn words<'a>(words: impl Iterator<Item = &'a OsStr>) -> String {
    words.map(quoted).collect::<Vec<_>>().join(" ")
}

/// Quotes a word for the shell.
pub fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    // Paths on Windows contain backslashes, which its shells do not interpret.
    if cfg!(windows) && !word.contains(['\'', ' ']) {
        return word.into_owned();
    }
    // Only NUL cannot be quoted, and no argument contains one.
    shlex::try_quote(&word).map_or_else(|_| word.to_string(), Into::into)
}

/// Combines the steps of several changes: what they have in common, such as the program that generates the
/// system's bundle, runs once, after everything that it should process.
pub fn merged(changes: &[Vec<Step>]) -> Vec<Step> {
    let longest = changes.iter().map(Vec::len).max().unwrap_or(0);
    let all: Vec<&Step> =
        (0..longest).flat_map(|at| changes.iter().filter_map(move |steps| steps.get(at))).collect();
    let is_last = |at: usize| !all[at + 1..].contains(&all[at]);
    let mut merged: Vec<Step> = Vec::new();
    for step in (0..all.len()).filter(|at| is_last(*at)).map(|at| all[at]) {
        if !merged.last_mut().is_some_and(|last| last.takes_over(step)) {
            merged.push(step.clone());
        }
    }
    merged
}

/// The steps as a single shell command.
pub fn script(steps: &[Step]) -> String {
    steps.iter().map(ToString::to_string).collect::<Vec<_>>().join(" && ")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn steps_print_as_a_shell_reads_them() {
        let step = Step::as_root(Path::new("/usr/bin/install"), ["-m", "0644", "/home/it's me/root.pem"]);
        assert_eq!(step.to_string(), r#"/usr/bin/install -m 0644 "/home/it's me/root.pem""#);
    }

    #[cfg(unix)]
    #[test]
    fn a_shell_that_is_given_a_step_does_the_same() {
        let text = "-----BEGIN IT'S-----\n100% $HOME\n-----END-----\n";
        let step = Step::shell("cat", r#"cat; printf '%s\n' "$1""#, ["a word"]).reading(text.to_owned());
        let output = std::process::Command::new("/bin/sh").args(["-c", &step.to_string()]).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{text}a word\n"));
        assert!(!step.to_string().contains('\n'), "{step}");
        assert!(step.after(Some(Path::new("/usr/bin/sudo"))).contains(" | /usr/bin/sudo /bin/sh -c "));
    }
}
