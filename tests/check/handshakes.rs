//! Faults that occur before there is a chain to judge, and faults of client certificates.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::bench::{
    Pair, arguments, authority, ca, compare, findings, forged, issued, says_what_is_foretold, together,
};
use super::common::clients::CLIENTS;
use super::common::{Home, Server, tool, words};
use super::running::{Running, backend, free_port};

/// The clients that wait for the server's verdict; the others leave after their own part of the handshake.
const PATIENT: [&str; 5] = ["curl", "Node", "Python", "Java", "Go"];

/// With this certificate, the clients must report what is predicted.
fn are_foretold(home: &Home, identity: Option<&Pair>, port: u16, found: &Value, what: &str) {
    for client in CLIENTS.iter().filter(|client| PATIENT.contains(&client.name)) {
        let identity = identity.map(|(certificate, key)| (certificate.as_path(), key.as_path()));
        says_what_is_foretold(home, client, identity, "localhost", port, found, what);
    }
}

#[test]
fn errors_for_plain_http_and_a_closed_port_are_predicted() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    let port = backend().parse().unwrap();
    let found = findings(&home, &["plain-http"], &arguments(&home, "localhost", port));
    are_foretold(&home, None, port, &found, "plain HTTP");

    let port = free_port().parse().unwrap();
    let (code, document) = home.check(arguments(&home, "localhost", port));
    assert_eq!((code, &document["findings"][0]["id"]), (3, &"connection-refused".into()), "{document:#}");
    are_foretold(&home, None, port, &document["findings"], "nobody listens");
}

#[test]
fn errors_for_a_name_without_an_address_are_predicted() {
    let home = Home::new();
    let (code, document) = home.check(["https://nowhere.invalid:8443"]);
    assert_eq!((code, &document["findings"][0]["id"]), (3, &"unresolved-name".into()), "{document:#}");
    let mut curl = home.command(&tool("curl"), ["-sS", "--noproxy", "*", "https://nowhere.invalid:8443"]);
    let said = words(&curl.output().unwrap());
    compare(&home, "curl", false, &said, &document["findings"], "no address");
    let mut node = home.command(&tool("node"), ["-e", "https.get('https://nowhere.invalid:8443')"]);
    let said = words(&node.output().unwrap());
    compare(&home, "Node", false, &said, &document["findings"], "no address");
    let script = "import urllib.request; urllib.request.urlopen('https://nowhere.invalid:8443')";
    let said = words(&home.command(&tool("python3"), ["-c", script]).output().unwrap());
    compare(&home, "Python", false, &said, &document["findings"], "no address");
}

#[test]
fn the_cas_whose_clients_a_server_accepts_are_named() {
    let home = Home::new();
    let (certificate, key) = issued(&home, "localhost", &[]);
    home.ok(["--ca", "clients", "issue", "--client", "bob"]);
    let root = home.ca().with_file_name("clients").join("root.pem");
    let server = node(&home, &[&certificate, &key, &root]);
    let found =
        findings(&home, &["client-certificate-required"], &arguments(&home, "localhost", server.port));
    assert!(found[0]["hint"].as_str().unwrap().contains("devca --ca clients issue --client"), "{found:#}");
}

#[test]
fn errors_for_a_missing_or_refused_client_certificate_are_predicted() {
    let home = Home::new();
    let (certificate, key) = issued(&home, "localhost", &[]);
    let server = Server::mutual(&certificate, &key, &home.root());
    let plain = arguments(&home, "localhost", server.port);
    let found = findings(&home, &["client-certificate-required"], &plain);
    are_foretold(&home, None, server.port, &found, "no client certificate");

    let alice = |more: &[&str]| {
        home.ok(["issue", "--client", "alice", "--force"].iter().chain(more));
        (home.file("alice-client.pem"), home.file("alice-client-key.pem"))
    };
    let refused = [
        ("of another CA", forged(&home, "stranger", None, &["kind=client"]), "self-signed"),
        ("a server's", (certificate.clone(), key.clone()), "wrong-usage"),
        ("expired", alice(&["--not-after", "2026-01-31"]), "expired"),
    ];
    for (what, pair, why) in refused {
        let [certificate, key] = [&pair.0, &pair.1].map(|path| path.display().to_string());
        let shown = ["--cert", &certificate, "--key", &key].map(ToOwned::to_owned);
        let expected = ["client-certificate-refused", why];
        let found = findings(&home, &expected, &[plain.clone(), shown.to_vec()].concat());
        are_foretold(&home, Some(&pair), server.port, &found, &format!("a client certificate, {what}"));
    }
}

