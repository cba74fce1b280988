//! After `devca install`, every program on this machine trusts the certificate; after `uninstall`, none does.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;
#[path = "everywhere/earlier.rs"]
mod earlier;
#[path = "everywhere/failing.rs"]
mod failing;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use common::browsers::{chromium, chromium_database, firefox, firefox_profile, nicknames, trust};
use common::clients::{CLIENTS, Client, RUNTIMES, own_jdk};
use common::{Home, NssTool, PAGE, Server, in_namespace, ok, project, strangers_root, tool, words};

/// The clients that use the system's store by default. Others need a variable: see tests/runtimes.rs.
fn of_the_system() -> impl Iterator<Item = &'static Client> {
    let themselves = ["Ruby", "PHP streams", "PHP curl", "Bun fetch", "Bun node:https", "workerd"];
    let runtimes = RUNTIMES.iter().filter(move |client| themselves.contains(&client.name));
    CLIENTS.iter().filter(|client| client.name != "Node").chain(runtimes)
}

#[test]
fn everything_trusts_it_after_install_and_nothing_after_uninstall() {
    if !in_namespace("everything_trusts_it_after_install_and_nothing_after_uninstall") {
        return;
    }
    let home = Home::with_nss_tool(NssTool::Library);
    let stranger = home.file("stranger.pem");
    strangers_root(&stranger);
    let profile = firefox_profile(&home);
    let chromium_database = chromium_database(&home);
    for database in [&profile, &chromium_database] {
        trust(database, "a stranger", &stranger);
    }
    let jdk = own_jdk(&home);
    let keytool = jdk.join("bin/keytool");
    let cacerts = jdk.join("lib/security/cacerts");
    let keytool_says = |words: &[&str]| {
        let output = Command::new(&keytool)
            .args(words)
            .args(["-storepass", "changeit", "-keystore"])
            .arg(&cacerts)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", common::words(&output));
        common::words(&output)
    };
    keytool_says(&["-importcert", "-noprompt", "-alias", "stranger", "-file", stranger.to_str().unwrap()]);
    let before = [nicknames(&profile), nicknames(&chromium_database), keytool_says(&["-list"])];

    home.ok(["issue", "localhost", "127.0.0.1"]);
    let server = Server::page(&home.file("localhost+1.pem"), &home.file("localhost+1-key.pem"));
    let url = format!("https://localhost:{}/", server.port);
    let devca = home.program.clone();
    let node = || {
        let script = project().join("tests/clients/client.mjs");
        let port = server.port.to_string();
        let words =
            ["run", "--", tool("node").to_str().unwrap(), script.to_str().unwrap(), "-", &port, "localhost"]
                .map(ToOwned::to_owned);
        home.command(&devca, words).output().unwrap()
    };
    let own_java = || {
        let mut java = home.command(&jdk.join("bin/java"), ["-cp"]);
        java.arg(common::clients::java_classes())
            .args(["Client", "-", &server.port.to_string(), "localhost"])
            .output()
            .unwrap()
    };
    let refused = || {
        for client in CLIENTS.iter().chain(RUNTIMES) {
            client.refuses(None, server.port, "localhost", client.unknown_root);
        }
        let said = words(&chromium(&home, &url));
        assert!(said.contains("ERR_CERT_AUTHORITY_INVALID") && !said.contains(PAGE), "{said}");
        let said = words(&firefox(&home, &profile, &url));
        assert!(said.contains("refused:") && said.contains("nssBadCert"), "{said}");
        let said = words(&own_java());
        assert!(said.contains("refused: PKIX path"), "{said}");
    };
    refused();

    let installed = home.json(["install"]);
    for store in installed["stores"].as_array().unwrap() {
        // The key store shared by the system's JDKs already got the root from the system store.
        let outcome = store["state"].as_str().unwrap();
        assert!(["done", "already-done", "skipped"].contains(&outcome), "{installed:#}");
    }
    for client in of_the_system() {
        for host in ["localhost", "127.0.0.1"] {
            client.accepts(None, server.port, host);
        }
    }
    let node_says = node();
    assert!(node_says.status.success(), "{}", words(&node_says));
    let said = words(&chromium(&home, &url));
    assert!(said.contains(PAGE), "{said}");
    let said = words(&firefox(&home, &profile, &url));
    assert!(said.contains(&format!("accepted: {PAGE}")), "{said}");
    assert!(words(&own_java()).contains("accepted"), "{}", words(&own_java()));
    // Only for TLS servers, not for email or code.
    for database in [&profile, &chromium_database] {
        let line = nicknames(database)
            .lines()
            .find(|line| line.starts_with("devca-"))
            .unwrap()
            .trim_end()
            .to_owned();
        assert!(line.ends_with("C,,"), "{line}");
    }
    assert!(home.devca(["status"]).output().unwrap().status.success(), "{}", home.ok(["status"]));

    home.ok(["uninstall"]);
    refused();
    let after = [nicknames(&profile), nicknames(&chromium_database), keytool_says(&["-list"])];
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before, after, "a store is not as it was");
    }
    let status = home.devca(["status", "--json"]).output().unwrap();
    assert_eq!(status.status.code(), Some(1));
    let status: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
    // The machine may have another devca root.
    let without_it = ["not-trusted", "other-root", "skipped"];
    let mut stores = status["stores"].as_array().unwrap().iter();
    assert!(stores.all(|store| without_it.contains(&store["state"].as_str().unwrap())), "{status:#}");
}

