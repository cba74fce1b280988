//! Caches the contents of a store, because reading some stores requires running a program for each
//! certificate.

use std::cell::RefCell;

use crate::Problem;

/// The result of one query, until the store is changed.
#[derive(Debug)]
pub(crate) struct LastRead<T>(RefCell<Option<T>>);

impl<T> Default for LastRead<T> {
    fn default() -> Self {
        Self(RefCell::new(None))
    }
}

impl<T: Clone> LastRead<T> {
    /// Returns the cached result or else that of `read`. Failures are not cached.
    pub(crate) fn get(&self, read: impl FnOnce() -> Result<T, Problem>) -> Result<T, Problem> {
        if let Some(known) = self.0.borrow().as_ref() {
            return Ok(known.clone());
        }
        let found = read()?;
        self.0.replace(Some(found.clone()));
        Ok(found)
    }

    /// Discards the result, so that the store is read again.
    pub(crate) fn forget(&self) {
        self.0.replace(None);
    }
}
