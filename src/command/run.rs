//! `devca run -- PROGRAM …`: start a program that trusts the root, whatever it is written in.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;

use devca_platform::{Host, Person};

use super::{Context, env};
use crate::cli;
use crate::error::Fault;

/// On Unix the program takes this process' place; elsewhere its exit code becomes this one's.
pub(super) fn run(context: &Context, args: &cli::Run) -> anyhow::Result<u8> {
    let (program, arguments) = args
        .command
        .split_first()
        .ok_or_else(|| Fault::usage("no program is named", "as in: devca run -- node app.js"))?;
    let mut command = Command::new(found(context, program)?);
    command.args(arguments).envs(env::variables(context)?);
    context.report.detail(format!("{command:?}"));
    let failed = start(&mut command)?;
    Err(Fault::new(
        format!("cannot run {}: {failed}", program.display()),
        "check the program's name and its rights",
    )
    .into())
}

/// A name is looked for in the absolute folders of `PATH`: what lies in the current folder is run by `./name` alone.
fn found(context: &Context, program: &OsStr) -> anyhow::Result<PathBuf> {
    let path = PathBuf::from(program);
    if path.components().count() > 1 || path.has_root() || program.to_string_lossy().starts_with('.') {
        return Ok(path);
    }
    let person = Person { home: context.person.home.clone(), ids: context.person.ids };
    Host::this(person, super::is_root()).program(&program.to_string_lossy()).ok_or_else(|| {
        let what = format!("there is no program {}", path.display());
        Fault::new(what, "check its name, and whether its folder is in PATH").into()
    })
}

#[cfg(unix)]
#[allow(clippy::unnecessary_wraps)]
fn start(command: &mut Command) -> anyhow::Result<std::io::Error> {
    Ok(std::os::unix::process::CommandExt::exec(command))
}

#[cfg(not(unix))]
fn start(command: &mut Command) -> anyhow::Result<std::io::Error> {
    match command.status() {
        Ok(status) => std::process::exit(status.code().unwrap_or(1)),
        Err(e) => Ok(e),
    }
}
