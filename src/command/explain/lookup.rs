//! What can be looked up on this machine about the causes that `devca explain` lists.

use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use devca_platform::{Account, Found, Host, StoreKind};

use crate::ca;
use crate::check::catalogue::{
    Client, Diagnosis, KEY_ID_MISMATCH, MISSING_INTERMEDIATE, REJECTED_BY_CLIENT, REPLACED_ROOT,
    UNTRUSTED_ROOT,
};
use crate::command::context::is_root;
use crate::command::shared::anchor;
use crate::disk::home::{CaFolder, CaName, Person};
use crate::issued::inventory::Inventory;
use crate::issued::presence::{self, State};
use crate::issued::renewal::PresentRoot;
use crate::report;
use crate::x509::certificate::CaCertificate;

/// Whether something on this machine tells how likely the fault is.
pub(super) fn applies(fault: &Diagnosis) -> bool {
    [&UNTRUSTED_ROOT, &REPLACED_ROOT, &MISSING_INTERMEDIATE, &REJECTED_BY_CLIENT].contains(&fault)
}

/// Whether these clients ship their own roots, so that `devca install` does not affect them.
pub(super) fn has_own_roots(clients: &[Client]) -> bool {
    clients.iter().any(|client| matches!(client, Client::Node | Client::Python))
}

/// What is known about the CA on this machine.
pub(super) struct Machine {
    has_root: bool,
    has_intermediate: bool,
    /// The stores that answered in time.
    trusted_by: Vec<String>,
    not_trusted_by: Vec<String>,
    /// A certificate of an earlier root that is still in its place, and how many more there are.
    outdated: Option<(PathBuf, usize)>,
}

impl Machine {
    /// Returns `None` if the CA's folder cannot be read safely.
    pub(super) fn look(person: &Person, name: CaName) -> Option<Self> {
        let folder = CaFolder::locate(person, name).ok()?;
        folder.refuse_unsafe().ok()?;
        let root = CaCertificate::load(&folder.root()).ok();
        let stores = root.as_ref().map(|root| ask_stores(person, root.der.clone())).unwrap_or_default();
        let (trusted, others): (Vec<_>, Vec<_>) = stores.into_iter().partition(|(_, holds)| *holds);
        let names = |stores: Vec<(String, bool)>| stores.into_iter().map(|(name, _)| name).collect();
        Some(Self {
            has_root: root.is_some(),
            has_intermediate: ca::intermediate(&folder).is_some(),
            trusted_by: names(trusted),
            not_trusted_by: names(others),
            outdated: root.as_ref().and_then(|root| outdated(&folder, root)),
        })
    }

    /// Whether every store that was read contains the root.
    pub(super) fn is_installed(&self) -> bool {
        !self.trusted_by.is_empty() && self.not_trusted_by.is_empty()
    }

    /// The position among faults with the same message, the most likely first.
    pub(super) fn rank(&self, fault: &Diagnosis, said_by: &[Client]) -> u8 {
        let has_outdated = self.outdated.is_some();
        match fault {
            fault if *fault == REPLACED_ROOT && has_outdated => {
                if self.is_installed() && !has_own_roots(said_by) { 0 } else { 2 }
            }
            fault if *fault == REPLACED_ROOT && self.has_root => 3,
            fault if *fault == MISSING_INTERMEDIATE && !self.has_intermediate => 4,
            // devca always names the right key, so that this is another CA's.
            fault if *fault == KEY_ID_MISMATCH => 5,
            _ => 1,
        }
    }

    /// Says what was found that makes the fault likely or unlikely.
    pub(super) fn evidence(&self, fault: &Diagnosis, said_by: &[Client]) -> Option<Evidence> {
        match fault {
            fault if *fault == UNTRUSTED_ROOT || *fault == REJECTED_BY_CLIENT => {
                self.trust(said_by).map(Evidence::likely)
            }
            fault if *fault == REPLACED_ROOT && self.has_root => Some(self.replaced()),
            fault if *fault == MISSING_INTERMEDIATE && self.has_root && !self.has_intermediate => {
                Some(Evidence::unlikely("your CA has no intermediate, its root signs certificates directly"))
            }
            _ => None,
        }
    }

    fn trust(&self, said_by: &[Client]) -> Option<String> {
        if !self.has_root {
            return Some("there is no root yet: run devca install".into());
        }
        let own = "a client with its own roots needs devca run -- PROGRAM";
        if !self.not_trusted_by.is_empty() {
            let own = if has_own_roots(said_by) { format!("; {own}") } else { String::new() };
            return Some(format!(
                "your root is not in {}: run devca install{own}",
                self.not_trusted_by.join(", ")
            ));
        }
        let trusted = (!self.trusted_by.is_empty())
            .then(|| format!("your root is trusted by {}", self.trusted_by.join(", ")))?;
        Some(if has_own_roots(said_by) {
            format!("{trusted}; {own}")
        } else {
            format!("{trusted}; restart the client if it was already running")
        })
    }

    fn replaced(&self) -> Evidence {
        match &self.outdated {
            None => Evidence::unlikely("the inventory has no certificate of an earlier root"),
            Some((path, 0)) => {
                Evidence::likely(format!("{} was issued by an earlier root", report::short(path)))
            }
            Some((path, more)) => {
                let path = report::short(path);
                Evidence::likely(format!("{path} and {more} more were issued by an earlier root"))
            }
        }
    }
}

/// What was found on this machine about a fault.
pub(super) struct Evidence {
    pub(super) text: String,
    /// Whether it makes the fault unlikely.
    pub(super) is_unlikely: bool,
    /// The command that fixes it, in place of the fault's first one.
    pub(super) fix: Option<String>,
}

impl Evidence {
    pub(super) fn likely(text: String) -> Self {
        Self { text, is_unlikely: false, fix: None }
    }

    fn unlikely(text: &str) -> Self {
        Self { text: text.to_owned(), is_unlikely: true, fix: None }
    }
}

/// Asks each store whether it contains the root. Stores that take too long are not waited for.
fn ask_stores(person: &Person, root: Vec<u8>) -> Vec<(String, bool)> {
    const PATIENCE: Duration = Duration::from_secs(2);
    let account = Account { home: person.home.clone(), ids: person.ids };
    let (sender, answers) = mpsc::channel();
    thread::spawn(move || {
        let (host, anchor) = (Host::this(account, is_root()), anchor::of_der(&root));
        for found in devca_platform::find(&host, &StoreKind::ALL) {
            let Found::Store(store) = found else { continue };
            let name = match store.kind() {
                StoreKind::System => "the system store".to_owned(),
                _ => report::tildes(&store.place()),
            };
            if let Ok(holds) = store.holds(&anchor)
                && sender.send((name, holds)).is_err()
            {
                return;
            }
        }
    });
    let end = Instant::now() + PATIENCE;
    let next = || answers.recv_timeout(end.saturating_duration_since(Instant::now())).ok();
    std::iter::from_fn(next).collect()
}

/// The first certificate in use that the present root did not issue, and the number of others.
fn outdated(folder: &CaFolder, root: &CaCertificate) -> Option<(PathBuf, usize)> {
    let inventory = Inventory::load(&folder.inventory()).ok()?;
    let revoked = inventory.revoked();
    let present = PresentRoot::new(Some(root), folder);
    let entries = inventory.in_use();
    let mut outdated = entries.iter().filter(|entry| {
        !revoked.contains(&entry.serial)
            && presence::quick_state(entry) == State::There
            && !present.has_issued(entry)
    });
    let first = presence::first(outdated.next()?).to_owned();
    Some((first, outdated.count()))
}
