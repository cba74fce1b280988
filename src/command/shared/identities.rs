//! Client certificates that `devca browser add` imported into the browsers' databases.

use std::collections::{BTreeMap, BTreeSet};

use devca_platform::{BrowserDatabase, Ours};

use crate::ca;
use crate::command::Context;
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
        let earlier = pem::certificates(&context.folder.earlier());
        let earlier = earlier.into_iter().filter_map(|der| CaCertificate::parse(der).ok());
        let own = std::iter::once(context.root()?).chain(ca::intermediate(&context.folder));
        Ok(Self(own.chain(earlier).collect()))
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

/// Notes browsers that still have the previous certificates of these renewed ones.
pub(in crate::command) fn note_previous(context: &Context, renewed: &[Entry]) {
    let names = names(renewed);
    let host = context.host();
    // Without NSS' tools, devca has added nothing.
    let (false, Ok(issuers), Ok(browsers)) =
        (names.is_empty(), Issuers::of(context), devca_platform::browsers(&host))
    else {
        return;
    };
    let is_current =
        |der: &Vec<u8>| renewed.iter().any(|entry| entry.sha256 == hex::encode(key::sha256(der)));
    let mut places: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for browser in &browsers {
        for name in &names {
            let found = issuers.with(|ours| browser.find(name, ours)).unwrap_or_default();
            if !found.is_empty() && !found.iter().any(is_current) {
                places.entry(name).or_default().push(BrowserDatabase::place(browser));
            }
        }
    }
    for (name, places) in places {
        let verb = if places.len() == 1 { "has" } else { "have" };
        let name = devca_platform::step::quoted(name.as_ref());
        let add = context.folder.hint(&format!("devca browser add {name}"));
        context.report.note(format!(
            "{} still {verb} the previous certificate of {name}; to replace it: {add}",
            places.join(" and ")
        ));
    }
}
