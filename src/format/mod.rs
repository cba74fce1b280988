//! Renders certificates and keys as the files of the output formats, with one module per format.

use std::path::PathBuf;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::ca::Authority;
use crate::ca::signer::Issued;
use crate::disk::files::{NewFile, Secrecy};
use crate::disk::secret::Secret;
use crate::error::Fault;

mod combined;
mod der;
mod export;
mod fullchain;
mod java;
mod kubernetes;
mod mobileconfig;
pub(crate) mod password;
mod pem;
mod pkcs12;
mod plan;
mod root;
mod stem;
pub(crate) mod trust_store;

pub use export::ExportTarget;
pub use pkcs12::{is_store, store_of};
pub use plan::OutputPlan;
pub use root::RootFormat;
pub use stem::{is_stem, stem};

/// One file of a certificate, as the inventory lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    pub format: Format,
    pub part: String,
    /// The absolute path.
    pub path: PathBuf,
    /// SHA-256 of the file in hexadecimal, for formats whose content cannot be parsed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sha256: Option<String>,
    /// The modification time in nanoseconds since 1970, which shows that a file is unchanged without reading
    /// it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub modified: Option<u64>,
    /// Whether it still contains the previous certificate, because its password was unknown when the
    /// certificate was renewed.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub outdated: bool,
    /// When the certificate in an outdated file expires.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none", default)]
    pub not_after: Option<OffsetDateTime>,
}

impl Written {
    /// Whether the file contains a key and nothing else.
    pub fn is_key_alone(&self) -> bool {
        [pem::KEY.label, der::KEY].contains(&self.part.as_str())
    }

    /// Whether the file contains certificates and nothing else, the leaf first.
    pub fn is_certificate_alone(&self) -> bool {
        Output::holds(self) == Some(Holds::Certificate) || self.part == der::CERTIFICATE
    }
}

/// The file format for certificate and key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// The certificate and its key, each in PEM
    Pem,
    /// The certificate with what stands between it and the root, and the key, in PEM
    Fullchain,
    /// Chain and key in one PEM file: HAProxy, lighttpd, MongoDB
    Combined,
    /// The certificate and its key, each in DER
    Der,
    /// PKCS#12 with certificate, chain and key
    #[value(aliases = ["pkcs12", "pfx"])]
    P12,
    /// A Java key store, and a trust store with the root
    Java,
    /// A Kubernetes Secret of the type kubernetes.io/tls
    #[value(alias = "kubernetes")]
    K8s,
}

impl Format {
    /// The files of each format, defined only here. The key comes first, so that a certificate never exists
    /// without it.
    fn parts(self) -> &'static [Part] {
        match self {
            Self::Pem => pem::PARTS,
            Self::Fullchain => fullchain::PARTS,
            Self::Combined => combined::PARTS,
            Self::Der => der::PARTS,
            Self::P12 => pkcs12::PARTS,
            Self::Java => java::PARTS,
            Self::K8s => kubernetes::PARTS,
        }
    }

    /// The number of files in this format.
    pub fn files(self) -> usize {
        self.parts().len()
    }

    /// The name for `--format`.
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// Whether the files are encrypted with a password.
    pub fn takes_password(self) -> bool {
        matches!(self, Self::P12 | Self::Java)
    }

    /// Whether the files include the root; `with_root` says that chains include it.
    pub fn includes_root(self, with_root: bool) -> bool {
        match self {
            Self::Java | Self::K8s => true,
            Self::Fullchain | Self::Combined | Self::P12 => with_root,
            Self::Pem | Self::Der => false,
        }
    }

    /// Whether the private key is required to create the file with the certificate.
    fn has_key_inside(self) -> bool {
        matches!(self, Self::Combined | Self::P12 | Self::Java | Self::K8s)
    }

    /// Whether the files can be printed on a terminal.
    pub fn is_text(self) -> bool {
        !matches!(self, Self::P12 | Self::Java | Self::Der)
    }
}

/// One file of a format.
#[derive(Debug)]
pub struct Part {
    /// The label before its path in the output.
    pub label: &'static str,
    suffix: &'static str,
    pub holds: Holds,
    render: fn(&Material) -> anyhow::Result<Zeroizing<Vec<u8>>>,
}

/// What a file contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// Certificates in PEM, the leaf first.
    Certificate,
    /// The private key in PEM.
    Key,
    /// A private key, possibly with certificates, in a format that is not parsed without a password.
    Opaque,
    /// Public data in a format that is not parsed.
    Public,
}

