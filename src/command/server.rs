//! The servers are in a separate program beside `devca`: linked into it, they would slow down every other
//! command.

use std::env::{self, consts::EXE_SUFFIX};
use std::process::Command;

use crate::error::Fault;
use crate::report::Report;

/// Runs that program with the arguments of this one. On Unix, it replaces this process.
pub(super) fn execute(report: &Report) -> anyhow::Result<u8> {
    let name = format!("devca-serve{EXE_SUFFIX}");
    let own = env::current_exe().unwrap_or_default();
    let path = own.with_file_name(name);
    let mut command = Command::new(&path);
    command.args(env::args_os().skip(1));
    report.detail(format!("{command:?}"));
    let failed = match start(&mut command) {
        Ok(code) => return Ok(code),
        Err(failed) => failed,
    };
    let what = format!("cannot run {}: {failed}", path.display());
    Err(Fault::new(what, "install devca again: ./install.sh puts it beside devca").into())
}

#[cfg(unix)]
fn start(command: &mut Command) -> std::io::Result<u8> {
    Err(std::os::unix::process::CommandExt::exec(command))
}

#[cfg(not(unix))]
fn start(command: &mut Command) -> std::io::Result<u8> {
    let code = command.status()?.code().unwrap_or(1);
    Ok(u8::try_from(code).unwrap_or(1))
}
