//! Arguments of the commands that are about this machine: its stores and its programs.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use devca_platform::StoreKind;

use crate::error::Fault;

// Which trust stores.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Stores")]
pub struct Stores {
    /// Use only these kinds of store: system, nss (Firefox, Chromium), java, wsl
    #[arg(long, value_name = "KIND,…", value_delimiter = ',', env = "DEVCA_STORES", value_parser = store_kind)]
    pub store: Vec<StoreKind>,
    /// Use the store for all users: macOS's System keychain, Windows's LocalMachine
    #[arg(long)]
    pub machine: bool,
    /// Use the stores in this folder, a container image's or a chroot's, instead of this machine's
    #[arg(long, value_name = "DIR")]
    pub sysroot: Option<PathBuf>,
    /// Run that folder's programs with root's rights over this machine, if it has no namespaces to confine them
    #[arg(long, requires = "sysroot")]
    pub trust_sysroot: bool,
}

impl Stores {
    /// Those of `$TRUST_STORES`, as mkcert reads it, else of `$DEVCA_STORES`; `None` where it names none that devca has.
    pub fn of_mkcert() -> Result<Option<Self>, Fault> {
        let list = |variable| std::env::var(variable).ok().filter(|list| !list.is_empty());
        let kinds = match (list("TRUST_STORES"), list("DEVCA_STORES")) {
            (Some(list), _) => {
                let kinds: Vec<StoreKind> =
                    list.split(',').filter_map(|word| store_kind(word).ok()).collect();
                if kinds.is_empty() {
                    return Ok(None);
                }
                kinds
            }
            (None, Some(list)) => list.split(',').map(store_kind).collect::<Result<_, _>>()?,
            (None, None) => Vec::new(),
        };
        Ok(Some(Self { store: kinds, ..Self::default() }))
    }
}

fn store_kind(word: &str) -> Result<StoreKind, Fault> {
    StoreKind::ALL.into_iter().find(|kind| kind.name() == word.trim()).ok_or_else(|| {
        let kinds = StoreKind::ALL.map(StoreKind::name).join(", ");
        Fault::usage(format!("{word:?} is not a store kind"), format!("the kinds are {kinds}"))
    })
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca status
  devca status --store nss --json

Exit codes: 0 no problems found, 1 problems found; each comes with a fix. Nothing is changed without --fix.")]
pub struct Status {
    /// Restrict the permissions of files that other users can read
    #[arg(long)]
    pub fix: bool,
    /// Which stores.
    #[command(flatten)]
    pub stores: Stores,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  eval \"$(devca env)\"
  devca env --shell fish | source
  devca env --shell powershell | Out-String | Invoke-Expression
  devca env --shell dotenv >> .env      for Deno, docker compose and direnv

Roots that a variable already names, such as a company's, stay trusted: they are merged with devca's. Node \
and Bun read .env files too late to trust a root: use devca run. No trust store is changed.")]
pub struct Env {
    /// The shell or format to print for: sh (bash, zsh), fish, powershell, cmd, dotenv, json [default: from $SHELL]
    #[arg(long, value_name = "SHELL", hide_possible_values = true)]
    pub shell: Option<Dialect>,
}

/// The syntax that variables are printed in.
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

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca run -- node app.js
  devca run -- python3 app.py

Sets the variables that devca env prints. The exit code is the program's; 127 if it is not found, 126 if it cannot be \
run.")]
pub struct Run {
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "PROGRAM")]
    pub command: Vec<OsString>,
}
