//! After `devca install`, every program on this machine trusts the certificate; after `uninstall`, none does.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

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

/// NSS returns all certificates with the same subject, whichever one was requested.
#[test]
fn a_root_of_the_same_name_is_told_apart() {
    let home = Home::new();
    let database = chromium_database(&home);
    home.ok(["install", "--store", "nss"]);
    let elsewhere = |words: &[&str]| {
        let output = home.devca(words).env("DEVCA_HOME", home.file("elsewhere")).output().unwrap();
        assert!(output.status.success(), "{}", common::words(&output));
        common::words(&output)
    };
    elsewhere(&["install", "--store", "nss"]);
    let labels = || -> Vec<String> {
        let listed = nicknames(&database);
        let labels = listed.lines().filter(|line| line.starts_with("devca-"));
        labels.map(|line| line.split(' ').next().unwrap().to_owned()).collect()
    };
    let [first, second] = labels().try_into().unwrap();
    // devca's own root is replaced, and the other one stays.
    home.ok(["permit", "corp.example.dev", "--store", "nss"]);
    let [left, new] = labels().try_into().unwrap();
    assert!([&first, &second].contains(&&left) && ![&first, &second].contains(&&new), "{left} {new}");
    let status = home.json(["status", "--store", "nss"]);
    let others: Vec<_> =
        status["stores"].as_array().unwrap().iter().filter_map(|s| s["others"].as_array()).collect();
    assert_eq!(others.iter().map(|list| list.len()).sum::<usize>(), 1, "{status:#}");
    // The other home's root stays, and the command that removes it is shown.
    let said = elsewhere(&["uninstall", "--store", "nss"]);
    assert_eq!(labels(), [new], "{said}");
    let command = said.split("to remove it: devca ").nth(1).unwrap().lines().next().unwrap();
    let words: Vec<&str> = command.split(' ').chain(["--store", "nss"]).collect();
    let said = elsewhere(&words);
    assert!(said.contains("removed: devca root alice@"), "{said}");
    assert!(labels().is_empty());
    let again = home.devca(&words).output().unwrap();
    assert!(common::words(&again).contains("no store here trusts"), "{}", common::words(&again));
    assert_eq!(again.status.code(), Some(1));
}

#[test]
fn one_store_that_fails_leaves_the_others_done() {
    if !in_namespace("one_store_that_fails_leaves_the_others_done") {
        return;
    }
    let home = Home::with_nss_tool(NssTool::Certutil);
    let profile = firefox_profile(&home);
    // A running Firefox is writing, so its database is locked.
    let lock = "import sqlite3, sys\nc = sqlite3.connect(sys.argv[1], isolation_level=None)\nc.execute('BEGIN EXCLUSIVE')\nprint('locked', flush=True)\nsys.stdin.read()\n";
    let mut locker = Command::new(tool("python3"))
        .args(["-c", lock])
        .arg(profile.join("cert9.db"))
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(locker.stdout.take().unwrap()), &mut line)
        .unwrap();
    assert_eq!(line, "locked\n");

    let output = home.devca(["install", "--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", words(&output));
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    for store in document["stores"].as_array().unwrap() {
        if store["place"].as_str().unwrap().starts_with("Firefox") {
            assert_eq!(store["state"], "failed");
            assert!(
                store["message"].as_str().unwrap().contains("certutil failed") && store["hint"].is_string(),
                "{store}"
            );
        } else {
            let outcome = store["state"].as_str().unwrap();
            assert!(["done", "already-done", "skipped"].contains(&outcome), "{store}");
        }
    }
    // After the cause was removed, a second install completes.
    drop(locker.stdin.take());
    locker.wait().unwrap();
    let again = home.json(["install"]);
    assert!(again["stores"].as_array().unwrap().iter().any(|store| store["state"] == "done"), "{again:#}");
    assert!(home.devca(["status"]).output().unwrap().status.success());
}

#[test]
fn a_certutil_that_fails_or_is_missing_is_a_line_of_its_own() {
    if !in_namespace("a_certutil_that_fails_or_is_missing_is_a_line_of_its_own") {
        return;
    }
    let home = Home::with_nss_tool(NssTool::Certutil);
    let install = || {
        let output = home.devca(["install", "--json"]).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", words(&output));
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let stores = document["stores"].as_array().unwrap().clone();
        assert!(
            stores.iter().any(|store| store["store"] == "system" && store["state"] != "failed"),
            "{document:#}"
        );
        stores.into_iter().find(|store| store["store"] == "nss" && store["state"] == "failed").unwrap()
    };
    let broken = home.file("certutil");
    fs::write(&broken, "#!/bin/sh\necho 'certutil: out of order' >&2\nexit 1\n").unwrap();
    ok("chmod", ["755", broken.to_str().unwrap()]);
    let certutil = tool("certutil");
    ok("mount", ["--bind", broken.to_str().unwrap(), certutil.to_str().unwrap()]);
    let line = install();
    assert!(line["message"].as_str().unwrap().contains("out of order"), "{line}");
    // A file that is not executable counts as missing.
    ok("chmod", ["644", broken.to_str().unwrap()]);
    let line = install();
    assert!(line["hint"].as_str().unwrap().contains("apt-get install -y libnss3-tools"), "{line}");
    ok("umount", [certutil.to_str().unwrap()]);
    home.ok(["install"]);
}

