//! Programs and libraries that another user put in the places where devca looks for its own.

use std::fs;
use std::path::Path;

use crate::common::{in_namespace, nss_program, ok, project, tool, words};
use crate::people::{User, assert_never, root, state};

/// A folder that everyone may write to. (Unlike /tmp and /srv, /home is another one in each namespace.)
const SHARED: &str = "/home/shared";
const SPRUNG: &str = "/home/shared/sprung";

/// Returns what a script ran that must not run.
fn sprung(said: &str) -> Option<String> {
    let sprung = fs::read_to_string(SPRUNG).ok()?;
    fs::remove_file(SPRUNG).unwrap();
    Some(format!("{sprung}{said}"))
}

/// A shared folder with root's devca, and with mallory's programs named like devca's companions.
#[test]
fn programs_that_others_put_beside_devca_do_not_run() {
    if !in_namespace("beside::programs_that_others_put_beside_devca_do_not_run") {
        return;
    }
    let (alice, mallory) = (User::with_sudo("alice"), User::new("mallory"));
    ok("mkdir", ["-m", "1777", SHARED]);
    fs::copy("/usr/local/bin/devca", "/home/shared/devca").unwrap();
    for name in ["devca-serve", "devca-nss"] {
        mallory.ok(&format!(
            "printf '#!/bin/sh\\nid -u >>{SPRUNG}\\n' >/home/shared/{name}; chmod 755 /home/shared/{name}"
        ));
    }
    alice.ok("mkdir -p .local/share/pki/nssdb");
    let (mut tries, mut successes) = (0, Vec::new());
    for command in ["serve 3000 --port 0", "acme --port 0", "status --store nss", "install --store nss"] {
        let command = format!("timeout 20 /home/shared/devca {command}");
        let outputs = [
            alice.run(&command),
            alice.run(&format!("sudo {command}")),
            root(&format!("mkdir -p .local/share/pki/nssdb; {command}")),
        ];
        for output in outputs {
            tries += 1;
            successes.extend(sprung(&words(&output)));
        }
    }
    let said = words(&alice.run("sudo /home/shared/devca serve 3000"));
    assert!(said.contains("cannot run devca-serve beside devca: other users can change it"), "{said}");
    // Without /proc, devca cannot find its own path, and PATH may begin with the current folder.
    let hidden = "mount -t tmpfs none /proc; cd /home/shared; PATH=:/usr/sbin:/usr/bin:/sbin:/bin timeout 20 /usr/local/bin/devca serve 3000";
    let output = root(&format!("unshare -m sh -c '{hidden}'"));
    tries += 1;
    successes.extend(sprung(&words(&output)));
    assert_never("programs beside devca", tries, &successes);
}

/// With `su -m`, or in a service with `HOME=`, root uses the home of another user, whose files name libraries
/// and contain links.
#[test]
fn root_with_the_home_of_another_touches_no_browser_of_theirs() {
    if !in_namespace("beside::root_with_the_home_of_another_touches_no_browser_of_theirs") {
        return;
    }
    let alice = User::new("alice");
    let module = "/home/alice/module.so";
    let source = project().join("tests/clients/module.c").display().to_string();
    ok("mkdir", ["-m", "1777", SHARED]);
    let sprung_file = format!("-DSPRUNG=\"{SPRUNG}\"");
    ok(tool("cc").to_str().unwrap(), ["-shared", "-fPIC", &sprung_file, "-o", module, &source]);
    alice.ok(&format!(
        "mkdir -p .pki/nssdb; printf 'library=\\nname=NSS Internal PKCS #11 Module\\nparameters=configdir=sql:/home/alice/.pki/nssdb\\nNSS=Flags=internal,critical\\n\\nlibrary={module}\\nname=module\\n' >.pki/nssdb/pkcs11.txt"
    ));
    fs::create_dir("/etc/victim").unwrap();
    alice.ok("mkdir -p .local/share/pki; ln -s /etc/victim .local/share/pki/nssdb");
    let before = state(Path::new("/etc/victim"));
    let (mut tries, mut successes) = (0, Vec::new());
    for has_nss in [false, true] {
        if has_nss {
            fs::copy(nss_program(), "/usr/local/bin/devca-nss").unwrap();
        }
        for command in
            ["install --store nss", "status --store nss", "browser add bob", "uninstall --store nss"]
        {
            let script = format!(
                "export DEVCA_HOME=/root/ca HOME=/home/alice; devca issue --client bob -q --force; devca {command}"
            );
            let said = words(&root(&script));
            tries += 1;
            successes.extend(sprung(&said));
            if state(Path::new("/etc/victim")) != before {
                successes.push(format!("{command}: {said}"));
            }
            assert!(
                command.starts_with("browser") || said.contains("belongs to another user"),
                "{command}: {said}"
            );
        }
    }
    assert_never("browsers of another's home", tries, &successes);
}
