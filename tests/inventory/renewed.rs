//! What `devca renew` keeps and refuses.

use super::*;

#[test]
fn renewed_certificates_keep_their_properties() {
    let home = Home::new();
    home.ok(["issue", "app.test", "10.0.0.1", "--days", "20", "--format", "pem,fullchain"]);
    home.ok(["issue", "--client", "alice", "--days", "300"]);
    let read = |name: &str| fs::read(home.file(name)).unwrap();
    let names = ["app.test+1.pem", "app.test+1-key.pem", "alice-client.pem"];
    let before = names.map(read);
    let renewed = home.json(["renew", "--within", "30d", "--exec", "echo again >> hooks; echo said"]);
    assert_eq!(renewed["reissued"].as_array().unwrap().len(), 1, "only what ends within 30 days: {renewed}");
    let after = names.map(read);
    assert!(before[0] != after[0] && before[1] == after[1] && before[2] == after[2]);
    let text = ok(
        "openssl",
        ["x509", "-in", home.file(names[0]).to_str().unwrap(), "-noout", "-ext", "subjectAltName"],
    );
    assert!(text.contains("DNS:app.test, IP Address:10.0.0.1"), "{text}");
    home.ok(["renew", "alice-client.pem", "--new-key", "--exec", "echo again >> hooks"]);
    assert_ne!(read("alice-client.pem"), before[2]);
    // Nothing is due any longer, so the hook does not run again.
    home.ok(["renew", "--within", "5d", "--exec", "echo again >> hooks"]);
    assert_eq!(fs::read_to_string(home.file("hooks")).unwrap(), "again\nagain\n");
    // A certificate that is only valid for weeks is not due from its first day.
    assert_eq!(home.json(["renew"])["reissued"].as_array().unwrap().len(), 0);
    let failing = home.devca(["renew", "--all", "--exec", "exit 3", "--json"]).output().unwrap();
    let document: serde_json::Value = serde_json::from_slice(&failing.stdout).unwrap();
    assert!(failing.status.code() == Some(1) && document["hook_failed"].is_string(), "{document:#}");
    assert_eq!(document["reissued"].as_array().unwrap().len(), 2, "{document:#}");
}

#[test]
fn certificates_that_cannot_be_renewed_are_reported() {
    let home = Home::new();
    for name in ["whole.test", "torn.test", "taken.test", "gone.test"] {
        home.ok(["issue", name]);
    }
    for file in ["torn.test-key.pem", "gone.test.pem", "gone.test-key.pem"] {
        fs::remove_file(home.file(file)).unwrap();
    }
    fs::write(home.file("taken.test.pem"), "somebody's").unwrap();
    let torn = fs::read(home.file("torn.test.pem")).unwrap();
    let paths = |list: &serde_json::Value| -> Vec<String> {
        let paths =
            list.as_array().into_iter().flatten().map(|left| left["path"].as_str().unwrap().to_owned());
        paths.map(|path| path.rsplit('/').next().unwrap().to_owned()).collect()
    };
    let outcome = home.json(["rotate", "--store", "wsl"]);
    assert_eq!(outcome["reissued"].as_array().unwrap().len(), 1, "{outcome:#}");
    assert_eq!(paths(&outcome["skipped"]), ["torn.test.pem", "taken.test.pem"], "{outcome:#}");
    // A timer reports what it cannot renew, also with its exit code; other programs' files are skipped.
    let output = home.devca(["--json", "renew", "--all"]).output().unwrap();
    let outcome: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{outcome:#}");
    assert_eq!(outcome["reissued"].as_array().unwrap().len(), 1, "{outcome:#}");
    assert_eq!(paths(&outcome["failed"]), ["torn.test.pem"], "{outcome:#}");
    assert_eq!(paths(&outcome["skipped"]), ["taken.test.pem"], "{outcome:#}");
    let why = outcome["failed"][0]["message"].as_str().unwrap();
    assert!(why.contains("torn.test-key.pem is missing"), "{outcome:#}");
    for (name, why) in
        [("torn.test", "missing"), ("taken.test.pem", "something else"), ("gone.test", "are gone")]
    {
        let said = home.fails(["renew", name, "whole.test"]);
        assert!(said.contains(why) && said.contains("reissue it: devca issue "), "{said}");
    }
    assert_eq!(fs::read(home.file("torn.test.pem")).unwrap(), torn);
    assert_eq!(fs::read_to_string(home.file("taken.test.pem")).unwrap(), "somebody's");
}

/// A key that the server's user can read because of its group must stay readable.
#[cfg(unix)]
#[test]
fn renewed_files_keep_their_permissions() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    let home = Home::new();
    home.ok(["issue", "app.test", "--format", "pem,combined"]);
    let files = ["app.test.pem", "app.test-combined.pem", "app.test-key.pem"].map(|name| home.file(name));
    for file in &files {
        fs::set_permissions(file, PermissionsExt::from_mode(0o640)).unwrap();
        // Only root can give files away.
        if file.metadata().unwrap().uid() == 0 {
            chown(file, Some(1234), Some(5678)).unwrap();
        }
    }
    let rights = || files.each_ref().map(|f| f.metadata().map(|m| (m.mode(), m.uid(), m.gid())).unwrap());
    let before = rights();
    let content = || fs::read(&files[1]).unwrap();
    for words in [&["renew", "--all"][..], &["renew", "--all", "--new-key"], &["rotate", "--store", "wsl"]] {
        let old = content();
        home.ok(words);
        assert!(rights() == before && content() != old, "{words:?}");
    }
}

