//! CAs that are damaged, incomplete or missing.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::common::refusals::{refused, two_lines};
use super::common::{Home, ok, words};

#[test]
fn a_damaged_ca_is_reported_and_not_changed() {
    let spoil: &[(&str, &str, &str)] = &[
        ("root.pem", "", "contains no certificate"),
        ("root.pem", "nonsense", "contains no certificate"),
        ("root.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "damaged"),
        (
            "root.pem",
            "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n",
            "cannot be read as PEM",
        ),
        ("root.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n", "cannot be read as PEM"),
        ("root-key.pem", "", "contains no private key"),
        ("root-key.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "cannot be read"),
    ];
    for (file, content, part) in spoil {
        let home = Home::new();
        home.ok(["issue", "localhost"]);
        fs::write(home.ca().join(file), content).unwrap();
        refused(&home, ["issue", "app.test"], 1, part);
        refused(&home, ["issue", "localhost"], 1, part);
    }
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    // A leaf in place of the root, another CA's key, a missing key, a root that is a folder, and an endless
    // file.
    let root = fs::read(home.root()).unwrap();
    fs::copy(home.file("localhost.pem"), home.root()).unwrap();
    refused(&home, ["issue", "app.test"], 1, "it is not a CA certificate");
    fs::write(home.root(), &root).unwrap();
    let key = fs::read(home.ca().join("root-key.pem")).unwrap();
    fs::copy(home.file("localhost-key.pem"), home.ca().join("root-key.pem")).unwrap();
    refused(&home, ["issue", "app.test"], 1, "is not the key of");
    fs::remove_file(home.ca().join("root-key.pem")).unwrap();
    refused(&home, ["issue", "app.test"], 1, "is missing");
    fs::write(home.ca().join("root-key.pem"), key).unwrap();
    fs::remove_file(home.root()).unwrap();
    std::os::unix::fs::symlink("/dev/zero", home.root()).unwrap();
    refused_quickly(&home, "is a link");
    fs::remove_file(home.root()).unwrap();
    fs::File::create(home.root()).unwrap().set_len(1 << 30).unwrap();
    refused_quickly(&home, "too large");
    fs::remove_file(home.root()).unwrap();
    fs::create_dir(home.root()).unwrap();
    refused_quickly(&home, "cannot read");
}

fn refused_quickly(home: &Home, part: &str) {
    let output = home.devca(["issue", "app.test"]).output().unwrap();
    two_lines(&output, 1, part);
    assert!(!home.file("app.test.pem").exists() && !home.file("app.test-key.pem").exists());
}

#[test]
fn a_lost_certificate_is_reissued_for_the_existing_key() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    let key = fs::read(home.ca().join("root-key.pem")).unwrap();
    fs::remove_file(home.root()).unwrap();
    home.ok(["issue", "app.test"]);
    assert_eq!(fs::read(home.ca().join("root-key.pem")).unwrap(), key);
    let root = home.root();
    for leaf in ["localhost.pem", "app.test.pem"] {
        ok("openssl", ["verify", "-CAfile", root.to_str().unwrap(), home.file(leaf).to_str().unwrap()]);
    }
}

#[test]
fn an_expired_root_signs_nothing() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    let pem = fs::read(home.ca().join("root-key.pem")).unwrap();
    let der = rustls_pemfile::private_key(&mut pem.as_slice()).unwrap().unwrap();
    let long_ago =
        devca::x509::validity::Validity::starting(time::macros::datetime!(2010-01-01 0:00 UTC), 3650);
    let old =
        devca::ca::profile::root("old", &devca::x509::constraints::Constraints::default(), long_ago, [1; 16])
            .self_signed(&rcgen::KeyPair::try_from(&der).unwrap())
            .unwrap();
    fs::write(home.root(), devca::x509::pem::certificate(old.der())).unwrap();
    refused(&home, ["issue", "app.test"], 1, "expired on");
    refused(&home, ["install"], 1, "expired on");
}

#[test]
fn a_key_that_others_can_read_is_pointed_out() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    let key = home.ca().join("root-key.pem");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let output = home.devca(["issue", "app.test"]).output().unwrap();
    assert!(output.status.success());
    let said = words(&output);
    assert!(
        said.contains("is readable by other users") && said.contains(&format!("chmod 600 {}", key.display())),
        "{said}"
    );
}

#[cfg(unix)]
#[test]
fn a_link_in_the_folder_of_the_ca_is_not_written_through() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    let victim = home.file("victim");
    std::fs::write(&victim, "mine\n").unwrap();
    for name in ["issued.jsonl", "lock"] {
        let path = home.ca().join(name);
        std::fs::rename(&path, home.file("kept")).unwrap();
        std::os::unix::fs::symlink(&victim, &path).unwrap();
        refused(&home, ["issue", "app.test"], 1, "is a link");
        std::fs::rename(home.file("kept"), &path).unwrap();
    }
    assert_eq!(std::fs::read_to_string(victim).unwrap(), "mine\n");
}

#[test]
fn the_folder_of_a_ca_is_only_for_its_own_files() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    home.ok(["--ca", "other", "issue", "localhost", "--force"]);
    std::os::unix::fs::symlink(home.ca(), home.file("link")).unwrap();
    let (own, other) = (home.ca().display().to_string(), home.ca().with_file_name("other"));
    let other = other.display().to_string();
    let before = home.everything();
    for folder in [own.as_str(), &other, "link", &format!("{own}/../default"), &format!("{own}/below")] {
        refused(&home, ["export", "--for", "vault", "--out", folder], 2, "is a CA's folder");
        refused(&home, ["root", "--format", "der", "--out", folder], 2, "is a CA's folder");
        refused(&home, ["crl", "--out", &format!("{folder}/crl.pem")], 2, "is a CA's folder");
        refused(&home, ["issue", "app.test", "--out", folder], 2, "is a CA's folder");
    }
    assert_eq!(home.everything(), before);
}

#[test]
fn a_file_called_root_pem_does_not_make_a_folder_a_ca() {
    let home = Home::new();
    for name in ["root.pem", "lock"] {
        fs::write(home.file(name), "somebody's").unwrap();
    }
    let ca = home.work().join("../../ca");
    let output = home.devca(["issue", "localhost"]).env("DEVCA_HOME", &ca).output().unwrap();
    assert!(output.status.success(), "{}", words(&output));
    assert!(home.file("localhost.pem").exists());
    let folder = ca.join("new");
    let output = home
        .devca(["--ca", "new", "issue", "localhost", "--out", folder.to_str().unwrap()])
        .env("DEVCA_HOME", &ca)
        .output()
        .unwrap();
    two_lines(&output, 2, "is a CA's folder");
}

#[test]
fn a_missing_ca_is_not_an_empty_one() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    for command in ["list", "renew", "status"] {
        refused(&home, ["--ca", "typo", command], 2, "no CA is named typo");
    }
    home.ok(["list"]);
}
