//! A real PostgreSQL, asked for TLS as its own clients do.

use std::fs;

use super::bench::{Pair, arguments, findings, issued};
use super::common::Home;
use super::common::postgres::Postgres;
use super::running::{Running, free_port};

/// Runs it with these files, or without TLS.
fn serve(postgres: &Postgres, pair: Option<&Pair>) -> (Running, u16) {
    let port = free_port();
    if let Some((certificate, key)) = pair {
        fs::copy(certificate, postgres.data.join("server.crt")).unwrap();
        fs::copy(key, postgres.data.join("server.key")).unwrap();
    }
    let mut server = postgres.server(&port);
    server.args(["-c", if pair.is_some() { "ssl=on" } else { "ssl=off" }]);
    (Running::start(server, &port, "ready to accept connections"), port.parse().unwrap())
}

#[test]
fn postgresql_is_checked_as_its_clients_connect() {
    let home = Home::new();
    let postgres = Postgres::new(&home);
    let pair = issued(&home, "localhost", &[]);
    let check = |expected: &[&str], port: u16| {
        let asked = ["--starttls", "postgres"].map(ToOwned::to_owned).to_vec();
        findings(&home, expected, &[arguments(&home, "localhost", port), asked].concat())
    };
    let (server, port) = serve(&postgres, Some(&pair));
    check(&[], port);
    drop(server);
    let (server, port) = serve(&postgres, Some(&issued(&home, "db.test", &[])));
    check(&["name-mismatch"], port);
    drop(server);
    let (_server, port) = serve(&postgres, None);
    let found = check(&["not-tls"], port);
    assert!(found[0]["message"].as_str().unwrap().contains("ssl = on"), "{found:#}");
}
