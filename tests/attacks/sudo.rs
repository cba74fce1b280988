//! A process of the user tries to get root's rights, and waits for `sudo devca`.

use std::fs;
use std::path::Path;

use crate::common::{in_namespace, words};
use crate::people::{User, assert_never, state};

/// A folder of root with files that are named like a CA's.
const VICTIM: &str = "/etc/victim";

/// Commands that a user may run with sudo.
const COMMANDS: [&str; 11] = [
    "install --store nss",
    "issue app.test --out certs",
    "renew --all",
    "crl --out crl.pem",
    "list --prune",
    "status --fix --store nss",
    "rotate --store nss",
    "root --format pem,der --out trusted",
    "env",
    "uninstall --purge --store nss",
    "renew --all --exec 'id -u > hook'",
];

/// Attacks as shell scripts, which run in the folder of all CAs once there is a CA.
const PLANTS: [&str; 17] = [
    "rm -r default; ln -s /etc/victim default",
    "cd ..; rm -r devca; ln -s /etc/victim devca",
    "cd ../..; rm -r share; ln -s /etc/victim share",
    "ln -sf /etc/victim/lock default/lock",
    "ln -sf /etc/victim/issued.jsonl default/issued.jsonl",
    "ln -sf /etc/victim/root-key.pem default/root-key.pem",
    "ln -sf /etc/victim/root.pem default/root.pem",
    "ln -sf /etc/victim/bundle.pem default/bundle.pem",
    "ln -sf /etc/victim/new default/bundle.pem",
    "ln -sf /etc/victim/earlier.pem default/earlier.pem",
    "ln -sf /etc/victim/exported.jsonl default/exported.jsonl",
    "ln -sf /etc/victim/new default/exported.jsonl",
    "ln -sf /etc/victim/new default/not-installed",
    "cp default/root.pem default/earlier.pem; \
        echo '{\"v\":1,\"what\":{\"root\":\"pem\"},\"path\":\"/etc/victim/alices.pem\"}' > default/exported.jsonl",
    "ln -s /etc/victim default/.devca-x",
    "ln -s /etc/victim default/ready",
    "mkdir default/ready; ln -s /etc/victim/root.pem default/ready/root.pem; ln -s /etc/victim default/ready/x",
];

fn victim() {
    let _ = fs::remove_dir_all(VICTIM);
    fs::create_dir_all(format!("{VICTIM}/inner")).unwrap();
    let names = [
        "lock",
        "issued.jsonl",
        "exported.jsonl",
        "root-key.pem",
        "root.pem",
        "bundle.pem",
        "earlier.pem",
        ".devca-y",
    ];
    for name in names {
        fs::write(format!("{VICTIM}/{name}"), "root's\n").unwrap();
    }
}

#[test]
fn setting_sudo_user_without_sudo_has_no_effect() {
    if !in_namespace("sudo::setting_sudo_user_without_sudo_has_no_effect") {
        return;
    }
    let (alice, mallory) = (User::new("alice"), User::new("mallory"));
    for variable in ["SUDO_USER", "DOAS_USER"] {
        let output = mallory.run(&format!("{variable}=alice SUDO_UID=0 devca issue localhost --force"));
        assert!(output.status.success(), "{}", words(&output));
        assert!(mallory.ca().join("root.pem").exists() && !alice.ca().exists());
    }
}

#[test]
fn links_in_the_home_lead_root_nowhere() {
    if !in_namespace("sudo::links_in_the_home_lead_root_nowhere") {
        return;
    }
    let alice = User::with_sudo("alice");
    let mut successes = Vec::new();
    let mut tries = 0;
    for plant in PLANTS {
        for command in COMMANDS {
            victim();
            alice.ok(&format!(
                "rm -rf .local certs; mkdir -p certs; devca issue localhost -q --force; cd .local/share/devca; cp default/root.pem ~; {plant}"
            ));
            // Root's own copy of alice's root, which her list could name.
            fs::copy(alice.home().join("root.pem"), format!("{VICTIM}/alices.pem")).unwrap();
            let before = state(Path::new(VICTIM));
            let output = alice.run(&format!("sudo devca {command}"));
            tries += 1;
            if state(Path::new(VICTIM)) != before {
                successes.push(format!("{plant} / sudo devca {command}: {}", words(&output)));
            }
        }
    }
    assert_never("links in the home, behind sudo", tries, &successes);
}

