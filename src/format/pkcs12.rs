//! PKCS#12 (RFC 7292): certificate, chain and key in one encrypted file, for browsers, phones and Windows.

use p12_keystore::{
    Certificate, EncryptionAlgorithm, KeyStore, KeyStoreEntry, MacAlgorithm, Pkcs12Archive, PrivateKey,
    PrivateKeyChain,
};
use rcgen::KeyPair;
use zeroize::Zeroizing;

use super::{Holds, Material, Part};
use crate::disk::secret::Secret;
use crate::error::OrHint;
use crate::x509::key;

pub(super) const PARTS: &[Part] = &[Part { label: "pkcs12", suffix: ".p12", holds: Holds::Opaque, render }];

fn render(material: &Material) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    key_store(material, material.label)
}

/// Creates a store with the key and its chain under this alias.
pub(super) fn key_store(material: &Material, alias: &str) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let chain = std::iter::once(material.issued.certificate.as_slice()).chain(material.above());
    write(material, alias, entry(chain, material.key().unwrap_or_default()))
}

/// Creates such a store from an existing certificate chain, leaf first, with modern encryption.
pub fn store_of(
    alias: &str,
    chain: &[&[u8]],
    key: &[u8],
    password: &Secret,
) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    encrypt(alias, entry(chain.iter().copied(), key), password.as_str(), true)
}

fn entry<'a>(chain: impl Iterator<Item = &'a [u8]>, key: &[u8]) -> p12_keystore::Result<KeyStoreEntry> {
    let chain = chain.map(Certificate::from_der).collect::<Result<Vec<_>, _>>()?;
    let leaf = chain.first().map(|leaf| key::sha1(leaf.as_der())).unwrap_or_default();
    let key = PrivateKey::from_der(key)?;
    // OpenSSL and NSS also use the hash of the certificate as the identifier.
    Ok(KeyStoreEntry::PrivateKeyChain(PrivateKeyChain::new(leaf.as_slice(), key, chain)))
}

/// The key in a store, if this is its password.
pub(super) fn private_key(store: &[u8], password: &str) -> Option<Zeroizing<KeyPair>> {
    let archive = Pkcs12Archive::from_pkcs12(store, password).ok()?;
    archive.keys.iter().find_map(|bag| key::from_pkcs8(bag.key.as_der()))
}

/// The certificates in a store, if this is its password.
pub(super) fn certificates(store: &[u8], password: &str) -> Option<Vec<Vec<u8>>> {
    let archive = Pkcs12Archive::from_pkcs12(store, password).ok()?;
    Some(archive.certs.iter().map(|bag| bag.cert.as_der().to_vec()).collect())
}

/// Whether the content is a store with this password or, without a password, any store at all.
pub fn is_store(content: &[u8], password: Option<&Secret>) -> bool {
    match Pkcs12Archive::from_pkcs12(content, password.map_or("", Secret::as_str)) {
        Ok(_) => true,
        // It is a store with a different password.
        Err(p12_keystore::error::Error::MacError(_)) => password.is_none(),
        Err(_) => false,
    }
}

/// Encrypts a store with a single entry.
pub(super) fn write(
    material: &Material,
    alias: &str,
    entry: p12_keystore::Result<KeyStoreEntry>,
) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    encrypt(alias, entry, material.password()?, material.options.modern)
}

fn encrypt(
    alias: &str,
    entry: p12_keystore::Result<KeyStoreEntry>,
    password: &str,
    modern: bool,
) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    // 3DES and SHA-1 are all that Windows Server 2016, the macOS Keychain, Java before 8u301 and Android
    // before 13 can read. OpenSSL 3 can read them without its legacy provider.
    let (encryption, mac) = if modern {
        (EncryptionAlgorithm::PbeWithHmacSha256AndAes256, MacAlgorithm::HmacSha256)
    } else {
        (EncryptionAlgorithm::PbeWithShaAnd3KeyTripleDesCbc, MacAlgorithm::HmacSha1)
    };
    let written = entry.and_then(|entry| {
        let mut store = KeyStore::new();
        store.add_entry(alias, entry);
        store.writer(password).encryption_algorithm(encryption).mac_algorithm(mac).write()
    });
    let bytes = written.or_hint(
        || "cannot write PKCS#12".into(),
        || "passwords and names in PKCS#12 are limited to Unicode's basic plane: use plain letters".into(),
    )?;
    Ok(bytes.into())
}
