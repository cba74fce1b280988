//! The documents that `--json` prints. `docs/json.md` describes them, and `docs/json/` has their schemas.

use serde::Serialize;

/// The version of all documents. Adding a field keeps the version; removing or renaming a field, or changing
/// its meaning, increments it.
const VERSION: u32 = 1;

/// The result of a command.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct OutcomeDocument<'a, T> {
    /// The version of this format.
    #[cfg_attr(test, schemars(extend("const" = VERSION)))]
    version: u32,
    #[serde(flatten)]
    outcome: &'a T,
    /// Remarks in addition to the result.
    notes: &'a [String],
}

/// What a command prints instead if it fails.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct FailureDocument<'a> {
    /// The version of this format.
    #[cfg_attr(test, schemars(extend("const" = VERSION)))]
    version: u32,
    error: ErrorMessage,
    /// Remarks in addition to the error.
    notes: &'a [String],
}

/// One line of a command that runs until it is stopped.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct LineDocument<'a, T> {
    /// The version of this format.
    #[cfg_attr(test, schemars(extend("const" = VERSION)))]
    version: u32,
    #[serde(flatten)]
    line: &'a T,
}

/// A problem, and how to fix it.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct ErrorMessage {
    /// What is wrong.
    pub(crate) message: String,
    /// The command or change that fixes it.
    pub(crate) hint: String,
}

impl<'a, T> OutcomeDocument<'a, T> {
    pub(super) fn new(outcome: &'a T, notes: &'a [String]) -> Self {
        Self { version: VERSION, outcome, notes }
    }
}

impl<'a, T> LineDocument<'a, T> {
    pub(super) fn new(line: &'a T) -> Self {
        Self { version: VERSION, line }
    }
}

impl<'a> FailureDocument<'a> {
    pub(super) fn new(message: &str, hint: &str, notes: &'a [String]) -> Self {
        let error = ErrorMessage { message: message.to_owned(), hint: hint.to_owned() };
        Self { version: VERSION, error, notes }
    }
}
