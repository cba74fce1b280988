//! After issuing: list, inspect, renew, and ten thousand certificates at once.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "inventory/batch.rs"]
mod batch;
mod common;
#[path = "inventory/timer.rs"]
mod timer;

use std::fs;
use std::io::Write;
use std::process::Stdio;

use common::refusals::refused;
use common::{Home, Server, ok, tool, words};

fn states(home: &Home) -> Vec<(String, String)> {
    let list = home.json(["list"]);
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let certificates = list["certificates"].as_array().unwrap().iter();
    certificates.map(|c| (text(&c["names"][0]), text(&c["state"]))).collect()
}

#[test]
fn the_list_tells_what_has_become_of_each() {
    let home = Home::new();
    for name in ["good", "missing", "replaced", "revoked"] {
        home.ok(["issue", &format!("{name}.test")]);
    }
    home.ok(["issue", "expired.test", "--not-after", "2026-01-31"]);
    // It begins an hour ago, so this is the last third of its lifetime.
    let end = time::OffsetDateTime::now_utc() + time::Duration::minutes(20);
    let end = end.format(&time::format_description::well_known::Rfc3339).unwrap();
    home.ok(["issue", "expiring.test", "--not-after", &end]);
    home.ok(["issue", "short.test", "--days", "10"]);
    fs::remove_file(home.file("missing.test-key.pem")).unwrap();
    fs::copy(home.file("good.test.pem"), home.file("replaced.test.pem")).unwrap();
    home.ok(["revoke", "revoked.test.pem"]);
    // A line that a crash cut off and one of a future version are skipped.
    let inventory = home.ca().join("issued.jsonl");
    let mut file = fs::OpenOptions::new().append(true).open(&inventory).unwrap();
    file.write_all(b"{\"v\":2,\"new\":true}\n{\"v\":1,\"iss").unwrap();
    let expected = ["good", "missing", "replaced", "revoked", "expired", "expiring"];
    let expected = expected.iter().map(|n| (format!("{n}.test"), (*n).to_owned()));
    let expected: Vec<_> = expected.chain([("short.test".into(), "good".into())]).collect();
    assert_eq!(states(&home), expected);
    let soon = home.json(["list", "--expiring", "30d"]);
    assert_eq!(soon["certificates"].as_array().unwrap().len(), 3);
    let check = home.devca(["check", "--expiring", "14d"]).output().unwrap();
    assert_eq!(check.status.code(), Some(1), "{}", words(&check));
    assert!(words(&check).contains("expiring.test.pem expires within a day"), "{}", words(&check));
    home.ok(["list", "--prune"]);
    assert_eq!(states(&home).len(), 5, "what is missing or replaced is forgotten");
    assert!(states(&home).iter().any(|(_, state)| state == "revoked"), "and no revocation");
}

#[test]
fn everything_is_read_aloud() {
    let home = Home::new();
    fs::write(home.file("password"), "correct horse\n").unwrap();
    home.ok(["issue", "localhost", "--format", "pem,der,p12", "--password-file", "password"]);
    let of = |words: &[&str]| home.json([&["inspect"], words].concat());
    for file in ["localhost.pem", "localhost.der"] {
        assert_eq!(of(&[file])["certificates"][0]["names"][0], "localhost", "{file}");
    }
    let p12 = of(&["localhost.p12", "--password-file", "password"]);
    assert_eq!((&p12["certificates"][0]["names"][0], &p12["private_keys"]), (&"localhost".into(), &1.into()));
    let serial = of(&["localhost.pem"])["certificates"][0]["serial"].as_str().unwrap().to_owned();
    assert_eq!(of(&[&serial])["certificates"][0]["names"][0], "localhost");
    let csr = home.file("csr.pem").display().to_string();
    let request =
        ["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout"];
    ok("openssl", request.into_iter().chain(["/dev/null", "-subj", "/CN=a.test", "-out", &csr]));
    assert_eq!(of(&["csr.pem"])["requests"][0]["signature_is_good"], true);
    let server = Server::start(&home.file("localhost.pem"), &home.file("localhost-key.pem"));
    let seen = of(&[&format!("localhost:{}", server.port)]);
    assert_eq!(seen["certificates"][0]["serial"], serial.as_str());
    // A line break in a name must not start a line that looks like devca's.
    let csr = home.file("broken.pem").display().to_string();
    let words_ = [
        "req",
        "-new",
        "-newkey",
        "ed25519",
        "-nodes",
        "-keyout",
        "/dev/null",
        "-subj",
        "/CN=a\nserial 00",
        "-out",
    ];
    ok("openssl", words_.into_iter().chain([csr.as_str()]));
    let said = home.ok(["inspect", "broken.pem"]);
    assert!(!said.lines().any(|line| line.starts_with("serial 00")), "{said}");
    fs::write(home.file("wrong"), "wrong\n").unwrap();
    fs::write(home.file("garbage"), [0x30; 500]).unwrap();
    for words_ in
        [&["localhost.p12", "--password-file", "wrong"][..], &["garbage"], &["nothing"], &["password"]]
    {
        let output = home.devca([&["inspect"], words_].concat()).output().unwrap();
        let said = words(&output);
        assert!(output.status.code() == Some(1) && said.contains("devca: hint: "), "{words_:?}: {said}");
    }
}

