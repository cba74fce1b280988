//! The root alone, in formats for other machines and phones.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::mobileconfig;
use crate::disk::home::MKCERT_ROOT;
use crate::x509::certificate::CaCertificate;

/// The file format for the root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RootFormat {
    /// PEM
    Pem,
    /// DER: Windows, and Android's settings
    Der,
    /// A profile for iPhones, iPads and Macs
    Mobileconfig,
    /// PEM under the name that Android's system store wants, which is the subject's hash
    Android,
    /// PEM in a file called rootCA.pem, as mkcert calls it
    Mkcert,
}

impl RootFormat {
    /// The file name and content.
    pub fn render(self, root: &CaCertificate) -> anyhow::Result<(String, Vec<u8>)> {
        Ok(match self {
            Self::Pem => ("devca-root.pem".into(), crate::x509::pem::certificate(&root.der)),
            Self::Mkcert => (MKCERT_ROOT.into(), crate::x509::pem::certificate(&root.der)),
            Self::Der => ("devca-root.der".into(), root.der.clone()),
            Self::Mobileconfig => ("devca-root.mobileconfig".into(), mobileconfig::profile(root)?),
            Self::Android => {
                (format!("{:08x}.0", subject_hash(root)), crate::x509::pem::certificate(&root.der))
            }
        })
    }
}

/// The hash of `openssl x509 -subject_hash_old`, which Android still uses: the first four bytes of the
/// subject's MD5, in little-endian order.
fn subject_hash(root: &CaCertificate) -> u32 {
    use md5::Digest;
    let digest: [u8; 16] = md5::Md5::digest(&root.subject).into();
    u32::from_le_bytes([digest[0], digest[1], digest[2], digest[3]])
}
