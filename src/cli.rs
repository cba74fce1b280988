//! The command line, as clap types; nothing is done here.
//!
//! The doc comments are the help texts. Structs of arguments have none, since they would replace the command's
//! description in [`Command`]: clap adds them later, because of `defer`.
#![allow(clippy::doc_markdown)]

use std::error::Error as _;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::disk::home::CaName;
use crate::error::Fault;
use crate::x509::name::Name;

mod acme;
mod browser;
mod ca;
mod check;
pub mod help;
mod inventory;
mod issue;
mod machine;
mod mkcert;
mod password;
mod serve;
mod snippet;

pub use acme::{Acme, Validation};
pub use browser::{Browser, BrowserAdd, BrowserRemove};
pub use ca::{Ca, Export, Import, Install, Passphrase, Permit, Root, Rotate, Uninstall};
pub use check::{Check, Explain};
pub use inventory::{Crl, Inspect, List, Renew, Revoke};
pub use issue::{ForMkcert, Issue};
pub use machine::{Dialect, Env, Run, Status, Stores};
pub use mkcert::{LinkedTool, Mkcert, MkcertFlags, USAGE};
pub use password::PasswordSource;
pub use serve::{ClientAuth, Serve};
pub use snippet::{ServerKind, Snippet};

/// A local development certificate authority: HTTPS on localhost and mutual TLS, trusted by your machine
#[derive(Debug, Parser)]
#[command(
    name = "devca",
    version,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "\
Examples:
  devca install                         create your root CA and trust it on this machine
  devca issue localhost 127.0.0.1 ::1   a certificate for your dev server
  devca serve 3000                      HTTPS in front of your dev server
  devca issue --client alice            a client certificate for testing mutual TLS

Files: $DEVCA_HOME, else ~/.local/share/devca (Linux), ~/Library/Application Support/devca (macOS), \
%LOCALAPPDATA%\\devca (Windows).
Exit codes: 0 success, 1 failure, 2 usage error."
)]
pub struct Cli {
    /// Options that every command has.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// Reads the arguments of this process.
    pub fn read() -> Result<Self, clap::Error> {
        let words = mkcert::separated(std::env::args_os().collect());
        if let Some(matches) = Self::issue(&words) {
            return Self::from_arg_matches(&matches);
        }
        let is_help = |word: &std::ffi::OsString| word == "help" || word == "-h" || word == "--help";
        let asks_for_help = words.len() < 2 || words.iter().skip(1).any(is_help);
        // What is only printed in help takes a tenth of a run's time to put together.
        let command =
            if asks_for_help { help::command() } else { Self::command().disable_help_subcommand(true) };
        Self::from_arg_matches(&command.try_get_matches_from(words)?)
    }

    /// Reads `devca issue`, which dev servers run at each start, without the other commands: to give each of them the
    /// global options takes 8% of its time. Errors are left to the whole command, which can suggest others.
    fn issue(words: &[std::ffi::OsString]) -> Option<clap::ArgMatches> {
        if words.get(1)? != "issue" {
            return None;
        }
        let issue = Issue::augment_args(clap::Command::new("issue"));
        Global::augment_args(clap::Command::new("devca")).subcommand(issue).try_get_matches_from(words).ok()
    }
}

// Options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Use the CA with this name instead of the default one
    #[arg(long, global = true, value_name = "NAME", env = "DEVCA_CA", default_value = CaName::DEFAULT, hide_default_value = true)]
    pub ca: String,
    /// Print JSON on standard output: one document, or one in each line if the command runs until it is stopped
    #[arg(long, global = true)]
    pub json: bool,
    /// Print only errors and what was asked for
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Also print the programs that devca runs
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// When to color the output: auto (on a terminal, unless NO_COLOR is set), always, never
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        hide_default_value = true,
        hide_possible_values = true
    )]
    pub color: Color,
}

