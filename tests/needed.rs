//! `devca issue --if-needed`, which a dev server can run at each start.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::fs;
use std::process::Stdio;

use common::{Home, ok, strangers_root, tool, words};

const PAIR: [&str; 4] = ["--cert-file", "tls.crt", "--key-file", "tls.key"];

/// Runs it with these names and options; returns whether something was issued.
fn is_issued(home: &Home, arguments: &[&str]) -> bool {
    let before = fs::read(home.file("tls.crt")).ok();
    let document = home.json(["issue", "--if-needed"].iter().chain(&PAIR).chain(arguments));
    let path = |name: &str| fs::canonicalize(document[name].as_str().unwrap()).unwrap();
    assert_eq!(path("certificate"), fs::canonicalize(home.file("tls.crt")).unwrap());
    assert_eq!(path("key"), fs::canonicalize(home.file("tls.key")).unwrap());
    let is_changed = before != fs::read(home.file("tls.crt")).ok();
    assert_eq!(document["reused"].as_bool(), Some(!is_changed), "{document:#}");
    if is_changed {
        // Certificate, key and root match.
        let (root, pair) =
            (home.root(), ["tls.crt", "tls.key"].map(|name| home.file(name).display().to_string()));
        ok("openssl", ["verify", "-CAfile", root.to_str().unwrap(), &pair[0]]);
        let public = ok("openssl", ["x509", "-in", &pair[0], "-noout", "-pubkey"]);
        assert_eq!(public, ok("openssl", ["pkey", "-in", &pair[1], "-pubout"]));
    }
    is_changed
}

#[test]
fn a_valid_pair_stays_and_anything_else_is_issued() {
    let home = Home::new();
    let names = ["localhost", "127.0.0.1"];
    assert!(is_issued(&home, &names), "the first time");
    assert!(!is_issued(&home, &names), "nothing has changed");
    assert!(!is_issued(&home, &["127.0.0.1", "localhost"]), "the order of the names is free");
    let said = home.ok(["issue", "--if-needed"].iter().chain(&PAIR).chain(&names));
    assert!(said.contains("./tls.crt") && said.contains("still valid"), "{said}");
    assert!(is_issued(&home, &["localhost", "127.0.0.1", "::1"]), "another name");
    assert!(!is_issued(&home, &["localhost", "127.0.0.1", "::1"]));
    assert!(is_issued(&home, &names), "a name less");
    assert!(is_issued(&home, &["localhost", "127.0.0.1", "--key-type", "ecdsa-p384"]), "another type of key");
    assert!(is_issued(&home, &names));
    home.ok(["permit", "corp.example.dev", "--store", "wsl"]);
    assert!(!is_issued(&home, &names), "the key that signed it is the same");

    fs::remove_file(home.file("tls.key")).unwrap();
    assert!(is_issued(&home, &names), "the key is missing");
    fs::write(home.file("tls.crt"), fs::read(home.root()).unwrap()).unwrap();
    let output = home.devca(["issue", "--if-needed"].iter().chain(&PAIR).chain(&names)).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "a root is not an issued certificate: {}", words(&output));
    fs::remove_file(home.file("tls.crt")).unwrap();
    assert!(is_issued(&home, &names), "the certificate is missing");
    home.ok(["revoke", "tls.crt"]);
    assert!(is_issued(&home, &names), "it was revoked");
}

#[test]
fn certificates_that_expire_soon_are_renewed() {
    let home = Home::new();
    // The certificate is backdated by an hour, so a third of its validity is 40 minutes, then 25.
    for (minutes, is_due) in [(60, false), (15, true)] {
        let end = time::OffsetDateTime::now_utc() + time::Duration::minutes(minutes);
        let end = end.format(&time::format_description::well_known::Rfc3339).unwrap();
        home.ok(["issue", "localhost", "--force", "--not-after", &end].iter().chain(&PAIR));
        assert_eq!(is_issued(&home, &["localhost"]), is_due, "{minutes} minutes before its end");
    }
    let output = home
        .devca(["issue", "localhost", "--force", "--not-after", "2024-01-01"].iter().chain(&PAIR))
        .output();
    assert!(output.unwrap().status.success());
    assert!(is_issued(&home, &["localhost"]), "it has expired");
    assert!(!is_issued(&home, &["localhost"]));
}

