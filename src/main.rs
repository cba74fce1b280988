//! `devca`: every command, of which those that are servers are started as a program of their own.

use std::process::ExitCode;

use devca::command;

fn main() -> ExitCode {
    if command::complete() {
        return ExitCode::SUCCESS;
    }
    command::main(command::run)
}
