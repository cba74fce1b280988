//! The system store, with the real update-ca-certificates in its own mount namespace.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use common::clients::CLIENTS;
use common::{Home, Server, in_namespace, ok, strangers_root, words};

const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";
const ANCHORS: &str = "/usr/local/share/ca-certificates";

/// The clients that use the system's bundle by default: all but Node.
fn readers_of_the_system_store() -> impl Iterator<Item = &'static common::clients::Client> {
    CLIENTS.iter().filter(|client| client.name != "Node")
}

fn bundle() -> String {
    fs::read_to_string(BUNDLE).unwrap()
}

#[test]
fn installed_means_trusted_and_uninstalled_means_refused() {
    if !in_namespace("installed_means_trusted_and_uninstalled_means_refused") {
        return;
    }
    // Another CA's root, which must still be there at the end.
    let stranger = Path::new(ANCHORS).join("stranger.crt");
    strangers_root(&stranger);
    ok("update-ca-certificates", [] as [&str; 0]);
    let before = bundle();
    assert!(before.contains(&fs::read_to_string(stranger).unwrap()));

    let home = Home::new();
    home.ok(["issue", "localhost"]);
    let server = Server::start(&home.file("localhost.pem"), &home.file("localhost-key.pem"));
    for client in readers_of_the_system_store() {
        client.refuses(None, server.port, "localhost", client.unknown_root);
    }

    let installed = home.json(["install"]);
    assert_eq!(installed["root_created"], false);
    assert_eq!(installed["stores"][0]["state"], "done", "{installed}");
    for client in readers_of_the_system_store() {
        client.accepts(None, server.port, "localhost");
    }
    let root = fs::read(home.root()).unwrap();
    assert_eq!(home.json(["install"])["stores"][0]["state"], "already-done");
    assert_eq!(fs::read(home.root()).unwrap(), root, "a root is never overwritten");

    assert_eq!(home.json(["uninstall"])["stores"][0]["state"], "done");
    for client in readers_of_the_system_store() {
        client.refuses(None, server.port, "localhost", client.unknown_root);
    }
    assert_eq!(fs::read(home.root()).unwrap(), root, "without --purge the root stays");
    assert!(bundle() == before, "the stranger's root is as it was");
    assert_eq!(home.json(["uninstall"])["stores"][0]["state"], "already-done");
}

#[test]
fn purge_leaves_nothing_behind() {
    if !in_namespace("purge_leaves_nothing_behind") {
        return;
    }
    let anchors = || {
        let mut files: Vec<_> = fs::read_dir(ANCHORS).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    };
    // Let the system's program normalize roots that the machine already has.
    ok("update-ca-certificates", ["--fresh"]);
    let before = (bundle(), anchors());
    let home = Home::new();
    home.ok(["install"]);
    assert!(bundle() != before.0 && anchors().len() == before.1.len() + 1);
    home.ok(["uninstall", "--purge"]);
    assert!(bundle() == before.0, "the bundle is as it was");
    assert!(!home.home().join(".local/share/devca").exists());
    assert_eq!(anchors(), before.1);
}

/// An updater that does nothing and reports success.
#[test]
fn a_root_that_a_store_refuses_is_not_left_in_its_folder() {
    if !in_namespace("a_root_that_a_store_refuses_is_not_left_in_its_folder") {
        return;
    }
    let home = Home::new();
    let list = || fs::read_dir(ANCHORS).unwrap().count();
    let before = list();
    ok("mount", ["--bind", "/bin/true", "/usr/sbin/update-ca-certificates"]);
    let said = home.fails(["install", "--store", "system"]);
    assert!(said.contains("so the change was undone"), "{said}");
    assert_eq!(list(), before);
    ok("umount", ["/usr/sbin/update-ca-certificates"]);
    home.ok(["install", "--store", "system"]);
    assert_eq!(list(), before + 1);
}

/// Creates a user and returns a way to run devca as that user.
fn person(name: &str, may_sudo: bool) -> impl Fn(&str) -> Command {
    ok("useradd", ["--create-home", name]);
    fs::copy(env!("CARGO_BIN_EXE_devca"), "/usr/local/bin/devca").unwrap();
    if may_sudo {
        fs::write(format!("/etc/sudoers.d/{name}"), format!("{name} ALL=(ALL) NOPASSWD: ALL\n")).unwrap();
    }
    let name = name.to_owned();
    move |script| {
        let mut command = Command::new(common::tool("runuser"));
        command.args([
            "-u",
            &name,
            "--",
            "env",
            "-u",
            "DEVCA_HOME",
            &format!("HOME=/home/{name}"),
            "sh",
            "-euc",
        ]);
        command.arg(format!("cd ~; {script}")).stdin(std::process::Stdio::null());
        command
    }
}