#[test]
fn issue_says_when_no_store_has_the_root() {
    if !in_namespace("issue_says_when_no_store_has_the_root") {
        return;
    }
    let home = Home::new();
    let said = |command: &[&str]| {
        let output = home.devca(command).output().unwrap();
        assert!(output.status.success(), "{}", words(&output));
        words(&output)
    };
    let issue = ["issue", "localhost", "--force"];
    assert!(said(&issue).contains("nothing trusts it yet: run devca install"));
    let warns = |said: &str| said.contains("no trust store has this root: run devca install");
    for command in [&issue[..], &["issue", "localhost", "--if-needed"], &["issue", "--batch", "names"]] {
        fs::write(home.file("names"), "app.test\n").unwrap();
        assert!(warns(&said(command)), "{command:?}");
    }
    // Roots of clients are configured in servers.
    assert!(!warns(&said(&["issue", "--client", "alice"])));
    said(&["install", "--dry-run"]);
    assert!(warns(&said(&issue)));
    said(&["install"]);
    assert!(!warns(&said(&issue)));
    // Another store may still trust it.
    said(&["uninstall", "--store", "nss"]);
    assert!(!warns(&said(&issue)));
    said(&["uninstall"]);
    assert!(warns(&said(&issue)));
    said(&["install", "--store", "nss"]);
    assert!(!warns(&said(&issue)));
    said(&["uninstall", "--purge", "--yes"]);
    assert!(!home.ca().exists());
}

#[test]
fn an_older_chromium_database_wins_and_is_written_too() {
    if !in_namespace("an_older_chromium_database_wins_and_is_written_too") {
        return;
    }
    let home = Home::new();
    let (old, new) = (home.home().join(".pki/nssdb"), home.home().join(".local/share/pki/nssdb"));
    ok("install", ["-d", "-m", "0700", old.to_str().unwrap()]);
    ok("certutil", ["-N", "-d", &format!("sql:{}", old.display()), "--empty-password"]);
    home.ok(["install", "--store", "nss"]);
    for database in [&old, &new] {
        assert!(nicknames(database).contains("devca-"), "{}", database.display());
        assert_eq!(
            std::os::unix::fs::PermissionsExt::mode(&fs::metadata(database).unwrap().permissions()) & 0o777,
            0o700
        );
    }
    home.ok(["issue", "localhost"]);
    let server = Server::page(&home.file("localhost.pem"), &home.file("localhost-key.pem"));
    let said = words(&chromium(&home, &format!("https://localhost:{}/", server.port)));
    assert!(said.contains(PAGE), "{said}");
}

#[test]
fn a_dry_run_changes_nothing() {
    if !in_namespace("a_dry_run_changes_nothing") {
        return;
    }
    let home = Home::with_nss_tool(NssTool::Certutil);
    let before = home.everything();
    let shown = home.ok(["install", "--dry-run"]);
    for part in [
        "would be created",
        "root-key.pem",
        "/usr/sbin/update-ca-certificates",
        "devca-FINGERPRINT.crt",
        "certutil -A -d sql:",
    ] {
        assert!(shown.contains(part), "{part:?} is not in {shown}");
    }
    assert_eq!(home.everything(), before);
    home.ok(["install"]);
    let before = (home.everything(), fs::read("/etc/ssl/certs/ca-certificates.crt").unwrap());
    home.ok(["uninstall", "--dry-run"]);
    home.ok(["uninstall", "--dry-run", "--purge"]);
    let after = (home.everything(), fs::read("/etc/ssl/certs/ca-certificates.crt").unwrap());
    assert!(after == before, "a dry run has changed something");
}

#[test]
fn the_stores_can_be_chosen() {
    let home = Home::new();
    let kinds = |command: &mut Command| {
        let output = command.output().unwrap();
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let stores = document["stores"].as_array().unwrap().clone();
        let mut kinds: Vec<String> =
            stores.iter().map(|store| store["store"].as_str().unwrap().to_owned()).collect();
        kinds.dedup();
        kinds
    };
    assert_eq!(kinds(&mut home.devca(["status", "--json", "--store", "system"])), ["system"]);
    assert_eq!(
        kinds(home.devca(["status", "--json"]).env("DEVCA_STORES", "java,system")),
        ["system", "java"]
    );
    let output = home.devca(["install", "--store", "sistem"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(words(&output).contains("the kinds are system, nss, java, wsl"), "{}", words(&output));
    assert!(home.everything().is_empty());
}
