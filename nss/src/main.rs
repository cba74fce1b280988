//! `devca-nss`: reads and changes a browser's certificate database through the system's own NSS library.
//!
//! It is a separate program next to `devca`, so that the library is loaded only to access a database, and `devca`
//! itself can be a static program.
//!
//! ```text
//! devca-nss --library             prints the path of the library that would be used
//! devca-nss FOLDER < CHANGES      makes the changes, one JSON object a line, and prints what is in the database then
//! ```
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;

#[cfg(unix)]
mod headers;
#[cfg(unix)]
mod lock;
#[cfg(unix)]
mod native;
#[cfg(unix)]
mod places;
#[cfg(unix)]
mod session;

#[cfg(unix)]
fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    match session::run(&arguments) {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("{}", failure.why);
            ExitCode::from(failure.reason.exit_code())
        }
    }
}

/// On Windows, browsers read the system's store.
#[cfg(not(unix))]
fn main() -> ExitCode {
    eprintln!("browsers have no databases of their own here");
    ExitCode::from(devca_platform::nss_protocol::FailureReason::NoLibrary.exit_code())
}
