//! Kills devca at every step: wherever it stops, nothing is broken.
//!
//! `strace` kills the program at the first, the second, … system call of each kind that changes files, until
//! there are no more.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use common::{Home, ok, tool, words};
use devca::ca::key_file::{self, KeyFile};
use devca::issued::inventory::Inventory;
use devca::x509::certificate::{CaCertificate, Leaf};
use devca::x509::pem;

/// The system calls that change files, and the one that opens them, which covers every moment between two
/// changes.
const CALLS: &[&str] = &[
    "openat",
    "write",
    "fchmod",
    "chmod",
    "fsync",
    "flock",
    "rename",
    "renameat",
    "renameat2",
    "unlink",
    "unlinkat",
    "mkdir",
    "rmdir",
    "link",
    "linkat",
];

/// A command to kill, with the commands that prepare it.
struct Case {
    name: &'static str,
    before: &'static [&'static [&'static str]],
    words: &'static [&'static str],
}

const CASES: &[Case] = &[
    Case { name: "install", before: &[], words: &["install", "--store", "wsl"] },
    Case { name: "install --sealed", before: &[], words: &["install", "--sealed", "--store", "wsl"] },
    Case { name: "issue, the first", before: &[], words: &["issue", "localhost"] },
    Case { name: "issue", before: &[ROOT], words: &["issue", "localhost"] },
    Case { name: "issue, over a pair", before: &[ROOT, LEAF], words: &["issue", "localhost"] },
    Case { name: "issue --intermediate", before: &[ROOT], words: &["issue", "localhost", "--intermediate"] },
    Case { name: "batch", before: &[ROOT], words: &["issue", "--batch", "names"] },
    Case { name: "renew", before: &[ROOT, LEAF], words: &["renew", "--all"] },
    Case { name: "renew --new-key", before: &[ROOT, LEAF], words: &["renew", "--all", "--new-key"] },
    Case { name: "permit", before: &[ROOT, LEAF], words: &["permit", "corp.example.dev", "--store", "wsl"] },
    Case {
        name: "permit, of a sealed root",
        before: &[&["install", "--sealed", "--store", "wsl"], LEAF],
        words: &["permit", "corp.example.dev", "--store", "wsl"],
    },
    Case { name: "rotate", before: &[ROOT, LEAF], words: &["rotate", "--store", "wsl"] },
    Case { name: "rotate --sealed", before: &[ROOT, LEAF], words: &["rotate", "--sealed", "--store", "wsl"] },
    Case {
        name: "passphrase",
        before: &[ROOT, LEAF, &["issue", "app.test", "--intermediate"]],
        words: &["passphrase", "--new-file", "passphrase"],
    },
];

const ROOT: &[&str] = &["install", "--store", "wsl"];
const LEAF: &[&str] = &["issue", "localhost"];

#[test]
fn whatever_it_is_killed_at_nothing_is_broken() {
    let kills = Mutex::new(0);
    std::thread::scope(|scope| {
        for half in CASES.chunks(CASES.len().div_ceil(2)) {
            let kills = &kills;
            scope.spawn(move || half.iter().for_each(|case| *kills.lock().unwrap() += kill_everywhere(case)));
        }
    });
    let kills = kills.into_inner().unwrap();
    println!("killed {kills} times");
    assert!(kills >= 500, "only {kills} kills");
}

fn prepared(case: &Case) -> Home {
    let home = Home::new();
    fs::write(home.file("names"), "a.test\nb.test\nbob kind=client\n").unwrap();
    fs::write(home.file("passphrase"), "correct horse\n").unwrap();
    for words in case.before {
        home.ok(*words);
    }
    home
}

fn kill_everywhere(case: &Case) -> usize {
    let mut kills = 0;
    for call in CALLS {
        for nth in 1.. {
            let home = prepared(case);
            let key = public_key(&home);
            if !run_and_kill(&home, call, nth, case.words) {
                break;
            }
            kills += 1;
            let place = format!("{}, killed at {call} {nth}", case.name);
            nothing_is_broken(&home, &place);
            again(&home, case, &place);
            if ["permit", "passphrase"].contains(&case.name) {
                assert_eq!(public_key(&home), key, "{place}: the root's key has changed");
            }
        }
    }
    kills
}

