//! Stores accounts, orders and everything else in one redb file, or in memory. A single thread writes: changes that
//! arrive during a commit share the next transaction, and no request is answered before its change is written.

use std::fs::File;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use aws_lc_rs::rand;
use redb::backends::InMemoryBackend;
use redb::{
    Builder, Database, DatabaseError, Durability, ReadTransaction, ReadableDatabase, ReadableTable,
    TableDefinition, WriteTransaction,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use time::OffsetDateTime;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use super::problem::AcmeProblem;
use super::record::{AcmeAccount, AcmeCertificate, AcmeOrder, Authorization};
use super::store_file::UnflushedFile;
use crate::error::OrHint;

/// The size of redb's cache.
const CACHE: usize = 16 << 20;
/// The maximum number of changes in one transaction.
const MOST_TOGETHER: usize = 256;
/// The size of a secret in bytes.
const SECRET: usize = 32;

type Table = TableDefinition<'static, &'static str, &'static [u8]>;
/// Indexes map strings to strings.
type IndexTable = TableDefinition<'static, &'static str, &'static str>;
type EndTable = TableDefinition<'static, (i64, &'static str), &'static str>;

/// Accounts by the thumbprint of their key.
pub(super) const BY_KEY: IndexTable = IndexTable::new("account-by-key");
/// Orders by account, as `ACCOUNT/MOMENT/ORDER`.
pub(super) const BY_ACCOUNT: IndexTable = IndexTable::new("order-by-account");
/// Authorizations that were requested before an order, as `ACCOUNT/KIND/VALUE`.
pub(super) const PREAUTHORIZED: IndexTable = IndexTable::new("preauthorized");
/// The server's own secrets, by purpose.
const SECRETS: Table = Table::new("secret");
/// When records expire.
const ENDS: EndTable = EndTable::new("ends");

/// A record, stored in its own table.
pub(super) trait Record: Serialize + DeserializeOwned {
    /// The table's name.
    const TABLE: &'static str;
    /// When the record can be deleted.
    fn ends(&self) -> Option<OffsetDateTime>;
}

impl Record for AcmeAccount {
    const TABLE: &'static str = "account";
    fn ends(&self) -> Option<OffsetDateTime> {
        None
    }
}

impl Record for AcmeOrder {
    const TABLE: &'static str = "order";
    fn ends(&self) -> Option<OffsetDateTime> {
        Some(self.expires)
    }
}

impl Record for Authorization {
    const TABLE: &'static str = "authorization";
    fn ends(&self) -> Option<OffsetDateTime> {
        Some(self.expires)
    }
}

impl Record for AcmeCertificate {
    const TABLE: &'static str = "certificate";
    fn ends(&self) -> Option<OffsetDateTime> {
        Some(self.not_after)
    }
}

/// A change to the store, which returns what to do after the commit.
type StoreJob = Box<dyn FnOnce(&WriteTransaction) -> Finish + Send>;
type Finish = Box<dyn FnOnce(Result<(), String>) + Send>;

/// The state of the server.
pub(super) struct AcmeStore {
    database: Arc<Database>,
    jobs: Sender<StoreJob>,
}

