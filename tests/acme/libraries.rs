//! Real clients that are libraries, in small programs: each obtains a certificate, uses it, renews it and revokes it.

use std::thread;

use super::common::{Server, project, wait_until};
use super::world::{World, succeed, with_both};

/// npm's acme-client, with every type of challenge.
#[test]
fn acme_client_of_npm() {
    with_both(&["--dns-port", "0"], acme_client_of_npm_with);
}

fn acme_client_of_npm_with(world: &World) {
    for (name, kind) in [
        ("app.test", "http-01"),
        ("app.test", "tls-alpn-01"),
        ("app.test", "dns-01"),
        ("*.app.test", "dns-01"),
    ] {
        let mut node = world.client("node");
        node.arg(project().join("tests/acme/npm.mjs")).arg(world.directory());
        node.args([&world.http.to_string(), &world.tls.to_string(), &world.acme.url("/dns/challtestsrv")]);
        node.arg(world.home.work()).args([name, kind]);
        succeed(node.env("REVOKE", "1"));
        let (chain, key) = (world.home.file("chain.pem"), world.home.file("key.pem"));
        world.is_used(&chain, &key, &name.replace('*', "www"));
        assert!(world.is_revoked(&chain), "{name} {kind}");
    }
    world.has_issued("app.test", 3);
}

/// Ruby's acme-client, with the challenges that it knows.
#[test]
fn acme_client_of_ruby() {
    with_both(&["--dns-port", "0"], acme_client_of_ruby_with);
}

fn acme_client_of_ruby_with(world: &World) {
    let (www, _server) = world.web_server();
    for (name, kind) in [("app.test", "http-01"), ("app.test", "dns-01"), ("*.app.test", "dns-01")] {
        let mut ruby = world.client("ruby");
        ruby.arg(project().join("tests/acme/client.rb")).args([&world.directory()]).arg(world.home.root());
        ruby.arg(&www).arg(world.acme.url("/dns/challtestsrv")).args([name, kind, "chain.pem", "key.pem"]);
        succeed(&mut ruby);
        let [chain, key] = ["chain.pem", "key.pem"].map(|name| world.home.file(name));
        world.is_used(&chain, &key, &name.replace('*', "www"));
        assert!(world.is_revoked(&chain), "{name} {kind}");
    }
}

/// Go's autocert gets a certificate during a handshake, with tls-alpn-01 on the same port.
#[test]
fn autocert() {
    with_both(&[], autocert_with);
}

fn autocert_with(world: &World) {
    let mut autocert = world.installed("autocert");
    autocert.arg(world.directory()).arg(world.home.root());
    autocert.arg(world.tls.to_string()).arg(world.home.file("cache"));
    let server = Server::spawn(autocert);
    assert_eq!(page(world, server.port), "by autocert");
}

/// The page of a server that obtains its own certificate.
fn page(world: &World, port: u16) -> String {
    let mut curl = world.client("curl");
    curl.args(["-sS", "--noproxy", "*", "--resolve", &format!("app.test:{port}:127.0.0.1"), "--cacert"]);
    let output = curl.arg(world.issuing_root()).arg(format!("https://app.test:{port}/")).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Python's acme, with the challenges that it knows.
#[test]
fn acme_of_python() {
    with_both(&["--dns-port", "0"], |world| {
        for (name, kind) in [("app.test", "http-01"), ("app.test", "dns-01"), ("*.app.test", "dns-01")] {
            let mut python = world.installed("python/bin/python");
            python.arg("-P").arg(project().join("tests/acme/client.py")).arg(world.directory());
            python.args([&world.http.to_string(), &world.acme.url("/dns/challtestsrv")]);
            succeed(python.arg(world.home.work()).args([name, kind, "revoke"]));
            let (chain, key) = (world.home.file("chain.pem"), world.home.file("key.pem"));
            world.is_used(&chain, &key, &name.replace('*', "www"));
            assert!(world.is_revoked(&chain), "{name} {kind}");
        }
        world.has_issued("app.test", 4);
    });
}

/// npm's greenlock, which cannot revoke. It responds to a challenge again after it is valid, which Pebble refuses.
#[test]
fn greenlock() {
    let world = World::new(&["--dns-port", "0"]);
    for (name, kind) in [("http.test", "http-01"), ("dns.test", "dns-01"), ("*.app.test", "dns-01")] {
        let mut node = world.client("node");
        node.arg(project().join("tests/acme/greenlock.mjs")).arg(world.directory());
        node.args([&world.http.to_string(), &world.acme.url("/dns/challtestsrv")]);
        succeed(node.arg(world.home.work()).args([name, kind]));
        let (chain, key) = (world.home.file("chain.pem"), world.home.file("key.pem"));
        world.is_used(&chain, &key, &name.replace('*', "www"));
        world.has_issued(name, 2);
    }
}

/// Rust's instant-acme, with every type of challenge, and a new account key.
#[test]
fn instant_acme() {
    with_both(&["--dns-port", "0"], |world| {
        for (name, kind) in [
            ("app.test", "http-01"),
            ("app.test", "tls-alpn-01"),
            ("app.test", "dns-01"),
            ("*.app.test", "dns-01"),
        ] {
            let mut client = world.installed("instant-acme");
            client
                .arg(world.directory())
                .arg(world.home.root())
                .args([world.http.to_string(), world.tls.to_string()]);
            client.arg(world.acme.url("/dns/challtestsrv")).arg(world.home.work());
            succeed(client.args([name, kind]));
            let (chain, key) = (world.home.file("chain.pem"), world.home.file("key.pem"));
            world.is_used(&chain, &key, &name.replace('*', "www"));
            assert!(world.is_revoked(&chain), "{name} {kind}");
        }
        world.has_issued("app.test", 6);
    });
}

/// Rust's rustls-acme serves HTTPS, and renews after two thirds of a certificate's life; it cannot revoke.
#[test]
fn rustls_acme() {
    thread::scope(|scope| {
        for kind in ["tls-alpn-01", "http-01"] {
            scope.spawn(move || with_both(&["--minutes", "1"], |world| rustls_acme_with(world, kind)));
        }
    });
}

fn rustls_acme_with(world: &World, kind: &str) {
    let mut client = world.installed("rustls-acme");
    client.arg(world.directory()).arg(world.home.root());
    client.args([world.http.to_string(), world.tls.to_string()]);
    client.arg(world.home.file(kind)).args(["app.test", kind]);
    let server = Server::spawn(client);
    wait_until("the page is served", || page(world, server.port) == "by rustls-acme");
    if world.issuing_root() == world.home.root() {
        wait_until("the certificate is renewed", || world.issued("app.test").len() == 2);
    }
}