/// Returns whether the program was killed; if not, it must have succeeded.
fn run_and_kill(home: &Home, call: &str, nth: usize, words_: &[&str]) -> bool {
    let mut strace = home.command(&tool("strace"), ["-f", "-qq", "-o", "/dev/null"]);
    strace.arg(format!("--trace={call}")).arg(format!("--inject={call}:signal=SIGKILL:when={nth}"));
    let output = strace.arg(env!("CARGO_BIN_EXE_devca")).args(words_).output().unwrap();
    let killed = std::os::unix::process::ExitStatusExt::signal(&output.status) == Some(9)
        || output.status.code() == Some(137);
    assert!(killed || output.status.success(), "{words_:?}: {}", words(&output));
    killed
}

fn folder(home: &Home) -> PathBuf {
    home.ca()
}

fn public_key(home: &Home) -> Option<Vec<u8>> {
    let root = pem::first_certificate(&folder(home).join("root.pem")).ok()?;
    Leaf::parse(&root).map(|root| root.public_key)
}

/// Each file is complete or missing, and files that belong together match.
fn nothing_is_broken(home: &Home, place: &str) {
    let ca = folder(home);
    // Files that are ready to be moved into place are completed by the next run; until then they may differ.
    let is_settled = !ca.join("ready").exists();
    for (certificate, key) in [("root.pem", "root-key.pem"), ("intermediate.pem", "intermediate-key.pem")] {
        let (certificate, key) = (ca.join(certificate), ca.join(key));
        let read = certificate.exists().then(|| {
            let der = pem::first_certificate(&certificate).unwrap_or_else(|e| panic!("{place}: {e:#}"));
            CaCertificate::parse(der).unwrap_or_else(|why| panic!("{place}: {why}"))
        });
        let found = key.exists().then(|| key_file::read(&key).unwrap_or_else(|e| panic!("{place}: {e:#}")));
        if let (Some(read), Some(KeyFile::Open(found)), true) = (read, found, is_settled) {
            assert!(read.belongs_to(&found), "{place}: {} and its key differ", certificate.display());
        }
    }
    for name in home.listing().iter().filter(|name| name.ends_with("-key.pem")) {
        let key = pem::first_key(&home.file(name)).unwrap_or_else(|e| panic!("{place}: {e:#}"));
        let certificate = home.file(&name.replace("-key.pem", ".pem"));
        if certificate.exists() {
            let der = pem::first_certificate(&certificate).unwrap_or_else(|e| panic!("{place}: {e:#}"));
            let leaf = Leaf::parse(&der).unwrap_or_else(|| panic!("{place}: {name} is broken"));
            let public_key = rcgen::PublicKeyData::subject_public_key_info(&*key);
            assert_eq!(leaf.public_key, public_key, "{place}: {name} is another's key");
        }
    }
    Inventory::load(&ca.join("issued.jsonl")).unwrap_or_else(|e| panic!("{place}: {e:#}"));
}

/// Running the command again succeeds, and OpenSSL accepts the result.
fn again(home: &Home, case: &Case, place: &str) {
    let mut devca = home.devca(case.words);
    // The key may already be encrypted.
    let output = devca.env("DEVCA_PASSPHRASE_FILE", "passphrase").output().unwrap();
    // After the old pair was removed, only a part of the new one may exist. It must be reported, with a hint.
    if case.name == "renew --new-key" && !output.status.success() {
        let said = words(&output);
        let is_named = said.contains(" is missing") && said.contains("devca issue localhost");
        assert!(is_named, "{place}, and then again: {said}");
        home.ok(["issue", "localhost"]);
    } else {
        assert!(output.status.success(), "{place}, and then again: {}", words(&output));
    }
    nothing_is_broken(home, place);
    assert!(!folder(home).join("ready").exists(), "{place}: the exchange is not complete");
    let root = home.root();
    let verify = |leaf: &Path| {
        let mut openssl = Command::new(tool("openssl"));
        openssl.arg("verify").arg("-CAfile").arg(&root).arg("-untrusted").arg(leaf);
        let intermediate = folder(home).join("intermediate.pem");
        if intermediate.exists() {
            openssl.arg("-untrusted").arg(intermediate);
        }
        let output = openssl.arg(leaf).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{place}: {}", words(&output));
    };
    let leaves = home.listing().into_iter().filter(|name| !name.ends_with("-key.pem"));
    let leaves: Vec<PathBuf> = leaves
        .map(|name| home.file(&name))
        .filter(|path| path.extension().is_some_and(|e| e == "pem"))
        .collect();
    // After the old pair was removed, there may be no new one. `list` reports that, and `issue` creates
    // another.
    if case.words[0] == "issue" || case.name == "renew" {
        assert!(!leaves.is_empty(), "{place}: nothing was issued");
    }
    for leaf in &leaves {
        verify(leaf);
    }
    ok("openssl", ["x509", "-in", root.to_str().unwrap(), "-noout"]);
}
