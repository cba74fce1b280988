//! Stores accounts, orders and everything else in one redb file, or in memory. A single thread writes: changes that
//! arrive during a commit share the next transaction, and no request is answered before its change is written.

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use aws_lc_rs::rand;
use redb::backends::InMemoryBackend;
use redb::{Builder, Database, DatabaseError, Durability, ReadableDatabase, ReadableTable, WriteTransaction};
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use super::problem::{AcmeProblem, ProblemKind};
use crate::error::{Fault, OrHint};
use changes::StoreChanges;
use file::UnflushedFile;
use tables::{Record, SECRETS};
use view::StoreView;

mod changes;
mod file;
pub(super) mod tables;
pub(super) mod view;

/// The size of redb's cache.
const CACHE: usize = 16 << 20;
/// The maximum size of all records in memory: ten thousand certificates with their orders. Indexes and unused parts of
/// pages add as much, or for tiny records four times as much.
const MOST_IN_MEMORY: usize = 48 << 20;
/// The maximum number of changes in one transaction.
const MOST_TOGETHER: usize = 256;
/// The size of a secret in bytes.
const SECRET: usize = 32;

/// A change to the store, which returns what to do after the commit.
type StoreJob = Box<dyn FnOnce(&WriteTransaction) -> Finish + Send>;
type Finish = Box<dyn FnOnce(Result<(), String>) + Send>;

/// The state of the server.
pub(super) struct AcmeStore {
    database: Arc<Database>,
    jobs: Sender<StoreJob>,
    /// The size of the records that were written since the start, in bytes, and its limit.
    size: Arc<AtomicUsize>,
    most: Option<usize>,
}

impl AcmeStore {
    /// Opens this file, or keeps everything in memory, up to a limit.
    pub(super) fn open(file: Option<File>) -> anyhow::Result<Self> {
        let most = if file.is_some() { None } else { Some(MOST_IN_MEMORY) };
        Self::with_limit(file, most)
    }

    fn with_limit(file: Option<File>, most: Option<usize>) -> anyhow::Result<Self> {
        let durability = if file.is_some() { Durability::Immediate } else { Durability::None };
        let database = Arc::new(database(file)?);
        tables::create(&database).or_hint(
            || "cannot write the accounts and orders".into(),
            || "make room on the disk, or keep them in memory: devca acme --ephemeral".into(),
        )?;
        let (jobs, receiver) = mpsc::channel();
        let own = database.clone();
        thread::Builder::new()
            .name("store".into())
            .spawn(move || write(&own, &receiver, durability))
            .or_hint(|| "cannot start a thread".into(), || "close other programs, and try again".into())?;
        Ok(Self { database, jobs, size: Arc::default(), most })
    }

    /// Fails if nothing more should be stored.
    pub(super) fn check_room(&self) -> Result<(), AcmeProblem> {
        match self.most {
            Some(most) if self.size.load(Ordering::Relaxed) >= most => {
                let what = "the memory for accounts and orders is full: restart devca acme, or start it without --ephemeral";
                Err(AcmeProblem::new(ProblemKind::RateLimited, what))
            }
            _ => Ok(()),
        }
    }

    /// The current state.
    pub(super) fn read(&self) -> Result<StoreView, AcmeProblem> {
        Ok(StoreView(self.database.begin_read().map_err(broken)?))
    }

    /// Reads one record.
    pub(super) fn find<R: Record>(&self, id: &str) -> Result<Option<R>, AcmeProblem> {
        self.read()?.find(id)
    }

    /// The secret for a purpose, which is created when it is first used and then stays the same.
    pub(super) async fn secret(&self, purpose: &'static str) -> Result<Zeroizing<Vec<u8>>, AcmeProblem> {
        let change = self.change(move |changes| {
            let mut table = changes.transaction.open_table(SECRETS).map_err(broken)?;
            if let Some(found) = table.get(purpose).map_err(broken)? {
                return Ok(Zeroizing::new(found.value().to_vec()));
            }
            let mut new = Zeroizing::new(vec![0; SECRET]);
            rand::fill(&mut new).map_err(broken)?;
            table.insert(purpose, new.as_slice()).map_err(broken)?;
            Ok(new)
        });
        change.await
    }

