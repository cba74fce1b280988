//! `devca serve --bad`: each site fails in the way it is named for, and in no other, as real clients see it.

use std::process::Command;

use super::bench::{arguments, findings, says_what_is_foretold};
use super::common::browsers::chromium;
use super::common::clients::CLIENTS;
use super::common::{Home, tool, words};
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

#[test]
fn each_site_fails_as_it_is_named_and_in_no_other_way() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    let before = home.everything();
    let served = Served::start(&home, ["--bad"]);
    for (site, ids) in SITES {
        let host = format!("{site}.localhost");
        let found = findings(&home, ids, &arguments(&home, &host, served.port));
        for client in CLIENTS.iter().filter(|client| ["curl", "Node", "Go"].contains(&client.name)) {
            if *site == "mtls-required" {
                // In TLS 1.3, the client may have sent its request before the alert arrives, and sees only a closed
                // connection.
                assert!(!client.connect(Some(&home.root()), served.port, &host).status.success());
            } else {
                says_what_is_foretold(&home, client, None, &host, served.port, &found, site);
            }
        }
    }
    // All have the same list, which a browser shows.
    let list = fetch(&home, &served, &[], "/");
    for (site, _) in SITES {
        assert!(list.contains(&format!("https://{site}.localhost:{}/  ", served.port)), "{site}: {list}");
    }
    assert_eq!(list.lines().count(), SITES.len() + 1, "{list}");
    assert_eq!(home.everything(), before, "something was written");
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

/// Its page names the fault; the list names what it will say.
#[test]
fn a_browser_says_what_the_list_says() {
    let home = Home::new();
    let database = super::common::browsers::chromium_database(&home);
    let served = Served::start(&home, ["--bad"]);
    super::common::browsers::trust(&database, "devca", &home.root());
    let list = words(&chromium(&home, &served.url("/")));
    assert!(list.contains("Faulty certificates") && list.contains("NET::ERR_CERT_DATE_INVALID"), "{list}");
    let url = format!("https://expired.localhost:{}/", served.port);
    let page = words(&chromium(&home, &url));
    assert!(page.contains("ERR_CERT_DATE_INVALID"), "{page}");
}

#[test]
fn a_ca_that_may_not_sign_cas_says_so() {
    let home = Home::new();
    home.ok(["install", "--sealed", "--store", "wsl"]);
    let said = home.fails(["serve", "--bad", "--port", "0"]);
    assert!(said.contains("may not sign the CAs that tests need"), "{said}");
    assert!(said.contains("devca --ca tests serve --bad"), "{said}");
}
