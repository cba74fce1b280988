//! Links the stack unwinder statically. It is a shared library otherwise, and loading that makes `devca
//! issue` 1.07 times as slow (2.26 ms instead of 2.12 ms, medians of 300 alternating runs).

use std::env;
use std::path::PathBuf;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if let Some(folder) = unwinder() {
        println!("cargo::rustc-link-search=native={}", folder.display());
        println!("cargo::rustc-link-lib=static=gcc_eh");
    }
}

/// The static unwinder of the C compiler. Without it, or when compiling for another system, nothing changes.
fn unwinder() -> Option<PathBuf> {
    let is_native = env::var("TARGET") == env::var("HOST");
    let is_glibc = env::var("CARGO_CFG_TARGET_ENV").is_ok_and(|env| env == "gnu");
    let is_linux = env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux");
    if !(is_native && is_glibc && is_linux) {
        return None;
    }
    let asked = Command::new("cc").arg("-print-file-name=libgcc_eh.a").output().ok()?;
    let path = PathBuf::from(String::from_utf8(asked.stdout).ok()?.trim());
    path.is_file().then(|| path.parent().map(ToOwned::to_owned))?
}
