//! `devca run -- PROGRAM …`: start a program that trusts the root, whatever it is written in.

use std::process::Command;

use super::{Context, env};
use crate::cli;
use crate::error::Fault;

/// On Unix the program takes this process' place; elsewhere its exit code becomes this one's.
pub(super) fn run(context: &Context, args: &cli::Run) -> anyhow::Result<u8> {
    let (program, arguments) = args
        .command
        .split_first()
        .ok_or_else(|| Fault::usage("no program is named", "as in: devca run -- node app.js"))?;
    let mut command = Command::new(program);
    command.args(arguments).envs(env::variables(context)?);
    context.report.detail(format!("{command:?}"));
    let failed = start(&mut command)?;
    Err(Fault::new(
        format!("cannot run {}: {failed}", program.display()),
        "check the program's name and its rights",
    )
    .into())
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
