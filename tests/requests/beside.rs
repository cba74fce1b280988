//! Files beside a pair that is replaced.

use super::*;

/// `pem` and `fullchain` share a key.
#[test]
fn no_certificate_is_left_without_its_key() {
    let home = Home::new();
    home.ok(["issue", "app.test"]);
    let key = || ok("openssl", ["pkey", "-in", text(&home.file("app.test-key.pem")), "-pubout"]);
    let of = |name: &str| ok("openssl", ["x509", "-in", text(&home.file(name)), "-noout", "-pubkey"]);
    let first = key();
    home.ok(["issue", "app.test", "--format", "fullchain"]);
    assert_ne!(key(), first);
    assert_eq!([of("app.test.pem"), of("app.test-fullchain.pem")], [key(), key()]);
    home.ok(["issue", "app.test"]);
    assert_eq!([of("app.test.pem"), of("app.test-fullchain.pem")], [key(), key()]);

    // What is not in the inventory is not replaced.
    let before = fs::read(home.file("app.test-key.pem")).unwrap();
    fs::remove_file(home.ca().join("issued.jsonl")).unwrap();
    refused(&home, ["issue", "app.test", "--format", "fullchain"], 1, "is also the key of");
    refused(&home, ["issue", "app.test"], 1, "is also the key of");
    assert_eq!(fs::read(home.file("app.test-key.pem")).unwrap(), before);
}

/// The other files of a certificate that is replaced are replaced with it, or stay in the inventory.
#[test]
fn files_beside_a_replaced_pair_stay_in_the_inventory() {
    let home = Home::new();
    fs::write(home.file("password"), "correct horse\n").unwrap();
    home.ok(["issue", "app.test", "--format", "pem,p12,combined", "--password-file", "password"]);
    let serial = |name: &str| ok("openssl", ["x509", "-in", text(&home.file(name)), "-noout", "-serial"]);
    let in_p12 = || {
        let p12 = home.file("app.test.p12");
        let arguments = ["pkcs12", "-in", text(&p12), "-passin", "pass:correct horse", "-nokeys", "-clcerts"];
        fs::write(home.file("from-p12.pem"), ok("openssl", arguments)).unwrap();
        serial("from-p12.pem")
    };
    let first = serial("app.test.pem");
    let output = home.devca(["issue", "app.test"]).output().unwrap();
    let said = words(&output);
    assert!(
        output.status.success() && said.contains("./app.test.p12 still contains the previous certificate"),
        "{said}"
    );
    assert!(said.contains("devca renew ") && said.contains("--password-file FILE"), "{said}");
    assert_ne!(serial("app.test.pem"), first);
    assert_eq!(serial("app.test-combined.pem"), serial("app.test.pem"));
    assert_eq!(in_p12(), first);
    let list = home.ok(["list"]);
    assert!(list.contains("not renewed") && list.contains("./app.test.p12"), "{list}");
    home.ok(["renew", "--password-file", "password"]);
    assert_eq!([in_p12(), serial("app.test-combined.pem")], [serial("app.test.pem"), serial("app.test.pem")]);
    assert!(!home.ok(["list"]).contains("not renewed"));

    // With the password, it is replaced at once. What somebody wrote there is not devca's.
    home.ok(["issue", "app.test", "--format", "pem,java", "--password-file", "password"]);
    assert_eq!(in_p12(), serial("app.test.pem"));
    fs::write(home.file("app.test.p12"), "something else").unwrap();
    home.ok(["issue", "app.test"]);
    assert_eq!(fs::read(home.file("app.test.p12")).unwrap(), b"something else");
}

/// So are those beside a pair that a batch replaces.
#[test]
fn files_beside_a_pair_that_a_batch_replaces_stay_in_the_inventory() {
    let home = Home::new();
    fs::write(home.file("password"), "correct horse\n").unwrap();
    fs::write(home.file("names"), "a.test\nb.test\nc.test\nd.test\nalone.test\n").unwrap();
    let formats = ["--format", "pem,p12,combined", "--password-file", "password"];
    home.ok([&["issue", "--batch", "names"][..], &formats].concat());
    for file in ["alone.test.p12", "alone.test-combined.pem"] {
        fs::remove_file(home.file(file)).unwrap();
    }
    assert_eq!(home.json(["issue", "--batch", "names"])["skipped"], 5);
    let p12 = |name: &str| fs::read(home.file(&format!("{name}.p12"))).unwrap();
    let first = ["a.test", "b.test", "c.test", "d.test"].map(p12);
    let output = home.devca(["issue", "--batch", "names", "--force"]).output().unwrap();
    let said = words(&output);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("./a.test.p12 still contains the previous certificate"), "{said}");
    assert!(
        said.contains("and so does 1 other file; to renew it: devca renew --password-file FILE"),
        "{said}"
    );
    let serial = |name: &str| ok("openssl", ["x509", "-in", text(&home.file(name)), "-noout", "-serial"]);
    assert_eq!(serial("a.test-combined.pem"), serial("a.test.pem"));
    assert_eq!(["a.test", "b.test", "c.test", "d.test"].map(p12), first);
    let list = home.ok(["list"]);
    for name in ["a.test", "b.test", "c.test", "d.test"] {
        let is_its = |line: &str| line.contains("not renewed") && line.contains(&format!("./{name}.p12"));
        assert!(list.lines().any(is_its), "{name}: {list}");
    }
    home.ok(["renew", "--password-file", "password"]);
    assert!(!home.ok(["list"]).contains("not renewed"));
    assert_ne!(p12("a.test"), first[0]);

    // A pair that has expired is issued again, and with the password everything beside it.
    home.ok([
        "issue",
        "old.test",
        "--format",
        "pem,p12",
        "--password-file",
        "password",
        "--not-after",
        "2026-01-31",
    ]);
    fs::write(home.file("names"), "old.test\n").unwrap();
    let old = p12("old.test");
    let batch = ["issue", "--batch", "names", "--format", "pem,java", "--password-file", "password"];
    assert_eq!(home.json(batch)["issued"], 1);
    assert_ne!(p12("old.test"), old);
    assert!(!home.ok(["list"]).contains("not renewed"));
}
