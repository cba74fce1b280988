//! A local development certificate authority. `docs/design.md` says where things are, and which way modules depend on
//! each other: down this list.
//!
//! * [`command`]: one file per command; [`cli`]: their arguments
//! * [`acme`]: an ACME server
//! * [`serve`]: HTTPS in front of other servers
//! * [`check`]: why TLS fails
//! * [`issued`]: what was issued: the inventory, renewals, batches
//! * [`format`](mod@format): what was issued, as files
//! * [`ca`]: roots, intermediates, and what they sign
//! * [`x509`]: certificates and what is in them
//! * [`disk`]: where files are, and how they are written; [`report`]: all printing; [`error`]: errors with hints
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

pub mod acme;
pub mod ca;
pub mod check;
pub mod cli;
pub mod command;
pub mod disk;
pub mod error;
pub mod format;
pub mod issued;
pub mod report;
pub mod serve;
pub mod x509;
