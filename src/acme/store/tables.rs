//! The tables of the store, and its indexes.

use redb::{Database, TableDefinition};
use serde::Serialize;
use serde::de::DeserializeOwned;
use time::OffsetDateTime;

use crate::acme::record::{AcmeAccount, AcmeCertificate, AcmeOrder, Authorization};

pub(super) type Table = TableDefinition<'static, &'static str, &'static [u8]>;
/// Indexes map strings to strings.
pub(in crate::acme) type IndexTable = TableDefinition<'static, &'static str, &'static str>;
pub(super) type EndTable = TableDefinition<'static, (i64, &'static str), &'static str>;

/// Accounts by the thumbprint of their key.
pub(in crate::acme) const BY_KEY: IndexTable = IndexTable::new("account-by-key");
/// Orders by account, as `ACCOUNT/MOMENT/ORDER`.
pub(in crate::acme) const BY_ACCOUNT: IndexTable = IndexTable::new("order-by-account");
/// Authorizations that were requested before an order, as `ACCOUNT/KIND/VALUE`.
pub(in crate::acme) const PREAUTHORIZED: IndexTable = IndexTable::new("preauthorized");
/// The server's own secrets, by purpose.
pub(super) const SECRETS: Table = Table::new("secret");
/// When records expire.
pub(super) const ENDS: EndTable = EndTable::new("ends");

/// A record, stored in its own table.
pub(in crate::acme) trait Record: Serialize + DeserializeOwned {
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

impl AcmeOrder {
    /// Its key among the orders of its account: the latest is last, because all have the same lifetime.
    pub(in crate::acme) fn index(&self, id: &str) -> String {
        format!("{}/{:012}/{id}", self.account, self.expires.unix_timestamp())
    }
}

impl Authorization {
    /// The key by which orders find it if it was requested before them.
    pub(in crate::acme) fn index(&self) -> String {
        format!("{}/{}/{}", self.account, self.identifier.kind, self.identifier.value)
    }
}

/// Creates those that do not exist.
pub(super) fn create(database: &Database) -> Result<(), redb::Error> {
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
