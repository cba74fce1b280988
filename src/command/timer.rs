//! `devca renew --install-timer`: have the system renew once a day. And `--remove-timer`.

use std::io::{self, Write};
use std::path::PathBuf;

use devca_platform::timer::{self, Job};
use devca_platform::{Host, Person};
use serde::Serialize;

use super::Context;
use super::stores::WIDTH;
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
    let person = Person { home: context.person.home.clone(), ids: context.person.ids };
    let host = Host::this(person, super::is_root());
    let program = std::env::current_exe()
        .or_hint(|| "it is not known where devca is".into(), || "install it: ./install.sh".into())?;
    let mut words: Vec<String> = Vec::new();
    if !context.folder.name.is_default() {
        words.extend(["--ca".into(), context.folder.name.to_string()]);
    }
    words.push("renew".into());
    if let Some(days) = args.within {
        words.extend(["--within".into(), format!("{days}d")]);
    }
    if let Some(hook) = &args.exec {
        words.extend(["--exec".into(), hook.clone()]);
    }
    let name = if context.folder.name.is_default() {
        "devca-renew".into()
    } else {
        format!("devca-renew-{}", context.folder.name)
    };
    let plan = timer::plan(
        &host,
        &Job { name, program, words, home: std::env::var_os("DEVCA_HOME").map(PathBuf::from) },
    )
    .map_err(|problem| Fault::new(problem.why, problem.hint))?;
    let files: Vec<PathBuf> = plan.files.iter().map(|(path, _)| path.clone()).collect();
    let own = context.person.files();
    let perform = |steps: &[devca_platform::Step]| {
        host.perform(steps, |command| context.report.detail(command))
            .map_err(|problem| Fault::new(problem.why, problem.hint))
    };
    if args.install_timer {
        for (path, content) in plan.files {
            if let Some(folder) = path.parent() {
                own.create_folder(folder, Secrecy::Public)?;
            }
            let replace = path.is_file();
            own.stage(vec![NewFile { replace, ..NewFile::public(path, content.into_bytes()) }])?.commit()?;
        }
        perform(&plan.start)?;
    } else {
        if !files.is_empty() && !files.iter().any(|path| path.exists()) {
            return Err(
                Fault::new("no timer is installed", "install one: devca renew --install-timer").into()
            );
        }
        perform(&plan.stop)?;
        for path in &files {
            own.remove(path)?;
        }
        perform(&plan.after)?;
    }
    Ok(Changed { kind: plan.kind, installed: args.install_timer, files })
}

impl Changed {
    pub(super) fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        let word = if self.installed { "renews once a day" } else { "removed" };
        writeln!(page, "{:WIDTH$}  {}: {}", "timer", self.kind, report::verdict(true, word))?;
        self.files.iter().try_for_each(|path| writeln!(page, "{:WIDTH$}  {}", "file", report::short(path)))
    }
}
