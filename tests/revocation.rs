//! Revocation lists, as read by OpenSSL. (`mtls.rs` tests how servers use them.)
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::fs;
use std::path::Path;

use common::refusals::refused;
use common::{Home, ok, words};

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Asks OpenSSL, which must say that the list is valid and print its contents.
fn judge(root: &Path, crl: &Path, leaf: &Path, more: &[&str]) -> Result<(), String> {
    let common = ["verify", "-CAfile", text(root), "-CRLfile", text(crl)];
    let output = common::run("openssl", common.iter().chain(more).chain(&[text(leaf)]));
    if output.status.success() { Ok(()) } else { Err(words(&output)) }
}

fn is_revoked(judgement: &Result<(), String>) {
    let said = judgement.as_ref().expect_err("a revoked certificate is accepted");
    assert!(said.contains("certificate revoked"), "{said}");
}

fn serial(leaf: &Path) -> String {
    ok("openssl", ["x509", "-in", text(leaf), "-noout", "-serial"]).trim().replace("serial=", "")
}

/// Revokes alice by her file and bob by his serial number, but not carol.
fn revoked_are_refused_and_the_others_not(home: &Home, ca: &[&str], root: &Path) {
    let devca = |arguments: &[&str]| home.ok(ca.iter().chain(arguments));
    for name in ["alice", "bob", "carol"] {
        devca(&["issue", "--client", name]);
    }
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| home.file(&format!("{name}-client.pem")));
    let crl = home.file("crl.pem");
    devca(&["crl"]);
    for leaf in [&alice, &bob, &carol] {
        judge(root, &crl, leaf, &["-crl_check"]).unwrap();
    }
    devca(&["revoke", "alice-client.pem"]);
    judge(root, &crl, &alice, &["-crl_check"]).expect("the list that is there is as old as it was");
    devca(&["revoke", &serial(&bob)]);
    devca(&["crl"]);
    is_revoked(&judge(root, &crl, &alice, &["-crl_check"]));
    is_revoked(&judge(root, &crl, &bob, &["-crl_check"]));
    judge(root, &crl, &carol, &["-crl_check"]).unwrap();
    ok("openssl", ["crl", "-in", text(&crl), "-CAfile", text(root), "-noout"]);
}

#[test]
fn openssl_refuses_only_revoked_clients() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    revoked_are_refused_and_the_others_not(&home, &[], &home.root());
}

/// OpenSSL calculates key identifiers differently, so the list must contain the one that the root has.
#[test]
fn an_imported_root_signs_lists_too() {
    let home = Home::new();
    let (root, key) = (home.file("imported.pem"), home.file("imported.key"));
    let made =
        ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/O=Example/CN=imported"];
    let usage =
        ["-addext", "keyUsage=critical,keyCertSign,cRLSign", "-keyout", text(&key), "-out", text(&root)];
    ok("openssl", made.iter().chain(&usage));
    home.ok(["--ca", "imported", "import", "--cert", "imported.pem", "--key", "imported.key"]);
    revoked_are_refused_and_the_others_not(&home, &["--ca", "imported"], &root);
}

/// mkcert's roots lack cRLSign, so clients would reject the list (RFC 5280 §6.3.3). devca says so instead.
#[test]
fn a_root_that_may_not_sign_crls_is_not_a_failure() {
    let home = Home::new();
    let mut mkcert = home.command(&common::tool("mkcert"), ["localhost"]);
    let made = mkcert.env("CAROOT", home.file("mkcert")).output().unwrap();
    assert!(made.status.success(), "{}", words(&made));
    home.ok(["import", "mkcert"]);
    home.ok(["issue", "--client", "alice"]);
    home.ok(["revoke", "alice-client.pem"]);
    refused(&home, ["crl"], 1, "this root may not sign revocation lists");
}

#[test]
fn through_an_intermediate_every_link_of_the_chain_has_its_list() {
    let home = Home::new();
    for name in ["alice", "bob"] {
        home.ok(["issue", "--intermediate", "--client", name]);
    }
    home.ok(["issue", "--client", "carol"]);
    home.ok(["revoke", "alice-client-fullchain.pem"]);
    home.ok(["crl"]);
    let crl = home.file("crl.pem");
    let judge = |name: &str| {
        let chain = home.file(&format!("{name}-client-fullchain.pem"));
        let untrusted = ["-crl_check_all", "-untrusted", text(&chain)];
        judge(&home.root(), &crl, &home.file(&format!("{name}-client.pem")), &untrusted)
    };
    is_revoked(&judge("alice"));
    judge("bob").unwrap();
    // This certificate was issued by the root, whose list is in the same file.
    let carol = home.file("carol-client.pem");
    self::judge(&home.root(), &crl, &carol, &["-crl_check_all"]).unwrap();
    home.ok(["revoke", "carol-client.pem"]);
    home.ok(["crl"]);
    is_revoked(&self::judge(&home.root(), &crl, &carol, &["-crl_check_all"]));
    judge("bob").unwrap();
}

