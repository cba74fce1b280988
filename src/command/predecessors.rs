//! Roots that a CA had before: stores may still hold them.

use devca_platform::{Problem, Store};

use super::Context;
use super::stores::{self, HeldRoot};
use crate::certificate::{self, CaCertificate};
use crate::pem;

/// What `permit` and `rotate` have replaced, and `earlier.pem` remembers.
pub(super) struct Predecessors {
    known: Vec<CaCertificate>,
}

impl Predecessors {
    /// Those of this CA. Its file is not proof: what is neither a root of devca's or mkcert's, nor the present root
    /// with other constraints, was never this CA's, and stays where it is.
    pub(super) fn remembered(context: &Context) -> Self {
        let present = context.root().ok();
        let is_own = |root: &CaCertificate| {
            certificate::local_ca(&root.der).is_some()
                || present.as_ref().is_some_and(|present| present.is_of_the_same_ca_as(root))
        };
        let is_present =
            |root: &CaCertificate| present.as_ref().is_some_and(|present| present.der == root.der);
        let known = pem::certificates(&context.folder.earlier());
        let known = known.into_iter().filter_map(|der| CaCertificate::parse(der).ok());
        Self { known: known.filter(|root| is_own(root) && !is_present(root)).collect() }
    }

    /// Which of them a store holds.
    pub(super) fn in_store(&self, store: &dyn Store) -> Result<Vec<HeldRoot>, Problem> {
        let mut held = Vec::new();
        for root in &self.known {
            if store.holds(&stores::anchor(root))? {
                held.push(HeldRoot::new(root.common_name.clone(), root.der.clone()));
            }
        }
        Ok(held)
    }
}
