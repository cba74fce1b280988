//! Compares the files of a certificate with its entry in the inventory: whether they exist, and what they
//! contain.

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

/// The state of a certificate's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// All files are unchanged.
    There,
    /// Some files are missing or cannot be read.
    Missing,
    /// All files are missing.
    Gone,
    /// Some file has other content: a later certificate, or something that devca did not write.
    Replaced,
    /// The certificate was printed and has no files.
    Printed,
}

impl State {
    /// Why a certificate in this state is not renewed.
    pub fn why(self) -> &'static str {
        match self {
            Self::There => "its files exist",
            Self::Missing => "one of its files is missing or cannot be read",
            Self::Gone => "its files are gone",
            Self::Replaced => "its file contains something else, or more",
            Self::Printed => "it was printed, not written",
        }
    }
}

/// Certificates by whether they can be renewed.
#[derive(Default)]
pub struct Sorted {
    /// Those that can be renewed, with the files that still exist.
    pub renewable: Vec<Entry>,
    /// Those that cannot, and why.
    pub others: Vec<(Entry, State)>,
    /// Files of the renewable certificates that cannot be renewed with them, each with its original entry.
    pub lost: Vec<(PathBuf, Entry)>,
}

/// What must be known of the existing key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OldKey {
    /// It is kept.
    Needed,
    /// It is replaced, so it need not be readable. A missing key may be in use elsewhere.
    Replaced,
    /// It is replaced or, if it is missing, created, because the certificate was named.
    Created,
}

