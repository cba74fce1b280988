//! Root's steps on behalf of a user: starting programs and changing the trust store. A process of the user
//! tries to make root start other programs, trust other roots, publish files, or remove what is not devca's.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use devca::x509::certificate::CaCertificate;
use devca_platform::{Anchor, Found, Host, StoreKind};

use crate::common::{in_namespace, ok, strangers_root, words};
use crate::people::{RACES, Swapper, User, assert_never, state};

const ANCHORS: &str = "/usr/local/share/ca-certificates";
const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Returns the certificates that the machine trusts.
fn trusted() -> String {
    fs::read_to_string(BUNDLE).unwrap()
}

/// Returns the files that devca installed for any home.
fn installed() -> BTreeSet<PathBuf> {
    let files = fs::read_dir(ANCHORS).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|file| file.file_name().unwrap().to_string_lossy().starts_with("devca-")).collect()
}

/// Adds a company's root to the system store. Returns the certificate.
fn company() -> String {
    let file = Path::new(ANCHORS).join("company.crt");
    strangers_root(&file);
    ok("update-ca-certificates", [] as [&str; 0]);
    fs::read_to_string(file).unwrap()
}

/// Programs that report who runs them, and then do what is expected, come first in alice's `PATH`.
#[test]
fn programs_of_the_home_do_not_run_as_root() {
    if !in_namespace("steps::programs_of_the_home_do_not_run_as_root") {
        return;
    }
    let alice = User::with_sudo("alice");
    alice.ok(
        r#"mkdir -p .local/bin .jdks/x/bin .jdks/x/lib/security
        for name in sh install mkdir mktemp cat chmod mv rm unshare chroot update-ca-certificates sudo doas env; do
            printf '#!/bin/sh\necho "$(/usr/bin/id -u) %s" >>/home/alice/sprung\nPATH=/usr/sbin:/usr/bin:/sbin:/bin; exec %s "$@"\n' $name $name >.local/bin/$name
        done
        ln -s /etc/hostname .jdks/x/lib/security/cacerts
        printf '#!/bin/sh\necho "$(/usr/bin/id -u) keytool" >>/home/alice/sprung\n' >.jdks/x/bin/keytool
        chmod 755 .local/bin/* .jdks/x/bin/keytool"#,
    );
    let mut successes = Vec::new();
    let mut tries = 0;
    let path = "PATH=/home/alice/.local/bin:$PATH";
    for sudo in ["", "/usr/bin/sudo env PATH=$PATH ", "/usr/bin/sudo "] {
        for command in ["install", "rotate", "uninstall", "install --dry-run", "status"] {
            let output =
                alice.run(&format!("rm -f sprung; export {path}; {sudo}/usr/local/bin/devca {command}"));
            let sprung = fs::read_to_string("/home/alice/sprung").unwrap_or_default();
            tries += 1;
            successes.extend(
                sprung
                    .lines()
                    .filter(|line| line.starts_with("0 "))
                    .map(|line| format!("{sudo}devca {command}: uid {line}: {}", words(&output))),
            );
            // The work itself is done by the system's programs.
            let own = fs::read_to_string(alice.ca().join("root.pem")).unwrap();
            match command {
                "install" | "rotate" => assert!(trusted().contains(&own), "{}", words(&output)),
                "uninstall" => assert!(!trusted().contains(&own), "{}", words(&output)),
                _ => {}
            }
        }
    }
    assert_never("programs in the home", tries, &successes);
}

/// The system's own program, in a place where others can change it.
#[test]
fn a_program_that_others_can_change_does_not_run_as_root() {
    if !in_namespace("steps::a_program_that_others_can_change_does_not_run_as_root") {
        return;
    }
    let alice = User::with_sudo("alice");
    let updater = "/usr/sbin/update-ca-certificates";
    let program = "/usr/local/lib/program";
    let (mut successes, before) = (Vec::new(), installed());
    let rights = [("alice", "755"), ("root", "775"), ("root", "757")];
    for (owner, mode) in rights {
        fs::write(program, "#!/bin/sh\necho \"ran as $(id -u)\" >/etc/sprung\n").unwrap();
        ok("chown", [owner, program]);
        ok("chmod", [mode, program]);
        ok("mount", ["--bind", program, updater]);
        for sudo in ["", "sudo "] {
            let output = alice.run(&format!("{sudo}devca install --store system"));
            let said = words(&output);
            if fs::remove_file("/etc/sprung").is_ok() {
                successes.push(format!("{owner} {mode} {sudo}: {said}"));
            }
            assert_eq!(output.status.code(), Some(1), "{said}");
            assert!(said.contains(&format!("{updater} can be changed by other users")), "{said}");
            assert!(said.contains("as root, run: ") && installed() == before, "{said}");
        }
        ok("umount", [updater]);
    }
    assert_never("programs that others can change", 2 * rights.len(), &successes);
}

#[test]
fn a_second_certificate_in_the_root_is_not_trusted() {
    if !in_namespace("steps::a_second_certificate_in_the_root_is_not_trusted") {
        return;
    }
    let alice = User::with_sudo("alice");
    let evil = Path::new("/home/alice/evil.pem");
    strangers_root(evil);
    let evil = fs::read_to_string(evil).unwrap();
    let mut successes = Vec::new();
    for command in ["devca install", "sudo devca install", "devca status", "devca issue localhost"] {
        alice.ok("rm -rf .local; devca issue app.test -q --force; cat evil.pem >>.local/share/devca/default/root.pem");
        let output = alice.run(command);
        if trusted().contains(&evil) {
            successes.push(words(&output));
        }
        let said = words(&output);
        assert!(
            output.status.code() == Some(1) && said.contains("contains 2 certificates instead of one"),
            "{said}"
        );
    }
    assert_never("a second certificate in root.pem", 4, &successes);
}

/// While devca works, `root.pem` becomes a link to a file that only root can read, another root, both in one
/// file, and itself again.
#[test]
fn a_file_that_is_swapped_meanwhile_is_not_published() {
    if !in_namespace("steps::a_file_that_is_swapped_meanwhile_is_not_published") {
        return;
    }
    let alice = User::with_sudo("alice");
    strangers_root(Path::new("/home/alice/other.pem"));
    let other = fs::read_to_string("/home/alice/other.pem").unwrap();
    alice.ok("devca issue localhost -q; cp .local/share/devca/default/root.pem own.pem");
    let own = fs::read_to_string("/home/alice/own.pem").unwrap();
    let swapper = "cd .local/share/devca/default; while :; do
        ln -s /etc/shadow new; mv -f new root.pem; cp ~/other.pem new; mv -f new root.pem
        cat ~/own.pem ~/other.pem >new; mv -f new root.pem; cp ~/own.pem new; mv -f new root.pem; done";
    let mut swapper = alice.command(swapper);
    // Use a separate process group, because runuser does not forward signals.
    let swapper = swapper.process_group(0).stdout(Stdio::null()).stderr(Stdio::null());
    let mut swapper = swapper.spawn().unwrap();
    let (mut successes, before) = (Vec::new(), installed());
    let (mut tries, mut reached) = (0, 0);
    for _ in 0..60 {
        for sudo in ["", "sudo "] {
            let output = alice.run(&format!("{sudo}devca install --store system"));
            tries += 1;
            for file in installed().difference(&before) {
                reached += 1;
                // Both roots were the CA's when devca read them. Nothing else was installed.
                let content = fs::read_to_string(file).unwrap();
                if content != own && content != other {
                    successes.push(format!("{sudo}: {content}: {}", words(&output)));
                }
                fs::remove_file(file).unwrap();
            }
        }
        if reached >= 10 {
            break;
        }
    }
    ok("kill", ["-KILL", "--", &format!("-{}", swapper.id())]);
    swapper.wait().unwrap();
    assert!(reached > 0, "root's step was never reached");
    assert_never("exchanging root.pem", tries, &successes);
}

/// Does the same for reading alone, ten thousand times: root gets a single certificate that existed, or
/// nothing.
#[test]
fn root_receives_only_one_certificate() {
    if !in_namespace("steps::root_receives_only_one_certificate") {
        return;
    }
    let alice = User::with_sudo("alice");
    alice.ok("devca issue localhost -q; cd .local/share/devca/default; cp root.pem ~/own.pem");
    // Files that only root can read: a certificate, and another one with its key.
    let secret = Path::new("/etc/secret.pem");
    strangers_root(secret);
    let root = alice.ca().join("root.pem");
    let own = fs::read_to_string("/home/alice/own.pem").unwrap();
    let host = Host::this(devca_platform::Account { home: Some(alice.home()), ids: None }, true);
    let stores = devca_platform::find(&host, &[StoreKind::System]);
    let Some(Found::Store(store)) = stores.first() else { panic!("no system store") };
    let swapper = Swapper::start(&alice, "exchange", root.to_str().unwrap(), secret.to_str().unwrap());
    let (mut met, mut successes) = (0, Vec::new());
    for race in 0..RACES {
        // Under sudo, devca acts as alice; here root itself reads the file, which is worse.
        let Ok(read) = CaCertificate::load(&root) else { continue };
        let label = format!("devca-{race}");
        let anchor = Anchor { label, der: read.der.clone(), sha1: devca::x509::key::sha1(&read.der) };
        let steps = store.add(&anchor).unwrap();
        let given: String = steps.iter().map(ToString::to_string).collect();
        met += usize::from(read.der == devca::x509::pem::certificate_in(own.as_bytes()).unwrap());
        if given.contains("/home/alice") || given.matches("BEGIN CERTIFICATE").count() != 1 {
            successes.push(format!("race {race}: {given}"));
            break;
        }
    }
    swapper.end_having_met(met);
    assert_never("what root is given", RACES, &successes);
}

/// A batch under sudo writes twenty thousand files into a folder that its owner keeps replacing.
#[test]
fn a_batch_behind_sudo_writes_nothing_of_roots() {
    if !in_namespace("steps::a_batch_behind_sudo_writes_nothing_of_roots") {
        return;
    }
    let alice = User::with_sudo("alice");
    fs::create_dir("/etc/victim").unwrap();
    fs::write("/etc/victim/0.test.pem", "root's\n").unwrap();
    alice.ok(&format!("mkdir certs; seq -f '%g.test' 0 {} > names; devca issue localhost -q", RACES - 1));
    let before = state(Path::new("/etc/victim"));
    let swapper = Swapper::start(&alice, "exchange", "/home/alice/certs", "/etc/victim");
    let output = alice.run("sudo devca issue --batch names --out certs --json");
    let successes = if state(Path::new("/etc/victim")) == before { Vec::new() } else { vec![words(&output)] };
    let document: serde_json::Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", words(&output)));
    let issued = document["issued"].as_u64().unwrap_or_else(|| panic!("{}", words(&output)));
    swapper.end_having_met(usize::try_from(issued).unwrap());
    assert_never("a folder that is exchanged during a batch", RACES, &successes);
}

/// The user can write anything to `earlier.pem` and `root.pem`.
#[test]
fn only_devcas_roots_are_removed() {
    if !in_namespace("steps::only_devcas_roots_are_removed") {
        return;
    }
    let alice = User::with_sudo("alice");
    let company = company();
    let folder = ".local/share/devca/default";
    let earlier = format!("cp {ANCHORS}/company.crt {folder}/earlier.pem");
    let present = format!("cp {ANCHORS}/company.crt {folder}/root.pem");
    let mut successes = Vec::new();
    let mut tries = 0;
    for plant in [&earlier, &present, &format!("{earlier}; {present}")] {
        for command in ["install", "rotate", "permit corp.example.dev", "uninstall", "uninstall --purge"] {
            for sudo in ["", "sudo "] {
                alice.ok(&format!("rm -rf .local; devca issue localhost -q --force; {plant}"));
                let output = alice.run(&format!("{sudo}devca {command} --store system"));
                tries += 1;
                if !trusted().contains(&company) || !Path::new(ANCHORS).join("company.crt").exists() {
                    successes.push(format!("{plant} / {sudo}devca {command}: {}", words(&output)));
                }
            }
        }
    }
    assert_never("other roots in earlier.pem and root.pem", tries, &successes);
    // A devca root that was replaced is removed and reported.
    alice.ok("rm -rf .local; devca install --store system; cp .local/share/devca/default/root.pem old.pem");
    alice.ok("devca rotate --store nss");
    let said = alice.ok("devca install --store system");
    assert!(said.contains("removed: devca root alice@"), "{said}");
    assert!(!trusted().contains(&fs::read_to_string("/home/alice/old.pem").unwrap()));
}

/// With a sudo that passes on the whole environment, a system hook records what reaches it.
#[test]
fn the_users_environment_does_not_reach_programs_that_run_as_root() {
    if !in_namespace("steps::the_users_environment_does_not_reach_programs_that_run_as_root") {
        return;
    }
    let alice = User::with_sudo("alice");
    fs::write("/etc/sudoers.d/alice", "Defaults:alice !env_reset\nalice ALL=(ALL) NOPASSWD:SETENV: ALL\n")
        .unwrap();
    let hook = "/etc/ca-certificates/update.d/spy";
    fs::write(
        hook,
        "#!/bin/sh\n{ env; grep -E '^(Uid|Gid|Groups|Umask):' /proc/self/status; } >/etc/spied\n",
    )
    .unwrap();
    ok("chmod", ["755", hook]);
    let variables =
        ["BASH_ENV", "ENV", "PERL5LIB", "PYTHONPATH", "JAVA_TOOL_OPTIONS", "OPENSSL_CONF", "MINE"];
    let set: Vec<String> = variables.iter().map(|name| format!("{name}=/home/alice/{name}")).collect();
    alice.ok(&format!(
        "umask 077; mkdir w; cd w; export {}; sudo -E devca install --store system",
        set.join(" ")
    ));
    let spied = fs::read_to_string("/etc/spied").unwrap();
    let successes: Vec<String> =
        spied.lines().filter(|line| line.contains("alice")).map(Into::into).collect();
    assert_never("variables for root's programs", variables.len(), &successes);
    assert!(spied.contains("PATH=/usr/sbin:/usr/bin:/sbin:/bin\n") && spied.contains("PWD=/\n"), "{spied}");
    for ids in ["Uid:\t0\t0\t0\t0\n", "Gid:\t0\t0\t0\t0\n", "Groups:\t \n", "Umask:\t0022\n"] {
        assert!(spied.contains(ids), "{ids:?} is not in {spied}");
    }
    assert!(alice.ok(&format!("cat {ANCHORS}/devca-*.crt")).contains("BEGIN CERTIFICATE"), "all can read it");
}
