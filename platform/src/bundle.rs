//! Files with many certificates in PEM, which systems generate for programs that read a single file.

use std::path::Path;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::{Host, Os};

/// The certificates in a PEM text, in DER. Damaged ones are skipped.
pub fn certificates(pem: &[u8]) -> Vec<Vec<u8>> {
    CertificateDer::pem_slice_iter(pem).flatten().map(|certificate| certificate.to_vec()).collect()
}

/// Encodes a certificate as PEM, with Unix line endings.
pub fn pem(der: &[u8]) -> String {
    let lines = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    pem::encode_config(&pem::Pem::new("CERTIFICATE", der), lines)
}

/// The certificates in a file of the system; none if it cannot be read.
pub(crate) fn read(host: &Host, path: impl AsRef<Path>) -> Vec<Vec<u8>> {
    host.read(path.as_ref()).map(|pem| certificates(&pem)).unwrap_or_default()
}

/// The files in which systems keep the bundle of all roots.
const BUNDLES: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/var/lib/ca-certificates/ca-bundle.pem",
    "/etc/ca-certificates/extracted/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    // macOS (Apple's own roots), Alpine, the BSDs.
    "/etc/ssl/cert.pem",
];

/// The system's roots in DER, from its bundle or, on Windows, from its store.
pub fn system_roots(host: &Host) -> Vec<Vec<u8>> {
    match host.os {
        Os::Windows => crate::windows::roots(),
        Os::Linux | Os::MacOs => path(host).map(|path| read(host, path)).unwrap_or_default(),
    }
}

/// The file with all roots of the system.
pub fn path(host: &Host) -> Option<&'static str> {
    BUNDLES.iter().copied().find(|path| host.is_file(Path::new(path)))
}

/// Whether someone added this root of the system on this machine. Only known where the system keeps the
/// roots that its vendor ships in files of their own.
pub fn is_added(host: &Host, der: &[u8]) -> bool {
    let has_own_files = SHIPPED.iter().any(|folder| !host.list(Path::new(folder)).is_empty());
    has_own_files && !is_shipped(host, der)
}

/// Whether the system's vendor ships this root, as browsers do, rather than someone having added it on this
/// machine.
pub fn is_shipped(host: &Host, der: &[u8]) -> bool {
    SHIPPED.iter().any(|folder| holds(host, Path::new(folder), der))
}

/// The folders of Debian, Ubuntu, Alpine and Arch, and those of Fedora and openSUSE, whose p11-kit files
/// contain PEM.
const SHIPPED: &[&str] = &["/usr/share/ca-certificates", "/usr/share/pki"];

fn holds(host: &Host, path: &Path, der: &[u8]) -> bool {
    read(host, path).iter().any(|known| known == der)
        || host.list(path).iter().any(|name| holds(host, &path.join(name), der))
}
