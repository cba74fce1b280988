//! `--json`: the output of every command, successful or not, matches its schema in `docs/json/`.
#![cfg(unix)]
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::collections::BTreeMap;
use std::fs;

use common::{Home, Server, project, tool, words};
use devca::cli::help;
use serde_json::{Value, json};

/// The commands, run in this order in one home, with their exit codes. `PORT` is a server's port, `SERIAL`
/// the serial number of a certificate.
const RUNS: &[(&str, i32)] = &[
    ("status --store nss", 1),
    ("status --store x", 2),
    ("list", 0),
    ("rotate", 1),
    ("export --for vault --out out", 1),
    ("import missing", 1),
    ("passphrase --forget", 1),
    ("install --sealed --unconstrained --permit x.test", 2),
    ("install --dry-run", 0),
    ("install --store system", 0),
    ("install --store system", 0),
    ("issue localhost 127.0.0.1", 0),
    ("issue localhost 127.0.0.1 --if-needed", 0),
    ("issue secret.test --format pem,fullchain,combined,der,p12,java,k8s --out all --intermediate", 0),
    ("issue www.example.dev", 1),
    ("issue a_b.test?", 2),
    ("issue --batch names --out batch", 1),
    ("issue --bad expired,revoked --out bad", 0),
    ("issue --bad x", 2),
    ("issue --client alice --org Example --ou Test", 0),
    ("list", 0),
    ("list --expiring 900d", 0),
    ("list --prune", 0),
    ("list --expiring x", 2),
    ("check https://localhost:PORT --store system", 0),
    ("check https://127.0.0.2:PORT", 3),
    ("check localhost+1.pem --key localhost+1-key.pem", 1),
    ("check missing.pem", 2),
    ("check --expiring 900d", 1),
    ("check localhost:PORT --starttls smtp --timeout 1", 3),
    ("inspect localhost+1.pem", 0),
    ("inspect request.csr", 0),
    ("inspect missing.pem", 1),
    ("explain CERT_HAS_EXPIRED", 0),
    ("explain --all", 0),
    ("explain nothing of the kind", 1),
    ("renew", 0),
    ("renew --all --exec true", 1),
    ("renew localhost+1.pem --exec false", 1),
    ("renew missing", 1),
    // Encrypted files that contain the root are not updated, because their passwords are unknown.
    ("permit corp.example.dev --store system", 1),
    ("permit --list", 0),
    ("permit com", 2),
    ("revoke alice-client.pem", 0),
    ("revoke missing", 1),
    ("crl --out devca.crl", 0),
    ("crl --days 0", 2),
    ("root", 0),
    ("root --format pem,der --out out", 0),
    ("root --ca none", 1),
    ("export --for vault --out vault --days 30", 0),
    ("snippet nginx", 0),
    ("snippet x", 2),
    ("env", 0),
    ("env --shell x", 2),
    ("run", 2),
    ("run missing-program", 127),
    ("acme --days 0", 2),
    ("acme --eab missing", 1),
    ("serve x=", 2),
    ("serve www.example-bank.com=3000", 1),
    ("passphrase --remove", 0),
    ("browser add alice", 1),
    ("browser add alice --url x", 2),
    ("browser remove alice", 0),
    ("ca list", 0),
    ("ca x", 2),
    ("mkcert -CAROOT", 0),
    ("mkcert -nonsense", 2),
    ("mkcert www.example.dev", 1),
    ("mkcert -client alice", 0),
    ("mkcert --link next", 0),
    ("mkcert --unlink", 0),
    ("mkcert --link x", 2),
    ("completions bash", 0),
    ("completions x", 2),
    ("man issue", 0),
    ("man x", 2),
    (
        "import --ca imported --cert ../home/.local/share/devca/default/root.pem --key ../home/.local/share/devca/default/root-key.pem",
        0,
    ),
    ("ca list", 0),
    ("status --store system", 1),
    ("rotate --yes", 1),
    ("uninstall --sha256 x", 2),
    ("uninstall --dry-run", 0),
    ("uninstall --store system", 0),
    ("uninstall --purge --yes --store system", 0),
    ("uninstall", 1),
];

/// Returns the words of a command line that name its schema.
fn schema_of(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    if words[0] == "ca" { "ca-list".into() } else { words[0].into() }
}

#[test]
fn what_every_command_prints_is_what_its_schema_says() {
    if !common::in_namespace("what_every_command_prints_is_what_its_schema_says") {
        return;
    }
    let home = Home::new();
    fs::write(home.file("names"), "one.test\ntwo.test kind=client\n\nnot_a_name?\n").unwrap();
    let request = ["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    let more = ["-subj", "/CN=x.test", "-keyout", "/dev/null", "-out"];
    common::ok(
        "openssl",
        request.iter().chain(&more).copied().chain([home.file("request.csr").to_str().unwrap()]),
    );
    let (mut server, mut unexpected) = (None, Vec::new());
    let mut documents: Vec<Value> = Vec::new();
    let mut ends: BTreeMap<String, Vec<bool>> = BTreeMap::new();
    for (line, code) in RUNS {
        let port = server.as_ref().map_or(0, |server: &Server| server.port).to_string();
        let line = line.replace("PORT", &port);
        let output = home.devca(["--json"].into_iter().chain(line.split(' '))).output().unwrap();
        if output.status.code() != Some(*code) {
            unexpected.push(format!("{line}: {:?}, not {code}: {}", output.status.code(), words(&output)));
        }
        let document: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|e| panic!("{line}: {e}: {}", words(&output)));
        assert_eq!(document["version"], 1, "{line}");
        ends.entry(schema_of(&line)).or_default().push(document.get("error").is_none());
        documents.push(json!([schema_of(&line), line, document]));
        if line.starts_with("issue localhost") && server.is_none() {
            server = Some(Server::page(&home.file("localhost+1.pem"), &home.file("localhost+1-key.pem")));
        }
    }
    assert!(unexpected.is_empty(), "{}", unexpected.join("\n"));
    for (command, schema) in commands() {
        let mut seen = ends.get(&schema).cloned().unwrap_or_default();
        seen.sort_unstable();
        seen.dedup();
        let expected: &[bool] =
            if ["run", "serve", "acme"].contains(&command.as_str()) { &[false] } else { &[false, true] };
        assert_eq!(seen, expected, "{command} is to be seen failing and succeeding");
    }
    let path = home.file("documents.json");
    fs::write(&path, serde_json::to_vec(&documents).unwrap()).unwrap();
    let script = project().join("tests/clients/schemas.py");
    let mut python = home.command(&tool("/usr/bin/python3"), [script, project().join("docs/json"), path]);
    let validated = python.output().unwrap();
    assert!(validated.status.success(), "{}", words(&validated));
}

/// Returns every command with the name of its schema.
fn commands() -> Vec<(String, String)> {
    let all = help::command();
    let names = all.get_subcommands().map(|command| command.get_name().to_owned());
    names
        .filter(|name| name != "help")
        .map(|name| {
            let schema = schema_of(&name);
            (name, schema)
        })
        .collect()
}
