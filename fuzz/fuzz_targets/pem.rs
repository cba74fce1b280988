//! The content of a file that should be PEM. What is read can be read again after devca has written it.
#![no_main]

use devca::x509::pem;
use libfuzzer_sys::fuzz_target;
use rcgen::PublicKeyData;

fuzz_target!(|text: &[u8]| {
    if let Some(der) = pem::certificate_in(text) {
        assert_eq!(pem::certificate_in(&pem::certificate(&der)), Some(der));
    }
    if let Some(key) = pem::key_in(text) {
        let written = pem::private_key(key.serialized_der());
        let again = pem::key_in(&written).expect("devca reads the keys that it writes");
        assert_eq!(again.subject_public_key_info(), key.subject_public_key_info());
    }
    if let Some(der) = pem::first_crl(text) {
        assert_eq!(pem::first_crl(&pem::crl(&der)), Some(der));
    }
    pem::first_csr(text);
});
