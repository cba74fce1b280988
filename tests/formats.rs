//! Every format, read by the software that it is for.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use common::refusals::two_lines;
use common::{Home, ok};

/// Debian's Python, for which the package `python3-yaml` is installed.
const PYTHON: &str = "/usr/bin/python3";

/// The names of key types in devca and OpenSSL.
const KEY_TYPES: &[(&str, &str)] = &[
    ("ecdsa-p256", "prime256v1"),
    ("ecdsa-p384", "secp384r1"),
    ("ed25519", "ED25519"),
    ("rsa-2048", "2048 bit"),
    ("rsa-3072", "3072 bit"),
    ("rsa-4096", "4096 bit"),
];

const FORMATS: &[&str] = &["pem", "fullchain", "combined", "der", "p12", "java", "k8s"];

/// The files that contain a key.
const SECRETS: &[&str] = &["-key.pem", "-combined.pem", "-key.der", ".p12", "-keystore.p12", "-secret.yaml"];

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Returns the certificate and key of a format as files that `openssl x509` and `openssl pkey` can read.
fn parts(home: &Home, stem: &str, format: &str) -> (PathBuf, PathBuf) {
    let file = |suffix: &str| home.file(&format!("{stem}{suffix}"));
    let both = |path: PathBuf| (path.clone(), path);
    match format {
        "pem" => (file(".pem"), file("-key.pem")),
        "fullchain" => (file("-fullchain.pem"), file("-key.pem")),
        "combined" => both(file("-combined.pem")),
        "der" => (file(".der"), file("-key.der")),
        "p12" => both(opened(home, &file(".p12"))),
        "java" => both(opened(home, &file("-keystore.p12"))),
        "k8s" => both(unpacked(home, &file("-secret.yaml"))),
        _ => unreachable!("{format} is no format"),
    }
}

/// Returns the content of a PKCS#12 file, as read by OpenSSL 3 without its legacy provider.
fn opened(home: &Home, store: &Path) -> PathBuf {
    let (to, password) = (home.file("opened.pem"), format!("file:{}", text(&home.file("password"))));
    ok("openssl", ["pkcs12", "-in", text(store), "-passin", &password, "-nodes", "-out", text(&to)]);
    to
}

/// Returns the content of a Secret, as read by a YAML parser.
fn unpacked(home: &Home, manifest: &Path) -> PathBuf {
    let script = "
import base64, sys, yaml
secret = yaml.safe_load(open(sys.argv[1]))
assert (secret['apiVersion'], secret['kind'], secret['type']) == ('v1', 'Secret', 'kubernetes.io/tls')
assert sorted(secret['data']) == ['ca.crt', 'tls.crt', 'tls.key']
for name in ['tls.crt', 'tls.key']:
    sys.stdout.write(base64.b64decode(secret['data'][name]).decode())";
    let to = home.file("unpacked.pem");
    fs::write(&to, ok(PYTHON, ["-c", script, text(manifest)])).unwrap();
    to
}

fn fingerprint(path: &Path) -> String {
    ok("openssl", ["x509", "-in", text(path), "-noout", "-fingerprint", "-sha256"])
}

#[test]
fn openssl_reads_every_format_of_every_key_type_for_servers_and_clients() {
    let home = Home::new();
    fs::write(home.file("password"), "secret\n").unwrap();
    let formats = FORMATS.join(",");
    for (key_type, openssl_name) in KEY_TYPES {
        for (names, stem, purpose) in [
            (&["app.test", "127.0.0.1"][..], "app.test+1", "sslserver"),
            (&["--client", "alice"], "alice-client", "sslclient"),
        ] {
            let common = ["issue", "--force", "--key-type", key_type, "--format", &formats];
            let password = ["--password-file", "password"];
            home.ok(common.iter().chain(&password).chain(names));
            for secret in SECRETS {
                let mode = fs::metadata(home.file(&format!("{stem}{secret}"))).unwrap().permissions().mode();
                assert_eq!(mode & 0o777, 0o600, "{stem}{secret}");
            }
            let leaf = fingerprint(&home.file(&format!("{stem}.pem")));
            for format in FORMATS {
                let (certificate, key) = parts(&home, stem, format);
                let of_key = ok("openssl", ["pkey", "-in", text(&key), "-pubout"]);
                let of_leaf = ok("openssl", ["x509", "-in", text(&certificate), "-noout", "-pubkey"]);
                assert_eq!(of_key, of_leaf, "{key_type}, {format}, {stem}");
                assert_eq!(fingerprint(&certificate), leaf, "{key_type}, {format}, {stem}");
                let kind = ok("openssl", ["pkey", "-in", text(&key), "-noout", "-text"]);
                assert!(kind.contains(openssl_name), "{key_type}, {format}: {kind}");
                let root = home.root();
                ok("openssl", ["verify", "-CAfile", text(&root), "-purpose", purpose, text(&certificate)]);
            }
        }
    }
}

