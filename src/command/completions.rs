//! `devca completions SHELL`: prints the code with which a shell asks devca for completions.

use std::io::{self, Write};

use clap_complete::Shell;
use clap_complete::env::Shells;
use serde::Serialize;

use super::complete::VARIABLE;
use crate::error::{Fault, OrHint};
use crate::report::Outcome;

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Completions {
    shell: String,
    script: String,
}

/// zsh loads `_devca` from its `fpath` at the first Tab, and expects the completions from that same call.
const AUTOLOADED: &str = "[[ ${funcstack[1]-} == _devca ]] && _clap_dynamic_completer_devca \"$@\"\n";

pub(super) fn run(shell: Shell) -> anyhow::Result<Completions> {
    let shell = shell.to_string();
    let unknown = || Fault::new(format!("{shell} is not a known shell"), "see devca completions --help");
    let mut script = Vec::new();
    let shells = Shells::builtins();
    let completer = shells.completer(&shell).ok_or_else(unknown)?;
    completer
        .write_registration(VARIABLE, "devca", "devca", "devca", &mut script)
        .or_hint(|| "cannot write the script".into(), || "try again".into())?;
    if shell == "zsh" {
        script.extend(AUTOLOADED.as_bytes());
    }
    Ok(Completions { script: String::from_utf8_lossy(&script).into_owned(), shell })
}

impl Outcome for Completions {
    fn is_payload(&self) -> bool {
        true
    }

    fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        page.write_all(self.script.as_bytes())
    }
}