impl AcmeStore {
    /// Opens this file, or keeps everything in memory.
    pub(super) fn open(file: Option<File>) -> anyhow::Result<Self> {
        let is_file = file.is_some();
        let mut builder = Builder::new();
        builder.set_cache_size(CACHE);
        let database = match file {
            Some(file) => UnflushedFile::new(file).and_then(|file| builder.create_with_backend(file)),
            None => builder.create_with_backend(InMemoryBackend::new()),
        };
        let hint = match database {
            Err(DatabaseError::DatabaseAlreadyOpen) => {
                "end the other devca acme of this CA, or use --ephemeral"
            }
            _ => "remove the file, and clients create their accounts again; or use --ephemeral",
        };
        let what = || "cannot open acme.redb, with the accounts and orders".into();
        let database = Arc::new(database.or_hint(what, || hint.into())?);
        create_tables(&database).or_hint(
            || "cannot write the accounts and orders".into(),
            || "make room on the disk, or use --ephemeral".into(),
        )?;
        let (jobs, receiver) = mpsc::channel();
        let own = database.clone();
        let durability = if is_file { Durability::Immediate } else { Durability::None };
        let thread = thread::Builder::new().name("store".into());
        thread
            .spawn(move || write(&own, &receiver, durability))
            .or_hint(|| "cannot start a thread".into(), || "close other programs, and try again".into())?;
        Ok(Self { database, jobs })
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
            let mut table = changes.0.open_table(SECRETS).map_err(broken)?;
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
        let job: StoreJob = Box::new(move |transaction| {
            let result = change(&StoreChanges(transaction));
            Box::new(move |committed| {
                let result = committed.map_err(broken).and(result);
                let _ = answer.send(result);
            })
        });
        self.jobs.send(job).map_err(|_| broken("its thread has ended"))?;
        answered.await.map_err(|_| broken("its thread has ended"))?
    }
}

fn create_tables(database: &Database) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    for name in [AcmeAccount::TABLE, AcmeOrder::TABLE, Authorization::TABLE, AcmeCertificate::TABLE] {
        transaction.open_table(Table::new(name))?;
    }
    for index in [BY_KEY, BY_ACCOUNT, PREAUTHORIZED] {
        transaction.open_table(index)?;
    }
    transaction.open_table(SECRETS)?;
    transaction.open_table(ENDS)?;
    transaction.commit()?;
    Ok(())
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
    AcmeProblem::internal(format!("the accounts and orders cannot be read or written: {cause}"))
}

/// A snapshot of the state.
pub(super) struct StoreView(ReadTransaction);

impl StoreView {
    /// Reads one record.
    pub(super) fn find<R: Record>(&self, id: &str) -> Result<Option<R>, AcmeProblem> {
        let table = self.0.open_table(Table::new(R::TABLE)).map_err(broken)?;
        decode(table.get(id).map_err(broken)?.map(|found| found.value().to_vec()))
    }

    /// Looks up a key in an index.
    pub(super) fn look_up(&self, index: IndexTable, word: &str) -> Result<Option<String>, AcmeProblem> {
        let table = self.0.open_table(index).map_err(broken)?;
        Ok(table.get(word).map_err(broken)?.map(|found| found.value().to_owned()))
    }

    /// Lists entries of an index whose keys have this prefix, starting after another key, up to a maximum.
    pub(super) fn list(
        &self,
        index: IndexTable,
        prefix: &str,
        after: &str,
        most: usize,
    ) -> Result<Vec<(String, String)>, AcmeProblem> {
        let table = self.0.open_table(index).map_err(broken)?;
        let start = format!("{prefix}{after}");
        let range = table.range(start.as_str()..).map_err(broken)?;
        let mut found = Vec::new();
        for entry in range {
            let (word, value) = entry.map_err(broken)?;
            match word.value().strip_prefix(prefix) {
                None => break,
                Some(rest) if rest == after && !after.is_empty() => {}
                Some(rest) => found.push((rest.to_owned(), value.value().to_owned())),
            }
            if found.len() == most {
                break;
            }
        }
        Ok(found)
    }

    /// The keys of all records that match.
    pub(super) fn all<R: Record>(&self, is_meant: impl Fn(&R) -> bool) -> Result<Vec<String>, AcmeProblem> {
        let table = self.0.open_table(Table::new(R::TABLE)).map_err(broken)?;
        let mut found = Vec::new();
        for entry in table.iter().map_err(broken)? {
            let (id, value) = entry.map_err(broken)?;
            if decode::<R>(Some(value.value().to_vec()))?.is_some_and(|record| is_meant(&record)) {
                found.push(id.value().to_owned());
            }
        }
        Ok(found)
    }
}

fn decode<R: Record>(bytes: Option<Vec<u8>>) -> Result<Option<R>, AcmeProblem> {
    bytes.map(|bytes| serde_json::from_slice(&bytes)).transpose().map_err(broken)
}

/// A transaction that changes the state.
pub(super) struct StoreChanges<'a>(&'a WriteTransaction);

