//! `devca renew --install-timer`: have the system renew once a day. And `--remove-timer`.

use std::io::{self, Write};
use std::path::PathBuf;

use devca_platform::timer::{self, Job, Plan};
use devca_platform::{Host, Person, Step};
use serde::Serialize;

use super::Context;
use super::stores::WIDTH;
use crate::ca;
use crate::cli;
use crate::error::{Fault, OrHint};
use crate::files::{NewFile, Secrecy};
use crate::report;

#[derive(Serialize)]
pub(super) struct Changed {
    kind: &'static str,
    installed: bool,
    files: Vec<PathBuf>,
}

pub(super) fn run(context: &Context, args: &cli::Renew) -> anyhow::Result<Changed> {
    let host = host(context);
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
        if ca::keyring_item(&context.folder).is_some() {
            context
                .report
                .note("the timer renews while the system's keyring is unlocked, and fails while it is not");
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
    Ok(Changed { kind: plan.kind, installed: args.install_timer, files })
}

/// Takes the timer of a CA away that is about to be deleted, if it has one.
pub(super) fn remove_if_there(context: &Context) -> anyhow::Result<()> {
    let host = host(context);
    match plan(context, &host, Vec::new()) {
        Ok(plan) if plan.files.iter().any(|(path, _)| path.exists()) => remove(context, &host, &plan),
        _ => Ok(()),
    }
}

fn host(context: &Context) -> Host {
    let person = Person { home: context.person.home.clone(), ids: context.person.ids };
    Host::this(person, super::is_root())
}

fn plan(context: &Context, host: &Host, arguments: Vec<String>) -> anyhow::Result<Plan> {
    let program = std::env::current_exe()
        .or_hint(|| "it is not known where devca is".into(), || "install it: ./install.sh".into())?;
    let ca = &context.folder.name;
    let (mut words, mut name) = (Vec::new(), "devca-renew".to_owned());
    if !ca.is_default() {
        words.extend(["--ca".into(), ca.to_string()]);
        name = format!("{name}-{ca}");
    }
    words.extend(arguments);
    let home = std::env::var_os("DEVCA_HOME").map(PathBuf::from);
    timer::plan(host, &Job { name, program, words, home })
        .map_err(|problem| Fault::new(problem.why, problem.hint).into())
}

fn install(context: &Context, host: &Host, plan: &Plan) -> anyhow::Result<()> {
    let own = context.person.files();
    for (path, content) in &plan.files {
        if let Some(folder) = path.parent() {
            own.create_folder(folder, Secrecy::Public)?;
        }
        let replace = path.is_file();
        let file = NewFile { replace, ..NewFile::public(path.clone(), content.clone().into_bytes()) };
        own.stage(vec![file])?.commit()?;
    }
    // What the system does not start is not left lying there.
    perform(context, host, &plan.start).or_else(|e| {
        plan.files.iter().try_for_each(|(path, _)| own.remove(path))?;
        Err(e)
    })
}

/// The files go even where the system cannot be told: what it cannot be told of, it does not run.
fn remove(context: &Context, host: &Host, plan: &Plan) -> anyhow::Result<()> {
    let stopped = perform(context, host, &plan.stop);
    plan.files.iter().try_for_each(|(path, _)| context.person.files().remove(path))?;
    stopped.and_then(|()| perform(context, host, &plan.after))
}

fn perform(context: &Context, host: &Host, steps: &[Step]) -> anyhow::Result<()> {
    host.perform(steps, |command| context.report.detail(command))
        .map_err(|problem| Fault::new(problem.why, problem.hint).into())
}

impl Changed {
    pub(super) fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        let word = if self.installed { "renews once a day" } else { "removed" };
        writeln!(page, "{:WIDTH$}  {}: {}", "timer", self.kind, report::verdict(true, word))?;
        self.files.iter().try_for_each(|path| writeln!(page, "{:WIDTH$}  {}", "file", report::short(path)))
    }
}
