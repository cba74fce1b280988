//! The servers are in a separate program next to `devca`: linked into it, they would slow down every other
//! command.

use std::env::{self, consts::EXE_SUFFIX};
use std::process::Command;

use super::{act_as, serve::give_up_root};
use crate::disk::home::Person;
use crate::error::Fault;
use crate::report::Report;

/// Runs that program with the arguments of this one. On Unix, it replaces this process. Under `sudo`, it runs
/// with the user's rights from its first instruction.
pub(super) fn execute(report: &Report) -> anyhow::Result<u8> {
    let person = Person::current()?;
    act_as(&person)?;
    give_up_root()?;
    let name = format!("devca-serve{EXE_SUFFIX}");
    let failed = match devca_platform::program_beside(&name) {
        Ok(path) => {
            let mut command = Command::new(path);
            command.args(env::args_os().skip(1)).envs(person.environment());
            report.detail(format!("{command:?}"));
            match start(&mut command) {
                Ok(code) => return Ok(code),
                Err(failed) => failed,
            }
        }
        Err(failed) => failed,
    };
    let what = format!("cannot run {name} beside devca: {failed}");
    Err(Fault::new(what, "install devca again: ./install.sh").into())
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
