//! Roots in the stores that are not the present one.

use super::*;

/// NSS returns all certificates with the same subject, whichever one was requested.
#[test]
fn a_root_with_the_same_name_is_distinguished() {
    let home = Home::new();
    let database = chromium_database(&home);
    home.ok(["install", "--store", "nss"]);
    let elsewhere = |words: &[&str]| {
        let output = home.devca(words).env("DEVCA_HOME", home.file("elsewhere")).output().unwrap();
        assert!(output.status.success(), "{}", common::words(&output));
        common::words(&output)
    };
    elsewhere(&["install", "--store", "nss"]);
    let labels = || -> Vec<String> {
        let listed = nicknames(&database);
        let labels = listed.lines().filter(|line| line.starts_with("devca-"));
        labels.map(|line| line.split(' ').next().unwrap().to_owned()).collect()
    };
    let [first, second] = labels().try_into().unwrap();
    // devca's own root is replaced, and the other one stays.
    home.ok(["permit", "corp.example.dev", "--store", "nss"]);
    let [left, new] = labels().try_into().unwrap();
    assert!([&first, &second].contains(&&left) && ![&first, &second].contains(&&new), "{left} {new}");
    let status = home.json(["status", "--store", "nss"]);
    let others: Vec<_> =
        status["stores"].as_array().unwrap().iter().filter_map(|s| s["others"].as_array()).collect();
    assert_eq!(others.iter().map(|list| list.len()).sum::<usize>(), 1, "{status:#}");
    // The other home's root stays, and the command that removes it is shown.
    let said = elsewhere(&["uninstall", "--store", "nss"]);
    assert_eq!(labels(), [new], "{said}");
    let command = said.split("to remove it: devca ").nth(1).unwrap().lines().next().unwrap();
    let words: Vec<&str> = command.split(' ').chain(["--store", "nss"]).collect();
    let said = elsewhere(&words);
    assert!(said.contains("removed: devca root alice@"), "{said}");
    assert!(labels().is_empty());
    let again = home.devca(&words).output().unwrap();
    assert!(common::words(&again).contains("no store here trusts"), "{}", common::words(&again));
    assert_eq!(again.status.code(), Some(1));
}

#[test]
fn earlier_roots_are_removed_and_other_cas_are_not() {
    if !in_namespace("earlier::earlier_roots_are_removed_and_other_cas_are_not") {
        return;
    }
    let home = Home::new();
    // The machine may already have devca roots.
    let before = anchors();
    let own = || -> Vec<PathBuf> { anchors().into_iter().filter(|file| !before.contains(file)).collect() };
    let stores = ["--store", "system,nss"];
    home.ok(["install", stores[0], stores[1]]);
    home.ok(["--ca", "other", "install", stores[0], stores[1]]);
    let [first, second] = own().try_into().unwrap();
    // A root that `rotate` replaced is removed and reported, even from a store that `rotate` skipped.
    home.ok(["rotate", "--store", "nss"]);
    let shown = home.json(["uninstall", stores[0], stores[1], "--dry-run"]);
    assert_eq!(shown["stores"][0]["state"], "planned", "{shown:#}");
    let installed = home.json(["install", stores[0], stores[1]]);
    assert_eq!(installed["stores"][0]["removed"].as_array().unwrap().len(), 1, "{installed:#}");
    let other = if first.exists() { &first } else { &second };
    assert!(own().len() == 2 && own().contains(other), "{:?}", own());
    let said = home.ok(["uninstall", stores[0], stores[1]]);
    assert_eq!(own(), std::slice::from_ref(other), "the other CA's root stays");
    let of_home = format!("devca root alice@{}", ok("hostname", [] as [&str; 0]).trim());
    assert!(!said.contains(&format!("{of_home} other is of another")), "this home's own are known: {said}");
    assert!(home.devca(["--ca", "other", "status", stores[0], stores[1]]).output().unwrap().status.success());
    home.ok(["--ca", "other", "uninstall", "--purge"]);
    assert!(own().is_empty());
}

/// If the folder was lost without an uninstall, the root can only be recognized by its name, which other
/// roots may have too.
#[test]
fn a_lost_folders_root_is_listed_and_removed_by_its_fingerprint() {
    if !in_namespace("earlier::a_lost_folders_root_is_listed_and_removed_by_its_fingerprint") {
        return;
    }
    let home = Home::new();
    let before = anchors();
    let lost = home.json(["install", "--store", "system"])["sha256"].as_str().unwrap().to_owned();
    fs::remove_dir_all(home.ca()).unwrap();
    // Even without a root, uninstall lists what is in the stores.
    let said = home.fails(["uninstall", "--store", "system"]);
    assert!(said.contains(&format!("devca uninstall --sha256 {lost}")), "{said}");
    home.ok(["issue", "localhost"]);
    let status = home.devca(["status", "--store", "system", "--json"]).output().unwrap();
    let status: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(status["stores"][0]["state"], "other-root", "{status:#}");
    assert!(status["stores"][0]["others"].as_array().unwrap().iter().any(|root| root["sha256"] == lost));
    let said = home.ok(["uninstall", "--store", "system"]);
    assert!(said.contains(&format!("devca uninstall --sha256 {lost}")), "{said}");
    assert_eq!(anchors().len(), before.len() + 1, "it is not removed unasked");
    home.ok(["uninstall", "--store", "system", "--sha256", &lost]);
    assert_eq!(anchors(), before);
}

/// Returns the files that devca and mkcert created in the system's folder.
fn anchors() -> Vec<PathBuf> {
    let entries = fs::read_dir("/usr/local/share/ca-certificates").unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}
