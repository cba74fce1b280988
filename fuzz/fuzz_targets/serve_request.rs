//! Reads what strangers send to `devca serve`: see `src/serve/fuzzed.rs`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| devca::serve::fuzzed::request(input));
