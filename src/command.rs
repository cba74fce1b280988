//! Dispatches the commands. Each returns its result as an [`Outcome`](crate::report::Outcome).

use std::process::ExitCode;

use clap::error::ErrorKind;
use devca_platform::{Account, Host};
use time::OffsetDateTime;

use crate::ca::{Authority, Draft};
use crate::cli::{self, Cli, Command};
use crate::disk::files::{self, Files, NewFile, Secrecy};
use crate::disk::home::{CaFolder, CaName, Person};
use crate::error::Fault;
use crate::issued::inventory;
use crate::report::Report;
use crate::x509::certificate::CaCertificate;
use crate::x509::constraints::{Constraints, Subtree};
use crate::x509::key;
use crate::x509::name::Name;
use crate::x509::policy;

mod acme;
mod browser;
mod ca;
mod check;
mod complete;
mod completions;
mod crl;
mod env;
mod explain;
mod export;
mod import;
mod inspect;
mod install;
mod issue;
mod list;
mod man;
mod mkcert;
mod passphrase;
mod permit;
mod renew;
mod revoke;
mod root;
mod rotate;
mod run;
#[cfg(test)]
mod schemas;
mod serve;
mod server;
mod shared;
mod snippet;
mod status;
mod uninstall;

pub use complete::complete;
use shared::unlock::GivenPassphrase;

/// The environment that every command runs in.
pub(crate) struct Context<'a> {
    pub(crate) report: &'a Report,
    pub(crate) person: Person,
    pub(crate) folder: CaFolder,
    pub(crate) now: OffsetDateTime,
    passphrase: GivenPassphrase,
}

/// The whole program: parses the arguments, runs the command, and prints an error with its hint. Returns the
/// exit code.
pub fn main(run: impl FnOnce(Cli, &Report) -> anyhow::Result<u8>) -> ExitCode {
    key::refuse_core_dumps();
    let cli = match Cli::read() {
        Ok(cli) => cli,
        // --help and --version, and `devca` without arguments, which prints the help.
        Err(e) if !e.use_stderr() || (is_help(&e) && !wants_json()) => {
            let _ = e.print();
            return ExitCode::from(u8::try_from(e.exit_code()).unwrap_or(2));
        }
        Err(e) => {
            let (what, hint) = cli::in_two_lines(&e);
            Report::new(wants_json(), false, false).failure(&what, &hint);
            return ExitCode::from(2);
        }
    };
    cli.global.color.write_global();
    let mut report = Report::new(cli.global.json, cli.global.quiet, cli.global.verbose);
    report.aside = matches!(&cli.command, Command::Mkcert(args) if args.is_in_its_place());
    match run(cli, &report) {
        Ok(code) => ExitCode::from(code),
        Err(e) => ExitCode::from(report.error(&e)),
    }
}

fn is_help(error: &clap::Error) -> bool {
    error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
}

/// Prints JSON if it was requested, even if the other arguments are invalid.
fn wants_json() -> bool {
    std::env::args_os().any(|word| word == "--json")
}

/// Runs a command. Returns the exit code.
pub fn run(cli: Cli, report: &Report) -> anyhow::Result<u8> {
    match cli.command {
        Command::Completions { shell } => return report.finish(&completions::run(shell)?),
        Command::Explain(args) => return report.finish(&explain::run(&args, report)?),
        Command::Man { command } => return report.finish(&man::run(command.as_deref())?),
        Command::Serve(_) | Command::Acme(_) => return server::execute(report),
        Command::Issue(args) if !args.bad.is_empty() => return server::execute(report),
        _ => {}
    }
    in_context(cli, report, dispatch)
}

/// Runs a command of the program with the servers. Returns the exit code.
pub fn serve(cli: Cli, report: &Report) -> anyhow::Result<u8> {
    let run = |context: &Context, command| match command {
        Command::Serve(args) => serve::run(context, *args),
        Command::Acme(args) => acme::run(context, *args),
        Command::Issue(args) if !args.bad.is_empty() => {
            context.report.finish(&issue::bad::run(context, &args)?)
        }
        _ => Err(Fault::usage("this program runs devca's servers", "devca serve --help").into()),
    };
    in_context(cli, report, run)
}

fn in_context(
    cli: Cli,
    report: &Report,
    run: impl FnOnce(&Context, Command) -> anyhow::Result<u8>,
) -> anyhow::Result<u8> {
    let person = Person::current()?;
    act_as(&person)?;
    let mut name = cli.global.ca;
    if name.is_empty() && std::env::var_os("DEVCA_CA").is_some_and(|value| value.is_empty()) {
        CaName::DEFAULT.clone_into(&mut name); // a variable that is set but empty counts as unset
    }
    let folder = CaFolder::locate(&person, name.parse()?)?;
    if std::env::current_dir().is_err() {
        return Err(Fault::new("the current folder no longer exists", "go to another one: cd ~").into());
    }
    let hint_if_missing = match cli.command {
        Command::List(_) | Command::Renew(_) | Command::Status(_) => Some("to list your CAs: devca ca list"),
        Command::Check(_) => Some("to list your CAs: devca ca list; to trust roots in a file: --roots FILE"),
        _ => None,
    };
    if let Some(hint) = hint_if_missing
        && !folder.name.is_default()
        && folder.path.symlink_metadata().is_err()
    {
        return Err(Fault::usage(format!("no CA is named {}", folder.name), hint).into());
    }
    // `status` itself reports what is wrong with the folder, together with everything else.
    if !matches!(cli.command, Command::Status(_)) {
        folder.refuse_unsafe()?;
    }
    let context = Context::new(report, person, folder);
    run(&context, cli.command).map_err(|e| context.folder.option().error(e))
}

