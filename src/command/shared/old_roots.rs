//! Roots that a CA had before: stores may still hold them.

use std::cell::LazyCell;

use devca_platform::{Problem, Store};

use crate::command::Context;
use crate::command::shared::anchor;
use crate::command::shared::held::HeldRoot;
use crate::x509::certificate::{self, CaCertificate};
use crate::x509::pem;

/// What `permit` and `rotate` have replaced, and `earlier.pem` remembers.
pub(in crate::command) struct OldRoots {
    known: Vec<CaCertificate>,
}

impl OldRoots {
    /// Those of this CA. Its file is not proof: what is neither a root of devca's or mkcert's, nor the present root
    /// with other constraints, was never this CA's, and stays where it is.
    pub(in crate::command) fn remembered(context: &Context) -> Self {
        let present = context.root().ok();
        // Once at most: it may ask for a passphrase.
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

    /// Which of them a store holds.
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
