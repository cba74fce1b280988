//! `renew` when not everything can be renewed as it is.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;
#[path = "renewal/moved.rs"]
mod moved;

use std::fs;

use common::{Home, ok, run, tool, words};

/// Returns the serial number of a certificate in PEM, as read by OpenSSL.
fn serial(home: &Home, name: &str) -> String {
    ok("openssl", ["x509", "-in", home.file(name).to_str().unwrap(), "-noout", "-serial"])
}

/// Returns the serial number of the certificate in a PKCS#12 file, as read by OpenSSL.
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

/// Whatever happens to another file, a certificate in use is renewed with its key.
#[test]
fn a_file_that_is_lost_does_not_stop_the_renewal_of_the_pem_beside_it() {
    let home = Home::new();
    fs::write(home.file("password"), "secret\n").unwrap();
    for (format, lost) in [("pem,p12", "lost.test.p12"), ("pem,fullchain", "lost.test-fullchain.pem")] {
        for junk in [None, Some("something else\n")] {
            let issue = ["issue", "lost.test", "--format", format, "--days", "20", "--force"];
            let password: &[&str] =
                if format.contains("p12") { &["--password-file", "password"] } else { &[] };
            home.ok(issue.iter().chain(password));
            fs::remove_file(home.file(lost)).unwrap();
            if let Some(junk) = junk {
                fs::write(home.file(lost), junk).unwrap();
            }
            let before = serial(&home, "lost.test.pem");
            let said = home.fails(["renew", "--within", "25d"]);
            assert_ne!(serial(&home, "lost.test.pem"), before, "{said}");
            assert!(leads_to_the_root(&home, "lost.test.pem"));
            let why = if junk.is_some() { "it contains something else" } else { "it is missing" };
            let line = format!("failed    ./{lost}: {why}; the other files were renewed");
            assert!(said.contains(&line), "{line}: {said}");
            let wanted = format.split(',').nth(1).unwrap();
            assert!(said.contains(&format!("devca issue lost.test --format {wanted}\n")), "{said}");
            // devca does not recognize this file, so it must not change it.
            assert_eq!(fs::read_to_string(home.file(lost)).ok().as_deref(), junk);
            // This is reported once; then the inventory only lists the existing files.
            home.ok(["renew", "--all"]);
            fs::remove_file(home.file(lost)).ok();
        }
    }
    // Without its key, the certificate cannot be renewed at all.
    home.ok(["issue", "bare.test", "--format", "pem,fullchain", "--days", "20"]);
    fs::remove_file(home.file("bare.test-key.pem")).unwrap();
    let before = serial(&home, "bare.test.pem");
    assert!(home.fails(["renew", "--within", "25d"]).contains("bare.test-key.pem is missing"));
    assert_eq!(serial(&home, "bare.test.pem"), before);
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
        assert!(said.contains(&format!("renewed   ./{pem}\n")), "{said}");
        assert!(
            said.contains(&format!("outdated  ./{store}: ")) && said.contains("previous certificate"),
            "{said}"
        );
        let hint = format!("hint: devca renew {}", home.work().display());
        assert!(said.contains(" --password-file FILE"), "{said}");
        assert!(said.contains(&hint), "{hint}: {said}");
        assert_ne!(serial(&home, pem), before, "{format}");
        assert!(leads_to_the_root(&home, pem), "{format}");
        assert_eq!(fs::read(home.file(store)).unwrap(), left, "{format}");
        let listed = home.json(["list"]);
        assert_eq!(listed["certificates"].as_array().unwrap().len(), 1, "{format}");
        let mut files = listed["certificates"][0]["files"].as_array().unwrap().iter();
        let left_behind = files.find(|file| file["outdated"] == true).unwrap();
        assert!(left_behind["path"].as_str().unwrap().ends_with(store), "{listed:#}");
        // It has the expiry of the previous certificate, not that of the renewed one.
        assert_eq!(left_behind["not_after"], issued["not_after"], "{listed:#}");
        for (command, state) in [(&["list"][..], "not renewed"), (&["list", "--expiring", "25d"], "expiring")]
        {
            let said = home.ok(command);
            let row = said.lines().find(|line| line.ends_with(store)).unwrap_or_else(|| panic!("{said}"));
            assert!(row.starts_with(&format!("both.test\tserver\t{state}\t")), "{said}");
        }
        assert!(words(&home.devca(["status", "--store", "wsl"]).output().unwrap()).contains(store));
        // A wrong password has the same effect as none.
        fs::write(home.file("wrong"), "another one\n").unwrap();
        let before = serial(&home, pem);
        assert!(home.fails(["renew", pem, "--password-file", "wrong"]).contains("outdated"));
        assert_ne!(serial(&home, pem), before, "{format}");
        // With its password, the store is updated even though nothing expires soon.
        fs::write(home.file("password"), password).unwrap();
        home.ok(["renew", "--within", "1d", "--password-file", "password"]);
        assert_eq!(serial_in_p12(&home, store, password), serial(&home, pem), "{format}");
        let listed = home.json(["list"]);
        assert!(!listed.to_string().contains("\"outdated\":true"), "{listed:#}");
        let again = home.json(["renew", "--within", "1d", "--password-file", "password"]);
        assert_eq!(again["reissued"].as_array().unwrap().len(), 0, "{again:#}");
    }
}

