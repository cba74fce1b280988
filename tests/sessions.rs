//! The sessions in `tests/sessions/`: what the user types, and what devca prints. Each runs in its own
//! folder. `TRYCMD=overwrite cargo test --test sessions` writes what devca prints now.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn sessions() {
    let folder = tempfile::TempDir::new().unwrap();
    // Resolve links, because trycmd compares paths with the folder that it runs in.
    let top = folder.path().canonicalize().unwrap();
    let devca = without_the_machines_variables(&top);
    for entry in fs::read_dir(common::project().join("tests/sessions")).unwrap() {
        let path = entry.unwrap().path();
        let own = top.join(path.file_stem().unwrap());
        // trycmd runs `session.md` in `session.in`.
        fs::create_dir_all(own.join("session.in")).unwrap();
        fs::copy(&path, own.join("session.md")).unwrap();
        let cases = trycmd::TestCases::new();
        let place = |name: &str| own.join("session.in").join(name).to_str().unwrap().to_owned();
        cases.env("DEVCA_HOME", place("ca")).env("HOME", place("home")).env("USER", "alice");
        cases.register_bin("devca", &devca);
        for program in ["ls", "test"] {
            cases.register_bin(program, common::tool(program));
        }
        cases.case(own.join("session.md"));
        drop(cases);
        if std::env::var_os("TRYCMD").is_some() {
            fs::copy(own.join("session.md"), &path).unwrap();
        }
    }
}

/// A script that runs devca without the variables of the machine that could influence it.
fn without_the_machines_variables(folder: &Path) -> PathBuf {
    let script = folder.join("devca").display().to_string();
    let kept = |name: &&str| *name == "DEVCA_HOME";
    let unset: Vec<&str> = common::disturbing_variables().filter(|name| !kept(name)).collect();
    let unset = unset.join(" -u ");
    let program = env!("CARGO_BIN_EXE_devca");
    let text = format!("#!/bin/sh\nexec env -u {unset} {program} \"$@\"\n");
    // Another process writes it: a file that this one has open cannot be run, not even if a child inherited it.
    common::ok("sh", ["-c", "printf %s \"$1\" >\"$2\" && chmod 755 \"$2\"", "sh", &text, &script]);
    script.into()
}

#[test]
fn every_command_has_a_session() {
    let home = common::Home::new();
    let help = home.ok(["--help"]);
    let sessions: String = fs::read_dir(common::project().join("tests/sessions"))
        .unwrap()
        .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    let commands: Vec<&str> = help
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.split_once("  "))
        .map(|(command, _)| command)
        .filter(|command| !command.is_empty() && command.chars().all(|c| c.is_ascii_lowercase()))
        .collect();
    assert!(commands.len() > 20, "{commands:?}");
    for command in commands {
        assert!(sessions.lines().any(|line| runs(line, command)), "no session runs devca {command}");
    }
}

/// Whether a line runs this command of devca: it follows the general options.
fn runs(line: &str, command: &str) -> bool {
    let Some(arguments) = line.strip_prefix("$ devca ") else { return false };
    let arguments = arguments
        .strip_prefix("--ca ")
        .and_then(|rest| rest.split_once(' '))
        .map_or(arguments, |(_, rest)| rest);
    arguments.split(' ').find(|word| !word.starts_with('-')) == Some(command)
}
