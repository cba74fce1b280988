//! Converts roots for the stores.

use devca_platform::Anchor;

use crate::x509::certificate::CaCertificate;
use crate::x509::key;

/// The root as an anchor; its label distinguishes devca's roots from others and from each other.
pub(in crate::command) fn of(root: &CaCertificate) -> Anchor {
    of_der(&root.der)
}

/// Does the same for a root that may not be devca's.
pub(in crate::command) fn of_der(der: &[u8]) -> Anchor {
    let label = format!("devca-{}", &hex::encode(key::sha256(der))[..16]);
    Anchor { label, der: der.to_vec(), sha1: key::sha1(der) }
}