#[test]
fn everything_created_under_sudo_belongs_to_the_user() {
    if !in_namespace("sudo::everything_created_under_sudo_belongs_to_the_user") {
        return;
    }
    let alice = User::with_sudo("alice");
    let mut others = Vec::new();
    let run = |command: &str| alice.ok(command);
    run("umask 077; sudo devca install --store nss; sudo devca issue localhost --out certs");
    // A program that devca starts also runs as the user, without a way to become root again.
    let ids = run("sudo devca run -- sh -c 'grep -E ^.id: /proc/self/status; echo $HOME $USER'");
    run(
        "sudo devca renew --all --exec 'id -u > hook; echo $HOME >> hook; grep ^Uid /proc/self/status >> hook'",
    );
    let uid = alice.uid();
    let expected = format!("Uid:\t{uid}\t{uid}\t{uid}\t{uid}\n");
    assert!(ids.contains(&expected) && ids.ends_with("/home/alice alice\n"), "{ids}");
    let hook = fs::read_to_string(alice.home().join("hook")).unwrap();
    assert_eq!(hook, format!("{uid}\n/home/alice\n{expected}"));
    run("sudo devca rotate --store nss; sudo devca env; sudo devca crl --out crl.pem");
    for (path, user, ..) in state(&alice.home()) {
        if user != uid {
            others.push(path.display().to_string());
        }
    }
    assert!(others.is_empty(), "not alice's: {others:?}");
    run("sudo devca uninstall --purge --store nss");
    assert!(!alice.ca().exists());
}

#[test]
fn doas_is_as_good_as_sudo() {
    if !in_namespace("sudo::doas_is_as_good_as_sudo") {
        return;
    }
    let alice = User::new("alice");
    crate::common::tool("doas");
    fs::write("/etc/doas.conf", "permit nopass alice\n").unwrap();
    let roots = Path::new("/root/.local/share/devca");
    let content = || roots.exists().then(|| state(roots));
    let before = content();
    alice.ok("doas devca issue localhost --out certs");
    assert!(alice.ca().join("root.pem").exists() && content() == before);
    let others = state(&alice.home()).into_iter().filter(|(_, user, ..)| *user != alice.uid());
    assert_eq!(others.count(), 0, "files that are not alice's");
}

#[test]
fn an_image_without_permission_is_reported() {
    if !in_namespace("sudo::an_image_without_permission_is_reported") {
        return;
    }
    let alice = User::with_sudo("alice");
    fs::create_dir_all("/var/lib/my machines/web").unwrap();
    crate::common::ok("chmod", ["700", "/var/lib/my machines"]);
    alice.ok("devca issue localhost -q");
    let output = alice.run("sudo devca install --sysroot '/var/lib/my machines/web'");
    let said = words(&output);
    assert!(output.status.code() == Some(1) && said.to_lowercase().contains("permission denied"), "{said}");
    assert!(said.contains("sudo chmod o+x '/var/lib/my machines'"), "{said}");
}

#[test]
fn a_home_folder_without_permission_is_reported() {
    if !in_namespace("sudo::a_home_folder_without_permission_is_reported") {
        return;
    }
    let alice = User::with_sudo("alice");
    alice.ok("devca issue localhost -q; mkdir -p /tmp/w");
    fs::write("/etc/sudoers.d/alice", "alice ALL=(ALL) NOPASSWD: ALL\n").unwrap();
    crate::common::ok("chown", ["root:root", "/home/alice"]);
    crate::common::ok("chmod", ["700", "/home/alice"]);
    let output = crate::people::root("cd /tmp; SUDO_USER=alice devca issue app.test --stdout");
    let said = words(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("/home/alice") && said.to_lowercase().contains("permission denied"), "{said}");
    assert!(said.contains("devca: hint:"), "{said}");
}
