//! Chain and key in one PEM file, for HAProxy (crt), lighttpd (ssl.pemfile) and MongoDB (certificateKeyFile).

use zeroize::Zeroizing;

use super::{Holds, Material, Part, pem};

pub(super) const PARTS: &[Part] =
    &[Part { label: "combined", suffix: "-combined.pem", holds: Holds::Opaque, render }];

fn render(material: &Material) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let (chain, key) = (material.chain(), pem::key(material)?);
    // Allocate the full size at once, because a growing vector leaves copies of the key behind.
    let mut all = Zeroizing::new(Vec::with_capacity(chain.len() + key.len()));
    all.extend_from_slice(&chain);
    all.extend_from_slice(&key);
    Ok(all)
}
