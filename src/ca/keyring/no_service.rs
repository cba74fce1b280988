//! The replacement for systems without a supported keyring.

use zeroize::Zeroizing;

use super::KeyringProblem;

pub(super) struct Service;

impl Service {
    pub(super) fn connect() -> Result<Self, KeyringProblem> {
        Err(KeyringProblem::Unreachable("devca supports none on this system".into()))
    }

    pub(super) fn store(&self, _: &str, _: &str, _: &str) -> Result<(), KeyringProblem> {
        Err(KeyringProblem::Missing)
    }

    pub(super) fn load(&self, _: &str) -> Result<Zeroizing<Vec<u8>>, KeyringProblem> {
        Err(KeyringProblem::Missing)
    }

    pub(super) fn delete(&self, _: &str) -> Result<(), KeyringProblem> {
        Err(KeyringProblem::Missing)
    }
}