/// In TLS 1.2, the server only reports that the handshake failed.
#[test]
fn errors_for_client_certificates_with_tls_1_2_are_predicted() {
    let home = Home::new();
    let (certificate, key) = issued(&home, "localhost", &[]);
    let root = home.root();
    let mut server = Command::new(tool("openssl"));
    server.args([
        "s_server",
        "-accept",
        "127.0.0.1:0",
        "-www",
        "-tls1_2",
        "-Verify",
        "1",
        "-verify_return_error",
    ]);
    server.arg("-cert").arg(&certificate).arg("-key").arg(&key).arg("-CAfile").arg(&root);
    let server = Server::spawn(server);
    let plain = arguments(&home, "localhost", server.port);
    let found = findings(&home, &["client-certificate-required"], &plain);
    are_foretold(&home, None, server.port, &found, "no client certificate, TLS 1.2");
    let stranger = forged(&home, "stranger", None, &["kind=client"]);
    let shown = ["--cert", "stranger.pem", "--key", "stranger-key.pem"].map(ToOwned::to_owned);
    let expected = ["client-certificate-refused", "self-signed"];
    let found = findings(&home, &expected, &[plain, shown.to_vec()].concat());
    are_foretold(&home, Some(&stranger), server.port, &found, "a stranger's certificate, TLS 1.2");
}

#[test]
fn nginx_that_wants_a_certificate_says_so_in_http() {
    let home = Home::new();
    home.ok(["issue", "localhost", "::1"]);
    let (certificate, key) = (home.file("localhost+1.pem"), home.file("localhost+1-key.pem"));
    home.ok(["issue", "--client", "alice"]);
    let port = free_port();
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path temporary;\n"))
        .concat();
    let configuration = format!(
        "daemon off; pid nginx.pid; events {{}} http {{ access_log off; {temporary} server {{
         listen 127.0.0.1:{port} ssl; listen [::1]:{port} ssl; ssl_certificate {}; ssl_certificate_key {};
         ssl_client_certificate {}; ssl_verify_client on; }} }}",
        certificate.display(),
        key.display(),
        home.root().display()
    );
    std::fs::write(home.file("nginx.conf"), configuration).unwrap();
    let (folder, file) = (home.work(), home.file("nginx.conf"));
    let words = ["-e", "stderr", "-p", folder.to_str().unwrap(), "-c", file.to_str().unwrap()];
    let nginx = [PathBuf::from("/usr/sbin/nginx")].into_iter().find(|path| path.exists());
    let _server = Running::start(home.command(&nginx.unwrap_or_else(|| tool("nginx")), words), &port, "");
    let plain = arguments(&home, "localhost", port.parse().unwrap());
    let found = findings(&home, &["client-certificate-required"], &plain);
    says_page(&home, &port, &[], &found, "no certificate");
    let document = home.check(&plain).1;
    let named = document["acceptable_client_cas"][0].as_str().unwrap_or_default();
    assert!(named.contains("devca root"), "{document:#}");

    forged(&home, "stranger", None, &["kind=client"]);
    let stranger = ["--cert", "stranger.pem", "--key", "stranger-key.pem"];
    let shown = [plain.clone(), stranger.map(ToOwned::to_owned).to_vec()].concat();
    let found = findings(&home, &["client-certificate-refused", "self-signed"], &shown);
    says_page(&home, &port, &stranger, &found, "a stranger's certificate");

    let alice = ["--cert", "alice-client.pem", "--key", "alice-client-key.pem"].map(ToOwned::to_owned);
    findings(&home, &[], &[plain, alice.to_vec()].concat());
    // In a request, an IPv6 address is written in brackets.
    findings(&home, &[], &[arguments(&home, "[::1]", port.parse().unwrap()), alice.to_vec()].concat());
}

/// The message on nginx's page must be predicted.
fn says_page(home: &Home, port: &str, identity: &[&str], found: &Value, what: &str) {
    let url = format!("https://localhost:{port}/");
    let root = home.root();
    let mut curl = home.command(&tool("curl"), ["-sS", "--noproxy", "*", "--cacert"]);
    let output = curl.arg(root).arg(url).args(identity).output().unwrap();
    compare(home, "nginx", false, &words(&output), found, what);
}

/// As in Node's documentation: certificate, key, the clients' CA, and optionally a revocation list.
fn node(home: &Home, files: &[&Path]) -> Server {
    let script = "const [cert, key, ca, crl] = process.argv.slice(1).map(file => fs.readFileSync(file));
        https.createServer({ cert, key, ca, crl, requestCert: true, rejectUnauthorized: true }, (asked, answer) => {
            answer.end(`Hello, ${asked.socket.getPeerCertificate().subject.CN}`);
        }).listen(0, '127.0.0.1', function () { console.log('ACCEPT 127.0.0.1:' + this.address().port) });";
    let mut node = home.command(&tool("node"), ["-e", script]);
    node.args(files);
    Server::spawn(node)
}

