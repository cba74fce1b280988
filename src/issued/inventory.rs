//! What was issued and revoked: one JSON line each, append-only.

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

/// The version of the line's format; a reader leaves lines of a later one alone.
pub const FORMAT: u32 = 1;

/// One certificate. It is written before the files get their names, so that no certificate is in use
/// that the inventory does not know; a line whose files never came is harmless.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// [`FORMAT`].
    pub v: u32,
    /// When it was issued.
    #[serde(with = "time::serde::rfc3339")]
    pub issued: OffsetDateTime,
    /// Serial number, hexadecimal.
    pub serial: String,
    /// Server, client or both.
    pub kind: Kind,
    /// The common name in the subject.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub common_name: Option<String>,
    /// O in the subject, where it is not devca's own.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub organization: Option<String>,
    /// OU in the subject.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unit: Option<String>,
    /// The subject alternative names.
    pub names: Vec<String>,
    /// The kind of key; none where it came with a request.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub key_type: Option<KeyType>,
    /// First second of validity.
    #[serde(with = "time::serde::rfc3339")]
    pub not_before: OffsetDateTime,
    /// Last second of validity.
    #[serde(with = "time::serde::rfc3339")]
    pub not_after: OffsetDateTime,
    /// SHA-256 of the certificate, hexadecimal.
    pub sha256: String,
    /// SHA-256 of the public key's SPKI, hexadecimal.
    pub key_sha256: String,
    /// Signed by the intermediate, not by the root.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub intermediate: bool,
    /// Its chains have the root at their end.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub with_root: bool,
    /// SHA-256 of the root, hexadecimal, where its files include the root.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub root: Option<String>,
    /// Its PKCS#12 is of the modern kind.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub modern: bool,
    /// Where it went.
    pub files: Vec<Written>,
}

/// One certificate that was revoked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// [`FORMAT`].
    pub v: u32,
    /// When it was revoked.
    #[serde(with = "time::serde::rfc3339")]
    pub revoked: OffsetDateTime,
    /// Which one: serial number, hexadecimal.
    pub serial: String,
    /// Signed by the intermediate, not by the root.
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
        Self {
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
            sha256: hex::encode(key::sha256(&issued.certificate)),
            key_sha256: hex::encode(issued.key_sha256),
            intermediate: material.authority.intermediate.is_some(),
            with_root: material.options.with_root,
            root: outputs
                .iter()
                .any(|output| output.format.includes_root(material.options.with_root))
                .then(|| hex::encode(material.authority.root.sha256())),
            modern: material.options.modern,
            files: outputs.iter().zip(files).map(written).collect(),
        }
    }
}

/// Lines as they stand in the file.
pub fn lines_of<'a, T: Serialize + 'a>(lines: impl IntoIterator<Item = &'a T>) -> anyhow::Result<String> {
    let mut text = String::new();
    for line in lines {
        text.push_str(&serde_json::to_string(line)?);
        text.push('\n');
    }
    Ok(text)
}

impl Entry {
    /// By which a later one is known to have replaced it.
    fn place(&self) -> Option<&Path> {
        self.files.first().map(|file| file.path.as_path())
    }

    /// Whether nothing has touched its files since they were written: told without reading them.
    pub fn is_untouched(&self) -> bool {
        let untouched =
            |file: &Written| file.modified.is_some() && files::modified(&file.path) == file.modified;
        !self.files.is_empty() && self.files.iter().all(untouched)
    }

    /// Whether its files include no root but this one.
    pub fn includes_only(&self, root: &CaCertificate) -> bool {
        self.root.as_ref().is_none_or(|known| *known == hex::encode(root.sha256()))
    }

    /// The files that still have an earlier certificate.
    pub fn outdated_files(&self) -> impl Iterator<Item = &Written> {
        self.files.iter().filter(|file| file.outdated)
    }

    /// Notes when its files were written.
    pub fn stamp(&mut self, staged: &Staged) {
        for file in &mut self.files {
            file.modified = staged.modified(&file.path);
        }
    }
}

