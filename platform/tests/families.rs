//! Each Linux family is found by its folder, and gets its own steps. The tools here record that they were called and
//! build the bundle as theirs do, from the anchors' folder; the real Debian tool runs in devca's own tests.
#![cfg(unix)]
#![allow(clippy::unwrap_used, missing_docs)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use devca_platform::{Anchor, Host, Os, Person};
use tempfile::TempDir;

const STRANGER: &str = include_str!("stranger.pem");
const OURS: &str = include_str!("ours.pem");

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

/// A file tree of the family, with its program beside coreutils.
fn lay_out(family: &Family) -> (TempDir, Host, Anchor) {
    let tree = TempDir::new().unwrap();
    let at = |path: &str| tree.path().join(path);
    fs::create_dir_all(at(family.folder)).unwrap();
    fs::create_dir_all(at(family.anchors)).unwrap();
    fs::create_dir_all(at(family.bundle).parent().unwrap()).unwrap();
    fs::create_dir_all(at("bin")).unwrap();
    fs::write(at(family.anchors).join("stranger.crt"), STRANGER).unwrap();
    let (calls, bundle, anchors) = (at("calls"), at(family.bundle), at(family.anchors));
    let script = format!(
        "#!/bin/sh\necho \"$*\" >> '{}'\ncat '{}'/* > '{}'\n",
        calls.display(),
        anchors.display(),
        bundle.display()
    );
    let program = at("bin").join(family.program);
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(at("root.pem"), OURS).unwrap();
    let der = rustls_pki_types::pem::PemObject::from_pem_slice(OURS.as_bytes());
    let der: rustls_pki_types::CertificateDer = der.unwrap();
    let host = Host {
        os: Os::Linux,
        sysroot: tree.path().to_owned(),
        person: Person::default(),
        path: vec![at("bin"), PathBuf::from("/usr/bin"), PathBuf::from("/bin")],
        is_root: true,
    };
    let anchor = Anchor { label: "devca-test".into(), der: der.to_vec(), pem: at("root.pem") };
    (tree, host, anchor)
}

fn calls(tree: &Path) -> Vec<String> {
    fs::read_to_string(tree.join("calls")).unwrap_or_default().lines().map(ToOwned::to_owned).collect()
}

#[test]
fn each_family_takes_the_anchor_and_gives_it_back() {
    for family in FAMILIES {
        let (tree, host, anchor) = lay_out(family);
        let stores = devca_platform::find(&host).unwrap();
        let store = &stores[0];
        assert!(store.place().contains(family.anchors), "{}", store.place());
        assert_eq!(store.holds(&anchor), Ok(false));
        assert_eq!(store.remove(&anchor), Ok(vec![]), "nothing to remove");

        host.perform(&store.add(&anchor).unwrap(), |_| {}).unwrap();
        assert_eq!(calls(tree.path()), [family.add], "{}", family.folder);
        let file = tree.path().join(family.anchors).join(family.file);
        assert_eq!(fs::read_to_string(&file).unwrap(), OURS);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o644);
        assert_eq!(store.holds(&anchor), Ok(true));

        host.perform(&store.remove(&anchor).unwrap(), |_| {}).unwrap();
        assert_eq!(calls(tree.path()), [family.add, family.remove], "{}", family.folder);
        assert_eq!(store.holds(&anchor), Ok(false));
        let bundle = fs::read_to_string(tree.path().join(family.bundle)).unwrap();
        assert_eq!(bundle, STRANGER, "the stranger's root is as it was");
    }
}

#[test]
fn an_anchor_under_another_name_is_found_by_its_certificate() {
    let (tree, host, anchor) = lay_out(&FAMILIES[3]);
    let other = tree.path().join(FAMILIES[3].anchors).join("renamed.crt");
    fs::write(&other, OURS).unwrap();
    let stores = devca_platform::find(&host).unwrap();
    host.perform(&stores[0].remove(&anchor).unwrap(), |_| {}).unwrap();
    assert!(!other.exists());
}

#[test]
fn a_family_without_its_program_says_what_to_install() {
    let (_tree, mut host, _) = lay_out(&FAMILIES[0]);
    host.path.clear();
    let problem = devca_platform::find(&host).err().unwrap();
    assert!(
        problem.why.contains("update-ca-trust") && problem.hint.contains("ca-certificates"),
        "{problem:?}"
    );
}

#[test]
fn a_program_that_fails_is_named_with_its_words() {
    let (tree, host, anchor) = lay_out(&FAMILIES[3]);
    let program = tree.path().join("bin/update-ca-certificates");
    fs::write(&program, "#!/bin/sh\necho 'E: the disk is on fire' >&2\nexit 1\n").unwrap();
    let stores = devca_platform::find(&host).unwrap();
    let problem = host.perform(&stores[0].add(&anchor).unwrap(), |_| {}).unwrap_err();
    assert_eq!(problem.why, "update-ca-certificates failed: E: the disk is on fire");
    assert!(problem.hint.contains("update-ca-certificates"), "{problem:?}");
}
