//! Decides which existing files may be replaced: only those of this CA for the same names.

use std::path::{Path, PathBuf};

use rcgen::PublicKeyData;
use time::OffsetDateTime;

use crate::ca::Authority;
use crate::ca::profile;
use crate::ca::signer::Request;
use crate::disk::files;
use crate::disk::home::CaFolder;
use crate::error::{Fault, quoted};
use crate::format::{Holds, Output};
use crate::issued::inventory::Entry;
use crate::issued::renewal;
use crate::x509::certificate::{CaCertificate, Leaf};
use crate::x509::key;
use crate::x509::kind::Kind;
use crate::x509::pem;

mod known;

pub use known::Known;

/// Which files may be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replace {
    /// Certificates of this CA for the same names.
    Same,
    /// Any certificate that devca or mkcert issued.
    Issued,
    /// Any file.
    Anything,
}

/// Checks every path before anything is written. Returns the earliest expiry of the certificates that may be
/// replaced. If there is no root yet, no file can belong to this CA.
pub fn check(
    outputs: &mut [Output],
    known: &Known,
    authority: Option<&Authority>,
    request: &Request,
    may: Replace,
) -> anyhow::Result<Option<OffsetDateTime>> {
    for output in &mut *outputs {
        output.replace = is_there(&output.path)?;
    }
    if may == Replace::Anything || !outputs.iter().any(|output| output.replace) {
        return Ok(None);
    }
    keep_pairs_whole(outputs)?;
    let existing = ExistingFiles { known, authority, request, may };
    let (mut leaves, mut ends) = (Vec::new(), Vec::new());
    let replaced = || outputs.iter().filter(|output| output.replace && !existing.is_emptied(&output.path));
    for output in replaced() {
        let end = match output.part.holds {
            Holds::Certificate => existing.leaf(&output.path).map(|leaf| {
                leaves.push(leaf);
                leaves[leaves.len() - 1].not_after
            }),
            Holds::Key => continue,
            Holds::Opaque | Holds::Public => existing.end_of_known(&output.path),
        };
        ends.push(end.ok_or_else(|| existing.in_the_way(&output.path))?);
    }
    let mut keys = replaced().filter(|output| output.part.holds == Holds::Key);
    match keys.find(|output| !existing.key_is_ours(&output.path, &leaves)) {
        Some(output) => Err(in_the_way(&output.path, "a key", may)),
        None => Ok(ends.into_iter().min()),
    }
}

/// Refuses to replace only one half of a pair of certificate and key.
fn keep_pairs_whole(outputs: &[Output]) -> Result<(), Fault> {
    let stays = |path: &PathBuf| path.is_file() && !outputs.iter().any(|output| output.path == *path);
    for output in outputs.iter().filter(|output| output.replace) {
        let shown = output.path.display();
        if let Some(certificate) = certificates_of(output).into_iter().flatten().find(stays) {
            return Err(Fault::new(
                format!("{shown} is also the key of {}, which would stop working", certificate.display()),
                "also name the key's file with --key-file, or choose another folder with --out",
            ));
        }
        // The key of a certificate for a CSR is elsewhere and does not change.
        let has_new_key = outputs.iter().any(|output| output.part.holds == Holds::Key);
        if let Some(key) = key_of(output).filter(stays).filter(|_| has_new_key) {
            return Err(Fault::new(
                format!("{} is the key of {shown}, which would get a new key", key.display()),
                "also name the certificate's file with --cert-file, or omit --key-file",
            ));
        }
    }
    Ok(())
}

/// The certificates whose key is in this file; `pem` and `fullchain` use the same key file.
fn certificates_of(key: &Output) -> Option<[PathBuf; 2]> {
    let name = key.path.file_name()?.to_str()?;
    let stem = name.strip_suffix("-key.pem").filter(|_| key.part.holds == Holds::Key)?;
    Some([".pem", "-fullchain.pem"].map(|suffix| key.path.with_file_name(format!("{stem}{suffix}"))))
}

/// The default path of this certificate's key.
fn key_of(certificate: &Output) -> Option<PathBuf> {
    let name = certificate.path.file_name()?.to_str()?;
    let stem = name.strip_suffix(".pem").filter(|_| certificate.part.holds == Holds::Certificate)?;
    let stem = stem.strip_suffix("-fullchain").unwrap_or(stem);
    Some(certificate.path.with_file_name(format!("{stem}-key.pem")))
}