/// Under `sudo`, drops root's rights for everything but root's own steps before reading anything of the
/// user's, so that no link or file of the user can make devca do what the user may not do.
#[cfg(unix)]
fn act_as(person: &Person) -> anyhow::Result<()> {
    use crate::error::OrHint;
    let Some((user, group)) = person.ids else { return Ok(()) };
    devca_platform::privilege::act_as(user, group, &person.name).or_hint(
        || format!("cannot act as {}, who called sudo", person.name),
        || "run devca without sudo: it asks for root where it needs it".into(),
    )
}

/// This system has no sudo.
#[cfg(not(unix))]
#[allow(clippy::unnecessary_wraps)]
fn act_as(_: &Person) -> anyhow::Result<()> {
    Ok(())
}

fn dispatch(context: &Context, command: Command) -> anyhow::Result<u8> {
    let report = context.report;
    match command {
        Command::Install(args) => report.finish(&install::run(context, &args)?),
        Command::Uninstall(args) => report.finish(&uninstall::run(context, &args)?),
        Command::Issue(args) => issue::run(context, &args),
        Command::Root(args) => report.finish(&root::run(context, &args)?),
        Command::Revoke(args) => report.finish(&revoke::run(context, &args)?),
        Command::Crl(args) => report.finish(&crl::run(context, &args)?),
        Command::Export(args) => report.finish(&export::run(context, &args)?),
        Command::Ca(cli::Ca::List) => report.finish(&ca::run(context)),
        Command::Snippet(args) => report.finish(&snippet::run(context, &args)?),
        Command::Check(args) => report.finish(&check::run(context, &args)?),
        Command::List(args) => report.finish(&list::run(context, &args)?),
        Command::Inspect(args) => report.finish(&inspect::run(context, &args)?),
        Command::Renew(args) => report.finish(&renew::run(context, &args)?),
        Command::Permit(args) => report.finish(&permit::run(context, &args)?),
        Command::Passphrase(args) => report.finish(&passphrase::run(context, &args)?),
        Command::Rotate(args) => report.finish(&rotate::run(context, &args)?),
        Command::Status(args) => report.finish(&status::run(context, &args)?),
        Command::Env(args) => report.finish(&env::run(context, &args)?),
        Command::Run(args) => run::run(context, &args),
        Command::Browser(args) => report.finish(&browser::run(context, &args)?),
        Command::Import(args) => report.finish(&import::run(context, &args)?),
        Command::Mkcert(args) => report.finish(&mkcert::run(context, &args)?),
        // These commands were handled before the context was created.
        Command::Completions { .. }
        | Command::Man { .. }
        | Command::Explain(_)
        | Command::Serve(_)
        | Command::Acme(_) => Ok(0),
    }
}

impl<'a> Context<'a> {
    fn new(report: &'a Report, person: Person, folder: CaFolder) -> Self {
        Self {
            report,
            person,
            folder,
            now: OffsetDateTime::now_utc(),
            passphrase: GivenPassphrase::default(),
        }
    }

    /// The same context at the current time.
    fn now(&self) -> Self {
        self.of(self.folder.clone())
    }

    /// The same for another CA.
    fn of(&self, folder: CaFolder) -> Self {
        Self::new(self.report, self.person.clone(), folder)
    }

    /// Takes the CA's lock, creating its folder if necessary, and completes an interrupted change. The
    /// passphrase file is read first: it may be a pipe, and other processes should not wait for it.
    pub(crate) fn lock(&self) -> anyhow::Result<std::fs::File> {
        self.passphrase.read_ahead();
        let files = self.person.files();
        let lock = files.lock(&self.folder.lock(), &|| {
            self.report.note("waiting for another devca process that is using this CA");
        })?;
        files.settle(&self.folder.path)?;
        Ok(lock)
    }

    /// Creates a root that is not in any store yet and whose key is not encrypted. The caller holds the lock.
    pub(crate) fn create_root(&self, constraints: &Constraints) -> anyhow::Result<Authority> {
        let draft = Draft { common_name: &self.root_name(), constraints, sealed: false, passphrase: None };
        let authority = self.create(&draft)?;
        self.remember_installed(false)?;
        Ok(authority)
    }

