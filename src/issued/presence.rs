//! What is at the paths of a certificate of the inventory: whether its files are there, and what they contain.

use std::path::{Path, PathBuf};

use rcgen::KeyPair;
use zeroize::Zeroizing;

use crate::disk::files;
use crate::disk::secret::Secret;
use crate::format::{self, Format, Holds, Output, Written};
use crate::issued::inventory::Entry;
use crate::x509::certificate::Leaf;
use crate::x509::key;
use crate::x509::pem;

/// What is at the paths of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// The very files.
    There,
    /// Not all of them, as far as can be read.
    Missing,
    /// None of them.
    Gone,
    /// Something else, somebody's or a later certificate's.
    Replaced,
    /// It was printed, not written.
    Printed,
}

impl State {
    /// Why a certificate in this state is not issued again.
    pub fn why(self) -> &'static str {
        match self {
            Self::There => "its files exist",
            Self::Missing => "one of its files is missing or cannot be read",
            Self::Gone => "its files are gone",
            Self::Replaced => "its file contains something else",
            Self::Printed => "it was printed, not written",
        }
    }
}

/// What can be renewed, and what cannot.
#[derive(Default)]
pub struct Sorted {
    /// With the files that are there.
    pub renewable: Vec<Entry>,
    /// The others, and why.
    pub others: Vec<(Entry, State)>,
    /// Files of the first that cannot be renewed with them, each with its entry as it was.
    pub lost: Vec<(PathBuf, Entry)>,
}

/// Looks into every file: anybody who may write the folder can give another file the time that the inventory knows.
pub fn sorted(entries: Vec<Entry>) -> Sorted {
    let mut sorted = Sorted::default();
    for entry in entries {
        match state(&entry) {
            State::There => sorted.renewable.push(entry),
            state => match intact(&entry) {
                Some(part) => {
                    let is_lost = |file: &&Written| part.files.iter().all(|kept| kept.path != file.path);
                    let lost = entry.files.iter().filter(is_lost).map(|file| file.path.clone());
                    sorted.lost.extend(lost.map(|path| (path, entry.clone())));
                    sorted.renewable.push(part);
                }
                None => sorted.others.push((entry, state)),
            },
        }
    }
    sorted
}

/// The entry with the files alone that are as they were written. A certificate in use is renewed although a file beside
/// it is gone, if its key can be read.
fn intact(entry: &Entry) -> Option<Entry> {
    let is_intact = |file: &Written| {
        files::read(&file.path).is_ok_and(|content| is_the_same(entry, file, &content, |_| true))
    };
    let files: Vec<Written> = entry.files.iter().filter(|file| is_intact(file)).cloned().collect();
    let has_certificate = files.iter().any(|file| Output::holds(file) != Some(Holds::Key));
    let part = Entry { files, ..entry.clone() };
    (has_certificate && (entry.key_type.is_none() || private_key(&part, None).is_some())).then_some(part)
}

/// Looks at the files of an entry from outside, and inside only where something has touched one: good enough to print
/// it, not to replace a file.
pub fn glance(entry: &Entry) -> State {
    if entry.is_untouched() { State::There } else { state(entry) }
}

/// Looks into the files of an entry.
pub fn state(entry: &Entry) -> State {
    let mut state = if entry.files.is_empty() { State::Printed } else { State::There };
    for file in &entry.files {
        match files::read(&file.path) {
            Err(_) if entry.files.iter().any(|file| file.path.exists()) => return State::Missing,
            Err(_) => return State::Gone,
            Ok(content) if !is_the_same(entry, file, &content, |_| true) => state = State::Replaced,
            Ok(_) => {}
        }
    }
    state
}

/// Why an entry in this state is not issued again, by the name of the file that it lacks.
pub fn why_not(entry: &Entry, state: State) -> String {
    let lacking = entry.files.iter().find(|file| files::read(&file.path).is_err());
    match lacking.filter(|_| state == State::Missing) {
        Some(file) => format!("{} is missing or cannot be read", file.path.display()),
        None => state.why().into(),
    }
}

