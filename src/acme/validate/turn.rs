//! Turns: how many challenges are validated at the same time. Each account has its own limit, so that one whose servers
//! do not answer does not delay the others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::acme::problem::{AcmeProblem, ProblemKind};

/// The maximum number of concurrent validations, and of those for one account.
const MOST_AT_ONCE: usize = 256;
const MOST_OF_ACCOUNT: usize = 16;

/// Limits concurrent validations.
pub(super) struct Turns {
    all: Arc<Semaphore>,
    /// The accounts that have a turn, or wait for one.
    accounts: Mutex<HashMap<String, Weak<Semaphore>>>,
}

/// The permission to validate one challenge, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    _of_account: Option<OwnedSemaphorePermit>,
    _of_all: Option<OwnedSemaphorePermit>,
}

impl Turns {
    pub(super) fn new() -> Self {
        Self { all: Arc::new(Semaphore::new(MOST_AT_ONCE)), accounts: Mutex::default() }
    }

    /// Waits for a turn: first for the account's earlier challenges, without taking the places of others, then up to
    /// `patience` for those of all accounts.
    pub(super) async fn wait(&self, account: &str, patience: Duration) -> Result<Turn, AcmeProblem> {
        // Only closed semaphores fail, and these are never closed.
        let of_account = self.of_account(account).acquire_owned().await.ok();
        let of_all = timeout(patience, self.all.clone().acquire_owned()).await.map_err(|_| {
            let what = format!(
                "this challenge was not validated, because {MOST_AT_ONCE} others were being validated for more than {} \
                 seconds",
                patience.as_secs()
            );
            AcmeProblem::new(ProblemKind::RateLimited, what)
        })?;
        Ok(Turn { _of_account: of_account, _of_all: of_all.ok() })
    }

    fn of_account(&self, account: &str) -> Arc<Semaphore> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.retain(|_, semaphore| semaphore.strong_count() > 0);
        if let Some(semaphore) = accounts.get(account).and_then(Weak::upgrade) {
            return semaphore;
        }
        let semaphore = Arc::new(Semaphore::new(MOST_OF_ACCOUNT));
        accounts.insert(account.to_owned(), Arc::downgrade(&semaphore));
        semaphore
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_account_has_its_own_limit() {
        let (turns, patience) = (Turns::new(), Duration::from_millis(5));
        let mut first = Vec::new();
        for _ in 0..MOST_OF_ACCOUNT {
            first.push(turns.wait("first", patience).await.unwrap());
        }
        let next = timeout(patience, turns.wait("first", patience));
        assert!(next.await.is_err(), "it waits for the account's own challenges");
        drop(turns.wait("second", patience).await.unwrap());
        first.pop();
        first.push(turns.wait("first", patience).await.unwrap());
        drop(first);
        turns.of_account("third");
        assert_eq!(turns.accounts.lock().unwrap().len(), 1, "accounts without turns are forgotten");
    }

    #[tokio::test]
    async fn all_accounts_together_have_a_limit() {
        let (turns, patience) = (Turns::new(), Duration::from_millis(5));
        let mut taken = Vec::new();
        for number in 0..MOST_AT_ONCE {
            let account = (number / MOST_OF_ACCOUNT).to_string();
            taken.push(turns.wait(&account, patience).await.unwrap());
        }
        let problem = turns.wait("another", patience).await.unwrap_err();
        assert_eq!((problem.kind, problem.status), (ProblemKind::RateLimited, 429));
        taken.pop();
        assert!(turns.wait("another", patience).await.is_ok());
    }
}
