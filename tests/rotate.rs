//! Replacing the root with a new key and renewing every certificate, also if the old key is gone.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::fs;
use std::path::Path;

use common::browsers::{chromium_database, nicknames};
use common::clients::CLIENTS;
use common::{Home, Server, in_namespace, ok, run, tool, words};

const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

fn x509(path: &Path, what: &[&str]) -> String {
    ok("openssl", ["x509", "-noout", "-in", path.to_str().unwrap()].iter().chain(what))
}

/// Whether a file contains the complete chain from its first certificate to the root.
fn leads_to_the_root(home: &Home, file: &Path) -> bool {
    let (root, file) = (home.root(), file.to_str().unwrap());
    let arguments = ["verify", "-x509_strict", "-CAfile", root.to_str().unwrap(), "-untrusted", file, file];
    run("openssl", arguments).status.success()
}

/// Returns the certificate and the key at these paths.
fn pair(home: &Home, stem: &str) -> (String, String) {
    let read = |name: String| fs::read_to_string(home.file(&name)).unwrap();
    (read(format!("{stem}.pem")), read(format!("{stem}-key.pem")))
}

#[test]
fn rotate_makes_a_new_key_and_issues_again_what_is_in_use_and_nothing_else() {
    let home = Home::new();
    for words in [
        "issue localhost 127.0.0.1",
        "issue --client alice --key-type rsa-2048 --days 90 --org Acme",
        "issue past.test --not-after 2026-01-31",
        "issue revoked.test",
        "issue moved.test",
        "issue bundle.test --format p12,combined --password-file password",
        "revoke revoked.test.pem",
    ] {
        fs::write(home.file("password"), "changeit\n").unwrap();
        home.ok(words.split(' '));
    }
    fs::rename(home.file("moved.test.pem"), home.file("elsewhere.pem")).unwrap();
    fs::write(home.file("hand.pem"), pair(&home, "localhost+1").0).unwrap();
    let stems = ["localhost+1", "alice-client", "past.test", "revoked.test"];
    let before = stems.map(|stem| pair(&home, stem));
    let p12 = fs::read(home.file("bundle.test.p12")).unwrap();
    let old = (x509(&home.root(), &["-subject"]), x509(&home.root(), &["-pubkey"]));
    let list = home.ok(["permit", "--list"]);

    let said = home.devca(["rotate", "--store", "nss"]).output().unwrap();
    assert_eq!(said.status.code(), Some(1), "{}", words(&said));
    assert!(words(&said).contains("bundle.test"), "{}", words(&said));
    assert!(words(&said).contains(" --password-file FILE"), "{}", words(&said));
    assert_eq!(fs::read(home.file("bundle.test.p12")).unwrap(), p12, "what cannot be made anew stays");

    assert_eq!(x509(&home.root(), &["-subject"]), old.0);
    assert_ne!(x509(&home.root(), &["-pubkey"]), old.1);
    assert_eq!(home.ok(["permit", "--list"]), list);
    let after = stems.map(|stem| pair(&home, stem));
    for ((before, after), is_in_use) in before.iter().zip(&after).zip([true, true, false, false]) {
        assert_eq!(before.1, after.1, "each keeps its own key");
        assert_eq!(before.0 != after.0, is_in_use);
    }
    for stem in &stems[..2] {
        assert!(leads_to_the_root(&home, &home.file(&format!("{stem}.pem"))), "{stem}");
    }
    assert!(!leads_to_the_root(&home, &home.file("hand.pem")), "the old root's are good no more");
    let client = x509(&home.file("alice-client.pem"), &["-subject", "-ext", "extendedKeyUsage"]);
    assert!(client.contains("O = Acme") && client.contains("TLS Web Client Authentication"), "{client}");
    assert!(!home.file("moved.test.pem").exists(), "what was taken away does not come back");

    home.ok(["rotate", "--store", "nss", "--password-file", "password"]);
    assert!(leads_to_the_root(&home, &home.file("bundle.test-combined.pem")));
    let p12 = ["pkcs12", "-in", "bundle.test.p12", "-passin", "pass:changeit", "-nokeys", "-clcerts"];
    let opened = home.command(&tool("openssl"), p12).output().unwrap();
    fs::write(home.file("opened.pem"), &opened.stdout).unwrap();
    assert!(leads_to_the_root(&home, &home.file("opened.pem")), "{}", words(&opened));
}

#[test]
fn the_old_root_is_in_no_store_after_rotate() {
    if !in_namespace("the_old_root_is_in_no_store_after_rotate") {
        return;
    }
    let home = Home::new();
    let database = chromium_database(&home);
    home.ok(["install"]);
    home.ok(["issue", "localhost"]);
    let in_nss = || nicknames(&database).lines().find(|line| line.contains("devca-")).unwrap().to_owned();
    let old = (fs::read_to_string(home.root()).unwrap(), in_nss());
    let rotated = home.json(["rotate"]);
    assert_eq!(rotated["reissued"].as_array().unwrap().len(), 1, "{rotated:#}");
    let bundle = fs::read_to_string(BUNDLE).unwrap();
    assert!(!bundle.contains(old.0.trim()));
    assert!(bundle.contains(fs::read_to_string(home.root()).unwrap().trim()));
    assert_eq!(nicknames(&database).matches("devca-").count(), 1);
    assert_ne!(in_nss(), old.1);
    assert!(home.devca(["status"]).output().unwrap().status.success());
    let server = Server::page(&home.file("localhost.pem"), &home.file("localhost-key.pem"));
    let java = CLIENTS.iter().find(|client| client.name == "Java").unwrap();
    java.accepts(None, server.port, "localhost");
}