impl Holds {
    fn secrecy(self) -> Secrecy {
        if matches!(self, Self::Key | Self::Opaque) { Secrecy::Private } else { Secrecy::Public }
    }

    /// Whether the file can be created without the private key.
    fn is_keyless(self) -> bool {
        self.secrecy() == Secrecy::Public
    }
}

/// A file to be written.
#[derive(Debug, Clone)]
pub struct Output {
    pub format: Format,
    pub part: &'static Part,
    /// The absolute path.
    pub path: PathBuf,
    /// Whether the file exists and may be replaced.
    pub replace: bool,
}

impl Output {
    /// Reconstructs the output for a file in the inventory; `None` if no format has such a part, or if devca
    /// would not use that file name.
    pub fn again(written: &Written) -> Option<Self> {
        let part = written.format.parts().iter().find(|part| part.label == written.part)?;
        // --cert-file and --key-file give certificates and keys in PEM any name, and mkcert's options the others.
        let is_named_freely = matches!(part.holds, Holds::Certificate | Holds::Key)
            || matches!(written.format, Format::P12 | Format::Combined);
        let name = written.path.file_name().unwrap_or_default().to_string_lossy();
        if !is_named_freely && !name.ends_with(part.suffix) {
            return None;
        }
        Some(Self { format: written.format, part, path: written.path.clone(), replace: true })
    }

    /// What a file of the inventory contains.
    pub fn holds(written: &Written) -> Option<Holds> {
        Self::again(written).map(|output| output.part.holds)
    }
}

/// The input for the formats.
pub struct Material<'a> {
    /// The leaf and its key.
    pub issued: &'a Issued,
    /// The authority that signed it.
    pub authority: &'a Authority,
    /// How to render it.
    pub options: &'a Options,
    /// The name of the entry in browsers and Java.
    pub label: &'a str,
}

/// Options for rendering the formats.
#[derive(Default)]
pub struct Options {
    /// Include the root in chains.
    pub with_root: bool,
    /// Encrypt PKCS#12 as NIST recommends, rather than in the way that all programs can read.
    pub modern: bool,
    /// The password for encrypted formats.
    pub password: Option<Secret>,
}

impl Material<'_> {
    fn key(&self) -> anyhow::Result<&[u8]> {
        // A plan for a CSR does not include any file with a key.
        self.issued.key.as_deref().map(Vec::as_slice).ok_or_else(|| plan::no_key(Format::Pem).into())
    }

    fn password(&self) -> anyhow::Result<&str> {
        let password = self.options.password.as_ref().map(Secret::as_str);
        password.ok_or_else(|| Fault::usage("a password is needed", "use --password-file FILE").into())
    }

    /// The intermediates and, if requested, the root.
    fn above(&self) -> impl Iterator<Item = &[u8]> {
        let root = self.options.with_root.then_some(&self.authority.root);
        self.authority.intermediate.iter().chain(root).map(|ca| ca.der.as_slice())
    }

    /// The leaf and everything above it, in PEM.
    fn chain(&self) -> Vec<u8> {
        let leaf = self.issued.certificate.as_slice();
        std::iter::once(leaf).chain(self.above()).flat_map(crate::x509::pem::certificate).collect()
    }
}

/// Renders the content of every output, in order.
pub fn render(material: &Material, outputs: &[Output]) -> anyhow::Result<Vec<NewFile>> {
    let file = |output: &Output| {
        Ok(NewFile {
            path: output.path.clone(),
            content: (output.part.render)(material)?,
            secrecy: output.part.holds.secrecy(),
            replace: output.replace,
        })
    };
    outputs.iter().map(file).collect()
}

/// Reads the private key from an issued file; encrypted files need their password.
pub fn private_key(
    format: Format,
    content: &[u8],
    password: Option<&Secret>,
) -> Option<Zeroizing<rcgen::KeyPair>> {
    match format {
        Format::P12 | Format::Java => pkcs12::private_key(content, password?.as_str()),
        Format::K8s => kubernetes::private_key(content),
        _ => crate::x509::pem::key_in(content).or_else(|| crate::x509::key::from_pkcs8(content)),
    }
}

/// The certificate and its chain, as PEM, from a format that wraps them in something else.
pub fn chain_in(format: Format, content: &[u8]) -> Option<Vec<u8>> {
    (format == Format::K8s).then(|| kubernetes::chain(content))?
}

/// Reads the certificates from an encrypted issued file.
pub fn certificates_in_pkcs12(content: &[u8], password: &Secret) -> Vec<Vec<u8>> {
    pkcs12::certificates(content, password.as_str()).unwrap_or_default()
}
