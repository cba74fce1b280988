//! PEM: one file with the certificate, one with its key in PKCS#8.

use zeroize::Zeroizing;

use super::{Holds, Material, Part};

pub(super) const PARTS: &[Part] =
    &[KEY, Part { label: "certificate", suffix: ".pem", holds: Holds::Certificate, render: certificate }];

pub(super) const KEY: Part = Part { label: "key", suffix: "-key.pem", holds: Holds::Key, render: key };

/// The leaf alone, unless it can only come from an intermediate: without that it would be of no use anywhere.
#[allow(clippy::unnecessary_wraps)]
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
