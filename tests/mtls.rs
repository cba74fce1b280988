//! Mutual TLS between popular servers and clients, with the files that devca issues.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "mtls/clients.rs"]
mod clients;
mod common;
#[path = "mtls/configured.rs"]
mod configured;
#[path = "mtls/programs.rs"]
mod programs;
#[path = "mtls/running.rs"]
mod running;
#[path = "mtls/servers.rs"]
mod servers;
#[path = "mtls/table.rs"]
mod table;
#[allow(dead_code)] // only what runs behind a proxy is used
#[path = "servers/running.rs"]
mod upstream;

use std::fs;
use std::path::PathBuf;

use clients::CLIENTS;
use common::clients::grpc;
use common::{Home, in_namespace, words};
use running::Server;
use servers::SERVERS;

/// One CA for servers and one for clients, as an operator would have; the files of a server, and of good and
/// bad clients.
pub struct World {
    pub home: Home,
}

/// Clients that every server must reject, and why.
const BAD: &[(&str, &str)] = &[
    ("mallory", "of another CA"),
    ("eve", "expired"),
    ("server", "a server's certificate"),
    ("trudy", "revoked"),
];

impl World {
    fn new() -> Self {
        Self::with_clients_of(None)
    }

    /// Creates the clients' CA with this option of `install`.
    fn with_clients_of(option: Option<&str>) -> Self {
        let home = Home::new();
        home.ok(["--ca", "clients", "install", "--store", "wsl"].into_iter().chain(option));
        fs::write(home.file("password"), "correct horse\n").unwrap();
        let issue = |words: &[&str]| {
            let always = ["--format", "pem,java,p12", "--password-file", "password"];
            home.ok(words.iter().copied().chain(always));
        };
        issue(&["issue", "localhost"]);
        for name in ["alice", "trudy"] {
            issue(&["--ca", "clients", "issue", "--client", name]);
        }
        issue(&["--ca", "clients", "issue", "--client", "eve", "--not-after", "2026-01-31"]);
        issue(&["--ca", "clients", "issue", "localhost", "--out", "other"]);
        issue(&["--ca", "strangers", "issue", "--client", "mallory"]);
        home.ok(["--ca", "clients", "revoke", "trudy-client.pem"]);
        home.ok(["--ca", "clients", "crl"]);
        let client_ca = home.ok(["--ca", "clients", "root", "--pem"]);
        fs::write(home.file("clients.pem"), &client_ca).unwrap();
        let lists = fs::read_to_string(home.file("crl.pem")).unwrap();
        fs::write(home.file("clients-and-crl.pem"), client_ca + &lists).unwrap();
        Self { home }
    }

    /// Returns the stem of a client's files.
    fn stem(&self, client: &str) -> PathBuf {
        match client {
            "server" => self.home.file("other/localhost"),
            name => self.home.file(&format!("{name}-client")),
        }
    }
}

/// Whether the client was greeted by name or by its certificate, which `openssl s_server` prints on its page.
fn is_greeted(said: &str) -> bool {
    said.contains("Hello, ") || said.contains("Subject: O=devca development certificate, CN=")
}

#[test]
fn every_server_greets_every_client_by_its_name() {
    let world = World::new();
    for server in SERVERS {
        let running = Server::start(server, &world);
        for client in CLIENTS {
            let output = client.ask(&world, running.port, Some(&world.stem("alice")));
            assert!(
                words(&output).contains(server.greeting),
                "{} does not greet {}: {}",
                server.name,
                client.name,
                words(&output)
            );
        }
    }
}

