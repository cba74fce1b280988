//! What changes a store, as data: it can be shown instead of made.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

use crate::windows::Change;

/// One change, which can be made or shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub(crate) what: Action,
    /// Only root may do this.
    pub as_root: bool,
    /// What the program is called in an error.
    pub(crate) name: String,
    /// The folder that the program takes its parts from, where that is not the system's.
    pub(crate) home: Option<PathBuf>,
    /// Lines for its standard input.
    pub(crate) input: Option<String>,
    /// Each of those lines is a change of its own, so that one run makes those of several steps.
    pub(crate) takes_more_lines: bool,
    /// What helps where it fails.
    pub(crate) hint: Option<String>,
    /// Words of a failure that means it had been done before.
    pub(crate) forgiven: Option<&'static str>,
    /// The same step as it is run inside the sysroot.
    pub(crate) inside: Option<Box<Self>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// A program, always by its absolute path.
    Run { program: PathBuf, arguments: Vec<OsString> },
    /// Windows' certificate API.
    Windows(Change),
}

impl Step {
    /// A program that anybody may run.
    pub fn run<A: Into<OsString>>(program: &Path, arguments: impl IntoIterator<Item = A>) -> Self {
        let arguments = arguments.into_iter().map(Into::into).collect();
        let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Self::new(name, Action::Run { program: program.to_owned(), arguments })
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

    /// A shell script, with the words that it finds in `$1` and so on. In errors it has the name of what it is for.
    pub(crate) fn shell<A: Into<OsString>>(
        name: &str,
        script: &str,
        words: impl IntoIterator<Item = A>,
    ) -> Self {
        let own = ["-c", script, "sh"].into_iter().map(OsString::from);
        let step = Self::run(Path::new("/bin/sh"), own.chain(words.into_iter().map(Into::into)));
        Self { name: name.to_owned(), ..step }
    }

    /// The program reads this text, whole lines, from its standard input.
    #[must_use]
    pub(crate) fn reading(mut self, text: String) -> Self {
        self.input = Some(text);
        self
    }

    /// The same for a program to which each line is a change of its own.
    #[must_use]
    pub(crate) fn reading_change(self, line: String) -> Self {
        Self { takes_more_lines: true, ..self.reading(line) }
    }

    /// What helps where it fails.
    #[must_use]
    pub(crate) fn hinting(mut self, hint: &str) -> Self {
        self.hint = Some(hint.to_owned());
        self
    }

    /// Takes the lines of another step over, if the same program would read them.
    fn takes_over(&mut self, other: &Self) -> bool {
        let is_same = Self { input: self.input.clone(), ..other.clone() } == *self;
        if !(is_same && self.takes_more_lines) {
            return false;
        }
        let lines = [&self.input, &other.input].map(|input| input.as_deref().unwrap_or_default());
        self.input = Some(lines.join("\n"));
        true
    }

    /// The program and its parts are in a folder of their own: a JDK.
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

    /// As one would type it into a shell, with a word before the program: `sudo`.
    pub(crate) fn after(&self, prefix: Option<&Path>) -> String {
        let (program, arguments) = match &self.what {
            Action::Run { program, arguments } => (program, arguments),
            Action::Windows(change) => return change.to_string(),
        };
        let line = prefix.into_iter().chain([program.as_path()]).map(Path::as_os_str);
        let line = words(line.chain(arguments.iter().map(OsString::as_os_str)));
        match &self.input {
            // Each line is a word of its own: what is pasted has no line breaks in it.
            Some(text) => format!("printf '%s\\n' {} | {line}", words(text.lines().map(OsStr::new))),
            None => line,
        }
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
        f.write_str(&self.after(None))
    }
}

fn words<'a>(words: impl Iterator<Item = &'a OsStr>) -> String {
    words.map(quoted).collect::<Vec<_>>().join(" ")
}

/// A word as a shell reads it.
pub fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    // Windows' paths have backslashes, which its shells take as they are.
    if cfg!(windows) && !word.contains(['\'', ' ']) {
        return word.into_owned();
    }
    // Nothing that is run has a NUL in it, which is what cannot be quoted.
    shlex::try_quote(&word).map_or_else(|_| word.to_string(), Into::into)
}

/// The steps of several changes as one: what they have in common, such as the program that makes the system's bundle, is
/// run once, after all that it is to see.
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

/// The steps as one shell command.
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
