//! PKCS#12 files, including those for Java, opened by the programs that use them.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use common::{Home, ok, run, words};

/// Debian's Python, for which the package `python3-cryptography` is installed.
const PYTHON: &str = "/usr/bin/python3";

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A program that opens PKCS#12: its name, its arguments for a file and a password, and its output for a key
/// with its certificate.
type Reader = (&'static str, fn(&Home, &str, &str) -> Vec<String>, &'static str);

fn arguments(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

const READERS: &[Reader] = &[
    (
        "openssl",
        |_, file, password| {
            arguments(&["pkcs12", "-in", file, "-passin", &format!("pass:{password}"), "-nodes"])
        },
        "BEGIN PRIVATE KEY",
    ),
    (
        "pk12util",
        |home, file, password| {
            let database = format!("sql:{}", text(&home.file("nss")));
            arguments(&["-l", file, "-W", password, "-d", &database])
        },
        "Certificate(has private key)",
    ),
    (
        "keytool",
        |_, file, password| arguments(&["-list", "-keystore", file, "-storepass", password]),
        "PrivateKeyEntry",
    ),
    (
        "certtool",
        |_, file, password| arguments(&["--p12-info", "--inder", "--infile", file, "--password", password]),
        "Type: PKCS #8 Encrypted key",
    ),
    (
        "node",
        |_, file, password| {
            let script = "const [pfx, passphrase] = process.argv.slice(1);
                require('tls').createSecureContext({ pfx: require('fs').readFileSync(pfx), passphrase });
                console.log('a context')";
            arguments(&["-e", script, file, password])
        },
        "a context",
    ),
    (
        PYTHON,
        |_, file, password| {
            let script = "
import sys
from cryptography.hazmat.primitives.serialization.pkcs12 import load_key_and_certificates
key, leaf, _ = load_key_and_certificates(open(sys.argv[1], 'rb').read(), sys.argv[2].encode())
assert key.public_key().public_numbers() == leaf.public_key().public_numbers()
print(leaf.subject.rfc4514_string())";
            arguments(&["-c", script, file, password])
        },
        "CN=app.test",
    ),
];

#[test]
fn pkcs12_opens_everywhere_with_its_password_and_with_no_other() {
    let home = Home::new();
    fs::create_dir(home.file("nss")).unwrap();
    ok("certutil", ["-N", "--empty-password", "-d", &format!("sql:{}", text(&home.file("nss")))]);
    fs::write(home.file("password"), "correct horse\nand a second line\n").unwrap();
    for (more, encryption) in
        [(&[][..], "pbeWithSHA1And3-KeyTripleDES-CBC"), (&["--p12-modern"][..], "AES-256-CBC")]
    {
        let issue = ["issue", "app.test", "--force", "--format", "p12", "--password-file", "password"];
        home.ok(issue.iter().chain(more));
        let file = home.file("app.test.p12");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        for (reader, arguments, word) in READERS {
            let output = run(reader, arguments(&home, text(&file), "correct horse"));
            assert!(output.status.success() && words(&output).contains(word), "{reader}: {}", words(&output));
            let output = run(reader, arguments(&home, text(&file), "wrong"));
            assert!(!output.status.success(), "{reader} opens it with any password: {}", words(&output));
        }
        let info = run(
            "openssl",
            ["pkcs12", "-in", text(&file), "-passin", "pass:correct horse", "-info", "-noout"],
        );
        assert_eq!(words(&info).matches(encryption).count(), 2, "{}", words(&info));
    }
}

#[test]
fn a_password_that_is_made_is_shown_once_and_opens_the_file() {
    let home = Home::new();
    let mut seen = std::collections::HashSet::new();
    for _ in 0..2 {
        let issued = home.json(["issue", "app.test", "--format", "p12"]);
        let password = issued["password"].as_str().unwrap().to_owned();
        let pass = format!("pass:{password}");
        ok("openssl", ["pkcs12", "-in", text(&home.file("app.test.p12")), "-passin", &pass, "-nodes"]);
        assert!(!fs::read_to_string(home.ca().join("issued.jsonl")).unwrap().contains(&password));
        assert!(seen.insert(password));
    }
    let variable = ["issue", "app.test", "--format", "p12", "--password-env", "SECRET"];
    let output = home.devca(variable).env("SECRET", "from a variable").output().unwrap();
    assert!(output.status.success() && !words(&output).contains("from a variable"), "{}", words(&output));
    ok(
        "openssl",
        ["pkcs12", "-in", text(&home.file("app.test.p12")), "-passin", "pass:from a variable", "-nodes"],
    );
}

#[test]
fn java_finds_the_root_in_the_trust_store() {
    let home = Home::new();
    fs::write(home.file("password"), "secret").unwrap();
    for more in [&[][..], &["--p12-modern"]] {
        let issue = ["issue", "app.test", "--force", "--format", "java", "--password-file", "password"];
        home.ok(issue.iter().chain(more));
        let store = home.file("app.test-truststore.p12");
        let list = ok("keytool", ["-list", "-keystore", text(&store), "-storepass", "secret"]);
        let root = ok("openssl", ["x509", "-in", text(&home.root()), "-noout", "-fingerprint", "-sha256"]);
        assert!(list.contains("contains 1 entry") && list.contains("devca, "), "{list}");
        assert!(
            list.contains("trustedCertEntry") && list.contains(root.trim().split('=').nth(1).unwrap()),
            "{list}"
        );
    }
}
