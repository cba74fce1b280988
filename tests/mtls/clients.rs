//! The clients of the mutual TLS tests.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use super::World;
use super::common::{project, tool};
use super::programs::{go_program, java_classes, script};

pub struct Client {
    pub name: &'static str,
    command: fn(&World, u16, Option<&Path>) -> Command,
}

impl Client {
    /// Queries the server with the certificate whose files have this stem.
    pub fn ask(&self, world: &World, port: u16, stem: Option<&Path>) -> Output {
        let mut command = (self.command)(world, port, stem);
        for name in super::common::runtime_variables() {
            command.env_remove(name);
        }
        command.stdin(Stdio::null()).output().unwrap()
    }
}

pub const CURL: Client = Client {
    name: "curl",
    command: |world, port, stem| {
        let mut curl = Command::new(tool("curl"));
        curl.args(["-sS", "--noproxy", "*", "--cacert"]).arg(world.home.root());
        if let Some(stem) = stem {
            curl.arg("--cert").arg(pem(stem)).arg("--key").arg(key(stem));
        }
        curl.arg(format!("https://localhost:{port}/"));
        curl
    },
};

/// For PostgreSQL, whose protocol begins before TLS.
pub const PSQL: Client = Client {
    name: "psql",
    command: |world, port, stem| {
        let root = world.home.root();
        let mut question = format!(
            "host=localhost hostaddr=127.0.0.1 port={port} dbname=postgres user=alice sslmode=verify-full \
             sslrootcert={}",
            root.display()
        );
        if let Some(stem) = stem {
            let files = format!(" sslcert={} sslkey={}", pem(stem).display(), key(stem).display());
            question.push_str(&files);
        }
        let mut psql = Command::new(tool("psql"));
        psql.arg(question).args(["-c", "select client_dn from pg_stat_ssl where pid = pg_backend_pid()"]);
        psql.env("HOME", world.home.home());
        psql
    },
};

pub const REDIS_CLI: Client = Client {
    name: "redis-cli",
    command: |world, port, stem| {
        let mut redis = Command::new(tool("redis-cli"));
        redis.args(["--tls", "-h", "localhost", "-p"]).arg(port.to_string());
        redis.arg("--cacert").arg(world.home.root());
        if let Some(stem) = stem {
            redis.arg("--cert").arg(pem(stem)).arg("--key").arg(key(stem));
        }
        redis.arg("ping");
        redis
    },
};

pub const CLIENTS: &[Client] = &[
    CURL,
    Client {
        name: "Node",
        command: |world, port, stem| asking(script("node", "client.mjs"), world, port, stem),
    },
    Client {
        name: "Node 22",
        command: |world, port, stem| asking(script("node-22", "client.mjs"), world, port, stem),
    },
    Client {
        name: "Node 24",
        command: |world, port, stem| asking(script("node-24", "client.mjs"), world, port, stem),
    },
    Client {
        name: "Bun",
        command: |world, port, stem| asking(script("bun", "client.mjs"), world, port, stem),
    },
    Client {
        name: "Deno",
        command: |world, port, stem| {
            let mut deno = Command::new(tool("deno"));
            deno.args(["run", "--quiet", "--no-config", "--allow-read", "--allow-net"]);
            deno.arg(project().join("tests/mtls/deno.mjs"));
            asking(deno, world, port, stem)
        },
    },
    Client {
        name: "Python",
        command: |world, port, stem| asking(script("python3", "client.py"), world, port, stem),
    },
    Client {
        name: "PHP curl",
        command: |world, port, stem| asking(script("php", "client.php"), world, port, stem),
    },
    Client { name: "Go", command: |world, port, stem| asking(Command::new(go_client()), world, port, stem) },
    Client {
        name: "Java",
        command: |world, port, stem| {
            let mut java = Command::new(tool("java"));
            java.arg("-cp").arg(java_classes()).args(["Mtls", "client"]);
            java.arg(world.home.file("localhost-truststore.p12")).arg("correct horse").arg(port.to_string());
            java.args(stem.map(|stem| with_suffix(stem, "-keystore.p12")));
            java
        },
    },
    Client {
        name: "openssl s_client",
        command: |world, port, stem| {
            // It reads its request from standard input, and ends when the server does.
            let mut shell = Command::new(tool("sh"));
            let script = r#"printf 'GET / HTTP/1.0\r\n\r\n' | exec timeout 20 "$@""#;
            shell.args(["-c", script, "sh"]).arg(tool("openssl"));
            shell.args(["s_client", "-quiet", "-ign_eof", "-verify_return_error", "-connect"]);
            shell
                .arg(format!("127.0.0.1:{port}"))
                .args(["-servername", "localhost", "-CAfile"])
                .arg(world.home.root());
            if let Some(stem) = stem {
                shell.arg("-cert").arg(pem(stem)).arg("-key").arg(key(stem));
            }
            shell
        },
    },
];

fn with_suffix(stem: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", stem.display()))
}

fn pem(stem: &Path) -> PathBuf {
    with_suffix(stem, ".pem")
}

fn key(stem: &Path) -> PathBuf {
    with_suffix(stem, "-key.pem")
}

fn asking(mut command: Command, world: &World, port: u16, stem: Option<&Path>) -> Command {
    command.arg(world.home.root()).arg(port.to_string());
    if let Some(stem) = stem {
        command.arg(pem(stem)).arg(key(stem));
    }
    command
}

fn go_client() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| go_program("client"))
}
