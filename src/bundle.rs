//! Issued -> the files of one output format.

use std::path::{Path, PathBuf};

use crate::files::{NewFile, Secrecy};
use crate::issuer::Issued;
use crate::name::Name;
use crate::profile::Kind;

mod pem;

/// Where a certificate and its key go.
#[derive(Debug, Clone)]
pub struct Paths {
    /// The certificate, 0644.
    pub certificate: PathBuf,
    /// The private key, 0600.
    pub key: PathBuf,
}

/// The longest stem that leaves room for `-key.pem` in a file name of 255 bytes.
const MAX_STEM: usize = 200;

/// The stem of the file names, as mkcert makes it: `localhost+1`, `_wildcard.app.test`, `alice-client`.
pub fn stem(first: &str, count: usize, kind: Kind) -> String {
    let mut stem: String = first
        .replace('*', "_wildcard")
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "._-@".contains(c) { c } else { '_' })
        .take(MAX_STEM)
        .collect();
    if count > 1 {
        stem = format!("{stem}+{}", count - 1);
    }
    if kind == Kind::Client {
        stem += "-client";
    }
    // A file that shells and `rm` take for an option, or that `ls` hides, helps nobody.
    if stem.starts_with(['-', '.']) { format!("_{stem}") } else { stem }
}

/// The first name in words that a file name can carry.
pub fn stem_of(names: &[Name], common_name: Option<&str>, kind: Kind) -> String {
    let first = names.first().map(ToString::to_string);
    stem(first.as_deref().or(common_name).unwrap_or("certificate"), names.len(), kind)
}

/// The files of the PEM format: the key first, so that a certificate is never there without it.
pub fn render(issued: &Issued, paths: &Paths, replace: Replace) -> Vec<NewFile> {
    let file =
        |path: &Path, content, secrecy, replace| NewFile { path: path.to_owned(), content, secrecy, replace };
    vec![
        file(&paths.key, pem::key(issued), Secrecy::Private, replace.key),
        file(&paths.certificate, pem::certificate(issued), Secrecy::Public, replace.certificate),
    ]
}

/// Which files are there already and may be replaced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Replace {
    /// The certificate's path.
    pub certificate: bool,
    /// The key's path.
    pub key: bool,
}
