//! Signs certificates on one thread: it takes the CA's lock, signs everything requested in the meantime, adds it to the
//! inventory in one write, and only then answers.

use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use rcgen::SubjectPublicKeyInfo;
use time::OffsetDateTime;
use tokio::sync::oneshot;

use super::log::AcmeLog;
use super::problem::{AcmeProblem, ProblemKind};
use crate::ca::Authority;
use crate::ca::signer::{Issued, KeySource, Request, Signer, outside};
use crate::disk::files::Files;
use crate::disk::home::CaFolder;
use crate::error::{CaOption, OrHint, hint};
use crate::format::{Material, Options};
use crate::issued::inventory::{self, Entry, Revocation};
use crate::serve::certificates::CaFiles;
use crate::x509::kind::Kind;
use crate::x509::name::Name;
use crate::x509::pem;
use crate::x509::policy;
use crate::x509::subject::Subject;
use crate::x509::validity::Validity;

/// The maximum number of certificates signed under one lock.
const MOST_TOGETHER: usize = 256;

/// A certificate with its chain.
pub(super) struct IssuedChain {
    pub(super) issued: Issued,
    /// The leaf and the intermediate, in PEM.
    pub(super) pem: String,
    /// The root, in PEM.
    pub(super) root: String,
    /// The issuer's key identifier.
    pub(super) key_id: Vec<u8>,
    pub(super) intermediate: bool,
}

type IssuerAnswer<T> = oneshot::Sender<Result<T, AcmeProblem>>;

enum IssuerJob {
    /// For this account.
    Issue(Box<Request>, String, IssuerAnswer<IssuedChain>),
    Revoke(Revocation, IssuerAnswer<()>),
}

/// The CA, as the server uses it.
pub(super) struct Issuer {
    jobs: Sender<IssuerJob>,
    ca: Arc<Mutex<SigningCa>>,
    option: CaOption,
    /// Whether to issue for public addresses.
    allow_public: bool,
    log: Arc<AcmeLog>,
}

/// The CA's files and their contents.
pub struct SigningCa {
    /// Their location.
    pub folder: CaFolder,
    /// Writes them.
    pub files: Files,
    /// Loads them again.
    pub source: Box<dyn CaFiles>,
    /// The contents when they were last loaded.
    pub authority: Authority,
    /// The stamp of the files at that time.
    pub stamp: u64,
}

impl SigningCa {
    /// Issues through an intermediate, as public CAs do, because certbot does not accept a shorter chain. Creates the
    /// intermediate if it does not exist.
    fn go_through_intermediate(&mut self) -> anyhow::Result<()> {
        if self.authority.intermediate.is_none() {
            let _lock = self.files.lock(&self.folder.lock(), &|| ())?;
            self.files.finish_exchange(&self.folder.path)?;
            // Nothing changes while the lock is held.
            if self.has_changed() {
                self.authority = self.source.load()?;
            }
            let now = OffsetDateTime::now_utc();
            self.authority = self.authority.through_intermediate(&self.folder, self.files, now)?;
            self.stamp = self.source.stamp();
        }
        Ok(())
    }

    /// Whether the files are not those that were loaded.
    fn has_changed(&self) -> bool {
        self.source.stamp() != self.stamp
    }

    /// Does everything that must precede signing.
    fn prepare(&mut self, log: &AcmeLog) {
        self.look_again(log);
        if let Err(e) = self.go_through_intermediate() {
            log.warn(format!("cannot issue through an intermediate: {e:#}"), Some(hint(&e)));
        }
    }

    /// Reloads the CA if commands such as `devca rotate` or `devca permit` have changed it.
    fn look_again(&mut self, log: &AcmeLog) {
        let stamp = self.source.stamp();
        if stamp == self.stamp {
            return;
        }
        // Files that are changing right now are loaded again for the next request.
        match self.source.load() {
            Ok(authority) => {
                if authority.root.der != self.authority.root.der {
                    let name = &authority.root.common_name;
                    log.warn(format!("the root was replaced: issuing certificates of {name}"), None);
                }
                (self.authority, self.stamp) = (authority, stamp);
            }
            Err(e) => {
                let what = format!("the root has changed, and the new one cannot be used: {e:#}");
                log.warn(what, Some(hint(&e)));
            }
        }
    }
}

impl Issuer {
    /// Starts with a CA that was already loaded.
    pub(super) fn start(mut ca: SigningCa, allow_public: bool, log: Arc<AcmeLog>) -> anyhow::Result<Self> {
        ca.go_through_intermediate()?;
        let option = ca.folder.option();
        let ca = Arc::new(Mutex::new(ca));
        let (jobs, receiver) = mpsc::channel();
        let own = ca.clone();
        thread::Builder::new()
            .name("issuer".into())
            .spawn({
                let log = log.clone();
                move || work(&own, &receiver, &log)
            })
            .or_hint(|| "cannot start a thread".into(), || "close other programs, and try again".into())?;
        Ok(Self { jobs, ca, option, allow_public, log })
    }

    /// Whether a certificate for this name may be issued.
    pub(super) fn judge(&self, name: &Name) -> Result<(), AcmeProblem> {
        let mut ca = lock(&self.ca);
        // The user may just have permitted it.
        if !ca.authority.signer().constraints.permit(name) {
            ca.look_again(&self.log);
        }
        let rejected = |detail: String| AcmeProblem::new(ProblemKind::RejectedIdentifier, detail);
        if !ca.authority.signer().constraints.permit(name) {
            let fault = outside(name);
            return Err(rejected(format!("{fault}; {}", self.option.hint(fault.hint()))));
        }
        if !self.allow_public && policy::needs_consent(name, &ca.authority.signer().constraints) {
            let start = self.option.hint("devca acme --allow-public");
            return Err(rejected(format!(
                "{name} is not a private address; to issue certificates for it: {start}"
            )));
        }
        Ok(())
    }

