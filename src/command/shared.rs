//! What several commands have in common.

pub(super) mod bundles;
pub(super) mod sources;
