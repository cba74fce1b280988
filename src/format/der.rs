//! DER: the certificate as X.509 and the key as PKCS#8. The format cannot hold a chain.

use zeroize::Zeroizing;

use super::{Holds, Material, Part};

/// The labels in the inventory.
pub(super) const KEY: &str = "der key";
pub(super) const CERTIFICATE: &str = "der";

pub(super) const PARTS: &[Part] = &[
    Part { label: KEY, suffix: "-key.der", holds: Holds::Opaque, render: key },
    Part { label: CERTIFICATE, suffix: ".der", holds: Holds::Public, render: certificate },
];

fn certificate(material: &Material) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    Ok(material.issued.certificate.clone().into())
}

fn key(material: &Material) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    Ok(material.key()?.to_vec().into())
}
