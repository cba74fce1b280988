//! CA folders, files and inventories that another user created or can change.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde_json::{Value, json};

use crate::common::{in_namespace, ok, words};
use crate::people::{User, assert_never, state};

/// Changes (made by root in the folder of all CAs) that make a CA's folder unsafe, and whether the command in
/// the hint fixes it.
const UNSAFE: [(&str, &str); 11] = [
    ("chmod 775 default", "can be changed by other users"),
    ("chmod 757 default", "can be changed by other users"),
    ("chmod 777 .", "can be changed by other users"),
    ("chmod 660 default/root-key.pem", "can be changed by other users"),
    ("chmod 666 default/issued.jsonl", "can be changed by other users"),
    ("chmod 664 default/root.pem", "can be changed by other users"),
    ("chown mallory default", "belongs to mallory"),
    ("chown mallory default/root-key.pem", "belongs to mallory"),
    ("chown mallory default/issued.jsonl", "belongs to mallory"),
    ("mv default real; ln -s real default", "is a link"),
    ("cd default; mv root-key.pem real; ln -s real root-key.pem", "is a link"),
];

#[test]
fn a_ca_that_others_could_have_changed_is_refused() {
    if !in_namespace("strangers::a_ca_that_others_could_have_changed_is_refused") {
        return;
    }
    let alice = User::new("alice");
    User::new("mallory");
    let (mut tries, mut successes) = (0, Vec::new());
    for (spoil, why) in UNSAFE {
        for command in
            ["issue app.test --stdout", "renew --all", "list", "crl --stdout", "uninstall --store nss"]
        {
            ok("rm", ["-rf", alice.home().join(".local").to_str().unwrap()]);
            alice.ok("devca issue localhost -q --force");
            let top = alice.home().join(".local/share/devca");
            ok("sh", ["-euc", &format!("cd {}; {spoil}", top.display())]);
            let output = alice.run(&format!("devca {command}"));
            let said = words(&output);
            tries += 1;
            if output.status.code() != Some(1) || !said.contains(why) {
                successes.push(format!("{spoil}: devca {command}: {said}"));
            }
            // If `chmod` can fix it, the hint has the command.
            let hint = said.lines().find_map(|line| line.split_once("chmod go-w ")).map(|(_, path)| path);
            if let Some(path) = hint {
                alice.ok(&format!("chmod go-w {path}; devca list"));
            }
        }
        // `status` reports it, and checks the rest.
        ok("rm", ["-rf", alice.home().join(".local").to_str().unwrap()]);
        alice.ok("devca issue localhost -q --force");
        ok("sh", ["-euc", &format!("cd ~alice/.local/share/devca; {spoil}")]);
        let output = alice.run("devca status --store nss");
        assert!(output.status.code() == Some(1) && words(&output).contains(why), "{}", words(&output));
    }
    assert_never("a CA that others could have changed", tries, &successes);
}

#[test]
fn what_is_normal_is_accepted() {
    if !in_namespace("strangers::what_is_normal_is_accepted") {
        return;
    }
    let alice = User::new("alice");
    alice.ok("devca issue localhost; chmod 755 .local/share/devca .local/share/devca/default; devca list");
    // These are accepted: root's own files, a folder in which only owners can rename files, and the target of
    // the user's own link.
    ok("chown", ["root", alice.ca().join("root.pem").to_str().unwrap()]);
    alice.ok("devca renew --all; export DEVCA_HOME=/tmp; devca issue localhost --force; rm -r /tmp/default");
    alice.ok("mkdir big; ln -s big own; export DEVCA_HOME=/home/alice/own; devca issue localhost --force; devca list");
    alice.ok("umask 002; export DEVCA_HOME=/home/alice/new; devca issue localhost --force; devca list");
    // --fix fixes what it can.
    alice.ok("chmod 775 .local/share/devca/default; devca status --fix --store nss || true; devca list");
}

