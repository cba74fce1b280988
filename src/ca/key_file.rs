//! The file of a CA's private key: PKCS#8 in PEM, optionally encrypted.

use std::path::Path;

use rcgen::KeyPair;
use zeroize::Zeroizing;

use crate::ca::keyring::KeyringItem;
use crate::disk::files;
use crate::x509::pem;

/// A private key as stored in a file.
pub enum KeyFile {
    /// A key that is not encrypted.
    Open(Zeroizing<KeyPair>),
    /// An encrypted key.
    Locked(LockedKey),
}

/// An encrypted private key.
pub struct LockedKey {
    /// The encrypted PKCS#8 structure.
    pub der: Vec<u8>,
    /// The keyring entry with the passphrase; `None` if the user knows the passphrase.
    pub item: Option<KeyringItem>,
}

/// Reads the first private key in a file.
pub fn read(path: &Path) -> anyhow::Result<KeyFile> {
    parse(path, &files::read(path)?)
}

/// Does the same for content that was already read; `path` is for errors.
pub fn parse(path: &Path, text: &[u8]) -> anyhow::Result<KeyFile> {
    // rustls-pemfile skips encrypted keys.
    let locked = ::pem::parse_many(text).unwrap_or_default();
    match locked.into_iter().find(|block| block.tag() == LOCKED) {
        Some(block) => Ok(KeyFile::Locked(LockedKey { der: block.into_contents(), item: item_in(text) })),
        None => pem::first_key_of(path, text).map(KeyFile::Open),
    }
}

const LOCKED: &str = "ENCRYPTED PRIVATE KEY";

/// A line before the PEM block, where other programs ignore it (RFC 7468 §2). It keeps the location of the
/// passphrase with the key when the file is copied.
const ITEM: &str = "devca-keyring-item: ";

/// Renders an encrypted PKCS#8 key.
pub fn locked(key: &LockedKey) -> Zeroizing<Vec<u8>> {
    let mut text = key.item.as_ref().map(|item| format!("{ITEM}{item}\n")).unwrap_or_default().into_bytes();
    text.extend(pem::encode(LOCKED, &key.der));
    text.into()
}

fn item_in(text: &[u8]) -> Option<KeyringItem> {
    let mut lines = std::str::from_utf8(text).ok()?.lines();
    lines.find_map(|line| KeyringItem::parse(line.strip_prefix(ITEM)?.trim_end()))
}
