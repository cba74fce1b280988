//! A Secret of type kubernetes.io/tls, as used by an Ingress and created by `kubectl apply`.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rcgen::KeyPair;
use zeroize::Zeroizing;

use super::{Holds, Material, Part, pem};

pub(super) const PARTS: &[Part] =
    &[Part { label: "secret", suffix: "-secret.yaml", holds: Holds::Opaque, render }];

fn render(material: &Material) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let key = Zeroizing::new(BASE64_STANDARD.encode(pem::key(material)?));
    let metadata = format!("  name: {}", object_name(material.label));
    Ok(secret(&metadata, &material.chain(), &key, &material.authority.root.der))
}

/// Renders the manifest; `key` is already Base64.
pub(super) fn secret(metadata: &str, chain: &[u8], key: &str, root: &[u8]) -> Zeroizing<Vec<u8>> {
    let (chain, root) =
        (BASE64_STANDARD.encode(chain), BASE64_STANDARD.encode(crate::x509::pem::certificate(root)));
    let manifest = format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n{metadata}\ntype: kubernetes.io/tls\ndata:\n  \
         tls.crt: {chain}\n  tls.key: {key}\n  ca.crt: {root}\n"
    );
    manifest.into_bytes().into()
}

/// The key in a manifest that devca wrote.
pub(super) fn private_key(manifest: &[u8]) -> Option<Zeroizing<KeyPair>> {
    let text = std::str::from_utf8(manifest).ok()?;
    let key = text.lines().find_map(|line| line.trim().strip_prefix("tls.key: "))?;
    crate::x509::pem::key_in(&Zeroizing::new(BASE64_STANDARD.decode(key).ok()?))
}

/// The chain in a manifest that devca wrote, as PEM.
pub(super) fn chain(manifest: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(manifest).ok()?;
    let chain = text.lines().find_map(|line| line.trim().strip_prefix("tls.crt: "))?;
    BASE64_STANDARD.decode(chain).ok()
}

/// A label as defined in RFC 1123, which Kubernetes requires for object names. It is quoted if YAML would
/// parse it as a number.
fn object_name(text: &str) -> String {
    let name: String = text
        .to_ascii_lowercase()
        .replace('*', "wildcard")
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' })
        .take(200)
        .collect();
    let labels = name.split('.').map(|label| label.trim_matches('-')).filter(|label| !label.is_empty());
    format!("\"{}-tls\"", labels.collect::<Vec<_>>().join("."))
}
