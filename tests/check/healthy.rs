//! No false alarms; and how to reach the server: names, addresses, and the protocol before TLS.

use std::net::{TcpListener, TcpStream};
use std::process::Command;

use super::bench::{arguments, findings, issued, serve};
use super::common::{Home, Server, project, tool, words};

/// Creates a home whose root is in the only store that is checked.
fn installed(more: &[&str]) -> Home {
    let home = Home::new();
    super::common::browsers::chromium_database(&home);
    home.ok(["install", "--store", "nss"].iter().chain(more));
    home
}

fn url(port: u16) -> String {
    format!("https://localhost:{port}")
}

#[test]
fn a_healthy_server_has_no_faults_whatever_its_key_and_chain() {
    for sealed in [&[][..], &["--sealed"]] {
        let home = installed(sealed);
        for key_type in ["ecdsa-p256", "ecdsa-p384", "ed25519", "rsa-2048", "rsa-3072", "rsa-4096"] {
            for intermediate in [&[][..], &["--intermediate"]] {
                let pair = issued(&home, "localhost", &[&["--key-type", key_type], intermediate].concat());
                let server = serve(&pair);
                findings(&home, &[], &[&*url(server.port), "--store", "nss"]);
            }
        }
    }
}

/// A week is the whole lifetime of what `devca serve` and ACME servers give, which renew it in time.
#[test]
fn a_short_lifetime_is_not_a_fault() {
    let home = installed(&[]);
    let server = serve(&issued(&home, "localhost", &["--days", "7"]));
    findings(&home, &[], &[&*url(server.port), "--store", "nss"]);
}

#[test]
fn a_healthy_server_that_answers_no_head_has_no_faults() {
    let home = installed(&[]);
    let (certificate, key) = issued(&home, "localhost", &[]);
    let server = Server::start(&certificate, &key);
    findings(&home, &[], &[&*url(server.port), "--store", "nss"]);
}

#[test]
fn mutual_tls_with_the_right_certificate_has_no_faults() {
    let home = installed(&[]);
    let (certificate, key) = issued(&home, "localhost", &[]);
    let server = Server::mutual(&certificate, &key, &home.root());
    for key_type in ["ecdsa-p256", "ed25519", "rsa-2048"] {
        home.ok(["issue", "--client", "alice", "--key-type", key_type, "--force"]);
        let identity = ["--cert", "alice-client.pem", "--key", "alice-client-key.pem"];
        findings(&home, &[], &[&[&*url(server.port), "--store", "nss"][..], &identity].concat());
    }
}

#[test]
fn the_name_is_that_of_the_address_of_sni_or_of_the_option() {
    let home = Home::new();
    home.ok(["issue", "app.test", "127.0.0.1"]);
    let server = serve(&(home.file("app.test+1.pem"), home.file("app.test+1-key.pem")));
    let place = format!("127.0.0.1:{}", server.port);
    let root = home.root();
    let check = |expected: &[&str], words: &[&str]| {
        findings(&home, expected, &[&["--roots", root.to_str().unwrap()], words].concat());
    };
    check(&[], &[&place]);
    check(&[], &["https://app.test", "--connect", &place]);
    check(&[], &[&place, "--sni", "app.test"]);
    check(&[], &[&place, "--name", "APP.test"]);
    check(&["name-mismatch"], &[&place, "--name", "b.test"]);
    check(&["name-mismatch"], &[&place, "--sni", "b.test"]);
    check(&[], &[&place, "--sni", "b.test", "--name", "app.test"]);
}

/// Starts a server that speaks the beginning of a protocol and then TLS; `how` is `refuse` or empty.
fn starttls(home: &Home, protocol: &str, how: &str) -> Server {
    let (certificate, key) = issued(home, "localhost", &[]);
    let mut server = Command::new(tool("python3"));
    server.arg(project().join("tests/clients/starttls.py")).args([certificate, key]).args([protocol, how]);
    Server::spawn(server)
}

#[test]
fn every_protocol_is_asked_for_tls_as_openssl_asks() {
    let home = Home::new();
    for protocol in ["smtp", "imap", "ldap", "postgres", "mysql"] {
        let server = starttls(&home, protocol, "");
        let mut openssl = Command::new(tool("openssl"));
        let place = format!("127.0.0.1:{}", server.port);
        openssl.args([
            "s_client",
            "-brief",
            "-verify_return_error",
            "-starttls",
            protocol,
            "-connect",
            &place,
        ]);
        let output = openssl.arg("-CAfile").arg(home.root()).stdin(std::process::Stdio::null()).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{protocol}, the test's own server: {}", words(&output));
        let mut arguments = arguments(&home, "localhost", server.port);
        arguments.extend(["--starttls", protocol].map(ToOwned::to_owned));
        findings(&home, &[], &arguments);
        arguments.extend(["--name", "app.test"].map(ToOwned::to_owned));
        findings(&home, &["name-mismatch"], &arguments);
    }
}

#[test]
fn a_protocol_that_refuses_tls_is_quoted() {
    let home = Home::new();
    for (protocol, said) in [
        ("smtp", "454 TLS not available"),
        ("imap", "a1 NO"),
        ("ldap", "result code 2"),
        ("postgres", "ssl = on"),
        ("mysql", "is not MySQL's"),
    ] {
        let server = starttls(&home, protocol, "refuse");
        let mut arguments = arguments(&home, "localhost", server.port);
        arguments.extend(["--starttls", protocol].map(ToOwned::to_owned));
        let found = findings(&home, &["not-tls"], &arguments);
        assert!(found[0]["message"].as_str().unwrap().contains(said), "{found:#}");
    }
}

#[test]
fn a_listener_on_another_address_is_reported() {
    let home = Home::new();
    let listener = TcpListener::bind("[::1]:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    let (code, document) = home.check([format!("https://127.0.0.1:{port}")]);
    assert_eq!((code, &document["findings"][0]["id"]), (3, &"connection-refused".into()), "{document:#}");
    let what = document["findings"][0]["message"].as_str().unwrap();
    assert!(what.contains("something listens on that port at ::1"), "{what}");
}

#[test]
fn an_international_name_is_found_in_either_form() {
    let home = Home::new();
    home.ok(["issue", "bücher.test", "--out", "books"]);
    let files: Vec<_> =
        std::fs::read_dir(home.file("books")).unwrap().map(|file| file.unwrap().path()).collect();
    let certificate = files.iter().find(|file| !file.display().to_string().contains("-key")).unwrap();
    let (root, certificate) = (home.root().display().to_string(), certificate.display().to_string());
    for name in ["bücher.test", "xn--bcher-kva.test", "BÜCHER.test"] {
        findings(&home, &[], &["--roots", &root, "--name", name, &certificate]);
    }
}