#[test]
fn a_sealed_roots_key_is_never_on_the_disk() {
    let home = Home::new();
    let trace = home.file("trace");
    let mut strace =
        home.command(&tool("strace"), ["-f", "-s", "64", "-e", "trace=write,writev,pwrite64,sendto,%file"]);
    strace.arg("-o").arg(&trace).arg(env!("CARGO_BIN_EXE_devca"));
    let output = strace.args(["install", "--sealed", "--store", "nss"]).output().unwrap();
    assert!(output.status.success(), "{}", words(&output));
    let trace = fs::read_to_string(trace).unwrap();
    // Only one key is written, the intermediate's; no file is opened or renamed for the root's.
    assert_eq!(trace.matches("PRIVATE KEY").count(), 1, "{trace}");
    let touched = trace.lines().filter(|line| line.contains("root-key.pem") && !line.contains("ENOENT"));
    assert_eq!(touched.count(), 0, "{trace}");
    assert!(home.ca().join("intermediate-key.pem").exists());
    let key = home.ca().join("intermediate-key.pem");
    let of_key = ok("openssl", ["pkey", "-pubout", "-in", key.to_str().unwrap()]);
    assert_eq!(of_key, x509(&home.ca().join("intermediate.pem"), &["-pubkey"]));
    assert_ne!(of_key, x509(&home.root(), &["-pubkey"]));
    let intermediate =
        x509(&home.ca().join("intermediate.pem"), &["-ext", "nameConstraints,basicConstraints"]);
    let root = x509(&home.root(), &["-ext", "nameConstraints"]);
    assert!(intermediate.contains("CA:TRUE, pathlen:0"), "{intermediate}");
    assert!(intermediate.contains(root.trim()), "{intermediate}\n{root}");
    assert!(home.ok(["status", "--store", "nss"]).contains("the intermediate's: the root is sealed"));
}

#[test]
fn under_a_sealed_root_every_file_has_the_chain_and_permit_creates_a_new_root() {
    let home = Home::new();
    home.ok(["install", "--sealed", "--store", "nss"]);
    home.ok(["issue", "localhost", "--format", "pem,fullchain,combined"]);
    home.ok(["issue", "--client", "alice"]);
    home.ok(["issue", "one.test", "--cert-file", "tls.crt", "--key-file", "tls.key"]);
    let certificates =
        ["localhost.pem", "localhost-fullchain.pem", "localhost-combined.pem", "alice-client.pem", "tls.crt"];
    let all_lead_to_the_root = || {
        for name in certificates {
            assert!(leads_to_the_root(&home, &home.file(name)), "{name} does not lead to the root");
        }
        assert!(!home.ca().join("root-key.pem").exists());
        let server = Server::page(&home.file("localhost.pem"), &home.file("localhost-key.pem"));
        for client in CLIENTS {
            client.accepts(Some(&home.root()), server.port, "localhost");
        }
    };
    all_lead_to_the_root();

    let (root, (leaf, key)) = (fs::read(home.root()).unwrap(), pair(&home, "localhost"));
    let said = home.json(["permit", "corp.example.dev", "--store", "nss"]);
    assert_eq!(said["reissued"]["reissued"].as_array().unwrap().len(), 3, "{said:#}");
    assert_ne!(fs::read(home.root()).unwrap(), root);
    let after = pair(&home, "localhost");
    assert!(after.0 != leaf && after.1 == key, "another certificate for the same key");
    all_lead_to_the_root();
    home.ok(["issue", "www.corp.example.dev"]);
    home.ok(["issue", "other.example.dev", "--yes"]);
    for leaf in ["www.corp.example.dev.pem", "other.example.dev.pem"] {
        assert!(leads_to_the_root(&home, &home.file(leaf)), "{leaf}");
    }
    all_lead_to_the_root();
    home.ok(["rotate", "--store", "nss"]);
    assert!(home.ok(["status", "--store", "nss"]).contains("the root is sealed"), "sealed it stays");
    all_lead_to_the_root();
}

