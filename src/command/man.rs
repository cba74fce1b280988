//! `devca man [COMMAND]`: generates manual pages from the help texts.

use std::fmt::Write as _;
use std::io::{self, Write};

use clap::Command;
use clap_mangen::Man as Page;
use serde::Serialize;

use crate::cli::help;
use crate::error::{Fault, OrHint};
use crate::report::Outcome;

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Man {
    page: String,
}

pub(super) fn run(of: Option<&str>) -> anyhow::Result<Man> {
    let mut all = help::command();
    all.build();
    let command = match of {
        None => all,
        Some(name) => {
            let found = all.find_subcommand(name).ok_or_else(|| {
                Fault::usage(format!("{name:?} is not a command"), "devca --help lists the commands")
            })?;
            found.clone()
        }
    };
    let mut page = Vec::new();
    render(&command, &mut page)
        .or_hint(|| "cannot make the manual page".into(), || "devca --help says the same".into())?;
    Ok(Man { page: String::from_utf8_lossy(&page).into_owned() })
}

/// Writes the sections in the order of man-pages(7).
fn render(command: &Command, page: &mut Vec<u8>) -> io::Result<()> {
    let notes = Notes::of(command);
    let man = Page::new(command.clone());
    man.render_title(page)?;
    man.render_name_section(page)?;
    page.extend(synopsis(command).bytes());
    man.render_description_section(page)?;
    for paragraph in &notes.description {
        writeln!(page, ".PP\n{}", escaped(paragraph))?;
    }
    man.render_options_section(page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(page)?;
    }
    let codes = notes.exit_codes.as_deref().unwrap_or("0 success, 1 failure, 2 usage error.");
    writeln!(page, ".SH \"EXIT STATUS\"\n{}", escaped(codes))?;
    page.extend(ENVIRONMENT.bytes());
    page.extend(FILES.bytes());
    if !notes.examples.is_empty() {
        writeln!(page, ".SH EXAMPLES\n.nf\n{}\n.fi", escaped(&notes.examples))?;
    }
    Ok(())
}

/// Uses clap's usage line, because that of `clap_mangen` omits the values of options.
fn synopsis(command: &Command) -> String {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage:").trim().lines().map(|line| escaped(line.trim()));
    usage.fold(".SH SYNOPSIS\n".to_owned(), |mut text, line| {
        let _ = writeln!(text, "{line}\n.br");
        text
    })
}

/// The text below the options in `--help`, split for the sections of the manual.
#[derive(Default)]
struct Notes {
    examples: String,
    description: Vec<String>,
    exit_codes: Option<String>,
}

impl Notes {
    fn of(command: &Command) -> Self {
        let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let mut notes = Self::default();
        for paragraph in text.split("\n\n") {
            let paragraph = paragraph.trim_end();
            if let Some((_, examples)) =
                paragraph.split_once(":\n").filter(|(title, _)| title.starts_with("Example"))
            {
                examples.clone_into(&mut notes.examples);
            } else if let Some((before, codes)) = paragraph.split_once("Exit codes: ") {
                notes.exit_codes = Some(codes.to_owned());
                notes.add(before);
            } else {
                notes.add(paragraph);
            }
        }
        notes
    }

    fn add(&mut self, paragraph: &str) {
        // The manual has a separate section for files.
        if !paragraph.is_empty() && !paragraph.starts_with("Files: ") {
            self.description.push(paragraph.to_owned());
        }
    }
}

/// Escapes text for roff, where a line that starts with a dot or apostrophe would be a request.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    let lines = text
        .lines()
        .map(|line| if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line.to_owned() });
    lines.collect::<Vec<_>>().join("\n")
}

const ENVIRONMENT: &str = r".SH ENVIRONMENT
.TP
DEVCA_HOME
The folder of all CAs, an absolute path.
.TP
DEVCA_CA
The CA to use, like \-\-ca.
.TP
DEVCA_STORES
The kinds of trust store to use, like \-\-store.
.TP
DEVCA_PASSPHRASE_FILE
A file whose first line is the passphrase of the root's key.
.TP
NO_COLOR
If set, the output has no colors.
";

const FILES: &str = r".SH FILES
.TP
$DEVCA_HOME
or, if it is not set, ~/.local/share/devca (Linux), ~/Library/Application Support/devca (macOS) or
%LOCALAPPDATA%\edevca (Windows): one folder per CA, called default or as \-\-ca says.
.TP
root.pem, root\-key.pem
In that folder: the root certificate and its private key.
.TP
issued.jsonl
In that folder: the inventory, one line for each certificate.
";

impl Outcome for Man {
    fn is_payload(&self) -> bool {
        true
    }

    fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        page.write_all(self.page.as_bytes())
    }
}
