//! A local development certificate authority. `docs/design.md` is the map of the house; the rooms, from the
//! doorway inwards:
//!
//! * [`cli`] names what can be asked for, [`command`] does it, [`report`] says what came of it
//! * [`issuer`] signs leaves with an authority of [`ca`], as [`profile`] prescribes, for a [`name`] each
//! * [`bundle`] turns what was issued into files, [`existing`] says which may be replaced, [`files`] writes them
//! * [`inventory`] remembers, [`home`] knows where things live, [`error`] carries the hint
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

pub mod bulk;
pub mod bundle;
pub mod ca;
pub mod certificate;
pub mod check;
pub mod cli;
pub mod command;
pub mod constraints;
pub mod csr;
pub mod details;
pub mod error;
pub mod existing;
pub mod files;
pub mod home;
pub mod inventory;
pub mod issuer;
pub mod key;
pub mod keyring;
pub mod name;
mod parallel;
pub mod passphrase;
pub mod pem;
pub mod profile;
mod public_suffix;
pub mod renewal;
pub mod report;
pub mod subject;
