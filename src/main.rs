//! `devca`: all commands. Those that are servers are started as a separate program.
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

use std::process::ExitCode;

use devca::command;

fn main() -> ExitCode {
    if command::complete() {
        return ExitCode::SUCCESS;
    }
    command::main(command::run)
}