#[test]
fn no_server_accepts_a_client_that_it_must_refuse() {
    let world = World::new();
    for server in SERVERS {
        let running = Server::start(server, &world);
        for client in CLIENTS {
            let output = client.ask(&world, running.port, None);
            let (said, who) = (words(&output), client.name);
            assert!(!is_greeted(&said), "{} greets nobody, {who}: {said}", server.name);
        }
        // The server decides, so two clients with different libraries are enough.
        for client in CLIENTS.iter().filter(|client| ["curl", "Go"].contains(&client.name)) {
            for (bad, why) in BAD {
                let output = client.ask(&world, running.port, Some(&world.stem(bad)));
                let said = words(&output);
                let greets = is_greeted(&said);
                assert!(!greets, "{} greets {bad}, {why}, with {}: {said}", server.name, client.name);
            }
            let output = client.ask(&world, running.port, Some(&world.stem("alice")));
            assert!(words(&output).contains(server.greeting), "{} greets nobody any more", server.name);
        }
    }
}

/// An earlier devca issued such certificates, and OpenSSL still does: a common name and no SAN. `devca
/// explain` recognizes the message.
#[test]
fn grpc_refuses_a_client_without_a_san_below_a_constrained_root() {
    let world = World::new();
    let home = &world.home;
    let ca = home.home().join(".local/share/devca/clients");
    fs::write(
        home.file("openssl.cnf"),
        "[req]\ndistinguished_name = empty\nx509_extensions = leaf\n[empty]\n[leaf]\n\
         extendedKeyUsage = clientAuth\nauthorityKeyIdentifier = keyid\n",
    )
    .unwrap();
    let [config, leaf, key] = ["openssl.cnf", "bob.pem", "bob-key.pem"].map(|file| home.file(file));
    let sign = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -subj /CN=bob";
    let (root, root_key) = (ca.join("root.pem"), ca.join("root-key.pem"));
    let paths =
        [("-config", &config), ("-CA", &root), ("-CAkey", &root_key), ("-out", &leaf), ("-keyout", &key)];
    let paths = paths.iter().flat_map(|(option, path)| [*option, path.to_str().unwrap()]);
    common::ok("openssl", sign.split(' ').chain(paths));
    let (own, own_key) = (home.file("localhost.pem"), home.file("localhost-key.pem"));
    let output = grpc(&home.root(), "localhost", (&own, &own_key), Some([&root, &leaf, &key]));
    let said = "Issuer has name constraints but leaf has no SANs";
    assert!(words(&output).contains(said) && !output.status.success(), "{}", words(&output));
    assert!(home.ok(["explain", said]).contains("devca renew"));
}

#[test]
fn chromium_shows_a_certificate_of_its_database() {
    if !in_namespace("chromium_shows_a_certificate_of_its_database") {
        return;
    }
    let world = World::new();
    let home = &world.home;
    home.ok(["install", "--store", "nss"]);
    let database = format!("sql:{}", home.home().join(".local/share/pki/nssdb").display());
    fs::create_dir_all("/etc/chromium/policies/managed").unwrap();
    let policy = r#"{"AutoSelectCertificateForUrls": ["{\"pattern\":\"https://localhost\",\"filter\":{}}"]}"#;
    fs::write("/etc/chromium/policies/managed/mtls.json", policy).unwrap();
    let page = |port: u16| {
        let address = format!("https://localhost:{port}/");
        let options =
            ["--headless", "--no-sandbox", "--disable-gpu", "--no-proxy-server", "--dump-dom", &address];
        words(&home.command(&common::tool("chromium"), options).output().unwrap())
    };
    let running = Server::start(&SERVERS[0], &world);
    assert!(!page(running.port).contains("Hello"), "without a certificate it is greeted, too");
    let import = ["-i", "alice-client.p12", "-d", &database, "-w", "password", "-K", ""];
    let imported = home.command(&common::tool("pk12util"), import).output().unwrap();
    assert!(imported.status.success(), "{}", words(&imported));
    for server in SERVERS.iter().filter(|server| ["Node", "nginx"].contains(&server.name)) {
        let running = Server::start(server, &world);
        let shown = page(running.port);
        assert!(shown.contains("Hello, alice"), "{}: {shown}", server.name);
    }
}
