//! What changes a store, as data: it can be shown instead of made.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

use crate::windows::Change;

/// One change, which can be made or shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub(crate) what: What,
    /// Only root may do this.
    pub as_root: bool,
    /// Words of a failure that means it had been done before.
    pub(crate) forgiven: Option<&'static str>,
    /// What the program reads from standard input.
    pub(crate) input: Option<String>,
    /// The same step as it is run inside the sysroot.
    pub(crate) inside: Option<Box<Self>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// A program, always by its absolute path.
    Run { program: PathBuf, arguments: Vec<OsString> },
    /// Windows' certificate API.
    Windows(Change),
}

impl Step {
    /// A program that anybody may run.
    pub fn run<A: Into<OsString>>(program: &Path, arguments: impl IntoIterator<Item = A>) -> Self {
        let arguments = arguments.into_iter().map(Into::into).collect();
        Self::new(What::Run { program: program.to_owned(), arguments })
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
        Self::new(What::Windows(change))
    }

    fn new(what: What) -> Self {
        Self { what, as_root: false, forgiven: None, input: None, inside: None }
    }

    /// Gives the program something to read.
    #[must_use]
    pub(crate) fn reading(mut self, input: String) -> Self {
        self.input = Some(input);
        self
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
                if let Some(input) = &self.input {
                    write!(f, "printf %s {} | ", quoted(input.as_ref()))?;
                }
                f.write_str(&quoted(program.as_os_str()))?;
                arguments.iter().try_for_each(|argument| write!(f, " {}", quoted(argument)))
            }
            What::Windows(change) => change.fmt(f),
        }
    }
}

/// A word as a shell reads it.
pub fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:=@,%\\".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.into_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// The steps as one shell command.
pub fn script(steps: &[Step]) -> String {
    steps.iter().map(ToString::to_string).collect::<Vec<_>>().join(" && ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_print_as_a_shell_reads_them() {
        let step = Step::as_root(Path::new("/usr/bin/install"), ["-m", "0644", "/home/it's me/root.pem"]);
        assert_eq!(step.to_string(), r"/usr/bin/install -m 0644 '/home/it'\''s me/root.pem'");
    }
}
