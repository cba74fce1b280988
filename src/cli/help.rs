//! `devca --help`, with its commands in groups, which clap has no notion of.

use std::fmt::Write as _;

use clap::{Command, CommandFactory};

use super::Cli;

/// The commands, grouped by when they are needed. A test holds this list against [`super::Command`].
pub const GROUPS: [(&str, &[&str]); 4] = [
    (
        "Everyday commands",
        &["install", "issue", "serve", "snippet", "list", "renew", "run", "env", "uninstall"],
    ),
    ("Diagnosis", &["status", "check", "explain", "inspect"]),
    ("The CA", &["root", "permit", "passphrase", "rotate", "import", "export", "ca"]),
    ("Advanced commands", &["acme", "browser", "revoke", "crl", "mkcert", "completions", "man", "help"]),
];

/// The whole command line, as clap sees it.
pub fn command() -> Command {
    let command = Cli::command();
    let template = format!(
        "{{about}}\n\n{{usage-heading}} {{usage}}\n\n{}Options:\n{{options}}{{after-help}}",
        groups(&command)
    );
    command.help_template(template)
}

fn groups(command: &Command) -> String {
    let mut text = String::new();
    for (title, names) in GROUPS {
        let _ = writeln!(text, "{title}:");
        for name in names {
            let about = command.find_subcommand(name).and_then(|found| found.get_about());
            let about = about.map_or_else(|| "Print help for a command".to_owned(), ToString::to_string);
            let _ = writeln!(text, "  {name:<12} {about}");
        }
        text.push('\n');
    }
    text
}
