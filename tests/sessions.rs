//! The sessions in `tests/sessions/`: what the user types, and what devca prints. Each runs in its own
//! folder.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;

#[test]
fn sessions() {
    let folder = tempfile::TempDir::new().unwrap();
    // Resolve links, because trycmd compares paths with the folder that it runs in.
    let top = folder.path().canonicalize().unwrap();
    for entry in fs::read_dir(common::project().join("tests/sessions")).unwrap() {
        let path = entry.unwrap().path();
        let own = top.join(path.file_stem().unwrap());
        // trycmd runs `session.md` in `session.in`.
        fs::create_dir_all(own.join("session.in")).unwrap();
        fs::copy(&path, own.join("session.md")).unwrap();
        let cases = trycmd::TestCases::new();
        cases.env("DEVCA_HOME", own.join("session.in/ca").to_str().unwrap()).env("USER", "alice");
        for program in ["ls", "test"] {
            cases.register_bin(program, common::tool(program));
        }
        cases.case(own.join("session.md"));
    }
}
