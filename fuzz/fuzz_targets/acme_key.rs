//! Reads what strangers send to `devca acme`: see `src/acme/fuzzed.rs`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| devca::acme::fuzzed::key(input));
