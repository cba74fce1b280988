//! The second table of docs/clients.md: which servers accept the certificate of `devca issue --client alice`.
//!
//! No server may reject it because of its form: BoringSSL requires a SAN below a constrained root, and Java
//! one that is permitted below a constrained intermediate. With `DEVCA_SERVERS_TABLE=FILE`, the table is
//! written to that file: tests/measure-clients does that.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use super::World;
use super::common::clients::grpc;
use super::common::versions::version;
use super::common::{project, words};
use super::running::Server;
use super::servers::{SERVERS, ServerKind, TAKERS};

/// The columns: how the clients' root was created.
const KINDS: &[(&str, Option<&str>)] = &[
    ("default root", None),
    ("`--sealed`", Some("--sealed")),
    ("`--constrain-addresses`", Some("--constrain-addresses")),
    ("`--unconstrained`", Some("--unconstrained")),
];

/// Its server and client are in one process.
const GRPC: &str = "gRPC (Python)";

/// Whether a server accepts alice, and what it prints.
type Verdict = (bool, String);

fn servers() -> impl Iterator<Item = &'static ServerKind> {
    SERVERS.iter().chain(TAKERS)
}

/// Returns every server's response to alice, in the order of the rows. It must not greet anyone else.
fn verdicts(kind: Option<&str>) -> Vec<Verdict> {
    let world = World::with_clients_of(kind);
    servers().map(|server| takes(server, &world)).chain([grpc_takes(&world)]).collect()
}

fn takes(server: &ServerKind, world: &World) -> Verdict {
    let running = Server::start(server, world);
    let ask = |client: Option<&str>| {
        let stem = client.map(|name| world.home.file(name));
        words(&server.client.ask(world, running.port, stem.as_deref()))
    };
    for stranger in [None, Some("mallory-client")] {
        let said = ask(stranger);
        assert!(!said.contains(server.greeting), "{} greets {stranger:?}: {said}", server.name);
    }
    let said = ask(Some("alice-client"));
    (said.contains(server.greeting), said)
}

fn grpc_takes(world: &World) -> Verdict {
    let home = &world.home;
    let own = [home.file("localhost.pem"), home.file("localhost-key.pem")];
    let call = |stem: &str| {
        let client = ["clients.pem".to_owned(), format!("{stem}.pem"), format!("{stem}-key.pem")]
            .map(|file| home.file(&file));
        let [ca, certificate, key] = client.each_ref().map(PathBuf::as_path);
        words(&grpc(&home.root(), "localhost", (&own[0], &own[1]), Some([ca, certificate, key])))
    };
    let said = call("mallory-client");
    assert!(!said.contains("Hello, "), "gRPC greets mallory: {said}");
    let said = call("alice-client");
    (said.contains("Hello, alice"), said)
}

#[test]
fn every_server_accepts_alice_below_every_kind_of_root() {
    let columns: Vec<Vec<Verdict>> = std::thread::scope(|scope| {
        let measured: Vec<_> = KINDS.iter().map(|(_, kind)| scope.spawn(|| verdicts(*kind))).collect();
        measured.into_iter().map(|column| column.join().unwrap()).collect()
    });
    let versions = servers().map(|server| (server.name, server.version)).chain([(GRPC, &[][..])]);
    let mut rows = Vec::new();
    let mut refusals = Vec::new();
    for (index, (name, command)) in versions.enumerate() {
        let verdicts: Vec<&Verdict> = columns.iter().map(|column| &column[index]).collect();
        let cells: Vec<&str> = verdicts.iter().map(|(takes, _)| if *takes { "yes" } else { "no" }).collect();
        let refused = verdicts.iter().zip(KINDS).filter(|((takes, _), _)| !takes);
        refusals.extend(refused.map(|((_, said), (kind, _))| format!("{name}, {kind}: {said}")));
        rows.push((name, version(name, command), cells.join(" | ")));
    }
    assert!(refusals.is_empty(), "alice is refused:\n{}", refusals.join("\n"));
    if let Some(path) = std::env::var_os("DEVCA_SERVERS_TABLE") {
        fs::write(path, written(&rows)).unwrap();
    } else {
        compare(&rows);
    }
}

fn written(rows: &[(&str, String, String)]) -> String {
    let kinds: Vec<&str> = KINDS.iter().map(|(title, _)| *title).collect();
    let mut text =
        format!("| server | version | {} |\n|---|---{}|\n", kinds.join(" | "), "|---".repeat(kinds.len()));
    for (name, version, cells) in rows {
        let _ = writeln!(text, "| {name} | {version} | {cells} |");
    }
    text
}

/// Compares the rows with the documentation; versions depend on the machine.
fn compare(rows: &[(&str, String, String)]) {
    let page = fs::read_to_string(project().join("docs/clients.md")).unwrap();
    let table =
        page.split("<!-- measured servers -->\n").nth(1).and_then(|rest| rest.split("<!-- end -->").next());
    let table: Vec<&str> = table.unwrap().lines().skip(2).collect();
    let wrong: Vec<&str> = rows
        .iter()
        .enumerate()
        .filter(|(index, (name, _, cells))| {
            let line = table.get(*index).copied().unwrap_or_default();
            !line.starts_with(&format!("| {name} | ")) || !line.ends_with(&format!(" | {cells} |"))
        })
        .map(|(_, (name, ..))| *name)
        .collect();
    assert!(wrong.is_empty(), "docs/clients.md is wrong about {wrong:?}: tests/measure-clients writes it");
    assert_eq!(table.len(), rows.len(), "docs/clients.md has other servers: tests/measure-clients writes it");
}
