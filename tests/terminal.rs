//! What is printed on a terminal: none of the control characters of peers, certificates and file names, and lines that fit.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::process::{Command, Output};

use common::{Home, Server, in_namespace, tool, words};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, SanType};

/// A window title, a cleared screen, CSI as one character, a separate line, and a reversed file name.
const HOSTILE: &str = "\u{1b}]0;PWNED\u{7}\u{1b}[2J\u{9b}2J\nno problems found\r\u{202e}gpj.exe\u{2028}";

/// The same in ASCII, for an `IA5String` or the response of a protocol.
const HOSTILE_ASCII: &str = "\u{1b}]0;PWNED\u{7}\u{1b}[2J\u{1b}[31mno problems found\u{8}\u{7f}";

fn is_harmless(output: &Output, what: &str) {
    let shown = String::from_utf8(output.stdout.clone()).unwrap();
    let shown = shown.replace("\r\n", "\n");
    let is_hostile = |c: &char| (c.is_control() && *c != '\n') || "\u{2028}\u{202e}".contains(*c);
    assert_eq!(shown.chars().find(is_hostile), None, "{what}: {shown:?}");
    assert!(shown.contains("PWNED"), "{what}: it was not shown at all: {shown:?}");
    assert!(!shown.lines().any(|line| line.starts_with("no problems found")), "{what}: {shown}");
}

fn hostile_root(home: &Home) -> String {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, format!("A root {HOSTILE}"));
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    fs::write(home.file("evil.pem"), devca::x509::pem::certificate(certificate.der())).unwrap();
    fs::write(home.file("evil-key.pem"), devca::x509::pem::private_key(key.serialized_der())).unwrap();
    home.file("evil.pem").display().to_string()
}

#[test]
fn the_answer_of_a_mail_server() {
    let home = Home::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = write!(stream.unwrap(), "554 {HOSTILE_ASCII}\r\n");
        }
    });
    is_harmless(&home.typing(&[], &["check", &address, "--starttls", "smtp"]), "SMTP");
}

#[test]
fn the_names_of_the_cas_that_a_server_asks_for() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    let evil = hostile_root(&home);
    let mut server = Command::new(tool("openssl"));
    server.args(["s_server", "-accept", "127.0.0.1:0", "-www", "-Verify", "1", "-verify_return_error"]);
    server.args(["-CAfile", &evil]).arg("-cert").arg(home.file("localhost.pem"));
    server.arg("-key").arg(home.file("localhost-key.pem"));
    let server = Server::spawn(server);
    let root = home.root().display().to_string();
    let address = format!("localhost:{}", server.port);
    let output = home.typing(&[], &["check", &address, "--connect", &format!("127.0.0.1:{}", server.port)]);
    is_harmless(&output, &format!("client CAs ({root})"));
}

#[test]
fn a_request_and_an_imported_root() {
    let home = Home::new();
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, HOSTILE);
    params.subject_alt_names.push(SanType::Rfc822Name(HOSTILE_ASCII.to_owned().try_into().unwrap()));
    params.subject_alt_names.push(SanType::URI("x://y/\nno problems found".to_owned().try_into().unwrap()));
    let request = params.serialize_request(&KeyPair::generate().unwrap()).unwrap();
    fs::write(home.file("evil.csr"), request.der()).unwrap();
    is_harmless(&home.typing(&[], &["inspect", "evil.csr"]), "inspect");
    is_harmless(&home.typing(&[], &["--json", "inspect", "evil.csr"]), "inspect --json");

    hostile_root(&home);
    is_harmless(&home.typing(&[], &["import", "--cert", "evil.pem", "--key", "evil-key.pem"]), "import");
    for command in [["ca", "list"].as_slice(), &["root", "--json"], &["inspect", "evil.pem"], &["status"]] {
        is_harmless(&home.typing(&[], command), &command.join(" "));
    }
    home.ok(["root", "--format", "mobileconfig"]);
    let script = "import plistlib, sys; print(plistlib.load(open(sys.argv[1], 'rb'))['PayloadDisplayName'])";
    let profile = home.file("devca-root.mobileconfig");
    let read = Command::new(tool("python3")).args(["-c", script]).arg(profile).output().unwrap();
    assert!(words(&read).contains("PWNED") && read.status.success(), "{}", words(&read));
}

#[test]
fn the_name_of_a_file() {
    let home = Home::new();
    is_harmless(&home.typing(&[], &["inspect", &format!("{HOSTILE}.pem")]), "an error");
    is_harmless(&home.typing(&[], &["issue", "localhost", "--out", HOSTILE]), "a row");
    is_harmless(&home.typing(&[], &["--verbose", "--json", "issue", "app.test", "--out", HOSTILE]), "JSON");
    let document = home.json(["issue", "web.test", "--out", HOSTILE]);
    let path = document["certificate"].as_str().unwrap();
    assert!(path.contains(HOSTILE), "JSON keeps the name: {document}");
}

/// Lines have 80 columns at most, and the store that is filled from the system's does not claim that it already trusted the root.
#[test]
fn lines_fit_on_a_terminal() {
    if !in_namespace("lines_fit_on_a_terminal") {
        return;
    }
    let home = Home::new();
    fs::create_dir_all(home.home().join(".local/share/pki/nssdb")).unwrap();
    let fits = |arguments: &[&str]| {
        let output = home.typing(&[], arguments);
        let shown = String::from_utf8(output.stdout).unwrap();
        let shown = anstream::adapter::strip_str(&shown).to_string();
        for line in shown.lines() {
            assert!(line.trim_end().chars().count() <= 80, "{arguments:?}: {line:?}");
        }
        shown
    };
    let installed = fits(&["install"]);
    assert!(installed.contains("✓ java") && !installed.contains("already"), "{installed}");
    assert!(installed.contains("Chromium family (~/"), "{installed}");
    assert!(fits(&["install"]).contains("already trusted"));
    let names: Vec<String> = (0..9).map(|index| format!("host-{index}.app.test")).collect();
    let issue: Vec<&str> = ["issue"].into_iter().chain(names.iter().map(String::as_str)).collect();
    assert!(fits(&issue).contains("\n             host-"), "the names are not wrapped");
    fits(&["issue", "localhost", "127.0.0.1", "::1"]);
    let listed = fits(&["list"]);
    assert!(listed.contains("…") && listed.contains("./localhost+2.pem"), "{listed}");
    fits(&["status"]);
    let server = Server::page(&home.file("localhost+2.pem"), &home.file("localhost+2-key.pem"));
    let address = |host: &str| format!("https://{host}:{}", server.port);
    fits(&["check", &address("localhost")]);
    assert!(fits(&["check", &address("app.localhost")]).contains("seen as"));
    fits(&["explain", "unable", "to", "verify", "the", "first", "certificate"]);
}