#[test]
fn a_list_says_how_long_it_is_good_and_which_it_is() {
    let home = Home::new();
    home.ok(["issue", "--client", "alice"]);
    let twice = [home.json(["revoke", "alice-client.pem"]), home.json(["revoke", "alice-client.pem"])];
    assert_eq!([&twice[0]["already"], &twice[1]["already"]], [false, true]);
    let printed = home.ok(["crl", "--stdout", "--days", "7"]);
    assert!(!home.file("crl.pem").exists());
    fs::write(home.file("list.pem"), printed).unwrap();
    let list = ok("openssl", ["crl", "-in", text(&home.file("list.pem")), "-noout", "-text"]);
    assert_eq!(list.matches("Serial Number:").count(), 1, "{list}");
    assert!(list.contains(&serial(&home.file("alice-client.pem"))), "{list}");
    assert!(list.contains("X509v3 CRL Number") && list.contains("X509v3 Authority Key Identifier"), "{list}");
    // In a week the list is outdated, and OpenSSL rejects it.
    let in_a_week = (time::OffsetDateTime::now_utc() + time::Duration::days(8)).unix_timestamp().to_string();
    let carol = ["issue", "--client", "carol"];
    home.ok(carol);
    let late = ["-crl_check", "-attime", &in_a_week];
    let judgement = judge(&home.root(), &home.file("list.pem"), &home.file("carol-client.pem"), &late);
    assert!(judgement.unwrap_err().contains("CRL has expired"));
}

#[test]
fn only_issued_certificates_can_be_revoked() {
    let home = Home::new();
    refused(&home, ["revoke", "01"], 1, "");
    refused(&home, ["crl"], 1, "");
    home.ok(["issue", "--client", "alice"]);
    home.ok(["--ca", "other", "issue", "--client", "bob"]);
    fs::write(home.file("garbage.pem"), "garbage").unwrap();
    let neither = "is neither a file, a serial number nor a name of a certificate of this CA";
    for (certificate, part) in [
        ("64d7323a57d5262f3c0697f13a3f324c", neither),
        ("", neither),
        ("missing.pem", neither),
        ("🦀", neither),
        ("bob-client.pem", "was not issued by this CA"),
        (&serial(&home.file("bob-client.pem")), neither),
        ("alice-client-key.pem", "contains no certificate"),
        ("garbage.pem", "contains no certificate"),
        (".", "contains no certificate"),
        (text(&home.root()), "was not issued by this CA"),
    ] {
        refused(&home, ["revoke", certificate], 1, part);
    }
    for days in ["0", "-1", "3651", "9223372036854775807"] {
        refused(&home, ["crl", "--days", days], 2, "cannot be valid for");
    }
    refused(&home, ["crl", "--out", "alice-client.pem"], 1, "is not a revocation list");
    refused(&home, ["crl", "--out", "."], 1, "is not a revocation list");
}

#[test]
fn the_list_of_another_ca_stays_and_serials_are_read_as_openssl_prints_them() {
    let home = Home::new();
    home.ok(["--ca", "clients", "issue", "--client", "bob"]);
    let serial = ok("openssl", ["x509", "-noout", "-serial", "-in", text(&home.file("bob-client.pem"))]);
    home.ok(["--ca", "clients", "revoke", serial.trim()]);
    home.ok(["--ca", "clients", "crl"]);
    let list = fs::read(home.file("crl.pem")).unwrap();
    home.ok(["issue", "localhost"]);
    refused(&home, ["crl"], 1, "not a revocation list of this CA");
    assert_eq!(fs::read(home.file("crl.pem")).unwrap(), list);
    home.ok(["--ca", "clients", "crl"]);
    home.ok(["--ca", "clients", "issue", "--client", "dan", "--format", "der,p12"]);
    home.ok(["--ca", "clients", "issue", "--client", "fay", "--format", "p12"]);
    for file in ["dan-client.der", "fay-client.p12"] {
        let revoked: serde_json::Value =
            serde_json::from_str(&home.ok(["--json", "--ca", "clients", "revoke", file])).unwrap();
        assert_eq!(revoked["already"], false, "{file}: {revoked:#}");
    }
    // A CA for clients need not be in any store, and `check` knows that.
    home.ok(["--ca", "clients", "issue", "--client", "eve"]);
    home.ok(["check", "eve-client.pem", "--client"]);
}

#[test]
fn a_name_or_a_serial_as_openssl_prints_it_is_enough() {
    let home = Home::new();
    for name in ["one.test", "two.test"] {
        home.ok(["issue", name]);
    }
    home.ok(["revoke", "one.test"]);
    let serial =
        home.json(["inspect", "two.test.pem"])["certificates"][0]["serial"].as_str().unwrap().to_owned();
    home.ok(["revoke", &format!("0x{}", serial.to_uppercase())]);
    home.ok(["issue", "one.test", "--force"]);
    assert!(home.fails(["revoke", "one.test"]).contains("2 certificates were issued for one.test"));
}
