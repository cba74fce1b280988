//! `devca man [COMMAND]`

use std::io::{self, Write};

use clap::CommandFactory;
use serde::Serialize;

use crate::cli::Cli;
use crate::error::{Fault, OrHint};
use crate::report::Outcome;

#[derive(Serialize)]
pub(super) struct Man {
    page: String,
}

pub(super) fn run(of: Option<&str>) -> anyhow::Result<Man> {
    let mut all = Cli::command();
    all.build();
    let command = match of {
        None => all,
        Some(name) => {
            let found = all.find_subcommand(name).ok_or_else(|| {
                Fault::usage(format!("there is no command {name:?}"), "devca --help lists the commands")
            })?;
            found.clone()
        }
    };
    let mut page = Vec::new();
    clap_mangen::Man::new(command)
        .render(&mut page)
        .or_hint(|| "cannot make the manual page".into(), || "devca --help says the same".into())?;
    Ok(Man { page: String::from_utf8_lossy(&page).into_owned() })
}

impl Outcome for Man {
    fn is_payload(&self) -> bool {
        true
    }

    fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        page.write_all(self.page.as_bytes())
    }
}