#[test]
fn what_is_renewed_stays_what_it_is() {
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
fn what_cannot_be_renewed_is_said() {
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
fn what_is_renewed_keeps_its_rights() {
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
fn no_reader_sees_a_certificate_with_anothers_key() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    // Reads the pair like a server, again and again, until told to stop. Counts the reads, and fails if the
    // pair does not match.
    let script = "import ssl, sys, os\nread = 0\nwhile not os.path.exists('end'):\n  try:\n    \
                  ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain('localhost.pem', 'localhost-key.pem')\n    read += 1\n  \
                  except FileNotFoundError: pass\nprint('read', read)\n";
    let mut reader = home.command(&tool("python3"), ["-c", script]);
    let reader = reader.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // The key stays the same. (If it changed while a reader is between the two files, a mismatch would be
    // unavoidable.)
    for _ in 0..150 {
        home.ok(["renew", "--all"]);
    }
    fs::write(home.file("end"), "").unwrap();
    let output = reader.wait_with_output().unwrap();
    assert!(output.status.success() && words(&output).starts_with("read "), "{}", words(&output));
}

#[test]
fn the_folder_of_a_ca_is_for_its_own_files() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    let key = fs::read(home.ca().join("root-key.pem")).unwrap();
    let folder = home.ca().display().to_string();
    fs::write(home.file("names"), "a.test file=root\n").unwrap();
    let mut places = vec![folder.clone(), format!("{folder}/below")];
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(&folder, home.file("link")).unwrap();
        places.push("link".into());
    }
    for place in &places {
        for words in
            [&["issue", "--batch", "names"][..], &["issue", "a.test"], &["--ca", "two", "issue", "a.test"]]
        {
            refused(&home, [words, &["--force", "--out", place]].concat(), 2, "is a CA's folder");
        }
    }
    assert_eq!(fs::read(home.ca().join("root-key.pem")).unwrap(), key);
    assert!(!home.ca().join("below").exists());
}

#[test]
fn what_a_later_version_has_written_stays() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    let inventory = home.ca().join("issued.jsonl");
    let later = "{\"v\":2,\"weather\":\"fine\"}\n";
    fs::write(&inventory, format!("{later}{}", fs::read_to_string(&inventory).unwrap())).unwrap();
    home.ok(["list", "--prune"]);
    assert!(fs::read_to_string(&inventory).unwrap().ends_with(&format!("}}\n{later}")));
}

#[test]
fn a_key_that_lies_in_an_encrypted_file_alone_is_kept() {
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

/// As left by a `rotate` that was interrupted or could not write to a folder.
#[test]
fn what_an_earlier_root_has_issued_is_pointed_out() {
    let home = Home::new();
    home.ok(["issue", "app.test", "--format", "p12"]);
    home.ok(["issue", "other.test"]);
    assert!(home.json(["list"])["certificates"].as_array().unwrap().iter().all(|c| c["state"] == "good"));
    // The inventory has whole seconds.
    let issued = std::time::Instant::now();
    while issued.elapsed() < std::time::Duration::from_secs(1) {
        std::thread::yield_now();
    }
    let rotated = home.devca(["rotate", "--store", "wsl"]).output().unwrap();
    assert!(words(&rotated).contains("is encrypted"), "{}", words(&rotated));
    assert_eq!(states(&home).iter().filter(|(_, state)| state == "old-root").count(), 1);
    let status = home.devca(["status", "--store", "wsl"]).output().unwrap();
    assert!(words(&status).contains("issued by or includes an earlier root"), "{}", words(&status));
    let check = home.devca(["check", "--expiring", "1d"]).output().unwrap();
    assert!(
        check.status.code() == Some(1) && words(&check).contains("by an earlier root"),
        "{}",
        words(&check)
    );
}

#[test]
fn an_unreadable_inventory_is_not_an_empty_one() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    let path = home.ca().join("issued.jsonl");
    let good = fs::read(&path).unwrap();
    // What a crash cut off or a later version wrote does not count as damage.
    for harmless in [&b"{\"v\":1,\"iss"[..], b"{\"v\":2,\"new\":true}\n", b"\n"] {
        fs::write(&path, [&good, harmless].concat()).unwrap();
        home.ok(["list"]);
    }
    for damage in [&b"\xff\xfe\n"[..], b"garbage\n", b"{\"v\":1}\n", &[7; 50]] {
        fs::write(&path, [&good, damage].concat()).unwrap();
        for command in
            [&["list"][..], &["renew"], &["check", "--expiring", "30d"], &["status", "--store", "wsl"]]
        {
            let said = home.fails(command);
            assert!(said.contains("cannot be read"), "{command:?}: {said}");
        }
    }
    home.ok(["list", "--prune"]);
    assert_eq!(states(&home).len(), 1);
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

#[test]
fn replacing_a_pair_is_said() {
    let home = Home::new();
    assert!(!home.ok(["issue", "localhost"]).contains("replaced"));
    assert!(home.ok(["issue", "localhost"]).contains("replaced the files that existed, with a new key"));
    assert_eq!(home.json(["issue", "localhost"])["replaced"], true);
}

#[test]
fn a_client_below_an_intermediate_has_its_own_name_as_well() {
    let home = Home::new();
    home.ok(["--ca", "sealed", "install", "--sealed", "--store", "wsl"]);
    home.ok(["--ca", "sealed", "issue", "--client", "zoe"]);
    let names = home.json(["inspect", "zoe-client.pem"])["certificates"][0]["names"].clone();
    let names: Vec<&str> = names.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert!(
        names.contains(&"devca:client:zoe") && names.iter().any(|name| name.starts_with("client.")),
        "{names:?}"
    );
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
