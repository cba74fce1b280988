//! The inventory: what was issued and revoked, as one JSON object per line, append-only.

use std::collections::hash_map::Entry::{Occupied, Vacant};
use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;

use devca_platform::read;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::ca::signer::{KeySource, Request};
use crate::disk::files::{self, Files, NewFile, Staged};
use crate::error::{Fault, OrHint, quoted};
use crate::format::{Holds, Material, Output, Written};
use crate::issued::parallel;
use crate::x509::certificate::CaCertificate;
use crate::x509::key::{self, KeyType};
use crate::x509::kind::Kind;

/// The version of the line format; lines of later versions are skipped.
pub const FORMAT: u32 = 1;

/// One issued certificate. The line is written before the files are renamed into place, so that every
/// certificate in use is in the inventory. A line without files is harmless.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The version of the line, [`FORMAT`].
    pub v: u32,
    /// When it was issued.
    #[serde(with = "time::serde::rfc3339")]
    pub issued: OffsetDateTime,
    /// The serial number, in hexadecimal.
    pub serial: String,
    /// Server, client or both.
    pub kind: Kind,
    /// The common name in the subject.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub common_name: Option<String>,
    /// The organization (O) in the subject, if it is not devca's default.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub organization: Option<String>,
    /// The organizational unit (OU) in the subject.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unit: Option<String>,
    /// The subject alternative names.
    pub names: Vec<String>,
    /// The type of key; `None` if the key came with a CSR.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub key_type: Option<KeyType>,
    /// The first second of validity.
    #[serde(with = "time::serde::rfc3339")]
    pub not_before: OffsetDateTime,
    /// The last second of validity.
    #[serde(with = "time::serde::rfc3339")]
    pub not_after: OffsetDateTime,
    /// The days that were requested, if the end of its issuer's validity shortened them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub days: Option<i64>,
    /// SHA-256 of the certificate, in hexadecimal.
    pub sha256: String,
    /// SHA-256 of the public key (SPKI), in hexadecimal.
    pub key_sha256: String,
    /// Whether the intermediate signed it, rather than the root.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub intermediate: bool,
    /// Whether its chains include the root.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub with_root: bool,
    /// SHA-256 of the root, in hexadecimal, if its files include the root.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub root: Option<String>,
    /// Whether its PKCS#12 file uses modern encryption.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub modern: bool,
    /// The account of `devca acme` that it was issued to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub acme_account: Option<String>,
    /// The files it was written to.
    pub files: Vec<Written>,
}

/// One revoked certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// The version of the line, [`FORMAT`].
    pub v: u32,
    /// When it was revoked.
    #[serde(with = "time::serde::rfc3339")]
    pub revoked: OffsetDateTime,
    /// The serial number, in hexadecimal.
    pub serial: String,
    /// Whether the intermediate signed it, rather than the root.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub intermediate: bool,
}

impl Entry {
    /// The line for a leaf that is about to be written.
    pub fn new(
        request: &Request,
        material: &Material,
        outputs: &[Output],
        files: &[NewFile],
        now: OffsetDateTime,
    ) -> Self {
        let (issued, subject) = (material.issued, &request.subject);
        let mut entry = Self {
            v: FORMAT,
            issued: now.replace_nanosecond(0).unwrap_or(now),
            serial: hex::encode(issued.serial),
            kind: request.kind,
            common_name: subject.common_name.clone(),
            organization: subject.organization.clone(),
            unit: subject.unit.clone(),
            names: subject.names.iter().map(ToString::to_string).collect(),
            key_type: match request.key {
                KeySource::Fresh(key_type) => Some(key_type),
                KeySource::Kept(key_type, _) => key_type,
                KeySource::Requested(_) => None,
            },
            not_before: issued.validity.not_before,
            not_after: issued.validity.not_after,
            days: (issued.validity.not_after < request.validity.not_after).then(|| request.validity.days()),
            sha256: hex::encode(key::sha256(&issued.certificate)),
            key_sha256: hex::encode(issued.key_sha256),
            intermediate: material.authority.intermediate.is_some(),
            with_root: material.options.with_root,
            root: None,
            modern: material.options.modern,
            acme_account: None,
            files: Vec::new(),
        };
        entry.add(material, outputs, files);
        entry
    }

    /// Lists more files with the certificate, or newer ones at the same paths.
    pub fn add(&mut self, material: &Material, outputs: &[Output], files: &[NewFile]) {
        let written = |(output, file): (&Output, &NewFile)| Written {
            format: output.format,
            part: output.part.label.to_owned(),
            path: output.path.clone(),
            sha256: match output.part.holds {
                Holds::Certificate | Holds::Key => None,
                Holds::Sealed | Holds::Public => Some(hex::encode(key::sha256(&file.content))),
            },
            modified: None,
            outdated: false,
            not_after: None,
        };
        self.files.retain(|file| outputs.iter().all(|output| output.path != file.path));
        self.files.extend(outputs.iter().zip(files).map(written));
        if outputs.iter().any(|output| output.format.includes_root(material.options.with_root)) {
            self.root = Some(hex::encode(material.authority.root.sha256()));
        }
    }
}

