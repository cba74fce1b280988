//! What a store was last found to hold. Asking some of them takes a program for each certificate.

use std::cell::RefCell;

use crate::Problem;

/// The answer to one question, until a change makes it old.
#[derive(Debug)]
pub(crate) struct LastRead<T>(RefCell<Option<T>>);

impl<T> Default for LastRead<T> {
    fn default() -> Self {
        Self(RefCell::new(None))
    }
}

impl<T: Clone> LastRead<T> {
    /// What is known, or else what `read` finds. A failure is not kept.
    pub(crate) fn get(&self, read: impl FnOnce() -> Result<T, Problem>) -> Result<T, Problem> {
        if let Some(known) = self.0.borrow().as_ref() {
            return Ok(known.clone());
        }
        let found = read()?;
        self.0.replace(Some(found.clone()));
        Ok(found)
    }

    /// It is to be read again.
    pub(crate) fn forget(&self) {
        self.0.replace(None);
    }
}
