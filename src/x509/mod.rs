//! Certificates and their parts: names, keys, constraints, validity, PEM.

pub(crate) mod algorithm;
pub(crate) mod canonical;
pub mod certificate;
pub mod constraints;
pub mod csr;
pub mod details;
pub(crate) mod distinguished_name;
pub mod key;
pub mod kind;
pub mod name;
pub(crate) mod parsed;
pub mod pem;
pub(crate) mod policy;
mod public_suffix;
pub(crate) mod rsa;
pub(crate) mod subject;
pub mod subtree;
pub(crate) mod usage;
pub mod validity;