/// Refuses to write to a CA's own folder, even by way of a link: a leaf named `root` would overwrite the
/// root.
pub fn refuse_ca_folder(folder: &Path, ca: &CaFolder) -> anyhow::Result<()> {
    let folder = files::resolved(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })?;
    let home = files::resolved(ca.path.parent().unwrap_or(&ca.path))?;
    let name = folder.strip_prefix(&home).ok().and_then(|below| below.components().next());
    let is_of_another = name
        .map(|name| home.join(name))
        .is_some_and(|other| ["root.pem", "lock"].iter().any(|file| other.join(file).exists()));
    // A CA's own folder is never a link.
    let is_own = name.is_some_and(|name| Some(name.as_os_str()) == ca.path.file_name());
    if !is_of_another && !is_own {
        return Ok(());
    }
    let what = format!("{} is a CA's folder, which contains only the CA's files", folder.display());
    Err(Fault::usage(what, "choose another folder with --out").into())
}

fn in_the_way(path: &Path, what: &str, may: Replace) -> anyhow::Error {
    if let Err(e) = files::read(path) {
        return e;
    }
    if may == Replace::Issued {
        let why = format!("it is not {what} that devca or mkcert issued");
        let hint = format!("choose another file, or remove it: rm {}", quoted(path));
        return files::in_the_way(path, &why).with_hint(hint).into();
    }
    files::in_the_way(path, &format!("it is not {what} of this CA for these names, or contains more")).into()
}

fn is_there(path: &Path) -> anyhow::Result<bool> {
    match path.symlink_metadata() {
        Ok(found) if found.is_file() => Ok(true),
        // Not even with --force: the write would follow a link to another file, or replace a device with a
        // key.
        Ok(found) => Err(Fault::new(
            format!(
                "{} already exists and is {}",
                path.display(),
                if found.is_symlink() { "a symbolic link" } else { "not a regular file" }
            ),
            "choose another folder with --out, --cert-file or --key-file",
        )
        .into()),
        Err(_) => Ok(false),
    }
}

struct ExistingFiles<'a> {
    known: &'a Known<'a>,
    authority: Option<&'a Authority>,
    request: &'a Request,
    may: Replace,
}