#[test]
fn another_root_means_another_certificate() {
    let home = Home::new();
    assert!(is_issued(&home, &["localhost"]));
    fs::remove_dir_all(home.ca()).unwrap();
    assert!(is_issued(&home, &["localhost"]), "no CA has issued it any more");
    home.ok(["rotate", "--store", "wsl"]);
    assert!(!is_issued(&home, &["localhost"]), "rotate has issued it again");
    let stranger = home.file("tls.crt");
    fs::remove_file(&stranger).unwrap();
    strangers_root(&stranger);
    let before = home.everything();
    let output = home.devca(["issue", "--if-needed", "localhost"].iter().chain(&PAIR)).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(words(&output).contains("tls.crt already exists"), "{}", words(&output));
    assert!(home.everything() == before, "a stranger's file stays, and so does all else");
}

#[test]
fn a_locked_key_is_not_asked_for_and_encrypted_formats_are_known() {
    let home = Home::new();
    let (passphrase, password) = (home.file("passphrase"), home.file("password"));
    fs::write(&passphrase, "correct horse").unwrap();
    fs::write(&password, "battery staple").unwrap();
    let mut install = home.devca(["install", "--passphrase", "--store", "wsl"]);
    assert!(install.env("DEVCA_PASSPHRASE_FILE", &passphrase).output().unwrap().status.success());
    let formats =
        ["issue", "--if-needed", "--client", "alice", "--format", "p12,java", "--password-file", "password"];
    let first = home.devca(formats).env("DEVCA_PASSPHRASE_FILE", &passphrase).output().unwrap();
    assert!(first.status.success(), "{}", words(&first));
    let before = fs::read(home.file("alice-client.p12")).unwrap();
    let second = home.devca(formats).output().unwrap();
    assert!(second.status.success() && words(&second).contains("still valid"), "{}", words(&second));
    assert_eq!(fs::read(home.file("alice-client.p12")).unwrap(), before);
}

