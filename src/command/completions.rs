//! `devca completions SHELL`

use std::io::{self, Write};

use clap_complete::Shell;
use serde::Serialize;

use crate::cli::help;
use crate::report::Outcome;

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Completions {
    shell: String,
    script: String,
}

pub(super) fn run(shell: Shell) -> Completions {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut help::command(), "devca", &mut script);
    Completions { shell: shell.to_string(), script: String::from_utf8_lossy(&script).into_owned() }
}

impl Outcome for Completions {
    fn is_payload(&self) -> bool {
        true
    }

    fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        page.write_all(self.script.as_bytes())
    }
}
