//! An intermediate CA in the form that another system imports it in.

use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

use super::kubernetes;
use crate::ca::Intermediate;
use crate::disk::files::{NewFile, Secrecy};
use crate::x509::pem;

/// cert-manager's CA issuer: the Secret's `tls.crt` is the chain with the root at its end, from which it fills `ca.crt`.
/// A `ClusterIssuer` looks for its Secret in cert-manager's own namespace.
pub fn cert_manager(folder: &Path, made: &Intermediate, root: &[u8]) -> Vec<NewFile> {
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

/// The PKI engine's `config/ca` takes one bundle: key, intermediate, root.
pub fn vault(folder: &Path, made: &Intermediate, root: &[u8]) -> Vec<NewFile> {
    let (key, certificate, root) =
        (key(made), pem::certificate(&made.certificate.der), pem::certificate(root));
    let mut bundle = Zeroizing::new(Vec::with_capacity(key.len() + certificate.len() + root.len()));
    for part in [key.as_slice(), &certificate, &root] {
        bundle.extend_from_slice(part);
    }
    vec![private(folder, "bundle.pem", bundle)]
}

/// The files that `step ca init` would have made, under its names.
pub fn step_ca(folder: &Path, made: &Intermediate, root: &[u8]) -> Vec<NewFile> {
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
