//! The versions of the programs in the tests, for the tables of docs/clients.md.

use std::fs;
use std::process::Command;

use super::{ok, project, tool, words};

/// Returns the first word with a digit in a program's output; for a library, the version of its package.
pub fn version(name: &str, command: &[&str]) -> String {
    let package = |name: &str| ok("dpkg-query", ["-W", "-f", "${Version}", name]);
    let said = match (name, command) {
        ("rustls (webpki)", _) => locked("Cargo.lock", "rustls-webpki"),
        ("axum (rustls)", _) => locked("tests/rust/Cargo.lock", "axum"),
        ("gRPC (Python)", _) => fs::read_to_string(project().join("target/tools/grpc/version")).unwrap(),
        ("NSS (tstclnt)", _) => package("libnss3").rsplit(':').next().unwrap().to_owned(),
        ("workerd" | "miniflare", _) => {
            let path = project().join("target/tools/node_modules").join(name).join("package.json");
            let text = fs::read_to_string(path).unwrap();
            serde_json::from_str::<serde_json::Value>(&text).unwrap()["version"].as_str().unwrap().to_owned()
        }
        ("mbedTLS", _) => package("libmbedtls-dev"),
        ("wolfSSL", _) => package("libwolfssl-dev"),
        (_, ["dpkg", name]) => package(name),
        (_, command) => words(&Command::new(tool(command[0])).args(&command[1..]).output().unwrap()),
    };
    let is_version = |word: &&str| {
        word.contains(['.', '-']) && word.contains(|c: char| c.is_ascii_digit()) && !word.contains('/')
    };
    let word = said.split_whitespace().find(is_version).unwrap();
    word.trim_matches(|c: char| !c.is_ascii_digit()).split(['-', '+']).next().unwrap().to_owned()
}

fn locked(file: &str, package: &str) -> String {
    let lock = fs::read_to_string(project().join(file)).unwrap();
    lock.split(&format!("name = \"{package}\"\nversion = ")).nth(1).unwrap().to_owned()
}
