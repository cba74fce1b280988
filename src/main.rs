//! The doorway: parse, run, print error and hint, exit code.

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use devca::cli::{self, Cli};
use devca::command;
use devca::key;
use devca::report::Report;

fn main() -> ExitCode {
    key::refuse_core_dumps();
    let cli = match Cli::try_parse() {
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

/// Whoever asked for JSON gets it, also where the rest was not understood.
fn wants_json() -> bool {
    std::env::args_os().any(|word| word == "--json")
}
