//! Changing the state.

use std::sync::atomic::{AtomicUsize, Ordering};

use redb::{ReadableTable, WriteTransaction};
use time::OffsetDateTime;

use super::tables::{BY_ACCOUNT, ENDS, IndexTable, PREAUTHORIZED, Record, Table};
use super::{broken, decode};
use crate::acme::problem::AcmeProblem;
use crate::acme::record::{AcmeCertificate, AcmeOrder, Authorization};

/// A transaction that changes the state.
pub(in crate::acme) struct StoreChanges<'a> {
    pub(super) transaction: &'a WriteTransaction,
    /// The size of all records.
    pub(super) size: &'a AtomicUsize,
}

impl StoreChanges<'_> {
    /// Reads one record, including the changes made so far.
    pub(in crate::acme) fn find<R: Record>(&self, id: &str) -> Result<Option<R>, AcmeProblem> {
        let table = self.transaction.open_table(Table::new(R::TABLE)).map_err(broken)?;
        let found = table.get(id).map_err(broken)?.map(|found| found.value().to_vec());
        decode(found)
    }

    /// Writes one record.
    pub(in crate::acme) fn put<R: Record>(&self, id: &str, record: &R) -> Result<(), AcmeProblem> {
        let bytes = serde_json::to_vec(record).map_err(broken)?;
        let mut table = self.transaction.open_table(Table::new(R::TABLE)).map_err(broken)?;
        let earlier =
            table.insert(id, bytes.as_slice()).map_err(broken)?.map(|earlier| earlier.value().len());
        self.size.fetch_add(bytes.len(), Ordering::Relaxed);
        self.size.fetch_sub(earlier.unwrap_or_default(), Ordering::Relaxed);
        if let (Some(ends), None) = (record.ends(), earlier) {
            let mut table = self.transaction.open_table(ENDS).map_err(broken)?;
            table.insert((ends.unix_timestamp(), id), R::TABLE).map_err(broken)?;
        }
        Ok(())
    }

    /// Looks up a key in an index.
    pub(in crate::acme) fn look_up(
        &self,
        index: IndexTable,
        word: &str,
    ) -> Result<Option<String>, AcmeProblem> {
        let table = self.transaction.open_table(index).map_err(broken)?;
        let found = table.get(word).map_err(broken)?.map(|found| found.value().to_owned());
        Ok(found)
    }

    /// Adds an entry to an index.
    pub(in crate::acme) fn index(
        &self,
        index: IndexTable,
        word: &str,
        value: &str,
    ) -> Result<(), AcmeProblem> {
        let mut table = self.transaction.open_table(index).map_err(broken)?;
        table.insert(word, value).map_err(broken)?;
        Ok(())
    }

    /// Removes an entry from an index.
    pub(in crate::acme) fn forget(&self, index: IndexTable, word: &str) -> Result<(), AcmeProblem> {
        let mut table = self.transaction.open_table(index).map_err(broken)?;
        table.remove(word).map_err(broken)?;
        Ok(())
    }

    /// Deletes up to `most` records that expired before this moment. Returns their number.
    pub(in crate::acme) fn drop_ended(
        &self,
        before: OffsetDateTime,
        most: usize,
    ) -> Result<usize, AcmeProblem> {
        let mut ends = self.transaction.open_table(ENDS).map_err(broken)?;
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
            let mut table = self.transaction.open_table(Table::new(name)).map_err(broken)?;
            let removed = table.remove(id.as_str()).map_err(broken)?.map(|removed| removed.value().len());
            self.size.fetch_sub(removed.unwrap_or_default(), Ordering::Relaxed);
        }
        Ok(ended.len())
    }
}
