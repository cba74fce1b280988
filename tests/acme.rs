//! Tests `devca acme` against the RFCs and with real clients.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr, missing_docs)]

#[path = "acme/clients.rs"]
mod clients;
mod common;
#[path = "acme/dns.rs"]
mod dns;
#[path = "acme/libraries.rs"]
mod libraries;
#[path = "acme/pebble.rs"]
mod pebble;
#[path = "acme/renewing.rs"]
mod renewing;
#[allow(dead_code)] // what devca serve alone does
#[path = "serve/served.rs"]
mod served;
#[path = "acme/snippets.rs"]
mod snippets;
#[path = "acme/validation.rs"]
mod validation;
#[path = "acme/world.rs"]
mod world;

use std::ffi::OsStr;
use std::fs;
use std::process::Stdio;

use common::{Home, project, tool, words};
use world::{World, succeed};

/// Runs a case of `protocol.py`.
fn protocol<S: AsRef<OsStr>>(world: &World, case: &str, more: impl IntoIterator<Item = S>) {
    let mut python = world.home.command(&tool("python3"), [project().join("tests/acme/protocol.py")]);
    python.args([case, &world.directory()]).arg(world.home.root()).args(more);
    let said = succeed(python.env("PYTHONDONTWRITEBYTECODE", "1"));
    assert!(said.ends_with("ok\n"), "{case}: {said}");
}

const NOTHING: [&str; 0] = [];

#[test]
fn requests_must_follow_the_rfc() {
    let world = World::new(&["--validate", "none"]);
    protocol(&world, "requests", NOTHING);
}

#[test]
fn accounts_are_found_changed_and_deactivated() {
    let world = World::new(&["--validate", "none", "--ephemeral"]);
    protocol(&world, "accounts", NOTHING);
    assert!(!world.home.ca().join("acme.redb").exists(), "--ephemeral writes nothing");
}

#[test]
fn orders_give_what_the_root_may_sign_for() {
    let world = World::new(&["--validate", "none"]);
    protocol(&world, "orders", NOTHING);
    let listed = world.issued("*.app.test");
    assert_eq!(listed.len(), 1, "the inventory lists what was issued");
    let account = listed[0]["acme_account"].as_str().unwrap();
    assert!(world.home.ok(["list"]).contains(&format!("ACME account {account}")));
    protocol(&world, "kinds", NOTHING);
    protocol(&world, "preauthorized", NOTHING);
    protocol(&world, "lists", NOTHING);
}

/// What devca permit and devca rotate change is in force for the next request.
#[test]
fn a_ca_that_changes_is_loaded_again() {
    let world = World::new(&["--validate", "none"]);
    protocol(&world, "refused", ["www.corp.example.dev"]);
    world.home.ok(["permit", "corp.example.dev", "--store", "wsl"]);
    protocol(&world, "issued", ["www.corp.example.dev"]);
    world.home.ok(["rotate", "--yes", "--store", "wsl"]);
    // The server's own certificate is replaced within a second.
    common::wait_until("the server has a certificate of the new root", || {
        let mut curl = world.client("curl");
        curl.args(["-sSf", "--noproxy", "*", "--cacert"]).arg(world.home.root()).arg(world.directory());
        curl.output().unwrap().status.success()
    });
    protocol(&world, "issued", ["www.corp.example.dev"]);
}

#[test]
fn revoked_certificates_are_on_the_list() {
    let world = World::new(&["--validate", "none"]);
    protocol(&world, "revocation", NOTHING);
    let revoked = world.issued("app.test");
    assert_eq!(revoked[0]["state"], "revoked", "{revoked:#?}");
}

#[test]
fn renewal_information_can_be_forced() {
    let mut world = World::new(&["--validate", "none"]);
    protocol(&world, "renewal", ["later"]);
    world.restart(&["--validate", "none", "--renew-now", "--minutes", "10"]);
    protocol(&world, "renewal", ["now"]);
    protocol(&world, "minutes", ["10"]);
    world.restart(&["--validate", "none", "--days", "6"]);
    protocol(&world, "minutes", [(6 * 24 * 60).to_string()]);
}