#[test]
fn encrypted_files_catch_up_after_a_rotation() {
    let home = Home::new();
    fs::write(home.file("password"), "changeit").unwrap();
    home.ok(["issue", "both.test", "--format", "pem,p12", "--password-file", "password"]);
    assert!(home.fails(["rotate", "--store", "wsl"]).contains("outdated  ./both.test.p12: "));
    assert!(home.ok(["list"]).contains("both.test\tserver\tnot renewed\t"));
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

/// Replaces the root with one that has the same key and subject, and that is valid between these days from
/// now.
fn move_root(home: &Home, from: i64, to: i64) {
    let now = time::OffsetDateTime::now_utc();
    let key = devca::x509::pem::first_key(&home.ca().join("root-key.pem")).unwrap();
    let name = ok(
        "openssl",
        ["x509", "-in", home.root().to_str().unwrap(), "-noout", "-subject", "-nameopt", "multiline"],
    );
    let name = name.lines().find_map(|line| line.trim().strip_prefix("commonName")).unwrap();
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::OrganizationName, "devca development CA");
    params.distinguished_name.push(rcgen::DnType::CommonName, name.trim_start_matches([' ', '=']));
    params.not_before = now + time::Duration::days(from);
    params.not_after = now + time::Duration::days(to);
    let root = params.self_signed(&*key).unwrap();
    fs::write(home.root(), devca::x509::pem::certificate(root.der())).unwrap();
}

#[test]
fn a_clock_before_the_creation_of_the_root_is_reported() {
    let home = Home::new();
    home.ok(["issue", "before.test"]);
    move_root(&home, 30, 300);
    for command in [&["issue", "after.test"][..], &["renew", "before.test"]] {
        let said = home.fails(command);
        assert!(
            said.contains("this machine's clock (20") && said.contains("is before the root was created (20"),
            "{said}"
        );
        assert!(
            said.contains(
                "hint: set the clock; date -u shows it; if it is right, replace the root: devca rotate"
            ),
            "{said}"
        );
    }
    assert!(!home.file("after.test.pem").exists());
    let said = home.fails(["status", "--store", "wsl"]);
    assert!(said.contains("is before the root was created"), "{said}");
    for said in [said, home.ok(["list"])] {
        assert!(!said.contains("earlier root"), "{said}");
    }
    let output = home.devca(["check", "--expiring", "14d"]).output().unwrap();
    assert!(output.status.success(), "{}", words(&output));
}

