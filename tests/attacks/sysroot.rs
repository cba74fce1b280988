//! A hostile container image that root passes to `devca --sysroot`: its programs, links and files try to
//! reach the machine.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use linux_keyutils::{KeyRing, KeyRingIdentifier};

use devca_platform::{Found, Host, StoreKind};

use crate::common::tree::{java_in, tree};
use crate::common::{Home, in_namespace, ok, project, strangers_root, tool, words};
use crate::people::{RACES, Swapper, User, assert_never};

const ANCHORS: &str = "usr/local/share/ca-certificates";
const UPDATER: &str = "usr/sbin/update-ca-certificates";

/// Puts a program of the attacker into the tree.
fn plant(tree: &Path, path: &str, script: &[u8]) {
    let path = tree.join(path);
    let _ = fs::remove_file(&path);
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
}

/// Returns what the attacker's program wrote.
fn loot(tree: &Path) -> Vec<String> {
    let loot = fs::read_to_string(tree.join("loot")).unwrap_or_default();
    loot.lines().map(ToOwned::to_owned).collect()
}

/// A process of the machine, which is killed when the test ends in any way.
struct Victim(Child);

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn programs_of_an_image_cannot_reach_the_machine() {
    if !in_namespace("sysroot::programs_of_an_image_cannot_reach_the_machine") {
        return;
    }
    let home = Home::new();
    let tree = tree(&home);
    let script = fs::read(project().join("tests/attacks/escape.py")).unwrap();
    plant(&tree, UPDATER, &script);
    // It could be the machine's disk; this device is harmless.
    ok("mknod", ["-m", "666", tree.join("device").to_str().unwrap(), "c", "1", "5"]);
    fs::write("/etc/devca-target", "").unwrap();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let name = format!("devca-target-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let _socket = UnixListener::bind_addr(&address).unwrap();
    let mut victim = Victim(Command::new(tool("sleep")).arg("600").stdin(Stdio::null()).spawn().unwrap());
    let target = serde_json::json!({
        "file": "/etc/devca-target",
        "pid": victim.0.id(),
        "port": server.local_addr().unwrap().port(),
        "socket": name,
        "key": "devca-target",
        "uts": fs::metadata("/proc/self/ns/uts").unwrap().ino(),
    });
    let session = KeyRing::from_special_id(KeyRingIdentifier::Session, true).unwrap();
    session.add_key("devca-target", b"secret").unwrap();
    fs::write(tree.join("target"), target.to_string()).unwrap();
    let install = |more: &[&str]| {
        let words = ["install", "--store", "system", "--sysroot", tree.to_str().unwrap()];
        let script = "exec 9</; exec \"$0\" \"$@\"";
        let devca = [OsStr::new("-c"), OsStr::new(script), OsStr::new(env!("CARGO_BIN_EXE_devca"))];
        let words = words.iter().chain(more).map(OsStr::new);
        home.command(&tool("sh"), devca.into_iter().chain(words)).output().unwrap()
    };

    let output = install(&[]);
    assert_eq!(output.status.code(), Some(1), "{}", words(&output));
    assert!(words(&output).contains("does not contain the root"), "{}", words(&output));
    // Once for adding the root, and once for removing what the store did not accept.
    assert_eq!(loot(&tree), ["tried 23", "tried 23"], "successes of 23 attempts");
    assert_eq!(victim.0.try_wait().unwrap(), None, "the process was ended");

    // The attempts are realistic: as unrestricted root of the machine, they succeed.
    fs::remove_file(tree.join("loot")).unwrap();
    install(&["--trust-sysroot"]);
    let loot = loot(&tree);
    let expected = [
        "left the chroot",
        "mounted a file system",
        "made a device",
        "opened a device that the image brought along",
        "signaled a process of the machine's",
        "connected to a server of the machine's",
    ];
    assert!(expected.iter().all(|name| loot.iter().any(|line| line == name)), "{loot:?}");
}

#[test]
fn without_namespaces_no_program_of_an_image_is_run() {
    if !in_namespace("sysroot::without_namespaces_no_program_of_an_image_is_run") {
        return;
    }
    let home = Home::new();
    let tree = tree(&home);
    plant(&tree, UPDATER, b"#!/bin/sh\nid -u >>/loot\n");
    let devca = env!("CARGO_BIN_EXE_devca");
    let script = format!(
        "echo 0 >/proc/sys/user/max_user_namespaces; exec {devca} install --store system --sysroot {}",
        tree.display()
    );
    // The limit applies only to this user namespace.
    let unshare = ["--user", "--map-root-user", "sh", "-euc", &script];
    let output = home.command(&tool("unshare"), unshare).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", words(&output));
    let said = words(&output);
    assert!(said.contains("cannot be confined to it") && said.contains("--trust-sysroot"), "{said}");
    assert!(
        loot(&tree).is_empty()
            && !tree
                .join(ANCHORS)
                .read_dir()
                .unwrap()
                .any(|file| { file.unwrap().file_name().to_string_lossy().starts_with("devca-") })
    );
}

#[test]
fn status_and_dry_run_start_no_program_of_an_image() {
    if !in_namespace("sysroot::status_and_dry_run_start_no_program_of_an_image") {
        return;
    }
    let home = Home::new();
    let tree = tree(&home);
    let java = java_in(&tree);
    let note = b"#!/bin/sh\nid -u >>/loot\n";
    for program in ["opt/java/own/bin/keytool", UPDATER, "usr/bin/sh", "usr/bin/dash", "usr/bin/rm"] {
        plant(&tree, program, note);
    }
    assert!(java.join("bin/keytool").is_file());
    let sysroot = tree.to_str().unwrap();
    home.ok(["issue", "localhost"]);
    for words in [&["status"][..], &["install", "--dry-run"], &["uninstall", "--dry-run"]] {
        let output = home.devca(words.iter().chain(&["--sysroot", sysroot, "--json"])).output().unwrap();
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let stores = document["stores"].as_array().unwrap();
        assert!(
            stores.iter().any(|store| store["place"].as_str().unwrap().ends_with("own/lib/security/cacerts"))
        );
        // Such a program writes to the tree, where it would be noticed.
        assert!(loot(&tree).is_empty(), "{words:?} has run a program");
    }
}

/// Returns everything on the machine that an image could try to write to.
fn machine() -> Vec<(String, u64)> {
    let found = ok("find", ["/etc", "/usr/local", "-printf", "%p\t%C@\n"]);
    let mut files: Vec<(String, u64)> = found
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .map(|(path, changed)| (path.to_owned(), changed.replace('.', "").parse().unwrap_or_default()))
        .collect();
    files.sort();
    files
}

#[test]
fn planted_links_do_not_lead_out_of_an_image() {
    if !in_namespace("sysroot::planted_links_do_not_lead_out_of_an_image") {
        return;
    }
    let home = Home::new();
    let tree = tree(&home);
    home.ok(["issue", "localhost"]);
    fs::create_dir("/etc/target").unwrap();
    fs::write("/etc/target-file", "").unwrap();
    let hash =
        ok("openssl", ["x509", "-in", home.root().to_str().unwrap(), "-noout", "-sha256", "-fingerprint"]);
    let hash = hash.trim().rsplit_once('=').unwrap().1.replace(':', "").to_lowercase();
    let name = format!("devca-{}.crt", &hash[..16]);
    plant(
        &tree,
        UPDATER,
        b"#!/bin/sh\ncat /usr/local/share/ca-certificates/*.crt >/etc/ssl/certs/ca-certificates.crt\n",
    );
    let anchors = tree.join(ANCHORS);
    let anchor = anchors.join(&name);
    let before = machine();
    let install = || {
        let words = ["install", "--store", "system", "--sysroot", tree.to_str().unwrap()];
        home.devca(words).output().unwrap()
    };
    let (mut tries, mut successes) = (0, 0);
    let mut try_links = |to: &str, at: &Path| {
        let _ = fs::remove_dir_all(at).or_else(|_| fs::remove_file(at));
        symlink(to, at).unwrap();
        // Undo the effects of earlier attempts.
        fs::write(tree.join("etc/ssl/certs/ca-certificates.crt"), "").unwrap();
        let output = install();
        tries += 1;
        successes += usize::from(machine() != before);
        let _ = fs::remove_file(at);
        output
    };
    // The name of the file is predictable: it is the hash of a public certificate.
    for to in [
        "/etc/target",
        "/etc/target-file",
        "/etc/target/new",
        "../../../../../../../../etc/target",
        "/proc/1/root/etc/target",
    ] {
        let output = try_links(to, &anchor);
        assert!(output.status.success(), "{to}: {}", words(&output));
    }
    // The folder of anchors itself.
    for to in
        ["/etc/target", "../../../../../../../../etc/target", "/proc/self/cwd", "/proc/1/root/etc/target"]
    {
        // Some of these targets exist in the tree.
        try_links(to, &anchors);
    }
    // A chain of 41 links; the last one would leave the tree.
    fs::create_dir_all(&anchors).unwrap();
    for link in 0..41 {
        symlink(format!("l{}", link + 1), tree.join(format!("usr/local/share/l{link}"))).unwrap();
    }
    symlink("/etc/target", tree.join("usr/local/share/l41")).unwrap();
    let output = try_links("l0", &anchors);
    assert_eq!(output.status.code(), Some(1), "{}", words(&output));
    assert_eq!((tries, successes), (10, 0));
    // A folder with that name is not written to either.
    fs::create_dir_all(&anchor).unwrap();
    fs::write(tree.join("etc/ssl/certs/ca-certificates.crt"), "").unwrap();
    let output = install();
    assert_eq!(output.status.code(), Some(1), "{}", words(&output));
    assert_eq!(fs::read_dir(&anchor).unwrap().count(), 0);
    assert!(machine() == before);
}

type Make = fn(&Path);

/// Files that a reader could wait for, or read forever.
const OBSTACLES: [(&str, Make); 4] = [
    ("a pipe", |path| drop(ok("mkfifo", [path.to_str().unwrap()]))),
    ("a device", |path| drop(ok("mknod", [path.to_str().unwrap(), "c", "1", "5"]))),
    ("a hole of a terabyte", |path| fs::File::create(path).unwrap().set_len(1 << 40).unwrap()),
    ("a link to itself", |path| symlink(path.file_name().unwrap(), path).unwrap()),
];

#[test]
fn files_of_an_image_do_not_keep_devca_waiting() {
    if !in_namespace("sysroot::files_of_an_image_do_not_keep_devca_waiting") {
        return;
    }
    let home = Home::new();
    let tree = tree(&home);
    let cacerts = java_in(&tree).join("lib/security/cacerts");
    home.ok(["issue", "localhost"]);
    let bundle = tree.join("etc/ssl/certs/ca-certificates.crt");
    for (what, make) in OBSTACLES {
        for path in [&bundle, &cacerts] {
            let _ = fs::remove_file(path);
            make(path);
        }
        let begun = Instant::now();
        let output = home.devca(["status", "--sysroot", tree.to_str().unwrap()]).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{what}: {}", words(&output));
        assert!(begun.elapsed() < Duration::from_secs(30), "{what}: {:?}", begun.elapsed());
    }
}

/// Files in a running container can be replaced while devca reads them.
#[test]
fn a_file_that_is_swapped_for_a_link_does_not_lead_out_of_an_image() {
    if !in_namespace("sysroot::a_file_that_is_swapped_for_a_link_does_not_lead_out_of_an_image") {
        return;
    }
    let home = Home::new();
    let image = tree(&home);
    let app = User::new("app");
    // The target of the image's link on the machine, and in the image.
    let outside = Path::new("/etc/devca-victim");
    fs::create_dir_all(outside).unwrap();
    strangers_root(&outside.join("ca-certificates.crt"));
    let certificate = devca::x509::pem::first_certificate(&outside.join("ca-certificates.crt")).unwrap();
    let folder = image.join("etc/ssl/certs");
    // A short list is read more often.
    strangers_root(&folder.join("ca-certificates.crt"));
    ok("chown", ["-R", "app", folder.to_str().unwrap(), image.join("etc/ssl").to_str().unwrap()]);
    // From the image's folder to the machine's: up as far as possible, and down again.
    let target = format!("{}etc/devca-victim/ca-certificates.crt", "../".repeat(30));
    let mut host = Host::this(devca_platform::Account::default(), true);
    host.sysroot.clone_from(&image);
    open_way(&home.work());
    let bundle = folder.join("ca-certificates.crt");
    let stores = devca_platform::find(&host, &[StoreKind::System]);
    let Some(Found::Store(store)) = stores.first() else { panic!("the image has no store") };
    let swapper = Swapper::start(&app, "exchange", bundle.to_str().unwrap(), &target);
    let (mut met, mut successes) = (0, Vec::new());
    for race in 0..RACES {
        let held = store.certificates().unwrap_or_default();
        met += usize::from(held.len() == 1);
        if held.contains(&certificate) {
            successes.push(race.to_string());
            break;
        }
    }
    swapper.end_having_met(met);
    fs::remove_dir_all(outside).unwrap();
    assert_never("a file that is swapped for a link out of the image", RACES, &successes);
}

/// Lets other users enter the folders above that the test has created.
fn open_way(folder: &Path) {
    let shared = std::env::temp_dir();
    for folder in folder.ancestors().take_while(|folder| *folder != shared && folder.starts_with(&shared)) {
        let _ = fs::set_permissions(folder, Permissions::from_mode(0o755));
    }
}

/// By the time that root enters a tree, a user who can rename it may have replaced it.
#[test]
fn a_tree_that_was_exchanged_is_not_entered() {
    if !in_namespace("sysroot::a_tree_that_was_exchanged_is_not_entered") {
        return;
    }
    let home = Home::new();
    let tree = tree(&home);
    let note = b"#!/bin/sh\nid -u >>/loot\n";
    plant(&tree, UPDATER, note);
    let sysroot = tree.to_str().unwrap();
    let planned = |options: &[&str]| {
        let words = ["install", "--dry-run", "--store", "system", "--sysroot", sysroot];
        let shown = home.json([&words, options].concat());
        let commands = shown["stores"][0]["commands"].as_array().unwrap();
        let mut lines = commands.iter().map(|command| command.as_str().unwrap());
        lines.find(|line| line.contains("update-ca")).unwrap().to_owned()
    };
    let updates = [planned(&[]), planned(&["--trust-sysroot"])];
    let run = |update: &str| home.command(&tool("sh"), ["-c", update]).output().unwrap();

    for update in &updates {
        let output = run(update);
        assert!(output.status.success(), "as planned: {}", words(&output));
    }
    assert_eq!(loot(&tree), ["0", "0"], "as planned");

    let other = home.file("other");
    fs::create_dir_all(other.join("usr/sbin")).unwrap();
    plant(&other, UPDATER, note);
    ok("mount", ["--bind", other.to_str().unwrap(), sysroot]);
    for update in &updates {
        let output = run(update);
        assert!(words(&output).contains("was replaced by another folder"), "{}", words(&output));
        assert!(!output.status.success() && !other.join("loot").exists());
    }
}
