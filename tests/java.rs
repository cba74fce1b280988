//! Java's key stores, which devca reads itself: compares the results with keytool and java.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use common::clients::CLIENTS;
use common::{Home, Server, in_namespace, ok, strangers_root, words};
use devca_platform::keystore;
use serde_json::Value;

const SHARED: &str = "/etc/ssl/certs/java/cacerts";
const SETTINGS: &str = "/etc/default/cacerts";

/// Returns the line of the key store shared by the system's JDKs.
fn shared(document: &Value) -> &Value {
    let mut stores = document["stores"].as_array().unwrap().iter();
    stores
        .find(|store| store["place"].as_str().unwrap().starts_with(SHARED))
        .unwrap_or_else(|| panic!("{document:#}"))
}

/// Whether the shared store contains this home's root according to `status`; it may contain another home's.
fn holds(status: &Value) -> bool {
    shared(status)["state"] == "trusted"
}

/// Returns the exit code and the document of devca.
fn document(home: &Home, arguments: &[&str]) -> (i32, Value) {
    let output = home.devca(arguments.iter().chain(&["--json"])).output().unwrap();
    let document = serde_json::from_slice(&output.stdout);
    (output.status.code().unwrap(), document.unwrap_or_else(|e| panic!("{e}: {}", words(&output))))
}

fn switch_updates(on: bool) {
    let settings = fs::read_to_string(SETTINGS).unwrap();
    let (from, to) = if on { ("no", "yes") } else { ("yes", "no") };
    let (from, to) = (format!("cacerts_updates={from}"), format!("cacerts_updates={to}"));
    assert!(settings.contains(&from), "{settings}");
    fs::write(SETTINGS, settings.replace(&from, &to)).unwrap();
}

#[test]
fn the_shared_key_store_is_read_and_not_assumed() {
    if !in_namespace("the_shared_key_store_is_read_and_not_assumed") {
        return;
    }
    let java = CLIENTS.iter().find(|client| client.name == "Java").unwrap();
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    let server = Server::start(&home.file("localhost.pem"), &home.file("localhost-key.pem"));
    let kinds = ["--store", "system,java"];
    let run = |command: &str| document(&home, &[&[command], &kinds[..]].concat());

    // Configure Debian's package not to update it.
    switch_updates(false);
    let (code, installed) = run("install");
    let line = shared(&installed);
    assert_eq!((code, line["state"].as_str()), (1, Some("failed")), "{installed:#}");
    assert!(line["hint"].as_str().unwrap().contains("cacerts_updates=yes"), "{line:#}");
    java.refuses(None, server.port, "localhost", java.unknown_root);
    let (code, status) = run("status");
    assert_eq!(code, 1, "{status:#}");
    assert!(!holds(&status), "{status:#}");

    // After that was undone, a second install completes.
    switch_updates(true);
    let (code, installed) = run("install");
    assert_eq!((code, shared(&installed)["state"].as_str()), (0, Some("done")), "{installed:#}");
    java.accepts(None, server.port, "localhost");
    let (code, status) = run("status");
    assert_eq!(code, 0, "{status:#}");
    assert!(holds(&status), "{status:#}");

    // Remove the root from this store only.
    let root = fs::read(home.root()).unwrap();
    let root = devca_platform::bundle::certificates(&root).remove(0);
    let entries = keystore::trusted(&fs::read(SHARED).unwrap()).unwrap();
    let alias = entries.into_iter().find(|entry| entry.der == root).unwrap().alias;
    ok("keytool", ["-delete", "-keystore", SHARED, "-storepass", "changeit", "-alias", &alias]);
    java.refuses(None, server.port, "localhost", java.unknown_root);
    assert!(!holds(&run("status").1));
    assert_eq!(shared(&run("install").1)["state"], "done");
    java.accepts(None, server.port, "localhost");

    // It follows the system store and cannot be changed separately.
    let (code, alone) = document(&home, &["uninstall", "--store", "java"]);
    assert_eq!((code, shared(&alone)["state"].as_str()), (0, Some("skipped")), "{alone:#}");
    assert_eq!(shared(&alone)["message"], "it follows the system store, which still has the root");
    java.accepts(None, server.port, "localhost");

    // What the system store loses, it loses as well.
    let (code, removed) = run("uninstall");
    assert_eq!((code, shared(&removed)["state"].as_str()), (0, Some("done")), "{removed:#}");
    java.refuses(None, server.port, "localhost", java.unknown_root);
    let (code, again) = run("uninstall");
    assert_eq!((code, shared(&again)["state"].as_str()), (0, Some("already-done")), "{again:#}");
    run("install");
    java.accepts(None, server.port, "localhost");

    // The hook does not remove it together with the root.
    switch_updates(false);
    let (code, removed) = run("uninstall");
    assert_eq!((code, shared(&removed)["state"].as_str()), (1, Some("failed")), "{removed:#}");
    java.accepts(None, server.port, "localhost");
    switch_updates(true);
    let (code, removed) = run("uninstall");
    assert_eq!((code, shared(&removed)["state"].as_str()), (0, Some("done")), "{removed:#}");
    java.refuses(None, server.port, "localhost", java.unknown_root);
}

/// Creates a Java installation of the user whose keytool records that it was called.
fn own_java(home: &Home) -> PathBuf {
    let java = home.home().join(".jdks/own");
    fs::create_dir_all(java.parent().unwrap()).unwrap();
    ok("jlink", ["--add-modules", "java.base", "--output", java.to_str().unwrap()]);
    let keytool = java.join("bin/keytool");
    fs::rename(&keytool, java.join("bin/real")).unwrap();
    let script = "#!/bin/sh\necho \"$@\" >>\"${0%/*}/calls\"\nexec \"${0%/*}/real\" \"$@\"\n";
    fs::write(&keytool, script).unwrap();
    fs::set_permissions(&keytool, Permissions::from_mode(0o755)).unwrap();
    java
}