    /// Creates a CA. The caller holds the lock.
    pub(crate) fn create(&self, draft: &Draft) -> anyhow::Result<Authority> {
        self.say_if_host_is_outside(draft.constraints);
        Authority::create(
            &self.folder,
            self.person.files(),
            draft,
            &|path, der| self.unlock(path, der),
            self.now,
        )
    }

    /// Warns that the root does not cover this machine's name: only the user knows whether a name such as
    /// `web.example.com` belongs to a public site.
    fn say_if_host_is_outside(&self, constraints: &Constraints) {
        let host = host_name();
        let can_be_permitted = Subtree::parse(&host).is_ok_and(|subtree| !subtree.is_network());
        if can_be_permitted && Name::parse(&host).is_ok_and(|name| !constraints.permit(&name)) {
            self.report.note(format!(
                "the new root is not allowed to sign for this machine's name, {host}, which may be public; \
                 to allow it: {}",
                self.folder.hint(&format!("devca permit {host}"))
            ));
        }
    }

    /// The common name of this CA's roots, with the user, the machine and, unless it is the default one, the
    /// CA.
    pub(crate) fn root_name(&self) -> String {
        let ca = if self.folder.name.is_default() { String::new() } else { format!(" {}", self.folder.name) };
        let whose = format!("devca root {}@{}", self.person.name, host_name());
        // Shorten the rest rather than the CA's name, which distinguishes the roots.
        let room = policy::MAX_COMMON_NAME.saturating_sub(ca.chars().count());
        whose.chars().take(room).chain(ca.chars()).collect()
    }

    /// Records whether any trust store contains the root. The caller holds the lock.
    pub(crate) fn remember_installed(&self, is_installed: bool) -> anyhow::Result<()> {
        let (files, path) = (self.person.files(), self.folder.not_installed());
        match (is_installed, path.exists()) {
            (true, true) => files.remove(&path),
            (false, false) => {
                let file =
                    NewFile { path, content: Vec::new().into(), secrecy: Secrecy::Public, replace: true };
                files.stage(vec![file])?.commit_over()
            }
            _ => Ok(()),
        }
    }

    /// This machine from the user's point of view.
    pub(crate) fn host(&self) -> Host {
        let account = Account { home: self.person.home.clone(), ids: self.person.ids };
        Host::this(account, is_root())
    }

    /// Notes that clients will reject what was issued, if that is known without reading the stores.
    pub(crate) fn note_if_not_installed(&self, root_created: bool) {
        let (root, install) = (self.folder.root(), self.folder.hint("devca install"));
        if root_created {
            let text = "created a root CA";
            self.report.note(format!("{text}, {}; nothing trusts it yet: run {install}", root.display()));
        } else if self.folder.not_installed().exists() {
            self.report.note(format!("no trust store has this root: run {install}"));
        }
    }

    /// Loads the authority, and warns if other users can read its key.
    pub(crate) fn authority(&self) -> anyhow::Result<Authority> {
        let authority = Authority::load(&self.folder, &|path, der| self.unlock(path, der), self.now)?;
        if let Some(warning) = files::too_open(&crate::ca::signing_key(&self.folder)) {
            self.report.note(warning);
        }
        Ok(authority)
    }

    /// Whether the folder contains this root's key. `root.pem` alone proves nothing, because any root could
    /// have been copied there.
    pub(crate) fn has_key_of(&self, root: &CaCertificate) -> bool {
        Authority::load(&self.folder, &|path, key| self.unlock(path, key), self.now)
            .is_ok_and(|authority| authority.root.der == root.der)
    }

    /// Loads the root certificate. The error says how to create one.
    pub(crate) fn root(&self) -> anyhow::Result<CaCertificate> {
        if !crate::ca::exists(&self.folder) {
            return Err(self.no_root().into());
        }
        CaCertificate::load(&self.folder.root())
    }

    /// Writes issued files.
    pub(crate) fn issuing(&self) -> Files {
        Files { tag: Some(self.folder.tag()) }
    }

    /// Notes how many lines of the inventory cannot be read. Returns whether there are any.
    pub(crate) fn note_damage(&self, unreadable: usize) -> bool {
        let damage = inventory::damage(&self.folder.inventory(), unreadable);
        if let Some(fault) = &damage {
            let hint = self.folder.hint(fault.hint());
            self.report.note(format!("{fault}; {hint}"));
        }
        damage.is_some()
    }

    pub(crate) fn no_root(&self) -> Fault {
        Fault::new(format!("no root in {} yet", self.folder.path.display()), "create one: devca install")
    }
}

/// Refuses the combination of `--stdout` and `--json`, which both need standard output.
fn refuse_json(context: &Context, stdout: bool) -> Result<(), Fault> {
    if stdout && context.report.json {
        return Err(Fault::usage("--stdout and --json both fill standard output", "use one of the two"));
    }
    Ok(())
}

/// The host name of this machine.
pub(crate) fn host_name() -> String {
    gethostname::gethostname().to_string_lossy().into_owned()
}

/// Whether this process can run root's steps without `sudo`.
pub(crate) fn is_root() -> bool {
    devca_platform::privilege::can_be_root()
}
