//! The roots of local CAs (devca's and mkcert's) in a store.

use devca_platform::{Problem, Store};
use serde::Serialize;

use crate::x509::certificate;
use crate::x509::key;

/// A root of a local CA in a store, other than the current root.
#[derive(Serialize, Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::command) struct HeldRoot {
    pub(in crate::command) name: String,
    pub(in crate::command) sha256: String,
    #[serde(skip)]
    pub(in crate::command) der: Vec<u8>,
}

impl HeldRoot {
    pub(in crate::command) fn new(name: String, der: Vec<u8>) -> Self {
        Self { name, sha256: hex::encode(key::sha256(&der)), der }
    }

    pub(in crate::command) fn name(&self) -> &str {
        &self.name
    }

    pub(in crate::command) fn sha256(&self) -> &str {
        &self.sha256
    }

    pub(in crate::command) fn is(&self, der: &[u8]) -> bool {
        self.der == der
    }

    pub(in crate::command) fn is_devca(&self) -> bool {
        certificate::local_ca(&self.der).is_some_and(|local| local.is_devca)
    }
}

/// The roots of devca and mkcert in a store.
pub(in crate::command) fn local_roots(store: &dyn Store) -> Result<Vec<HeldRoot>, Problem> {
    let of_local_ca = |der: Vec<u8>| Some(HeldRoot::new(certificate::local_ca(&der)?.common_name, der));
    Ok(store.certificates()?.into_iter().filter_map(of_local_ca).collect())
}
