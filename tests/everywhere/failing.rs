//! Stores that cannot be changed do not stop the others.

use super::*;

#[test]
fn a_failing_store_does_not_stop_the_others() {
    if !in_namespace("failing::a_failing_store_does_not_stop_the_others") {
        return;
    }
    let home = Home::with_nss_tool(NssTool::Certutil);
    let profile = firefox_profile(&home);
    // A running Firefox is writing, so its database is locked.
    let lock = "import sqlite3, sys\nc = sqlite3.connect(sys.argv[1], isolation_level=None)\nc.execute('BEGIN EXCLUSIVE')\nprint('locked', flush=True)\nsys.stdin.read()\n";
    let mut locker = Command::new(tool("python3"))
        .args(["-c", lock])
        .arg(profile.join("cert9.db"))
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(locker.stdout.take().unwrap()), &mut line)
        .unwrap();
    assert_eq!(line, "locked\n");

    let output = home.devca(["install", "--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", words(&output));
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    for store in document["stores"].as_array().unwrap() {
        if store["place"].as_str().unwrap().starts_with("Firefox") {
            assert_eq!(store["state"], "failed");
            assert!(
                store["message"].as_str().unwrap().contains("certutil failed") && store["hint"].is_string(),
                "{store}"
            );
        } else {
            let outcome = store["state"].as_str().unwrap();
            assert!(["done", "already-done", "skipped"].contains(&outcome), "{store}");
        }
    }
    // After the cause was removed, a second install completes.
    drop(locker.stdin.take());
    locker.wait().unwrap();
    let again = home.json(["install"]);
    assert!(again["stores"].as_array().unwrap().iter().any(|store| store["state"] == "done"), "{again:#}");
    assert!(home.devca(["status"]).output().unwrap().status.success());
}

#[test]
fn a_certutil_that_fails_or_is_missing_is_a_line_of_its_own() {
    if !in_namespace("failing::a_certutil_that_fails_or_is_missing_is_a_line_of_its_own") {
        return;
    }
    let home = Home::with_nss_tool(NssTool::Certutil);
    let install = || {
        let output = home.devca(["install", "--json"]).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", words(&output));
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let stores = document["stores"].as_array().unwrap().clone();
        assert!(
            stores.iter().any(|store| store["store"] == "system" && store["state"] != "failed"),
            "{document:#}"
        );
        stores.into_iter().find(|store| store["store"] == "nss" && store["state"] == "failed").unwrap()
    };
    let broken = home.file("certutil");
    fs::write(&broken, "#!/bin/sh\necho 'certutil: out of order' >&2\nexit 1\n").unwrap();
    ok("chmod", ["755", broken.to_str().unwrap()]);
    let certutil = tool("certutil");
    ok("mount", ["--bind", broken.to_str().unwrap(), certutil.to_str().unwrap()]);
    let line = install();
    assert!(line["message"].as_str().unwrap().contains("out of order"), "{line}");
    // A file that is not executable counts as missing.
    ok("chmod", ["644", broken.to_str().unwrap()]);
    let line = install();
    assert!(line["hint"].as_str().unwrap().contains("apt-get install -y libnss3-tools"), "{line}");
    ok("umount", [certutil.to_str().unwrap()]);
    home.ok(["install"]);
}

#[test]
fn javas_that_cannot_be_changed_do_not_stop_anything() {
    if !in_namespace("failing::javas_that_cannot_be_changed_do_not_stop_anything") {
        return;
    }
    let home = Home::new();
    let jdk = own_jdk(&home);
    fs::write(jdk.join("lib/security/cacerts"), "nonsense").unwrap();
    let mut command = home.devca(["install", "--store", "system,java", "--json"]);
    let output = command.env("JAVA_HOME", home.file("nothing")).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", words(&output));
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let outcome = |part: &str| {
        let store = document["stores"]
            .as_array()
            .unwrap()
            .iter()
            .find(|s| s["place"].as_str().unwrap().contains(part));
        store.unwrap_or_else(|| panic!("{part}: {document:#}"))["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(outcome(".jdks/own"), "failed");
    assert_eq!(outcome("nothing"), "skipped", "a JAVA_HOME without cacerts");
    assert_eq!(outcome("ca-certificates"), "done");
    // Such a JAVA_HOME does not prevent issuing either.
    home.ok(["issue", "localhost"]);
}
