//! DNS: the built-in name server, the ways to change its records, and a client for other servers.

pub(super) mod api;
pub(super) mod query;
pub(super) mod responder;
pub mod tsig;
mod update;
pub(super) mod zone;
