//! From a client's words back to the fault.

use std::fs;

use devca::check::catalogue;

use super::bench::explained;
use super::common::refusals::refused;
use super::common::{Home, project};

#[test]
fn all_words_of_the_catalogue_lead_to_their_fault() {
    let home = Home::new();
    for fault in catalogue::ALL {
        let ids = [fault.id, fault.title];
        for words in fault.words.iter().map(|words| words.says).chain(ids) {
            let explained = explained(&home, words);
            let found = explained["faults"].as_array().unwrap();
            assert!(found.iter().any(|found| found["id"] == fault.id), "{words}: {explained:#}");
        }
    }
}

#[test]
fn pasted_lines_lead_to_the_fault() {
    let home = Home::new();
    for (line, id) in [
        (
            "curl: (60) SSL certificate problem: unable to get local issuer certificate",
            "missing-intermediate",
        ),
        ("curl: (60) SSL certificate problem: self signed certificate", "self-signed"),
        ("net::ERR_CERT_DATE_INVALID", "expired"),
        ("ERR_CERT_AUTHORITY_INVALID", "untrusted-root"),
        ("Error code: SSL_ERROR_BAD_CERT_DOMAIN", "name-mismatch"),
        ("unable_to_verify_leaf_signature", "missing-intermediate"),
        ("x509: certificate is valid for localhost, not app.test", "name-mismatch"),
    ] {
        let explained = explained(&home, line);
        let found = explained["faults"].as_array().unwrap();
        assert!(found.iter().any(|found| found["id"] == id), "{line}: {explained:#}");
    }
}

#[test]
fn words_that_nobody_says_are_an_error_with_a_hint() {
    let home = Home::new();
    for words in ["", " ", "x", "it does not work", "\u{1f980}", "SSL", "error", "a"] {
        refused(&home, ["explain", words], 1, "is in no message that is known");
    }
    refused(&home, ["explain"], 2, "required");
}

#[test]
fn the_page_on_troubleshooting_is_the_catalogue() {
    let page = fs::read_to_string(project().join("docs/troubleshooting.md")).unwrap();
    let printed = Home::new().ok(["explain", "--all"]);
    assert!(page == printed, "write it anew: devca explain --all > docs/troubleshooting.md");
}
