//! What `renew` does where not everything can be renewed as it is.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod common;

use std::fs;

use common::{Home, ok, run, tool, words};

/// The serial number of a certificate in PEM, as OpenSSL reads it.
fn serial(home: &Home, name: &str) -> String {
    ok("openssl", ["x509", "-in", home.file(name).to_str().unwrap(), "-noout", "-serial"])
}

/// The serial number of the certificate in a PKCS#12 file, as OpenSSL reads it.
fn serial_in_p12(home: &Home, name: &str, password: &str) -> String {
    let password = format!("pass:{password}");
    let arguments = ["pkcs12", "-in", name, "-passin", &password, "-nokeys", "-clcerts", "-out", "leaf.pem"];
    let output = home.command(&tool("openssl"), arguments).output().unwrap();
    assert!(output.status.success(), "{}", words(&output));
    serial(home, "leaf.pem")
}

fn leads_to_the_root(home: &Home, name: &str) -> bool {
    let (root, leaf) = (home.root(), home.file(name));
    run("openssl", ["verify", "-CAfile", root.to_str().unwrap(), leaf.to_str().unwrap()]).status.success()
}

#[test]
fn an_encrypted_file_does_not_stop_the_renewal_of_the_pem_beside_it() {
    for format in ["pem,p12", "p12,pem", "java,fullchain"] {
        let home = Home::new();
        let issued = home.json(["issue", "both.test", "--format", format, "--days", "20"]);
        let password = issued["password"].as_str().unwrap();
        let (pem, store) = match format {
            "java,fullchain" => ("both.test-fullchain.pem", "both.test-keystore.p12"),
            _ => ("both.test.pem", "both.test.p12"),
        };
        let (before, left) = (serial(&home, pem), fs::read(home.file(store)).unwrap());
        // As a timer runs it.
        let said = home.fails(["renew", "--within", "25d"]);
        assert!(said.contains(&format!("./{pem}: renewed")), "{said}");
        assert!(
            said.contains(&format!("./{store}: outdated")) && said.contains("previous certificate"),
            "{said}"
        );
        let hint = format!("hint: devca renew {}", home.work().display());
        assert!(said.contains(" --password-file FILE"), "{said}");
        assert!(said.contains(&hint), "{hint}: {said}");
        assert_ne!(serial(&home, pem), before, "{format}");
        assert!(leads_to_the_root(&home, pem), "{format}");
        assert_eq!(fs::read(home.file(store)).unwrap(), left, "{format}");
        assert_eq!(home.json(["list"])["certificates"].as_array().unwrap().len(), 1, "{format}");
        assert!(words(&home.devca(["status", "--store", "wsl"]).output().unwrap()).contains(store));
        // Another password is as good as none.
        fs::write(home.file("wrong"), "another one\n").unwrap();
        let before = serial(&home, pem);
        assert!(home.fails(["renew", pem, "--password-file", "wrong"]).contains("outdated"));
        assert_ne!(serial(&home, pem), before, "{format}");
        // With its password, the store catches up, though nothing ends soon any more.
        fs::write(home.file("password"), password).unwrap();
        home.ok(["renew", "--within", "1d", "--password-file", "password"]);
        assert_eq!(serial_in_p12(&home, store, password), serial(&home, pem), "{format}");
        let again = home.json(["renew", "--within", "1d", "--password-file", "password"]);
        assert_eq!(again["reissued"].as_array().unwrap().len(), 0, "{again:#}");
    }
}

#[test]
fn encrypted_files_catch_up_after_a_rotation() {
    let home = Home::new();
    fs::write(home.file("password"), "changeit").unwrap();
    home.ok(["issue", "both.test", "--format", "pem,p12", "--password-file", "password"]);
    assert!(home.fails(["rotate", "--store", "wsl"]).contains("./both.test.p12: outdated"));
    assert!(leads_to_the_root(&home, "both.test.pem"));
    home.ok(["renew", "both.test", "--password-file", "password"]);
    assert_eq!(serial_in_p12(&home, "both.test.p12", "changeit"), serial(&home, "both.test.pem"));
    assert!(leads_to_the_root(&home, "leaf.pem"));
}

#[test]
fn a_timer_that_lacks_a_password_is_pointed_out() {
    let home = Home::new();
    home.ok(["issue", "both.test", "--format", "pem,p12"]);
    let folder = home.file("bin");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("systemctl"), "#!/bin/sh\n").unwrap();
    ok("chmod", ["755", folder.join("systemctl").to_str().unwrap()]);
    let install = |more: &[&str]| {
        let output =
            home.devca(["renew", "--install-timer"]).args(more).env("PATH", &folder).output().unwrap();
        assert!(output.status.success(), "{}", words(&output));
        words(&output)
    };
    let said = install(&[]);
    assert!(said.contains("note: the timer cannot renew") && said.contains("both.test.p12"), "{said}");
    fs::write(home.file("password"), "changeit").unwrap();
    assert!(!install(&["--password-file", "password"]).contains("cannot renew"));
}
