//! A fault, what devca finds, and how clients react to it.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::common::captured::{clients_of, missing};
use super::common::clients::{CLIENTS, Client};
use super::common::{Home, Server, ok, project, tool, words};

/// A certificate or a chain, and its key.
pub(super) type Pair = (PathBuf, PathBuf);

/// A server with a fault.
pub(super) struct Fault {
    /// A short description of the fault.
    pub(super) what: &'static str,
    /// The findings that devca must report, worst first, and no others.
    pub(super) found: &'static [&'static str],
    /// The name that the client requests.
    pub(super) host: &'static str,
    pub(super) serve: fn(&Home) -> Server,
}

impl Fault {
    /// devca must find the fault. Of the clients, which trust the home's CA, exactly those must fail that
    /// devca predicts, with the predicted messages.
    pub(super) fn is_found_and_foretold(&self) {
        let home = Home::new();
        home.ok(["issue", "localhost"]);
        let server = (self.serve)(&home);
        let findings = findings(&home, self.found, &arguments(&home, self.host, server.port));
        for client in CLIENTS {
            says_what_is_foretold(&home, client, None, self.host, server.port, &findings, self.what);
        }
    }
}

/// Arguments for checking a server like a client that only trusts the home's root.
pub(super) fn arguments(home: &Home, host: &str, port: u16) -> Vec<String> {
    let root = home.root().display().to_string();
    let (connect, host) = (format!("127.0.0.1:{port}"), format!("https://{host}:{port}"));
    vec![host, "--connect".into(), connect, "--roots".into(), root]
}

/// Runs the check, which must find exactly this.
pub(super) fn findings<S: AsRef<OsStr>>(home: &Home, expected: &[&str], arguments: &[S]) -> Value {
    let (code, document) = home.check(arguments);
    let ids: Vec<&str> =
        document["findings"].as_array().unwrap().iter().map(|found| found["id"].as_str().unwrap()).collect();
    assert_eq!(ids, expected, "{document:#}");
    let is_error = |found: &Value| found["severity"] == "error";
    assert_eq!(
        code,
        i32::from(document["findings"].as_array().unwrap().iter().any(is_error)),
        "{document:#}"
    );
    document["findings"].clone()
}

/// Returns the messages that the findings predict for a client.
pub(super) fn foretold(findings: &Value, client: &str) -> Vec<String> {
    let called: &[&str] = match client {
        "openssl s_client" => &["OpenSSL", "curl"],
        "gnutls-cli" => &["GnuTLS"],
        "Chromium" => &["Chrome"],
        name => &[name],
    };
    // curl compares names without OpenSSL.
    let is_of = |found: &Value, word: &Value| {
        let is_foreign = word["client"] == "curl" && client != "curl" && found["id"] == "name-mismatch";
        called.contains(&word["client"].as_str().unwrap()) && !is_foreign
    };
    let of_client =
        findings.as_array().unwrap().iter().flat_map(|found| {
            found["seen_as"].as_array().unwrap().iter().filter(move |word| is_of(found, word))
        });
    of_client.map(|word| word["message"].as_str().unwrap().to_owned()).collect()
}

/// Connects with a client and compares; if nothing is predicted, the client must accept the server.
pub(super) fn says_what_is_foretold(
    home: &Home,
    client: &Client,
    identity: Option<(&Path, &Path)>,
    host: &str,
    port: u16,
    findings: &Value,
    what: &str,
) {
    // The catalogue does not cover wget.
    if client.name == "wget" {
        return;
    }
    let output = client.connect_as(identity, Some(&home.root()), port, host);
    compare(home, client.name, output.status.success(), &words(&output), findings, what);
}

