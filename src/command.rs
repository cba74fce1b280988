//! Dispatches the commands. Each returns its result as an [`Outcome`](crate::report::Outcome).

use std::process::ExitCode;

use clap::error::ErrorKind;

use crate::cli::{self, Cli, Command};
use crate::disk::home::{CaFolder, CaName, Person};
use crate::error::Fault;
use crate::report::Report;
use crate::x509::key;

mod acme;
mod browser;
mod ca;
mod check;
mod complete;
mod completions;
mod context;
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
pub(crate) use context::{Context, host_name};

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
        Command::Explain(args) => return report.finish(&explain::run(&args, &cli.global.ca, report)?),
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
    if std::env::current_dir().is_err() {
        return Err(Fault::new("the current folder no longer exists", "go to another one: cd ~").into());
    }
    let folder = CaFolder::locate(&person, name.parse()?)?;
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

/// Refuses the combination of `--stdout` and `--json`, which both need standard output.
fn refuse_json(context: &Context, stdout: bool) -> Result<(), Fault> {
    if stdout && context.report.json {
        return Err(Fault::usage("--stdout and --json both fill standard output", "use one of the two"));
    }
    Ok(())
}
