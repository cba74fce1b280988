//! `rotate`, `permit` and `uninstall` update the files that `devca env` has pointed programs to.

use std::fs;
use std::path::Path;

use crate::common::{Home, ok, strangers_root, words};

/// Makes devca write files of all kinds, and returns their names.
fn set_up(home: &Home) -> Vec<String> {
    home.ok(["install", "--permit", "corp.example.dev", "--store", "wsl"]);
    home.ok(["run", "--", "true"]);
    let company = home.file("company.pem");
    strangers_root(&company);
    let output = home.devca(["run", "--", "true"]).env("NODE_EXTRA_CA_CERTS", &company).output().unwrap();
    assert!(output.status.success(), "{}", words(&output));
    let names = written(home);
    assert_eq!(names.len(), 5, "{names:?}");
    names
}

fn written(home: &Home) -> Vec<String> {
    let entries =
        fs::read_dir(home.ca()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> =
        entries.filter(|name| name.starts_with("bundle") || name.starts_with("extra")).collect();
    names.sort();
    names
}

/// Whether a PEM or PKCS#12 file contains a certificate, according to OpenSSL and keytool.
fn holds(home: &Home, name: &str, certificate: &Path) -> bool {
    let path = home.ca().join(name).display().to_string();
    let text = fs::read_to_string(certificate).unwrap();
    let body: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
    let found = if name.contains(".p12") {
        ok("keytool", ["-list", "-rfc", "-storepass", "changeit", "-keystore", &path])
    } else {
        fs::read_to_string(path).unwrap()
    };
    found.replace(['\r', '\n'], "").contains(&body)
}

#[test]
fn every_file_follows_the_root() {
    for command in
        [&["rotate", "--store", "wsl"][..], &["permit", "--remove", "corp.example.dev", "--store", "wsl"]]
    {
        let home = Home::new();
        let names = set_up(&home);
        let old = home.file("old.pem");
        fs::copy(home.root(), &old).unwrap();
        home.ok(command);
        assert_eq!(written(&home), names);
        for name in &names {
            assert!(holds(&home, name, &home.root()), "{command:?}: {name} lacks the new root");
            assert!(!holds(&home, name, &old), "{command:?}: {name} still trusts the old root");
        }
        let company = names.iter().find(|name| name.starts_with("extra")).unwrap();
        assert!(holds(&home, company, &home.file("company.pem")), "the company's root stays");
    }
}

#[test]
fn status_points_out_what_is_stale_and_fixes_it() {
    let home = Home::new();
    let names = set_up(&home);
    let problems = || {
        let output = home.devca(["status", "--store", "wsl", "--json"]).output().unwrap();
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let all = document["problems"].as_array().unwrap().clone();
        all.iter().map(|problem| problem["message"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(problems(), Vec::<String>::new());
    let kept: Vec<_> = names.iter().map(|name| fs::read(home.ca().join(name)).unwrap()).collect();
    home.ok(["rotate", "--store", "wsl"]);
    // As after restoring a backup.
    for (name, content) in names.iter().zip(&kept) {
        fs::write(home.ca().join(name), content).unwrap();
    }
    let found = problems();
    assert_eq!(found.len(), names.len(), "{found:?}");
    assert!(names.iter().all(|name| found.iter().any(|what| what.contains(name.as_str()))), "{found:?}");
    home.ok(["status", "--store", "wsl", "--fix"]);
    assert_eq!(problems(), Vec::<String>::new());
}

#[test]
fn uninstall_ends_the_trust_and_purge_deletes_the_files() {
    if !crate::common::in_namespace("reach::uninstall_ends_the_trust_and_purge_deletes_the_files") {
        return;
    }
    let home = Home::new();
    let names = set_up(&home);
    let output = home.devca(["uninstall"]).output().unwrap();
    assert!(
        output.status.success() && words(&output).contains("no longer contain the root"),
        "{}",
        words(&output)
    );
    for name in &names {
        assert!(!holds(&home, name, &home.root()), "{name} trusts the root after uninstall");
    }
    let bundle = home.ca().join("bundle.pem").display().to_string();
    ok("openssl", ["verify", "-CAfile", &bundle, "/etc/ssl/certs/ISRG_Root_X1.pem"]);
    // The next `install` or `run` restores it.
    home.ok(["install"]);
    assert!(names.iter().all(|name| holds(&home, name, &home.root())));
    home.ok(["uninstall", "--purge"]);
    assert!(!home.ca().exists(), "{:?}", written(&home));
}

#[test]
fn a_variable_that_cannot_contain_the_folder_is_reported() {
    let home = Home::new();
    let run = |words: &[&str]| home.devca(words).env("DEVCA_HOME", home.file("a:b")).output().unwrap();
    assert!(run(&["issue", "localhost"]).status.success());
    let output = run(&["env", "--shell", "json"]);
    let said = words(&output);
    assert!(output.status.success() && !said.contains("\"PHP_INI_SCAN_DIR\""), "{said}");
    assert!(said.contains("PHP_INI_SCAN_DIR is not set: it cannot hold the path"), "{said}");
}
