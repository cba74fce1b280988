//! Other Linux families and other file trees: set up in a namespace with the real `trust` of p11-kit, and in
//! a tree with Debian's own tools.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use common::tree::{java_in, tree};
use common::{Home, in_namespace, ok, strangers_root, words};

struct Family {
    source: &'static str,
    anchors: &'static str,
    bundle: &'static str,
    /// The family's own wrapper for p11-kit's program, if there is one.
    program: &'static str,
}

const FAMILIES: &[Family] = &[
    Family {
        source: "/etc/pki/ca-trust/source",
        anchors: "/etc/pki/ca-trust/source/anchors",
        bundle: "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
        program: "/usr/local/bin/update-ca-trust",
    },
    Family {
        source: "/etc/pki/trust",
        anchors: "/etc/pki/trust/anchors",
        bundle: "/var/lib/ca-certificates/ca-bundle.pem",
        program: "/usr/sbin/update-ca-certificates",
    },
    Family {
        source: "/etc/ca-certificates/trust-source",
        anchors: "/etc/ca-certificates/trust-source/anchors",
        bundle: "/etc/ca-certificates/extracted/tls-ca-bundle.pem",
        program: "/usr/libexec/p11-kit/trust-extract-compat",
    },
];

/// Replaces the families' programs with the p11-kit call that they make, with the family's folder and file.
fn lay_out(family: &Family) {
    fs::remove_file("/etc/ca-certificates.conf").unwrap();
    fs::create_dir_all(family.anchors).unwrap();
    fs::create_dir_all(Path::new(family.bundle).parent().unwrap()).unwrap();
    fs::create_dir_all("/etc/pkcs11/modules").unwrap();
    let module =
        format!("module: p11-kit-trust.so\ntrust-policy: yes\nx-init-reserved: paths='{}'\n", family.source);
    fs::write("/etc/pkcs11/modules/p11-kit-trust.module", module).unwrap();
    let extract = "trust extract --format=pem-bundle --filter=ca-anchors --purpose=server-auth --overwrite";
    let script = format!("#!/bin/sh\nexec {extract} {}\n", family.bundle);
    // Debian's program with the same name is not changed outside of this namespace.
    let is_debians = Path::new(family.program).exists() && family.program.starts_with("/usr/sbin");
    let program = if is_debians { "/usr/local/bin/update" } else { family.program };
    fs::write(program, script).unwrap();
    fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
    if is_debians {
        ok("mount", ["--bind", program, family.program]);
    }
}

fn comes_and_goes(family: &Family) {
    lay_out(family);
    let stranger = Path::new(family.anchors).join("stranger.pem");
    strangers_root(&stranger);
    let home = Home::new();
    let devca = |words: &[&str]| {
        let output = home.devca(words.iter().chain(&["--store", "system", "--json"])).output().unwrap();
        assert!(output.status.success(), "{}: {}", family.anchors, common::words(&output));
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()["stores"][0].clone()
    };
    let store = devca(&["install"]);
    assert!(
        store["state"] == "done" && store["place"].as_str().unwrap().starts_with(family.anchors),
        "{store}"
    );
    assert_eq!(fs::read_to_string(family.bundle).unwrap().matches("BEGIN CERTIFICATE").count(), 2);
    home.ok(["issue", "localhost"]);
    ok("openssl", ["verify", "-CAfile", family.bundle, home.file("localhost.pem").to_str().unwrap()]);
    assert_eq!(devca(&["uninstall"])["state"], "done");
    assert_eq!(fs::read_to_string(family.bundle).unwrap().matches("BEGIN CERTIFICATE").count(), 1);
    assert!(stranger.exists(), "the stranger's root is left");
}

#[test]
fn fedora() {
    if in_namespace("fedora") {
        comes_and_goes(&FAMILIES[0]);
    }
}

#[test]
fn opensuse() {
    if in_namespace("opensuse") {
        comes_and_goes(&FAMILIES[1]);
    }
}

#[test]
fn arch() {
    if in_namespace("arch") {
        comes_and_goes(&FAMILIES[2]);
    }
}

