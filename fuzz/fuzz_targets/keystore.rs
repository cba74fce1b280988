//! A Java key store, of a JDK or in a container image from someone else.
#![no_main]

use devca_platform::keystore;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(entries) = keystore::trusted(bytes) else { return };
    // Nothing is invented: each certificate is a part of the JKS file.
    let is_jks = bytes.starts_with(&[0xfe, 0xed]);
    for entry in entries.iter().filter(|_| is_jks) {
        let length = entry.der.len();
        assert!(length == 0 || bytes.windows(length).any(|part| part == entry.der));
    }
});
