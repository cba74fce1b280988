//! Errors with hints: what is wrong, and the command or change that fixes it.

use std::fmt;
use std::path::Path;

/// An error for the user. Both lines begin in lower case and end without a period.
#[derive(Debug)]
pub struct Fault {
    what: String,
    hint: String,
    exit_code: u8,
}

impl Fault {
    /// The request failed (exit code 1).
    pub fn new(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { what: what.into(), hint: hint.into(), exit_code: 1 }
    }

    /// The request is invalid (exit code 2), and nothing was changed.
    pub fn usage(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { what: what.into(), hint: hint.into(), exit_code: 2 }
    }

    /// The command or change that fixes it.
    pub fn hint(&self) -> &str {
        &self.hint
    }

    /// Sets an exit code that has a meaning for shells.
    #[must_use]
    pub fn exiting_with(mut self, code: u8) -> Self {
        self.exit_code = code;
        self
    }

    /// Replaces the hint with a more specific one.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Fault {}

/// Adds a hint to errors that have none.
pub trait OrHint<T> {
    /// Adds `what` before the cause, as in "what: cause".
    fn or_hint(self, what: impl FnOnce() -> String, hint: impl FnOnce() -> String) -> anyhow::Result<T>;
}

impl<T, E: fmt::Display> OrHint<T> for Result<T, E> {
    fn or_hint(self, what: impl FnOnce() -> String, hint: impl FnOnce() -> String) -> anyhow::Result<T> {
        self.map_err(|cause| {
            Fault::new(format!("{}: {}", what(), lower_first(&cause.to_string())), hint()).into()
        })
    }
}

/// The hint of the outermost fault in the chain.
pub fn hint(error: &anyhow::Error) -> &str {
    error
        .chain()
        .find_map(|e| e.downcast_ref::<Fault>())
        .map_or("this is a bug in devca: please report it with the output of -v", |f| &f.hint)
}

/// The `--ca` option for the commands in hints; empty for the default CA. Hints are written for the default
/// CA (`devca install`) and adapted to another one here.
#[derive(Debug, Clone, Default)]
pub struct CaOption(String);

/// Commands to which the CA makes no difference.
const OF_NO_CA: [&str; 8] = ["check", "explain", "inspect", "completions", "man", "help", "ca", "import"];

impl CaOption {
    /// The option ` --ca work`, for example.
    pub fn new(name: &impl fmt::Display) -> Self {
        Self(format!(" --ca {name}"))
    }

    /// Adds the option to every devca command in a text.
    pub fn hint(&self, text: &str) -> String {
        const PROGRAM: &str = "devca ";
        let mut parts = text.split(PROGRAM);
        let mut hint = parts.next().unwrap_or_default().to_owned();
        for rest in parts {
            let command = rest.split(|c: char| !c.is_ascii_lowercase()).next().unwrap_or_default();
            let begins_here = hint.is_empty() || hint.ends_with([' ', '(', '"', '`']);
            let takes_ca = !command.is_empty() && !OF_NO_CA.contains(&command);
            let option = if begins_here && takes_ca { &self.0 } else { "" };
            for part in ["devca", option, " ", rest] {
                hint.push_str(part);
            }
        }
        hint
    }

    /// Adapts the hint of an error to this CA.
    pub fn error(&self, error: anyhow::Error) -> anyhow::Error {
        if self.0.is_empty() {
            return error;
        }
        let exit_code = exit_code(&error);
        Fault { what: format!("{error:#}"), hint: self.hint(hint(&error)), exit_code }.into()
    }
}

/// A path quoted for the shell, for commands in hints.
pub fn quoted(path: &Path) -> String {
    devca_platform::step::quoted(path.as_os_str())
}

/// 2 for an invalid request, 1 for one that failed, or what shells expect from a program that runs others.
pub fn exit_code(error: &anyhow::Error) -> u8 {
    let codes = error.chain().filter_map(|e| e.downcast_ref::<Fault>()).map(|fault| fault.exit_code);
    codes.max().unwrap_or(1)
}

/// Makes "No space left on device (os error 28)" continue a sentence: "no space left on device".
pub(crate) fn lower_first(message: &str) -> String {
    let message = message.split(" (os error").next().unwrap_or(message);
    let mut letters = message.chars();
    match letters.next() {
        Some(first) if !letters.as_str().starts_with(char::is_uppercase) => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::CaOption;

    #[test]
    fn the_commands_of_a_hint_are_those_of_its_ca() {
        let work = CaOption::new(&"work");
        for (hint, expected) in [
            ("devca install", "devca --ca work install"),
            ("devca crl, or: devca renew --all", "devca --ca work crl, or: devca --ca work renew --all"),
            (
                "sudo devca uninstall --purge && devca install",
                "sudo devca --ca work uninstall --purge && devca --ca work install",
            ),
            (
                "run `devca root` (devca permit --list)",
                "run `devca --ca work root` (devca --ca work permit --list)",
            ),
            ("devca --ca home install", "devca --ca home install"),
            ("devca check localhost:8443", "devca check localhost:8443"),
            ("reinstall devca", "reinstall devca"),
            (
                "chmod 700 '/home/a/.local/share/devca/my files'",
                "chmod 700 '/home/a/.local/share/devca/my files'",
            ),
        ] {
            assert_eq!(work.hint(hint), expected);
            assert_eq!(work.hint(expected), expected);
            assert_eq!(CaOption::default().hint(hint), hint);
        }
    }
}
