//! What asks this machine, its stores and its programs.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use devca_platform::Kind;

use crate::error::Fault;

/// Which stores are meant.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Stores")]
pub struct Stores {
    /// Only stores of these kinds: system, nss (browsers), java, wsl
    #[arg(long, value_name = "KIND,…", value_delimiter = ',', env = "DEVCA_STORES", value_parser = store_kind)]
    pub store: Vec<Kind>,
    /// The store of all users, where there is one: macOS' System keychain, Windows' `LocalMachine`
    #[arg(long)]
    pub machine: bool,
    /// The stores in this file tree, a container image's or a chroot's, and none of this machine
    #[arg(long, value_name = "DIR")]
    pub sysroot: Option<PathBuf>,
    /// Run the programs of that tree with all of root's rights over this machine, where there are no namespaces
    #[arg(long, requires = "sysroot")]
    pub trust_sysroot: bool,
}

fn store_kind(word: &str) -> Result<Kind, Fault> {
    Kind::ALL.into_iter().find(|kind| kind.name() == word.trim()).ok_or_else(|| {
        let kinds = Kind::ALL.map(Kind::name).join(", ");
        Fault::usage(format!("{word:?} is no kind of store"), format!("the kinds are {kinds}"))
    })
}

/// `devca status`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca status
  devca status --store nss --json

Exit code 0: all is well; 1: something is wrong, and what mends it is said. Without --fix nothing is changed.")]
pub struct Status {
    /// Mend what is open to others
    #[arg(long)]
    pub fix: bool,
    /// Which stores.
    #[command(flatten)]
    pub stores: Stores,
}

/// `devca env`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  eval \"$(devca env)\"
  devca env --shell fish | source
  devca env --shell powershell | Out-String | Invoke-Expression
  devca env --shell dotenv >> .env      for Deno, docker compose and direnv; Node and Bun read .env too late

Roots that a variable names already, a company's say, are kept: they are merged with devca's. No store is changed.")]
pub struct Env {
    /// For which shell, or in which form [default: what $SHELL is]
    #[arg(long, value_name = "SHELL")]
    pub shell: Option<Dialect>,
}

/// How variables are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Dialect {
    /// bash, zsh and other POSIX shells
    #[value(alias = "bash", alias = "zsh")]
    Sh,
    /// fish
    Fish,
    /// PowerShell
    #[value(alias = "pwsh")]
    Powershell,
    /// Windows' command prompt
    Cmd,
    /// A .env file
    Dotenv,
    /// One JSON object
    Json,
}

/// `devca run`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca run -- node app.js
  devca run -- python3 app.py

Sets the variables that devca env prints. Exit code: the program's; 127 if there is no such program, 126 if it cannot \
be run.")]
pub struct Run {
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "PROGRAM")]
    pub command: Vec<OsString>,
}