#[test]
fn chains_have_the_intermediate_and_on_request_the_root() {
    let home = Home::new();
    for (more, count) in [
        (&[][..], 1),
        (&["--with-root"][..], 2),
        (&["--intermediate"], 2),
        (&["--intermediate", "--with-root"], 3),
    ] {
        let format = ["issue", "--force", "app.test", "--format", "pem,fullchain,combined,p12,java,k8s"];
        fs::write(home.file("password"), "secret").unwrap();
        home.ok(format.iter().chain(&["--password-file", "password"]).chain(more));
        for format in ["fullchain", "combined", "p12", "java", "k8s"] {
            let (chain, _) = parts(&home, "app.test", format);
            let pem = fs::read_to_string(chain).unwrap();
            assert_eq!(pem.matches("BEGIN CERTIFICATE").count(), count, "{format} {more:?}");
        }
        let alone = fs::read_to_string(home.file("app.test.pem")).unwrap();
        assert_eq!(alone.matches("BEGIN CERTIFICATE").count(), 1, "the missing chain can be reproduced");
    }
}

#[test]
fn the_root_is_read_in_all_its_forms() {
    let home = Home::new();
    home.ok(["issue", "app.test"]);
    home.ok(["root", "--format", "pem,der,mobileconfig,android", "--out", "phone"]);
    let root = fingerprint(&home.root());
    let hash = ok("openssl", ["x509", "-in", text(&home.root()), "-noout", "-subject_hash_old"]);
    let android = format!("{}.0", hash.trim());
    for name in ["devca-root.pem", "devca-root.der", &android] {
        assert_eq!(fingerprint(&home.file("phone").join(name)), root, "{name}");
    }
    let script = "
import plistlib, sys
profile = plistlib.load(open(sys.argv[1], 'rb'))
assert profile['PayloadType'] == 'Configuration', profile
payload, = profile['PayloadContent']
assert payload['PayloadType'] == 'com.apple.security.root', payload
assert payload['PayloadContent'] == open(sys.argv[2], 'rb').read()
assert payload['PayloadUUID'] != profile['PayloadUUID']
print(payload['PayloadDisplayName'])";
    let phone = |name: &str| text(&home.file("phone").join(name)).to_owned();
    let name = ok(PYTHON, ["-c", script, &phone("devca-root.mobileconfig"), &phone("devca-root.der")]);
    assert!(name.starts_with("devca root alice@"), "{name}");
}

#[test]
fn a_certificate_on_standard_output_is_in_no_file() {
    let home = Home::new();
    fs::write(home.file("password"), "secret").unwrap();
    let made = home.file("made");
    for (format, read) in [
        ("pem", &["x509", "-noout", "-subject", "-in"][..]),
        ("fullchain", &["pkey", "-noout", "-in"]),
        ("combined", &["pkey", "-noout", "-in"]),
        ("p12", &["pkcs12", "-passin", "pass:secret", "-nodes", "-in"]),
    ] {
        let mut issue = home.devca(["issue", "app.test", "--stdout", "--format", format]);
        if format == "p12" {
            issue.args(["--password-file", "password"]);
        }
        let file = fs::File::create(&made).unwrap();
        assert!(issue.stdout(Stdio::from(file)).status().unwrap().success(), "{format}");
        ok("openssl", read.iter().copied().chain([text(&made)]));
        assert_eq!(home.listing(), ["made", "password"], "{format}");
    }
    let issued = fs::read_to_string(home.ca().join("issued.jsonl")).unwrap();
    assert_eq!(issued.lines().count(), 4, "it can be revoked all the same: {issued}");
    // Two binary files cannot be concatenated: a pair in DER, two stores, two formats.
    for format in ["der", "java", "p12,pem"] {
        let output = home.devca(["issue", "app.test", "--stdout", "--format", format]).output().unwrap();
        two_lines(&output, 2, "standard output");
    }
}
