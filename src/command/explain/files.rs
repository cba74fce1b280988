//! The certificates in the current folder, one of which is often the one that a message is about.

use std::fs;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;

use super::lookup::Evidence;
use crate::check::catalogue::{
    Diagnosis, EXPIRED, NAME_MISMATCH, NOT_YET_VALID, SELF_SIGNED, UNREADABLE_FILE,
};
use crate::error;
use crate::report;
use crate::x509::certificate::Leaf;
use crate::x509::parsed::Parsed;
use crate::x509::pem;

/// How many names in the folder are looked at, and how many files are read.
const NAMES: usize = 10_000;
const FILES: usize = 32;
/// The size up to which a file is read. A chain has a few thousand bytes.
const LARGEST: u64 = 1 << 20;

/// Whether files in the current folder tell something about the fault.
pub(super) fn applies(fault: &Diagnosis) -> bool {
    [&EXPIRED, &NAME_MISMATCH, &NOT_YET_VALID, &SELF_SIGNED, &UNREADABLE_FILE].contains(&fault)
}

/// The current folder's files with the names of certificates and keys.
pub(super) struct FolderFiles {
    /// Their paths, sorted.
    paths: Vec<PathBuf>,
    certificates: Vec<Certificate>,
}

/// A leaf in a file.
struct Certificate {
    path: PathBuf,
    is_devca: bool,
    is_self_signed: bool,
    names: Vec<String>,
    not_before: OffsetDateTime,
    not_after: OffsetDateTime,
}

impl FolderFiles {
    /// Looks at the current folder only. What cannot be read is passed over.
    pub(super) fn look() -> Self {
        let names = fs::read_dir(".").into_iter().flatten().take(NAMES).flatten();
        let mut paths: Vec<PathBuf> =
            names.map(|entry| entry.path()).filter(|path| has_extension(path, &ALL)).collect();
        paths.sort();
        paths.truncate(FILES);
        let texts = paths.iter().filter(|path| has_extension(path, &TEXTS));
        let certificates = texts.filter_map(|path| Certificate::read(path)).collect();
        Self { paths, certificates }
    }

    /// What they tell about the fault.
    pub(super) fn evidence(&self, fault: &Diagnosis, now: OffsetDateTime) -> Option<Evidence> {
        let first = |is_it: fn(&Certificate, OffsetDateTime) -> bool| {
            self.certificates.iter().find(|certificate| is_it(certificate, now))
        };
        match fault {
            fault if *fault == EXPIRED => {
                let found = first(|it, now| it.not_after < now)?;
                let text = format!("{} expired on {}", shown(&found.path), found.not_after.date());
                Some(Evidence { fix: Some(found.renew()), ..Evidence::likely(text) })
            }
            fault if *fault == NOT_YET_VALID => {
                let found = first(|it, now| it.not_before > now)?;
                let text = format!("{} is not valid before {}", shown(&found.path), found.not_before.date());
                Some(Evidence::likely(text))
            }
            fault if *fault == SELF_SIGNED => {
                let found = first(|it, _| it.is_self_signed)?;
                Some(Evidence::likely(format!("{} is self-signed", shown(&found.path))))
            }
            fault if *fault == NAME_MISMATCH => self.names().map(Evidence::likely),
            fault if *fault == UNREADABLE_FILE => Some(Evidence::likely(self.list())),
            _ => None,
        }
    }

    fn names(&self) -> Option<String> {
        const SHOWN: usize = 4;
        let of = |certificate: &Certificate| {
            let names = certificate.names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>();
            let more = certificate.names.len().saturating_sub(SHOWN);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("{} is for {}{more}", shown(&certificate.path), names.join(", "))
        };
        let named: Vec<String> =
            self.certificates.iter().filter(|it| !it.names.is_empty()).take(SHOWN).map(of).collect();
        (!named.is_empty()).then(|| named.join("; "))
    }

    fn list(&self) -> String {
        const SHOWN: usize = 8;
        if self.paths.is_empty() {
            return "the current folder has no certificate or key: no name ends in .pem, .crt, .key or .p12"
                .into();
        }
        let names: Vec<String> = self.paths.iter().take(SHOWN).map(|path| shown(path)).collect();
        let more = if self.paths.len() > SHOWN { ", …" } else { "" };
        format!("the current folder has {}{more}", names.join(", "))
    }
}

const TEXTS: [&str; 3] = ["pem", "crt", "cer"];
const ALL: [&str; 7] = ["pem", "crt", "cer", "key", "p12", "pfx", "csr"];

fn has_extension(path: &Path, known: &[&str]) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| known.contains(&extension.to_ascii_lowercase().as_str()))
}

fn shown(path: &Path) -> String {
    report::printable(&path.display().to_string())
}

impl Certificate {
    /// The first certificate in a file, unless it is a CA's.
    fn read(path: &Path) -> Option<Self> {
        // A device may act on being opened.
        fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
        let mut text = Vec::new();
        devca_platform::read::regular(path, LARGEST, &mut text).ok()?;
        let der = pem::certificate_in(&text)?;
        let parsed = Parsed::read(&der)?;
        let is_self_signed = parsed.issuer() == parsed.subject();
        let is_ca = parsed.basic_constraints().is_some_and(|(is_ca, _)| is_ca);
        // openssl req -x509 marks what is meant for a server as a CA.
        let is_meant_for_server = !is_ca || (is_self_signed && !parsed.names().is_empty());
        if !is_meant_for_server {
            return None;
        }
        let validity = parsed.validity();
        Some(Self {
            path: path.to_owned(),
            is_devca: Leaf::parse(&der)?.is_of_local_ca(),
            is_self_signed,
            names: parsed.names().iter().map(|name| report::printable(name)).collect(),
            not_before: validity.not_before,
            not_after: validity.not_after,
        })
    }

    /// The command that replaces it.
    fn renew(&self) -> String {
        if self.is_devca {
            return format!("devca renew {}", error::quoted(&self.path));
        }
        "have its CA issue it again, or replace it: devca issue NAMES".into()
    }
}
