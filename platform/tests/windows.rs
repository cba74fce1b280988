//! The Windows root stores, by the real API; in CI that is wine's.
#![cfg(windows)]
#![allow(clippy::unwrap_used, missing_docs, unsafe_code)]

mod common;

use std::ffi::c_void;
use std::process::Command;
use std::ptr;

use common::{Machine, OURS, STRANGER, only};
use devca_platform::{Anchor, Kind, Os, bundle};
use windows_sys::Win32::Security::Cryptography as crypt;

fn stranger(machine: &Machine) -> Anchor {
    let der = bundle::certificates(STRANGER.as_bytes()).remove(0);
    Anchor { der, sha1: [0; 20], label: "stranger".into(), ..machine.anchor() }
}

/// Windows' own judgement of a certificate: the trust status of the chain that it builds, 0 for a good one.
fn chain_status(der: &[u8]) -> u32 {
    // SAFETY: pointers and lengths are of one slice; every handle is used after it was found good, and closed once.
    unsafe {
        let context =
            crypt::CertCreateCertificateContext(crypt::X509_ASN_ENCODING, der.as_ptr(), der.len() as u32);
        assert!(!context.is_null());
        let mut parameters: crypt::CERT_CHAIN_PARA = std::mem::zeroed();
        parameters.cbSize = std::mem::size_of::<crypt::CERT_CHAIN_PARA>() as u32;
        let mut chain: *mut crypt::CERT_CHAIN_CONTEXT = ptr::null_mut();
        let built = crypt::CertGetCertificateChain(
            ptr::null_mut(),
            context,
            ptr::null(),
            ptr::null_mut(),
            &raw const parameters,
            0,
            ptr::null::<c_void>().cast_mut().cast(),
            &raw mut chain,
        );
        assert!(built != 0 && !chain.is_null());
        let status = (*chain).TrustStatus.dwErrorStatus;
        crypt::CertFreeCertificateChain(chain);
        crypt::CertFreeCertificateContext(context);
        status
    }
}

/// Asks in a process of its own, which has opened no store before.
fn another_process_sees(it: &str) -> bool {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "second_process", "--nocapture"])
        .env("DEVCA_TEST_LOOK_FOR", it)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("held: "), "{said}");
    said.contains("held: true")
}

#[test]
fn second_process() {
    let Ok(it) = std::env::var("DEVCA_TEST_LOOK_FOR") else { return };
    let machine = Machine::new();
    let host = machine.host(Os::Windows);
    let anchor = if it == "ours" { machine.anchor() } else { stranger(&machine) };
    println!("held: {}", only(&host, Kind::System).holds(&anchor).unwrap());
}

#[test]
fn added_seen_by_a_second_process_removed_and_gone() {
    let machine = Machine::new();
    let host = machine.host(Os::Windows);
    let (anchor, stranger) = (machine.anchor(), stranger(&machine));
    let store = only(&host, Kind::System);
    host.perform(&store.add(&stranger).unwrap(), |_| {}).unwrap();

    assert_ne!(chain_status(&anchor.der), 0, "not trusted yet");
    assert!(!another_process_sees("ours"));
    host.perform(&store.add(&anchor).unwrap(), |_| {}).unwrap();
    assert_eq!(store.holds(&anchor), Ok(true));
    assert!(another_process_sees("ours"));
    assert_eq!(chain_status(&anchor.der), 0, "trusted, says Windows");

    host.perform(&store.remove(&anchor).unwrap(), |_| {}).unwrap();
    assert_eq!(store.holds(&anchor), Ok(false));
    assert!(!another_process_sees("ours"), "the removal lasts");
    assert_ne!(chain_status(&anchor.der), 0, "no longer trusted");
    assert!(another_process_sees("stranger"), "the stranger's root stays");
    assert_eq!(store.remove(&anchor), Ok(vec![]));
    assert!(bundle::certificates(OURS.as_bytes())[0] == anchor.der);
}