impl ExistingFiles<'_> {
    /// The error for a file that is not the certificate that may be replaced, saying whose it is.
    fn in_the_way(&self, path: &Path) -> anyhow::Error {
        let leaf = || Leaf::parse(&pem::certificate_in(&files::read(path).ok()?)?);
        let is_other =
            |leaf: &Leaf| leaf.kind != Some(self.request.kind) || !self.is_for_the_same_names(leaf);
        match leaf().filter(|leaf| self.may == Replace::Same && is_other(leaf)) {
            Some(Leaf { names, kind, .. }) if !names.is_empty() => {
                let kind = match kind {
                    Some(Kind::Server) => "a server's",
                    Some(Kind::Client) => "a client's",
                    Some(Kind::Both) => "a server's and client's",
                    None => "a",
                };
                let more =
                    if names.len() > 1 { format!(" and {} more", names.len() - 1) } else { String::new() };
                let why = format!("it is {kind} certificate for {}{more}", names[0]);
                files::in_the_way(path, &why).into()
            }
            _ => in_the_way(path, "a certificate", self.may),
        }
    }

    /// The leaf at a path, if it is of this CA, for the same names and of the same kind.
    fn leaf(&self, path: &Path) -> Option<Leaf> {
        let content = files::read(path).ok()?;
        let found = pem::contents(&content);
        let der = found.certificates.first()?.clone();
        let leaf = Leaf::parse(&der)?;
        // What somebody has added must not get lost: the key, a comment, a root.
        // (The inventory, which takes time to read, is asked only where there is a chain.)
        let count = found.certificates.len();
        let is_as_written = found.keys == 0
            && !pem::has_other_text(&content)
            && (count == 1 || count <= self.most_certificates(&leaf, &der));
        if !is_as_written {
            return None;
        }
        if self.may == Replace::Issued && self.is_issued(&leaf) && CaCertificate::parse(der).is_err() {
            return Some(leaf);
        }
        let authority = self.authority?;
        let is_of = leaf.is_of(&authority.root)
            || crate::ca::intermediate(self.known.ca()).is_some_and(|intermediate| leaf.is_of(&intermediate));
        (is_of && leaf.kind == Some(self.request.kind) && self.is_for_the_same_names(&leaf)).then_some(leaf)
    }

    /// How many certificates devca wrote to a PEM file with this leaf. Of a certificate that the inventory does not know,
    /// there may be an intermediate as well.
    fn most_certificates(&self, leaf: &Leaf, der: &[u8]) -> usize {
        let (key, sha256) = (hex::encode(key::sha256(&leaf.public_key)), hex::encode(key::sha256(der)));
        let known = self.known.with(&key).find(|entry| entry.sha256 == sha256);
        known.map_or(2, |entry| 1 + usize::from(entry.intermediate) + usize::from(entry.with_root))
    }

    /// Whether a root made by devca or mkcert (this CA's or a deleted one) or an imported root issued it.
    fn is_issued(&self, leaf: &Leaf) -> bool {
        let roots = [self.known.ca().root(), self.known.ca().earlier()];
        let roots = roots.iter().flat_map(|path| pem::certificates(path));
        leaf.is_of_local_ca()
            || roots.filter_map(|der| CaCertificate::parse(der).ok()).any(|root| leaf.is_of(&root))
    }

    /// Whether this is a file of devca's without content, as a full disk or a loss of power leaves it.
    fn is_emptied(&self, path: &Path) -> bool {
        path.metadata().is_ok_and(|metadata| metadata.len() == 0) && self.known.at(path).is_some()
    }

    /// Compares the names. Earlier versions issued client certificates without a SAN.
    fn is_for_the_same_names(&self, leaf: &Leaf) -> bool {
        let certified = profile::alternative_names(self.request.kind, &self.request.subject);
        let certified: Vec<String> = certified.iter().map(ToString::to_string).collect();
        [certified, self.wanted()].iter().any(|names| sorted(&leaf.names) == sorted(names))
    }

    /// Files that cannot be parsed are recognized by the hash in the inventory, which also has their names
    /// and expiry. Anything that an earlier root signed counts as expired.
    fn end_of_known(&self, path: &Path) -> Option<OffsetDateTime> {
        let (content, authority) = (files::read(path).ok()?, self.authority?);
        let root_created_at = renewal::root_created_at(Some(&authority.root));
        let end =
            |entry: &Entry| if entry.issued < root_created_at { root_created_at } else { entry.not_after };
        self.remembered(&hex::encode(key::sha256(&content)))
            .filter(|entry| self.may == Replace::Issued || entry.kind == self.request.kind)
            .map(end)
            .max()
    }

    /// Whether the key belongs to a certificate beside it or, if that is missing, is in the inventory for
    /// these names.
    fn key_is_ours(&self, path: &Path, leaves: &[Leaf]) -> bool {
        let Ok(content) = files::read(path) else { return false };
        let contents = pem::contents(&content);
        if contents.keys != 1 || !contents.certificates.is_empty() || pem::has_other_text(&content) {
            return false;
        }
        let Ok(found) = pem::first_key_of(path, &content) else { return false };
        let public_key = found.subject_public_key_info();
        let sha256 = hex::encode(key::sha256(&public_key));
        leaves.iter().any(|leaf| leaf.public_key == public_key) || self.remembered(&sha256).next().is_some()
    }

    /// The certificates that were issued for these names with this file or key. (The common name of a client
    /// may not be among its alternative names.)
    fn remembered(&self, sha256: &str) -> impl Iterator<Item = &Entry> {
        let (wanted, subject) = (self.wanted(), &self.request.subject);
        let is_client = self.request.kind == Kind::Client;
        self.known.with(sha256).filter(move |entry| {
            self.may == Replace::Issued
                || entry.names == wanted && (!is_client || entry.common_name == subject.common_name)
        })
    }

    fn wanted(&self) -> Vec<String> {
        self.request.subject.names.iter().map(ToString::to_string).collect()
    }
}

fn sorted(names: &[String]) -> Vec<&String> {
    let mut names: Vec<_> = names.iter().collect();
    names.sort_unstable();
    names
}
