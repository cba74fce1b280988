//! The certificates that clients get.

use std::path::Path;
use std::process::{Command, Stdio};

use super::common::{Home, ok, tool, wait_until, words};
use super::served::{Served, upstream};

/// Returns the certificate that a client gets, as text, and the length of the chain.
fn shown(served: &Served, name: Option<&str>) -> (String, usize) {
    let mut openssl = Command::new(tool("openssl"));
    openssl.args(["s_client", "-showcerts", "-connect", &format!("127.0.0.1:{}", served.port)]);
    match name {
        Some(name) => openssl.args(["-servername", name]),
        None => openssl.arg("-noservername"),
    };
    let output = openssl.stdin(Stdio::null()).output().unwrap();
    let text = words(&output);
    let count = text.matches("-----BEGIN CERTIFICATE-----").count();
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("shown.pem");
    std::fs::write(&file, &text).unwrap();
    (ok("openssl", ["x509", "-noout", "-text", "-in", file.to_str().unwrap()]), count)
}

fn names(text: &str) -> String {
    text.lines().skip_while(|line| !line.contains("Alternative Name")).nth(1).unwrap().trim().to_owned()
}

#[test]
fn each_name_has_its_certificate_and_nothing_is_written() {
    let home = Home::new();
    home.ok(["issue", "unrelated.test"]);
    let served = Served::start(&home, ["shop.test=9", "9"]);
    let before = home.everything();
    assert_eq!(names(&shown(&served, Some("shop.test")).0), "DNS:shop.test");
    assert_eq!(names(&shown(&served, Some("a.b.localhost")).0), "DNS:a.b.localhost");
    assert_eq!(names(&shown(&served, Some("LOCALHOST")).0), "DNS:localhost");
    let (usual, _) = shown(&served, None);
    for name in ["DNS:shop.test", "DNS:localhost", "IP Address:127.0.0.1", "IP Address:0:0:0:0:0:0:0:1"] {
        assert!(names(&usual).contains(name), "{name}: {usual}");
    }
    assert_eq!(names(&shown(&served, Some("www.example-bank.com")).0), names(&usual));
    served.says("a client asked for www.example-bank.com, which this root may not sign for");
    served.says("permit it: devca");
    assert_eq!(home.everything(), before, "something was written");
}

