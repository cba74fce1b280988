//! Roots that a CA had before: stores may hold them still.

use std::cell::OnceCell;
use std::path::PathBuf;

use devca_platform::{Anchor, Problem, Store};

use super::{Context, stores};
use crate::certificate::CaCertificate;
use crate::files::{Files, NewFile, Staged};
use crate::home::CaFolder;
use crate::pem;

/// Those that are known, and where stores' programs can read them.
pub(super) struct Predecessors {
    known: Vec<CaCertificate>,
    /// The common name by which lost ones are recognised as well.
    common_name: Option<String>,
    /// The present roots of this CA and its siblings.
    current: Vec<Vec<u8>>,
    scratch: OnceCell<tempfile::TempDir>,
}

impl Predecessors {
    /// Those that this CA remembers: what `permit` and `rotate` have replaced.
    pub(super) fn remembered(context: &Context) -> Self {
        let current = context.folder.siblings().into_iter().filter_map(|folder| read(&folder)).collect();
        let known = pem::certificates(&context.folder.earlier());
        let known = known.into_iter().filter_map(|der| CaCertificate::parse(der).ok()).collect();
        Self { known, common_name: None, current, scratch: OnceCell::new() }
    }

    /// And whatever else has this CA's common name, should its folder have been lost.
    pub(super) fn and_namesakes(self, common_name: String) -> Self {
        Self { common_name: Some(common_name), ..self }
    }

    /// Which of them a store holds.
    pub(super) fn in_store(&self, store: &dyn Store) -> Result<Vec<Anchor>, Problem> {
        let mut anchors = Vec::new();
        for known in &self.known {
            let anchor = self.anchor(known)?;
            if store.holds(&anchor)? {
                anchors.push(anchor);
            }
        }
        let is_new = |der: &Vec<u8>| !self.current.contains(der) && !self.known.iter().any(|k| k.der == *der);
        for der in store.certificates()?.into_iter().filter(is_new) {
            if let Some(root) = CaCertificate::of_devca(der)
                && self.common_name.as_ref() == Some(&root.common_name)
            {
                anchors.push(self.anchor(&root)?);
            }
        }
        Ok(anchors)
    }

    /// The stores' programs read certificates from files.
    fn anchor(&self, root: &CaCertificate) -> Result<Anchor, Problem> {
        let scratch = if let Some(scratch) = self.scratch.get() {
            scratch
        } else {
            let made = tempfile::TempDir::new().map_err(|e| {
                let why = format!("no temporary folder can be made: {e}");
                Problem::new(why, "name one that is there: export TMPDIR=/tmp")
            })?;
            self.scratch.get_or_init(|| made)
        };
        let path: PathBuf = scratch.path().join(format!("{}.pem", crate::key::hex(&root.sha256())));
        if !path.exists() {
            let file = NewFile::public(path.clone(), pem::certificate(&root.der));
            let written = Files::default().stage(vec![file]).and_then(Staged::commit);
            written.map_err(|e| Problem::new(format!("{e:#}"), "check the room in the temporary folder"))?;
        }
        Ok(stores::anchor(root, &path))
    }
}

fn read(folder: &CaFolder) -> Option<Vec<u8>> {
    CaCertificate::load(&folder.root(), folder).ok().map(|root| root.der)
}