#[test]
fn links_in_the_folder_of_the_ca_are_not_followed() {
    if !in_namespace("strangers::links_in_the_folder_of_the_ca_are_not_followed") {
        return;
    }
    let alice = User::new("alice");
    alice.ok("mkdir precious; echo 1 > precious/root.pem; echo 2 > precious/x; devca issue localhost -q");
    let before = state(&alice.home().join("precious"));
    let (mut tries, mut successes) = (0, Vec::new());
    for name in [".devca-x", "ready"] {
        for command in [
            "rotate --store nss",
            "issue app.test --stdout",
            "permit corp.test --store nss",
            "uninstall --purge --store nss",
        ] {
            alice.ok(&format!(
                "devca issue localhost -q --force; ln -sfn ~/precious .local/share/devca/default/{name}"
            ));
            let output = alice.run(&format!("devca {command}"));
            tries += 1;
            if state(&alice.home().join("precious")) != before {
                successes.push(format!("{name}: {command}: {}", words(&output)));
            }
            alice.ok("rm -rf .local");
        }
    }
    assert_never("links in the folder of the CA", tries, &successes);
}

#[test]
fn modes_do_not_depend_on_the_umask() {
    if !in_namespace("strangers::modes_do_not_depend_on_the_umask") {
        return;
    }
    let alice = User::new("alice");
    for umask in ["000", "002", "027", "077"] {
        alice.ok(&format!(
            "rm -rf .local w; mkdir -m 755 w; umask {umask}; cd w; devca issue localhost -q; devca crl -q --out crl.pem; \
             devca renew --all -q; devca env >/dev/null"
        ));
        let ca = alice.ca();
        let public = ["w/localhost.pem", "w/crl.pem"].map(|name| alice.home().join(name));
        for path in public.iter().chain(&[ca.join("root.pem"), ca.join("bundle.pem")]) {
            assert_eq!(mode(path), 0o644, "{} with umask {umask}", path.display());
        }
        let private = ["root-key.pem", "issued.jsonl", "lock"].map(|name| ca.join(name));
        for path in private.iter().chain(&[alice.home().join("w/localhost-key.pem")]) {
            assert_eq!(mode(path), 0o600, "{} with umask {umask}", path.display());
        }
        assert_eq!(mode(&ca), 0o700);
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap_or_else(|e| panic!("{}: {e}", path.display())).mode() & 0o7777
}

#[test]
fn a_relative_folder_is_refused() {
    if !in_namespace("strangers::a_relative_folder_is_refused") {
        return;
    }
    let alice = User::new("alice");
    for command in ["issue localhost", "renew --all", "status", "run -- true", "env"] {
        let output = alice
            .run(&format!("mkdir -p 'a repository'; cd 'a repository'; DEVCA_HOME=.devca devca {command}"));
        let said = words(&output);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("export DEVCA_HOME='/home/alice/a repository/.devca'"), "{said}");
    }
    assert!(!alice.home().join("a repository/.devca").exists());
}

#[test]
fn an_inventory_from_elsewhere_overwrites_nothing() {
    if !in_namespace("strangers::an_inventory_from_elsewhere_overwrites_nothing") {
        return;
    }
    let alice = User::new("alice");
    alice.ok("devca issue localhost -q --out certs; echo secret > pw");
    let inventory = alice.ca().join("issued.jsonl");
    let read = || -> Value { serde_json::from_str(&fs::read_to_string(&inventory).unwrap()).unwrap() };
    let line = read();
    let targets = ["profile", "notes.der", "notes-key.der", "notes.p12", "x-combined.pem", "x-secret.yaml"];
    let targets = targets.iter().chain(&[
        "x-keystore.p12",
        "x-truststore.p12",
        "x.pem",
        "x-key.pem",
        "x-fullchain.pem",
    ]);
    let parts = [
        ("pem", "certificate"),
        ("pem", "key"),
        ("fullchain", "fullchain"),
        ("der", "der"),
        ("der", "der key"),
        ("combined", "combined"),
        ("p12", "pkcs12"),
        ("java", "keystore"),
        ("java", "truststore"),
        ("k8s", "secret"),
    ];
    let content = "# settings that everybody knows\n";
    let sha256 = devca_sha256(content);
    let (mut tries, mut successes) = (0, Vec::new());
    for name in targets {
        let path = alice.home().join(name);
        for (format, part) in parts {
            alice.ok(&format!("printf '%s' '{content}' > {name}"));
            let mut entry = line.clone();
            let file = json!({ "format": format, "part": part, "path": path, "sha256": sha256 });
            entry["files"].as_array_mut().unwrap().push(file);
            alice.ok(&format!("cat > {} <<'EOF'\n{entry}\nEOF", inventory.display()));
            for options in ["", "--new-key"] {
                alice.run(&format!("devca renew --all {options} --password-file pw"));
                tries += 1;
                if fs::read(&path).unwrap() != content.as_bytes() {
                    successes.push(format!("{name} as {format} {part} {options}"));
                }
            }
        }
    }
    assert_never("files that an inventory names", tries, &successes);
    // The subject in a line is checked like that of a command line. (The pair of files was renewed.)
    alice.ok(&format!("rm {}; devca issue localhost -q --force --out certs", inventory.display()));
    let line = read();
    let mut entry = line.clone();
    entry["organization"] = "\ntouch PWNED\n".into();
    alice.ok(&format!("cat > {} <<'EOF'\n{entry}\nEOF", inventory.display()));
    let output = alice.run("devca renew --all");
    assert!(output.status.code() == Some(1) && words(&output).contains("organization"), "{}", words(&output));
    // The original line still works.
    alice.ok(&format!("cat > {} <<'EOF'\n{line}\nEOF\ndevca renew --all", inventory.display()));
}

