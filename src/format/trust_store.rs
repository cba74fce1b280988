//! Many roots as a Java trust store: PKCS#12 under the password that every JDK's own has.

use p12_keystore::{Certificate, EncryptionAlgorithm, KeyStore, KeyStoreEntry, MacAlgorithm, Pkcs12Archive};

use crate::error::OrHint;
use crate::x509::key;

/// It protects nothing: the roots are public, and the file is its owner's.
pub const PASSWORD: &str = "changeit";

/// What Java before 8u301 reads; its `trustedKeyUsage` attribute is what makes an entry trusted.
pub fn write<'a>(roots: impl IntoIterator<Item = &'a Vec<u8>>) -> anyhow::Result<Vec<u8>> {
    let mut store = KeyStore::new();
    for der in roots {
        // A root that this library cannot parse is of no use to Java either.
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

/// The certificates in a trust store with the usual password or none. The error says why they cannot be had.
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
