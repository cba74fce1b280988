//! Files: where they are stored, and how they are written.

pub mod files;
pub mod home;
pub(crate) mod secret;
