//! Tests which browser databases are found. devca's own tests check with real browsers what happens to them.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;

use common::Machine;
use devca_platform::{Found, Host, Os, StoreKind};

fn host(machine: &Machine) -> Host {
    Host { sysroot: "/".into(), path: vec![machine.at("bin"), "/usr/bin".into()], ..machine.host(Os::Linux) }
}

/// The folders of the stores found, relative to the home folder.
fn found(machine: &Machine, host: &Host) -> Vec<String> {
    let home = format!("{}/", machine.at("home").display());
    let place = |found: &Found| match found {
        Found::Store(store) => store.place(),
        Found::Remark(remark) => remark.place.clone(),
    };
    let all = devca_platform::find(host, &[StoreKind::Nss]);
    all.iter()
        .map(|f| place(f).split('(').next_back().unwrap().trim_end_matches(')').replace(&home, ""))
        .collect()
}

#[test]
fn every_profile_of_every_firefox_is_found() {
    let machine = Machine::new();
    machine.program("bin/certutil", "exit 1\n");
    let folders = [
        ".config/mozilla/firefox",
        ".mozilla/firefox",
        "snap/firefox/common/.mozilla/firefox",
        "snap/firefox/common/.config/mozilla/firefox",
        ".var/app/org.mozilla.firefox/.mozilla/firefox",
        ".var/app/org.mozilla.firefox/.config/mozilla/firefox",
        ".var/app/org.mozilla.firefox/config/mozilla/firefox",
        ".librewolf",
        ".config/librewolf/librewolf",
        ".var/app/io.gitlab.librewolf-community/.librewolf",
        ".waterfox",
        ".zen",
        ".var/app/app.zen_browser.zen/.zen",
        ".floorp",
        ".thunderbird",
        "snap/thunderbird/common/.thunderbird",
        ".var/app/org.mozilla.Thunderbird/.thunderbird",
    ];
    let ini = "[Profile0]\nName=used\nIsRelative=1\nPath=a.used\n\n[Profile1]\nName=new\nIsRelative=1\nPath=b.new\n";
    for folder in folders {
        for profile in ["a.used", "b.new"] {
            machine.folder(&format!("home/{folder}/{profile}"));
        }
        fs::write(machine.at(&format!("home/{folder}/profiles.ini")), ini).unwrap();
        fs::write(machine.at(&format!("home/{folder}/a.used/cert9.db")), "").unwrap();
    }
    let mut expected: Vec<String> = folders.iter().map(|folder| format!("{folder}/a.used")).collect();
    let mut seen: Vec<String> =
        found(&machine, &host(&machine)).into_iter().filter(|p| p.contains("a.used")).collect();
    expected.sort();
    seen.sort();
    assert_eq!(seen, expected);
}

#[test]
fn every_database_of_the_chromium_family_is_found() {
    let machine = Machine::new();
    machine.program("bin/certutil", "exit 1\n");
    let mut host = host(&machine);
    host.path.truncate(1);
    assert!(found(&machine, &host).is_empty(), "no browser, no line");
    machine.program("bin/vivaldi", "");
    assert_eq!(found(&machine, &host), [".local/share/pki/nssdb"], "one that has never run is served too");
    machine.folder("home/.pki/nssdb");
    assert_eq!(
        found(&machine, &host),
        [".pki/nssdb", ".local/share/pki/nssdb"],
        "the older place wins where it exists"
    );
    machine.folder("home/snap/chromium/current/.pki/nssdb");
    machine.folder("home/.var/app/com.brave.Browser");
    assert_eq!(
        found(&machine, &host)[2..],
        [
            "snap/chromium/current/.pki/nssdb",
            "snap/chromium/current/.local/share/pki/nssdb",
            ".var/app/com.brave.Browser/data/pki/nssdb"
        ]
    );
}

#[test]
fn a_missing_certutil_is_reported_with_the_package_of_this_system() {
    for (manager, command) in [
        ("apt-get", "sudo apt-get install -y libnss3-tools"),
        ("dnf", "sudo dnf install -y nss-tools"),
        ("zypper", "sudo zypper install -y mozilla-nss-tools"),
        ("pacman", "sudo pacman -S nss"),
        ("apk", "sudo apk add nss-tools"),
    ] {
        let machine = Machine::new();
        machine.program(&format!("bin/{manager}"), "");
        machine.program("bin/chromium", "");
        let mut host = host(&machine);
        host.path.truncate(1);
        let all = devca_platform::find(&host, &[StoreKind::Nss]);
        let [Found::Remark(remark)] = all.as_slice() else { panic!("one remark is expected") };
        assert!(remark.is_failure && remark.problem.hint.contains(command), "{remark:?}");
    }
}

#[test]
fn every_java_is_found_once() {
    let machine = Machine::new();
    let homes = [
        ".sdkman/candidates/java/21",
        ".jabba/jdk/17",
        ".asdf/installs/java/temurin",
        ".local/share/mise/installs/java/25",
        ".jdks/own",
        ".gradle/jdks/old",
        ".local/share/JetBrains/Toolbox/apps/idea/jbr",
    ];
    for home in homes {
        machine.folder(&format!("home/{home}/lib/security"));
        fs::write(machine.at(&format!("home/{home}/lib/security/cacerts")), "").unwrap();
        machine.program(&format!("home/{home}/bin/keytool"), "");
    }
    // Add the same JDK under another name, a Java 8, one whose cacerts is the system's, and a folder that is
    // not a JDK.
    std::os::unix::fs::symlink("21", machine.at("home/.sdkman/candidates/java/current")).unwrap();
    machine.folder("home/.jdks/eight/jre/lib/security");
    fs::write(machine.at("home/.jdks/eight/jre/lib/security/cacerts"), "").unwrap();
    machine.program("home/.jdks/eight/jre/bin/keytool", "");
    machine.folder("home/.jdks/linked/lib/security");
    std::os::unix::fs::symlink(
        "/etc/ssl/certs/java/cacerts",
        machine.at("home/.jdks/linked/lib/security/cacerts"),
    )
    .unwrap();
    machine.folder("home/.jdks/none");

    let host = host(&machine);
    let all = devca_platform::find(&host, &[StoreKind::Java]);
    let places = all.iter().map(|found| match found {
        Found::Store(store) => store.place(),
        Found::Remark(remark) => panic!("{remark:?}"),
    });
    let own = machine.at("home").display().to_string();
    // This machine may have other Java installations too.
    let shared = "/etc/ssl/certs/java/cacerts (filled from the system store)";
    let places = places.filter(|place| place.starts_with(&own) || place == shared);
    let mut stores: Vec<String> = places.collect();
    let mut expected: Vec<String> =
        homes.iter().map(|home| format!("{own}/{home}/lib/security/cacerts")).collect();
    expected.push(format!("{own}/.jdks/eight/jre/lib/security/cacerts"));
    expected.push(shared.into());
    stores.sort();
    expected.sort();
    assert_eq!(stores, expected);
}
