//! What every command needs: the report, the user, the CA.

use devca_platform::{Account, Host};
use time::OffsetDateTime;

use crate::ca::{Authority, Draft};
use crate::command::shared::unlock::GivenPassphrase;
use crate::disk::files::{self, Files, NewFile, Secrecy};
use crate::disk::home::{CaFolder, Person};
use crate::error::Fault;
use crate::issued::inventory;
use crate::report::Report;
use crate::x509::certificate::CaCertificate;
use crate::x509::constraints::Constraints;
use crate::x509::name::Name;
use crate::x509::policy;
use crate::x509::subtree::Subtree;

/// The environment that every command runs in.
pub(crate) struct Context<'a> {
    pub(crate) report: &'a Report,
    pub(crate) person: Person,
    pub(crate) folder: CaFolder,
    pub(crate) now: OffsetDateTime,
    pub(super) passphrase: GivenPassphrase,
}

impl<'a> Context<'a> {
    pub(super) fn new(report: &'a Report, person: Person, folder: CaFolder) -> Self {
        Self {
            report,
            person,
            folder,
            now: OffsetDateTime::now_utc(),
            passphrase: GivenPassphrase::default(),
        }
    }

    /// The same context at the current time.
    pub(super) fn now(&self) -> Self {
        self.of(self.folder.clone())
    }

    /// The same for another CA.
    pub(super) fn of(&self, folder: CaFolder) -> Self {
        Self::new(self.report, self.person.clone(), folder)
    }

    /// Takes the CA's lock, creating its folder if necessary, and completes an interrupted change. The
    /// passphrase file is read first: it may be a pipe, and other processes should not wait for it.
    pub(crate) fn lock(&self) -> anyhow::Result<std::fs::File> {
        self.passphrase.read_ahead();
        let files = self.person.files();
        let lock = files.lock(&self.folder.lock(), &|| {
            self.report.note("waiting for another devca process that is using this CA");
        })?;
        files.finish_exchange(&self.folder.path)?;
        Ok(lock)
    }

    /// Creates a root that is not in any store yet and whose key is not encrypted. The caller holds the lock.
    pub(crate) fn create_root(&self, constraints: &Constraints) -> anyhow::Result<Authority> {
        let draft = Draft { common_name: &self.root_name(), constraints, sealed: false, passphrase: None };
        let authority = self.create(&draft)?;
        self.remember_installed(false)?;
        Ok(authority)
    }

    /// Creates a CA. The caller holds the lock.
    pub(crate) fn create(&self, draft: &Draft) -> anyhow::Result<Authority> {
        self.say_if_host_is_outside(draft.constraints);
        Authority::create(
            &self.folder,
            self.person.files(),
            draft,
            &|path, der| self.unlock(path, der),
            self.now,
        )
    }

    /// Warns that the root does not cover this machine's name: only the user knows whether a name such as
    /// `web.example.com` belongs to a public site.
    fn say_if_host_is_outside(&self, constraints: &Constraints) {
        let host = host_name();
        let can_be_permitted = Subtree::parse(&host).is_ok_and(|subtree| !subtree.is_network());
        if can_be_permitted && Name::parse(&host).is_ok_and(|name| !constraints.permit(&name)) {
            self.report.note(format!(
                "the new root is not allowed to sign for this machine's name, {host}, which may be public; \
                 to allow it: {}",
                self.folder.hint(&format!("devca permit {host}"))
            ));
        }
    }

    /// The common name of this CA's roots, with the user, the machine and, unless it is the default one, the
    /// CA.
    pub(crate) fn root_name(&self) -> String {
        let ca = if self.folder.name.is_default() { String::new() } else { format!(" {}", self.folder.name) };
        let whose = format!("devca root {}@{}", self.person.name, host_name());
        // Shorten the rest rather than the CA's name, which distinguishes the roots.
        let room = policy::MAX_COMMON_NAME.saturating_sub(ca.chars().count());
        whose.chars().take(room).chain(ca.chars()).collect()
    }

    /// Records whether any trust store contains the root. The caller holds the lock.
    pub(crate) fn remember_installed(&self, is_installed: bool) -> anyhow::Result<()> {
        let (files, path) = (self.person.files(), self.folder.not_installed());
        match (is_installed, path.exists()) {
            (true, true) => files.remove(&path),
            (false, false) => {
                let file =
                    NewFile { path, content: Vec::new().into(), secrecy: Secrecy::Public, replace: true };
                files.stage(vec![file])?.commit_over()
            }
            _ => Ok(()),
        }
    }

    /// This machine from the user's point of view.
    pub(crate) fn host(&self) -> Host {
        let account = Account { home: self.person.home.clone(), ids: self.person.ids };
        Host::this(account, is_root())
    }

    /// Notes that clients will reject what was issued, if that is known without reading the stores.
    pub(crate) fn note_if_not_installed(&self, root_created: bool) {
        let (root, install) = (self.folder.root(), self.folder.hint("devca install"));
        if root_created {
            let text = "created a root CA";
            self.report.note(format!("{text}, {}; nothing trusts it yet: run {install}", root.display()));
        } else if self.folder.not_installed().exists() {
            self.report.note(format!("no trust store has this root: run {install}"));
        }
    }

    /// Loads the authority, and warns if other users can read its key.
    pub(crate) fn authority(&self) -> anyhow::Result<Authority> {
        let authority = Authority::load(&self.folder, &|path, der| self.unlock(path, der), self.now)?;
        if let Some(warning) = files::too_open(&crate::ca::signing_key(&self.folder)) {
            self.report.note(warning);
        }
        Ok(authority)
    }

    /// Whether the folder contains this root's key. `root.pem` alone proves nothing, because any root could
    /// have been copied there.
    pub(crate) fn has_key_of(&self, root: &CaCertificate) -> bool {
        Authority::load(&self.folder, &|path, key| self.unlock(path, key), self.now)
            .is_ok_and(|authority| authority.root.der == root.der)
    }

    /// Loads the root certificate. The error says how to create one.
    pub(crate) fn root(&self) -> anyhow::Result<CaCertificate> {
        if !crate::ca::exists(&self.folder) {
            return Err(self.no_root().into());
        }
        CaCertificate::load(&self.folder.root())
    }

    /// Writes issued files.
    pub(crate) fn issuing(&self) -> Files {
        Files { tag: Some(self.folder.tag()) }
    }

    /// Notes how many lines of the inventory cannot be read. Returns whether there are any.
    pub(crate) fn note_damage(&self, unreadable: usize) -> bool {
        let damage = inventory::damage(&self.folder.inventory(), unreadable);
        if let Some(fault) = &damage {
            let hint = self.folder.hint(fault.hint());
            self.report.note(format!("{fault}; {hint}"));
        }
        damage.is_some()
    }

    pub(crate) fn no_root(&self) -> Fault {
        Fault::new(format!("no root in {} yet", self.folder.path.display()), "create one: devca install")
    }
}

/// The host name of this machine.
pub(crate) fn host_name() -> String {
    gethostname::gethostname().to_string_lossy().into_owned()
}

/// Whether this process can run root's steps without `sudo`.
pub(crate) fn is_root() -> bool {
    devca_platform::privilege::can_be_root()
}
