//! Systems without a keyring that devca knows.

use zeroize::Zeroizing;

use super::Problem;

pub(super) struct Service;

impl Service {
    pub(super) fn connect() -> Result<Self, Problem> {
        Err(Problem::Unreachable("devca supports none on this system".into()))
    }

    pub(super) fn store(&self, _: &str, _: &str, _: &str) -> Result<(), Problem> {
        Err(Problem::Missing)
    }

    pub(super) fn load(&self, _: &str) -> Result<Zeroizing<Vec<u8>>, Problem> {
        Err(Problem::Missing)
    }

    pub(super) fn delete(&self, _: &str) -> Result<(), Problem> {
        Err(Problem::Missing)
    }
}
