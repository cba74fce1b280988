//! A Java trust store with many roots: PKCS#12 with the default password of every JDK.

use p12_keystore::{Certificate, EncryptionAlgorithm, KeyStore, KeyStoreEntry, MacAlgorithm, Pkcs12Archive};

use crate::error::OrHint;
use crate::x509::key;

/// The password is not a secret: the roots are public, and file permissions protect the store.
pub const PASSWORD: &str = "changeit";

/// Whether a store can hold this root: Java cannot use one that this library cannot parse.
pub fn can_hold(der: &[u8]) -> bool {
    Certificate::from_der(der).is_ok()
}

/// Writes a store that Java before 8u301 can read. Its `trustedKeyUsage` attribute marks the entries as
/// trusted.
pub fn write<'a>(roots: impl IntoIterator<Item = &'a Vec<u8>>) -> anyhow::Result<Vec<u8>> {
    let mut store = KeyStore::new();
    for der in roots {
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

/// Reads the certificates in a store that [`write`] wrote; none if it cannot be read.
pub fn certificates(store: &[u8]) -> Vec<Vec<u8>> {
    let archive = Pkcs12Archive::from_pkcs12(store, PASSWORD);
    let bags = archive.map(|archive| archive.certs).unwrap_or_default().into_iter();
    bags.filter(|bag| bag.trusted).map(|bag| bag.cert.as_der().to_vec()).collect()
}