/// Reads every file, because anyone who can write to the folder can forge a modification time.
pub fn sorted(entries: Vec<Entry>, old_key: OldKey) -> Sorted {
    let mut sorted = Sorted::default();
    for entry in entries {
        match state(&entry) {
            State::There => sorted.renewable.push(entry),
            state => match with_new_key(&entry, old_key).or_else(|| intact(&entry)) {
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

/// The entry with its unchanged files and those for the new key, if the old key is missing or unreadable, and nothing else
/// has taken its place.
fn with_new_key(entry: &Entry, old_key: OldKey) -> Option<Entry> {
    let is_lacking = |file: &Written| {
        is_lacking_key(file) && (old_key == OldKey::Created || file.path.symlink_metadata().is_ok())
    };
    let is_usable = |file: &&Written| is_intact(entry, file) || is_lacking(file);
    let files: Vec<Written> = entry.files.iter().filter(is_usable).cloned().collect();
    // A key is only written beside a certificate that is known to be devca's.
    let is_beside = |key: &Written| {
        let mut certificates = files.iter().filter(|file| file.is_certificate_alone());
        certificates.any(|certificate| certificate.path.parent() == key.path.parent())
    };
    let mut keys = entry.files.iter().filter(|file| file.is_key_alone()).peekable();
    let has_keys = keys.peek().is_some();
    let are_usable = keys.all(|key| is_usable(&key) && is_beside(key));
    (old_key != OldKey::Needed && has_keys && are_usable).then(|| Entry { files, ..entry.clone() })
}

/// Whether this is a file for a key alone that is missing, or the user's own but unreadable.
pub(super) fn is_lacking_key(file: &Written) -> bool {
    file.is_key_alone() && (file.path.symlink_metadata().is_err() || files::is_own_but_unreadable(&file.path))
}

fn is_intact(entry: &Entry, file: &Written) -> bool {
    files::read(&file.path).is_ok_and(|content| is_the_same(entry, file, &content, |_| true))
}

/// The entry with only its unchanged files. A certificate in use is renewed even if some of its files are
/// missing, as long as its key can be read.
fn intact(entry: &Entry) -> Option<Entry> {
    let files: Vec<Written> = entry.files.iter().filter(|file| is_intact(entry, file)).cloned().collect();
    let has_certificate = files.iter().any(|file| !file.is_key_alone());
    let part = Entry { files, ..entry.clone() };
    (has_certificate && (entry.key_type.is_none() || private_key(&part, None).is_some())).then_some(part)
}

/// Trusts the modification times, and reads the files only if one has changed. This is good enough for
/// display, but not for replacing a file.
pub fn quick_state(entry: &Entry) -> State {
    if entry.is_untouched() { State::There } else { state(entry) }
}

/// Reads the files of an entry and returns their state.
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

/// Why an entry in this state is not renewed, naming the missing file.
pub fn why_not(entry: &Entry, state: State) -> String {
    let lacking = entry.files.iter().find(|file| !file.path.exists());
    match lacking.filter(|_| state == State::Missing) {
        Some(file) => format!("{} is missing", file.path.display()),
        None => state.why().into(),
    }
}

/// Why an existing file of an entry cannot be read.
pub fn unreadable(entry: &Entry) -> Option<anyhow::Error> {
    let existing = entry.files.iter().filter(|file| file.path.exists());
    existing.map(|file| files::read(&file.path)).find_map(Result::err)
}

/// Whether this is the content that devca wrote there. For encrypted content, `is_store` decides.
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
    // An inventory from somewhere else could list any file with its hash, so check the type of the content
    // too.
    let is_written = || file.sha256.as_ref().is_some_and(|known| sha256(content) == *known);
    match (output.part.holds, output.format) {
        // Somebody may have added to it: another certificate, the key, a comment. That must not get lost.
        (Holds::Certificate, _) => {
            let found = pem::contents(content);
            let most = 1 + usize::from(entry.intermediate) + usize::from(entry.with_root);
            found.keys == 0
                && (1..=most).contains(&found.certificates.len())
                && is_certificate(&found.certificates[0])
                && !pem::has_other_text(content)
        }
        (Holds::Key, _) => {
            let found = pem::contents(content);
            found.keys == 1
                && found.certificates.is_empty()
                && !pem::has_other_text(content)
                && pem::key_in(content).is_some_and(is_key)
        }
        (_, Format::P12 | Format::Java) => is_written() && is_store(content),
        (Holds::Public, _) => is_written() && is_certificate(content),
        (Holds::Opaque, format) => {
            is_written() && format::private_key(format, content, None).is_some_and(is_key)
        }
    }
}

/// Whether a file still shows the certificate, whatever else somebody has changed: a server may use it.
pub fn is_in_use(entry: &Entry) -> bool {
    let is_it = |der: &[u8]| hex::encode(key::sha256(der)) == entry.sha256;
    entry.files.iter().any(|file| {
        files::read(&file.path).is_ok_and(|content| {
            let text = format::chain_in(file.format, &content).unwrap_or_default();
            is_it(&content)
                || [&content[..], &text[..]]
                    .iter()
                    .any(|text| pem::contents(text).certificates.iter().any(|der| is_it(der)))
        })
    })
}

/// The certificate of an entry, if it can be read from one of its files.
pub fn leaf(entry: &Entry) -> Option<Leaf> {
    certificate(entry).and_then(|der| Leaf::parse(&der))
}

/// A certificate in DER and its key in PKCS#8.
pub type Pair = (Vec<u8>, Zeroizing<Vec<u8>>);

/// The certificate and the key, if both can be read. Encrypted files need their password.
pub fn pair(entry: &Entry, password: Option<&Secret>) -> Option<Pair> {
    let key = private_key(entry, password)?;
    let certificate = certificate(entry).or_else(|| sealed_certificate(entry, password?))?;
    Some((certificate, Zeroizing::new(key.serialize_der())))
}

fn sealed_certificate(entry: &Entry, password: &Secret) -> Option<Vec<u8>> {
    let sealed = sealed_files(entry).filter_map(|file| files::read(&file.path).ok());
    let mut found = sealed.flat_map(|content| format::certificates_in_pkcs12(&content, password));
    found.find(|der| hex::encode(key::sha256(der)) == entry.sha256)
}

/// The encrypted files of an entry that contain the key.
pub fn sealed_files(entry: &Entry) -> impl Iterator<Item = &Written> {
    entry.files.iter().filter(|file| Output::holds(file) == Some(Holds::Opaque) && !file.outdated)
}

/// The file that represents an entry in messages: the first one with the certificate, preferably one that is up to
/// date.
pub fn first(entry: &Entry) -> &Path {
    let mut files: Vec<&Written> = entry.files.iter().collect();
    files.sort_by_key(|file| (file.outdated, file.is_key_alone() || file.part == "truststore"));
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
