//! Tests that each Linux family is found by its folder and gets its own steps. The tools here record their
//! calls and generate the bundle from the anchors' folder, as the real ones do; the real Debian tool runs in
//! devca's own tests.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use common::{Machine, OURS, STRANGER, only, read};
use devca_platform::{Found, Host, Os, StoreKind};

struct Family {
    folder: &'static str,
    program: &'static str,
    anchors: &'static str,
    file: &'static str,
    bundle: &'static str,
    add: &'static str,
    remove: &'static str,
}

const FAMILIES: &[Family] = &[
    Family {
        folder: "etc/pki/ca-trust/source",
        program: "update-ca-trust",
        anchors: "etc/pki/ca-trust/source/anchors",
        file: "devca-test.pem",
        bundle: "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
        add: "extract",
        remove: "extract",
    },
    Family {
        folder: "etc/pki/trust",
        program: "update-ca-certificates",
        anchors: "etc/pki/trust/anchors",
        file: "devca-test.pem",
        bundle: "var/lib/ca-certificates/ca-bundle.pem",
        add: "",
        remove: "",
    },
    Family {
        folder: "etc/ca-certificates/trust-source",
        program: "trust",
        anchors: "etc/ca-certificates/trust-source/anchors",
        file: "devca-test.crt",
        bundle: "etc/ca-certificates/extracted/tls-ca-bundle.pem",
        add: "extract-compat",
        remove: "extract-compat",
    },
    Family {
        folder: "etc/ca-certificates.conf",
        program: "update-ca-certificates",
        anchors: "usr/local/share/ca-certificates",
        file: "devca-test.crt",
        bundle: "etc/ssl/certs/ca-certificates.crt",
        add: "",
        remove: "--fresh",
    },
];

/// Creates a file tree of the family, with its program.
fn lay_out(family: &Family) -> (Machine, Host) {
    let machine = Machine::new();
    machine.folder(family.folder);
    machine.folder(family.anchors);
    let bundle = machine.at(family.bundle);
    fs::create_dir_all(bundle.parent().unwrap()).unwrap();
    let anchors = machine.at(family.anchors);
    fs::write(anchors.join("stranger.crt"), STRANGER).unwrap();
    // A real `chroot` would need a whole system, so this one runs programs outside, with the paths that they
    // have there.
    let chroot = "root=$(cd \"$1\" && pwd -P); shift\nfor word; do case $word in /*) word=$root$word;; esac; shift; set -- \"$@\" \"$word\"; done\nexec \"$@\"\n";
    machine.program("bin/chroot", chroot);
    machine.program("bin/sh", "exec /bin/sh \"$@\"\n");
    machine.program("bin/rm", "exec /bin/rm \"$@\"\n");
    let (calls, anchors, bundle) =
        (machine.at("calls").display().to_string(), anchors.display(), bundle.display());
    let script = format!("echo \"$*\" >> '{calls}'\ncat '{anchors}'/* > '{bundle}'\n");
    machine.program(&format!("usr/bin/{}", family.program), &script);
    let host = machine.host(Os::Linux);
    (machine, host)
}

#[test]
fn each_family_takes_the_anchor_and_gives_it_back() {
    for family in FAMILIES {
        let (machine, host) = lay_out(family);
        let anchor = machine.anchor();
        let store = only(&host, StoreKind::System);
        assert!(store.place().contains(family.anchors), "{}", store.place());
        assert_eq!(store.holds(&anchor), Ok(false));
        assert_eq!(store.remove(&anchor), Ok(vec![]), "nothing to remove");

        host.perform(&store.add(&anchor).unwrap(), |_| {}).unwrap();
        assert_eq!(machine.lines("calls"), [family.add], "{}", family.folder);
        let file = machine.at(family.anchors).join(family.file);
        assert_eq!(read(&file), OURS);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o644);
        assert_eq!(store.holds(&anchor), Ok(true));

        host.perform(&store.remove(&anchor).unwrap(), |_| {}).unwrap();
        assert_eq!(machine.lines("calls"), [family.add, family.remove], "{}", family.folder);
        assert_eq!(store.holds(&anchor), Ok(false));
        assert_eq!(read(&machine.at(family.bundle)), STRANGER, "the stranger's root is as it was");
    }
}

