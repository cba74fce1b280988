//! A root that someone added to the system's store, as companies do.

use std::fs;

use super::bench::{authority, forged, serve};
use super::common::{Home, in_namespace, ok, project, tool, words};

/// The file with the roots of Debian and its derivatives.
const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

#[test]
fn programs_that_accept_a_companys_root_are_listed() {
    if !in_namespace("company::programs_that_accept_a_companys_root_are_listed") {
        return;
    }
    let home = Home::new();
    let root = authority(&home, "company", None);
    let pair = forged(&home, "leaf", Some(&root), &[]);
    fs::copy(&root.0, "/usr/local/share/ca-certificates/company.crt").unwrap();
    ok("/usr/sbin/update-ca-certificates", [""; 0]);
    let server = serve(&pair);
    let address = format!("https://localhost:{}", server.port);
    let said = home.ok(["check", &address]);
    let plain = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(plain.contains("by curl, git, OpenSSL programs (Python, Ruby, PHP) not by Node ("), "{said}");
    assert!(plain.contains("Node (NODE_EXTRA_CA_CERTS), Deno (DENO_CERT), requests (REQUESTS_CA_BUNDLE)"));
    assert!(plain.contains(&format!("set the variable to {BUNDLE}")), "{said}");
    assert!(said.lines().all(|line| line.chars().count() <= 80), "{said}");

    let clients = project().join("tests/clients");
    let port = server.port.to_string();
    let script = |file: &str| clients.join(file).display().to_string();
    let deno = ["run", "--quiet", "--no-config", "--allow-net", &*script("fetch.mjs")].map(str::to_owned);
    let curl = ["-sS", "--noproxy", "*", &*address].map(str::to_owned);
    let with_port = |first: &[String]| [first, &["-".into(), port.clone(), "localhost".into()]].concat();
    for (name, arguments, variable) in [
        ("curl", curl.to_vec(), None),
        ("node", with_port(&[script("client.mjs")]), Some("NODE_EXTRA_CA_CERTS")),
        ("deno", with_port(&deno), Some("DENO_CERT")),
    ] {
        let run = |set: Option<&str>| {
            let mut program = home.command(&tool(name), &arguments);
            program.envs(set.map(|variable| (variable, BUNDLE))).output().unwrap()
        };
        let alone = run(None);
        assert_eq!(alone.status.success(), variable.is_none(), "{name}: {}", words(&alone));
        let helped = run(variable);
        assert!(helped.status.success(), "{name}: {}", words(&helped));
    }
    // The file of --roots decides alone, and says nothing about the programs of this machine.
    let root = root.0.display().to_string();
    assert!(!home.ok(["check", &address, "--roots", &root]).contains("Node"));
}
