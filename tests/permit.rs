//! Changing the names that a root may sign for: existing certificates stay valid, and the stores are updated.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "permit/asking.rs"]
mod asking;
mod common;
#[path = "permit/stores.rs"]
mod stores;

use std::fs;
use std::path::Path;

use common::browsers::{chromium_database, nicknames, trust};
use common::clients::own_jdk;
use common::{Home, in_namespace, ok, run, words};

const ANCHORS: &str = "/usr/local/share/ca-certificates";

const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Returns what OpenSSL reads in a certificate.
fn x509(path: &Path, what: &[&str]) -> String {
    ok("openssl", ["x509", "-noout", "-in", path.to_str().unwrap()].iter().chain(what))
}

fn verifies(home: &Home, leaf: &str) -> Result<(), String> {
    let (root, leaf) = (home.root(), home.file(leaf));
    let arguments = ["verify", "-x509_strict", "-CAfile", root.to_str().unwrap(), leaf.to_str().unwrap()];
    let output = run("openssl", arguments);
    if output.status.success() { Ok(()) } else { Err(words(&output)) }
}

/// Returns the kinds of stores that a command changed. The one generated from the system store was updated
/// with it.
fn done(document: &serde_json::Value) -> Vec<&str> {
    let stores = document["stores"].as_array().unwrap().iter();
    let follows = |place: &str| place.ends_with("(filled from the system store)");
    let (following, changed): (Vec<_>, Vec<_>) =
        stores.partition(|store| follows(store["place"].as_str().unwrap()));
    assert!(following.iter().all(|store| store["state"] == "done"), "{document:#}");
    assert!(changed.iter().all(|store| store["state"] == "done"), "{document:#}");
    changed.iter().map(|store| store["store"].as_str().unwrap()).collect()
}

fn pem_of_root(home: &Home) -> String {
    fs::read_to_string(home.root()).unwrap().trim().to_owned()
}

#[test]
fn the_root_is_signed_again_and_its_certificates_stay_valid() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    home.ok(["issue", "--client", "alice"]);
    let same = [
        "-subject",
        "-pubkey",
        "-dates",
        "-ext",
        "subjectKeyIdentifier,basicConstraints,keyUsage,extendedKeyUsage",
    ];
    let old = (x509(&home.root(), &same), x509(&home.root(), &["-serial"]));
    assert!(!home.ok(["permit", "--list"]).contains("corp"));

    let said = home.ok(["permit", "corp.example.dev", "203.0.113.0/24", "2001:db8::/32"]);
    for subtree in ["corp.example.dev", "203.0.113.0/24", "2001:db8::/32"] {
        assert!(said.contains(&format!("permits {subtree}\n")), "{said}");
        assert!(home.ok(["permit", "--list"]).lines().any(|line| line == subtree));
    }
    let new = (x509(&home.root(), &same), x509(&home.root(), &["-serial"]));
    assert_eq!(new.0, old.0);
    assert_ne!(new.1, old.1, "RFC 5280 §4.1.2.2: a serial number is given once");
    home.ok(["issue", "www.corp.example.dev", "203.0.113.7", "2001:db8::7", "--cert-file", "corp.pem"]);
    for leaf in ["localhost.pem", "alice-client.pem", "corp.pem"] {
        verifies(&home, leaf).unwrap();
    }

    let root = fs::read(home.root()).unwrap();
    assert!(home.ok(["permit", "corp.example.dev"]).contains("already permitted"));
    assert_eq!(fs::read(home.root()).unwrap(), root);

    let output = home.devca(["permit", "--remove", "corp.example.dev"]).output().unwrap();
    assert!(
        output.status.success()
            && words(&output).contains("will now reject")
            && words(&output).contains("corp.pem"),
        "{}",
        words(&output)
    );
    assert!(verifies(&home, "corp.pem").unwrap_err().contains("permitted subtree violation"));
    verifies(&home, "localhost.pem").unwrap();
    let list = home.json(["list"]);
    let states: Vec<_> =
        list["certificates"].as_array().unwrap().iter().map(|listed| &listed["state"]).collect();
    assert_eq!(states, ["good", "good", "not-permitted"], "{list:#}");
    let said = home.fails(["status", "--store", "wsl"]);
    assert!(said.contains("corp.pem, because the root does not permit www.corp.example.dev"), "{said}");
    assert!(said.contains("fix: devca permit www.corp.example.dev, or delete the files"), "{said}");
    assert_eq!(home.devca(["status", "--json"]).output().map(|output| {
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()["issued"]["not_permitted"] == 1
    }).ok(), Some(true));
    assert!(
        home.fails(["issue", "www.corp.example.dev", "--out", "o"])
            .contains("devca permit www.corp.example.dev")
    );
}