/// The client's message must have been predicted, and `devca explain` must recognize it.
pub(super) fn compare(home: &Home, client: &str, accepts: bool, said: &str, findings: &Value, what: &str) {
    let foretold = foretold(findings, client);
    assert_eq!(accepts, foretold.is_empty(), "{what}: {client}, of which {foretold:?} is foretold: {said}");
    if accepts {
        return;
    }
    // Chromium's page has NET::ERR_…, and its log net::ERR_….
    let missing = missing(&format!("check: {client}: {what}"), clients_of(client), said);
    assert!(missing.is_empty(), "{what}: {client} does not say {missing:?}: {said}");
    let contains = |line: &str, words: &str| line.to_lowercase().contains(&words.to_lowercase());
    let is_said = |line: &&str| foretold.iter().any(|words| contains(line, words));
    let Some(line) = said.lines().find(is_said) else {
        panic!("{what}: {client} does not say {foretold:?}: {said}")
    };
    let explained = explained(home, line);
    let leads_to = explained["faults"].as_array().unwrap().iter().map(|fault| &fault["id"]);
    let leads_back = |id: &Value| findings.as_array().unwrap().iter().any(|found| found["id"] == *id);
    assert!(leads_to.into_iter().any(leads_back), "{line}: {explained:#}");
}

/// Returns the output of `devca explain` for a pasted line, which may begin with a dash.
pub(super) fn explained(home: &Home, line: &str) -> Value {
    serde_json::from_str(&home.ok(["--json", "explain", "--", line])).unwrap()
}

/// Issues a pair with devca and these arguments.
pub(super) fn issued(home: &Home, name: &str, words: &[&str]) -> Pair {
    let [certificate, fullchain, key] =
        ["", "-fullchain", "-key"].map(|part| home.file(&format!("{name}{part}.pem")));
    let _ = fs::remove_file(&fullchain); // from an earlier call
    home.ok(["issue", name, "--force"].iter().chain(words));
    (if fullchain.exists() { fullchain } else { certificate }, key)
}

/// Creates a pair that devca would not issue, with Python's `cryptography`.
pub(super) fn forged(home: &Home, name: &str, ca: Option<&Pair>, words: &[&str]) -> Pair {
    let pair = (home.file(&format!("{name}.pem")), home.file(&format!("{name}-key.pem")));
    let script = project().join("tests/clients/forge.py");
    let mut arguments: Vec<String> = Vec::new();
    arguments.extend([&script, &pair.0, &pair.1].map(|path| path.display().to_string()));
    if let Some((ca, key)) = ca {
        arguments.extend([format!("ca={}", ca.display()), format!("ca-key={}", key.display())]);
    }
    arguments.extend(words.iter().map(ToString::to_string));
    // Debian's Python, for which the package `python3-cryptography` is installed.
    ok("/usr/bin/python3", arguments);
    pair
}

/// Creates a CA with this name that devca would not create.
pub(super) fn authority(home: &Home, name: &str, ca: Option<&Pair>) -> Pair {
    forged(home, name, ca, &["kind=ca", "names=", &format!("cn={name}")])
}

/// Returns the home's CA.
pub(super) fn ca(home: &Home) -> Pair {
    (home.root(), home.ca().join("root-key.pem"))
}

/// Concatenates several files.
pub(super) fn together(home: &Home, name: &str, files: &[&Path]) -> PathBuf {
    let path = home.file(name);
    let text: String = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    fs::write(&path, text).unwrap();
    path
}

pub(super) fn serve((certificate, key): &Pair) -> Server {
    Server::page(certificate, key)
}

/// Starts OpenSSL, which serves even what it would not accept.
pub(super) fn lax(pair: &Pair, more: &[&str]) -> Server {
    let mut server = Command::new(tool("openssl"));
    server.args(["s_server", "-accept", "127.0.0.1:0", "-no-CAfile", "-no-CApath", "-no-CAstore", "-www"]);
    server.args(["-cipher", "DEFAULT@SECLEVEL=0"]).args(more);
    server.arg("-cert").arg(&pair.0).arg("-key").arg(&pair.1);
    Server::spawn(server)
}
