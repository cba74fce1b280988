//! Runs every snippet of docs/servers.md, and queries it with the page's own commands.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;
#[path = "servers/page.rs"]
mod page;
#[path = "servers/running.rs"]
mod running;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use common::clients::rust_program;
use common::postgres::Postgres;
use common::{Home, project, sbin, tool, words};
use page::{block, blocks, mutual};
use running::{Running, backend, free_port};

/// A server on the page.
struct Server {
    /// The snippets' files, as named by the info strings of their blocks.
    files: &'static [&'static str],
    /// The port on the page.
    port: &'static str,
    /// The command that queries it, as named by the info string of its block, and a word of the response.
    ask: (&'static str, &'static str),
    /// What it prints when it is ready, if it starts to listen earlier.
    ready: &'static str,
    /// Completes the snippet if necessary.
    frame: fn(&str, String) -> String,
    /// Prepares what it needs, and starts it in the working folder.
    start: fn(&Home, port: &str) -> Command,
}

const HTTPS: Server = Server {
    files: &[],
    port: "8443",
    ask: ("curl", "Hello"),
    ready: "",
    frame: |_, snippet| snippet,
    start: |home, _| home.command(&tool("true"), [""]),
};

const SERVERS: &[Server] = &[
    Server {
        files: &["nginx.conf"],
        frame: |_, snippet| {
            let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
                .map(|name| format!("{name}_temp_path temporary;\n"))
                .concat();
            format!(
                "daemon off;\npid nginx.pid;\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}{snippet}}}\n"
            )
        },
        start: |home, _| {
            let (folder, file) = (home.work(), home.file("nginx.conf"));
            let arguments = ["-e", "stderr", "-p", folder.to_str().unwrap(), "-c", file.to_str().unwrap()];
            home.command(&sbin("nginx"), arguments)
        },
        ..HTTPS
    },
    Server {
        files: &["apache.conf"],
        frame: |_, snippet| {
            let modules = ["mpm_event", "authz_core", "ssl", "proxy", "proxy_http"];
            let load = |name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n");
            let modules = modules.map(load).concat();
            format!(
                "{modules}PidFile apache.pid\nErrorLog /dev/stderr\nUser nobody\nGroup nogroup\n{snippet}"
            )
        },
        start: |home, _| {
            let folder = home.work().display().to_string();
            home.command(&sbin("apache2"), ["-D", "FOREGROUND", "-d", &folder, "-f", "apache.conf"])
        },
        ..HTTPS
    },
    Server {
        files: &["haproxy.cfg"],
        frame: |_, snippet| {
            format!("defaults\n  timeout connect 9s\n  timeout client 9s\n  timeout server 9s\n{snippet}")
        },
        start: |home, _| home.command(&sbin("haproxy"), ["-db", "-f", "haproxy.cfg"]),
        ..HTTPS
    },
    Server {
        files: &["Caddyfile"],
        // Its listeners for administration and redirects use other ports.
        frame: |_, snippet| format!("{{\nadmin off\nauto_https disable_redirects\n}}\n{snippet}"),
        start: |home, _| {
            home.command(&tool("caddy"), ["run", "--adapter", "caddyfile", "--config", "Caddyfile"])
        },
        ..HTTPS
    },
    Server {
        files: &["postgresql.conf", "pg_hba.conf"],
        port: "5432",
        ask: ("psql", "client_dn"),
        frame: without_certificates,
        ready: "ready to accept connections",
        start: postgresql,
    },
    Server {
        files: &["redis.conf"],
        port: "6379",
        ask: ("redis-cli", "PONG"),
        ready: "eady to accept connections",
        start: |home, _| home.command(&tool("redis-server"), ["redis.conf", "--save", ""]),
        ..HTTPS
    },
    Server { files: &["server.mjs"], start: |home, _| home.command(&tool("node"), ["server.mjs"]), ..HTTPS },
    Server {
        files: &["vite.config.mjs"],
        ask: ("curl", "Hello"),
        start: |home, _| {
            fs::write(home.file("index.html"), "<!doctype html><p>Hello</p>").unwrap();
            let vite = project().join("target/tools/node_modules/vite/bin/vite.js");
            assert!(vite.exists(), "Vite is missing: tests/setup installs what the tests need");
            home.command(&tool("node"), [vite.to_str().unwrap(), "--strictPort"])
        },
        ..HTTPS
    },
    Server { files: &["server.py"], start: |home, _| home.command(&tool("python3"), ["server.py"]), ..HTTPS },
    Server { files: &["server.go"], frame: |how, go| imports(how, &go), start: go, ..HTTPS },
    Server { files: &["main.rs"], start: axum, ..HTTPS },
    Server {
        files: &["application.properties"],
        start: |home, _| {
            let program = project().join("tests/servers/Spring.java");
            let mut java = home.command(&tool("java"), [program.to_str().unwrap(), "application.properties"]);
            java.env("STORE_PASSWORD", "changeit");
            java
        },
        ..HTTPS
    },
];

