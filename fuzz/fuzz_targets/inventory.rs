//! A line of the inventory: incomplete, of a later version, or written by someone else. What is read can be
//! written again.
#![no_main]

use devca::format::Output;
use devca::issued::inventory::{Entry, Revocation};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|line: &[u8]| {
    if let Ok(entry) = serde_json::from_slice::<Entry>(line) {
        let written = serde_json::to_string(&entry).expect("what was read can be written");
        assert!(!written.contains('\n'), "one line is one entry");
        assert_eq!(serde_json::from_str::<Entry>(&written).expect("and read again"), entry);
        for file in &entry.files {
            if let Some(output) = Output::again(file) {
                assert_eq!(output.path, file.path);
            }
        }
    }
    if let Ok(revocation) = serde_json::from_slice::<Revocation>(line) {
        let written = serde_json::to_string(&revocation).expect("what was read can be written");
        assert_eq!(serde_json::from_str::<Revocation>(&written).expect("and read again"), revocation);
    }
});