/// Adds lines, in one write. The caller holds the CA's lock.
pub fn append<'a, T: Serialize + 'a>(
    path: &Path,
    lines: impl IntoIterator<Item = &'a T>,
    files: Files,
) -> anyhow::Result<()> {
    let text = lines_of(lines)?;
    if text.is_empty() { Ok(()) } else { files.append_lines(path, &text) }
}

/// One line that is understood.
#[derive(Debug)]
pub enum Line {
    /// Something was issued.
    Issued(Box<Entry>),
    /// Something was revoked.
    Revoked(Revocation),
}

impl Line {
    /// `None` for other lines, torn ones and those of a later version.
    pub fn parse(line: &[u8]) -> Option<Self> {
        if let Ok(entry) = serde_json::from_slice::<Entry>(line) {
            return (entry.v <= FORMAT).then(|| Self::Issued(Box::new(entry)));
        }
        let revocation = serde_json::from_slice::<Revocation>(line).ok()?;
        (revocation.v <= FORMAT).then_some(Self::Revoked(revocation))
    }
}

/// The lines of a later version, as they stand there: a newer devca has written them, and reads them.
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

/// What came of the lines of an inventory.
#[derive(Debug)]
pub struct Scanned<R> {
    /// In order.
    pub answers: Vec<R>,
    /// How many lines are neither of this version nor of a later one, nor cut off by a crash.
    pub unreadable: usize,
}

/// Does something with each line, on every core. An inventory that is not there is empty.
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

/// Whether a line that is not understood is no reason for concern: an empty one, one that a crash has cut off, or one
/// that a later version has written.
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

/// The lines that begin in this part of the file.
fn scan_part<R>(path: &Path, part: Range<u64>, work: &impl Fn(Line) -> R) -> io::Result<Scanned<R>> {
    let mut reader = BufReader::with_capacity(1 << 16, File::open(path)?);
    let mut at = part.start;
    let (mut line, mut answers, mut unreadable) = (Vec::new(), Vec::new(), 0);
    if at > 0 {
        // The one that began before it is another's.
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

/// All lines of an inventory.
#[derive(Debug, Default)]
pub struct Inventory {
    /// What was issued, in order.
    pub entries: Vec<Entry>,
    /// What was revoked, in order.
    pub revocations: Vec<Revocation>,
    /// How many lines cannot be read.
    pub unreadable: usize,
}

/// Says that lines cannot be read, with what to do; `None` where all can.
pub fn damage(path: &Path, unreadable: usize) -> Option<Fault> {
    let noun = if unreadable == 1 { "line" } else { "lines" };
    let what = format!("{unreadable} {noun} of {} cannot be read", path.display());
    let hint = "restore the file from a backup, or remove these lines: devca list --prune";
    (unreadable > 0).then(|| Fault::new(what, hint))
}

impl Inventory {
    /// Reads it. One that is not there is empty.
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

    /// The serial numbers of what was revoked.
    pub fn revoked(&self) -> HashSet<String> {
        self.revocations.iter().map(|revocation| revocation.serial.clone()).collect()
    }

    /// What is in use at each place; what was printed stands for itself.
    pub fn in_use(self) -> Vec<Entry> {
        let chosen = one_of_each(&self.entries, Entry::place, |entry| &entry.serial, Entry::is_untouched);
        self.entries.into_iter().zip(chosen).filter_map(|(entry, is)| is.then_some(entry)).collect()
    }
}

/// For each place the last whose files are there or, if none are, the last: the line of a run that was killed before
/// it wrote its files does not hide the one before. What has no place stands for itself. A certificate whose files were
/// moved is listed where they are.
pub fn one_of_each<T>(
    items: &[T],
    place: impl Fn(&T) -> Option<&Path>,
    serial: impl Fn(&T) -> &str,
    is_there: impl Fn(&T) -> bool,
) -> Vec<bool> {
    let mut chosen = vec![true; items.len()];
    let mut known: HashMap<&OsStr, (usize, bool)> = HashMap::with_capacity(items.len());
    let mut serials: HashMap<&str, usize> = HashMap::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        if let Some(earlier) = serials.insert(serial(item), index)
            && place(&items[earlier]).is_some_and(|place| !place.exists())
        {
            chosen[earlier] = false;
        }
        let Some(place) = place(item) else { continue };
        let here = (index, is_there(item));
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
