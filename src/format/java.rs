//! Java: a key store, and a trust store with the root. Both are PKCS#12, which Java reads since version 8 and
//! uses by default since version 9.

use p12_keystore::{Certificate, KeyStoreEntry};
use zeroize::Zeroizing;

use super::{Holds, Material, Part, pkcs12};

pub(super) const PARTS: &[Part] = &[
    Part { label: "keystore", suffix: "-keystore.p12", holds: Holds::Opaque, render: key_store },
    Part { label: "truststore", suffix: "-truststore.p12", holds: Holds::Public, render: trust_store },
];

/// The alias of both entries; Java requires lower case.
const ALIAS: &str = "devca";

fn key_store(material: &Material) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    pkcs12::key_store(material, ALIAS)
}

fn trust_store(material: &Material) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let root = Certificate::from_der(&material.authority.root.der);
    pkcs12::write(material, ALIAS, root.map(KeyStoreEntry::Certificate))
}