/// When to color the output.
#[derive(Debug, Clone, Copy, ValueEnum)]
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
    /// Create your root CA and make this machine trust it
    Install(Install),
    /// Remove the root from this machine's trust stores
    Uninstall(Uninstall),
    /// Issue a certificate for host names, addresses or a client
    Issue(Box<Issue>),
    /// Serve HTTPS in front of your dev server
    Serve(Box<Serve>),
    /// Run an ACME server, for certbot, Caddy and other clients
    Acme(Box<Acme>),
    /// Print the root certificate, or where it is
    Root(Root),
    /// Print the lines that a server needs, with your files filled in
    Snippet(Snippet),
    /// Diagnose TLS: a server or a certificate file
    Check(Check),
    /// Explain a TLS error message
    Explain(Explain),
    /// List issued certificates and their state
    List(List),
    /// Show what is in a certificate, key store or CSR
    Inspect(Inspect),
    /// Renew certificates in place before they expire
    Renew(Renew),
    /// Change which names the root may sign for
    Permit(Permit),
    /// Set, change or remove the passphrase of the root's key
    Passphrase(Passphrase),
    /// Replace the root and reissue every certificate
    Rotate(Rotate),
    /// Revoke a certificate, to test how servers handle it
    Revoke(Revoke),
    /// Write the certificate revocation list (CRL)
    Crl(Crl),
    /// Export an intermediate CA for cert-manager, Vault or step-ca
    Export(Export),
    /// Manage several CAs
    #[command(subcommand)]
    Ca(Ca),
    /// Check the root, its key and all trust stores, and how to fix them
    Status(Status),
    /// Print environment variables for programs with trust stores of their own
    Env(Env),
    /// Run a program that trusts the root
    Run(Run),
    /// Give a client certificate to browsers, to test mutual TLS
    #[command(subcommand)]
    Browser(Browser),
    /// Import an existing root: mkcert's, or any PEM pair
    Import(Import),
    /// Act as mkcert, for the tools and habits that rely on it
    Mkcert(Mkcert),
    /// Print a completion script for your shell
    #[command(after_help = "\
Examples:
  devca completions bash > ~/.local/share/bash-completion/completions/devca
  devca completions fish > ~/.config/fish/completions/devca.fish
  devca completions zsh > ~/.zfunc/_devca     with fpath+=(~/.zfunc) before compinit in ~/.zshrc
  devca completions powershell >> $PROFILE

The script asks devca what to complete: CAs, certificates, formats, stores, files.")]
    Completions {
        /// bash, elvish, fish, powershell or zsh
        #[arg(value_name = "SHELL", hide_possible_values = true)]
        shell: Shell,
    },
    /// Print a manual page
    #[command(after_help = "Examples:\n  devca man | man -l -\n  devca man issue > devca-issue.1")]
    Man {
        /// The command whose page to print [default: devca itself]
        command: Option<String>,
    },
}

/// What clap has to say, as an error and a hint.
pub fn in_two_lines(error: &clap::Error) -> (String, String) {
    if let Some(fault) = error.source().and_then(|source| source.downcast_ref::<Fault>()) {
        return (fault.to_string(), fault.hint().to_owned());
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return ("a subcommand is missing".into(), "see --help".into());
    }
    let text = error.to_string();
    let mut paragraphs = text.split("\n\n").map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "));
    let what = paragraphs.next().unwrap_or_default();
    let what = what.strip_prefix("error: ").unwrap_or(&what).trim_end_matches("...").to_owned();
    if let Some(hint) = meant(error) {
        return (what, hint);
    }
    if error.kind() == ErrorKind::ArgumentConflict {
        return (what, "use only one of the two (see --help)".into());
    }
    let rest: Vec<String> = paragraphs.collect();
    let part = |prefix| rest.iter().find_map(|part| part.strip_prefix(prefix));
    // Of several tips, the first is about a similar word.
    let hint = part("tip: ").and_then(|tips| tips.split(" tip: ").next()).map(ToOwned::to_owned);
    let hint = hint.or_else(|| part("Usage: ").map(|usage| format!("{usage} (see --help)")));
    (what, hint.unwrap_or_else(|| "see --help for the values it takes".into()))
}

/// The command that was meant by mkcert's options, or by a name without `issue`.
fn meant(error: &clap::Error) -> Option<String> {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(word)) => Some(word.as_str()),
        _ => None,
    };
    if error.kind() == ErrorKind::UnknownArgument {
        // clap takes `-install` for the options -i, -n and so on.
        let typed = std::env::args().nth(1)?;
        context(ContextKind::InvalidArg).filter(|argument| typed.starts_with(argument))?;
        return MKCERT.iter().find(|(option, _)| *option == typed).map(|(_, command)| (*command).to_owned());
    }
    let word = context(ContextKind::InvalidSubcommand)?;
    let is_name = word == "localhost" || word.contains(['.', ':']) && Name::parse(word).is_ok();
    is_name.then(|| format!("devca issue {word}"))
}

/// mkcert's options, and the commands that do the same.
const MKCERT: [(&str, &str); 7] = [
    ("-install", "devca install"),
    ("-uninstall", "devca uninstall"),
    ("-CAROOT", "devca root"),
    ("-client", "devca issue --client NAME"),
    ("-pkcs12", "devca issue NAME --format p12"),
    ("-ecdsa", "devca issue NAME (ECDSA is the default)"),
    ("-csr", "devca issue --csr FILE"),
];
