//! Tests the Windows root stores with the real API; in CI, that of wine.
#![cfg(windows)]
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, clippy::print_stdout, unsafe_code)]

mod common;

use std::process::Command;
use std::ptr;

use common::{Machine, STRANGER, only};
use devca_platform::{Anchor, Os, StoreKind, bundle};
use windows_sys::Win32::Security::Cryptography as crypt;

fn stranger() -> Anchor {
    let der = bundle::certificates(STRANGER.as_bytes()).remove(0);
    Anchor { der, sha1: [0; 20], label: "stranger".into() }
}

/// Windows' own verdict about a certificate: the trust status of the chain that it builds, 0 if it is good.
fn chain_status(der: &[u8]) -> u32 {
    // SAFETY: pointers and lengths are those of one slice; every handle was checked before it is used, and is
    // closed once.
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
            ptr::null_mut(),
            &raw mut chain,
        );
        assert!(built != 0 && !chain.is_null());
        let status = (*chain).TrustStatus.dwErrorStatus;
        crypt::CertFreeCertificateChain(chain);
        crypt::CertFreeCertificateContext(context);
        status
    }
}

/// Asks a new process, which has not opened any store yet, whether the store contains the certificate, and
/// whether Windows builds a good chain to it.
fn another_process_says(of: &str) -> String {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "second_process", "--nocapture"])
        .env("DEVCA_TEST_LOOK_FOR", of)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = said.lines().find(|line| line.starts_with("held: "));
    line.unwrap_or_else(|| panic!("{said}")).to_owned()
}

const TRUSTED: &str = "held: true, chain status: 0";
/// `CERT_TRUST_IS_UNTRUSTED_ROOT`
const NOT_TRUSTED: &str = "held: false, chain status: 32";

#[test]
fn second_process() {
    let Ok(of) = std::env::var("DEVCA_TEST_LOOK_FOR") else { return };
    let machine = Machine::new();
    let host = machine.host(Os::Windows);
    let anchor = if of == "ours" { machine.anchor() } else { stranger() };
    let held = only(&host, StoreKind::System).holds(&anchor).unwrap();
    println!("held: {held}, chain status: {}", chain_status(&anchor.der));
}

#[test]
fn added_seen_by_a_second_process_removed_and_gone() {
    let machine = Machine::new();
    let host = machine.host(Os::Windows);
    let (anchor, stranger) = (machine.anchor(), stranger());
    let store = only(&host, StoreKind::System);
    host.perform(&store.add(&stranger).unwrap(), |_| {}).unwrap();

    assert_eq!(another_process_says("ours"), NOT_TRUSTED);
    host.perform(&store.add(&anchor).unwrap(), |_| {}).unwrap();
    assert_eq!(store.holds(&anchor), Ok(true));
    assert_eq!(another_process_says("ours"), TRUSTED);

    host.perform(&store.remove(&anchor).unwrap(), |_| {}).unwrap();
    assert_eq!(store.holds(&anchor), Ok(false));
    assert_eq!(another_process_says("ours"), NOT_TRUSTED, "the removal lasts");
    assert_eq!(another_process_says("stranger"), TRUSTED, "the stranger's root stays");
    assert_eq!(store.remove(&anchor), Ok(vec![]));
}
