//! The certificates that are known on this machine.

use std::path::PathBuf;

use devca_platform::{Host, bundle};

use crate::check::catalogue::REVOKED;
use crate::check::chain::{Chain, Link};
use crate::check::{Finding, issue};
use crate::cli;
use crate::command::Context;
use crate::command::shared::stores;
use crate::disk::home::CaFolder;
use crate::issued::inventory::Inventory;
use crate::x509::certificate::CaCertificate;
use crate::x509::pem;

/// The certificates that are known on this machine.
pub(super) struct Roots {
    /// The CA that the command is about.
    folder: CaFolder,
    pub(super) host: Host,
    /// The trusted roots: those of `--roots`, or else the system's and the user's.
    pub(super) anchors: Vec<Link>,
    /// Other known certificates: intermediates, roots that were replaced, and mkcert's root.
    pub(super) others: Vec<Link>,
    /// The roots in the system's store.
    pub(super) system: Vec<Vec<u8>>,
    /// The user's CAs with their roots.
    pub(super) own: Vec<(CaFolder, Vec<u8>)>,
    /// Roots that were replaced, with their CAs.
    pub(super) earlier: Vec<(CaFolder, Vec<u8>)>,
    /// The roots of `--roots`; if given, only these are trusted.
    pub(super) given: Option<Vec<Vec<u8>>>,
}

impl Roots {
    pub(super) fn gather(context: &Context, args: &cli::Check) -> anyhow::Result<Self> {
        let given = match &args.roots {
            Some(path) => {
                pem::first_certificate(path)?;
                Some(pem::certificates(path))
            }
            None => None,
        };
        let host = stores::host(context, &args.stores)?;
        let system = bundle::system_roots(&host);
        let (mut own, mut earlier, mut others) = (Vec::new(), Vec::new(), Vec::new());
        for folder in context.folder.siblings() {
            if let Ok(root) = CaCertificate::load(&folder.root()) {
                others.extend(crate::ca::intermediate(&folder).map(|intermediate| intermediate.der));
                earlier.extend(
                    pem::certificates(&folder.earlier()).into_iter().map(|der| (folder.clone(), der)),
                );
                own.push((folder, root.der));
            }
        }
        others.extend(mkcert_root(context).iter().flat_map(|path| pem::certificates(path)));
        let read =
            |list: &mut dyn Iterator<Item = &Vec<u8>>| list.filter_map(|der| Link::read(der)).collect();
        let mut present = own.iter().map(|(_, der)| der).chain(&system);
        let mut less = earlier.iter().map(|(_, der)| der).chain(&others);
        let (anchors, others) = match &given {
            Some(given) => (read(&mut given.iter()), read(&mut present.chain(less))),
            None => (read(&mut present), read(&mut less)),
        };
        Ok(Self { folder: context.folder.clone(), host, anchors, others, system, own, earlier, given })
    }

    /// The user's CA that a server accepts for clients.
    pub(super) fn own_among(&self, acceptable: &[Vec<u8>]) -> Option<&CaFolder> {
        let is_named = |der: &[u8]| Link::read(der).is_some_and(|link| acceptable.contains(&link.subject));
        self.own.iter().find(|(_, der)| is_named(der)).map(|(folder, _)| folder)
    }

    /// Makes the commands in a hint apply to the user's CA that issued the certificate.
    pub(super) fn hint(&self, certificate: &Link, text: &str) -> String {
        let has_issued = |der: &[u8]| {
            let issuer = Link::read(der);
            issuer.is_some_and(|issuer| certificate.names(&issuer) && certificate.agrees_on_key_with(&issuer))
        };
        let intermediate = |folder| crate::ca::intermediate(folder).is_some_and(|ca| has_issued(&ca.der));
        let mut known = self.own.iter().chain(&self.earlier);
        let issuer = known.find(|(folder, root)| has_issued(root) || intermediate(folder));
        issuer.map_or(&self.folder, |(folder, _)| folder).hint(text)
    }

    /// Reports the certificate if the CA that issued it has revoked it.
    pub(super) fn revoked(&self, chain: &Chain) -> anyhow::Result<Option<Finding>> {
        let leaf = &chain.leaf().details;
        for (folder, der) in &self.own {
            if !chain.links.iter().any(|(link, _)| link.der == *der) {
                continue;
            }
            if Inventory::load(&folder.inventory())?.revoked().contains(&leaf.serial) {
                let what = format!(
                    "{} is on the list of {}: clients that read the list reject it",
                    leaf.subject,
                    folder.hint("devca crl")
                );
                let fix = folder.hint(&format!("{} --force", issue(leaf)));
                return Ok(Some(Finding::new(&REVOKED, what, fix).saying(|_| false)));
            }
        }
        Ok(None)
    }
}

/// The folder in which mkcert keeps its root.
fn mkcert_root(context: &Context) -> Option<PathBuf> {
    let folder = match std::env::var_os("CAROOT").filter(|folder| !folder.is_empty()) {
        Some(folder) => PathBuf::from(folder),
        None => context.person.home.as_ref()?.join(".local/share/mkcert"),
    };
    Some(folder.join("rootCA.pem")).filter(|path| path.is_file())
}
