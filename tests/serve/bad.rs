//! `devca serve --bad`: each site fails in the way it is named for, and in no other, as real clients see it.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::bench::{arguments, findings, says_what_is_foretold};
use super::common::browsers::{chromium, chromium_database, firefox_at, firefox_profile, trust};
use super::common::clients::CLIENTS;
use super::common::{Home, Server, tool, words};
use super::served::{Served, curl, fetch};

/// The host of each site below localhost, and what `devca check` finds there.
const SITES: &[(&str, &[&str])] = &[
    ("expired", &["expired"]),
    ("not-yet-valid", &["not-yet-valid"]),
    ("wrong-host", &["name-mismatch"]),
    ("self-signed", &["self-signed"]),
    ("untrusted-root", &["untrusted-root"]),
    ("replaced-root", &["replaced-root"]),
    ("missing-intermediate", &["untrusted-root"]),
    ("wrong-order", &["wrong-order"]),
    ("expired-intermediate", &["expired"]),
    ("revoked", &[]),
    ("client-only", &["wrong-usage"]),
    ("ca-as-leaf", &["ca-as-leaf"]),
    ("common-name-only", &["name-mismatch"]),
    ("name-constraints", &["outside-constraints"]),
    ("a.b.wildcard-depth", &["name-mismatch"]),
    ("too-long", &["too-long"]),
    ("no-key-usage", &["wrong-key-usage"]),
    ("unknown-critical-extension", &["unknown-extension"]),
    ("tls12-only", &[]),
    ("mtls-required", &["client-certificate-required"]),
];

/// What only a server can do wrong.
const OF_SERVERS: [&str; 2] = ["tls12-only", "mtls-required"];

#[test]
fn each_site_fails_as_it_is_named_and_in_no_other_way() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    let before = home.everything();
    let served = Served::start(&home, ["--bad"]);
    for (site, ids) in SITES {
        let host = format!("{site}.localhost");
        is_judged(&home, site, ids, &host, served.port);
    }
    // All have the same list, which a browser shows.
    let list = fetch(&home, &served, &[], "/");
    for (site, _) in SITES {
        assert!(list.contains(&format!("https://{site}.localhost:{}/  ", served.port)), "{site}: {list}");
    }
    assert_eq!(home.everything(), before, "something was written");
}

/// devca and real clients find exactly the fault that this site is named for.
fn is_judged(home: &Home, site: &str, ids: &[&str], host: &str, port: u16) {
    let found = findings(home, ids, &arguments(home, host, port));
    for client in CLIENTS.iter().filter(|client| ["curl", "Node", "Go"].contains(&client.name)) {
        says_what_is_foretold(home, client, None, host, port, &found, site);
    }
}

#[test]
fn files_fail_as_they_are_named_in_other_servers() {
    let home = Home::new();
    let sites: Vec<_> = SITES.iter().filter(|(site, _)| !OF_SERVERS.contains(site)).collect();
    let name = |site: &str| site.trim_start_matches("a.b.").to_owned();
    let all = sites.iter().map(|(site, _)| name(site)).collect::<Vec<_>>().join(",");
    home.ok(["issue", "--bad", &all, "--out", "bad"]);
    home.ok(["issue", "--bad", &all, "a.b.app.localhost", "--out", "named"]);
    for (site, ids) in sites {
        for (folder, host) in [("bad", format!("{site}.localhost")), ("named", "a.b.app.localhost".into())] {
            let path = |part: &str| home.file(&format!("{folder}/{}{part}.pem", name(site)));
            let server = Server::page(&path(""), &path("-key"));
            is_judged(&home, site, ids, &host, server.port);
            if path("-ca").exists() {
                let curl = CLIENTS.iter().find(|client| client.name == "curl").unwrap();
                curl.accepts(Some(&path("-ca")), server.port, &host);
            }
        }
    }
    let mut openssl = Command::new(tool("openssl"));
    openssl.args(["verify", "-crl_check", "-CRLfile"]).arg(home.file("bad/revoked-crl.pem"));
    openssl.arg("-CAfile").arg(home.root()).arg("-untrusted").arg(home.file("bad/revoked.pem"));
    let said = words(&openssl.arg(home.file("bad/revoked.pem")).output().unwrap());
    assert!(said.contains("certificate revoked"), "{said}");
}

