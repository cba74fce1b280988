//! A CA's private key as a file: PKCS#8 in PEM, encrypted or not.

use std::path::Path;

use rcgen::KeyPair;
use zeroize::Zeroizing;

use crate::ca::keyring::KeyringItem;
use crate::disk::files;
use crate::x509::pem;

/// A private key as it is stored in a file.
pub enum KeyFile {
    /// Readable as it is.
    Open(Zeroizing<KeyPair>),
    /// Encrypted.
    Locked(LockedKey),
}

/// An encrypted private key.
pub struct LockedKey {
    /// PKCS#8.
    pub der: Vec<u8>,
    /// The keyring's entry with its passphrase; without one, somebody knows it.
    pub item: Option<KeyringItem>,
}

/// The first private key of a file, which may be locked.
pub fn read(path: &Path) -> anyhow::Result<KeyFile> {
    parse(path, &files::read(path)?)
}

/// The same for the content of a file, which the path names in errors.
pub fn parse(path: &Path, text: &[u8]) -> anyhow::Result<KeyFile> {
    // rustls-pemfile passes over encrypted keys.
    let locked = ::pem::parse_many(text).unwrap_or_default();
    match locked.into_iter().find(|block| block.tag() == LOCKED) {
        Some(block) => Ok(KeyFile::Locked(LockedKey { der: block.into_contents(), item: item_in(text) })),
        None => pem::first_key_of(path, text).map(KeyFile::Open),
    }
}

const LOCKED: &str = "ENCRYPTED PRIVATE KEY";

/// A line before the key itself, where other programs ignore it (RFC 7468 §2): the key and the place of its passphrase
/// stay together wherever the file is copied.
const ITEM: &str = "devca-keyring-item: ";

/// An encrypted PKCS#8 key.
pub fn locked(key: &LockedKey) -> Zeroizing<Vec<u8>> {
    let mut text = key.item.as_ref().map(|item| format!("{ITEM}{item}\n")).unwrap_or_default().into_bytes();
    text.extend(pem::encode(LOCKED, &key.der));
    text.into()
}

fn item_in(text: &[u8]) -> Option<KeyringItem> {
    let mut lines = std::str::from_utf8(text).ok()?.lines();
    lines.find_map(|line| KeyringItem::parse(line.strip_prefix(ITEM)?.trim_end()))
}
