//! Certificates and what is in them: names, keys, constraints, validity, PEM.

pub mod algorithm;
pub mod certificate;
pub mod constraints;
pub mod csr;
pub mod details;
pub mod key;
pub mod kind;
pub mod name;
pub mod parsed;
pub mod pem;
pub mod policy;
mod public_suffix;
pub mod rsa;
pub mod subject;
pub mod usage;
pub mod validity;
