//! A certificate signing request from someone else, in DER or PEM.
#![no_main]

use devca::x509::csr::Csr;
use devca::x509::name::Name;
use devca::x509::pem;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let der = pem::first_csr(bytes).unwrap_or_else(|| bytes.to_vec());
    if let Ok(request) = Csr::parse(&der) {
        for name in &request.names {
            let _ = Name::parse(name);
        }
    }
});
