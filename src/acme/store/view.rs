//! Reading the state.

use redb::{ReadTransaction, ReadableTable};

use super::tables::{IndexTable, Record, Table};
use super::{broken, decode};
use crate::acme::problem::AcmeProblem;

/// A snapshot of the state.
pub(in crate::acme) struct StoreView(pub(super) ReadTransaction);

impl StoreView {
    /// Reads one record.
    pub(in crate::acme) fn find<R: Record>(&self, id: &str) -> Result<Option<R>, AcmeProblem> {
        let table = self.0.open_table(Table::new(R::TABLE)).map_err(broken)?;
        decode(table.get(id).map_err(broken)?.map(|found| found.value().to_vec()))
    }

    /// Looks up a key in an index.
    pub(in crate::acme) fn look_up(
        &self,
        index: IndexTable,
        word: &str,
    ) -> Result<Option<String>, AcmeProblem> {
        let table = self.0.open_table(index).map_err(broken)?;
        Ok(table.get(word).map_err(broken)?.map(|found| found.value().to_owned()))
    }

    /// Lists entries of an index whose keys have this prefix, starting after another key, up to a maximum.
    pub(in crate::acme) fn list(
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
    pub(in crate::acme) fn all<R: Record>(
        &self,
        is_meant: impl Fn(&R) -> bool,
    ) -> Result<Vec<String>, AcmeProblem> {
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
