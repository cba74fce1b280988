//! Attacks on devca by another user of the machine, in a namespace of their own. Each test counts how often
//! the attack succeeds, which must be never.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

#[path = "attacks/beside.rs"]
mod beside;
mod common;
#[path = "attacks/folders.rs"]
mod folders;
#[path = "attacks/locks.rs"]
mod locks;
#[path = "attacks/people.rs"]
mod people;
#[path = "attacks/steps.rs"]
mod steps;
#[path = "attacks/strangers.rs"]
mod strangers;
#[path = "attacks/sudo.rs"]
mod sudo;
#[cfg(target_os = "linux")]
#[path = "attacks/sysroot.rs"]
mod sysroot;
#[path = "attacks/traced.rs"]
mod traced;