#[test]
fn a_certificate_that_the_root_cuts_short_is_pointed_out() {
    let home = Home::new();
    let said = words(&home.devca(["issue", "long.test"]).output().unwrap());
    assert!(!said.contains("expires with the root"), "{said}");
    move_root(&home, -1, 50);
    let output = home.devca(["issue", "short.test"]).output().unwrap();
    let said = words(&output);
    assert!(output.status.success() && said.contains("expires with the root, on 20"), "{said}");
    assert!(said.contains("devca rotate"), "{said}");
    assert!(
        !words(&home.devca(["issue", "fits.test", "--days", "20"]).output().unwrap())
            .contains("expires with the root")
    );

    let output = home.devca(["renew", "--all"]).output().unwrap();
    let said = words(&output);
    assert!(output.status.success() && said.contains("2 certificates expire with the root, on 20"), "{said}");
    fs::write(home.file("names.txt"), "a.test\nb.test\nc.test\n").unwrap();
    let said = words(&home.devca(["issue", "--batch", "names.txt"]).output().unwrap());
    assert!(
        said.contains("3 certificates expire with the root, on 20") && said.contains("devca rotate"),
        "{said}"
    );

    // A new root gives them the time that was requested.
    home.ok(["rotate", "--store", "wsl"]);
    let days = |name: &str| {
        let list = home.json(["list"]);
        let mut listed = list["certificates"].as_array().unwrap().iter();
        listed.find(|listed| listed["names"][0] == name).unwrap()["days_left"].as_i64().unwrap()
    };
    assert_eq!(["long.test", "short.test", "fits.test", "a.test"].map(days), [397, 397, 20, 397]);
}

#[test]
fn a_root_without_its_key_is_not_installed_and_rotate_replaces_it() {
    for damage in ["missing", "empty", "another's"] {
        let home = Home::new();
        home.ok(["issue", "localhost"]);
        let key = home.ca().join("root-key.pem");
        match damage {
            "missing" => fs::remove_file(&key).unwrap(),
            "empty" => fs::write(&key, "").unwrap(),
            _ => _ = fs::copy(home.file("localhost-key.pem"), &key).unwrap(),
        }
        for command in
            [&["issue", "app.test"][..], &["install", "--store", "nss"], &["status", "--store", "wsl"]]
        {
            let said = home.fails(command);
            assert!(said.contains("or replace the root: devca rotate"), "{damage}: {said}");
            assert!(!said.contains("purge"), "{damage}: {said}");
        }
        assert!(!home.home().join(".pki/nssdb").exists(), "{damage}: no store has been touched");
        home.ok(["rotate", "--store", "wsl"]);
        assert!(leads_to_the_root(&home, "localhost.pem"), "{damage}");
        home.ok(["install", "--store", "nss"]);
    }
}

/// Moved and deleted files cannot be distinguished, so a note explains what to do in either case.
#[test]
fn a_certificate_that_is_due_and_gone_is_pointed_out() {
    let home = Home::new();
    home.ok(["issue", "moved.test", "--days", "20"]);
    for name in ["moved.test.pem", "moved.test-key.pem"] {
        fs::rename(home.file(name), home.file(&format!("new-{name}"))).unwrap();
    }
    let output = home.devca(["renew", "--within", "25d"]).output().unwrap();
    let said = words(&output);
    assert!(output.status.success() && said.contains("./moved.test.pem is due and gone"), "{said}");
    assert!(said.contains("devca renew NEW-PATH"), "{said}");
    assert!(home.ok(["renew", "new-moved.test.pem"]).contains("renewed"));
    let output = home.devca(["renew", "--within", "25d"]).output().unwrap();
    assert!(!words(&output).contains("gone"), "{}", words(&output));
}

