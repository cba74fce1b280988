//! `devca mkcert`, and devca called as `mkcert`. clap cannot parse mkcert's options, so they are passed through.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::{Args, ValueEnum};

mod flags;

pub use flags::{MkcertFlags, USAGE};

#[derive(Debug, Args)]
#[command(
    override_usage = "devca mkcert [MKCERT-OPTION]… [NAME]…\n       devca mkcert --link TOOL,…\n       devca mkcert --unlink [TOOL,…]",
    after_help = "\
Examples:
  devca mkcert -install
  devca mkcert -key-file key.pem -cert-file cert.pem localhost 127.0.0.1 ::1
  devca mkcert --link next,vite        make these tools run devca
  devca mkcert --unlink                undo that

It takes the options of mkcert 1.4.4, with one dash or two (devca mkcert -help lists them), and writes the same files. \
A program that is called mkcert, such as a link to devca, is the same command. $CAROOT, $TRUST_STORES and $JAVA_HOME are read. devca's own options go first: \
devca --ca work mkcert localhost.

The root is devca's: the folder that -CAROOT prints contains rootCA.pem, and never its key. devca does not issue for \
names that the root may not sign for, does not replace files that neither devca nor mkcert issued, and never turns a CSR into a \
CA. docs/from-mkcert.md lists every difference.

Tools for --link: path (the folder of devca itself), next, vite, webpack, mkcert-cli, https-localhost.

Exit codes: 0 success, 1 failure, 2 usage error, such as an option that mkcert does not have."
)]
pub struct Mkcert {
    /// Put a script that runs devca where these tools look for mkcert, unless something is there
    #[arg(
        long,
        value_name = "TOOL,…",
        value_delimiter = ',',
        ignore_case = true,
        hide_possible_values = true,
        conflicts_with_all = ["unlink", "words"]
    )]
    pub link: Vec<LinkedTool>,
    /// Remove what --link created, for these tools [default: all]
    #[arg(
        long,
        value_name = "TOOL,…",
        value_delimiter = ',',
        num_args = 0..,
        ignore_case = true,
        hide_possible_values = true,
        conflicts_with = "words"
    )]
    pub unlink: Option<Vec<LinkedTool>>,
    /// mkcert's options and names
    #[arg(value_name = "MKCERT-ARGUMENT", last = true)]
    pub words: Vec<String>,
}

impl Mkcert {
    /// Whether it acts as mkcert, which writes only results such as a path to standard output.
    pub fn is_in_its_place(&self) -> bool {
        self.link.is_empty() && self.unlink.is_none()
    }
}

/// A tool that runs mkcert from a place of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LinkedTool {
    /// The folder of devca itself, for whatever looks in PATH: ddev, scripts, people
    Path,
    /// Next.js, with --experimental-https
    Next,
    /// vite-plugin-mkcert
    Vite,
    /// webpack-mkcert, in the same place
    Webpack,
    /// mkcert-cli
    MkcertCli,
    /// https-localhost, which is given its certificate as well
    HttpsLocalhost,
}

impl LinkedTool {
    /// As `--link` takes it.
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

/// Inserts `--` before the arguments for mkcert, so that clap does not parse them.
pub(super) fn separated(mut words: Vec<OsString>) -> Vec<OsString> {
    const OWN: [&str; 4] = ["--", "--help", "--link", "--unlink"];
    if words.first().is_some_and(|program| is_mkcert(program)) {
        words.splice(..1, ["devca", "mkcert", "--"].map(OsString::from));
        return words;
    }
    let is_own = |word: &OsString| {
        let text = word.to_string_lossy();
        OWN.contains(&text.split('=').next().unwrap_or_default())
    };
    if let Some(at) = command(&words).filter(|&at| words[at] == "mkcert")
        && words.get(at + 1).is_some_and(|next| !is_own(next))
    {
        words.insert(at + 1, "--".into());
    }
    words
}

/// Whether this is `mkcert`, or the file name of a release: `mkcert-v1.4.4-linux-amd64`.
fn is_mkcert(program: &OsStr) -> bool {
    let name = Path::new(program).file_name().unwrap_or_default().to_string_lossy();
    name == "mkcert" || name == "mkcert.exe" || name.starts_with("mkcert-")
}

/// The index of the command: the first word that is neither an option nor the value of an option.
fn command(words: &[OsString]) -> Option<usize> {
    let mut at = 1;
    while let Some(word) = words.get(at) {
        match word.to_str() {
            Some("--ca" | "--color") => at += 2,
            Some(option) if option.starts_with('-') => at += 1,
            _ => return Some(at),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::separated;

    #[test]
    fn what_is_for_mkcert_is_kept_from_clap() {
        for (typed, read) in [
            ("devca mkcert -install localhost", "devca mkcert -- -install localhost"),
            ("devca --ca work mkcert --version", "devca --ca work mkcert -- --version"),
            ("devca --ca mkcert issue mkcert", "devca --ca mkcert issue mkcert"),
            ("devca mkcert --link next", "devca mkcert --link next"),
            ("devca mkcert --unlink=vite", "devca mkcert --unlink=vite"),
            ("devca mkcert -- --help", "devca mkcert -- --help"),
            ("devca mkcert", "devca mkcert"),
            ("devca help mkcert -x", "devca help mkcert -x"),
            ("/usr/bin/mkcert --help", "devca mkcert -- --help"),
            ("mkcert-v1.4.4-linux-amd64 -CAROOT", "devca mkcert -- -CAROOT"),
            ("mkcert.exe", "devca mkcert --"),
        ] {
            let words = separated(typed.split(' ').map(Into::into).collect());
            assert_eq!(words.join(" ".as_ref()), *read, "{typed}");
        }
    }
}
