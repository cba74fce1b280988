//! What was issued: the inventory, renewals, batches, and which existing files may be replaced.

pub mod bulk;
pub mod exported;
pub mod inventory;
pub mod moved;
pub mod overwrite;
pub(crate) mod parallel;
pub mod renewal;
