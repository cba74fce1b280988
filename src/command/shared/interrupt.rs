//! Handles Ctrl-C while many files are written: what was started is completed, and the result is reported.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::SIGINT;
use signal_hook::flag;

/// The exit code for Ctrl-C by shell convention: 128 plus the number of the signal.
pub(in crate::command) const EXIT_CODE: u8 = 130;

/// Whether Ctrl-C was pressed.
pub(in crate::command) struct Interrupt(Arc<AtomicBool>);

/// The error for work that was not started because of Ctrl-C.
#[derive(Debug)]
pub(in crate::command) struct Interrupted;

impl Interrupt {
    /// From now on, the first Ctrl-C is only recorded, and the second one ends the program immediately.
    pub(in crate::command) fn catch() -> Self {
        let requested = Arc::new(AtomicBool::new(false));
        // If either call fails, Ctrl-C ends the program as usual.
        let _ = flag::register_conditional_shutdown(SIGINT, EXIT_CODE.into(), Arc::clone(&requested))
            .and_then(|_| flag::register(SIGINT, Arc::clone(&requested)));
        Self(requested)
    }

    pub(in crate::command) fn is_requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(in crate::command) fn check(&self) -> Result<(), Interrupted> {
        if self.is_requested() { Err(Interrupted) } else { Ok(()) }
    }
}

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("interrupted")
    }
}

impl std::error::Error for Interrupted {}