impl StoreChanges<'_> {
    /// Reads one record, including the changes made so far.
    pub(super) fn find<R: Record>(&self, id: &str) -> Result<Option<R>, AcmeProblem> {
        let table = self.0.open_table(Table::new(R::TABLE)).map_err(broken)?;
        let found = table.get(id).map_err(broken)?.map(|found| found.value().to_vec());
        decode(found)
    }

    /// Writes one record.
    pub(super) fn put<R: Record>(&self, id: &str, record: &R) -> Result<(), AcmeProblem> {
        let bytes = serde_json::to_vec(record).map_err(broken)?;
        let mut table = self.0.open_table(Table::new(R::TABLE)).map_err(broken)?;
        let earlier = table.insert(id, bytes.as_slice()).map_err(broken)?.is_some();
        if let (Some(ends), false) = (record.ends(), earlier) {
            let mut table = self.0.open_table(ENDS).map_err(broken)?;
            table.insert((ends.unix_timestamp(), id), R::TABLE).map_err(broken)?;
        }
        Ok(())
    }

    /// Looks up a key in an index.
    pub(super) fn look_up(&self, index: IndexTable, word: &str) -> Result<Option<String>, AcmeProblem> {
        let table = self.0.open_table(index).map_err(broken)?;
        let found = table.get(word).map_err(broken)?.map(|found| found.value().to_owned());
        Ok(found)
    }

    /// Adds an entry to an index.
    pub(super) fn index(&self, index: IndexTable, word: &str, value: &str) -> Result<(), AcmeProblem> {
        let mut table = self.0.open_table(index).map_err(broken)?;
        table.insert(word, value).map_err(broken)?;
        Ok(())
    }

    /// Removes an entry from an index.
    pub(super) fn forget(&self, index: IndexTable, word: &str) -> Result<(), AcmeProblem> {
        let mut table = self.0.open_table(index).map_err(broken)?;
        table.remove(word).map_err(broken)?;
        Ok(())
    }

    /// Deletes up to `most` records that expired before this moment. Returns their number.
    pub(super) fn drop_ended(&self, before: OffsetDateTime, most: usize) -> Result<usize, AcmeProblem> {
        let mut ends = self.0.open_table(ENDS).map_err(broken)?;
        let mut ended = Vec::new();
        for entry in ends.range(..(before.unix_timestamp(), "")).map_err(broken)?.take(most) {
            let (key, table) = entry.map_err(broken)?;
            let (moment, id) = key.value();
            ended.push((moment, id.to_owned(), table.value().to_owned()));
        }
        for (moment, id, name) in &ended {
            ends.remove((*moment, id.as_str())).map_err(broken)?;
            if name == AcmeOrder::TABLE
                && let Some(order) = self.find::<AcmeOrder>(id)?
            {
                self.forget(BY_ACCOUNT, &order.index(id))?;
            }
            if name == Authorization::TABLE
                && let Some(authorization) = self.find::<Authorization>(id)?
                && self.look_up(PREAUTHORIZED, &authorization.index())?.as_ref() == Some(id)
            {
                self.forget(PREAUTHORIZED, &authorization.index())?;
            }
            let name: &'static str = match name.as_str() {
                AcmeOrder::TABLE => AcmeOrder::TABLE,
                Authorization::TABLE => Authorization::TABLE,
                _ => AcmeCertificate::TABLE,
            };
            let mut table = self.0.open_table(Table::new(name)).map_err(broken)?;
            table.remove(id.as_str()).map_err(broken)?;
        }
        Ok(ended.len())
    }
}

impl AcmeOrder {
    /// Its key among the orders of its account: the latest is last, because all have the same lifetime.
    pub(super) fn index(&self, id: &str) -> String {
        format!("{}/{:012}/{id}", self.account, self.expires.unix_timestamp())
    }
}

impl Authorization {
    /// The key by which orders find it if it was requested before them.
    pub(super) fn index(&self) -> String {
        format!("{}/{}/{}", self.account, self.identifier.kind, self.identifier.value)
    }
}
