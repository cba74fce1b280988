//! Root renews certificates in a folder of a service account, which tries to gain more rights by that.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, fchown, symlink};
use std::path::Path;

use devca::disk::files::{Files, NewFile, Recognize, Secrecy, restrict_permissions};

use crate::common::{in_namespace, ok, words};
use crate::people::{RACES, Swapper, User, assert_never, root, state};

/// Creates a folder of root with secrets, and one of the service.
fn scene(folder: &str) -> User {
    let app = User::new("app");
    fs::create_dir("/etc/victim").unwrap();
    for name in ["secret", "app.pem"] {
        let path = Path::new("/etc/victim").join(name);
        fs::write(&path, "root's\n").unwrap();
        fs::set_permissions(path, PermissionsExt::from_mode(0o600)).unwrap();
    }
    fs::create_dir_all(folder).unwrap();
    chown(folder, Some(app.uid()), Some(app.uid())).unwrap();
    app
}

/// Replaces a file as a renewal does.
fn renew(path: &Path) -> anyhow::Result<()> {
    let recognize: Recognize = Box::new(|_, content| [Some(&b"old"[..]), Some(b"new")].contains(&content));
    let content = b"new".to_vec().into();
    let file = NewFile { path: path.to_owned(), content, secrecy: Secrecy::Public, replace: true };
    Files::default().stage_in_place(vec![file], &recognize)?.commit_over()
}

/// Restores a file that the service has full access to.
fn put_back(path: &Path, app: &User) {
    if !path.symlink_metadata().is_ok_and(|found| found.is_file() && found.mode() & 0o777 == 0o666) {
        let _ = fs::remove_file(path);
        let mut file = File::create_new(path).unwrap();
        file.write_all(b"old").unwrap();
        fchown(&file, Some(app.uid()), Some(app.uid())).unwrap();
        file.set_permissions(PermissionsExt::from_mode(0o666)).unwrap();
    }
}

/// Renews ten thousand times while the swapper runs, and counts what happened to root's files.
fn race(app: &User, what: &str, folder: &str, between: impl Fn(&Path)) {
    let path = Path::new(folder).join("app.pem");
    between(&path);
    let before = state(Path::new("/etc/victim"));
    let target = if what == "file" { "/etc/victim/secret" } else { "/etc/victim" };
    let swapper = Swapper::start(app, what, folder, target);
    let (mut successes, mut renewed) = (Vec::new(), 0);
    for race in 0..RACES {
        between(&path);
        renewed += usize::from(renew(&path).is_ok());
        let now = state(Path::new("/etc/victim"));
        if now != before {
            successes.push(format!("race {race}: {now:?}"));
            break;
        }
    }
    swapper.end_having_met(renewed);
    assert_never(what, RACES, &successes);
}

#[test]
fn a_temporary_file_swapped_for_a_link_is_not_followed() {
    if !in_namespace("folders::a_temporary_file_swapped_for_a_link_is_not_followed") {
        return;
    }
    let app = scene("/etc/app");
    race(&app, "file", "/etc/app", |path| put_back(path, &app));
}

#[test]
fn a_folder_swapped_for_a_link_is_not_followed() {
    if !in_namespace("folders::a_folder_swapped_for_a_link_is_not_followed") {
        return;
    }
    let app = scene("/home/certs");
    put_back(Path::new("/home/certs/app.pem"), &app);
    ok("mkdir", ["/home/app/top"]);
    ok("mv", ["/home/certs", "/home/app/top/certs"]);
    ok("chown", ["-R", "app:app", "/home/app/top"]);
    race(&app, "exchange", "/home/app/top/certs", |_| ());
}

/// Issues these formats as root into a folder of the service.
fn issued(formats: &str) -> User {
    let app = scene("/etc/app");
    let password = if formats.contains("p12") { "--password-file /root/pw" } else { "" };
    let issue = format!("devca issue app.test --out /etc/app --format {formats} {password}");
    let output = root(&format!("echo secret > /root/pw; {issue}"));
    assert!(output.status.success(), "{}", words(&output));
    app
}

fn mode(path: &str) -> (u32, u32) {
    let found = fs::metadata(path).unwrap();
    (found.uid(), found.mode() & 0o7777)
}

