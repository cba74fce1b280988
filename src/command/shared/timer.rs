//! `devca renew --install-timer` and `--remove-timer`: let the system renew certificates once a day.

use std::env;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;

use devca_platform::timer::{self, Job, Plan};
use devca_platform::{Host, Os, Step};
use serde::Serialize;

use crate::ca;
use crate::ca::passphrase::VARIABLE;
use crate::cli;
use crate::command::Context;
use crate::command::shared::stores::WIDTH;
use crate::disk::files::{NewFile, Secrecy};
use crate::error::{Fault, OrHint};
use crate::issued::inventory::Inventory;
use crate::report::{self, Mark};

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::command) struct TimerReport {
    /// The system's scheduler: systemd, cron, launchd or the Task Scheduler.
    kind: &'static str,
    installed: bool,
    /// The files that were written or deleted.
    files: Vec<PathBuf>,
}

pub(in crate::command) fn run(context: &Context, args: &cli::Renew) -> anyhow::Result<TimerReport> {
    if args.install_timer {
        refuse_what_a_timer_lacks(context, args)?;
    }
    let host = context.host();
    let mut words: Vec<String> = vec!["renew".into()];
    if let Some(days) = args.within {
        words.extend(["--within".into(), format!("{days}d")]);
    }
    if let Some(days) = args.days {
        words.extend(["--days".into(), days.to_string()]);
    }
    if let Some(hook) = &args.exec {
        words.extend(["--exec".into(), hook.clone()]);
    }
    if let Some(file) = &args.password.password_file {
        words.extend(["--password-file".into(), std::path::absolute(file)?.display().to_string()]);
    }
    let plan = plan(context, &host, words)?;
    let files: Vec<PathBuf> = plan.files.iter().map(|(path, _)| path.clone()).collect();
    if args.install_timer {
        install(context, &host, &plan)?;
        warn_of_encrypted_files(context, args)?;
        if ca::keyring_item(&context.folder).is_some() {
            context.report.note("the timer can renew only while the system's keyring is unlocked");
        } else if ca::is_locked(&context.folder) {
            let what = "the timer cannot ask for the key's passphrase";
            context
                .report
                .note(format!("{what}; have the system's keyring keep one: devca passphrase --keyring"));
        }
    } else if !files.is_empty() && !files.iter().any(|path| path.exists()) {
        let what = "no timer is installed";
        return Err(Fault::new(what, "install one: devca renew --install-timer").into());
    } else {
        remove(context, &host, &plan)?;
    }
    Ok(TimerReport { kind: plan.kind, installed: args.install_timer, files })
}

/// Removes the timer, if there is one, of a CA that is about to be deleted.
pub(in crate::command) fn remove_if_there(context: &Context) -> anyhow::Result<()> {
    let host = context.host();
    match plan(context, &host, Vec::new()) {
        Ok(plan) if plan.files.iter().any(|(path, _)| path.exists()) => remove(context, &host, &plan),
        _ => Ok(()),
    }
}

fn plan(context: &Context, host: &Host, arguments: Vec<String>) -> anyhow::Result<Plan> {
    let program = env::current_exe().or_hint(
        || "cannot determine where devca is installed".into(),
        || "install it: ./install.sh".into(),
    )?;
    let ca = &context.folder.name;
    let (mut words, mut name) = (Vec::new(), "devca-renew".to_owned());
    if !ca.is_default() {
        words.extend(["--ca".into(), ca.to_string()]);
        name = format!("{name}-{ca}");
    }
    words.extend(arguments);
    let environment = environment(context)?;
    if host.os == Os::Windows && (env::var_os("DEVCA_HOME").is_some() || passphrase_file().is_some()) {
        let variables: Vec<_> =
            environment.iter().map(|(name, value)| format!("setx {name} \"{value}\"")).collect();
        let commands = variables.join(" & ");
        context.report.note(format!("a scheduled task sees only the variables of your account: {commands}"));
    }
    timer::plan(host, &Job { name, program, words, environment })
        .map_err(|problem| Fault::new(problem.why, problem.hint).into())
}

