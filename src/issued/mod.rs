//! Issued certificates: the inventory, renewals, batches, and which existing files may be replaced.

pub(crate) mod bulk;
pub(crate) mod exported;
pub mod inventory;
pub(crate) mod moved;
pub(crate) mod overwrite;
pub(crate) mod parallel;
pub(crate) mod presence;
pub(crate) mod renewal;
pub(crate) mod siblings;
