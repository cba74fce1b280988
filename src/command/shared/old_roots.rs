//! The previous roots of a CA, which stores may still contain.

use std::cell::LazyCell;

use devca_platform::{Problem, Store};

use crate::command::Context;
use crate::command::shared::anchor;
use crate::command::shared::held::HeldRoot;
use crate::x509::certificate::{self, CaCertificate};
use crate::x509::pem;

/// The roots that `permit` and `rotate` replaced, from `earlier.pem`.
pub(in crate::command) struct OldRoots {
    known: Vec<CaCertificate>,
}

impl OldRoots {
    /// The previous roots of this CA. The file alone proves nothing: a certificate that is neither a root of
    /// devca or mkcert nor the current root with other constraints was never this CA's, and must not be
    /// removed from stores.
    pub(in crate::command) fn remembered(context: &Context) -> Self {
        let present = context.root().ok();
        // Evaluated at most once, because it may ask for a passphrase.
        let has_key = LazyCell::new(|| present.as_ref().is_some_and(|present| context.has_key_of(present)));
        let is_own = |root: &CaCertificate| {
            certificate::local_ca(&root.der).is_some()
                || (present.as_ref().is_some_and(|present| present.has_key_of(root)) && *has_key)
        };
        let is_present =
            |root: &CaCertificate| present.as_ref().is_some_and(|present| present.der == root.der);
        let known = pem::certificates(&context.folder.earlier());
        let known = known.into_iter().filter_map(|der| CaCertificate::parse(der).ok());
        Self { known: known.filter(|root| is_own(root) && !is_present(root)).collect() }
    }

    /// The previous roots that a store contains.
    pub(in crate::command) fn in_store(&self, store: &dyn Store) -> Result<Vec<HeldRoot>, Problem> {
        let mut held = Vec::new();
        for root in &self.known {
            if store.holds(&anchor::of(root))? {
                held.push(HeldRoot::new(root.common_name.clone(), root.der.clone()));
            }
        }
        Ok(held)
    }
}
