//! Runs the commands in docs/node.md.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::Path;
use std::process::Output;

use common::{Home, Server, project, tool, words};

/// Returns the blocks of the page with this info string.
fn blocks(info: &str) -> Vec<String> {
    let page = fs::read_to_string(project().join("docs/node.md")).unwrap();
    let starts = format!("```{info}\n");
    let blocks: Vec<String> =
        page.split(&starts).skip(1).map(|rest| rest.split("\n```").next().unwrap().to_owned()).collect();
    assert!(!blocks.is_empty(), "the page has no block {info}");
    blocks
}

fn shell(home: &Home, script: &str) -> Output {
    let devca = Path::new(env!("CARGO_BIN_EXE_devca")).parent().unwrap();
    let path = format!("{}:{}", devca.display(), std::env::var("PATH").unwrap());
    home.command(&tool("sh"), ["-euc", script]).env("PATH", path).output().unwrap()
}

#[test]
fn the_commands_of_the_page_do_what_it_says() {
    let home = Home::new();
    let setup = shell(&home, &blocks("sh setup")[0]);
    assert!(setup.status.success(), "{}", words(&setup));
    let server = Server::page(&home.file("tls.crt"), &home.file("tls.key"));
    let port = server.port.to_string();
    let here = |script: &str| script.replace("8443", &port);

    let fetches = blocks("sh fetch");
    let without = here(fetches[0].strip_prefix("devca run -- ").unwrap());
    let refused = shell(&home, &without);
    let said = words(&refused);
    assert!(!refused.status.success() && said.contains("UNABLE_TO_VERIFY_LEAF_SIGNATURE"), "{said}");
    for fetch in &fetches {
        let output = shell(&home, &here(fetch));
        assert!(output.status.success() && words(&output).contains("200"), "{fetch}: {}", words(&output));
    }

    let check = shell(&home, &here(&blocks("sh check")[0]));
    assert!(words(&check).contains("devca install"), "{}", words(&check));
    let explain = shell(&home, &blocks("sh explain")[0]);
    let said = words(&explain);
    assert!(explain.status.success() && said.contains("devca run -- PROGRAM"), "{said}");
}

#[test]
fn the_script_is_that_of_the_page_on_servers() {
    let servers = fs::read_to_string(project().join("docs/servers.md")).unwrap();
    assert!(servers.contains(&blocks("json package.json")[0]), "tests/servers.rs runs that one");
}