/// Every format of key store that JDKs have shipped with.
const KINDS: [(&str, &[&str]); 5] = [
    ("JKS", &["-deststoretype", "jks"]),
    (
        "PKCS#12 without password, as since JDK 18",
        &[
            "-J-Dkeystore.pkcs12.certProtectionAlgorithm=NONE",
            "-J-Dkeystore.pkcs12.macAlgorithm=NONE",
            "-deststoretype",
            "pkcs12",
        ],
    ),
    ("PKCS#12 with password", &["-deststoretype", "pkcs12"]),
    (
        "PKCS#12 of 10,000 rounds",
        &["-J-Dkeystore.pkcs12.macIterationCount=10000", "-deststoretype", "pkcs12"],
    ),
    ("PKCS#12 as of JDK 8", &["-J-Dkeystore.pkcs12.legacy", "-deststoretype", "pkcs12"]),
];

/// Returns the SHA-256 of the certificates that keytool trusts.
fn listed(cacerts: &Path) -> BTreeSet<String> {
    let said =
        ok("keytool", ["-list", "-v", "-keystore", cacerts.to_str().unwrap(), "-storepass", "changeit"]);
    said.lines().filter_map(|line| line.trim().strip_prefix("SHA256: ")).map(ToOwned::to_owned).collect()
}

fn fingerprint(der: &[u8], scratch: &Path) -> String {
    fs::write(scratch, der).unwrap();
    let path = scratch.to_str().unwrap();
    let said = ok("openssl", ["x509", "-inform", "DER", "-in", path, "-noout", "-sha256", "-fingerprint"]);
    said.trim().rsplit_once('=').unwrap().1.to_owned()
}

#[test]
fn key_stores_of_every_kind_are_read_as_keytool_reads_them() {
    if !in_namespace("key_stores_of_every_kind_are_read_as_keytool_reads_them") {
        return;
    }
    let home = Home::new();
    let java = own_java(&home);
    let (cacerts, calls) = (java.join("lib/security/cacerts"), java.join("bin/calls"));
    home.ok(["issue", "localhost"]);
    // The roots of two other CAs.
    let source = home.file("source.jks");
    let path = source.to_str().unwrap();
    let common = ["-keystore", path, "-storetype", "jks", "-storepass", "changeit"];
    for name in ["one", "two"] {
        let root = home.file(&format!("{name}.pem"));
        strangers_root(&root);
        let words = ["-importcert", "-noprompt", "-alias", name, "-file", root.to_str().unwrap()];
        ok("keytool", words.iter().chain(&common));
    }
    for (kind, words) in KINDS {
        let _ = fs::remove_file(&cacerts);
        let source = ["-importkeystore", "-noprompt", "-srckeystore", path, "-srcstorepass", "changeit"];
        let destination = ["-destkeystore", cacerts.to_str().unwrap(), "-deststorepass", "changeit"];
        ok("keytool", source.iter().chain(&destination).chain(words));
        let read = || {
            let entries =
                keystore::trusted(&fs::read(&cacerts).unwrap()).unwrap_or_else(|e| panic!("{kind}: {e}"));
            entries.iter().map(|entry| fingerprint(&entry.der, &home.file("der"))).collect::<BTreeSet<_>>()
        };
        assert_eq!((read().len(), read()), (2, listed(&cacerts)), "{kind}");

        // Install and uninstall: keytool changes the store, but is not used to read it.
        let place = cacerts.canonicalize().unwrap();
        let own = |command: &str, key: &str| {
            let (_, document) = document(&home, &[command, "--store", "java"]);
            let mut stores = document["stores"].as_array().unwrap().iter();
            let store = stores.find(|store| place.to_str() == store["place"].as_str());
            store.unwrap_or_else(|| panic!("{kind}: {document:#}"))[key].as_str().unwrap().to_owned()
        };
        assert_eq!(own("status", "state"), "not-trusted", "{kind}");
        assert_eq!(own("install", "state"), "done", "{kind}");
        assert_eq!(own("install", "state"), "already-done", "{kind}");
        assert_eq!(own("status", "state"), "trusted", "{kind}");
        assert_eq!((read().len(), read()), (3, listed(&cacerts)), "{kind}");
        assert_eq!(own("uninstall", "state"), "done", "{kind}");
        assert_eq!((read().len(), read()), (2, listed(&cacerts)), "{kind}");
        let said = fs::read_to_string(&calls).unwrap();
        fs::remove_file(&calls).unwrap();
        assert_eq!(said.lines().count(), 2, "{kind}: {said}");
        assert!(
            said.contains("-importcert") && said.contains("-delete") && !said.contains("-list"),
            "{said}"
        );
    }
}

#[test]
fn keys_in_a_key_store_are_not_trusted() {
    let home = Home::new();
    for kind in ["jks", "pkcs12"] {
        let path = home.file(kind);
        let words = ["-genkeypair", "-alias", "key", "-keyalg", "EC", "-dname", "CN=key", "-storetype", kind];
        let common = ["-keystore", path.to_str().unwrap(), "-storepass", "changeit", "-keypass", "changeit"];
        ok("keytool", words.iter().chain(&common));
        assert_eq!(keystore::trusted(&fs::read(&path).unwrap()), Ok(vec![]), "{kind}");
    }
}
