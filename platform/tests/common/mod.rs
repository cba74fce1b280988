//! Shared by the tests of stores: a machine in a folder, and two roots.
#![allow(dead_code, clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use devca_platform::{Account, Anchor, Found, Host, Os, Store, StoreKind, bundle};
use tempfile::TempDir;

pub const STRANGER: &str = include_str!("../stranger.pem");
pub const OURS: &str = include_str!("../ours.pem");
/// From `openssl x509 -noout -fingerprint -sha1` of `ours.pem`.
pub const OURS_SHA1: &str = include_str!("../ours.sha1");

/// A file tree that contains a home folder; the only programs used from outside are coreutils.
pub struct Machine {
    pub tree: TempDir,
}

impl Machine {
    pub fn new() -> Self {
        let tree = TempDir::new().unwrap();
        for folder in ["bin", "home"] {
            fs::create_dir(tree.path().join(folder)).unwrap();
        }
        Self { tree }
    }

    pub fn at(&self, path: &str) -> PathBuf {
        self.tree.path().join(path)
    }

    pub fn folder(&self, path: &str) -> PathBuf {
        let path = self.at(path);
        fs::create_dir_all(&path).unwrap();
        path
    }

    /// Creates a program on the machine.
    #[cfg(unix)]
    pub fn program(&self, path: &str, script: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let program = self.at(path);
        fs::create_dir_all(program.parent().unwrap()).unwrap();
        fs::write(&program, format!("#!/bin/sh\n{script}")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        program
    }

    pub fn host(&self, os: Os) -> Host {
        Host {
            os,
            sysroot: self.tree.path().to_owned(),
            trust_sysroot: true,
            person: Account { home: Some(self.at("home")), ids: None },
            path: vec![self.at("bin"), "/usr/bin".into(), "/bin".into()],
            admin_path: vec![self.at("bin"), self.at("usr/bin"), "/usr/bin".into(), "/bin".into()],
            nss_program: None,
            is_root: true,
            machine: false,
            variable: |_| None,
        }
    }

    #[allow(clippy::unused_self)]
    pub fn anchor(&self) -> Anchor {
        let der = bundle::certificates(OURS.as_bytes()).remove(0);
        let mut sha1 = [0; 20];
        for (at, byte) in sha1.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&OURS_SHA1.trim()[2 * at..2 * at + 2], 16).unwrap();
        }
        Anchor { label: "devca-test".into(), der, sha1 }
    }

    pub fn lines(&self, file: &str) -> Vec<String> {
        read(&self.at(file)).lines().map(ToOwned::to_owned).collect()
    }
}

pub fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// The only store of a kind.
pub fn only<'a>(host: &'a Host, kind: StoreKind) -> Box<dyn Store + 'a> {
    let mut found = devca_platform::find(host, &[kind]);
    assert_eq!(found.len(), 1);
    match found.remove(0) {
        Found::Store(store) => store,
        Found::Remark(remark) => panic!("{remark:?}"),
    }
}
