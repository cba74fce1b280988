//! Code shared by several commands.

pub(in crate::command) mod anchor;
pub(in crate::command) mod bundles;
mod configured;
pub(in crate::command) mod consent;
pub(in crate::command) mod held;
pub(in crate::command) mod identities;
pub(in crate::command) mod interrupt;
pub(in crate::command) mod old_roots;
pub(super) mod record;
pub(in crate::command) mod reissued;
pub(in crate::command) mod shortened;
pub(in crate::command) mod sources;
pub(in crate::command) mod stores;
pub(in crate::command) mod timer;
pub(in crate::command) mod unlock;
pub(in crate::command) mod watched_ca;