/// Node closes the connection without an alert when it rejects a certificate.
#[test]
fn node_that_refuses_a_client_certificate_is_understood() {
    let home = Home::new();
    let (certificate, key) = issued(&home, "localhost", &[]);
    home.ok(["issue", "--client", "alice"]);
    home.ok(["issue", "--client", "bob"]);
    home.ok(["revoke", "bob-client.pem"]);
    home.ok(["crl"]);
    forged(&home, "stranger", None, &["kind=client"]);
    let server = node(&home, &[&certificate, &key, &home.root(), &home.file("crl.pem")]);
    let plain = arguments(&home, "localhost", server.port);
    for (name, expected) in [
        ("alice-client", &[][..]),
        ("bob-client", &["client-certificate-refused", "revoked"]),
        ("stranger", &["client-certificate-refused", "self-signed"]),
        ("localhost", &["client-certificate-refused", "wrong-usage"]),
    ] {
        let shown = ["--cert".to_owned(), format!("{name}.pem"), "--key".into(), format!("{name}-key.pem")];
        findings(&home, expected, &[plain.clone(), shown.to_vec()].concat());
    }
}

#[test]
fn a_clock_that_is_an_hour_behind_is_found() {
    let home = Home::new();
    let (certificate, key) = issued(&home, "localhost", &[]);
    for (behind, expected) in [("0", &[][..]), ("3600", &["clock-skew"])] {
        let script = "const [behind, cert, key] = process.argv.slice(1);
            https.createServer({ cert: fs.readFileSync(cert), key: fs.readFileSync(key) }, (_, answer) => {
                answer.setHeader('Date', new Date(Date.now() - behind * 1000).toUTCString()).end();
            }).listen(0, '127.0.0.1', function () { console.log('ACCEPT 127.0.0.1:' + this.address().port) });";
        let mut node = home.command(&tool("node"), ["-e", script, behind]);
        node.args([&certificate, &key]);
        let server = Server::spawn(node);
        findings(&home, expected, &arguments(&home, "localhost", server.port));
    }
}

/// Starts a server on loopback that handles every connection in this way.
fn bad(act: impl Fn(TcpStream) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let act = std::sync::Arc::new(act);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let act = act.clone();
            std::thread::spawn(move || act(stream));
        }
    });
    port
}

/// Returns the exit code and the finding; the check must respect the timeout and not crash.
fn found_in_time(home: &Home, port: u16, more: &[&str]) -> (i32, String) {
    let begin = Instant::now();
    let arguments = [arguments(home, "localhost", port), vec!["--timeout".into(), "2".into()]].concat();
    let (code, document) = home.check(arguments.iter().map(String::as_str).chain(more.iter().copied()));
    // Far above the timeout, because the machine may be busy, but far from endless.
    assert!(begin.elapsed() < Duration::from_secs(30), "{:?}", begin.elapsed());
    (code, document["findings"][0]["id"].as_str().unwrap().to_owned())
}

/// Reads until the client leaves.
fn stay(mut stream: TcpStream) {
    while stream.read(&mut [0; 512]).is_ok_and(|read| read > 0) {}
}

#[test]
fn a_server_that_misbehaves_is_found_within_the_timeout() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    let silent = (3, "no-answer".to_owned());
    let no_tls = (1, "not-tls".to_owned());

    let hangs = bad(stay);
    let hangs_in_the_handshake = bad(|mut stream| {
        stream.write_all(&[22, 3, 3, 0, 122, 2, 0, 0, 118]).unwrap();
        stay(stream);
    });
    let drips = bad(|mut stream| while stream.write_all(b"x").is_ok() {});
    let closes = bad(drop);
    // Unread data turns the close into a reset.
    let resets = bad(|stream| drop(stream.peek(&mut [0])));
    let garbage = bad(|mut stream| drop(stream.write_all(&vec![0xff; 100_000])));
    for (port, expected) in [
        (hangs, &silent),
        (hangs_in_the_handshake, &silent),
        (drips, &no_tls),
        (closes, &silent),
        (resets, &silent),
        (garbage, &no_tls),
    ] {
        assert_eq!(found_in_time(&home, port, &[]), *expected);
    }
    for protocol in ["smtp", "imap", "postgres", "mysql", "ldap"] {
        for port in [hangs, closes, resets, drips, garbage] {
            let (_, found) = found_in_time(&home, port, &["--starttls", protocol]);
            assert!(["no-answer", "not-tls"].contains(&found.as_str()), "{protocol}: {found}");
        }
    }
}

#[test]
fn a_certificate_or_chain_of_absurd_length_is_found() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    let (large, key) = forged(&home, "large", Some(&ca(&home)), &["padding=1048576"]);
    let server = Server::page(&large, &key);
    assert_eq!(found_in_time(&home, server.port, &[]), (1, "not-tls".into()));

    let (leaf, key) = issued(&home, "localhost", &[]);
    let (stray, _) = authority(&home, "stray", None);
    let hundred: Vec<&Path> = std::iter::once(&*leaf).chain(std::iter::repeat_n(&*stray, 99)).collect();
    let server = Server::page(&together(&home, "hundred.pem", &hundred), &key);
    assert_eq!(found_in_time(&home, server.port, &[]), (0, "wrong-order".into()));
}