#[test]
fn of_several_at_once_one_issues() {
    let home = Home::new();
    let children: Vec<_> = (0..8)
        .map(|_| {
            let mut command = home.devca(["issue", "--if-needed", "localhost", "--json"]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let issued = children.into_iter().map(|child| {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", words(&output));
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        document["reused"] == false
    });
    assert_eq!(issued.filter(|issued| *issued).count(), 1);
    let inventory = fs::read_to_string(home.ca().join("issued.jsonl")).unwrap();
    assert_eq!(inventory.lines().count(), 1);
}

#[test]
fn another_way_to_the_folder_and_an_address_that_was_agreed_to_change_nothing() {
    let home = Home::new();
    fs::create_dir(home.file("real")).unwrap();
    std::os::unix::fs::symlink("real", home.file("link")).unwrap();
    let reused = |folder: &str| {
        let words = ["issue", "--if-needed", "localhost", "--out", folder];
        home.json(words)["reused"].as_bool().unwrap()
    };
    assert_eq!(["real", "real", "link", "link", "real"].map(reused), [false, true, true, true, true]);
    // The files may be links, too, as long as nothing has to be written.
    for name in ["localhost.pem", "localhost-key.pem"] {
        std::os::unix::fs::symlink(home.file("real").join(name), home.file(name)).unwrap();
    }
    assert!(reused("."));
    home.ok(["revoke", "real/localhost.pem"]);
    let said = home.fails(["issue", "--if-needed", "localhost"]);
    assert!(said.contains("already exists and is a symbolic link"), "{said}");
    for name in ["localhost.pem", "localhost-key.pem"] {
        fs::remove_file(home.file(name)).unwrap();
    }
    let words = ["issue", "--if-needed", "8.8.8.8", "localhost"];
    home.fails(words);
    home.ok(words.iter().chain(&["--yes"]));
    // As in a script, where no one can answer a question.
    assert_eq!(home.json(words)["reused"], true);
}

/// `pem` and `fullchain` use the same key file, so replacing one of them alone would break the other.
#[test]
fn formats_may_change_from_run_to_run() {
    let home = Home::new();
    fs::write(home.file("password"), "battery staple").unwrap();
    let issue = |formats: &str| {
        let password = ["--password-file", "password"].into_iter().filter(|_| formats.contains("p12"));
        let words = ["issue", "--if-needed", "localhost", "--format", formats];
        home.json(words.into_iter().chain(password))
    };
    let all = ["pem", "p12", "pem,p12", "fullchain", "pem,fullchain", "combined", "pem,der"];
    for (first, second) in all.iter().flat_map(|first| all.map(|second| (*first, second))) {
        let certificate = issue(first)["sha256"].clone();
        for formats in [second, first, second] {
            let later = issue(formats);
            // The key in the .p12 is needed for other formats, and only for a .p12 is its password given.
            if first != "p12" || second.contains("p12") {
                assert!(
                    later["reused"] == true && later["sha256"] == certificate,
                    "{first}, {second}: {later:#}"
                );
            }
        }
        let again = issue(second);
        assert_eq!(again["reused"], true, "{first}, then {second}: {again:#}");
        for file in ["localhost.pem", "localhost-fullchain.pem"].map(|name| home.file(name)) {
            if file.exists() {
                let public = ok("openssl", ["x509", "-in", file.to_str().unwrap(), "-noout", "-pubkey"]);
                let key = home.file("localhost-key.pem");
                assert_eq!(
                    public,
                    ok("openssl", ["pkey", "-in", key.to_str().unwrap(), "-pubout"]),
                    "{first}, {second}"
                );
            }
        }
        for file in home.listing().iter().filter(|name| name.starts_with("localhost")) {
            fs::remove_file(home.file(file)).unwrap();
        }
    }
}

/// If only the PEM files are replaced, the .p12 is out of date until its password is known.
#[test]
fn an_outdated_file_is_not_good_enough() {
    let home = Home::new();
    fs::write(home.file("password"), "battery staple").unwrap();
    let both = ["issue", "--if-needed", "localhost", "--format", "pem,p12", "--password-file", "password"];
    home.ok(both);
    home.ok(["issue", "localhost"]);
    assert_eq!(home.json(["issue", "--if-needed", "localhost"])["reused"], true);
    let pair = fs::read(home.file("localhost.pem")).unwrap();
    let updated = home.json(both);
    assert_eq!(updated["added"].as_array().unwrap().len(), 1, "{updated:#}");
    let inside = ["pkcs12", "-in", "localhost.p12", "-nokeys", "-clcerts", "-passin", "file:password"];
    let inside = home.command(&tool("openssl"), inside).output().unwrap().stdout;
    assert_eq!(pem_of(&inside), pem_of(&pair));
    let again = home.json(both);
    assert!(again["reused"] == true && again["added"].is_null(), "{again:#}");
}

fn pem_of(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    text[text.find("-----BEGIN CERTIFICATE").unwrap()..].trim().to_owned()
}

/// A pair that a server uses stays as it is if another format is needed beside it.
#[test]
fn another_format_is_added_to_a_valid_pair() {
    let home = Home::new();
    fs::write(home.file("password"), "battery staple").unwrap();
    home.ok(["issue", "localhost"]);
    let pair = || ["localhost.pem", "localhost-key.pem"].map(|name| fs::read(home.file(name)).unwrap());
    let before = pair();
    let said = home.ok([
        "issue",
        "--if-needed",
        "localhost",
        "--format",
        "pem,p12,k8s",
        "--password-file",
        "password",
    ]);
    assert!(said.contains("still valid, added ./localhost.p12, ./localhost-secret.yaml"), "{said}");
    assert!(pair() == before && home.ok(["list"]).lines().count() == 1);
    // All of them are renewed together.
    home.ok(["renew", "--all", "--password-file", "password"]);
    assert!(pair()[0] != before[0]);
}

/// As a full disk or a loss of power leaves files.
#[test]
fn empty_files_of_a_pair_are_replaced_and_those_of_others_are_not() {
    let home = Home::new();
    assert!(is_issued(&home, &["localhost"]));
    for emptied in [&["tls.crt"][..], &["tls.key"], &["tls.crt", "tls.key"]] {
        for name in emptied {
            fs::write(home.file(name), "").unwrap();
        }
        assert!(is_issued(&home, &["localhost"]), "{emptied:?}");
    }
    fs::write(home.file("app.test.pem"), "").unwrap();
    assert!(home.fails(["issue", "--if-needed", "app.test"]).contains("app.test.pem already exists"));
}
