//! The command line, as clap types; nothing is done here.

use std::error::Error as _;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::error::Fault;
use crate::home::CaName;

mod browser;
mod ca;
mod check;
mod inventory;
mod issue;
mod machine;
mod password;

pub use browser::{Browser, BrowserAdd, BrowserRemove};
pub use ca::{Ca, Export, Import, Install, Passphrase, Permit, Root, Rotate, System, Uninstall};
pub use check::{Check, Explain};
pub use inventory::{Crl, Inspect, List, Renew, Revoke};
pub use issue::Issue;
pub use machine::{Dialect, Env, Run, Status, Stores};
pub use password::PasswordSource;

/// A local development certificate authority: HTTPS on localhost and mutual TLS, trusted by your machine
#[derive(Debug, Parser)]
#[command(
    name = "devca",
    version,
    subcommand_required = true,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    after_help = "\
Examples:
  devca install                         a root of your own, trusted by this machine
  devca issue localhost 127.0.0.1 ::1   a certificate for your dev server
  devca issue --client alice            a client certificate for testing mutual TLS

Files: $DEVCA_HOME, else ~/.local/share/devca (Linux), ~/Library/Application Support/devca (macOS), \
%LOCALAPPDATA%\\devca (Windows). Exit codes: 0 done, 1 failed, 2 not understood."
)]
pub struct Cli {
    /// What every command understands.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Use the CA of this name instead of the default one (check: or trust the roots in this file alone)
    #[arg(long, global = true, value_name = "NAME", env = "DEVCA_CA", default_value = CaName::DEFAULT, hide_default_value = true)]
    pub ca: String,
    /// Print one JSON document on standard output
    #[arg(long, global = true)]
    pub json: bool,
    /// Print errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Print the programs that are run as well
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// Colour the output (auto: on a terminal, unless `NO_COLOR` is set)
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", hide_default_value = true)]
    pub color: Color,
}

/// When to colour.
#[derive(Debug, Clone, Copy, ValueEnum)]
#[allow(missing_docs)]
pub enum Color {
    Auto,
    Always,
    Never,
}

impl Color {
    /// From here on, every stream follows.
    pub fn write_global(self) {
        match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::Always,
            Self::Never => anstream::ColorChoice::Never,
        }
        .write_global();
    }
}

/// The commands, one file each in `command/`.
#[derive(Debug, Subcommand)]
#[command(defer = true)] // only the one that is asked for is built: a tenth of a run's start
pub enum Command {
    /// Make a root, once, and have this machine trust it
    Install(Install),
    /// Take the root out of this machine's trust stores
    Uninstall(Uninstall),
    /// Issue a certificate for one or more names
    Issue(Box<Issue>),
    /// Tell where the root is, or print it
    Root(Root),
    /// Find out why TLS fails, at a server or with a file
    Check(Check),
    /// Explain the words of a client that fails
    Explain(Explain),
    /// What was issued, and what has become of it
    List(List),
    /// Read a certificate or a request aloud
    Inspect(Inspect),
    /// Issue certificates again before they end, in their places
    Renew(Renew),
    /// Change what the root may sign for
    Permit(Permit),
    /// Lock the root's key with a passphrase, change it, or take it off
    Passphrase(Passphrase),
    /// Make a new root in the place of the old one, and issue every certificate again
    Rotate(Rotate),
    /// Revoke a certificate, to test how servers treat it
    Revoke(Revoke),
    /// Write the list of revoked certificates
    Crl(Crl),
    /// Hand an intermediate CA to another system, when one machine is no longer enough
    Export(Export),
    /// The CAs that are here
    #[command(subcommand)]
    Ca(Ca),
    /// Look over root, key and every store, and say what mends what is wrong
    Status(Status),
    /// Print the variables for programs that do not read the system's store
    Env(Env),
    /// Start a program that trusts the root
    Run(Run),
    /// Have browsers send a client certificate, for testing mutual TLS
    #[command(subcommand)]
    Browser(Browser),
    /// Take over a root that is there: mkcert's, or any pair in PEM
    Import(Import),
    /// Print the completions of a shell
    #[command(
        after_help = "Example:\n  devca completions bash > ~/.local/share/bash-completion/completions/devca"
    )]
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Print the manual page
    #[command(after_help = "Examples:\n  devca man | man -l -\n  devca man issue > devca-issue.1")]
    Man {
        /// The page of one command
        command: Option<String>,
    },
}

/// What clap has to say, as an error and a hint.
pub fn in_two_lines(error: &clap::Error) -> (String, String) {
    if let Some(fault) = error.source().and_then(|source| source.downcast_ref::<Fault>()) {
        return (fault.to_string(), fault.hint().to_owned());
    }
    if error.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return ("a subcommand is missing".into(), "see --help".into());
    }
    let text = error.to_string();
    let mut paragraphs = text.split("\n\n").map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "));
    let what = paragraphs.next().unwrap_or_default();
    let what = what.strip_prefix("error: ").unwrap_or(&what).trim_end_matches("...").to_owned();
    let rest: Vec<String> = paragraphs.collect();
    if error.kind() == clap::error::ErrorKind::ArgumentConflict {
        return (what, "leave out one of the two (see --help)".into());
    }
    let hint = rest
        .iter()
        .find_map(|part| part.strip_prefix("tip: ").map(ToOwned::to_owned))
        .or_else(|| {
            rest.iter()
                .find_map(|part| part.strip_prefix("Usage: ").map(|usage| format!("{usage} (see --help)")))
        })
        .unwrap_or_else(|| "see --help for what the option takes".into());
    (what, hint)
}
