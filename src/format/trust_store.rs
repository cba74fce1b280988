//! A Java trust store with many roots: PKCS#12 with the default password of every JDK.

use p12_keystore::{Certificate, EncryptionAlgorithm, KeyStore, KeyStoreEntry, MacAlgorithm, Pkcs12Archive};

use crate::error::OrHint;
use crate::x509::key;

/// The password is not a secret: the roots are public, and file permissions protect the store.
pub const PASSWORD: &str = "changeit";

/// Writes a store that Java before 8u301 can read. Its `trustedKeyUsage` attribute marks the entries as
/// trusted.
pub fn write<'a>(roots: impl IntoIterator<Item = &'a Vec<u8>>) -> anyhow::Result<Vec<u8>> {
    let mut store = KeyStore::new();
    for der in roots {
        // Java cannot use a root that this library cannot parse.
        let Ok(certificate) = Certificate::from_der(der) else { continue };
        let alias = hex::encode(&key::sha256(der)[..8]);
        store.add_entry(&alias, KeyStoreEntry::Certificate(certificate));
    }
    let writer = store
        .writer(PASSWORD)
        .encryption_algorithm(EncryptionAlgorithm::PbeWithShaAnd3KeyTripleDesCbc)
        .mac_algorithm(MacAlgorithm::HmacSha1);
    writer.write().or_hint(|| "cannot write a Java trust store".into(), || "report this".into())
}

/// Reads the certificates in a trust store that has the default password or none. The error says why that
/// failed.
pub fn certificates(store: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    if store.is_empty() {
        return Ok(Vec::new());
    }
    let opened = [PASSWORD, ""].iter().find_map(|password| Pkcs12Archive::from_pkcs12(store, password).ok());
    let archive =
        opened.ok_or("it is neither PEM nor PKCS#12 with the password \"changeit\" or without one")?;
    let trusted = archive.certs.iter().filter(|bag| bag.trusted);
    Ok(trusted.map(|bag| bag.cert.as_der().to_vec()).collect())
}
