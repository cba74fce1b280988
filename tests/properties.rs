//! Parsers never panic, and whatever they accept can be written and parsed again.
#![allow(clippy::unwrap_used)]

use devca::check::chain::Link;
use devca::check::target::CheckTarget;
use devca::issued::inventory::Line;
use devca::x509::certificate::{CaCertificate, Leaf};
use devca::x509::details::{CertificateDetails, CsrDetails};
use devca::x509::name::Name;
use devca::x509::subtree::Subtree;
use devca::x509::{csr, pem};
use proptest::prelude::*;

/// Real files with a few octets changed: random input would be rejected at its first octet.
fn mutated(seed: &'static [u8]) -> impl Strategy<Value = Vec<u8>> {
    let change = (0..seed.len(), any::<u8>());
    (proptest::collection::vec(change, 0..6), 0..=seed.len()).prop_map(move |(changes, length)| {
        let mut bytes = seed.to_vec();
        for (at, octet) in changes {
            bytes[at] = octet;
        }
        bytes.truncate(length.max(seed.len() / 2));
        bytes
    })
}

const ROOT: &[u8] = include_bytes!("../platform/tests/ours.pem");
const LINE: &[u8] = br#"{"v":1,"issued":"2026-11-23T09:31:38Z","serial":"64d7","kind":"server","names":["app.test"],"key_type":"ecdsa-p256","not_before":"2026-11-23T08:31:38Z","not_after":"2027-12-25T08:31:37Z","sha256":"62","key_sha256":"01","files":[{"format":"pem","part":"key","path":"/tmp/a-key.pem","modified":1}]}"#;

fn root_der() -> &'static [u8] {
    static DER: std::sync::LazyLock<Vec<u8>> =
        std::sync::LazyLock::new(|| pem::certificate_in(ROOT).unwrap());
    &DER
}

fn read_all(der: &[u8]) {
    let _ = (
        CaCertificate::parse(der.to_vec()),
        Leaf::parse(der),
        CertificateDetails::read(der),
        CsrDetails::read(der),
    );
    let _ = (csr::Csr::parse(der), Link::read(der), CaCertificate::parse(der.to_vec()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_name_reads_the_same_again(word in "\\PC{0,80}") {
        if let Ok(name) = Name::parse(&word) {
            prop_assert_eq!(Name::parse(&name.to_string()).unwrap(), name);
        }
        let _ = CheckTarget::parse(&word);
    }

    #[test]
    fn a_name_of_likely_letters_reads_the_same_again(word in "[-a-z0-9.*@:/_\\[\\]]{1,40}") {
        if let Ok(name) = Name::parse(&word) {
            prop_assert_eq!(Name::parse(&name.to_string()).unwrap(), name);
        }
        if let Ok(subtree) = Subtree::parse(&word) {
            prop_assert_eq!(Subtree::parse(&subtree.to_string()).unwrap(), subtree);
        }
        let _ = CheckTarget::parse(&word);
    }

    #[test]
    fn damaged_pem_does_not_panic(bytes in mutated(ROOT)) {
        let _ = (pem::contents(&bytes), pem::certificate_in(&bytes), pem::key_in(&bytes), pem::first_csr(&bytes));
    }

    #[test]
    fn damaged_certificates_and_requests_are_no_panic(bytes in mutated(root_der())) {
        read_all(&bytes);
    }

    #[test]
    fn made_up_certificates_and_requests_are_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        read_all(&bytes);
    }

    #[test]
    fn a_line_of_the_inventory_reads_the_same_again(bytes in mutated(LINE)) {
        if let Some(Line::Issued(entry)) = Line::parse(&bytes) {
            let text = serde_json::to_string(&entry).unwrap();
            let Some(Line::Issued(again)) = Line::parse(text.as_bytes()) else { panic!("{text}") };
            prop_assert_eq!(serde_json::to_string(&again).unwrap(), text);
        }
    }
}
