//! The file tree of a container image, for `--sysroot`: Debian's, with the tools and Java installations of
//! this machine.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Home, ok};

/// Creates the tree in the working folder, and returns its root. This only works inside a namespace.
///
/// It is an overlay on this machine's `/` without the file systems mounted there, and keeps changes in
/// memory.
pub fn tree(home: &Home) -> PathBuf {
    let (tree, layers) = (home.file("tree"), home.file("layers"));
    let at = |path: &Path| path.to_str().unwrap().to_owned();
    fs::create_dir(&tree).unwrap();
    fs::create_dir(&layers).unwrap();
    ok("mount", ["-t", "tmpfs", "-o", "mode=755", "devca-test", &at(&layers)]);
    let (upper, work) = (layers.join("upper"), layers.join("work"));
    fs::create_dir(&upper).unwrap();
    fs::create_dir(&work).unwrap();
    let options = format!("lowerdir=/,upperdir={},workdir={}", at(&upper), at(&work));
    ok("mount", ["-t", "overlay", "devca-test", "-o", &options, &at(&tree)]);
    tree
}

/// A Java installation of the tree, with its own key store.
pub fn java_in(tree: &Path) -> PathBuf {
    let java = tree.join("opt/java/own");
    fs::create_dir_all(java.parent().unwrap()).unwrap();
    ok("jlink", ["--add-modules", "java.base", "--output", java.to_str().unwrap()]);
    let cacerts = java.join("lib/security/cacerts");
    let _ = fs::remove_file(&cacerts);
    fs::copy("/etc/ssl/certs/java/cacerts", cacerts).unwrap();
    java
}
