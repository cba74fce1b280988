//! `devca check` finds each fault of a real server, and predicts the messages of real clients. `devca
//! explain` finds the fault from these messages.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

#[path = "check/bench.rs"]
mod bench;
#[path = "check/browsers.rs"]
mod browsers;
#[path = "check/cases.rs"]
mod cases;
mod common;
#[path = "check/company.rs"]
mod company;
#[path = "check/differences.rs"]
mod differences;
#[path = "check/edges.rs"]
mod edges;
#[path = "check/environment.rs"]
mod environment;
#[path = "check/faults.rs"]
mod faults;
#[path = "check/features.rs"]
mod features;
#[path = "check/files.rs"]
mod files;
#[path = "check/forge.rs"]
mod forge;
#[path = "check/handshakes.rs"]
mod handshakes;
#[path = "check/healthy.rs"]
mod healthy;
#[path = "check/judges.rs"]
mod judges;
#[path = "check/postgres.rs"]
mod postgres;
#[path = "check/random.rs"]
mod random;
#[path = "servers/running.rs"]
mod running;
#[path = "check/words.rs"]
mod words;