/// As in `devca issue`, nothing is overwritten, and keys are private.
#[test]
fn faulty_files_are_written_with_care() {
    let home = Home::new();
    let document: serde_json::Value =
        serde_json::from_str(&home.ok(["--json", "issue", "--bad", "expired,untrusted-root", "localhost"]))
            .unwrap();
    let files = home.everything();
    assert_eq!(document["bad"][1]["root"].as_str(), home.file("untrusted-root-ca.pem").to_str());
    assert_eq!(document["bad"][0]["hosts"], serde_json::json!(["localhost"]));
    let mode = std::fs::metadata(home.file("expired-key.pem")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let said = home.fails(["issue", "--bad", "revoked,expired"]);
    assert!(said.contains("expired-key.pem already exists") && said.contains("--force"), "{said}");
    for (words, message) in [
        (&["--bad", "expried"][..], "\"expried\" is not a fault"),
        (&["--bad", "expired", "example.com"], "not issued for \"example.com\""),
        (&["--bad", "expired", "8.8.8.8"], "not issued for \"8.8.8.8\""),
        (&["--bad", "expired", "revoked"], "--bad expired,wrong-host"),
        (&["--bad", "tls12-only"], "serve it: devca serve --bad"),
        (&["--bad", "wildcard-depth", "localhost"], "a.b.app.localhost"),
        (&["--bad", "expired", "--client"], "cannot be used with"),
    ] {
        let output = home.devca(["issue"].iter().chain(words)).output().unwrap();
        let said = self::words(&output);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(message), "{words:?}: {said}");
    }
    assert_eq!(home.everything(), files, "something was written");
    home.ok(["issue", "--bad", "expired", "localhost", "--force"]);
    assert_ne!(home.everything(), files);
    assert!(!home.ok(["list"]).contains("expired.pem"), "what is to stay faulty is not renewed");
}

#[test]
fn what_only_an_option_shows_is_shown() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    let served = Served::start(&home, ["--bad"]);
    let at = |site: &str, options: &[&str]| {
        let mut curl = Command::new(tool("curl"));
        let host = format!("{site}.localhost");
        curl.args(["-sS", "--resolve", &format!("{host}:{}:127.0.0.1", served.port), "--cacert"]);
        let curl = curl.arg(home.root()).args(options).arg(format!("https://{host}:{}/", served.port));
        words(&curl.output().unwrap())
    };
    assert!(at("tls12-only", &[]).contains("only TLS 1.2"));
    assert!(at("tls12-only", &["--tlsv1.3"]).contains("alert protocol version"));
    let list = home.file("revoked.crl").display().to_string();
    fetch(&home, &served, &["-o", &list], "/revoked.crl");
    assert!(at("revoked", &["--crlfile", &list]).contains("certificate revoked"));
    assert!(at("tls12-only", &["--crlfile", &list]).contains("only TLS 1.2"));
    home.ok(["issue", "--client", "alice"]);
    let [pem, key] =
        ["", "-key"].map(|part| home.file(&format!("alice-client{part}.pem")).display().to_string());
    assert!(at("mtls-required", &["--cert", &pem, "--key", &key]).contains("requires a client certificate"));
    assert!(words(&curl(&home, &served, &["-i"], "/missing")).contains("HTTP/2 404"));
}

/// The list names what each client says, and which of them accept a site.
#[test]
fn clients_say_what_the_list_says() {
    let home = Home::new();
    let databases = [firefox_profile(&home), chromium_database(&home)];
    let served = Served::start(&home, ["--bad"]);
    for database in &databases {
        trust(database, "devca", &home.root());
    }
    let list = fetch(&home, &served, &[], "/");
    let page = fetch(&home, &served, &["-H", "Accept: text/html"], "/");
    let urls = SITES.iter().map(|(site, _)| format!("https://{site}.localhost:{}/", served.port));
    // Firefox asks which certificate to send, and waits.
    let urls: Vec<String> = urls.filter(|url| !url.contains("mtls-required")).collect();
    let firefox = words(&firefox_at(&home, &databases[0], &urls));
    let mut said_by_firefox = firefox.lines().filter(|line| !line.is_empty());
    for (site, _) in SITES {
        let host = format!("{site}.localhost");
        let start = list.find(&format!("https://{host}:")).unwrap();
        let lines = list[start..].lines().skip(1).map_while(|line| line.strip_prefix("    "));
        let listed: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(' ')).collect();
        assert!(listed.len() >= 5, "{site}: {list}");
        for (name, message) in listed {
            let message = message.trim();
            let said = match name {
                "Chrome" => words(&chromium(&home, &format!("https://{host}:{}/", served.port))),
                "Firefox" => said_by_firefox.next().unwrap().to_owned(),
                _ => {
                    let client = CLIENTS.iter().find(|client| client.name == name).unwrap();
                    words(&client.connect(Some(&home.root()), served.port, &host))
                }
            };
            let is_accepted = said.contains("connected anyway") || said.trim() == "accepted";
            assert_eq!(is_accepted, message == "(accepts it)", "{site}: {name}: {said}");
            let is_said = said.to_lowercase().contains(&message.to_lowercase());
            assert!(is_accepted || is_said, "{site}: {name} does not say {message:?}: {said}");
            assert!(page.contains(&message.replace('"', "&quot;")), "{site}: {message} is not in {page}");
        }
    }
}

#[test]
fn a_ca_that_may_not_sign_cas_says_so() {
    let home = Home::new();
    home.ok(["install", "--sealed", "--store", "wsl"]);
    let said = home.fails(["serve", "--bad", "--port", "0"]);
    assert!(said.contains("may not sign the CAs that tests need"), "{said}");
    assert!(said.contains("devca --ca tests serve --bad"), "{said}");
}
