//! Reads Java's key stores without Java: JKS, and PKCS#12, which JDKs write since version 9.
//!
//! Only the certificates that a store trusts are read. The integrity check of JKS is skipped: its password is
//! public, so the check proves nothing.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use p12_keystore::Pkcs12Archive;

/// The default password of every JDK.
pub(crate) const PASSWORD: &str = "changeit";

/// The time limit for decryption. A hostile PKCS#12 file can ask for hours of key derivation; those of JDKs
/// take milliseconds.
const PKCS12_LIMIT: Duration = Duration::from_secs(5);

const JKS: u32 = 0xfeed_feed;
const PRIVATE_KEY: u32 = 1;
const TRUSTED_CERTIFICATE: u32 = 2;

/// A certificate that a key store trusts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeystoreEntry {
    /// The entry's name in keytool.
    pub alias: String,
    /// The certificate, DER-encoded.
    pub der: Vec<u8>,
}

/// Reads the certificates that a key store trusts. The error says why it cannot be read.
pub fn trusted(bytes: &[u8]) -> Result<Vec<KeystoreEntry>, String> {
    trusted_with(bytes, PASSWORD)
}

/// The same for a key store with this password.
pub fn trusted_with(bytes: &[u8], password: &str) -> Result<Vec<KeystoreEntry>, String> {
    match bytes {
        [] => Err("the file is empty".into()),
        [0xfe, 0xed, 0xfe, 0xed, ..] => jks(bytes).ok_or_else(|| "the JKS key store is damaged".into()),
        // The beginning of a DER sequence.
        [0x30, ..] => pkcs12(bytes.to_vec(), password.to_owned()),
        _ => Err("the file is neither a JKS nor a PKCS#12 key store".into()),
    }
}

/// Parses JKS, which is documented in the JDK's `sun.security.provider.JavaKeyStore`: big-endian numbers, and
/// strings and certificates prefixed with their lengths. A digest of 20 bytes follows the last entry.
fn jks(bytes: &[u8]) -> Option<Vec<KeystoreEntry>> {
    let mut rest = Reader(bytes);
    let (magic, version, count) = (rest.number()?, rest.number()?, rest.number()?);
    if magic != JKS || !(1..=2).contains(&version) {
        return None;
    }
    let mut entries = Vec::new();
    for _ in 0..count {
        let tag = rest.number()?;
        let alias = String::from_utf8_lossy(rest.text()?).into_owned();
        rest.take(8)?; // the time when it was added
        match tag {
            PRIVATE_KEY => {
                rest.sized()?;
                for _ in 0..rest.number()? {
                    rest.certificate(version)?;
                }
            }
            TRUSTED_CERTIFICATE => {
                let der = rest.certificate(version)?.to_vec();
                entries.push(KeystoreEntry { alias, der });
            }
            _ => return None,
        }
    }
    Some(entries)
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    fn sized(&mut self) -> Option<&'a [u8]> {
        let length = self.number()?.try_into().ok()?;
        self.take(length)
    }

    fn text(&mut self) -> Option<&'a [u8]> {
        let length = u16::from_be_bytes(self.take(2)?.try_into().ok()?);
        self.take(length.into())
    }

    fn certificate(&mut self, version: u32) -> Option<&'a [u8]> {
        if version == 2 && self.text()? != b"X.509" {
            return None;
        }
        self.sized()
    }
}

/// Reads the certificates with Java's trust attribute. Since JDK 18, a JDK's own file has no password; then
/// none is needed.
fn pkcs12(bytes: Vec<u8>, password: String) -> Result<Vec<KeystoreEntry>, String> {
    // Only the default password is public.
    let named = if password == PASSWORD { PASSWORD } else { "that was given" };
    let (send, receive) = mpsc::channel();
    thread::spawn(move || send.send(Pkcs12Archive::from_pkcs12(&bytes, &password)));
    let archive = receive
        .recv_timeout(PKCS12_LIMIT)
        .map_err(|_| format!("decrypting it would take more than {} seconds", PKCS12_LIMIT.as_secs()))?
        .map_err(|e| format!("the PKCS#12 key store cannot be read with the password {named}: {e}"))?;
    let trusted = archive.certs.into_iter().filter(|bag| bag.trusted);
    Ok(trusted
        .map(|bag| KeystoreEntry {
            alias: bag.friendly_name.unwrap_or_default(),
            der: bag.cert.as_der().to_vec(),
        })
        .collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn sized(bytes: &[u8]) -> Vec<u8> {
        [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
    }

    fn text(text: &str) -> Vec<u8> {
        [&u16::try_from(text.len()).unwrap().to_be_bytes(), text.as_bytes()].concat()
    }

    fn store(version: u32, entries: &[Vec<u8>]) -> Vec<u8> {
        let count = u32::try_from(entries.len()).unwrap();
        let head = [JKS, version, count].map(u32::to_be_bytes).concat();
        [head, entries.concat(), vec![0; 20]].concat()
    }

    fn trusted_entry(alias: &str, der: &[u8]) -> Vec<u8> {
        let head = [&TRUSTED_CERTIFICATE.to_be_bytes()[..], &text(alias), &[0; 8]].concat();
        [head, text("X.509"), sized(der)].concat()
    }

    fn key_entry(alias: &str, chain: &[&[u8]]) -> Vec<u8> {
        let head = [&PRIVATE_KEY.to_be_bytes()[..], &text(alias), &[0; 8], &sized(b"secret")].concat();
        let count = u32::try_from(chain.len()).unwrap().to_be_bytes();
        let chain = chain.iter().flat_map(|der| [text("X.509"), sized(der)].concat());
        [head, count.to_vec(), chain.collect()].concat()
    }

    #[test]
    fn trusted_entries_of_jks_are_read_and_keys_skipped() {
        let bytes = store(
            2,
            &[trusted_entry("one", b"1"), key_entry("key", &[b"k", b"c"]), trusted_entry("two", b"22")],
        );
        let read = trusted(&bytes).unwrap();
        let expected = [("one", &b"1"[..]), ("two", b"22")];
        assert_eq!(read, expected.map(|(alias, der)| KeystoreEntry { alias: alias.into(), der: der.into() }));
    }

    #[test]
    fn whatever_is_cut_off_or_overstated_is_an_error() {
        let whole = store(2, &[trusted_entry("one", b"1"), key_entry("key", &[b"k"])]);
        for length in 0..whole.len() - 20 {
            assert!(trusted(&whole[..length]).is_err(), "{length} bytes");
        }
        let mut many = whole.clone();
        many[8..12].copy_from_slice(&u32::MAX.to_be_bytes());
        assert!(trusted(&many).is_err());
        let mut later = whole;
        later[7] = 3;
        assert!(trusted(&later).is_err());
        assert!(trusted(b"nonsense").is_err());
        assert!(trusted(b"\x30\x03\x02\x01\x03").is_err());
    }
}