/// Serializes lines as they are stored in the file.
pub fn lines_of<'a, T: Serialize + 'a>(lines: impl IntoIterator<Item = &'a T>) -> anyhow::Result<String> {
    let mut text = String::new();
    for line in lines {
        text.push_str(&serde_json::to_string(line)?);
        text.push('\n');
    }
    Ok(text)
}

impl Entry {
    /// Its paths. The first one identifies a certificate: a later one with a file there replaces it.
    fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|file| file.path.as_path())
    }

    /// Whether its files still have the modification times that were recorded; does not read them.
    pub fn is_untouched(&self) -> bool {
        let untouched =
            |file: &Written| file.modified.is_some() && files::modified(&file.path) == file.modified;
        !self.files.is_empty() && self.files.iter().all(untouched)
    }

    /// Whether its files include this root or none.
    pub fn includes_only(&self, root: &CaCertificate) -> bool {
        self.root.as_ref().is_none_or(|known| *known == hex::encode(root.sha256()))
    }

    /// Lists a file of the previous certificate that could not be written, because its password is unknown.
    pub fn keep(&mut self, old: &Self, file: &Written, root: &CaCertificate) {
        let is_trust_store = Output::holds(file) == Some(Holds::Public);
        let end = if file.outdated { file.not_after } else { Some(old.not_after) };
        // A trust store has no certificate that expires, and is up to date as long as the root is the same.
        let outdated = !is_trust_store || file.outdated || !old.includes_only(root);
        if !outdated {
            self.root = self.root.take().or_else(|| old.root.clone());
        }
        let not_after = end.filter(|_| !is_trust_store);
        self.files.push(Written { outdated, not_after, ..file.clone() });
    }

    /// The files that still contain the previous certificate.
    pub fn outdated_files(&self) -> impl Iterator<Item = &Written> {
        self.files.iter().filter(|file| file.outdated)
    }

    /// Records the modification times of its files.
    pub fn stamp(&mut self, staged: &Staged) {
        for file in &mut self.files {
            file.modified = staged.modified(&file.path);
        }
    }
}

/// Appends lines with a single write. The caller holds the CA's lock.
pub fn append<'a, T: Serialize + 'a>(
    path: &Path,
    lines: impl IntoIterator<Item = &'a T>,
    files: Files,
) -> anyhow::Result<()> {
    let text = lines_of(lines)?;
    if text.is_empty() { Ok(()) } else { files.append_lines(path, &text) }
}

/// A line that could be parsed.
#[derive(Debug)]
pub enum Line {
    Issued(Box<Entry>),
    Revoked(Revocation),
}

impl Line {
    /// Returns `None` for any other line, including incomplete ones and those of later versions.
    pub fn parse(line: &[u8]) -> Option<Self> {
        if let Ok(entry) = serde_json::from_slice::<Entry>(line) {
            return (entry.v <= FORMAT).then(|| Self::Issued(Box::new(entry)));
        }
        let revocation = serde_json::from_slice::<Revocation>(line).ok()?;
        (revocation.v <= FORMAT).then_some(Self::Revoked(revocation))
    }
}

/// The lines of later versions, unchanged, so that a newer devca can still read them.
pub fn later_lines(path: &Path) -> anyhow::Result<String> {
    #[derive(Deserialize)]
    struct Version {
        v: u32,
    }
    if !path.exists() {
        return Ok(String::new());
    }
    let text = read::bytes(path).or_hint(|| format!("cannot read {}", path.display()), || hint(path))?;
    let is_later = |line: &&[u8]| serde_json::from_slice(line).is_ok_and(|Version { v }| v > FORMAT);
    let lines = text.split(|byte| *byte == b'\n').filter(is_later);
    Ok(lines.map(|line| String::from_utf8_lossy(line) + "\n").collect())
}

/// The result of scanning an inventory.
#[derive(Debug)]
pub struct Scanned<R> {
    /// The results, in the order of the lines.
    pub answers: Vec<R>,
    /// The number of unreadable lines, not counting those that a later version wrote or a crash cut off.
    pub unreadable: usize,
}

/// Processes each line, on every core. A missing file counts as an empty inventory.
pub fn scan<R: Send>(path: &Path, work: impl Fn(Line) -> R + Sync) -> anyhow::Result<Scanned<R>> {
    let length = match path.metadata() {
        Ok(metadata) => metadata.len(),
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            return Ok(Scanned { answers: Vec::new(), unreadable: 0 });
        }
        Err(e) => return Err(e).or_hint(|| format!("cannot read {}", path.display()), || hint(path)),
    };
    let parts = (0..length.div_ceil(PART)).map(|part| part * PART..length.min((part + 1) * PART)).collect();
    let scanned = parallel::map(parts, |part| scan_part(path, part, &work));
    let scanned: Vec<Scanned<R>> = scanned
        .into_iter()
        .collect::<io::Result<_>>()
        .or_hint(|| format!("cannot read {}", path.display()), || hint(path))?;
    let unreadable = scanned.iter().map(|part| part.unreadable).sum();
    Ok(Scanned { answers: scanned.into_iter().flat_map(|part| part.answers).collect(), unreadable })
}