/// Alpine may not have a folder for anchors at first.
#[test]
fn alpine() {
    if !in_namespace("alpine") {
        return;
    }
    fs::remove_dir_all("/usr/local/share/ca-certificates").unwrap();
    let home = Home::new();
    home.ok(["install", "--store", "system"]);
    home.ok(["issue", "localhost"]);
    let bundle = "/etc/ssl/certs/ca-certificates.crt";
    ok("openssl", ["verify", "-CAfile", bundle, home.file("localhost.pem").to_str().unwrap()]);
}

#[test]
fn a_sysroot_is_changed_and_this_machine_is_not() {
    if !in_namespace("a_sysroot_is_changed_and_this_machine_is_not") {
        return;
    }
    let home = Home::new();
    let tree = tree(&home);
    java_in(&tree);
    let sysroot = tree.to_str().unwrap();
    let inside = tree.join("etc/ssl/certs/ca-certificates.crt");
    let mine = || fs::read("/etc/ssl/certs/ca-certificates.crt").unwrap();
    let (before_inside, before_mine) = (fs::read(&inside).unwrap(), mine());

    let installed = home.json(["install", "--sysroot", sysroot]);
    let stores = installed["stores"].as_array().unwrap();
    let done: Vec<&str> =
        stores.iter().filter(|s| s["state"] == "done").map(|s| s["store"].as_str().unwrap()).collect();
    // One key store of Java is filled from the system store.
    assert_eq!(done, ["system", "java", "java"], "{installed:#}");
    assert!(mine() == before_mine, "this machine's bundle has changed");
    home.ok(["issue", "localhost"]);
    let leaf = home.file("localhost.pem");
    ok("openssl", ["verify", "-CAfile", inside.to_str().unwrap(), leaf.to_str().unwrap()]);
    let refused = common::run("openssl", ["verify", leaf.to_str().unwrap()]);
    assert!(!refused.status.success(), "{}", words(&refused));
    assert!(!home.home().join(".local/share/pki").exists(), "a browser of this machine was changed");

    let status = home.json(["status", "--sysroot", sysroot]);
    assert!(
        status["stores"].as_array().unwrap().iter().any(|store| store["state"] == "trusted"),
        "{status:#}"
    );
    home.ok(["uninstall", "--sysroot", sysroot]);
    assert!(fs::read(&inside).unwrap() == before_inside, "the tree's bundle is not as it was");

    let nowhere = home.devca(["install", "--sysroot", "/nowhere"]).output().unwrap();
    assert_eq!(nowhere.status.code(), Some(2), "{}", words(&nowhere));
}

#[test]
fn links_in_a_sysroot_do_not_lead_out_of_it() {
    if !in_namespace("links_in_a_sysroot_do_not_lead_out_of_it") {
        return;
    }
    let home = Home::new();
    let tree = tree(&home);
    // An absolute link, as in an image whose /etc/ssl was moved: it is relative to the image's own root.
    let moved = tree.join("etc/ssl-moved");
    ok("mv", [tree.join("etc/ssl"), moved.clone()]);
    std::os::unix::fs::symlink("/etc/ssl-moved", tree.join("etc/ssl")).unwrap();
    let anchors = "/usr/local/share/ca-certificates";
    let own = || fs::read_dir(anchors).unwrap().count();
    let before = own();
    home.ok(["install", "--sysroot", tree.to_str().unwrap(), "--store", "system"]);
    assert_eq!(own(), before, "an anchor has come into this machine's folder");
    let bundle = fs::read_to_string(moved.join("certs/ca-certificates.crt")).unwrap();
    assert!(bundle.contains(fs::read_to_string(home.root()).unwrap().trim()));
    // A dry run prints exactly what would be run in the tree.
    let shown =
        home.json(["uninstall", "--dry-run", "--sysroot", tree.to_str().unwrap(), "--store", "system"]);
    let commands = shown["stores"][0]["commands"].as_array().unwrap();
    let place = tree.canonicalize().unwrap().display().to_string();
    let is_inside = |command: &serde_json::Value| {
        let command = command.as_str().unwrap();
        command.starts_with("/usr/bin/unshare ") && command.contains("chroot") && command.contains(&place)
    };
    assert!(commands.len() > 1 && commands.iter().all(is_inside), "{shown:#}");
}