    /// Signs a certificate for a client's key.
    pub(super) async fn issue(
        &self,
        account: String,
        subject: Subject,
        key: SubjectPublicKeyInfo,
        validity: Validity,
    ) -> Result<IssuedChain, AcmeProblem> {
        let request = Request { kind: Kind::Server, subject, key: KeySource::Requested(key), validity };
        let (answer, answered) = oneshot::channel();
        self.send(IssuerJob::Issue(Box::new(request), account, answer))?;
        answered.await.map_err(|_| ended())?
    }

    /// Adds a serial number to the revocation list.
    pub(super) async fn revoke(&self, serial: String, intermediate: bool) -> Result<(), AcmeProblem> {
        let now = OffsetDateTime::now_utc();
        let revoked = now.replace_nanosecond(0).unwrap_or(now);
        let revocation = Revocation { v: inventory::FORMAT, revoked, serial, intermediate };
        let (answer, answered) = oneshot::channel();
        self.send(IssuerJob::Revoke(revocation, answer))?;
        answered.await.map_err(|_| ended())?
    }

    fn send(&self, job: IssuerJob) -> Result<(), AcmeProblem> {
        self.jobs.send(job).map_err(|_| ended())
    }
}

fn ended() -> AcmeProblem {
    AcmeProblem::internal("the issuing thread has ended")
}

fn lock(ca: &Mutex<SigningCa>) -> MutexGuard<'_, SigningCa> {
    ca.lock().unwrap_or_else(PoisonError::into_inner)
}

fn work(ca: &Mutex<SigningCa>, jobs: &Receiver<IssuerJob>, log: &AcmeLog) {
    while let Ok(first) = jobs.recv() {
        let more = std::iter::from_fn(|| jobs.try_recv().ok());
        let jobs: Vec<IssuerJob> = std::iter::once(first).chain(more).take(MOST_TOGETHER).collect();
        handle(ca, jobs, log);
    }
}

/// Sends an answer once the inventory is written.
type Ready = Box<dyn FnOnce(Result<(), AcmeProblem>)>;

fn handle(ca: &Mutex<SigningCa>, jobs: Vec<IssuerJob>, log: &AcmeLog) {
    let (folder, files) = {
        let ca = lock(ca);
        (ca.folder.clone(), ca.files)
    };
    // The CA's lock first: another devca may hold it while someone types a passphrase; names can be judged meanwhile.
    let take = || {
        let lock = files.lock(&folder.lock(), &|| ())?;
        files.finish_exchange(&folder.path)?;
        anyhow::Ok(lock)
    };
    lock(ca).prepare(log);
    let mut locked = take();
    if lock(ca).has_changed() {
        // Another devca had the lock, and changed the CA.
        drop(locked);
        lock(ca).prepare(log);
        locked = take();
    }
    let (mut lines, mut ready) = (String::new(), Vec::<Ready>::new());
    {
        let ca = lock(ca);
        for job in jobs {
            match job {
                IssuerJob::Issue(request, account, answer) => {
                    match sign(&ca.authority, &request, account, &mut lines) {
                        Ok(chain) => ready.push(Box::new(move |written| {
                            let _ = answer.send(written.map(|()| chain));
                        })),
                        Err(e) => _ = answer.send(Err(AcmeProblem::internal(format!("{e:#}")))),
                    }
                }
                IssuerJob::Revoke(revocation, answer) => {
                    lines.push_str(&inventory::lines_of([&revocation]).unwrap_or_default());
                    ready.push(Box::new(move |written| _ = answer.send(written)));
                }
            }
        }
    }
    let written = locked.and_then(|lock| {
        let written = if lines.is_empty() { Ok(()) } else { files.append_lines(&folder.inventory(), &lines) };
        drop(lock);
        written
    });
    let written = written.map_err(|e| {
        log.warn(format!("cannot issue certificates: {e:#}"), Some(hint(&e)));
        AcmeProblem::internal(format!("the inventory cannot be written: {e:#}"))
    });
    for answer in ready {
        answer(written.clone());
    }
}

/// Signs, and adds the inventory's line.
fn sign(
    authority: &Authority,
    request: &Request,
    account: String,
    lines: &mut String,
) -> anyhow::Result<IssuedChain> {
    let issued = Signer::new(authority)?.issue(request)?;
    let options = Options::default();
    let material = Material { issued: &issued, authority, options: &options, label: "" };
    let entry = Entry::new(request, &material, &[], &[], OffsetDateTime::now_utc());
    let entry = Entry { acme_account: Some(account), ..entry };
    lines.push_str(&inventory::lines_of([&entry])?);
    let text = |der: &[u8]| String::from_utf8_lossy(&pem::certificate(der)).into_owned();
    let above = authority.intermediate.as_ref().map(|ca| text(&ca.der)).unwrap_or_default();
    Ok(IssuedChain {
        pem: format!("{}{above}", text(&issued.certificate)),
        root: text(&authority.root.der),
        key_id: authority.signer().key_id.clone().unwrap_or_default(),
        intermediate: authority.intermediate.is_some(),
        issued,
    })
}
