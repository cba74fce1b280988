//! `devca`: every command, of which those that are servers are started as a program of their own.

use std::process::ExitCode;

use devca::command;

fn main() -> ExitCode {
    command::main(command::run)
}
