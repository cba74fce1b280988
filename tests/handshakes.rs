//! Servers with certificates from devca, judged by real clients.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::net::TcpListener;
use std::sync::Arc;

use common::clients::{CLIENTS, RUNTIMES, grpc};
use common::{Home, Server, words};
use rustls::crypto::aws_lc_rs;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, ServerConnection, SupportedProtocolVersion};

#[test]
fn every_client_accepts_a_good_server_and_refuses_it_under_another_name() {
    let home = Home::new();
    home.ok(["issue", "localhost", "127.0.0.1", "*.app.test", "bücher.test"]);
    let server = Server::start(&home.file("localhost+3.pem"), &home.file("localhost+3-key.pem"));
    for client in CLIENTS.iter().chain(RUNTIMES) {
        for name in ["localhost", "127.0.0.1", "shop.app.test", "xn--bcher-kva.test"] {
            client.accepts(Some(&home.root()), server.port, name);
        }
        client.refuses(Some(&home.root()), server.port, "wrong.test", client.wrong_name);
    }
}

#[test]
fn every_client_refuses_an_expired_certificate() {
    let home = Home::new();
    home.ok(["issue", "localhost", "--not-after", "2026-01-31"]);
    let server = Server::start(&home.file("localhost.pem"), &home.file("localhost-key.pem"));
    for client in CLIENTS.iter().chain(RUNTIMES) {
        client.refuses(Some(&home.root()), server.port, "localhost", client.expired);
    }
}

#[test]
fn every_client_refuses_the_certificate_of_another_ca() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    home.ok(["--ca", "other", "issue", "localhost", "--out", "other"]);
    let server = Server::start(&home.file("other/localhost.pem"), &home.file("other/localhost-key.pem"));
    for client in CLIENTS.iter().chain(RUNTIMES) {
        client.refuses(Some(&home.root()), server.port, "localhost", client.unknown_root);
    }
}

#[test]
fn every_client_accepts_every_key_type() {
    let home = Home::new();
    for key_type in ["ecdsa-p256", "ecdsa-p384", "ed25519", "rsa-2048", "rsa-3072", "rsa-4096"] {
        home.ok(["issue", "localhost", "--key-type", key_type, "--force"]);
        let server = Server::start(&home.file("localhost.pem"), &home.file("localhost-key.pem"));
        for client in CLIENTS {
            client.accepts(Some(&home.root()), server.port, "localhost");
        }
    }
}

/// BoringSSL does not support constraints on addresses. `devca explain` finds the command that helps from its
/// message.
#[test]
fn boringssl_refuses_addresses_below_a_root_that_constrains_them_until_permit_frees_them() {
    let home = Home::new();
    home.ok(["install", "--constrain-addresses", "--store", "wsl"]);
    home.ok(["issue", "localhost", "127.0.0.1"]);
    let (chain, key) = (home.file("localhost+1.pem"), home.file("localhost+1-key.pem"));
    let server = Server::start(&chain, &key);
    let boringssl = || RUNTIMES.iter().filter(|client| ["Bun fetch", "workerd"].contains(&client.name));
    let refused = ["UNSUPPORTED_CONSTRAINT_TYPE", "unsupported name constraint type"];
    for host in ["localhost", "127.0.0.1"] {
        for client in boringssl() {
            client.refuses(Some(&home.root()), server.port, host, &refused);
        }
        let output = grpc(&home.root(), host, (&chain, &key), None);
        assert!(words(&output).contains(refused[1]) && !output.status.success(), "{}", words(&output));
    }
    for said in refused {
        assert!(home.ok(["explain", said]).contains("devca permit --no-constrain-addresses"), "{said}");
    }
    home.ok(["permit", "--no-constrain-addresses", "--store", "wsl"]);
    for host in ["localhost", "127.0.0.1"] {
        for client in boringssl() {
            client.accepts(Some(&home.root()), server.port, host);
        }
        let output = grpc(&home.root(), host, (&chain, &key), None);
        assert!(output.status.success(), "{}", words(&output));
    }
}

/// Presents a certificate and signs with a key that may not match.
#[derive(Debug)]
struct Shows(Arc<CertifiedKey>);

impl ResolvesServerCert for Shows {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }
}

/// Starts a server that answers a single handshake; returns its port.
fn serve_once(certified: CertifiedKey, version: &'static SupportedProtocolVersion) -> u16 {
    let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let config = builder.with_protocol_versions(&[version]).unwrap().with_no_client_auth();
    let config = Arc::new(config.with_cert_resolver(Arc::new(Shows(Arc::new(certified)))));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut tls = ServerConnection::new(config).unwrap();
        while tls.is_handshaking() && tls.complete_io(&mut stream).is_ok() {}
        let _ = tls.complete_io(&mut stream);
    });
    port
}

#[test]
fn a_server_without_the_key_of_its_certificate_is_found_out() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    home.ok(["issue", "other.test"]);
    let chain = devca::x509::pem::certificates(&home.file("localhost.pem"));
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        for (key, expected) in [("localhost-key.pem", false), ("other.test-key.pem", true)] {
            let pem = std::fs::read(home.file(key)).unwrap();
            let der = rustls_pemfile::private_key(&mut pem.as_slice()).unwrap().unwrap();
            let key = aws_lc_rs::sign::any_supported_type(&der).unwrap();
            let certified = CertifiedKey::new(chain.iter().cloned().map(Into::into).collect(), key);
            let port = serve_once(certified, version);
            let address = format!("localhost:{port}");
            let roots = home.root().display().to_string();
            let (_, document) =
                home.check([&address, "--connect", &format!("127.0.0.1:{port}"), "--roots", &roots]);
            let findings = document["findings"].as_array().unwrap();
            let is_found = findings.iter().any(|finding| finding["id"] == "key-mismatch");
            assert_eq!(is_found, expected, "{version:?}: {document:#}");
        }
    }
}