/// These snippets are for mutual TLS; the page says what to change without it.
fn without_certificates(how: &str, snippet: String) -> String {
    if how == "mutual" {
        return snippet;
    }
    snippet.replace("cert\n", "trust\n").replace("ssl_ca_file", "#")
}

/// What the page says about imports.
fn imports(how: &str, go: &str) -> String {
    if how == "mutual" {
        go.replace("\"crypto/tls\"", "\"crypto/tls\"\n\"crypto/x509\"\n\"os\"")
    } else {
        go.to_owned()
    }
}

fn done(mut command: Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", words(&output));
}

fn go(home: &Home, _: &str) -> Command {
    let mut build = home.command(&tool("go"), ["build", "-o", "server", "server.go"]);
    build.env("GOCACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("go-cache")).env("GO111MODULE", "off");
    done(build);
    home.command(&home.file("server"), [""; 0])
}

fn axum(home: &Home, _: &str) -> Command {
    home.command(&rust_program("snippet", &home.file("main.rs")), [""; 0])
}

fn postgresql(home: &Home, port: &str) -> Command {
    let postgres = Postgres::new(home);
    for file in ["localhost+1.pem", "localhost+1-key.pem", "clients.pem", "pg_hba.conf"] {
        fs::copy(home.file(file), postgres.data.join(file)).unwrap();
    }
    let settings = postgres.data.join("postgresql.conf");
    let snippet = fs::read_to_string(home.file("postgresql.conf")).unwrap();
    fs::write(&settings, fs::read_to_string(&settings).unwrap() + &snippet).unwrap();
    postgres.create_role("alice");
    postgres.server(port)
}

/// Runs a shell command from the page, with devca on the path.
fn shell(home: &Home, script: &str) -> Output {
    let devca = Path::new(env!("CARGO_BIN_EXE_devca")).parent().unwrap();
    let path = format!("{}:{}", devca.display(), std::env::var("PATH").unwrap());
    home.command(&tool("sh"), ["-euc", script]).env("PATH", path).env("no_proxy", "*").output().unwrap()
}

/// Issues all certificates of the page with its own commands.
fn issued() -> Home {
    let home = Home::new();
    for (info, script) in blocks() {
        if info == "sh setup" {
            let output = shell(&home, &script);
            assert!(output.status.success(), "{script}: {}", words(&output));
        }
    }
    home.ok(["--ca", "strangers", "issue", "--client", "alice", "--out", "strangers"]);
    home
}

impl Server {
    /// Returns the page's command with a client certificate, without one, and with one of another CA for the
    /// same name.
    fn asks(&self) -> [String; 3] {
        let with = block(&format!("{} mutual", self.ask.0));
        let is_plain = |word: &&str| !word.contains("alice-client") && !["--cert", "--key"].contains(word);
        let without = with.split(' ').filter(is_plain).collect::<Vec<_>>().join(" ");
        let stranger = with.replace("alice-client", "strangers/alice-client");
        [with, without, stranger]
    }

    /// Runs the snippets, changed in this way, and checks which of the commands succeed.
    fn serve(&self, home: &Home, how: &str, asks: &[(&str, bool)]) {
        let (port, behind) = (free_port(), backend());
        for file in self.files {
            let snippet = block(file);
            let snippet = if how == "mutual" { mutual(&snippet).unwrap_or(snippet) } else { snippet };
            let snippet = snippet.replace(self.port, &port).replace("3000", &behind);
            fs::write(home.file(file), (self.frame)(how, snippet)).unwrap();
        }
        let mut running = Running::start((self.start)(home, &port), &port, self.ready);
        for (ask, answers) in asks {
            let output = shell(home, &ask.replace(self.port, &port));
            let is_answer = output.status.success() && words(&output).contains(self.ask.1);
            let said = words(&output);
            assert!(is_answer == *answers, "{}, {how}: {ask}{said}{}", self.files[0], running.hear());
        }
    }
}

#[test]
fn every_server_of_the_page_serves() {
    let home = issued();
    for server in SERVERS {
        // All commands succeed, so what the other test rejects is rejected because of the certificate.
        let [with, without, stranger] = server.asks();
        server.serve(&home, "plain", &[(&without, true), (&with, true), (&stranger, true)]);
    }
}

#[test]
fn every_server_of_the_page_answers_only_clients_with_a_certificate() {
    let home = issued();
    let takes_more_than_lines = |server: &&Server| server.files == ["main.rs"];
    for server in SERVERS.iter().filter(|server| !takes_more_than_lines(server)) {
        let [with, without, stranger] = server.asks();
        let asks = [(&*with, true), (&*without, false), (&*stranger, false), (&*with, true)];
        server.serve(&home, "mutual", &asks);
    }
}

#[test]
fn the_command_without_a_client_certificate_is_the_one_with_it_cut_short() {
    for server in SERVERS.iter().filter(|server| server.ask.0 != "psql") {
        assert_eq!(server.asks()[1], block(server.ask.0));
    }
}

#[test]
fn the_scripts_of_package_json_issue_and_start() {
    let home = issued();
    fs::write(home.file("package.json"), block("package.json")).unwrap();
    fs::write(home.file("server.js"), "console.log('started with', process.env.NODE_EXTRA_CA_CERTS)")
        .unwrap();
    let output = shell(&home, "npm run dev");
    let said = words(&output);
    assert!(output.status.success() && said.contains("started with /"), "{said}");
    assert!(home.file("tls.crt").exists() && home.file("tls.key").exists(), "{said}");
}

#[test]
fn the_command_for_browsers_is_understood() {
    let home = issued();
    home.ok(["install", "--store", "nss"]);
    let output = shell(&home, &block("browser"));
    assert!(output.status.success() && words(&output).contains("added"), "{}", words(&output));
}

#[test]
fn no_snippet_of_the_page_is_left_out() {
    let mut used: Vec<&str> =
        vec!["setup", "curl", "psql", "redis-cli", "package.json", "browser", "next-dev"];
    used.extend(SERVERS.iter().flat_map(|server| server.files));
    for (info, _) in blocks() {
        let name = info.split_once(' ').map(|(_, name)| name.trim_end_matches(" mutual"));
        assert!(name.is_some_and(|name| used.contains(&name)), "nothing runs the block {info:?}");
    }
}

/// `devca snippet` prints the lines of the page with the files of this home.
#[test]
fn devca_prints_the_lines_of_the_page_with_the_files_filled_in() {
    let home = issued();
    for (kind, files) in [
        ("nginx", &["nginx.conf"][..]),
        ("apache", &["apache.conf"]),
        ("haproxy", &["haproxy.cfg"]),
        ("caddy", &["Caddyfile"]),
        ("postgres", &["postgresql.conf", "pg_hba.conf"]),
        ("redis", &["redis.conf"]),
        ("node", &["server.mjs"]),
        ("vite", &["vite.config.mjs"]),
        ("next", &["next-dev"]),
        ("python", &["server.py"]),
        ("go", &["server.go"]),
        ("rust", &["main.rs"]),
        ("java", &["application.properties"]),
    ] {
        let document = home.json(["snippet", kind]);
        let printed: Vec<(&str, &str)> = document["files"]
            .as_array()
            .unwrap()
            .iter()
            .map(|file| (file["name"].as_str().unwrap(), file["content"].as_str().unwrap()))
            .collect();
        assert_eq!(printed.iter().map(|(name, _)| *name).collect::<Vec<_>>(), files, "{kind}");
        let clients = home.home().join(".local/share/devca/clients/root.pem");
        for (name, content) in printed {
            let mut expected = block(name).replace("clients.pem", clients.to_str().unwrap());
            for file in [
                "localhost+1.pem",
                "localhost+1-key.pem",
                "localhost+1-combined.pem",
                "localhost+1-keystore.p12",
            ] {
                expected = expected.replace(file, home.file(file).to_str().unwrap());
            }
            let client = [("nginx", "nginx-acme"), ("apache", "apache-md"), ("caddy", "caddy-acme")];
            if let Some((_, client)) = client.iter().find(|(server, _)| *server == kind) {
                expected = format!(
                    "# To get certificates from devca acme instead: devca snippet {client}\n{expected}"
                );
            }
            assert_eq!(content, expected, "{kind}");
        }
    }
    let other = home.ok(["snippet", "nginx", "--cert", "strangers/alice-client.pem"]);
    assert!(other.contains("strangers/alice-client-key.pem;"), "{other}");
    let refused = home.fails(["snippet", "haproxy", "--cert", "localhost+1.pem"]);
    assert!(refused.contains("has no key") && refused.contains("--format pem,combined"), "{refused}");
}
