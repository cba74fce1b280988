//! Reads and writes PEM. This is the only place that uses rustls-pemfile (archived: see deny.toml).

use std::path::Path;

use rcgen::KeyPair;
use rustls_pemfile::Item;
use rustls_pki_types::PrivateKeyDer;
use zeroize::Zeroizing;

use crate::disk::files;
use crate::error::{Fault, OrHint};
use crate::x509::key;

/// Encodes a certificate, with Unix line endings on every system.
pub fn certificate(der: &[u8]) -> Vec<u8> {
    encode("CERTIFICATE", der)
}

/// Encodes an unencrypted PKCS#8 key.
pub fn private_key(pkcs8: &[u8]) -> Zeroizing<Vec<u8>> {
    let block = pem::Pem::new("PRIVATE KEY", pkcs8);
    let text = Zeroizing::new(encode_block(&block).into_bytes());
    drop(Zeroizing::new(block.into_contents()));
    text
}

pub(crate) fn encode(label: &str, der: &[u8]) -> Vec<u8> {
    encode_block(&pem::Pem::new(label, der)).into_bytes()
}

fn encode_block(block: &pem::Pem) -> String {
    pem::encode_config(block, pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF))
}

/// The first certificate in a file, as DER.
pub fn first_certificate(path: &Path) -> anyhow::Result<Vec<u8>> {
    first_certificate_of(path, &files::read(path)?)
}

/// Does the same for content that was already read; `path` is for errors.
pub fn first_certificate_of(path: &Path, text: &[u8]) -> anyhow::Result<Vec<u8>> {
    certificates_of(path, text)?.into_iter().next().ok_or_else(|| no_certificate(path).into())
}

/// The certificate in a file that must not contain another, as DER.
pub fn only_certificate(path: &Path) -> anyhow::Result<Vec<u8>> {
    match <[_; 1]>::try_from(certificates_of(path, &files::read(path)?)?) {
        Ok([only]) => Ok(only),
        Err(none) if none.is_empty() => Err(no_certificate(path).into()),
        Err(several) => Err(Fault::new(
            format!("{} contains {} certificates instead of one", path.display(), several.len()),
            "delete the others from the file, or restore it from a backup",
        )
        .into()),
    }
}

fn no_certificate(path: &Path) -> Fault {
    Fault::new(format!("{} contains no certificate", path.display()), "use a PEM file with BEGIN CERTIFICATE")
}

/// The first private key in a file, in PKCS#8, SEC1 or PKCS#1.
pub fn first_key(path: &Path) -> anyhow::Result<Zeroizing<KeyPair>> {
    first_key_of(path, &files::read(path)?)
}

/// Does the same for content that was already read; `path` is for errors.
pub fn first_key_of(path: &Path, text: &[u8]) -> anyhow::Result<Zeroizing<KeyPair>> {
    for item in items(path, text)? {
        let Some(key) = private(item) else { continue };
        return key::from_der(&key).ok_or_else(|| {
            let what = format!("{} contains a key that cannot be read", path.display());
            Fault::new(what, "RSA, ECDSA (P-256, P-384, P-521) and Ed25519 keys are supported").into()
        });
    }
    Err(Fault::new(
        format!("{} contains no private key", path.display()),
        "use a PEM file with BEGIN PRIVATE KEY",
    )
    .into())
}

/// The contents of a PEM text.
#[derive(Default)]
pub struct Contents {
    /// The certificates, as DER.
    pub certificates: Vec<Vec<u8>>,
    /// The certificate signing requests, as DER.
    pub requests: Vec<Vec<u8>>,
    /// The number of private keys.
    pub keys: usize,
}

impl Contents {
    /// Whether nothing was recognized.
    pub fn is_empty(&self) -> bool {
        self.certificates.is_empty() && self.requests.is_empty() && self.keys == 0
    }
}

/// Everything in a text.
pub fn contents(mut text: &[u8]) -> Contents {
    let mut found = Contents::default();
    for item in rustls_pemfile::read_all(&mut text).map_while(Result::ok) {
        match item {
            Item::X509Certificate(der) => found.certificates.push(der.to_vec()),
            Item::Csr(der) => found.requests.push(der.to_vec()),
            Item::Pkcs8Key(_) | Item::Sec1Key(_) | Item::Pkcs1Key(_) => found.keys += 1,
            _ => {}
        }
    }
    found
}

/// Whether there is anything but PEM blocks and white space in a text, such as a comment.
pub fn has_other_text(text: &[u8]) -> bool {
    let mut is_inside = false;
    text.split(|byte| *byte == b'\n').any(|line| {
        let line = line.trim_ascii();
        let is_bound = line.starts_with(b"-----BEGIN ") || line.starts_with(b"-----END ");
        if is_bound {
            is_inside = line.starts_with(b"-----BEGIN ");
        }
        !is_bound && !is_inside && !line.is_empty()
    })
}

/// The first certificate in a text, as DER.
pub fn certificate_in(mut text: &[u8]) -> Option<Vec<u8>> {
    rustls_pemfile::read_all(&mut text).map_while(Result::ok).find_map(|item| match item {
        Item::X509Certificate(der) => Some(der.to_vec()),
        _ => None,
    })
}

/// All certificates in a file; none if it cannot be read.
pub fn certificates(path: &Path) -> Vec<Vec<u8>> {
    files::read(path).and_then(|text| certificates_of(path, &text)).unwrap_or_default()
}

fn certificates_of(path: &Path, text: &[u8]) -> anyhow::Result<Vec<Vec<u8>>> {
    let der = |item| if let Item::X509Certificate(der) = item { Some(der.to_vec()) } else { None };
    Ok(items(path, text)?.into_iter().filter_map(der).collect())
}

/// The first private key in a text.
pub fn key_in(mut text: &[u8]) -> Option<Zeroizing<KeyPair>> {
    rustls_pemfile::read_all(&mut text).map_while(Result::ok).find_map(|item| key::from_der(&private(item)?))
}

fn private(item: Item) -> Option<PrivateKeyDer<'static>> {
    match item {
        Item::Pkcs8Key(key) => Some(key.into()),
        Item::Sec1Key(key) => Some(key.into()),
        Item::Pkcs1Key(key) => Some(key.into()),
        _ => None,
    }
}

/// The first certificate signing request in a text, as DER.
pub fn first_csr(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut text = bytes;
    rustls_pemfile::read_all(&mut text).map_while(Result::ok).find_map(|item| match item {
        Item::Csr(der) => Some(der.to_vec()),
        _ => None,
    })
}

/// The revocation list at the beginning of a text, as DER.
pub fn first_crl(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut text = bytes;
    match rustls_pemfile::read_all(&mut text).next() {
        Some(Ok(Item::Crl(der))) => Some(der.to_vec()),
        _ => None,
    }
}

/// All revocation lists in a text, as DER.
pub fn crls(mut text: &[u8]) -> Vec<Vec<u8>> {
    let items = rustls_pemfile::read_all(&mut text).map_while(Result::ok);
    let list = |item| match item {
        Item::Crl(der) => Some(der.to_vec()),
        _ => None,
    };
    items.filter_map(list).collect()
}

/// Encodes a revocation list.
pub fn crl(der: &[u8]) -> Vec<u8> {
    encode("X509 CRL", der)
}

fn items(path: &Path, mut text: &[u8]) -> anyhow::Result<Vec<Item>> {
    rustls_pemfile::read_all(&mut text).collect::<Result<_, _>>().or_hint(
        || format!("{} cannot be read as PEM", path.display()),
        || "the file is damaged: restore it from a backup, or remove it".into(),
    )
}
