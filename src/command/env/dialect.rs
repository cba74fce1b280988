//! Variable assignments in the syntax of each shell.

use std::ffi::OsString;
use std::path::Path;

use crate::cli::Dialect;

impl Dialect {
    /// The dialect of the shell that started devca.
    pub(super) fn of_this_shell() -> Self {
        Self::guess(std::env::var_os("SHELL"), std::env::var_os("MSYSTEM").is_some(), cfg!(windows))
    }

    /// Guesses the dialect from `$SHELL`, which Git Bash also sets on Windows, along with `$MSYSTEM`.
    fn guess(shell: Option<OsString>, is_msys: bool, is_windows: bool) -> Self {
        let shell = shell.map(|shell| shell.to_string_lossy().replace('\\', "/")).unwrap_or_default();
        let name = Path::new(&shell).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        match name {
            "fish" => Self::Fish,
            "pwsh" | "powershell" => Self::Powershell,
            "" if is_windows && !is_msys => Self::Powershell,
            _ => Self::Sh,
        }
    }

    /// An assignment that is safe to evaluate, whatever the value is.
    pub(super) fn assign(self, name: &str, value: &str) -> String {
        match self {
            Self::Sh => format!("export {name}='{}'", value.replace('\'', r"'\''")),
            Self::Fish => format!("set -gx {name} '{}'", value.replace('\\', r"\\").replace('\'', r"\'")),
            // PowerShell also treats typographic quotes as quotes.
            Self::Powershell => {
                let doubled =
                    |c: char| if "'‘’‚‛".contains(c) { format!("{c}{c}") } else { c.to_string() };
                format!("$env:{name} = '{}'", value.chars().map(doubled).collect::<String>())
            }
            Self::Cmd => format!("set \"{name}={}\"", value.replace('%', "%%")),
            Self::Dotenv => {
                format!(
                    "{name}=\"{}\"",
                    value.replace('\\', r"\\").replace('"', "\\\"").replace('$', r"\$").replace('`', r"\`")
                )
            }
            Self::Json => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_bash_on_windows_gets_what_bash_reads() {
        let guess = |shell: &str, msystem: &str, is_windows| {
            let shell = Some(OsString::from(shell)).filter(|shell| !shell.is_empty());
            Dialect::guess(shell, !msystem.is_empty(), is_windows)
        };
        assert_eq!(guess(r"C:\Program Files\Git\usr\bin\bash.exe", "MINGW64", true), Dialect::Sh);
        assert_eq!(guess("/usr/bin/bash", "MINGW64", true), Dialect::Sh);
        assert_eq!(guess("", "MINGW64", true), Dialect::Sh);
        assert_eq!(guess("", "", true), Dialect::Powershell);
        assert_eq!(guess("", "", false), Dialect::Sh);
        assert_eq!(guess("/usr/bin/fish", "", false), Dialect::Fish);
        assert_eq!(guess("/usr/bin/pwsh", "", false), Dialect::Powershell);
    }
}
