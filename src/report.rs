//! Standard output and standard error, as text or JSON. Only this file and `main` print.

use std::cell::RefCell;
use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::error::{self, Fault};

mod document;
mod log;
mod printable;
mod wrapped;

pub(crate) use document::ErrorMessage;
#[cfg(test)]
pub(crate) use document::{FailureDocument, LineDocument, OutcomeDocument};
pub use log::{Log, LogLine};
pub use printable::printable;
use printable::{PrintableWriter, Substitute};
pub use wrapped::{TERMINAL, filled, hanging};

const DIM: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const NOTE: Style = AnsiColor::Yellow.on_default();

/// The settings for output.
#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools)] // independent options
pub struct Report {
    /// Print only one JSON document on standard output.
    pub json: bool,
    /// Print only errors.
    pub quiet: bool,
    /// Also print the programs that are run.
    pub verbose: bool,
    /// Print only what was requested, such as a path, on standard output, and everything else on standard
    /// error.
    pub aside: bool,
    notes: RefCell<Vec<String>>,
}

/// The result of a command.
pub trait Outcome: Serialize {
    /// Prints the result as text.
    fn write(&self, page: &mut dyn Write) -> io::Result<()>;

    /// Prints only what is wrong, for `--quiet`.
    fn write_problems(&self, page: &mut dyn Write) -> io::Result<()> {
        self.write(page)
    }

    /// Whether everything that was requested was done; if not, the exit code is 1.
    fn is_complete(&self) -> bool {
        true
    }

    /// The exit code: 0, or 1 if not everything was done.
    fn exit_code(&self) -> u8 {
        u8::from(!self.is_complete())
    }

    /// The hint if the output could not be written.
    fn when_lost(&self) -> &'static str {
        "everything was done; only the output was lost"
    }

    /// Whether the command only answers a question, such as `list`, so that `--quiet` must not suppress the answer.
    fn is_answer(&self) -> bool {
        false
    }

    /// Whether the output is the requested text itself, which `--quiet` must not suppress and which must not
    /// be colored.
    fn is_payload(&self) -> bool {
        false
    }
}

/// A duration in milliseconds, to the microsecond, for JSON.
pub(crate) fn milliseconds(took: Duration) -> f64 {
    (took.as_secs_f64() * 1e6).round() / 1e3
}

/// One JSON document, for what is not printed: a page that a server shows.
pub(crate) fn json_document(content: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(&document::LineDocument::new(content)).unwrap_or_default();
    text.push('\n');
    text
}

impl Report {
    /// Creates a report with these options.
    pub fn new(json: bool, quiet: bool, verbose: bool) -> Self {
        Self { json, quiet, verbose, aside: false, notes: RefCell::default() }
    }

    /// Prints a remark in addition to the result.
    pub fn note(&self, text: impl Into<String>) {
        let text = text.into();
        if !self.json && !self.quiet {
            let _ = writeln!(anstream::stderr(), "{NOTE}devca: note:{NOTE:#} {}", printable(&text));
        }
        self.notes.borrow_mut().push(text);
    }

    /// Takes the notes that were not printed, because the command prints JSON.
    pub fn take_unprinted_notes(&self) -> Vec<String> {
        if self.json { self.notes.take() } else { Vec::new() }
    }

    /// Prints what is happening, with `--verbose`.
    pub fn detail(&self, text: impl Display) {
        if self.verbose {
            let _ = writeln!(anstream::stderr(), "{DIM}devca: {}{DIM:#}", printable(&text.to_string()));
        }
    }

