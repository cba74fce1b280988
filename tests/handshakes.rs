//! Servers that use what devca issued, and real clients that judge them.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod common;

use common::clients::CLIENTS;
use common::{Home, Server};

#[test]
fn every_client_accepts_a_good_server_and_refuses_it_under_another_name() {
    let home = Home::new();
    home.ok(["issue", "localhost", "127.0.0.1", "*.app.test", "bücher.test"]);
    let server = Server::start(&home.file("localhost+3.pem"), &home.file("localhost+3-key.pem"));
    for client in CLIENTS {
        for name in ["localhost", "shop.app.test", "xn--bcher-kva.test"] {
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
    for client in CLIENTS {
        client.refuses(Some(&home.root()), server.port, "localhost", client.expired);
    }
}

#[test]
fn every_client_refuses_the_certificate_of_another_ca() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    home.ok(["--ca", "other", "issue", "localhost", "--out", "other"]);
    let server = Server::start(&home.file("other/localhost.pem"), &home.file("other/localhost-key.pem"));
    for client in CLIENTS {
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
