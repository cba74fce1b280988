//! PEM: one file with the certificate, and one with its key in PKCS#8.

use zeroize::Zeroizing;

use super::{Holds, Material, Part};

pub(super) const PARTS: &[Part] =
    &[KEY, Part { label: "certificate", suffix: ".pem", holds: Holds::Certificate, render: certificate }];

pub(super) const KEY: Part = Part { label: "key", suffix: "-key.pem", holds: Holds::Key, render: key };

/// Only the leaf, unless an intermediate signed it: clients could not verify it without that.
fn certificate(material: &Material) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    Ok(if material.authority.is_sealed {
        material.chain().into()
    } else {
        crate::x509::pem::certificate(&material.issued.certificate).into()
    })
}

pub(super) fn key(material: &Material) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    Ok(crate::x509::pem::private_key(material.key()?))
}
