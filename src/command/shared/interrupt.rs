//! Ctrl-C while many files are written: what was begun is completed, and what was done is reported.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::SIGINT;
use signal_hook::flag;

/// What shells know as "ended by Ctrl-C": 128 and the number of the signal.
pub(in crate::command) const EXIT_CODE: u8 = 130;

/// Whether Ctrl-C was pressed.
pub(in crate::command) struct Interrupt(Arc<AtomicBool>);

/// Why something was not begun.
#[derive(Debug)]
pub(in crate::command) struct Interrupted;

impl Interrupt {
    /// From now on the first Ctrl-C is noted, and the second ends the program at once.
    pub(in crate::command) fn catch() -> Self {
        let requested = Arc::new(AtomicBool::new(false));
        // Where either fails, Ctrl-C ends the program as it always does.
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
