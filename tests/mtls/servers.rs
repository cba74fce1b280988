//! The servers of the mutual TLS tests that take the files as arguments.

use std::path::Path;
use std::process::Command;

use super::World;
use super::clients::{CURL, Client};
use super::common::{project, tool};
use super::configured::{APACHE, CADDY, HAPROXY, NGINX, POSTGRESQL, REDIS, WORKERD};
use super::programs::{axum, go_program, java_classes, script};
use super::upstream::backend;

pub struct ServerKind {
    pub name: &'static str,
    /// The command that prints its version, if `common/versions.rs` does not know it.
    pub version: &'static [&'static str],
    /// The command, from the environment, a folder for the server, and a port to use unless the server
    /// reports another.
    pub command: fn(&World, &Path, u16) -> Command,
    pub ready: Ready,
    /// Its response to alice.
    pub greeting: &'static str,
    /// The client to use, if one is enough.
    pub client: &'static Client,
}

/// How to find out that a server is listening.
pub enum Ready {
    /// It prints its port, as `openssl s_server` does.
    SaysPort,
    /// It accepts connections.
    Listens,
    /// It prints this text.
    Says(&'static str),
}

pub const SERVER: ServerKind = ServerKind {
    name: "",
    version: &[],
    command: |_, _, _| Command::new(""),
    ready: Ready::SaysPort,
    greeting: "Hello, alice",
    client: &CURL,
};

/// Servers that check revocations.
pub const SERVERS: &[ServerKind] = &[
    ServerKind {
        name: "Node",
        version: &["node", "--version"],
        command: |world, _, _| with_files(script("node", "server.mjs"), world),
        ..SERVER
    },
    ServerKind {
        name: "Python",
        version: &["python3", "--version"],
        command: |world, _, _| with_files(script("python3", "server.py"), world),
        ..SERVER
    },
    ServerKind {
        name: "openssl s_server",
        version: &["openssl", "version"],
        command: |world, _, _| {
            let mut server = Command::new(tool("openssl"));
            server.args([
                "s_server",
                "-accept",
                "127.0.0.1:0",
                "-www",
                "-Verify",
                "2",
                "-verify_return_error",
            ]);
            // It reads only one list from a file of lists, but all from a file with certificates.
            server.args(["-no-CApath", "-no-CAstore", "-crl_check", "-CAfile", "clients-and-crl.pem"]);
            server
                .args(["-cert", "localhost.pem", "-key", "localhost-key.pem"])
                .current_dir(world.home.work());
            server
        },
        greeting: "Subject: O=devca development certificate, CN=alice",
        ..SERVER
    },
    ServerKind {
        name: "Java",
        version: &["java", "-version"],
        command: |world, _, _| {
            let mut java = Command::new(tool("java"));
            java.arg("-cp").arg(java_classes()).arg("Mtls").arg("server").current_dir(world.home.work());
            // The trust store of a client's certificate contains the root of the clients' CA.
            java.args(["localhost-keystore.p12", "alice-client-truststore.p12", "crl.pem", "correct horse"]);
            java
        },
        ..SERVER
    },
    NGINX,
];

/// Servers that do not check revocations here, or cannot.
pub const TAKERS: &[ServerKind] = &[
    ServerKind {
        name: "Node 22",
        version: &["node-22", "--version"],
        command: |world, _, _| with_files(script("node-22", "server.mjs"), world),
        ..SERVER
    },
    ServerKind {
        name: "Node 24",
        version: &["node-24", "--version"],
        command: |world, _, _| with_files(script("node-24", "server.mjs"), world),
        ..SERVER
    },
    ServerKind {
        name: "Deno",
        version: &["deno", "--version"],
        command: |world, _, _| {
            let mut deno = Command::new(tool("deno"));
            deno.args(["run", "--quiet", "--no-config", "--allow-all"])
                .arg(project().join("tests/mtls/server.mjs"));
            with_files(deno, world)
        },
        ..SERVER
    },
    ServerKind {
        name: "Bun.serve",
        version: &["bun", "--version"],
        command: |world, _, _| with_files(script("bun", "bun.mjs"), world),
        greeting: "Hello, whoever you are",
        ..SERVER
    },
    WORKERD,
    ServerKind {
        name: "Go",
        version: &["go", "version"],
        command: |world, _, _| with_files(Command::new(go_program("server")), world),
        ..SERVER
    },
    ServerKind {
        name: "axum (rustls)",
        command: |world, _, _| with_files(Command::new(axum()), world),
        greeting: "Hello, whoever you are",
        ..SERVER
    },
    ServerKind {
        name: "devca serve",
        version: &[env!("CARGO_BIN_EXE_devca"), "--version"],
        command: |world, _, port| {
            let port = port.to_string();
            let mut serve = world.home.devca(["serve", &backend(), "--port", &port]);
            serve.args(["--mtls", "--client-ca", "clients.pem"]);
            serve
        },
        ready: Ready::Listens,
        greeting: "Hello",
        ..SERVER
    },
    ServerKind {
        name: "gnutls-serv",
        version: &["gnutls-serv", "--version"],
        command: |world, _, port| {
            let mut server = Command::new(tool("gnutls-serv"));
            server.args(["--http", "--quiet", "--require-client-cert", "--verify-client-cert", "--port"]);
            server.arg(port.to_string()).args(["--x509cafile", "clients.pem", "--x509certfile"]);
            server.args(["localhost.pem", "--x509keyfile", "localhost-key.pem"]);
            server.current_dir(world.home.work());
            server
        },
        ready: Ready::Listens,
        greeting: "This is the default message",
        ..SERVER
    },
    APACHE,
    HAPROXY,
    CADDY,
    POSTGRESQL,
    REDIS,
];

fn with_files(mut command: Command, world: &World) -> Command {
    command.args(["localhost.pem", "localhost-key.pem", "clients.pem", "crl.pem"]);
    command.current_dir(world.home.work());
    command
}