fn devca_sha256(content: &str) -> String {
    hex::encode(devca::x509::key::sha256(content.as_bytes()))
}

/// The folders above a CA's matter as much as the CA: anyone who can replace one of them, or a link on the
/// way, chooses the CA.
#[test]
fn what_is_above_a_ca_is_not_anothers() {
    if !in_namespace("strangers::what_is_above_a_ca_is_not_anothers") {
        return;
    }
    let (alice, mallory) = (User::new("alice"), User::new("mallory"));
    ok("mkdir", ["-m", "777", "/home/shared"]);
    ok("mkdir", ["-m", "1777", "/home/sticky"]);
    alice.ok("devca issue localhost -q; DEVCA_HOME=/home/sticky/ca devca issue localhost -q --force");
    let before = state(&alice.ca());
    for script in [
        "DEVCA_HOME=/home/shared/ca devca issue localhost --stdout",
        "DEVCA_HOME=/home/shared/x/y devca list",
    ] {
        let said = words(&alice.run(script));
        assert!(said.contains("/home/shared can be changed by other users"), "{script}: {said}");
    }
    // A link that belongs to mallory, in a place where only mallory can create it.
    mallory.ok("ln -s /home/alice/.local/share/devca link; chmod 755 ~");
    let said = words(&alice.run("DEVCA_HOME=/home/mallory/link devca uninstall --purge --store nss"));
    assert!(said.contains("can be changed by other users"), "{said}");
    assert_eq!(state(&alice.ca()), before, "the CA that the link leads to");

    // In mallory's folder, root changes nothing that a link leads to.
    mallory.ok("ln -sfn /etc x");
    let mode = || fs::metadata("/etc/default").unwrap().mode();
    let before = mode();
    let output = words(&crate::people::root("DEVCA_HOME=/home/mallory/x devca status --fix --store nss"));
    assert!(
        output.contains("belongs to mallory") || output.contains("can be changed by other users"),
        "{output}"
    );
    assert_eq!(mode(), before);
}

/// `root.pem` may be a copy of any root: it is this CA's only if its key is here.
#[test]
fn a_root_without_its_key_stays_trusted() {
    if !in_namespace("strangers::a_root_without_its_key_stays_trusted") {
        return;
    }
    let alice = User::new("alice");
    alice.ok("devca install --store nss");
    crate::common::strangers_root(Path::new("/home/alice/company.pem"));
    alice.ok("certutil -A -d sql:$HOME/.local/share/pki/nssdb -n company -t C,, -i company.pem");
    for plant in ["root.pem", "earlier.pem"] {
        alice.ok(&format!("devca install --store nss; cp company.pem .local/share/devca/default/{plant}"));
        for command in ["uninstall --store nss", "install --store nss"] {
            alice.run(&format!("devca {command}"));
            let listed = alice.ok("certutil -L -d sql:$HOME/.local/share/pki/nssdb");
            assert!(listed.contains("company"), "{plant}: devca {command}: {listed}");
        }
        alice.ok("rm -rf .local/share/devca");
    }
}