#[test]
fn sudo_typed_by_habit_works_for_the_person() {
    if !in_namespace("sudo_typed_by_habit_works_for_the_person") {
        return;
    }
    common::tool("sudo");
    // This is a throwaway copy, like all of /root here.
    let _ = fs::remove_dir_all("/root/.local/share/devca");
    let alice = person("alice", true);
    let done = alice(
        "sudo devca install; mkdir w; cd w; sudo devca issue localhost --out certs; devca issue app.test",
    )
    .output()
    .unwrap();
    assert!(done.status.success(), "{}", words(&done));
    let owner = fs::metadata("/home/alice").unwrap().uid();
    let mut seen = 0;
    let mut folders = vec![Path::new("/home/alice").to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(entry.metadata().unwrap().uid(), owner, "{} is not alice's", entry.path().display());
            seen += 1;
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            }
        }
    }
    assert!(seen > 10, "only {seen} files");
    assert!(!Path::new("/root/.local/share/devca").exists(), "a second CA in root's home");
    let serial_issuers =
        ok("openssl", ["x509", "-in", "/home/alice/w/certs/localhost.pem", "-noout", "-issuer"]);
    assert!(serial_issuers.contains("devca root alice@"), "{serial_issuers}");
}

#[test]
fn sudo_is_used_for_the_steps_that_need_it() {
    if !in_namespace("sudo_is_used_for_the_steps_that_need_it") {
        return;
    }
    let alice = person("alice", true);
    let done = alice("devca install -v").output().unwrap();
    assert!(done.status.success(), "{}", words(&done));
    let said = words(&done);
    assert!(said.contains("/sudo /usr/sbin/update-ca-certificates"), "{said}");
    assert_eq!(
        fs::metadata("/home/alice/.local/share/devca/default/root-key.pem").unwrap().uid(),
        fs::metadata("/home/alice").unwrap().uid()
    );
    assert!(
        bundle().contains(&fs::read_to_string("/home/alice/.local/share/devca/default/root.pem").unwrap())
    );
    let gone = alice("devca uninstall --purge").output().unwrap();
    assert!(gone.status.success(), "{}", words(&gone));
    assert!(!Path::new("/home/alice/.local/share/devca").exists());
}

#[test]
fn without_sudo_the_commands_are_printed() {
    if !in_namespace("without_sudo_the_commands_are_printed") {
        return;
    }
    let before = bundle();
    for program in ["sudo", "doas"] {
        ok("mount", ["--bind", "/dev/null", common::tool(program).to_str().unwrap()]);
    }
    let bob = person("bob", false);
    let done = bob("devca install").output().unwrap();
    assert_eq!(done.status.code(), Some(1), "{}", words(&done));
    let said = words(&done);
    assert!(said.contains("neither sudo nor doas was found"), "{said}");
    let script =
        said.split("as root, run: ").nth(1).unwrap_or_else(|| panic!("{said}")).lines().next().unwrap();
    assert!(bundle() == before, "the bundle is as it was");
    // The commands in the hint work.
    ok("sh", ["-euc", script]);
    let again = bob("devca install").output().unwrap();
    assert!(again.status.success(), "{}", words(&again));
    assert!(words(&again).contains("already trusted"), "{}", words(&again));
}

#[test]
fn a_refused_sudo_is_reported_and_the_root_is_kept() {
    if !in_namespace("a_refused_sudo_is_reported_and_the_root_is_kept") {
        return;
    }
    let bob = person("bob", false);
    let done = bob("devca install").output().unwrap();
    assert_eq!(done.status.code(), Some(1), "{}", words(&done));
    let said = words(&done);
    assert!(
        said.contains("sudo cannot ask for a password here") && said.contains("update-ca-certificates"),
        "{said}"
    );
    assert!(Path::new("/home/bob/.local/share/devca/default/root.pem").exists());
}

#[test]
fn a_program_in_the_current_folder_is_never_run() {
    if !in_namespace("a_program_in_the_current_folder_is_never_run") {
        return;
    }
    let alice = person("alice", true);
    let traps = "for name in sudo install update-ca-certificates certutil keytool java chroot rm; do
        printf '#!/bin/sh\\necho \"$0\" >> ~/sprung\\n' > $name; chmod +x $name; done;";
    let done = alice(&format!(
        "mkdir trap; cd trap; {traps} PATH=.::$PATH devca install; PATH=.::$PATH devca uninstall"
    ));
    let output = { done }.output().unwrap();
    assert!(output.status.success(), "{}", words(&output));
    // A Java that is named relative to the current folder.
    let java = "cd trap; mkdir -p bin lib/security; cp keytool bin/; touch lib/security/cacerts;
        JAVA_HOME=. devca install --store java; devca run -- keytool -help";
    let output = alice(java).output().unwrap();
    assert!(words(&output).contains("JAVA_HOME is not an absolute path"), "{}", words(&output));
    assert!(Path::new("/home/alice/trap/sudo").exists() && !Path::new("/home/alice/sprung").exists());
}

