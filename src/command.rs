//! One arm per command. Each says what came of it as an [`Outcome`](crate::report::Outcome).

use time::OffsetDateTime;

use crate::ca::Authority;
use crate::certificate::CaCertificate;
use crate::cli::{self, Cli, Command};
use crate::constraints::Constraints;
use crate::files::{self, Secrecy};
use crate::home::{CaFolder, Person};
use crate::report::Report;

mod ca;
mod completions;
mod crl;
mod env;
mod export;
mod import;
mod install;
mod issue;
mod man;
mod revoke;
mod root;
mod run;
mod status;
mod stores;
mod uninstall;

/// What every command works with.
pub(crate) struct Context<'a> {
    pub(crate) report: &'a Report,
    pub(crate) person: Person,
    pub(crate) folder: CaFolder,
    pub(crate) now: OffsetDateTime,
}

/// Does what was asked. Returns whether all of it was done.
pub fn run(cli: Cli, report: &Report) -> anyhow::Result<bool> {
    match cli.command {
        Command::Completions { shell } => return report.finish(&completions::run(shell)),
        Command::Man { command } => return report.finish(&man::run(command.as_deref())?),
        _ => {}
    }
    let person = Person::current()?;
    let folder = CaFolder::locate(&person, cli.global.ca)?;
    let context = Context { report, person, folder, now: OffsetDateTime::now_utc() };
    match cli.command {
        Command::Install(args) => report.finish(&install::run(&context, &args)?),
        Command::Uninstall(args) => report.finish(&uninstall::run(&context, &args)?),
        Command::Issue(args) => report.finish(&issue::run(&context, &args)?),
        Command::Root(args) => report.finish(&root::run(&context, &args)?),
        Command::Revoke(args) => report.finish(&revoke::run(&context, &args)?),
        Command::Crl(args) => report.finish(&crl::run(&context, &args)?),
        Command::Export(args) => report.finish(&export::run(&context, &args)?),
        Command::Ca(cli::Ca::List) => report.finish(&ca::run(&context)),
        Command::Status(args) => report.finish(&status::run(&context, &args)?),
        Command::Env(args) => report.finish(&env::run(&context, &args)?),
        Command::Run(args) => run::run(&context, &args),
        Command::Import(args) => report.finish(&import::run(&context, &args)?),
        Command::Completions { .. } | Command::Man { .. } => Ok(true),
    }
}

impl Context<'_> {
    /// Takes the CA's lock; makes its folder first.
    pub(crate) fn lock(&self) -> anyhow::Result<std::fs::File> {
        self.person.files().create_folder(&self.folder.path, Secrecy::Private)?;
        self.person.files().lock(&self.folder.lock())
    }

    /// Makes the root. The caller holds the lock.
    pub(crate) fn create_root(&self, constraints: &Constraints) -> anyhow::Result<Authority> {
        Authority::create(&self.folder, self.person.files(), &self.root_name(), constraints, self.now)
    }

    /// A root as it would be made, without a trace on the disk.
    pub(crate) fn draft_root(&self, constraints: &Constraints) -> anyhow::Result<CaCertificate> {
        Ok(Authority::draft(&self.root_name(), constraints, self.now)?.root)
    }

    /// The common name of this CA's roots: whose, on which machine and, beside the default one, of which CA.
    pub(crate) fn root_name(&self) -> String {
        let name = format!("devca root {}@{}", self.person.name, host_name());
        if self.folder.name.is_default() { name } else { format!("{name} {}", self.folder.name) }
    }

    /// Loads the authority, and says if others can read its key.
    pub(crate) fn authority(&self) -> anyhow::Result<Authority> {
        let authority = Authority::load(&self.folder, self.now)?;
        if let Some(warning) = files::too_open(&self.folder.root_key()) {
            self.report.note(warning);
        }
        Ok(authority)
    }

    /// Loads the root certificate; without one, says how to get one.
    pub(crate) fn root(&self) -> anyhow::Result<CaCertificate> {
        if !crate::ca::exists(&self.folder) {
            return Err(self.no_root().into());
        }
        CaCertificate::load(&self.folder.root(), &self.folder)
    }

    pub(crate) fn no_root(&self) -> crate::error::Fault {
        crate::error::Fault::new(
            format!("there is no root yet in {}", self.folder.path.display()),
            format!("make one: devca{} install", self.folder.option()),
        )
    }
}

/// This machine's name.
pub(crate) fn host_name() -> String {
    gethostname::gethostname().to_string_lossy().into_owned()
}

/// Whether this process has root's rights.
#[cfg(unix)]
pub(crate) fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Windows asks whether a process is elevated where it matters, in the store.
#[cfg(not(unix))]
pub(crate) fn is_root() -> bool {
    false
}