#[test]
fn javas_that_cannot_be_changed_do_not_stop_anything() {
    if !in_namespace("javas_that_cannot_be_changed_do_not_stop_anything") {
        return;
    }
    let home = Home::new();
    let jdk = own_jdk(&home);
    fs::write(jdk.join("lib/security/cacerts"), "nonsense").unwrap();
    let mut command = home.devca(["install", "--store", "system,java", "--json"]);
    let output = command.env("JAVA_HOME", home.file("nothing")).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", words(&output));
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let outcome = |part: &str| {
        let store = document["stores"]
            .as_array()
            .unwrap()
            .iter()
            .find(|s| s["place"].as_str().unwrap().contains(part));
        store.unwrap_or_else(|| panic!("{part}: {document:#}"))["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(outcome(".jdks/own"), "failed");
    assert_eq!(outcome("nothing"), "skipped", "a JAVA_HOME without cacerts");
    assert_eq!(outcome("ca-certificates"), "done");
    // Such a JAVA_HOME does not prevent issuing either.
    home.ok(["issue", "localhost"]);
}

#[test]
fn earlier_roots_are_removed_and_other_cas_are_not() {
    if !in_namespace("earlier_roots_are_removed_and_other_cas_are_not") {
        return;
    }
    let home = Home::new();
    // The machine may already have devca roots.
    let before = anchors();
    let own = || -> Vec<PathBuf> { anchors().into_iter().filter(|file| !before.contains(file)).collect() };
    let stores = ["--store", "system,nss"];
    home.ok(["install", stores[0], stores[1]]);
    home.ok(["--ca", "other", "install", stores[0], stores[1]]);
    let [first, second] = own().try_into().unwrap();
    // A root that `rotate` replaced is removed and reported, even from a store that `rotate` skipped.
    home.ok(["rotate", "--store", "nss"]);
    let shown = home.json(["uninstall", stores[0], stores[1], "--dry-run"]);
    assert_eq!(shown["stores"][0]["state"], "planned", "{shown:#}");
    let installed = home.json(["install", stores[0], stores[1]]);
    assert_eq!(installed["stores"][0]["removed"].as_array().unwrap().len(), 1, "{installed:#}");
    let other = if first.exists() { &first } else { &second };
    assert!(own().len() == 2 && own().contains(other), "{:?}", own());
    let said = home.ok(["uninstall", stores[0], stores[1]]);
    assert_eq!(own(), std::slice::from_ref(other), "the other CA's root stays");
    let of_home = format!("devca root alice@{}", ok("hostname", [] as [&str; 0]).trim());
    assert!(!said.contains(&format!("{of_home} other is of another")), "this home's own are known: {said}");
    assert!(home.devca(["--ca", "other", "status", stores[0], stores[1]]).output().unwrap().status.success());
    home.ok(["--ca", "other", "uninstall", "--purge"]);
    assert!(own().is_empty());
}

/// If the folder was lost without an uninstall, the root can only be recognized by its name, which other
/// roots may have too.
#[test]
fn a_lost_folders_root_is_listed_and_removed_by_its_fingerprint() {
    if !in_namespace("a_lost_folders_root_is_listed_and_removed_by_its_fingerprint") {
        return;
    }
    let home = Home::new();
    let before = anchors();
    let lost = home.json(["install", "--store", "system"])["sha256"].as_str().unwrap().to_owned();
    fs::remove_dir_all(home.ca()).unwrap();
    // Even without a root, uninstall lists what is in the stores.
    let said = home.fails(["uninstall", "--store", "system"]);
    assert!(said.contains(&format!("devca uninstall --sha256 {lost}")), "{said}");
    home.ok(["issue", "localhost"]);
    let status = home.devca(["status", "--store", "system", "--json"]).output().unwrap();
    let status: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(status["stores"][0]["state"], "other-root", "{status:#}");
    assert!(status["stores"][0]["others"].as_array().unwrap().iter().any(|root| root["sha256"] == lost));
    let said = home.ok(["uninstall", "--store", "system"]);
    assert!(said.contains(&format!("devca uninstall --sha256 {lost}")), "{said}");
    assert_eq!(anchors().len(), before.len() + 1, "it is not removed unasked");
    home.ok(["uninstall", "--store", "system", "--sha256", &lost]);
    assert_eq!(anchors(), before);
}

/// Returns the files that devca and mkcert created in the system's folder.
fn anchors() -> Vec<PathBuf> {
    let entries = fs::read_dir("/usr/local/share/ca-certificates").unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
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
