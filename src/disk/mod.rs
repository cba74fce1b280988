//! Files: where they are stored, and how they are written.

#[allow(clippy::disallowed_methods)] // All writing is here.
pub mod files;
pub mod home;
pub(crate) mod secret;