#[test]
fn constraints_that_permit_everything_are_refused() {
    let home = Home::new();
    assert!(home.fails(["permit", "corp.example.dev"]).contains("hint: create one: devca install"));
    home.ok(["issue", "localhost"]);
    home.ok(["permit", "--constrain-addresses"]);
    let list = home.ok(["permit", "--list"]);
    let (networks, domains): (Vec<&str>, Vec<&str>) = list.lines().partition(|line| line.contains('/'));
    let before = home.everything();
    for (all, what) in [(&domains, "every name"), (&networks, "every address")] {
        let said = home.fails(["permit", "--remove"].iter().chain(all.iter()));
        assert!(said.contains(&format!("must remain: without any, {what} would be permitted")), "{said}");
    }
    let said = home.fails(["permit", "--remove", "corp.example.dev"]);
    assert!(said.contains("corp.example.dev is not on the list") && said.contains("permit --list"), "{said}");
    for name in ["com", "0.0.0.0/0", "::/0"] {
        assert_eq!(home.devca(["permit", name]).output().unwrap().status.code(), Some(2), "{name}");
    }
    assert_eq!(home.everything(), before);

    home.ok(["--ca", "open", "install", "--unconstrained", "--store", "nss"]);
    let said = home.fails(["--ca", "open", "permit", "corp.example.dev"]);
    assert!(said.contains("may already sign for any name"), "{said}");
}

#[test]
fn a_root_constrains_addresses_only_if_asked_and_permit_can_change_that() {
    for sealed in [false, true] {
        let home = Home::new();
        let constraints = || x509(&home.root(), &["-ext", "nameConstraints,extendedKeyUsage"]);
        home.ok(["install", "--constrain-addresses", "--store", "wsl"]
            .into_iter()
            .chain(sealed.then_some("--sealed")));
        let key = || ok("openssl", ["x509", "-noout", "-pubkey", "-in", home.root().to_str().unwrap()]);
        let (first, old) = (key(), constraints());
        assert!(
            old.contains("IP:127.0.0.0/255.0.0.0") && old.contains("IP:FC00:0:0:0:0:0:0:0/FE00"),
            "{old}"
        );
        home.ok(["issue", "localhost", "127.0.0.1", "--format", "fullchain"]);
        let leaf = |home: &Home| {
            let (root, chain) = (home.root(), home.file("localhost+1-fullchain.pem"));
            let [root, chain] = [&root, &chain].map(|path| path.to_str().unwrap());
            ok("openssl", ["verify", "-x509_strict", "-CAfile", root, "-untrusted", chain, chain]);
        };
        leaf(&home);
        assert!(home.ok(["status", "--store", "wsl"]).contains("BoringSSL"));

        home.ok(["permit", "--no-constrain-addresses", "--store", "wsl"]);
        let free = constraints();
        assert!(!free.contains("IP:") && free.contains("DNS:localhost") && free.contains("Client"), "{free}");
        assert_eq!(key() == first, !sealed, "a sealed root has no key to sign with");
        leaf(&home);
        let status = home.ok(["status", "--store", "wsl"]);
        assert!(!status.contains("BoringSSL") && status.contains("any address"), "{status}");
        assert_eq!(home.json(["status", "--store", "wsl"])["root"]["constrains_addresses"], false);

        let said = home.fails(["install", "--constrain-addresses", "--store", "wsl"]);
        assert!(said.contains("hint: devca permit --constrain-addresses"), "{said}");
        home.ok(["permit", "--constrain-addresses", "--store", "wsl"]);
        assert_eq!(constraints(), old);
        leaf(&home);
    }
}

/// Clients that know no constraints on addresses reject a chain whose intermediate has them.
#[test]
fn chains_with_an_intermediate_follow_the_root() {
    let home = Home::new();
    home.ok(["install", "--constrain-addresses", "--store", "java"]);
    home.ok(["issue", "localhost", "127.0.0.1", "--intermediate"]);
    let chain = home.file("localhost+1-fullchain.pem");
    let text = || {
        let path = chain.to_str().unwrap();
        ok(
            "sh",
            [
                "-c",
                &format!("openssl crl2pkcs7 -nocrl -certfile '{path}' | openssl pkcs7 -print_certs -text"),
            ],
        )
    };
    let intermediate = home.ca().join("intermediate.pem");
    let earlier = fs::read(&intermediate).unwrap();
    assert!(text().contains("IP:127.0.0.0/255.0.0.0"));
    home.ok(["permit", "--no-constrain-addresses", "--store", "java"]);
    let is_up_to_date = || !text().contains("IP:127.0.0.0/255.0.0.0") && text().contains("DNS:localhost");
    assert!(is_up_to_date());
    // As if the certificates could not be renewed then.
    let status = || words(&home.devca(["status", "--store", "java"]).output().unwrap());
    let problem = "the intermediate has the name constraints that the root had before";
    assert!(!status().contains(problem), "{}", status());
    fs::write(&intermediate, earlier).unwrap();
    assert!(status().contains(problem), "{}", status());
    home.ok(["renew", "--all"]);
    assert!(!status().contains(problem) && is_up_to_date(), "{}", status());
}

