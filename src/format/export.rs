//! An intermediate CA in the format that another system imports.

use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::kubernetes;
use crate::ca::Intermediate;
use crate::disk::files::{self, NewFile, Secrecy};
use crate::x509::certificate::CaCertificate;
use crate::x509::pem;

/// The systems that an intermediate can be exported for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExportTarget {
    /// Kubernetes: a Secret, and an Issuer that uses it
    CertManager,
    /// HashiCorp Vault or OpenBao: the bundle that its PKI engine imports
    Vault,
    /// Smallstep's step-ca: the files of its configuration folder
    StepCa,
}

impl ExportTarget {
    /// The name on the command line.
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// The files for the system to import.
    pub fn render(self, folder: &Path, made: &Intermediate, root: &[u8]) -> Vec<NewFile> {
        match self {
            Self::CertManager => cert_manager(folder, made, root),
            Self::Vault => vault(folder, made, root),
            Self::StepCa => step_ca(folder, made, root),
        }
    }

    /// Reads the intermediate and the root back from exported files; `None` if any of them is missing.
    pub fn read(self, folder: &Path) -> Option<(Intermediate, CaCertificate)> {
        let read = |name: &str| files::read(&folder.join(name)).ok();
        let (key, chain) = match self {
            Self::CertManager => {
                let manifest = read("secret.yaml")?;
                (kubernetes::private_key(&manifest)?, kubernetes::chain(&manifest)?)
            }
            Self::Vault => {
                let bundle = read("bundle.pem")?;
                (pem::key_in(&bundle)?, bundle.to_vec())
            }
            Self::StepCa => {
                let chain = [read("certs/intermediate_ca.crt")?, read("certs/root_ca.crt")?];
                (
                    pem::key_in(&read("secrets/intermediate_ca_key")?)?,
                    chain.map(|file| file.to_vec()).concat(),
                )
            }
        };
        let certificates: [Vec<u8>; 2] = pem::contents(&chain).certificates.try_into().ok()?;
        let [certificate, root] = certificates.map(CaCertificate::parse);
        let certificate = certificate.ok().filter(|certificate| certificate.belongs_to(&key))?;
        Some((Intermediate { certificate, key }, root.ok()?))
    }
}

/// Files for cert-manager's CA issuer. The Secret's `tls.crt` is the chain including the root, from which
/// cert-manager fills in `ca.crt`. A `ClusterIssuer` looks for its Secret in cert-manager's own namespace.
fn cert_manager(folder: &Path, made: &Intermediate, root: &[u8]) -> Vec<NewFile> {
    let chain = [pem::certificate(&made.certificate.der), pem::certificate(root)].concat();
    let key = Zeroizing::new(BASE64_STANDARD.encode(key(made)));
    let metadata = "  name: devca\n  namespace: cert-manager";
    let issuer = "apiVersion: cert-manager.io/v1\nkind: ClusterIssuer\nmetadata:\n  name: devca\nspec:\n  ca:\n    \
                  secretName: devca\n";
    vec![
        private(folder, "secret.yaml", kubernetes::secret(metadata, &chain, &key, root)),
        NewFile::public(folder.join("issuer.yaml"), issuer.as_bytes().to_vec()),
    ]
}

/// A bundle of key, intermediate and root for the PKI engine's `config/ca`.
fn vault(folder: &Path, made: &Intermediate, root: &[u8]) -> Vec<NewFile> {
    let (key, certificate, root) =
        (key(made), pem::certificate(&made.certificate.der), pem::certificate(root));
    let mut bundle = Zeroizing::new(Vec::with_capacity(key.len() + certificate.len() + root.len()));
    for part in [key.as_slice(), &certificate, &root] {
        bundle.extend_from_slice(part);
    }
    vec![private(folder, "bundle.pem", bundle)]
}

/// The files that `step ca init` creates, under the same names.
fn step_ca(folder: &Path, made: &Intermediate, root: &[u8]) -> Vec<NewFile> {
    vec![
        private(folder, "secrets/intermediate_ca_key", key(made)),
        NewFile::public(folder.join("certs/intermediate_ca.crt"), pem::certificate(&made.certificate.der)),
        NewFile::public(folder.join("certs/root_ca.crt"), pem::certificate(root)),
    ]
}

fn key(made: &Intermediate) -> Zeroizing<Vec<u8>> {
    pem::private_key(made.key.serialized_der())
}

fn private(folder: &Path, name: &str, content: Zeroizing<Vec<u8>>) -> NewFile {
    NewFile { path: folder.join(name), content, secrecy: Secrecy::Private, replace: false }
}
