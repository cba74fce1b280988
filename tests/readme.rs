//! Runs the README's commands, and compares its session with the real output.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod common;
#[path = "readme/picture.rs"]
mod picture;

use std::fs;
use std::process::Command;

use common::{Home, in_namespace, project, words};

fn readme() -> String {
    fs::read_to_string(project().join("README.md")).unwrap()
}

/// Returns the commands in its `sh` blocks.
fn commands() -> Vec<String> {
    let text = readme();
    text.split("```sh\n").skip(1).map(|block| block.split("\n```").next().unwrap().to_owned()).collect()
}

#[test]
fn the_first_command_sets_all_up() {
    if !in_namespace("the_first_command_sets_all_up") {
        return;
    }
    let home = Home::new();
    let real_home = std::env::var("HOME").unwrap();
    let mut shell =
        home.command(&common::tool("sh"), ["-euc", &format!("cd {:?}; {}", project(), commands()[0])]);
    // The toolchain and its downloads are the machine's.
    for (variable, below) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
        if std::env::var_os(variable).is_none() {
            shell.env(variable, format!("{real_home}/{below}"));
        }
    }
    let leftovers = ["localhost+1.pem", "localhost+1-key.pem"].map(|name| project().join(name));
    let output = shell.output().unwrap();
    let made = leftovers.iter().all(|path| fs::remove_file(path).is_ok());
    assert!(output.status.success(), "{}", words(&output));
    assert!(made && words(&output).contains("trusted"), "{}", words(&output));
    for file in [
        "bin/devca",
        "bin/devca-serve",
        "share/man/man1/devca.1",
        "share/man/man1/devca-issue.1",
        "share/bash-completion/completions/devca",
    ] {
        assert!(home.home().join(".local").join(file).exists(), "{file} was not installed");
    }
    let again = Command::new(project().join("install.sh"))
        .arg("--uninstall")
        .env("HOME", home.home())
        .output()
        .unwrap();
    assert!(again.status.success(), "{}", words(&again));
    assert!(
        !home.home().join(".local/bin/devca").exists()
            && !home.home().join(".local/bin/devca-serve").exists()
            && !home.home().join(".local/share/man/man1/devca-issue.1").exists()
    );
    assert!(home.root().exists(), "the root is the user's, not the installer's");
}

#[test]
fn the_second_command_is_what_ci_runs() {
    let ci = fs::read_to_string(project().join(".ci/run")).unwrap();
    assert!(ci.lines().any(|line| line.trim() == commands()[1]), "{:?}", commands());
}

#[test]
fn the_session_is_what_devca_answers() {
    if !in_namespace("the_session_is_what_devca_answers") {
        return;
    }
    let home = Home::new();
    let folder = home.work();
    // Replace what depends on the machine and the date.
    let mut text = readme()
        .replace("/home/alice", home.home().to_str().unwrap())
        .replace("alice@laptop", "alice@[..]")
        .replace("expires 2036-11-24", "expires [..]");
    let is_java = |line: &&str| line.contains(" java  ");
    for line in readme().lines().filter(is_java) {
        text = text.replace(&format!("{line}\n"), "...\n");
    }
    while let Some(at) = text.find("expires      2") {
        text.replace_range(at..at + 23, "expires      [..]");
    }
    fs::write(folder.join("README.md"), text).unwrap();
    fs::create_dir(folder.join("README.in")).unwrap();
    trycmd::TestCases::new()
        .env("HOME", home.home().to_str().unwrap())
        .env("USER", "alice")
        .case(folder.join("README.md"));
}

/// With `DEVCA_OVERWRITE=1`, writes the picture instead.
#[test]
fn the_picture_shows_the_session() {
    let path = project().join("docs/terminal.svg");
    let drawn = picture::of_session(&readme(), "$ devca issue --client");
    if std::env::var_os("DEVCA_OVERWRITE").is_some() {
        fs::write(&path, &drawn).unwrap();
    }
    let shown = fs::read_to_string(&path).unwrap();
    assert!(shown == drawn, "draw it again: DEVCA_OVERWRITE=1 cargo test --test readme the_picture");
    assert!(readme().contains("docs/terminal.svg"));
}
