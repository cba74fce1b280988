//! A signing request that somebody sends: DER, or PEM around it.
#![no_main]

use devca::csr::Request;
use devca::name::Name;
use devca::pem;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let der = pem::first_csr(bytes).unwrap_or_else(|| bytes.to_vec());
    if let Ok(request) = Request::parse(&der) {
        for name in &request.names {
            let _ = Name::parse(name);
        }
    }
});