/// Whether an unparsable line is harmless: it is empty, was cut off by a crash, or was written by a later
/// version.
pub(super) fn is_harmless(line: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Version {
        v: u32,
    }
    match serde_json::from_slice(line) {
        Ok(Version { v }) => v > FORMAT,
        Err(e) => line.trim_ascii().is_empty() || (e.is_eof() && line.starts_with(b"{")),
    }
}

const PART: u64 = 1 << 18;

/// Processes the lines that begin in this part of the file.
fn scan_part<R>(path: &Path, part: Range<u64>, work: &impl Fn(Line) -> R) -> io::Result<Scanned<R>> {
    let mut reader = BufReader::with_capacity(1 << 16, File::open(path)?);
    let mut at = part.start;
    let (mut line, mut answers, mut unreadable) = (Vec::new(), Vec::new(), 0);
    if at > 0 {
        // The line that began before this part belongs to the previous one.
        reader.seek(SeekFrom::Start(at - 1))?;
        at = at - 1 + reader.read_until(b'\n', &mut line)? as u64;
    }
    while at < part.end {
        line.clear();
        let read = reader.read_until(b'\n', &mut line)?;
        if read == 0 {
            break;
        }
        at += read as u64;
        match Line::parse(&line) {
            Some(line) => answers.push(work(line)),
            None => unreadable += usize::from(!is_harmless(&line)),
        }
    }
    Ok(Scanned { answers, unreadable })
}

fn hint(path: &Path) -> String {
    format!("check its owner: ls -l {}", quoted(path))
}

/// The contents of an inventory.
#[derive(Debug, Default)]
pub struct Inventory {
    /// The issued certificates, in order.
    pub entries: Vec<Entry>,
    /// The revocations, in order.
    pub revocations: Vec<Revocation>,
    /// The number of unreadable lines.
    pub unreadable: usize,
}

/// Reports unreadable lines and how to deal with them; `None` if there are none.
pub fn damage(path: &Path, unreadable: usize) -> Option<Fault> {
    let noun = if unreadable == 1 { "line" } else { "lines" };
    let what = format!("{unreadable} {noun} of {} cannot be read", path.display());
    let hint = "restore the file from a backup, or remove these lines: devca list --prune";
    (unreadable > 0).then(|| Fault::new(what, hint))
}

impl Inventory {
    /// Reads an inventory; a missing file counts as an empty one.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let scanned = scan(path, |line| line)?;
        let mut all = Self { unreadable: scanned.unreadable, ..Self::default() };
        for line in scanned.answers {
            match line {
                Line::Issued(entry) => all.entries.push(*entry),
                Line::Revoked(revocation) => all.revocations.push(revocation),
            }
        }
        Ok(all)
    }

    /// The serial numbers of all revoked certificates.
    pub fn revoked(&self) -> HashSet<String> {
        self.revocations.iter().map(|revocation| revocation.serial.clone()).collect()
    }

    /// The certificate in use at each path, and every certificate that was only printed.
    pub fn in_use(self) -> Vec<Entry> {
        let chosen = one_of_each(&self.entries, Entry::paths, |entry| &entry.serial, Entry::is_untouched);
        self.entries.into_iter().zip(chosen).filter_map(|(entry, is)| is.then_some(entry)).collect()
    }
}

/// Selects one item for each first path: the last one whose files exist or, if there is none, the last one. That
/// way, the line of a run that was killed before it wrote its files does not hide the one before it. Items
/// without a path are all selected. A certificate whose files were moved is listed at their new path.
pub fn one_of_each<'a, T, P: Iterator<Item = &'a Path>>(
    items: &'a [T],
    paths: impl Fn(&'a T) -> P,
    serial: impl Fn(&T) -> &str,
    is_there: impl Fn(&T) -> bool,
) -> Vec<bool> {
    let mut chosen = vec![true; items.len()];
    let mut known: HashMap<&OsStr, (usize, bool)> = HashMap::with_capacity(items.len());
    let mut serials: HashMap<&str, usize> = HashMap::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        if let Some(earlier) = serials.insert(serial(item), index)
            && paths(&items[earlier]).next().is_some_and(|place| !place.exists())
        {
            chosen[earlier] = false;
        }
        let mut paths = paths(item);
        let Some(place) = paths.next() else { continue };
        let here = (index, is_there(item));
        for path in paths {
            if let Some((earlier, earlier_is_there)) = known.get(path.as_os_str())
                && (here.1 || !earlier_is_there)
            {
                chosen[*earlier] = false;
            }
        }
        match known.entry(place.as_os_str()) {
            Vacant(vacant) => _ = vacant.insert(here),
            Occupied(mut other) => {
                let (earlier, earlier_is_there) = *other.get();
                if here.1 || !earlier_is_there {
                    chosen[earlier] = false;
                    other.insert(here);
                } else {
                    chosen[index] = false;
                }
            }
        }
    }
    chosen
}