#[test]
fn an_anchor_is_found_by_its_certificate_and_removed_only_from_devcas_and_mkcerts_files() {
    let debian = FAMILIES.last().unwrap();
    let (machine, host) = lay_out(debian);
    let file = |name: &str| machine.at(debian.anchors).join(name);
    for name in ["devca-earlier.crt", "mkcert_development_CA_1.crt"] {
        fs::write(file(name), OURS).unwrap();
    }
    let store = only(&host, StoreKind::System);
    host.perform(&store.remove(&machine.anchor()).unwrap(), |_| {}).unwrap();
    assert!(!file("devca-earlier.crt").exists() && !file("mkcert_development_CA_1.crt").exists());

    let administrators = file("company.crt");
    fs::write(&administrators, OURS).unwrap();
    let problem = store.remove(&machine.anchor()).unwrap_err();
    assert!(problem.why.contains("company.crt") && problem.hint.contains("rm -f -- "), "{problem:?}");
    assert!(administrators.exists());
}

/// A link or a folder with the anchor's name must not get its content.
#[test]
fn an_anchor_replaces_a_link_and_follows_none() {
    let debian = FAMILIES.last().unwrap();
    let (machine, host) = lay_out(debian);
    let target = machine.at(debian.anchors).join(debian.file);
    let elsewhere = machine.at("elsewhere");
    fs::write(&elsewhere, "precious").unwrap();
    std::os::unix::fs::symlink(&elsewhere, &target).unwrap();
    let store = only(&host, StoreKind::System);
    let steps = store.add(&machine.anchor()).unwrap();
    host.perform(&steps, |_| {}).unwrap();
    assert_eq!((read(&elsewhere).as_str(), read(&target).as_str()), ("precious", OURS));
    assert!(!target.is_symlink());
    let folder = machine.folder("folder");
    fs::remove_file(&target).unwrap();
    std::os::unix::fs::symlink(&folder, &target).unwrap();
    host.perform(&steps, |_| {}).unwrap();
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    fs::remove_file(&target).unwrap();
    fs::create_dir(&target).unwrap();
    host.perform(&steps, |_| {}).unwrap_err();
    assert_eq!(fs::read_dir(&target).unwrap().count(), 0);
}

#[test]
fn a_family_without_its_program_says_what_to_install() {
    let (machine, host) = lay_out(&FAMILIES[0]);
    fs::remove_file(machine.at("usr/bin/update-ca-trust")).unwrap();
    let found = devca_platform::find(&host, &[StoreKind::System]);
    let Found::Remark(remark) = &found[0] else { panic!("there is no program, but a store") };
    assert!(remark.is_failure);
    assert!(
        remark.problem.why.contains("update-ca-trust") && remark.problem.hint.contains("ca-certificates"),
        "{remark:?}"
    );
}

#[test]
fn a_program_that_fails_is_reported_with_its_output() {
    let debian = FAMILIES.last().unwrap();
    let (machine, host) = lay_out(debian);
    machine.program("usr/bin/update-ca-certificates", "echo 'E: the disk is on fire' >&2\nexit 1\n");
    let store = only(&host, StoreKind::System);
    let problem = host.perform(&store.add(&machine.anchor()).unwrap(), |_| {}).unwrap_err();
    assert_eq!(problem.why, "update-ca-certificates failed: E: the disk is on fire");
    assert!(problem.hint.contains("update-ca-certificates"), "{problem:?}");
}

#[test]
fn nixos_gets_what_to_paste() {
    let machine = Machine::new();
    machine.folder("etc");
    fs::write(machine.at("etc/NIXOS"), "").unwrap();
    let host = machine.host(Os::Linux);
    let store = only(&host, StoreKind::System);
    let problem = store.add(&machine.anchor()).unwrap_err();
    assert!(
        problem.hint.contains("security.pki.certificates = [ ''") && problem.hint.contains(OURS),
        "{problem:?}"
    );
    // After the rebuild, the bundle contains it, and it is reported as already installed.
    let bundle = machine.folder("etc/ssl/certs").join("ca-certificates.crt");
    fs::write(bundle, format!("{STRANGER}{OURS}")).unwrap();
    assert_eq!(store.holds(&machine.anchor()), Ok(true));
    assert!(store.remove(&machine.anchor()).unwrap_err().hint.starts_with("delete this"));
}