#[test]
fn new_accounts_can_need_a_key_of_the_server() {
    let home = Home::new();
    let file = home.file("eab.txt");
    let key = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0IQ";
    fs::write(&file, format!("# a key\nkid-1 {key}\n")).unwrap();
    let world = World::new(&["--eab", file.to_str().unwrap()]);
    protocol(&world, "bound", ["kid-1", key]);
    fs::write(&file, "kid-1 short\n").unwrap();
    let said = world.home.fails(["acme", "--eab", file.to_str().unwrap()]);
    assert!(said.contains("line 1 does not consist of an identifier") && !said.contains("short"), "{said}");
}

#[test]
fn chaos_is_what_was_asked_for() {
    let world =
        World::new(&["--validate", "none", "--ephemeral", "--chaos", "nonces=20,errors=20,limits=20"]);
    protocol(&world, "chaos", NOTHING);
    let said = words(&world.home.devca(["acme", "--chaos", "500"]).output().unwrap());
    assert!(said.contains("hint: for example: --chaos 30"), "{said}");
}

#[test]
fn memory_has_a_limit() {
    let world = World::new(&["--validate", "none", "--ephemeral"]);
    protocol(&world, "full", NOTHING);
    let mib = world.acme.memory("VmHWM") >> 10;
    assert!(mib < 400, "{mib} MiB");
}

#[test]
fn the_directory_is_at_the_address() {
    let home = Home::new();
    let mut command = home.devca(["acme", "--port", "0", "--ephemeral", "--json", "--listen", "127.0.0.5"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let acme = served::Served::spawn(command);
    let log = acme.log();
    let url = log.iter().find_map(|line| line["directory"].as_str()).unwrap();
    assert!(url.starts_with("https://127.0.0.5:"), "{url}");
    let directory = common::ok("curl", ["-sS", "--cacert", home.root().to_str().unwrap(), url]);
    assert!(directory.contains(&url.replace("/directory", "/")), "{directory}");
}

/// What it says when it starts for the first time, while another runs, and without the port for its name server.
#[test]
fn what_prevents_a_start_is_explained() {
    let home = Home::new();
    let mut command = home.devca(["acme", "--port", "0", "--dns-port", "0", "--json"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let acme = served::Served::spawn(command);
    let log = acme.log();
    let notes: Vec<_> = log.iter().filter(|line| line["event"] == "warning").collect();
    assert_eq!(notes.len(), 1, "{notes:#?}");
    assert!(notes[0]["message"].as_str().unwrap().contains("created a root CA"), "{notes:#?}");

    let said = home.fails(["acme", "--port", "0"]);
    assert!(said.contains("error: another devca acme of this CA is running"), "{said}");
    assert!(
        said.contains("hint: end it with Ctrl-C, or") && said.contains(": devca acme --ephemeral"),
        "{said}"
    );
    let dns = log.iter().find_map(|line| line["dns"].as_str()).unwrap();
    let port = dns.split(':').next_back().unwrap();
    let said = home.fails(["acme", "--port", "0", "--ephemeral", "--dns-port", port]);
    let expected = format!("the name server cannot listen on {dns}: another program does");
    assert!(said.contains(&expected) && said.contains(": devca acme --dns-port 8053"), "{said}");

    let plain = common::run("curl", ["-sS", &acme.url("/directory").replace("https:", "http:")]);
    assert!(words(&plain).contains("speaks HTTPS"), "{}", words(&plain));
    common::ok("curl", ["-sS", "--cacert", home.root().to_str().unwrap(), &acme.url("/directory")]);
    acme.says("\"request\"");
    for line in acme.log().iter().filter(|line| line["event"] == "request") {
        let digits = line["milliseconds"].to_string();
        assert!(digits.split('.').next_back().unwrap().len() <= 3, "{line}");
    }
}

/// Kills the server as often as `DEVCA_KILLS` says, or else a few times.
#[test]
fn no_order_is_lost_when_the_server_is_killed() {
    let kills = std::env::var("DEVCA_KILLS").unwrap_or_else(|_| "20".into());
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    let port = world::free_port().to_string();
    let mut python = home.command(&tool("python3"), [project().join("tests/acme/kills.py")]);
    python.arg(kills).arg(home.root()).arg(&port).arg(env!("CARGO_BIN_EXE_devca"));
    python.args(["acme", "--json", "--validate", "none", "--port", &port]);
    let said = succeed(python.env("PYTHONDONTWRITEBYTECODE", "1"));
    assert!(said.ends_with(" 0 lost\nok\n"), "{said}");
    eprint!("{said}");
}
