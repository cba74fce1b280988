//! The sessions in `tests/sessions/`: what the user types, and what devca prints. Each runs in its own
//! folder. `TRYCMD=overwrite cargo test --test sessions` writes what devca prints now.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;

#[test]
fn sessions() {
    let folder = tempfile::TempDir::new().unwrap();
    // Resolve links, because trycmd compares paths with the folder that it runs in.
    let top = folder.path().canonicalize().unwrap();
    for entry in fs::read_dir(common::project().join("tests/sessions")).unwrap() {
        let path = entry.unwrap().path();
        let own = top.join(path.file_stem().unwrap());
        // trycmd runs `session.md` in `session.in`.
        fs::create_dir_all(own.join("session.in")).unwrap();
        fs::copy(&path, own.join("session.md")).unwrap();
        let cases = trycmd::TestCases::new();
        let place = |name: &str| own.join("session.in").join(name).to_str().unwrap().to_owned();
        cases.env("DEVCA_HOME", place("ca")).env("HOME", place("home")).env("USER", "alice");
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

/// The others are in sessions of their own: `issue` in several, `install` where it is refused.
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
        let is_run = |line: &str| line.starts_with("$ devca ") && line.split(' ').any(|word| word == command);
        assert!(sessions.lines().any(is_run), "no session runs devca {command}");
    }
}