    /// Prints a part of the result as soon as it is known. Returns whether it was printed: JSON is a single
    /// document, and `--quiet` prints nothing.
    pub fn print_early(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> bool {
        if self.json || self.quiet {
            return false;
        }
        let mut out = self.stdout(false);
        // If the pipe is closed, printing the rest reports it.
        let _ = write(&mut out).and_then(|()| out.flush());
        true
    }

    /// Announces that devca will wait for the user, such as for the password prompt of `sudo`; only on a
    /// terminal.
    pub fn announce(&self, text: &str) {
        if !self.json && !self.quiet && io::stderr().is_terminal() {
            let _ = writeln!(anstream::stderr(), "{}", printable(text));
        }
    }

    /// A progress bar for work that takes a while; only on a terminal.
    pub fn progress(&self, of: u64) -> ProgressBar {
        if self.json || self.quiet || !io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let style = ProgressStyle::with_template("{wide_bar} {human_pos}/{human_len} {eta}");
        ProgressBar::new(of).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
    }

    /// Asks for a secret without echoing it; `None` if there is no terminal.
    pub fn ask_hidden(&self, question: &str) -> Option<Zeroizing<String>> {
        rpassword::prompt_password(printable(question)).ok().map(Zeroizing::new)
    }

    /// Asks a question with the answers yes and no; `None` if no one can answer it.
    pub fn ask(&self, question: &str) -> Option<bool> {
        if self.json || self.quiet || !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return None;
        }
        let _ = write!(anstream::stderr(), "{} [y/N] ", printable(question));
        let mut answer = String::new();
        io::stdin().read_line(&mut answer).ok()?;
        Some(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
    }

    /// Prints the result. Returns the exit code.
    pub fn finish<T: Outcome>(&self, outcome: &T) -> anyhow::Result<u8> {
        let mut out = self.stdout(outcome.is_payload());
        let printed = if self.json {
            let notes = self.notes.take();
            let document = document::OutcomeDocument::new(outcome, &notes);
            writeln!(out, "{}", serde_json::to_string_pretty(&document)?)
        } else if self.quiet && !outcome.is_payload() && !outcome.is_answer() {
            // If something was not done, that is an error, and a note may say why.
            let mut err = PrintableWriter::new(anstream::stderr(), Substitute::Replacement);
            if outcome.exit_code() == 0 {
                Ok(())
            } else {
                let notes = self.notes.take();
                let mut printed = notes.iter().map(|text| writeln!(err, "{}", noted(text)));
                printed.try_for_each(|result| result).and_then(|()| outcome.write_problems(&mut err))
            }
        } else {
            outcome.write(&mut out)
        };
        match printed.and_then(|()| out.flush()) {
            // The reader has closed the pipe.
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(outcome.exit_code()),
            Err(e) => {
                Err(Fault::new(format!("cannot write to standard output: {e}"), outcome.when_lost()).into())
            }
            Ok(()) => Ok(outcome.exit_code()),
        }
    }

    /// Standard output. A payload is written byte for byte to a file or pipe.
    fn stdout(&self, is_payload: bool) -> Box<dyn Write> {
        let buffered = |stream: Box<dyn Write>| io::BufWriter::with_capacity(1 << 16, stream);
        let stdout = io::stdout().lock();
        if self.json {
            let stream = buffered(Box::new(stdout));
            Box::new(PrintableWriter::new(stream, Substitute::JsonEscape))
        } else if is_payload && !stdout.is_terminal() {
            Box::new(buffered(Box::new(stdout)))
        } else {
            let stream: Box<dyn Write> = match (is_payload, self.aside) {
                (true, _) => Box::new(stdout),
                (false, true) => Box::new(anstream::stderr()),
                (false, false) => Box::new(anstream::AutoStream::auto(stdout)),
            };
            Box::new(PrintableWriter::new(buffered(stream), Substitute::Replacement))
        }
    }

    /// Prints an error and its hint.
    pub fn failure(&self, what: &str, hint: &str) {
        if self.json {
            let notes = self.notes.take();
            let failure = document::FailureDocument::new(what, hint, &notes);
            let document = serde_json::to_string_pretty(&failure).unwrap_or_default();
            let mut out = self.stdout(false);
            let _ = writeln!(out, "{document}").and_then(|()| out.flush());
        } else {
            let mut err = anstream::stderr();
            let _ = writeln!(err, "{BAD}devca: error:{BAD:#} {}", printable(what));
            let _ = writeln!(err, "{DIM}devca: hint:{DIM:#} {}", printable(hint));
        }
    }

    /// Prints an error. Returns its exit code.
    pub fn error(&self, error: &anyhow::Error) -> u8 {
        self.failure(&format!("{error:#}"), error::hint(error));
        error::exit_code(error)
    }
}

/// Prints aligned `label  value` lines. On a terminal, a list is wrapped.
pub fn rows(page: &mut dyn Write, rows: &[(&str, String)]) -> io::Result<()> {
    let width = rows.iter().map(|(label, _)| label.len()).max().unwrap_or(0);
    for (label, value) in rows {
        let label = format!("{DIM}{label:width$}{DIM:#}  ");
        let line = if value.contains(", ") { hanging(&label, value) } else { format!("{label}{value}") };
        writeln!(page, "{line}")?;
    }
    Ok(())
}

/// The symbol at the beginning of a line in a list.
#[derive(Clone, Copy)]
pub enum Mark {
    /// Everything is fine.
    Good,
    /// Something is wrong.
    Bad,
    /// Nothing needed to be done or could be done.
    Skipped,
}

impl Display for Mark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (style, mark) = match self {
            Self::Good => (GOOD, '✓'),
            Self::Bad => (BAD, '✗'),
            Self::Skipped => (DIM, '–'),
        };
        write!(f, "{style}{mark}{style:#}")
    }
}

/// A word in the color for good or bad news.
pub fn verdict(good: bool, word: &str) -> String {
    let style = if good { GOOD } else { BAD };
    format!("{style}{word}{style:#}")
}

/// Dimmed text, for what is less important.
pub fn dim(text: &str) -> String {
    format!("{DIM}{text}{DIM:#}")
}

/// A note among other lines.
pub fn noted(text: &str) -> String {
    format!("{NOTE}devca: note:{NOTE:#} {text}")
}

/// A path in the home folder as `~/x`; any other path unchanged, and all on Windows, where `cmd` does not know `~`.
pub fn tilde(path: &Path) -> String {
    static HOME: LazyLock<Option<PathBuf>> =
        LazyLock::new(|| std::env::home_dir().filter(|home| cfg!(unix) && home.parent().is_some()));
    match HOME.as_ref().and_then(|home| path.strip_prefix(home).ok()) {
        Some(below) => printable(&format!("~/{}", below.display())),
        None => printable(&path.display().to_string()),
    }
}

/// Replaces the home folder with `~` in a text with paths.
pub fn tildes(text: &str) -> String {
    match std::env::home_dir().filter(|home| home.parent().is_some()) {
        Some(home) => text.replace(&format!("{}/", home.display()), "~/"),
        None => text.to_owned(),
    }
}

/// A path as the user would type it: `./x` if it is in the current folder.
pub fn short(path: &Path) -> String {
    static HERE: LazyLock<Option<PathBuf>> = LazyLock::new(|| std::env::current_dir().ok());
    match HERE.as_ref().and_then(|here| path.strip_prefix(here).ok()) {
        Some(below) => printable(&format!("./{}", below.display())),
        None => printable(&path.display().to_string()),
    }
}