#[test]
fn stores_that_take_no_root_are_complete_without_one() {
    if !in_namespace("stores_that_take_no_root_are_complete_without_one") {
        return;
    }
    // A Java of the machine whose cacerts belongs to root.
    let jdk = Path::new("/usr/lib/jvm/own");
    ok("jlink", ["--add-modules", "java.base", "--output", jdk.to_str().unwrap()]);
    let cacerts = jdk.join("lib/security/cacerts");
    let _ = fs::remove_file(&cacerts);
    fs::copy("/etc/ssl/certs/java/cacerts", &cacerts).unwrap();
    let bob = person("bob", false);
    let outcomes = |output: &std::process::Output| -> Vec<(String, String)> {
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let stores = document["stores"].as_array().unwrap().iter();
        // The key store shared by the system's JDKs follows the system store.
        let follows = |place: &str| place.ends_with("(filled from the system store)");
        let stores = stores.filter(|store| !follows(store["place"].as_str().unwrap()));
        let stores = stores.filter(|store| store["state"] != "skipped");
        stores
            .map(|s| (s["store"].as_str().unwrap().to_owned(), s["state"].as_str().unwrap().to_owned()))
            .collect()
    };
    let pairs = |list: &[(&str, &str)]| -> Vec<(String, String)> {
        list.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    };
    let output = bob("devca install --json").output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", words(&output));
    let expected = [("system", "failed"), ("nss", "done"), ("java", "failed")];
    assert_eq!(outcomes(&output), pairs(&expected), "{}", words(&output));
    // After the cause was removed, a second install completes.
    fs::write("/etc/sudoers.d/bob", "bob ALL=(ALL) NOPASSWD: ALL\n").unwrap();
    let output = bob("devca install --json").output().unwrap();
    let expected = [("system", "done"), ("nss", "already-done"), ("java", "done")];
    assert_eq!(outcomes(&output), pairs(&expected), "{}", words(&output));
}

#[test]
fn a_root_of_mkcert_is_pointed_out() {
    if !in_namespace("a_root_of_mkcert_is_pointed_out") {
        return;
    }
    let home = Home::new();
    let output = home.command(&common::tool("mkcert"), ["-install"]).output().unwrap();
    assert!(output.status.success(), "{}", words(&output));
    home.ok(["install", "--store", "system"]);
    let status = home.ok(["status", "--store", "system"]);
    assert!(status.contains("trusted; also trusts ") && status.contains("mkcert "), "{status}");
}

#[test]
fn status_says_what_is_wrong_and_how_to_fix_it() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    let key = home.ca().join("root-key.pem");
    let said = |part: &str, hint: &str| {
        let before = home.everything();
        let output = home.devca(["status", "--store", "wsl"]).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", words(&output));
        assert!(words(&output).contains(part) && words(&output).contains(hint), "{}", words(&output));
        assert_eq!(home.everything(), before, "status has changed something");
    };
    ok("chmod", ["644", key.to_str().unwrap()]);
    said("is accessible to other users", &format!("chmod 600 {}", key.display()));
    let quiet = home.devca(["--quiet", "status", "--store", "wsl"]).output().unwrap();
    let problems = String::from_utf8(quiet.stderr).unwrap();
    assert!(quiet.stdout.is_empty() && problems.contains("is accessible to other users"), "{problems}");
    assert!(!problems.contains("permits"), "{problems}");
    ok("chmod", ["600", key.to_str().unwrap()]);
    ok("chmod", ["755", home.ca().to_str().unwrap()]);
    said("is accessible to other users", &format!("chmod 700 {}", home.ca().display()));
    ok("chmod", ["700", home.ca().to_str().unwrap()]);
    let kept = fs::read(&key).unwrap();
    fs::copy(home.file("localhost-key.pem"), &key).unwrap();
    said("is not the key of", "restore the original pair");
    fs::remove_file(&key).unwrap();
    said("is missing", "restore the key, or replace the root: devca rotate");
    fs::write(&key, kept).unwrap();
    ok("chmod", ["600", key.to_str().unwrap()]);
    let output = home.devca(["status", "--store", "wsl"]).output().unwrap();
    assert!(output.status.success() && words(&output).contains("no problems found"), "{}", words(&output));
}

#[test]
fn a_root_that_a_store_still_trusts_is_not_deleted() {
    if !in_namespace("a_root_that_a_store_still_trusts_is_not_deleted") {
        return;
    }
    let home = Home::new();
    home.ok(["install", "--store", "system,nss"]);
    let output = home.devca(["uninstall", "--purge", "--store", "nss"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", words(&output));
    assert!(words(&output).contains("a store that was not selected trusts it"), "{}", words(&output));
    assert!(home.root().exists());
    let shown = home.ok(["uninstall", "--purge", "--dry-run"]);
    assert!(shown.contains("root-key.pem: would be deleted") && home.root().exists(), "{shown}");
    home.ok(["uninstall", "--purge"]);
    assert!(!home.root().exists());
}

/// As in containers, cron jobs and systemd units.
#[test]
fn without_variables_the_user_name_comes_from_the_system() {
    let home = Home::new();
    let mut command = home.devca(["issue", "localhost"]);
    let output = command.env_remove("USER").env_remove("LOGNAME").output().unwrap();
    assert!(output.status.success(), "{}", words(&output));
    let subject = ok("openssl", ["x509", "-noout", "-subject", "-in", home.root().to_str().unwrap()]);
    let name = ok("id", ["-un"]);
    assert!(subject.contains(&format!("devca root {}@", name.trim())), "{subject}");
}