    /// Changes the state. A change that fails must not have written anything, because others share its transaction.
    pub(super) async fn change<T: Send + 'static>(
        &self,
        change: impl FnOnce(&StoreChanges) -> Result<T, AcmeProblem> + Send + 'static,
    ) -> Result<T, AcmeProblem> {
        let (answer, answered) = oneshot::channel();
        let size = self.size.clone();
        let job: StoreJob = Box::new(move |transaction| {
            let result = change(&StoreChanges { transaction, size: &size });
            Box::new(move |committed| {
                let result = committed.map_err(broken).and(result);
                let _ = answer.send(result);
            })
        });
        self.jobs.send(job).map_err(|_| broken("its thread has ended"))?;
        answered.await.map_err(|_| broken("its thread has ended"))?
    }
}

fn database(file: Option<File>) -> anyhow::Result<Database> {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE);
    let opened = match file {
        Some(file) => UnflushedFile::new(file).and_then(|file| builder.create_with_backend(file)),
        None => builder.create_with_backend(InMemoryBackend::new()),
    };
    if let Err(DatabaseError::DatabaseAlreadyOpen) = opened {
        let hint = "end it with Ctrl-C, or keep this one's in memory: devca acme --ephemeral --port 14001";
        let what = "another devca acme of this CA is running, which uses its accounts and orders";
        return Err(Fault::new(what, hint).into());
    }
    opened.or_hint(
        || "cannot read the accounts and orders in acme.redb".into(),
        || {
            "keep them in memory: devca acme --ephemeral; or remove the file, and clients create their accounts again"
                .into()
        },
    )
}

fn write(database: &Database, jobs: &Receiver<StoreJob>, durability: Durability) {
    while let Ok(first) = jobs.recv() {
        let mut finish = Vec::new();
        let committed = (|| -> Result<(), redb::Error> {
            let mut transaction = database.begin_write()?;
            transaction.set_durability(durability)?;
            let more = std::iter::from_fn(|| jobs.try_recv().ok());
            for job in std::iter::once(first).chain(more).take(MOST_TOGETHER) {
                finish.push(job(&transaction));
            }
            transaction.commit()?;
            Ok(())
        })();
        let committed = committed.map_err(|e| e.to_string());
        for finish in finish {
            finish(committed.clone());
        }
    }
}

fn broken(cause: impl std::fmt::Display) -> AcmeProblem {
    AcmeProblem::internal(format!("cannot read or write the accounts and orders: {cause}"))
}

fn decode<R: Record>(bytes: Option<Vec<u8>>) -> Result<Option<R>, AcmeProblem> {
    bytes.map(|bytes| serde_json::from_slice(&bytes)).transpose().map_err(broken)
}

#[cfg(test)]
mod tests {
    use time::{Duration, OffsetDateTime};

    use super::*;
    use crate::acme::record::AcmeOrder;

    #[tokio::test]
    async fn memory_has_a_limit_until_records_end() {
        let store = AcmeStore::with_limit(None, Some(9_000)).unwrap();
        let expires = OffsetDateTime::now_utc();
        let order = AcmeOrder {
            account: "a".repeat(1000),
            identifiers: Vec::new(),
            authorizations: Vec::new(),
            expires,
            not_before: None,
            not_after: None,
            profile: None,
            replaces: None,
            certificate: None,
            error: None,
        };
        for number in 0..9 {
            store.check_room().unwrap();
            let (order, id) = (order.clone(), number.to_string());
            // Writing it again does not count.
            for _ in 0..3 {
                let (order, id) = (order.clone(), id.clone());
                store.change(move |changes| changes.put(&id, &order)).await.unwrap();
            }
        }
        assert_eq!(store.check_room().unwrap_err().kind, ProblemKind::RateLimited);
        let later = expires + Duration::days(1);
        assert_eq!(store.change(move |changes| changes.drop_ended(later, 5)).await.unwrap(), 5);
        store.check_room().unwrap();
        store.change(move |changes| changes.drop_ended(later, 5)).await.unwrap();
        assert_eq!(store.size.load(Ordering::Relaxed), 0);
    }
}