#[test]
fn an_encrypted_file_that_a_sealed_roots_permit_cannot_reissue_is_named() {
    let home = Home::new();
    home.ok(["install", "--sealed", "--store", "nss"]);
    fs::write(home.file("password"), "changeit\n").unwrap();
    let password = ["--password-file", "password"];
    home.ok(["issue", "localhost", "--format", "p12"].iter().chain(&password));
    let opened = || {
        let words = ["pkcs12", "-in", "localhost.p12", "-passin", "pass:changeit", "-nokeys", "-clcerts"];
        let chain = home.command(&tool("openssl"), words).output().unwrap().stdout;
        fs::write(
            home.file("opened.pem"),
            [chain, fs::read(home.ca().join("intermediate.pem")).unwrap()].concat(),
        )
        .unwrap();
        leads_to_the_root(&home, &home.file("opened.pem"))
    };
    assert!(opened());
    let said = home.fails(["issue", "app.example.dev", "--yes"]);
    assert!(said.contains("localhost.p12") && said.contains("its password is unknown"), "{said}");
    assert!(leads_to_the_root(&home, &home.file("app.example.dev.pem")), "the new one is there");
    assert!(!opened());
    home.ok(["rotate", "--store", "nss"].iter().chain(&password));
    assert!(opened());
    assert!(home.fails(["permit", "one.example.dev", "--store", "nss"]).contains("localhost.p12"));
    home.ok(["issue", "localhost", "--format", "p12"].iter().chain(&password).chain(&["--force"]));
    home.ok(["permit", "two.example.dev", "--store", "nss"].iter().chain(&password));
    assert!(opened());
}

#[test]
fn an_open_root_is_sealed_by_rotate() {
    let home = Home::new();
    home.ok(["install", "--store", "nss"]);
    home.ok(["issue", "localhost"]);
    assert!(home.fails(["install", "--sealed", "--store", "nss"]).contains("hint: devca rotate --sealed"));
    home.ok(["rotate", "--sealed", "--store", "nss"]);
    assert!(!home.ca().join("root-key.pem").exists());
    assert!(leads_to_the_root(&home, &home.file("localhost.pem")));
}

#[test]
fn an_unconstrained_root_gives_way_to_a_constrained_one() {
    let home = Home::new();
    home.ok(["install", "--unconstrained", "--store", "wsl"]);
    home.ok(["issue", "localhost", "127.0.0.1"]);
    home.ok(["issue", "shop.example.dev"]);
    home.ok(["issue", "www.example-bank.com"]);
    let rotate = ["rotate", "--constrained", "--permit", "example.dev", "--store", "wsl"];
    let output = home.devca(rotate).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", words(&output));
    assert!(words(&output).contains("permit it: devca permit www.example-bank.com"), "{}", words(&output));
    let output = home.devca(["status", "--store", "wsl", "--json"]).output().unwrap();
    let status: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(status["root"]["constrained"], true, "{status:#}");
    assert_eq!(status["root"]["constrains_addresses"], false, "{status:#}");
    // Clients reject what could not be reissued.
    assert_eq!(status["problems"].as_array().unwrap().len(), 1, "{status:#}");
    assert!(
        status["problems"][0]["message"].as_str().unwrap().contains("www.example-bank.com.pem"),
        "{status:#}"
    );
    let verify = |leaf: &str| {
        let (root, leaf) = (home.root(), home.file(leaf));
        run("openssl", ["verify", "-CAfile", root.to_str().unwrap(), leaf.to_str().unwrap()])
    };
    for leaf in ["localhost+1.pem", "shop.example.dev.pem"] {
        assert!(verify(leaf).status.success(), "{}", words(&verify(leaf)));
    }
    // A root with constraints keeps its list.
    let list = home.ok(["permit", "--list"]);
    let said = home.fails(["rotate", "--constrained", "--permit", "corp.example.dev", "--store", "wsl"]);
    assert!(said.contains("hint: change the list first: devca permit corp.example.dev"), "{said}");
    assert_eq!(home.ok(["permit", "--list"]), list);
}

/// On a terminal, the user must confirm before a root is deleted that phones and colleagues trust; with
/// `--yes` and in scripts, there is no question.
#[test]
fn on_a_terminal_rotate_and_purge_ask_first() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    let before = home.everything();
    let (rotate, purge) = (["rotate", "--store", "wsl"], ["uninstall", "--purge", "--store", "wsl"]);
    let asked = [
        ("Replace the root and reissue 1 certificate?", &rotate[..]),
        ("Delete the root, its key and the inventory (1 certificate)", &purge[..]),
    ];
    for (question, command) in asked {
        for answer in ["n", "", "what"] {
            let said = home.typing(&[("ask", question, answer)], command);
            assert_eq!(said.status.code(), Some(1), "{}", words(&said));
            assert!(words(&said).contains("nothing was changed"), "{}", words(&said));
        }
        assert_eq!(home.everything(), before, "{command:?}");
    }
    let root = std::fs::read(home.root()).unwrap();
    let done = |said: std::process::Output| assert!(said.status.success(), "{}", words(&said));
    done(home.typing(&[("ask", asked[0].0, "y")], &rotate));
    let rotated = std::fs::read(home.root()).unwrap();
    assert_ne!(rotated, root);
    done(home.typing(&[], &[&rotate[..], &["--yes"]].concat()));
    assert_ne!(std::fs::read(home.root()).unwrap(), rotated);
    done(home.typing(&[("ask", asked[1].0, "yes")], &purge));
    assert!(!home.ca().exists());
}
