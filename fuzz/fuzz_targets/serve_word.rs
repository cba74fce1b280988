//! Reads the words of `devca serve`'s command line: see `src/serve/fuzzed.rs`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|word: &str| devca::serve::fuzzed::word(word));
