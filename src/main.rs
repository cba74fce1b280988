//! Parses the arguments, runs the command, prints an error with its hint, and sets the exit code.

use std::process::ExitCode;

use clap::error::ErrorKind;
use devca::cli::{self, Cli};
use devca::command;
use devca::report::Report;
use devca::x509::key;

fn main() -> ExitCode {
    key::refuse_core_dumps();
    let cli = match Cli::read() {
        Ok(cli) => cli,
        // --help, --version, and `devca` alone, which is shown the help.
        Err(e) if !e.use_stderr() || (is_help(&e) && !wants_json()) => {
            let _ = e.print();
            return ExitCode::from(u8::try_from(e.exit_code()).unwrap_or(2));
        }
        Err(e) => {
            let (what, hint) = cli::in_two_lines(&e);
            Report::new(wants_json(), false, false).failure(&what, &hint);
            return ExitCode::from(2);
        }
    };
    cli.global.color.write_global();
    let report = Report::new(cli.global.json, cli.global.quiet, cli.global.verbose);
    match command::run(cli, &report) {
        Ok(code) => ExitCode::from(code),
        Err(e) => ExitCode::from(report.error(&e)),
    }
}

fn is_help(error: &clap::Error) -> bool {
    error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
}

/// JSON is printed where it was asked for, even if the rest of the arguments is wrong.
fn wants_json() -> bool {
    std::env::args_os().any(|word| word == "--json")
}
