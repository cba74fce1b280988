//! Counts with strace(1) how many programs devca starts for the trust stores: one listing and one change for
//! each.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::print_stderr)] // --nocapture shows the counts

mod common;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use common::clients::own_jdk;
use common::{Home, NssTool, in_namespace, ok, tool, words};

/// The programs that change or list stores.
const PROGRAMS: [&str; 4] = ["certutil", "devca-nss", "keytool", "update-ca-certificates"];

/// Creates a machine with three JDKs and two Firefox profiles, whose CA had five roots before.
fn machine(tool: NssTool) -> Home {
    let home = Home::with_nss_tool(tool);
    let first = own_jdk(&home);
    for name in ["second", "third"] {
        let copy = first.with_file_name(name);
        ok("cp", ["-a", first.to_str().unwrap(), copy.to_str().unwrap()]);
    }
    let firefox = home.home().join(".mozilla/firefox");
    let mut ini = String::new();
    for (index, name) in ["default", "work"].into_iter().enumerate() {
        let profile = firefox.join(name);
        fs::create_dir_all(&profile).unwrap();
        ok("certutil", ["-N", "-d", &format!("sql:{}", profile.display()), "--empty-password"]);
        writeln!(ini, "[Profile{index}]\nName={name}\nIsRelative=1\nPath={name}\n").unwrap();
    }
    fs::write(firefox.join("profiles.ini"), ini).unwrap();
    home.ok(["install"]);
    for name in ["one.internal.corp", "two.internal.corp", "three.internal.corp", "four.internal.corp"] {
        home.ok(["permit", name, "--store", "wsl"]);
    }
    home.ok(["rotate", "--store", "wsl", "--yes"]);
    home
}

/// Runs devca and counts the programs that it started; calls of certutil are counted by their first argument.
fn started(home: &Home, arguments: &[&str]) -> BTreeMap<String, usize> {
    let trace = home.file("trace");
    let mut strace =
        home.command(&tool("strace"), ["-f", "-qq", "-e", "trace=execve", "-e", "signal=none", "-o"]);
    strace.arg(&trace).arg(&home.program).args(arguments);
    let output = strace.output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", words(&output));
    let mut found = BTreeMap::new();
    for line in fs::read_to_string(&trace).unwrap().lines().filter(|line| line.ends_with(" = 0")) {
        let Some((_, call)) = line.split_once("execve(\"") else { continue };
        let (program, rest) = call.split_once('"').unwrap();
        let name = Path::new(program).file_name().unwrap().to_str().unwrap();
        if PROGRAMS.contains(&name) {
            let is_certutil = ["certutil", "devca-nss"].contains(&name);
            // The only argument of devca-nss is a database, except for --library.
            let word = rest.split('"').nth(3).filter(|word| is_certutil && word.starts_with('-'));
            let verb = word.unwrap_or_default();
            *found.entry(format!("{name} {verb}").trim().to_owned()).or_default() += 1;
        }
    }
    found
}

/// Two of Firefox, and one that Chromium and its relatives share.
const DATABASES: usize = 3;

fn count(counted: &BTreeMap<String, usize>, name: &str) -> usize {
    counted.get(name).copied().unwrap_or(0)
}

#[test]
fn each_store_is_listed_once_and_changed_once() {
    if !in_namespace("each_store_is_listed_once_and_changed_once") {
        return;
    }
    let home = machine(NssTool::Library);
    let status = home.devca(["status"]).output().unwrap();
    assert!(!status.status.success(), "the new root is in no store: {}", words(&status));
    let trace = started(&home, &["install"]);
    eprintln!("install: {trace:?}");
    // Read, remove the old root, read, add the new one, read. And check once in total whether there is a
    // library.
    assert_eq!(count(&trace, "devca-nss"), DATABASES * 5, "{trace:?}");
    assert_eq!(count(&trace, "devca-nss --library"), 1);
    assert_eq!(count(&trace, "keytool"), 3 * 2, "the old root out, the new one in: {trace:?}");
    assert!(count(&trace, "update-ca-certificates") <= 2, "{trace:?}");

    let listed = BTreeMap::from([("devca-nss".into(), DATABASES), ("devca-nss --library".into(), 1)]);
    for command in ["status", "install"] {
        let trace = started(&home, &[command]);
        eprintln!("{command}: {trace:?}");
        assert_eq!(trace, listed);
    }

    let trace = started(&home, &["uninstall"]);
    eprintln!("uninstall: {trace:?}");
    // Read, change, read; and check whether the database that was created for the root is empty.
    assert_eq!(count(&trace, "devca-nss"), DATABASES * 3 + 1, "{trace:?}");
    assert_eq!(count(&trace, "keytool"), 3);
    assert_eq!(count(&trace, "update-ca-certificates"), 1);
}

/// Listing a database with certutil takes one call for the names, and one for each certificate.
#[test]
fn certutil_is_started_as_rarely_as_possible() {
    if !in_namespace("certutil_is_started_as_rarely_as_possible") {
        return;
    }
    let home = machine(NssTool::Certutil);
    let trace = started(&home, &["install"]);
    eprintln!("install: {trace:?}");
    assert_eq!(count(&trace, "certutil -A"), DATABASES);
    assert_eq!(count(&trace, "certutil -D"), DATABASES);
    // The names and the certificate before; the names after the removal; names and certificate after the
    // addition.
    assert_eq!(count(&trace, "certutil -L"), DATABASES * 5, "{trace:?}");
    for command in ["status", "install"] {
        let trace = started(&home, &[command]);
        eprintln!("{command}: {trace:?}");
        assert_eq!(trace, BTreeMap::from([("certutil -L".into(), DATABASES * 2)]));
    }
    let trace = started(&home, &["uninstall"]);
    eprintln!("uninstall: {trace:?}");
    assert_eq!(count(&trace, "certutil -D"), DATABASES);
    // Names and certificate before, the names after; and check whether the database that was created for the
    // root is empty.
    assert_eq!(count(&trace, "certutil -L"), DATABASES * 3 + 1, "{trace:?}");
}