#[test]
fn a_name_that_may_not_be_served_is_refused_at_the_start() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    let output = home.devca(["serve", "www.example-bank.com=3000", "--port", "0"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(words(&output).contains("this root may not sign for www.example-bank.com"), "{}", words(&output));
    let output = home.devca(["serve", "8.8.8.8=3000", "--port", "0"]).output().unwrap();
    assert!(words(&output).contains("8.8.8.8 is not a private address"), "{}", words(&output));
}

#[test]
fn a_sealed_ca_serves_through_its_intermediate() {
    let home = Home::new();
    home.ok(["install", "--sealed", "--store", "wsl"]);
    let behind = upstream(["http"]);
    let served = Served::start(&home, [behind.port.to_string()]);
    assert_eq!(shown(&served, Some("localhost")).1, 2);
    for client in super::common::clients::CLIENTS {
        client.accepts(Some(&home.root()), served.port, "localhost");
    }
}

#[test]
fn a_new_root_signs_without_a_restart() {
    let home = Home::new();
    let served = Served::start(&home, ["9"]);
    let key_id = |text: &str| {
        let line = text.lines().skip_while(|line| !line.contains("Authority Key Identifier")).nth(1);
        line.unwrap().trim().to_owned()
    };
    let old = key_id(&shown(&served, Some("localhost")).0);
    home.ok(["rotate", "--store", "wsl"]);
    let mut new = String::new();
    wait_until("the new root signs", || {
        new = key_id(&shown(&served, Some("localhost")).0);
        new != old
    });
    served.says("the root was replaced");
    assert_trusted(&home.root(), &served);
    // So is a root that may sign for more names.
    home.ok(["permit", "shop.example-bank.dev", "--store", "wsl"]);
    wait_until("the new name is served", || {
        names(&shown(&served, Some("shop.example-bank.dev")).0) == "DNS:shop.example-bank.dev"
    });
}

fn assert_trusted(root: &Path, served: &Served) {
    for client in super::common::clients::CLIENTS.iter().take(1) {
        // There is no upstream; only TLS matters here.
        let output = client.connect(Some(root), served.port, "localhost");
        assert!(output.status.success(), "{}", words(&output));
    }
}

#[test]
fn a_client_that_does_not_trust_the_root_is_logged_once() {
    let home = Home::new();
    home.ok(["--ca", "other", "issue", "localhost"]);
    let served = Served::start(&home, ["9"]);
    let other = home.home().join(".local/share/devca/other/root.pem");
    for _ in 0..3 {
        super::common::clients::CLIENTS[0].refuses(
            Some(&other),
            served.port,
            "localhost",
            &["unable to get local issuer certificate"],
        );
    }
    served.says("a client rejected the certificate for localhost");
    let count = served.log().iter().filter(|line| line.to_string().contains("rejected")).count();
    assert_eq!(count, 1, "{:#?}", served.log());
}

/// Trusting the root would not help a client with a wrong clock, and a site that is faulty on purpose needs no help.
#[test]
fn the_hint_about_a_rejection_fits_its_cause() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    let warning = |served: &Served, host: &str, options: &[&str]| {
        let mut openssl = std::process::Command::new(super::tool("openssl"));
        openssl.args(["s_client", "-verify_return_error", "-servername", host, "-CAfile"]).arg(home.root());
        openssl.args(options).args(["-connect", &format!("127.0.0.1:{}", served.port)]);
        assert!(!openssl.stdin(std::process::Stdio::null()).output().unwrap().status.success());
        served.says(&format!("a client rejected the certificate for {host} (CertificateExpired)"));
        let log = served.log();
        log.iter().find(|line| line.to_string().contains("rejected")).unwrap()["hint"].clone()
    };
    let served = Served::start(&home, ["9"]);
    let hint = warning(&served, "localhost", &["-attime", "4000000000"]);
    assert!(hint.as_str().unwrap().contains("clock"), "{hint}");
    let served = Served::start(&home, ["--bad"]);
    assert!(warning(&served, "expired.localhost", &[]).is_null());
}

#[test]
fn a_port_that_is_in_use_or_privileged_is_explained() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let said = home.fails(["serve", "3000", "--port", &port]);
    assert!(
        said.contains(&format!("127.0.0.1:{port} is already in use")) && said.contains("--port 8443"),
        "{said}"
    );
    let said = home.fails(["serve", "3000", "--listen", "192.0.2.1", "--port", "0"]);
    assert!(said.contains("192.0.2.1 is not an address of this machine"), "{said}");
}

/// systemd listens, and starts the server when the first client connects.
#[test]
fn sockets_of_systemd_are_used() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let devca = home.devca(["serve"]);
    let mut systemd = home.command(&tool("systemd-socket-activate"), ["-l", &format!("127.0.0.1:{port}")]);
    systemd.args(["-E", "HOME", "-E", "PATH"]).arg(devca.get_program());
    // Another port, which is not listened at.
    systemd.args(["serve", "--port", "1"]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = systemd.spawn().unwrap();
    let url = format!("https://localhost:{port}/.devca");
    wait_until("the server answers", || {
        let mut curl = home.command(&tool("curl"), ["-sS", "--max-time", "10", "--cacert"]);
        let output = curl.arg(home.root()).arg(&url).output().unwrap();
        words(&output).contains("\"tls_version\": \"TLS 1.3\"")
    });
    ok("kill", ["-INT", &child.id().to_string()]);
    assert!(child.wait().unwrap().success());
}

/// Its certificates are valid for a week, and are renewed while the server runs.
#[test]
fn devca_check_finds_no_fault_in_them() {
    let home = Home::new();
    let behind = upstream(["http"]);
    let served = Served::start(&home, [behind.port.to_string()]);
    home.ok(["check", &served.url("/"), "--roots", home.root().to_str().unwrap()]);
}