#[test]
fn a_root_that_limits_only_addresses_is_not_called_limited() {
    let home = Home::new();
    fs::create_dir(home.file("own")).unwrap();
    let new = [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "30",
        "-subj",
    ];
    let rest = ["/CN=own", "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-addext"];
    let constraints = "nameConstraints=critical,permitted;IP:127.0.0.0/255.0.0.0";
    let files = [home.file("own/ca.pem"), home.file("own/ca-key.pem")];
    let [certificate, key] = files.each_ref().map(|path| path.to_str().unwrap());
    ok("openssl", new.iter().chain(&rest).chain(&[constraints, "-keyout", key, "-out", certificate]));
    let imported = home.devca(["import", "own"]).output().unwrap();
    assert!(words(&imported).contains("may sign for any host name"), "{}", words(&imported));
    let status = words(&home.devca(["status", "--store", "java"]).output().unwrap());
    assert!(status.contains("any host name") && !status.contains("development names"), "{status}");
    let refused = home.devca(["permit", "--no-constrain-addresses"]).output().unwrap();
    assert!(refused.status.code() == Some(1) && words(&refused).contains("rotate --constrained"));
    home.ok(["rotate", "--constrained", "--yes", "--store", "java"]);
    assert!(x509(&home.root(), &["-text"]).contains("DNS:localhost"));
}

/// The root of a company or of another program has a subject of its own form, which its certificates name as their issuer.
#[test]
fn an_imported_root_keeps_its_subject() {
    let home = Home::new();
    fs::create_dir(home.file("own")).unwrap();
    let new =
        ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"];
    let subject = ["-subj", "/C=DE/O=Example Ltd/OU=Tests/CN=Own root", "-addext"];
    let extensions =
        ["keyUsage=critical,keyCertSign,cRLSign", "-addext", "nameConstraints=critical,permitted;DNS:test"];
    let files = [home.file("own/ca.pem"), home.file("own/ca-key.pem")];
    let [certificate, key] = files.each_ref().map(|path| path.to_str().unwrap());
    ok(
        "openssl",
        new.iter().chain(&subject).chain(&extensions).chain(&["-keyout", key, "-out", certificate]),
    );
    home.ok(["import", "own"]);
    let status = || words(&home.devca(["status", "--store", "java"]).output().unwrap());
    assert!(status().contains("permits   test; any address"), "{}", status());
    home.ok(["permit", "--constrain-addresses"]);
    assert!(
        status().contains("test; private addresses") && status().contains("permit --no-constrain-addresses")
    );
    home.ok(["permit", "--no-constrain-addresses"]);
    home.ok(["issue", "app.test"]);
    let subject = || x509(&home.root(), &["-subject"]);
    let before = subject();
    home.ok(["permit", "corp.example.dev"]);
    assert_eq!(subject(), before);
    home.ok(["issue", "www.corp.example.dev"]);
    for leaf in ["app.test.pem", "www.corp.example.dev.pem"] {
        verifies(&home, leaf).unwrap();
    }
}

#[test]
fn a_host_name_that_may_be_a_public_site_is_not_permitted() {
    for (host, is_permitted) in
        [("google.com", false), ("me.uk", false), ("dev", false), ("devbox", true), ("box.local", true)]
    {
        let home = Home::new();
        let script = format!("hostname {host} && exec \"$0\" issue localhost");
        let words_ = ["--user", "--map-root-user", "--uts", "sh", "-c", &script, env!("CARGO_BIN_EXE_devca")];
        let output = home.command(&common::tool("unshare"), words_).output().unwrap();
        let said = words(&output);
        assert!(output.status.success(), "{host}: {said}");
        let list = home.ok(["permit", "--list"]);
        let covers = |line: &str| line == host || host.ends_with(&format!(".{line}"));
        assert_eq!(list.lines().any(covers), is_permitted, "{host}: {list}");
        assert_eq!(said.contains("devca permit google.com"), host == "google.com", "{host}: {said}");
    }
}

#[test]
fn public_suffixes_cannot_be_permitted_and_can_be_removed() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    for name in ["github.io", "*.github.io", "me.uk", "or.jp", "s3.amazonaws.com", "pages.dev"] {
        let output = home.devca(["permit", name]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{name}: {}", words(&output));
        assert!(words(&output).contains("public suffix"), "{name}: {}", words(&output));
    }
    for range in ["::ffff:0:0/96", "64:ff9b::/96", "8.0.0.0/8", "1.2.3.4/8", "2000::/16"] {
        let output = home.devca(["permit", range]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{range}: {}", words(&output));
    }
    home.ok(["permit", "octocat.github.io"]);
    home.ok(["permit", "--remove", "octocat.github.io"]);
    let output = home.devca(["issue", "*.github.io", "--yes"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", words(&output));
    assert_eq!(home.ok(["permit", "--list"]).matches("github").count(), 0);
    // Names that an earlier version accepted can be removed.
    let said = home.fails(["permit", "--remove", "github.io"]);
    assert!(said.contains("not on the list"), "{said}");
}
