//! What `devca permit` does to trust stores and to browsers.

use super::*;

#[test]
fn the_new_root_replaces_the_old_one_in_exactly_the_stores_that_have_it() {
    if !in_namespace("stores::the_new_root_replaces_the_old_one_in_exactly_the_stores_that_have_it") {
        return;
    }
    let home = Home::new();
    let database = chromium_database(&home);
    let jdk = own_jdk(&home);
    let cacerts = jdk.join("lib/security/cacerts");
    let in_java = || {
        let words = ["-list", "-rfc", "-storepass", "changeit", "-keystore", cacerts.to_str().unwrap()];
        ok("keytool", words).replace('\r', "")
    };
    let in_nss = || nicknames(&database).matches("devca-").count();
    let anchors = || {
        let names = fs::read_dir(ANCHORS).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_str().unwrap().starts_with("devca-")).count()
    };
    // The machine may already have devca roots.
    let machines = anchors();
    home.ok(["install"]);
    home.ok(["issue", "localhost"]);
    home.ok(["uninstall", "--store", "java"]);
    let before = fs::read(&cacerts).unwrap();
    let old = pem_of_root(&home);

    let permitted = home.json(["permit", "corp.example.dev"]);
    assert_eq!(done(&permitted), ["system", "nss"]);
    let new = pem_of_root(&home);
    let bundle = fs::read_to_string(BUNDLE).unwrap();
    assert!(bundle.contains(&new) && !bundle.contains(&old) && new != old);
    assert_eq!(anchors(), machines + 1);
    assert_eq!(in_nss(), 1);
    assert_eq!(fs::read(&cacerts).unwrap(), before, "a store that did not hold the old root is not touched");

    // `install` fixes the store that was skipped, which is updated from then on.
    home.ok(["install"]);
    assert!(in_java().contains(&new));
    assert_eq!(done(&home.json(["permit", "more.example.dev"])), ["system", "nss", "java"]);
    let newest = pem_of_root(&home);
    assert!(in_java().contains(&newest) && !in_java().contains(&new));
    assert!(home.devca(["status"]).output().unwrap().status.success());
    verifies(&home, "localhost.pem").unwrap();

    // `issue` replaces it too, and reports where.
    assert_eq!(done(&home.json(["issue", "third.example.dev", "--yes"])), ["system", "nss", "java"]);
    assert!(in_java().contains(&pem_of_root(&home)) && !in_java().contains(&newest));
    assert!(home.devca(["status"]).output().unwrap().status.success());
}

#[test]
fn an_outdated_store_is_reported_by_status_and_fixed_by_install() {
    let home = Home::new();
    let database = chromium_database(&home);
    home.ok(["install", "--store", "nss"]);
    let old = home.file("old.pem");
    fs::copy(home.root(), &old).unwrap();
    home.ok(["permit", "corp.example.dev", "--store", "nss"]);
    let name =
        nicknames(&database).split_whitespace().find(|word| word.starts_with("devca-")).unwrap().to_owned();
    ok("certutil", ["-D", "-d", &format!("sql:{}", database.display()), "-n", &name]);
    trust(&database, "devca-0123456789abcdef", &old);

    let output = home.devca(["status", "--store", "nss", "--json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let status: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(status["stores"].as_array().unwrap().iter().any(|s| s["state"] == "other-root"), "{status:#}");
    assert_eq!(status["problems"][0]["hint"], "devca install");
    home.ok(["install", "--store", "nss"]);
    assert!(home.devca(["status", "--store", "nss"]).output().unwrap().status.success());
    assert_eq!(nicknames(&database).matches("devca-").count(), 1);
}
