//! Checks everything that devca signs with pkilint, the linter that public CAs use.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::path::Path;
use std::process::Command;

use common::{Home, project, words};
use serde_json::Value;

const KEY_TYPES: &[&str] = &["ecdsa-p256", "ecdsa-p384", "ed25519", "rsa-2048", "rsa-3072", "rsa-4096"];

/// pkilint assumes that every DNS name is one of the public Internet, and reports single labels and
/// wildcards.
const NOT_PUBLIC: &str = "pkix.invalid_domain_name_syntax";
/// Its library only knows URLs with nine schemes, and reports every other URI as invalid, including `spiffe:`
/// and `urn:`.
const NOT_A_URL: &str = "pkix.invalid_uri_syntax";

/// Returns the codes of a linter's findings with their locations, and the number of those about names that
/// are not public.
fn findings(linter: &str, options: &[&str], files: &[&Path]) -> (Vec<String>, usize) {
    let program = project().join("target/tools/pkilint/bin").join(linter);
    assert!(program.exists(), "{linter} is missing: tests/setup installs what the tests need");
    let mut command = Command::new(program);
    let output = command.arg("lint").args(options).args(["-f", "JSON"]).args(files).output().unwrap();
    let document: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{linter}: {}", words(&output)));
    let (mut found, mut not_public) = (Vec::new(), 0);
    for result in document["results"].as_array().unwrap() {
        for finding in result["finding_descriptions"].as_array().unwrap() {
            let (code, message) =
                (finding["code"].as_str().unwrap(), finding["message"].as_str().unwrap_or(""));
            let name = message.split('"').nth(1).unwrap_or_default();
            if code == NOT_PUBLIC && (!name.contains('.') || name.starts_with("*.")) {
                not_public += 1;
            } else if code != NOT_A_URL || !name.starts_with("devca:client:") {
                found.push(format!("{code} {} {message}", result["node_path"]));
            }
        }
    }
    (found, not_public)
}

fn is_clean(file: &Path) {
    let (found, _) = findings("lint_pkix_cert", &["-s", "WARNING"], &[file]);
    assert!(found.is_empty(), "{}: {found:#?}", file.display());
}

fn is_a_pair(issuer: &Path, subject: &Path) {
    let (found, not_public) =
        findings("lint_pkix_signer_signee_cert_chain", &["-s", "ALL"], &[issuer, subject]);
    assert!(found.is_empty() && not_public == 0, "{}: {found:#?}", subject.display());
}

#[test]
fn a_root_its_leaves_of_every_key_type_and_each_pair_of_them_draw_no_warning() {
    let home = Home::new();
    for key_type in KEY_TYPES {
        let names =
            ["localhost", "127.0.0.1", "::1", "a@example.com", "ssh://dev.example.com/web", "*.app.test"];
        home.ok(["issue", "--key-type", key_type, "--force"].iter().chain(&names));
        home.ok(["issue", "--client", "alice", "--key-type", key_type, "--force"]);
        for leaf in ["localhost+5.pem", "alice-client.pem"].map(|file| home.file(file)) {
            is_clean(&leaf);
            is_a_pair(&home.root(), &leaf);
        }
    }
    is_clean(&home.root());
    let (found, not_public) =
        findings("lint_pkix_cert", &["-s", "WARNING"], &[&home.file("localhost+5.pem")]);
    assert_eq!((found.len(), not_public), (0, 2), "localhost and the wildcard are objected to");
}

#[test]
fn an_intermediate_its_leaves_and_a_permitting_root_cause_no_warning() {
    let home = Home::new();
    home.ok(["issue", "api.example.com", "--intermediate"]);
    let (intermediate, leaf) = (home.ca().join("intermediate.pem"), home.file("api.example.com.pem"));
    is_clean(&intermediate);
    is_a_pair(&home.root(), &intermediate);
    is_clean(&leaf);
    is_a_pair(&intermediate, &leaf);
    home.ok(["permit", "corp.example.dev", "203.0.113.0/24", "2001:db8::/32", "--store", "nss"]);
    is_clean(&home.root());
    is_a_pair(&home.root(), &intermediate);

    let sealed = Home::new();
    sealed.ok(["install", "--sealed", "--store", "nss"]);
    is_clean(&sealed.root());
    is_clean(&sealed.ca().join("intermediate.pem"));
    is_a_pair(&sealed.root(), &sealed.ca().join("intermediate.pem"));

    let open = Home::new();
    open.ok(["install", "--unconstrained", "--store", "nss"]);
    is_clean(&open.root());
}

#[test]
fn a_revocation_list_draws_no_warning_empty_or_not() {
    let home = Home::new();
    home.ok(["issue", "--client", "alice"]);
    for _ in 0..2 {
        home.ok(["crl"]);
        let (found, _) =
            findings("lint_crl", &["-t", "CRL", "-p", "PKIX", "-s", "WARNING"], &[&home.file("crl.pem")]);
        assert!(found.is_empty(), "{found:#?}");
        home.ok(["revoke", "alice-client.pem"]);
    }
    let sealed = Home::new();
    sealed.ok(["install", "--sealed", "--store", "nss"]);
    let list = sealed.ca().join("root-crl.pem");
    let (found, _) = findings("lint_crl", &["-t", "ARL", "-p", "PKIX", "-s", "WARNING"], &[&list]);
    assert!(found.is_empty(), "{found:#?}");
}