/// Anything that a user has added to a file is kept, and a certificate in use that is not renewed because of it is
/// reported as an error.
#[test]
fn additions_to_a_file_are_not_lost() {
    let home = Home::new();
    for what in ["key", "root", "comment"] {
        home.ok(["issue", "x.test", "--days", "20", "--force"]);
        let more = match what {
            "key" => fs::read(home.file("x.test-key.pem")).unwrap(),
            "root" => fs::read(home.root()).unwrap(),
            _ => b"# ours\n".to_vec(),
        };
        let whole = [fs::read(home.file("x.test.pem")).unwrap(), more].concat();
        fs::write(home.file("x.test.pem"), &whole).unwrap();
        let said = home.fails(["renew", "--within", "25d"]);
        assert!(
            said.contains("contains something else, or more") && said.contains("--force"),
            "{what}: {said}"
        );
        let said = home.fails(["issue", "x.test"]);
        assert!(
            said.contains("x.test.pem already exists") && said.contains("or contains more"),
            "{what}: {said}"
        );
        assert_eq!(fs::read(home.file("x.test.pem")).unwrap(), whole, "{what}");
    }
    // A manifest with a namespace, and a key that was encrypted later.
    home.ok(["issue", "y.test", "--format", "k8s", "--days", "5"]);
    let manifest = fs::read_to_string(home.file("y.test-secret.yaml")).unwrap();
    let edited = manifest.replace("metadata:\n", "metadata:\n  namespace: prod\n");
    fs::write(home.file("y.test-secret.yaml"), edited).unwrap();
    home.ok(["issue", "z.test", "--days", "5"]);
    let key = home.file("z.test-key.pem").display().to_string();
    let encrypted = home.file("encrypted").display().to_string();
    ok("openssl", ["pkcs8", "-topk8", "-in", &key, "-out", &encrypted, "-passout", "pass:secret"]);
    fs::rename(&encrypted, &key).unwrap();
    let said = home.fails(["renew", "--within", "25d"]);
    for name in ["y.test-secret.yaml", "z.test"] {
        assert!(said.contains(name), "{name}: {said}");
    }
    // The command in the hint works.
    let hint = said.lines().find(|line| line.contains("devca issue x.test")).unwrap();
    let command = &hint[hint.find("devca issue").unwrap() + "devca ".len()..];
    home.ok(command.split(' '));
    // It has the options that the certificate was issued with.
    let options =
        ["--client", "--server", "--org", "Foo Inc", "--cert-file", "tls.crt", "--key-file", "tls.key"];
    home.ok(["issue", "v.test", "--days", "20"].iter().chain(&options));
    fs::remove_file(home.file("tls.key")).unwrap();
    let said = home.fails(["renew", "--within", "25d"]);
    let expected = "devca issue --client --server --org 'Foo Inc' v.test --cert-file ";
    assert!(said.contains(expected), "{said}");
}

/// With `--quiet`, a timer still reports why it fails.
#[test]
fn a_quiet_renewal_that_cannot_read_the_inventory_says_so() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    fs::write(home.ca().join("issued.jsonl"), "garbage\n").unwrap();
    let output = home.devca(["-q", "renew"]).output().unwrap();
    let said = words(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("issued.jsonl") && output.stdout.is_empty(), "{said}");
}

/// The commands for another CA must not change the default one.
#[test]
fn hints_name_the_ca_that_they_are_for() {
    let home = Home::new();
    home.ok(["issue", "default.test"]);
    home.ok(["--ca", "work", "issue", "app.test", "--format", "pem,p12"]);
    let work = home.ca().with_file_name("work");
    let hints = |arguments: &[&str]| {
        let output = home.devca([&["--ca", "work"], arguments].concat()).output().unwrap();
        let said = words(&output);
        assert!(!output.status.success() && said.contains("devca --ca work "), "{arguments:?}: {said}");
        for command in ["devca rotate", "devca renew", "devca issue", "devca install", "devca list"] {
            assert!(!said.contains(command), "{arguments:?}: {said}");
        }
    };
    hints(&["renew", "--all"]);
    hints(&["rotate", "--store", "wsl"]);
    fs::remove_file(home.file("app.test-key.pem")).unwrap();
    hints(&["renew", "--all"]);
    for content in ["somebody's", ""] {
        fs::write(work.join("root-key.pem"), content).unwrap();
        hints(&["status", "--store", "wsl"]);
        hints(&["issue", "b.test"]);
    }
}
