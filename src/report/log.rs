//! Prints lines from any thread of a running program without making anyone wait for a slow terminal.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use serde::Serialize;

use super::Report;
use super::document::LineDocument;

/// A suspended terminal (Ctrl-S) must not block the program, so beyond this many bytes, lines are dropped and
/// counted.
const MOST_WAITING: usize = 1 << 20;

/// A line that can be printed as text or JSON.
pub trait LogLine: Serialize {
    /// The line as text, possibly with devca's own styles.
    fn text(&self) -> String;

    /// The line that reports how many lines were dropped before it.
    fn dropped(lines: usize) -> Self;
}

/// Prints lines from a separate thread.
pub struct Log {
    json: bool,
    quiet: bool,
    state: Mutex<Waiting>,
    wake: Condvar,
    writer: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Waiting {
    text: String,
    dropped: usize,
    is_over: bool,
}

impl Log {
    /// Starts the thread, with the settings of this report.
    pub fn start(report: &Report) -> io::Result<Arc<Self>> {
        let log = Arc::new(Self {
            json: report.json,
            quiet: report.quiet,
            state: Mutex::default(),
            wake: Condvar::new(),
            writer: Mutex::default(),
        });
        let (own, report) = (log.clone(), Report::new(report.json, report.quiet, false));
        let writer = thread::Builder::new().name("log".into()).spawn(move || own.write(&report))?;
        *log.writer.lock().unwrap_or_else(PoisonError::into_inner) = Some(writer);
        Ok(log)
    }

    /// Whether lines are printed at all.
    pub fn are_printed(&self) -> bool {
        self.json || !self.quiet
    }

    /// Queues a line to be printed.
    pub fn print<T: LogLine>(&self, line: &T) {
        if !self.are_printed() {
            return;
        }
        let text = self.written(line);
        let mut waiting = self.waiting();
        if waiting.text.len() > MOST_WAITING {
            waiting.dropped += 1;
            return;
        }
        if waiting.dropped > 0 {
            let dropped = self.written(&T::dropped(std::mem::take(&mut waiting.dropped)));
            waiting.text.push_str(&dropped);
        }
        waiting.text.push_str(&text);
        drop(waiting);
        self.wake.notify_one();
    }

    fn written<T: LogLine>(&self, line: &T) -> String {
        let mut text = if self.json {
            serde_json::to_string(&LineDocument::new(line)).unwrap_or_default()
        } else {
            line.text()
        };
        text.push('\n');
        text
    }

    /// Prints what is still queued, and stops the thread.
    pub fn finish(&self) {
        self.waiting().is_over = true;
        self.wake.notify_one();
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer {
            let _ = writer.join();
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, report: &Report) {
        loop {
            let is_idle = |waiting: &mut Waiting| waiting.text.is_empty() && !waiting.is_over;
            let waiting = self.wake.wait_while(self.waiting(), is_idle);
            let mut waiting = waiting.unwrap_or_else(PoisonError::into_inner);
            let text = std::mem::take(&mut waiting.text);
            let is_over = waiting.is_over;
            drop(waiting);
            let mut out = report.stdout(false);
            // The program continues even if no one reads its output.
            let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
            if is_over {
                return;
            }
        }
    }
}
