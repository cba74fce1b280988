//! Completion with Tab, in the real shells.
#![cfg(unix)]
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use common::{Home, project, tool, words};

/// A line, words that must be offered for its last word, and words that must not.
const LINES: &[(&str, &[&str], &[&str])] = &[
    ("devca iss", &["issue"], &["install"]),
    ("devca help ren", &["renew"], &[]),
    ("devca --ca cli", &["clients"], &[]),
    ("devca --ca ", &["clients", "default"], &["localhost.pem"]),
    ("devca issue --format fullc", &["fullchain"], &[]),
    ("devca issue --format pem,comb", &["pem,combined"], &[]),
    ("devca issue --bad untr", &["untrusted-root"], &[]),
    ("devca issue --bad expired,rev", &["expired,revoked"], &[]),
    ("devca issue --key-type ed", &["ed25519"], &[]),
    ("devca issue --key-f", &["--key-file"], &[]),
    ("devca install --store ns", &["nss"], &[]),
    ("devca install --store system,ja", &["system,java"], &[]),
    ("devca renew ap", &["app.test"], &[]),
    ("devca renew ", &["app.test", "web.internal", "localhost.pem"], &["alice", "--all"]),
    ("devca --ca clients revoke ", &["alice", "localhost.pem"], &["app.test"]),
    ("devca --ca clients browser add al", &["alice"], &[]),
    ("devca inspect localh", &["localhost.pem"], &[]),
    ("devca man pass", &["passphrase"], &[]),
    ("devca run this-prog", &["this-program"], &[]),
    ("devca run -- cat localh", &["localhost.pem"], &[]),
    ("devca explain CERT_HAS", &["CERT_HAS_EXPIRED"], &[]),
    ("devca check --starttls post", &["postgres"], &[]),
    ("devca mkcert --link next,vi", &["next,vite"], &[]),
    ("devca export --for va", &["vault"], &[]),
];

/// Creates a home with two CAs, certificates and one file, and devca on the `PATH`.
fn home() -> Home {
    let home = Home::new();
    std::fs::create_dir(home.file("other")).unwrap();
    home.ok(["issue", "app.test", "--out", "other"]);
    home.ok(["issue", "web.internal", "--out", "other"]);
    home.ok(["--ca", "clients", "issue", "--client", "alice", "--out", "other"]);
    std::fs::write(home.file("localhost.pem"), "").unwrap();
    let programs = home.home().join("programs");
    std::fs::create_dir(&programs).unwrap();
    std::os::unix::fs::symlink(tool("true"), programs.join("this-program")).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_devca"), programs.join("devca")).unwrap();
    home
}

/// Returns what the shell shows for each line.
fn shown(home: &Home, shell: &str, start: &str) -> BTreeMap<String, String> {
    let script = project().join("tests/clients/completion.py");
    let mut typing = home.command(&tool("python3"), [script.to_str().unwrap(), shell, start]);
    let programs = format!("{}:/usr/bin:/bin", home.home().join("programs").display());
    typing.args(LINES.iter().map(|(line, ..)| line)).env("PATH", programs);
    let output = typing.output().unwrap();
    assert!(output.status.success(), "{shell}: {}", words(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    let parts = text.split("--- ").skip(1).filter_map(|part| part.split_once('\n'));
    parts.map(|(line, shown)| (line.to_owned(), shown.to_owned())).collect()
}

fn completes(shell: &str, start: &str) {
    let home = home();
    let file = home.file("completions").display().to_string();
    std::fs::write(Path::new(&file), home.ok(["completions", shell])).unwrap();
    let shown = shown(&home, shell, &start.replace("FILE", &file));
    for (line, offered, others) in LINES {
        let shown = &shown[*line];
        for word in *offered {
            assert!(shown.contains(word), "{shell}: {line:?} does not offer {word:?}: {shown}");
        }
        for word in *others {
            assert!(!shown.contains(word), "{shell}: {line:?} offers {word:?}: {shown}");
        }
    }
}

#[test]
fn in_bash() {
    completes("bash", "source FILE");
}

#[test]
fn in_zsh() {
    completes("zsh", "autoload -U compinit; compinit -u -D; source FILE");
}

#[test]
fn in_zsh_which_loads_it_by_itself() {
    completes(
        "zsh",
        "mkdir zfunc; cp FILE zfunc/_devca; fpath=($PWD/zfunc $fpath); autoload -U compinit; compinit -u -D",
    );
}

#[test]
fn in_fish() {
    completes("fish", "source FILE");
}

/// The tests cannot install PowerShell, so devca is called as PowerShell would call it.
#[test]
fn for_powershell() {
    let home = home();
    let script = home.ok(["completions", "powershell"]);
    assert!(script.contains("Register-ArgumentCompleter -Native -CommandName devca"), "{script}");
    let mut asked = home.devca(["--", "devca", "--ca", "cli"]);
    let output = asked.env("DEVCA_COMPLETE", "powershell").output().unwrap();
    assert!(words(&output).starts_with("clients"), "{}", words(&output));
}

#[test]
fn no_other_variable_makes_devca_complete() {
    let home = home();
    let output = home.devca(["--version"]).env("COMPLETE", "bash").output().unwrap();
    assert!(words(&output).starts_with("devca "), "{}", words(&output));
}