#[test]
fn a_key_that_is_only_in_an_encrypted_file_is_kept() {
    let home = Home::new();
    fs::write(home.file("password"), "correct horse\n").unwrap();
    fs::write(home.file("other"), "wrong\n").unwrap();
    for format in ["p12", "java", "k8s", "der", "combined"] {
        let name = format!("{format}.test");
        let mut words = vec!["issue", &name, "--format", format];
        if ["p12", "java"].contains(&format) {
            words.extend(["--password-file", "password"]);
        }
        home.ok(words);
    }
    let stores = ["p12.test.p12", "java.test-keystore.p12"].map(|name| home.file(name).display().to_string());
    let key_of = |store: &String| {
        let words = [
            "pkcs12",
            "-in",
            store,
            "-passin",
            "pass:correct horse",
            "-nodes",
            "-nocerts",
            "-out",
            "/dev/stdout",
        ];
        // The text above it names the certificate, which is different.
        ok("openssl", words).split_once("-----BEGIN").unwrap().1.to_owned()
    };
    let keys = || {
        let text = fs::read_to_string(home.ca().join("issued.jsonl")).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let mut keys: Vec<String> =
            lines.map(|line| format!("{} {}", line["names"][0], line["key_sha256"])).collect();
        keys.sort();
        keys.dedup();
        keys
    };
    let before = (stores.each_ref().map(key_of), keys());
    let said = home.devca(["renew", "--all", "--password-file", "other"]).output().unwrap();
    assert!(
        said.status.code() == Some(1) && words(&said).contains("cannot be opened with this password"),
        "{}",
        words(&said)
    );
    assert!(
        words(&said).contains("hint: use its password, or replace its key, too: devca renew"),
        "{}",
        words(&said)
    );
    home.ok(["renew", "--all", "--password-file", "password"]);
    home.ok(["rotate", "--store", "wsl", "--password-file", "password"]);
    assert!((stores.each_ref().map(key_of), keys()) == before, "a key has changed");
    home.ok(["renew", "--all", "--new-key", "--password-file", "password"]);
    assert_eq!(keys().len(), 2 * before.1.len());
}

#[test]
fn a_revoked_certificate_is_not_renewed_and_named_as_revoked() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    home.ok(["revoke", "localhost.pem"]);
    for word in ["localhost.pem", "localhost"] {
        let said = home.fails(["renew", word]);
        assert!(said.contains("is revoked") && said.contains("devca issue localhost --force"), "{said}");
    }
}

/// A trust store has no certificate that expires, only the root.
#[test]
fn a_trust_store_is_out_of_date_only_when_the_root_is_replaced() {
    let home = Home::new();
    fs::write(home.file("password"), "correct horse").unwrap();
    fs::write(home.file("other"), "battery staple").unwrap();
    home.ok(["issue", "app.test", "--format", "java", "--password-file", "password"]);
    home.ok(["issue", "app.test", "--format", "pem,java", "--password-file", "password"]);
    // What the second command replaced is not listed again.
    assert_eq!(states(&home), [("app.test".to_owned(), "good".to_owned())]);
    let issued = words(&home.devca(["issue", "app.test"]).output().unwrap());
    let renewed = words(&home.devca(["renew", "--all", "--password-file", "other"]).output().unwrap());
    for said in [&issued, &renewed] {
        assert!(said.contains("app.test-keystore.p12"), "{said}");
        assert!(said.contains("still contains the previous certificate"), "{said}");
        assert!(
            !said.contains("app.test-truststore.p12: it") && !said.contains("truststore.p12 still"),
            "{said}"
        );
    }
    assert!(renewed.contains("because this password does not open it"), "{renewed}");
    home.ok(["renew", "--all", "--password-file", "password"]);
    home.ok(["issue", "app.test"]);
    let rotated = words(&home.devca(["rotate", "--store", "wsl"]).output().unwrap());
    assert!(
        rotated.contains(
            "app.test-truststore.p12: it still contains the previous root, because its password is unknown"
        ),
        "{rotated}"
    );
    home.ok(["renew", "--password-file", "password"]);
    let root = home.root();
    let listed = ["-list", "-rfc", "-storepass", "correct horse", "-keystore"];
    let store = home.file("app.test-truststore.p12");
    let store = ok("keytool", listed.iter().chain(&[store.to_str().unwrap()]));
    let line = fs::read_to_string(root).unwrap().lines().nth(3).unwrap().to_owned();
    assert!(
        store.contains(line.trim()) || store.replace("\r\n", "").replace('\n', "").contains(line.trim()),
        "{store}"
    );
}
