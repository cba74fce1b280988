//! `devca-serve`: the servers, started by `devca serve` with its own arguments.
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

use std::process::ExitCode;

use devca::command;

fn main() -> ExitCode {
    command::main(command::serve)
}
