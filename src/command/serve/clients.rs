//! The CAs of clients for `devca serve --mtls`: one of devca's, or those in a file.

use std::path::{Path, PathBuf};

use crate::ca;
use crate::cli::{self, ClientAuth};
use crate::command::Context;
use crate::command::shared::watched_ca::stamp;
use crate::disk::files;
use crate::disk::home::CaFolder;
use crate::error::Fault;
use crate::issued::inventory::Inventory;
use crate::serve::clients::{ClientCaFiles, ClientCas, ClientRules};
use crate::x509::certificate::CaCertificate;
use crate::x509::pem;

/// The requirements for clients, if there are any.
pub(super) fn rules(
    context: &Context,
    args: &cli::Serve,
    are_pages: bool,
) -> anyhow::Result<Option<ClientRules>> {
    let Some(mode) = args.mtls else { return Ok(None) };
    let files: Box<dyn ClientCaFiles> = match &args.client_ca {
        None => Box::new(DevcaCa { folder: context.folder.clone() }),
        Some(path) => match named(context, path) {
            Some(folder) => Box::new(DevcaCa { folder }),
            None => Box::new(PemFiles { folder: context.folder.clone(), roots: path.clone(), list: None }),
        },
    };
    let files = match (&args.crl, &args.client_ca) {
        (None, _) => files,
        (Some(list), Some(path)) if named(context, path).is_none() => {
            let folder = context.folder.clone();
            Box::new(PemFiles { folder, roots: path.clone(), list: Some(list.clone()) })
        }
        (Some(_), _) => {
            let what = "--crl is for --client-ca FILE: what a CA of devca's has revoked is known";
            return Err(Fault::usage(what, "omit --crl").into());
        }
    };
    let required = mode == ClientAuth::Required;
    let only_judge = are_pages && !required;
    Ok(Some(ClientRules { required, only_judge, allow: args.allow.clone(), files }))
}

/// The devca CA with this name, unless the word is a file.
fn named(context: &Context, word: &Path) -> Option<CaFolder> {
    if word.components().count() > 1 || word.exists() {
        return None;
    }
    let name = word.to_str()?;
    context.folder.siblings().into_iter().find(|folder| folder.name.to_string() == name && ca::exists(folder))
}

/// A devca CA: its root, and the revocations in its inventory.
struct DevcaCa {
    folder: CaFolder,
}

impl ClientCaFiles for DevcaCa {
    fn stamp(&self) -> u64 {
        stamp(&[&self.folder.root(), &self.folder.inventory()])
    }

    fn load(&self) -> anyhow::Result<ClientCas> {
        self.folder.refuse_unsafe()?;
        let root = CaCertificate::load(&self.folder.root())?;
        let revoked = Inventory::load(&self.folder.inventory())?.revoked().into_iter().collect();
        Ok(ClientCas {
            roots: vec![root.der],
            revoked,
            option: Some(self.folder.option()),
            ..ClientCas::default()
        })
    }
}

/// A PEM file of CA certificates, and one of revocation lists.
struct PemFiles {
    /// The folder of a CA: those in the file may be others of devca's.
    folder: CaFolder,
    roots: PathBuf,
    list: Option<PathBuf>,
}

impl ClientCaFiles for PemFiles {
    fn stamp(&self) -> u64 {
        let list = self.list.as_deref();
        stamp(&[Some(self.roots.as_path()), list].into_iter().flatten().collect::<Vec<_>>())
    }

    fn load(&self) -> anyhow::Result<ClientCas> {
        let roots = pem::contents(&files::read_named(&self.roots)?).certificates;
        if roots.is_empty() {
            let what = format!("{} contains no certificate", self.roots.display());
            return Err(
                Fault::new(what, "use a CA certificate in PEM, or the name of a CA: devca ca list").into()
            );
        }
        let mut lists = Vec::new();
        if let Some(path) = &self.list {
            lists = pem::crls(&files::read_named(path)?);
            if lists.is_empty() {
                let what = format!("{} contains no revocation list", path.display());
                return Err(Fault::new(what, "use a list in PEM, as devca crl writes it").into());
            }
        }
        let is_in_file = |folder: &CaFolder| {
            CaCertificate::load(&folder.root()).is_ok_and(|root| roots.contains(&root.der))
        };
        let option = self.folder.siblings().iter().find(|folder| is_in_file(folder)).map(CaFolder::option);
        Ok(ClientCas { roots, lists, option, ..ClientCas::default() })
    }
}
