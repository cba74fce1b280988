//! The system store of the Linux families: a folder for anchors, and a program that builds the bundles from it.

use std::fs;
use std::path::{Path, PathBuf};

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::{Anchor, Host, Problem, Step, Store};

/// How one family keeps its anchors.
#[derive(Debug, Clone, Copy)]
struct Family {
    name: &'static str,
    /// Its being there tells the family.
    landmark: &'static str,
    /// Where administrators put anchors; some systems make it only when needed.
    anchors: &'static str,
    /// What the program takes for an anchor.
    extension: &'static str,
    /// What builds the bundles after an anchor has come.
    add: &'static [&'static str],
    /// What builds them after one has gone.
    remove: &'static [&'static str],
    /// The bundle that OpenSSL, curl and the like read.
    bundle: &'static str,
}

/// openSUSE comes before Debian: both have an `update-ca-certificates`.
const FAMILIES: &[Family] = &[
    Family {
        name: "Fedora, RHEL",
        landmark: "/etc/pki/ca-trust/source",
        anchors: "/etc/pki/ca-trust/source/anchors",
        extension: "pem",
        add: &["update-ca-trust", "extract"],
        remove: &["update-ca-trust", "extract"],
        bundle: "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    },
    Family {
        // The administrator's folder; /usr/share/pki/trust/anchors is the vendor's.
        name: "openSUSE",
        landmark: "/etc/pki/trust",
        anchors: "/etc/pki/trust/anchors",
        extension: "pem",
        add: &["update-ca-certificates"],
        remove: &["update-ca-certificates"],
        bundle: "/var/lib/ca-certificates/ca-bundle.pem",
    },
    Family {
        name: "Arch",
        landmark: "/etc/ca-certificates/trust-source",
        anchors: "/etc/ca-certificates/trust-source/anchors",
        extension: "crt",
        add: &["trust", "extract-compat"],
        remove: &["trust", "extract-compat"],
        bundle: "/etc/ca-certificates/extracted/tls-ca-bundle.pem",
    },
    Family {
        // Alpine may lack the anchors' folder; its package and Debian's both bring the configuration file.
        name: "Debian, Ubuntu, Alpine",
        landmark: "/etc/ca-certificates.conf",
        anchors: "/usr/local/share/ca-certificates",
        extension: "crt",
        add: &["update-ca-certificates"],
        // Without --fresh, links to an anchor that has gone may stay in /etc/ssl/certs.
        remove: &["update-ca-certificates", "--fresh"],
        bundle: "/etc/ssl/certs/ca-certificates.crt",
    },
];

/// The system store.
pub(crate) struct System<'a> {
    host: &'a Host,
    family: Family,
    updater: PathBuf,
}

/// Finds the family by its folder and its program.
pub(crate) fn find(host: &Host) -> Result<System<'_>, Problem> {
    let here = FAMILIES.iter().filter(|family| host.system(family.landmark).exists());
    let mut missing = None;
    for family in here {
        match host.program(family.add[0]) {
            Some(updater) => return Ok(System { host, family: *family, updater }),
            None => missing = Some(family.add[0]),
        }
    }
    Err(match missing {
        Some(program) => Problem::new(
            format!("the system store's program, {program}, is not installed"),
            "install the package ca-certificates with your package manager",
        ),
        None => Problem::new(
            "no system store that devca knows was found",
            "install the package ca-certificates, or add the root by hand: devca root --pem prints it",
        ),
    })
}

impl System<'_> {
    fn folder(&self) -> PathBuf {
        self.host.system(self.family.anchors)
    }

    fn update(&self, words: &[&str]) -> Step {
        Step::as_root(&self.updater, words[1..].iter().copied())
    }

    fn tool(&self, name: &str) -> Result<PathBuf, Problem> {
        self.host
            .program(name)
            .ok_or_else(|| Problem::new(format!("{name} is not installed"), "install the package coreutils"))
    }

    /// The files in the anchors' folder that hold this certificate, whatever they are called.
    fn files_of(&self, anchor: &Anchor) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.folder()).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).filter(|path| file_holds(path, anchor)).collect()
    }
}

impl Store for System<'_> {
    fn kind(&self) -> &'static str {
        "system"
    }

    fn place(&self) -> String {
        format!("{} ({})", self.family.name, self.folder().display())
    }

    fn holds(&self, anchor: &Anchor) -> Result<bool, Problem> {
        Ok(file_holds(&self.host.system(self.family.bundle), anchor))
    }

    fn add(&self, anchor: &Anchor) -> Result<Vec<Step>, Problem> {
        let target = self.folder().join(format!("{}.{}", anchor.label, self.family.extension));
        let install = self.tool("install")?;
        Ok(vec![
            Step::as_root(
                &install,
                ["-d".as_ref(), "-m".as_ref(), "0755".as_ref(), self.folder().as_os_str()],
            ),
            Step::as_root(
                &install,
                ["-m".as_ref(), "0644".as_ref(), anchor.pem.as_os_str(), target.as_os_str()],
            ),
            self.update(self.family.add),
        ])
    }

    fn remove(&self, anchor: &Anchor) -> Result<Vec<Step>, Problem> {
        let files = self.files_of(anchor);
        if files.is_empty() && !self.holds(anchor)? {
            return Ok(Vec::new());
        }
        let remove = self.tool("rm")?;
        let mut steps: Vec<Step> = files
            .iter()
            .map(|file| Step::as_root(&remove, ["-f".as_ref(), "--".as_ref(), file.as_os_str()]))
            .collect();
        steps.push(self.update(self.family.remove));
        Ok(steps)
    }
}

/// Whether a PEM file holds this certificate, among however many others. What is damaged in it is passed over.
fn file_holds(path: &Path, anchor: &Anchor) -> bool {
    let Ok(text) = fs::read(path) else { return false };
    CertificateDer::pem_slice_iter(&text).flatten().any(|certificate| *certificate == *anchor.der)
}
