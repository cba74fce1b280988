//! `devca run -- PROGRAM …`: starts a program so that it trusts the root, whatever language it is written in.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use devca_platform::step;

use super::{Context, env};
use crate::cli;
use crate::error::Fault;

/// On Unix, the program replaces this process; elsewhere, its exit code becomes that of devca.
pub(super) fn run(context: &Context, args: &cli::Run) -> anyhow::Result<u8> {
    let mut command = prepared(context, &args.command)?;
    let path = PathBuf::from(command.get_program());
    context.report.detail(format!("{command:?}"));
    let failed = start(&mut command)?;
    Err(not_started(&path, &failed).into())
}

/// Prepares a program with its arguments so that it will trust the root.
pub(super) fn prepared(context: &Context, words: &[OsString]) -> anyhow::Result<Command> {
    let (program, arguments) = words
        .split_first()
        .ok_or_else(|| Fault::usage("no program was given", "for example: devca run -- node app.js"))?;
    let mut command = Command::new(found(context, program)?);
    command.args(arguments).envs(context.person.environment()).envs(env::variables(context)?);
    Ok(command)
}

/// The exit codes of env, nice and shells for a program that was not found, and for one that cannot be
/// executed.
const NOT_FOUND: u8 = 127;
const NOT_EXECUTABLE: u8 = 126;

fn not_started(path: &Path, failed: &std::io::Error) -> Fault {
    let what = format!("cannot run {}: {failed}", path.display());
    match failed.kind() {
        io::ErrorKind::NotFound if !path.exists() => {
            Fault::new(what, "check the name of the program").exiting_with(NOT_FOUND)
        }
        // A script whose interpreter is missing is also reported as "not found".
        io::ErrorKind::NotFound => {
            Fault::new(what, "check the interpreter in its first line").exiting_with(NOT_EXECUTABLE)
        }
        _ => Fault::new(what, format!("check its permissions: ls -l {}", step::quoted(path.as_os_str())))
            .exiting_with(NOT_EXECUTABLE),
    }
}

/// Searches only the absolute folders of `PATH`: a program in the current folder must be run as `./name`.
fn found(context: &Context, program: &OsStr) -> anyhow::Result<PathBuf> {
    let path = PathBuf::from(program);
    if path.components().count() > 1 || path.has_root() || program.to_string_lossy().starts_with('.') {
        return Ok(path);
    }
    let host = context.host();
    if let Some(found) = host.program(&program.to_string_lossy()) {
        return Ok(found);
    }
    let fault = match host.path.iter().map(|folder| folder.join(program)).find(|path| path.is_file()) {
        Some(path) => {
            let hint = format!("make it executable: chmod +x {}", step::quoted(path.as_os_str()));
            Fault::new(format!("{} is not executable", path.display()), hint).exiting_with(NOT_EXECUTABLE)
        }
        None => Fault::new(
            format!("{} was not found in PATH", path.display()),
            "check its name and whether its folder is in PATH",
        )
        .exiting_with(NOT_FOUND),
    };
    Err(fault.into())
}

#[cfg(unix)]
fn start(command: &mut Command) -> anyhow::Result<std::io::Error> {
    use crate::error::OrHint;
    // The program runs as the user, without any of root's rights, not even saved ones.
    devca_platform::privilege::give_up_root()
        .or_hint(|| "cannot drop root's privileges".into(), || "run devca without sudo".into())?;
    Ok(std::os::unix::process::CommandExt::exec(command))
}

/// Ends like `exec`: without returning, so that nothing is printed after the program's output.
#[cfg(not(unix))]
#[allow(clippy::disallowed_methods)]
fn start(command: &mut Command) -> anyhow::Result<std::io::Error> {
    match command.status() {
        Ok(status) => std::process::exit(status.code().unwrap_or(1)),
        Err(e) => Ok(e),
    }
}
