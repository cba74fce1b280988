//! DNS: the built-in name server with the ways to change its records, and questions to others.

pub(super) mod api;
pub(super) mod query;
pub(super) mod responder;
mod update;
pub(super) mod zone;
