//! Many at once: one CA, one folder, and nothing is lost, doubled or mixed up.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::collections::HashSet;
use std::process::{Child, Stdio};

use common::{Home, ok};
use devca::issued::inventory::Inventory;

const PROCESSES: usize = 64;
const ROUNDS: usize = 20;

/// All start before the first is awaited.
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
