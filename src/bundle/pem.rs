//! PEM: one file with the certificate, one with its key in PKCS#8.

use zeroize::Zeroizing;

use crate::issuer::Issued;

pub(super) fn certificate(issued: &Issued) -> Zeroizing<Vec<u8>> {
    crate::pem::certificate(&issued.certificate).into()
}

pub(super) fn key(issued: &Issued) -> Zeroizing<Vec<u8>> {
    crate::pem::private_key(&issued.key)
}
