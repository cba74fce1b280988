//! The programs of the mutual TLS tests that are compiled or interpreted.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock};

use super::common::clients::rust_program;
use super::common::{project, tool, words};

/// A program in tests/rust.
pub fn axum() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| rust_program("mutual", &project().join("tests/rust/mutual.rs")))
}

pub fn script(interpreter: &str, file: &str) -> Command {
    let mut command = Command::new(tool(interpreter));
    command.arg(project().join("tests/mtls").join(file));
    command
}

pub fn go_program(name: &str) -> PathBuf {
    // Tests that run at once must not build it at once.
    static BUILDING: Mutex<()> = Mutex::new(());
    let _guard = BUILDING.lock().unwrap();
    let program = build_folder().join(format!("mtls-go-{name}"));
    if !program.exists() {
        let source = project().join("tests/mtls").join(format!("{name}.go"));
        let mut go = Command::new(tool("go"));
        go.args(["build", "-o"]).arg(&program).arg(source);
        go.env("GOCACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("go-cache")).env("GO111MODULE", "off");
        let built = go.output().unwrap();
        assert!(built.status.success(), "{}", words(&built));
    }
    program
}

pub fn java_classes() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let folder = build_folder();
        let mut javac = Command::new(tool("javac"));
        let built =
            javac.arg("-d").arg(&folder).arg(project().join("tests/mtls/Mtls.java")).output().unwrap();
        assert!(built.status.success(), "{}", words(&built));
        folder
    })
}

fn build_folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("mtls-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder
}
