//! `devca browser`: real browsers send a client certificate that was added, and no longer send one that was
//! removed.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::fs;
use std::io::Write;
use std::path::Path;

use common::browsers::{chromium, chromium_database, firefox, firefox_profile, nicknames};
use common::{Home, PAGE, Server, in_namespace, run, words};

fn clients<'a>(words: &[&'a str]) -> Vec<&'a str> {
    ["--ca", "clients"].iter().chain(words).copied().collect()
}

fn outcomes(document: &serde_json::Value) -> Vec<&str> {
    document["browsers"].as_array().unwrap().iter().map(|line| line["state"].as_str().unwrap()).collect()
}

/// Returns the number of certificates with a key under a name.
fn count(database: &Path, name: &str) -> usize {
    let listed = nicknames(database);
    let lines = listed.lines().filter_map(|line| line.trim_end().strip_suffix("u,u,u"));
    lines.filter(|nickname| nickname.trim_end() == name).count()
}

#[test]
fn browsers_send_what_was_added_and_not_what_was_removed() {
    if !in_namespace("browsers_send_what_was_added_and_not_what_was_removed") {
        return;
    }
    let home = Home::new();
    let databases = [firefox_profile(&home), chromium_database(&home)];
    home.ok(["install", "--store", "nss"]);
    home.ok(["issue", "localhost"]);
    home.ok(clients(&["issue", "--client", "alice"]));
    fs::write(home.file("clients.pem"), home.ok(clients(&["root", "--pem"]))).unwrap();
    let [certificate, key, ca] =
        ["localhost.pem", "localhost-key.pem", "clients.pem"].map(|name| home.file(name));
    let server = Server::mutual(&certificate, &key, &ca);
    let site = format!("https://localhost:{}", server.port);
    let pages = || [words(&firefox(&home, &databases[0], &site)), words(&chromium(&home, &site))];

    let scratch = home.file("scratch");
    fs::create_dir(&scratch).unwrap();
    let add = || {
        let mut command = home.devca(clients(&["browser", "add", "alice", "--json", "--url", &site]));
        let output = command.env("TMPDIR", &scratch).output().unwrap();
        assert!(output.status.success(), "{}", words(&output));
        assert_eq!(fs::read_dir(&scratch).unwrap().count(), 0, "the key is left in a temporary file");
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()
    };
    let added = add();
    assert_eq!(outcomes(&added), ["added", "added"], "{added:#}");
    fs::create_dir_all("/etc/chromium/policies/managed").unwrap();
    let policy = added["settings"]["chromium_policy"].as_str().unwrap();
    fs::write("/etc/chromium/policies/managed/devca.json", policy).unwrap();
    let mut preferences =
        fs::File::options().append(true).create(true).open(databases[0].join("user.js")).unwrap();
    writeln!(preferences, "{}", added["settings"]["firefox_preference"].as_str().unwrap()).unwrap();
    for page in pages() {
        assert!(page.contains(PAGE), "{page}");
    }
    assert_eq!(databases.each_ref().map(|database| count(database, "alice")), [1, 1]);
    assert_eq!(outcomes(&add()), ["already-there", "already-there"]);

    // A renewed certificate replaces the old one.
    let renewed = home.devca(clients(&["renew", "--all"])).output().unwrap();
    let said = words(&renewed);
    assert!(said.contains("still have the previous certificate of alice"), "{said}");
    assert!(said.contains("to replace it: devca --ca clients browser add alice"), "{said}");
    assert_eq!(outcomes(&add()), ["added", "added"]);
    assert!(!words(&home.devca(["renew", "--all"]).output().unwrap()).contains("previous"));
    home.ok(clients(&["renew", "--all", "--new-key"]));
    assert_eq!(outcomes(&add()), ["added", "added"]);
    assert_eq!(databases.each_ref().map(|database| count(database, "alice")), [1, 1]);
    for page in pages() {
        assert!(page.contains(PAGE), "{page}");
    }

    // Another CA's certificate of the same name is not devca's to replace.
    home.ok(["--ca", "others", "issue", "--client", "alice", "--out", "others"]);
    let output = home.devca(["--ca", "others", "browser", "add", "alice"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(words(&output).contains("it has another certificate named alice"), "{}", words(&output));
    assert!(!words(&output).contains("Restart browsers"), "{}", words(&output));
    assert!(words(&output).contains("hint: devca --ca clients browser remove alice"), "{}", words(&output));
    let output = home.devca(["--ca", "others", "browser", "add", "alice", "--json"]).output().unwrap();
    let failed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((outcomes(&failed), failed.get("settings")), (vec!["failed", "failed"], None));
    assert_eq!(
        outcomes(&home.json(["--ca", "others", "browser", "remove", "alice"])),
        ["not-there", "not-there"]
    );

    let revoked = words(&home.devca(clients(&["revoke", "alice-client.pem"])).output().unwrap());
    let hint = "the revoked certificate of alice; to remove it: devca --ca clients browser remove alice";
    assert!(revoked.contains(hint), "{revoked}");
    assert_eq!(outcomes(&home.json(clients(&["browser", "remove", "alice"]))), ["removed", "removed"]);
    for (database, page) in databases.iter().zip(pages()) {
        assert!(!page.contains(PAGE), "{page}");
        assert_eq!(count(database, "alice"), 0);
        let keys = run("certutil", ["-K", "-d", &format!("sql:{}", database.display())]);
        assert!(words(&keys).contains("no keys found"), "{}", words(&keys));
    }

    // Without its CA, nothing could remove it.
    home.ok(clients(&["issue", "--client", "alice"]));
    add();
    let rotated = words(&home.devca(clients(&["rotate", "--store", "wsl"])).output().unwrap());
    assert!(rotated.contains("still have the previous certificate of alice"), "{rotated}");
    let purged = home.json(clients(&["uninstall", "--purge", "--yes"]));
    assert_eq!(outcomes(&purged), ["removed", "removed"], "{purged:#}");
    assert_eq!(databases.each_ref().map(|database| count(database, "alice")), [0, 0]);
}

#[test]
fn the_intermediate_of_a_sealed_ca_is_added_and_removed_with_its_clients() {
    let name = "the_intermediate_of_a_sealed_ca_is_added_and_removed_with_its_clients";
    if !in_namespace(name) {
        return;
    }
    let home = Home::new();
    let databases = [firefox_profile(&home), chromium_database(&home)];
    home.ok(["install", "--store", "nss"]);
    home.ok(["issue", "localhost"]);
    let sealed = words(&home.devca(clients(&["install", "--sealed", "--store", "wsl"])).output().unwrap());
    assert!(sealed.contains("the intermediate's key is not encrypted"), "{sealed}");
    fs::write(home.file("password"), "correct horse\n").unwrap();
    home.ok(clients(&["issue", "--client", "alice", "--format", "p12", "--password-file", "password"]));
    home.ok(clients(&["issue", "--client", "bob"]));
    // Firefox only needs the root in the server's list of CAs; Chromium also needs the intermediate.
    let root = home.ok(clients(&["root", "--pem"]));
    let intermediate = home.home().join(".local/share/devca/clients/intermediate.pem");
    fs::write(home.file("root.pem"), &root).unwrap();
    fs::write(home.file("both.pem"), root + &fs::read_to_string(&intermediate).unwrap()).unwrap();
    let [certificate, key, root, both] =
        ["localhost.pem", "localhost-key.pem", "root.pem", "both.pem"].map(|name| home.file(name));
    let servers = [&root, &both].map(|ca| Server::mutual(&certificate, &key, ca));
    let [plain, site] = servers.each_ref().map(|server| format!("https://localhost:{}", server.port));
    let pages = || [words(&firefox(&home, &databases[0], &plain)), words(&chromium(&home, &site))];
    let intermediates = || {
        databases.each_ref().map(|database| {
            let listed = nicknames(database);
            listed.lines().filter(|line| line.contains("intermediate")).count()
        })
    };

    let add = clients(&["browser", "add", "alice", "--url", &site]);
    let said = home.fails(&add);
    assert!(said.contains("alice-client.p12 is encrypted, and no password was given"), "{said}");
    assert!(said.contains("devca --ca clients browser add alice --password-file FILE"), "{said}");
    fs::write(home.file("wrong"), "battery staple\n").unwrap();
    let said = home.fails([&add[..], &["--password-file", "wrong"]].concat());
    assert!(said.contains("alice-client.p12 cannot be opened") && !said.contains("battery"), "{said}");
    let output = home.typing(&[("hidden", "Password of ", "correct horse")], &add);
    assert!(output.status.success(), "{}", words(&output));
    let added = home.json([&add[..], &["--password-file", "password"]].concat());
    assert_eq!(outcomes(&added), ["already-there", "already-there"], "{added:#}");
    assert_eq!(intermediates(), [1, 1]);
    assert_eq!(added["settings"]["chromium_issuer"], intermediate.to_str().unwrap());
    fs::create_dir_all("/etc/chromium/policies/managed").unwrap();
    let policy = added["settings"]["chromium_policy"].as_str().unwrap();
    fs::write("/etc/chromium/policies/managed/devca.json", policy).unwrap();
    let mut preferences =
        fs::File::options().append(true).create(true).open(databases[0].join("user.js")).unwrap();
    writeln!(preferences, "{}", added["settings"]["firefox_preference"].as_str().unwrap()).unwrap();
    for page in pages() {
        assert!(page.contains(PAGE), "{page}");
    }

    home.ok(clients(&["browser", "add", "bob"]));
    assert_eq!(outcomes(&home.json(clients(&["browser", "remove", "alice"]))), ["removed", "removed"]);
    assert_eq!(intermediates(), [1, 1], "bob's certificate needs it");
    assert_eq!(outcomes(&home.json(clients(&["browser", "remove", "bob"]))), ["removed", "removed"]);
    assert_eq!(intermediates(), [0, 0]);
    for page in pages() {
        assert!(!page.contains(PAGE), "{page}");
    }
    for database in &databases {
        assert!(nicknames(database).contains("C,,"), "the root stays trusted");
    }
}

#[test]
fn a_client_that_cannot_be_added_is_explained() {
    let home = Home::new();
    assert!(home.fails(["browser", "add", "alice"]).contains("no root in "));
    home.ok(["issue", "localhost"]);
    let said = home.fails(["browser", "add", "alice"]);
    assert!(said.contains("devca: hint: issue one: devca issue --client alice"), "{said}");
    let output = home.devca(["browser", "add", "alice", "--url", "http://localhost"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", words(&output));
}