#[test]
fn a_file_of_the_same_time_gets_no_key() {
    if !in_namespace("folders::a_file_of_the_same_time_gets_no_key") {
        return;
    }
    let app = issued("pem,combined,der,p12,k8s");
    let files = ["-combined.pem", "-key.pem", "-key.der", ".p12", "-secret.yaml"];
    let mut successes = Vec::new();
    let mut tries = 0;
    for suffix in files {
        for content in ["", "-----BEGIN CERTIFICATE-----", "x"] {
            let file = format!("app.test{suffix}");
            app.ok(&format!("cd /etc/app; mv {file} kept; printf '%s' '{content}' > {file}; chmod 644 {file}; touch -r kept {file}"));
            for options in ["", "--new-key"] {
                let output = root(&format!("devca renew --all {options} --password-file /root/pw"));
                tries += 1;
                if fs::read_to_string(format!("/etc/app/{file}")).is_ok_and(|now| now == content) {
                    continue;
                }
                successes.push(format!("{file}: {options} {}", words(&output)));
            }
            app.ok(&format!("cd /etc/app; mv -f kept {file}"));
        }
    }
    let output = root("devca renew --all --password-file /root/pw");
    assert!(output.status.success(), "what is in its place is renewed: {}", words(&output));
    assert_never("a file with the time of the key", tries, &successes);
}

#[test]
fn permissions_are_kept_and_never_widened() {
    if !in_namespace("folders::permissions_are_kept_and_never_widened") {
        return;
    }
    let app = issued("pem");
    let (certificate, key) = ("/etc/app/app.test.pem", "/etc/app/app.test-key.pem");
    // The server may read the key because of its group; a set-user-ID bit is not copied.
    ok("chgrp", ["app", key]);
    ok("chmod", ["6750", key]);
    ok("chown", ["app", certificate]);
    assert!(root("umask 077; devca renew --all --new-key").status.success());
    assert_eq!((mode(key), fs::metadata(key).unwrap().gid()), ((0, 0o750), app.uid()));
    assert_eq!(mode(certificate), (app.uid(), 0o644));

    // With an access control list, the group has no rights, but app does.
    ok("chgrp", ["root", key]);
    ok("setfacl", ["-m", "u:app:r,g::-,m::r", key]);
    let list = || ok("getfacl", ["--omit-header", "--absolute-names", key]);
    let before = list();
    assert!(before.contains("user:app:r--") && before.contains("group::---"), "{before}");
    assert!(root("devca renew --all --new-key").status.success());
    assert_eq!(list(), before);
    app.ok(&format!("cat {key}"));

    // Entries that new files inherit from their folder are not added.
    ok("setfacl", ["-b", key]);
    ok("chmod", ["640", key]);
    ok("setfacl", ["-d", "-m", "u:app:rw", "/etc/app"]);
    let before = list();
    assert!(root("devca renew --all --new-key").status.success());
    assert_eq!(list(), before);
    assert!(!app.run(&format!("cat {key}")).status.success());
}

#[test]
fn a_link_in_the_place_of_a_file_is_neither_followed_nor_replaced() {
    if !in_namespace("folders::a_link_in_the_place_of_a_file_is_neither_followed_nor_replaced") {
        return;
    }
    let app = issued("pem");
    let certificate = Path::new("/etc/app/app.test.pem");
    app.ok("cd /etc/app; mkdir real; mv app.test.pem real; ln -s real/app.test.pem app.test.pem");
    let before = state(Path::new("/etc/app"));
    let output = root("devca renew app.test");
    let said = words(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("is a link") && said.contains("hint:"), "{said}");
    assert_eq!(state(Path::new("/etc/app")), before);
    assert!(certificate.is_symlink());

    // Temporary files of an interrupted run are removed; so is a link with such a name, but not its target.
    symlink("/etc/victim", "/etc/app/.devca-0000000000000000-x").unwrap();
    assert!(!root("devca renew --all").status.success());
    assert_eq!(fs::read_dir("/etc/victim").unwrap().count(), 2);
}

/// `status --fix` removes other users' rights from the file that it opened, never through a link.
#[test]
fn a_key_swapped_for_a_link_is_not_followed() {
    if !in_namespace("folders::a_key_swapped_for_a_link_is_not_followed") {
        return;
    }
    let app = scene("/etc/app");
    fs::set_permissions("/etc/victim/secret", PermissionsExt::from_mode(0o644)).unwrap();
    let path = Path::new("/etc/app/root-key.pem");
    put_back(path, &app);
    let before = state(Path::new("/etc/victim"));
    let swapper = Swapper::start(&app, "exchange", "/etc/app/root-key.pem", "/etc/victim/secret");
    let (mut restricted, mut successes) = (0, Vec::new());
    for race in 0..RACES {
        restricted += usize::from(restrict_permissions(path).is_ok());
        if state(Path::new("/etc/victim")) != before {
            successes.push(race.to_string());
            break;
        }
    }
    swapper.end_having_met(restricted);
    assert_never("a key that is swapped for a link", RACES, &successes);
}
