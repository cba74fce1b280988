//! What devca leaves on the disk: nothing that other users can read, and nothing at all after a purge.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use common::browsers::{chromium_database, nicknames};
use common::clients::own_jdk;
use common::{Home, in_namespace, ok, strangers_root, words};

/// Returns everything in these folders, including folders and links.
fn listing(folders: &[PathBuf]) -> Vec<String> {
    let folders = folders.iter().map(|folder| folder.to_str().unwrap());
    let mut lines: Vec<String> =
        ok("find", folders.chain(["-printf", "%M %p %l\n"])).lines().map(ToOwned::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn status_fix_restricts_files_that_others_can_read() {
    let home = Home::new();
    home.ok(["install", "--store", "nss"]);
    home.ok(["issue", "localhost", "--intermediate"]);
    let private =
        [("", 0o700), ("root-key.pem", 0o600), ("intermediate-key.pem", 0o600), ("issued.jsonl", 0o600)];
    let path = |name: &str| home.ca().join(name);
    let mode = |name| fs::metadata(path(name)).unwrap().permissions().mode() & 0o777;
    for (name, right) in private {
        assert_eq!(mode(name), right, "{name:?}");
        fs::set_permissions(path(name), fs::Permissions::from_mode(right | 0o055)).unwrap();
    }
    let status = home.devca(["status", "--store", "nss", "--json"]).output().unwrap();
    assert_eq!(status.status.code(), Some(1));
    let problems: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
    let problems = problems["problems"].as_array().unwrap();
    assert_eq!(problems.len(), private.len(), "{problems:#?}");
    assert!(
        problems.iter().all(|problem| problem["hint"].as_str().unwrap().ends_with("or: devca status --fix"))
    );
    assert_eq!(mode("root-key.pem"), 0o655, "status alone changes nothing");

    let fixed = home.devca(["status", "--store", "nss", "--fix"]).output().unwrap();
    assert!(fixed.status.success() && words(&fixed).contains("no problems found"), "{}", words(&fixed));
    for (name, right) in private {
        assert_eq!(mode(name), right, "{name:?}");
        assert!(words(&fixed).contains(&format!("to {right:04o}")), "{}", words(&fixed));
    }
    assert_eq!(mode("root.pem"), 0o644, "what is public stays so");
    home.ok(["status", "--store", "nss", "--fix"]);
}

/// A folder that devca did not create may be shared, like `/tmp`.
#[test]
fn status_fix_changes_no_folder_but_its_own() {
    let home = Home::new();
    let folder = home.file("shared");
    let mode = || fs::metadata(&folder).unwrap().permissions().mode() & 0o7777;
    let devca = |words: &[&str]| {
        let mut devca = home.devca([&["--ca", "shared"], words].concat());
        devca.env("DEVCA_HOME", home.work()).output().unwrap()
    };
    for (right, has_ca) in [(0o755, false), (0o1777, false), (0o1755, false), (0o1777, true), (0o1755, true)]
    {
        fs::create_dir(&folder).unwrap();
        if has_ca {
            devca(&["issue", "localhost", "--force"]);
        }
        fs::set_permissions(&folder, fs::Permissions::from_mode(right)).unwrap();
        for arguments in [
            &["status", "--store", "wsl", "--fix"][..],
            &["list"],
            &["issue", "app.test", "--force"],
            &["install", "--store", "nss"],
        ] {
            let said = words(&devca(arguments));
            assert_eq!(mode(), right, "{arguments:?}, {has_ca}: {said}");
            let is_shared = right == 0o1777;
            let is_offered = said.contains("choose a folder of your own: export DEVCA_HOME=…");
            assert!(is_offered || !is_shared || !has_ca, "{arguments:?}: {said}");
            assert!(!said.contains("chmod go-w"), "{arguments:?}: {said}");
        }
        fs::remove_dir_all(&folder).unwrap();
    }
}

#[test]
fn purge_removes_no_folder_that_devca_did_not_create() {
    let home = Home::new();
    for right in [0o1777, 0o755, 0o777] {
        let folder = home.file("shared");
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(right)).unwrap();
        let devca = |place: &Path, arguments: &[&str]| {
            home.devca(arguments).env("DEVCA_HOME", place).output().unwrap()
        };
        for place in [folder.clone(), folder.join("own")] {
            devca(&place, &["issue", "app.test", "--force"]);
            devca(&place, &["uninstall", "--purge", "--yes", "--store", "wsl"]);
            assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o7777, right);
            if right != 0o777 {
                assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
            }
        }
        fs::remove_dir_all(&folder).unwrap();
    }
}

#[test]
fn purge_leaves_homes_and_stores_as_they_were() {
    if !in_namespace("purge_leaves_homes_and_stores_as_they_were") {
        return;
    }
    strangers_root(Path::new("/usr/local/share/ca-certificates/stranger.crt"));
    ok("update-ca-certificates", [] as [&str; 0]);
    let home = Home::new();
    fs::create_dir_all(home.home().join(".local/share")).unwrap();
    let database = chromium_database(&home);
    let jdk = own_jdk(&home);
    let in_java = || {
        let cacerts = jdk.join("lib/security/cacerts");
        ok("keytool", ["-list", "-storepass", "changeit", "-keystore", cacerts.to_str().unwrap()])
    };
    let folders = ["/etc/ssl", "/usr/local/share/ca-certificates", "/etc/ca-certificates"].map(PathBuf::from);
    let places = [&[home.home()], &folders[..]].concat();
    let state = || {
        let bundle = fs::read("/etc/ssl/certs/ca-certificates.crt").unwrap();
        (listing(&places), bundle, nicknames(&database), in_java())
    };
    let before = state();

    fs::write(home.file("secret"), "correct horse\n").unwrap();
    for words in [
        "install",
        "issue localhost --intermediate",
        "permit corp.example.dev",
        "rotate",
        "revoke localhost.pem",
        "crl",
        "env --shell sh",
        "passphrase --new-file secret",
    ] {
        home.ok(words.split(' '));
    }
    let during = state();
    assert!(before.0 != during.0 && before.1 != during.1 && before.2 != during.2 && before.3 != during.3);
    home.ok(["uninstall", "--purge"]);
    let after = state();
    let left: Vec<_> = after.0.iter().filter(|line| !before.0.contains(line)).collect();
    assert!(left.is_empty(), "left behind: {left:#?}");
    let gone: Vec<_> = before.0.iter().filter(|line| !after.0.contains(line)).collect();
    assert!(gone.is_empty(), "taken away: {gone:#?}");
    assert!(before.1 == after.1, "the bundle is another");
    assert_eq!((before.2, before.3), (after.2, after.3));

    // A sealed root leaves nothing behind either.
    home.ok(["install", "--sealed"]);
    home.ok(["permit", "corp.example.dev"]);
    home.ok(["uninstall", "--purge"]);
    assert_eq!(state().0, before.0);
}

#[test]
fn purge_leaves_no_database_behind_that_install_has_made() {
    let home = Home::new();
    fs::create_dir_all(home.home().join(".local/share")).unwrap();
    let before = listing(&[home.home()]);
    home.ok(["install", "--store", "nss"]);
    home.ok(["uninstall", "--purge", "--store", "nss"]);
    assert_eq!(listing(&[home.home()]), before);
}
