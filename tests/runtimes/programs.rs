//! One row for each program of the table in docs/stores.md: what it trusts with nothing, after `devca install`, and
//! under `devca run`. Each program is the real one.

use std::path::Path;
use std::process::Output;

use crate::common::clients::{go_client, java_classes};
use crate::common::{Home, Server, in_namespace, project, tool, words};

/// A program, started by a shell that knows `$URL`, `$PORT`, `$NODE`, `$PYTHON` (a virtual environment), `$MODULES` (what
/// npm has installed), `$CLIENTS` (tests/clients), `$JAVA_CLASSES` and `$GO_CLIENT`.
struct Program {
    name: &'static str,
    script: &'static str,
    /// It trusts the system's store, and so the root after `install`.
    reads_system: bool,
    /// What makes it read the system's store, where something does.
    switch: Option<&'static str>,
    /// It trusts the root under `devca run`.
    runs: bool,
    /// What it says when it has reached the server, and still fails for a reason of its own.
    reached: Option<&'static str>,
}

const fn program(name: &'static str, script: &'static str) -> Program {
    Program { name, script, reads_system: true, switch: None, runs: true, reached: None }
}

const PROGRAMS: &[Program] = &[
    Program {
        reads_system: false,
        switch: Some("NODE_OPTIONS=--use-openssl-ca SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"),
        ..program("Node", "exec \"$NODE\" $CLIENTS/client.mjs - $PORT localhost")
    },
    Program {
        reads_system: false,
        switch: Some("NODE_USE_SYSTEM_CA=1"),
        ..program("Node 22", "exec $MODULES/node-22/bin/node $CLIENTS/client.mjs - $PORT localhost")
    },
    Program {
        reads_system: false,
        switch: Some("NODE_USE_SYSTEM_CA=1"),
        ..program("Node 24", "exec $MODULES/node-24/bin/node $CLIENTS/client.mjs - $PORT localhost")
    },
    program("Bun's fetch", "exec $MODULES/.bin/bun $CLIENTS/fetch.mjs - $PORT localhost"),
    program("Bun's node:https", "exec $MODULES/.bin/bun $CLIENTS/client.mjs - $PORT localhost"),
    Program {
        reads_system: false,
        switch: Some("DENO_TLS_CA_STORE=system"),
        ..program(
            "Deno",
            "exec $MODULES/.bin/deno run --quiet --no-config --allow-net --allow-read $CLIENTS/fetch.mjs - $PORT localhost",
        )
    },
    program("workerd", "exec $CLIENTS/workerd $MODULES/.bin/workerd - $PORT localhost"),
    Program {
        reads_system: false,
        switch: Some("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH=/etc/ssl/certs/ca-certificates.crt"),
        // Its server is of the same process.
        ..program(
            "gRPC",
            "exec $MODULES/../grpc/bin/python $CLIENTS/grpc_pair.py - localhost localhost.pem localhost-key.pem",
        )
    },
    program("Python's ssl", "exec python3 $CLIENTS/client.py - $PORT localhost"),
    Program {
        reads_system: false,
        ..program("requests", "exec $PYTHON -c \"import requests; requests.get('$URL').raise_for_status()\"")
    },
    Program {
        reads_system: false,
        ..program("httpx", "exec $PYTHON -c \"import httpx; httpx.get('$URL').raise_for_status()\"")
    },
    Program {
        reads_system: false,
        ..program("httplib2", "exec $PYTHON -c \"import httplib2; httplib2.Http().request('$URL')\"")
    },
    // The server has no packages: what pip says of the connection decides.
    program(
        "pip",
        "! $PYTHON -m pip --isolated --no-cache-dir download --retries 0 --no-deps --index-url $URL none 2>&1 | \
         tee /dev/stderr | grep -q SSLError",
    ),
    Program {
        reads_system: false,
        switch: Some("UV_SYSTEM_CERTS=1"),
        reached: Some("there are no versions of none"),
        ..program(
            "uv",
            "exec ${PYTHON%python}uv --no-cache pip install --dry-run --target none --index-url $URL none",
        )
    },
    program("curl", "exec curl -sSf $URL"),
    program("Ruby", "exec ruby -rnet/http -e \"Net::HTTP.get(URI('$URL'))\""),
    program("PHP's streams", "exec php -r \"exit(file_get_contents('$URL') === false ? 1 : 0);\""),
    program(
        "PHP's curl",
        "exec php -r \"\\$c = curl_init('$URL'); curl_exec(\\$c); echo curl_error(\\$c); exit(curl_errno(\\$c));\"",
    ),
    program("Go", "exec $GO_CLIENT - $PORT localhost"),
    Program { reached: Some("not found"), ..program("git", "exec git -c http.proxy= ls-remote $URL") },
    program("Java", "exec java -cp $JAVA_CLASSES Client - $PORT localhost"),
    Program { runs: false, ..program("wget", "exec wget -q -O - $URL") },
    program(
        "wget with its option",
        "exec wget -q -O - ${SSL_CERT_FILE:+--ca-certificate=$SSL_CERT_FILE} $URL",
    ),
];