/// Whether this is the content that was written there. What is encrypted can be judged in more than one way.
pub(super) fn is_the_same(
    entry: &Entry,
    file: &Written,
    content: &[u8],
    is_store: impl Fn(&[u8]) -> bool,
) -> bool {
    let Some(output) = Output::again(file) else { return false };
    let sha256 = |bytes: &[u8]| hex::encode(key::sha256(bytes));
    let is_certificate = |der: &[u8]| sha256(der) == entry.sha256;
    let is_key = |key: Zeroizing<KeyPair>| {
        sha256(&rcgen::PublicKeyData::subject_public_key_info(&*key)) == entry.key_sha256
    };
    // An inventory from elsewhere may name any file with its hash: so the content has to be of the kind, too.
    let is_written = || file.sha256.as_ref().is_some_and(|known| sha256(content) == *known);
    match (output.part.holds, output.format) {
        (Holds::Certificate, _) => pem::certificate_in(content).is_some_and(|der| is_certificate(&der)),
        (Holds::Key, _) => pem::key_in(content).is_some_and(is_key),
        (_, Format::P12 | Format::Java) => is_written() && is_store(content),
        (Holds::Public, _) => is_written() && is_certificate(content),
        (Holds::Sealed, format) => {
            is_written() && format::private_key(format, content, None).is_some_and(is_key)
        }
    }
}

/// The certificate of an entry, if one of its files shows it.
pub fn leaf(entry: &Entry) -> Option<Leaf> {
    certificate(entry).and_then(|der| Leaf::parse(&der))
}

/// Its certificate in DER and its key in PKCS#8, where both can be read; those in encrypted files take their password.
pub fn pair(entry: &Entry, password: Option<&Secret>) -> Option<(Vec<u8>, Zeroizing<Vec<u8>>)> {
    let key = private_key(entry, password)?;
    let certificate = certificate(entry).or_else(|| sealed_certificate(entry, password?))?;
    Some((certificate, Zeroizing::new(key.serialize_der())))
}

fn sealed_certificate(entry: &Entry, password: &Secret) -> Option<Vec<u8>> {
    let sealed = sealed_files(entry).filter_map(|file| files::read(&file.path).ok());
    let mut found = sealed.flat_map(|content| format::sealed_certificates(&content, password));
    found.find(|der| hex::encode(key::sha256(der)) == entry.sha256)
}

/// Its encrypted files that have the key.
pub fn sealed_files(entry: &Entry) -> impl Iterator<Item = &Written> {
    entry.files.iter().filter(|file| Output::holds(file) == Some(Holds::Sealed) && !file.outdated)
}

/// What a person calls it by: its first file that is not a key, one that is up to date if there is one.
pub fn first(entry: &Entry) -> &Path {
    let mut files: Vec<&Written> = entry.files.iter().collect();
    files.sort_by_key(|file| (file.outdated, file.part == "key"));
    files.first().map_or(Path::new("-"), |file| &file.path)
}

pub(super) fn certificate(entry: &Entry) -> Option<Vec<u8>> {
    let read = |file: &Written| {
        let content = files::read(&file.path).ok()?;
        pem::certificate_in(&content).or_else(|| content.starts_with(&[0x30]).then(|| content.to_vec()))
    };
    let is_it = |der: &Vec<u8>| hex::encode(key::sha256(der)) == entry.sha256;
    entry.files.iter().filter_map(read).find(is_it)
}

pub(super) fn private_key(entry: &Entry, password: Option<&Secret>) -> Option<Zeroizing<KeyPair>> {
    let read = |file: &Written| format::private_key(file.format, &files::read(&file.path).ok()?, password);
    let is_it = |key: &Zeroizing<KeyPair>| {
        hex::encode(key::sha256(&rcgen::PublicKeyData::subject_public_key_info(&**key))) == entry.key_sha256
    };
    entry.files.iter().filter_map(read).find(is_it)
}
