//! `devca-serve`: the servers, started by `devca serve` with its own arguments.

use std::process::ExitCode;

use devca::command;

fn main() -> ExitCode {
    command::main(command::serve)
}
