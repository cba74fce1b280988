//! The inventory: what was issued and revoked, as one JSON object per line, append-only.

use std::collections::hash_map::Entry::{Occupied, Vacant};
use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use devca_platform::read;
use serde::{Deserialize, Serialize};

use crate::disk::files::Files;
use crate::error::{Fault, OrHint, quoted};

mod entry;

pub use entry::{Entry, Revocation};

/// The version of the line format; lines of later versions are skipped.
pub const FORMAT: u32 = 1;

/// Serializes lines as they are stored in the file.
pub fn lines_of<'a, T: Serialize + 'a>(lines: impl IntoIterator<Item = &'a T>) -> anyhow::Result<String> {
    let mut text = String::new();
    for line in lines {
        text.push_str(&serde_json::to_string(line)?);
        text.push('\n');
    }
    Ok(text)
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

/// Processes each line. A missing file counts as an empty inventory. (Ten thousand lines take a tenth of a second, of
/// which a second core would save less than half.)
pub fn scan<R>(path: &Path, mut work: impl FnMut(Line) -> R) -> anyhow::Result<Scanned<R>> {
    match File::open(path) {
        Ok(file) => scan_lines(BufReader::new(file), &mut work),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Scanned { answers: Vec::new(), unreadable: 0 }),
        Err(e) => Err(e),
    }
    .or_hint(|| format!("cannot read {}", path.display()), || hint(path))
}

fn scan_lines<R>(mut reader: impl BufRead, work: &mut impl FnMut(Line) -> R) -> io::Result<Scanned<R>> {
    let (mut line, mut answers, mut unreadable) = (Vec::new(), Vec::new(), 0);
    while reader.read_until(b'\n', &mut line)? > 0 {
        match Line::parse(&line) {
            Some(line) => answers.push(work(line)),
            None => unreadable += usize::from(!is_harmless(&line)),
        }
        line.clear();
    }
    Ok(Scanned { answers, unreadable })
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