impl Program {
    fn trusts(&self, home: &Home, port: u16, before: &[&str]) -> (bool, Output) {
        let devca = env!("CARGO_BIN_EXE_devca");
        let words: Vec<&str> =
            before.iter().map(|word| if *word == "devca" { devca } else { word }).collect();
        let mut command = home.command(&tool("env"), words);
        command
            .args(["sh", "-c", self.script])
            .env("URL", format!("https://localhost:{port}/"))
            .env("PORT", port.to_string())
            .env("NODE", tool("node"))
            .env("PYTHON", project().join("target/tools/python/bin/python"))
            .env("CLIENTS", project().join("tests/clients"))
            .env("MODULES", project().join("target/tools/node_modules"))
            .env("JAVA_CLASSES", java_classes())
            .env("GO_CLIENT", go_client())
            .env("no_proxy", "*");
        let output = command.output().unwrap();
        let reached = self.reached.is_some_and(|text| crate::common::words(&output).contains(text));
        (output.status.success() || reached, output)
    }
}

fn server(home: &Home) -> Server {
    let tools = ["python/bin/uv", "grpc/bin/python", "node_modules/node-22", "node_modules/node-24"];
    let modules = ["bun", "deno", "workerd"].map(|name| format!("node_modules/.bin/{name}"));
    for tool in tools.iter().copied().chain(modules.iter().map(String::as_str)) {
        let tool = project().join("target/tools").join(tool);
        assert!(tool.exists(), "{} is missing: tests/setup installs it", tool.display());
    }
    home.ok(["issue", "localhost"]);
    Server::page(&home.file("localhost.pem"), &home.file("localhost-key.pem"))
}

#[test]
fn programs_trust_the_root_with_devca_run_and_not_without() {
    if !in_namespace("programs::programs_trust_the_root_with_devca_run_and_not_without") {
        return;
    }
    let home = Home::new();
    let server = server(&home);
    for program in PROGRAMS {
        let (trusts, output) = program.trusts(&home, server.port, &[]);
        assert!(!trusts, "{} trusts the server without devca: {}", program.name, words(&output));
        let (trusts, output) = program.trusts(&home, server.port, &["devca", "run", "--"]);
        assert_eq!(trusts, program.runs, "{} under devca run: {}", program.name, words(&output));
    }
    assert!(!home.home().join(".local/share/pki").exists(), "no store is touched");
}

#[test]
fn programs_trust_the_root_after_install_as_the_table_says() {
    if !in_namespace("programs::programs_trust_the_root_after_install_as_the_table_says") {
        return;
    }
    let home = Home::new();
    let server = server(&home);
    home.ok(["install", "--store", "system"]);
    for program in PROGRAMS {
        let (trusts, output) = program.trusts(&home, server.port, &[]);
        assert_eq!(trusts, program.reads_system, "{} after install: {}", program.name, words(&output));
        if let Some(switch) = program.switch {
            let words: Vec<&str> = switch.split(' ').collect();
            let (trusts, output) = program.trusts(&home, server.port, &words);
            assert!(trusts, "{} with {switch}: {}", program.name, crate::common::words(&output));
        }
    }
}

/// The table in docs/stores.md has a row for each variable, with its readers.
#[test]
fn the_table_of_the_documentation_is_the_programs() {
    use devca_platform::runtime::{Effect, VARIABLES};
    let text = std::fs::read_to_string(project().join(Path::new("docs/stores.md"))).unwrap();
    for variable in VARIABLES {
        let effect = match variable.effect {
            Effect::Adds => "adds".into(),
            Effect::Replaces | Effect::JvmOptions => "replaces".into(),
            Effect::ReadsSystem(value) => format!("`{value}`: reads the system's store"),
            Effect::PhpFolders => "adds a setting".to_owned(),
        };
        let row = format!("| `{}` | {} | {effect} |", variable.name, variable.readers);
        assert!(text.contains(&row), "docs/stores.md lacks the row {row}");
    }
}