/// Refuses options that require a terminal or a variable, which a timer does not have.
fn refuse_what_a_timer_lacks(context: &Context, args: &cli::Renew) -> Result<(), Fault> {
    if args.password.password_env.is_some() {
        let what = "a timer does not see the variable of --password-env";
        return Err(Fault::usage(what, "write the password into a file, and use --password-file FILE"));
    }
    if ca::is_locked(&context.folder) && passphrase_file().is_none() {
        let command = format!("{VARIABLE}=FILE devca renew --install-timer");
        return Err(Fault::new(
            "the CA's key needs a passphrase, which a timer cannot type",
            format!("write it into a file that only you can read, and use it: {command}"),
        ));
    }
    Ok(())
}

/// Warns that the timer cannot renew encrypted files without their password.
fn warn_of_encrypted_files(context: &Context, args: &cli::Renew) -> anyhow::Result<()> {
    if args.password.password_file.is_some() {
        return Ok(());
    }
    let entries = Inventory::load(&context.folder.inventory())?.in_use();
    let mut encrypted =
        entries.iter().flat_map(|entry| &entry.files).filter(|file| file.format.takes_password());
    if let Some(first) = encrypted.next() {
        let more = match encrypted.count() {
            0 => String::new(),
            count => format!(" (and {count} more)"),
        };
        context.report.note(format!(
            "the timer cannot renew {}{more} without its password: {}",
            first.path.display(),
            context.folder.hint("devca renew --install-timer --password-file FILE")
        ));
    }
    Ok(())
}

fn passphrase_file() -> Option<OsString> {
    env::var_os(VARIABLE).filter(|value| !value.is_empty())
}

/// The variables that locate this CA and its passphrase, independent of `DEVCA_HOME`, `XDG_DATA_HOME` and the
/// current folder when the timer runs.
fn environment(context: &Context) -> anyhow::Result<Vec<(&'static str, String)>> {
    let folder = &context.folder.path;
    let mut variables = vec![("DEVCA_HOME", folder.parent().unwrap_or(folder).display().to_string())];
    if let Some(file) = passphrase_file() {
        variables.push((VARIABLE, std::path::absolute(file)?.display().to_string()));
    }
    Ok(variables)
}

fn install(context: &Context, host: &Host, plan: &Plan) -> anyhow::Result<()> {
    let own = context.person.files();
    for (path, content) in &plan.files {
        if let Some(folder) = path.parent() {
            own.create_folder(folder, Secrecy::Public)?;
        }
        let replace = path.is_file();
        // The --exec command may contain a token.
        let secrecy = Secrecy::Private;
        let file =
            NewFile { path: path.clone(), content: content.clone().into_bytes().into(), secrecy, replace };
        own.stage(vec![file])?.commit()?;
    }
    // If the system does not start the timer, delete its files again.
    perform(context, host, &plan.start).or_else(|e| {
        plan.files.iter().try_for_each(|(path, _)| own.remove(path))?;
        Err(e)
    })
}

/// Removes the timer. The files are deleted even if the system cannot be told, because without them it does
/// not run the timer.
fn remove(context: &Context, host: &Host, plan: &Plan) -> anyhow::Result<()> {
    let stopped = perform(context, host, &plan.stop);
    plan.files.iter().try_for_each(|(path, _)| context.person.files().remove(path))?;
    stopped.and_then(|()| perform(context, host, &plan.after))
}

fn perform(context: &Context, host: &Host, steps: &[Step]) -> anyhow::Result<()> {
    host.perform(steps, |command| context.report.detail(command))
        .map_err(|problem| Fault::new(problem.why, problem.hint).into())
}

impl TimerReport {
    pub(in crate::command) fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        let word = if self.installed { "renews once a day" } else { "removed" };
        writeln!(page, "{} {:WIDTH$}  {}: {word}", Mark::Good, "timer", self.kind)?;
        self.files.iter().try_for_each(|path| writeln!(page, "  {:WIDTH$}  {}", "file", report::tilde(path)))
    }
}
