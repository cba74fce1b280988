//! Client certificates that `devca browser add` imported into the browsers' databases.

use std::collections::{BTreeMap, BTreeSet};

use devca_platform::{BrowserDatabase, Ours};

use crate::ca;
use crate::command::Context;
use crate::disk::home::CaFolder;
use crate::issued::inventory::Entry;
use crate::x509::certificate::{CaCertificate, Leaf};
use crate::x509::key;
use crate::x509::kind::Kind;
use crate::x509::pem;

/// The CAs whose certificates devca may replace and remove.
pub(in crate::command) struct Issuers(Vec<CaCertificate>);

impl Issuers {
    /// The root, its intermediate and the previous roots.
    pub(in crate::command) fn of(context: &Context) -> anyhow::Result<Self> {
        Ok(Self::in_folder(&context.folder, context.root()?))
    }

    fn in_folder(folder: &CaFolder, root: CaCertificate) -> Self {
        let earlier = pem::certificates(&folder.earlier());
        let earlier = earlier.into_iter().filter_map(|der| CaCertificate::parse(der).ok());
        Self(std::iter::once(root).chain(ca::intermediate(folder)).chain(earlier).collect())
    }

    /// The current root.
    pub(in crate::command) fn root(&self) -> &CaCertificate {
        &self.0[0]
    }

    /// Calls this with the conditions that a database needs.
    pub(in crate::command) fn with<T>(&self, call: impl FnOnce(&Ours) -> T) -> T {
        call(&Ours {
            is_issued: &|der| is_of(der, &self.0),
            is_unneeded: &|der, all| self.is_unneeded(der, all),
        })
    }

    /// Whether this is an intermediate of one of these issuers that issued none of the other certificates.
    fn is_unneeded(&self, der: &[u8], all: &[&[u8]]) -> bool {
        let Ok(intermediate) = CaCertificate::parse(der.to_vec()) else { return false };
        let is_root = Leaf::parse(der).is_some_and(|own| own.is_of(&intermediate));
        !is_root
            && is_of(der, &self.0)
            && !all.iter().any(|other| is_of(other, std::slice::from_ref(&intermediate)))
    }
}

fn is_of(der: &[u8], issuers: &[CaCertificate]) -> bool {
    Leaf::parse(der).is_some_and(|leaf| issuers.iter().any(|issuer| leaf.is_of(issuer)))
}

/// The names under which client certificates may have been added to browsers.
pub(in crate::command) fn names<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> BTreeSet<&'a str> {
    let clients = entries.into_iter().filter(|entry| entry.kind != Kind::Server);
    clients.filter_map(|entry| entry.common_name.as_deref()).collect()
}

/// Another CA of this person whose certificate with this name is in the database.
pub(in crate::command) fn other_ca(
    context: &Context,
    browser: &BrowserDatabase,
    name: &str,
) -> Option<CaFolder> {
    context.folder.siblings().into_iter().find(|folder| {
        let Ok(root) = CaCertificate::load(&folder.root()) else { return false };
        let issuers = Issuers::in_folder(folder, root);
        issuers.with(|ours| browser.find(name, ours)).is_ok_and(|found| !found.is_empty())
    })
}

/// Notes browsers that still have the previous certificates of these renewed ones.
pub(in crate::command) fn note_previous(context: &Context, renewed: &[Entry]) {
    let is_current = |found: &[Vec<u8>]| found.iter().any(|der| is_in(renewed, der));
    for (name, places) in places(context, renewed, |found| !is_current(found)) {
        let add = context.folder.hint(&format!("devca browser add {name}"));
        context.report.note(format!("{places} the previous certificate of {name}; to replace it: {add}"));
    }
}

/// Notes browsers that still have this certificate, which was revoked.
pub(in crate::command) fn note_revoked(context: &Context, revoked: &Entry) {
    let revoked = std::slice::from_ref(revoked);
    for (name, places) in places(context, revoked, |found| found.iter().any(|der| is_in(revoked, der))) {
        let remove = context.folder.hint(&format!("devca browser remove {name}"));
        context.report.note(format!("{places} the revoked certificate of {name}; to remove it: {remove}"));
    }
}

fn is_in(entries: &[Entry], der: &[u8]) -> bool {
    entries.iter().any(|entry| entry.sha256 == hex::encode(key::sha256(der)))
}

/// For each client among these, quoted, the browsers with certificates of that name for which this is true, and a verb.
fn places(
    context: &Context,
    clients: &[Entry],
    is_meant: impl Fn(&[Vec<u8>]) -> bool,
) -> BTreeMap<String, String> {
    let names = names(clients);
    let host = context.host();
    // Without NSS' tools, devca has added nothing.
    let (false, Ok(issuers), Ok(browsers)) =
        (names.is_empty(), Issuers::of(context), devca_platform::browsers(&host))
    else {
        return BTreeMap::new();
    };
    let mut places = BTreeMap::new();
    for name in names {
        let has = |browser: &&BrowserDatabase| {
            let found = issuers.with(|ours| browser.find(name, ours)).unwrap_or_default();
            !found.is_empty() && is_meant(&found)
        };
        let having: Vec<String> = browsers.iter().filter(has).map(BrowserDatabase::place).collect();
        let verb = if having.len() == 1 { "still has" } else { "still have" };
        if !having.is_empty() {
            let name = devca_platform::step::quoted(name.as_ref());
            places.insert(name, format!("{} {verb}", having.join(" and ")));
        }
    }
    places
}
