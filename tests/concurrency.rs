//! Many processes at once, with one CA and one folder: nothing is lost, duplicated or mixed up.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::collections::HashSet;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::process::{Child, Stdio};

use common::{Home, ok, tool, wait_until};
use devca::issued::inventory::Inventory;

const PROCESSES: usize = 64;
const ROUNDS: usize = 20;

/// Starts all processes before waiting for the first.
fn at_once(home: &Home, words: impl Fn(usize) -> Vec<String>) {
    let start = |index| {
        let mut devca = home.devca(words(index));
        devca.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let running: Vec<Child> = (0..PROCESSES).map(start).collect();
    for child in running {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", common::words(&output));
    }
}

#[test]
fn sixty_four_at_once_twenty_times_over() {
    let home = Home::new();
    for round in 0..ROUNDS {
        at_once(&home, |index| vec!["issue".into(), format!("host-{round}-{index}.test")]);
    }
    let inventory = Inventory::load(&home.ca().join("issued.jsonl")).unwrap();
    assert_eq!(inventory.entries.len(), PROCESSES * ROUNDS);
    let serials: HashSet<_> = inventory.entries.iter().map(|entry| entry.serial.clone()).collect();
    let names: HashSet<_> = inventory.entries.iter().map(|entry| entry.names.clone()).collect();
    assert_eq!((serials.len(), names.len()), (PROCESSES * ROUNDS, PROCESSES * ROUNDS));
    for entry in inventory.entries.iter().step_by(97) {
        let certificate = home.file(&format!("{}.pem", entry.names[0])).display().to_string();
        let key = home.file(&format!("{}-key.pem", entry.names[0])).display().to_string();
        ok("openssl", ["verify", "-CAfile", home.root().to_str().unwrap(), &certificate]);
        let public = ok("openssl", ["x509", "-in", &certificate, "-noout", "-pubkey"]);
        assert_eq!(
            public,
            ok("openssl", ["pkey", "-in", &key, "-pubout"]),
            "{certificate} and its key differ"
        );
    }
    assert_eq!(home.listing().len(), 2 * PROCESSES * ROUNDS, "a half-written file has stayed");
}

#[test]
fn those_that_want_the_same_file_leave_one_pair() {
    let home = Home::new();
    at_once(&home, |_| vec!["issue".into(), "localhost".into()]);
    let inventory = Inventory::load(&home.ca().join("issued.jsonl")).unwrap();
    assert_eq!(inventory.entries.len(), PROCESSES);
    let (certificate, key) = (home.file("localhost.pem"), home.file("localhost-key.pem"));
    let public = ok("openssl", ["x509", "-in", certificate.to_str().unwrap(), "-noout", "-pubkey"]);
    assert_eq!(public, ok("openssl", ["pkey", "-in", key.to_str().unwrap(), "-pubout"]));
    assert_eq!(home.listing(), ["localhost-key.pem", "localhost.pem"]);
}

/// Commands that read a file which may be a pipe, and what is finally written to it. `FIFO` is the path of
/// the pipe.
const PIPES: [(&str, &str, &str); 8] = [
    ("issue --csr FIFO --out csr", "", REQUEST),
    ("issue --batch FIFO --out batch", "", "one.test\n"),
    ("issue p12.test --format p12 --password-file FIFO", "", "secret\n"),
    ("renew --all --password-file FIFO", "", "secret\n"),
    ("revoke FIFO", "", CERTIFICATE),
    ("passphrase --new-file FIFO", "", "a passphrase\n"),
    ("issue locked.test", "FIFO", "a passphrase\n"),
    ("crl --out crl.pem", "FIFO", "a passphrase\n"),
];

/// Replaced by content that is created when the test runs.
const REQUEST: &str = "request";
const CERTIFICATE: &str = "certificate";

/// The program at the other end may ask for a password, and other processes must not wait for that.
#[test]
fn waiting_for_a_pipe_does_not_hold_the_lock() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    let new = ["req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=csr.test", "-keyout"];
    let request = ok("openssl", new.iter().chain(&[home.file("csr.key").to_str().unwrap()]));
    for (number, (line, passphrase, content)) in PIPES.iter().enumerate() {
        let fifo = home.file(&format!("fifo-{number}"));
        ok("mkfifo", [fifo.to_str().unwrap()]);
        // The pipe is also opened for reading, so that opening it does not block, and it has no end until
        // this is dropped.
        let mut pipe = OpenOptions::new().read(true).write(true).open(&fifo).unwrap();
        let fill = |text: &str| text.replace("FIFO", fifo.to_str().unwrap());
        let mut devca = home.devca(line.split(' ').map(fill));
        devca.stdout(Stdio::piped()).stderr(Stdio::piped());
        if !passphrase.is_empty() {
            devca.env("DEVCA_PASSPHRASE_FILE", fill(passphrase));
        }
        let waiting = devca.spawn().unwrap();
        let descriptors = format!("/proc/{}/fd", waiting.id());
        wait_until("devca has opened the pipe", || {
            let opened = fs::read_dir(&descriptors).into_iter().flatten().flatten();
            opened.filter_map(|entry| fs::read_link(entry.path()).ok()).any(|path| path == fifo)
        });
        // `list --prune` takes the lock but needs no key.
        let said = home.devca(["list", "--prune"]).output().unwrap();
        assert!(said.status.success(), "{line}: {}", common::words(&said));
        assert!(
            !common::words(&said).contains("waiting for another devca"),
            "{line}: {}",
            common::words(&said)
        );
        let content = match *content {
            REQUEST => request.clone(),
            CERTIFICATE => fs::read_to_string(home.file("localhost.pem")).unwrap(),
            content => content.to_owned(),
        };
        pipe.write_all(content.as_bytes()).unwrap();
        drop(pipe);
        let output = waiting.wait_with_output().unwrap();
        assert!(output.status.success(), "{line}: {}", common::words(&output));
    }
}

/// The limit on desktops is 1024 open files per process.
#[test]
fn a_batch_of_any_size_respects_the_limit_on_open_files() {
    let home = Home::new();
    let names: Vec<String> = (0..300).map(|number| format!("{number}.test")).collect();
    fs::write(home.file("names"), names.join("\n")).unwrap();
    for command in [
        "issue --batch names --format pem,combined,der --out many",
        "renew --all",
        "rotate --yes --store wsl",
    ] {
        let script = format!("ulimit -n 128; exec \"$0\" {command}");
        let output =
            home.command(&tool("sh"), ["-c", &script, env!("CARGO_BIN_EXE_devca")]).output().unwrap();
        assert!(output.status.success(), "{command}: {}", common::words(&output));
    }
}
