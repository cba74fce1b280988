//! Keys in memory: they are not in any core dump, and no other process of the same user can read them.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::chown;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use common::{Home, ok, tool, wait_until, words};
use tempfile::TempDir;

/// A user other than root, who could read everything.
const SOMEBODY: [&str; 3] = ["--reuid=65534", "--regid=65534", "--clear-groups"];

/// A program of that user in the user's folder, without a limit on the size of core dumps.
fn of_another_user(folder: &Path, program: &str) -> Command {
    let mut command = Command::new(tool("setpriv"));
    command.args(SOMEBODY).args(["sh", "-c", &format!("ulimit -c unlimited; exec {program}")]);
    command.current_dir(folder).env("HOME", folder).env_remove("DEVCA_HOME").stdin(Stdio::piped());
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    for variable in common::runtime_variables() {
        command.env_remove(variable);
    }
    command
}

fn folder_of_another_user() -> TempDir {
    let folder = TempDir::new().unwrap();
    chown(folder.path(), Some(65534), Some(65534)).unwrap();
    // By another process: a program started meanwhile would inherit the open file, which could then not be executed.
    ok("cp", [env!("CARGO_BIN_EXE_devca"), folder.path().join("devca").to_str().unwrap()]);
    folder
}

/// Whether another process of the same user can read a process's memory map.
fn can_look_into(child: &Child) -> bool {
    let maps = format!("/proc/{}/maps", child.id());
    let mut command = Command::new(tool("setpriv"));
    command.args(SOMEBODY).args(["head", "-n1", &maps]);
    let output = command.output().unwrap();
    output.status.success() && !output.stdout.is_empty()
}

/// Makes it crash; returns whether a core dump was written.
fn dumps_core(mut child: Child) -> bool {
    let pid = child.id().to_string();
    assert!(common::run("kill", ["-s", "ABRT", &pid]).status.success());
    let status = child.wait().unwrap();
    assert_eq!(status.signal(), Some(6), "{status}");
    status.core_dumped()
}

#[test]
fn a_process_with_keys_leaves_no_core_and_cannot_be_looked_into() {
    let folder = folder_of_another_user();
    // A program that does nothing to prevent it shows that this test can fail.
    let ordinary = of_another_user(folder.path(), "cat").spawn().unwrap();
    wait_until("setpriv and sh have become cat", || can_look_into(&ordinary));
    assert!(dumps_core(ordinary), "cores are written here: see /proc/sys/kernel/core_pattern");

    // This process has the root's key, and generates others for a while.
    let names: Vec<String> = (0..1000).map(|n| format!("host{n}.test")).collect();
    fs::write(folder.path().join("names"), names.join("\n")).unwrap();
    let batch = "./devca issue --batch names --key-type rsa-4096 --out certs";
    let devca = of_another_user(folder.path(), batch).spawn().unwrap();
    let root = folder.path().join(".local/share/devca/default/root.pem");
    wait_until("devca has made its root", || root.exists());
    assert!(!can_look_into(&devca));
    assert!(!dumps_core(devca));
}

#[test]
fn programs_that_devca_starts_are_ordinary_ones() {
    let folder = folder_of_another_user();
    let mut issue = of_another_user(folder.path(), "./devca issue localhost");
    let issued = issue.output().unwrap();
    assert!(issued.status.success(), "{}", words(&issued));
    let script = "./devca run -- sh -c 'echo started >&2; exec cat'";
    let mut child = of_another_user(folder.path(), script).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "started\n");
    assert!(can_look_into(&child), "a debugger must be able to attach");
    assert!(dumps_core(child), "cores are the user's own choice");
}

#[test]
fn waiting_for_the_lock_is_announced() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    let lock = home.ca().join("lock");
    let mut holder = Command::new(tool("flock"));
    holder.arg(&lock).arg("cat").stdin(Stdio::piped()).stdout(Stdio::null());
    let mut holder = holder.spawn().unwrap();
    let taken = || !common::run("flock", ["--nonblock", lock.to_str().unwrap(), "true"]).status.success();
    wait_until("the kernel says that the lock is taken", taken);
    let mut waiting =
        home.devca(["issue", "app.test"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(waiting.stderr.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("waiting for another devca"), "{line}");
    assert!(waiting.try_wait().unwrap().is_none() && !home.file("app.test.pem").exists());
    drop(holder.stdin.take());
    assert!(holder.wait().unwrap().success() && waiting.wait().unwrap().success());
    assert!(home.file("app.test.pem").exists());

    let quick = home.devca(["issue", "quick.test"]).output().unwrap();
    assert!(!words(&quick).contains("waiting"), "{}", words(&quick));
}
