//! The report of a batch.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::command::shared::interrupt;
use crate::command::shared::record::CertificateRecord;
use crate::command::shared::reissued::Reissued;
use crate::command::shared::stores::{self, StoreLine};
use crate::error;
use crate::report::{self, Outcome};

/// The result of a batch.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Batch {
    /// The number of issued certificates.
    pub(super) issued: usize,
    /// The number of certificates that already exist.
    pub(super) skipped: usize,
    /// The lines that failed.
    pub(super) failed: Vec<FailedLine>,
    /// The folder of the files.
    pub(super) folder: PathBuf,
    pub(super) root_created: bool,
    /// The issued certificates.
    pub(super) certificates: Vec<CertificateRecord>,
    /// The number of certificates that were not started because of Ctrl-C.
    pub(super) not_begun: usize,
    /// The stores in which the root was replaced by one that permits more.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) stores: Vec<StoreLine>,
    /// The certificates that were renewed because a sealed CA got a new root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reissued: Option<Reissued>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct FailedLine {
    pub(super) line: usize,
    #[serde(rename = "message")]
    pub(super) why: String,
    pub(super) hint: String,
}

impl FailedLine {
    pub(super) fn new(line: usize, e: &anyhow::Error) -> Self {
        Self { line, why: format!("{e:#}"), hint: error::hint(e).to_owned() }
    }
}

impl Batch {
    pub(super) fn new(folder: &Path, root_created: bool) -> Self {
        let folder = folder.to_owned();
        Self {
            issued: 0,
            skipped: 0,
            failed: Vec::new(),
            folder,
            root_created,
            certificates: Vec::new(),
            not_begun: 0,
            stores: Vec::new(),
            reissued: None,
        }
    }
}

impl Outcome for Batch {
    fn exit_code(&self) -> u8 {
        if self.not_begun > 0 { interrupt::EXIT_CODE } else { u8::from(!self.is_complete()) }
    }

    fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        stores::write(page, &self.stores, "trusts the new root", "already trusted")?;
        self.reissued.iter().try_for_each(|reissued| reissued.write_lines(page))?;
        let mut rows = vec![("issued", self.issued.to_string()), ("folder", report::short(&self.folder))];
        if self.skipped > 0 {
            rows.insert(1, ("skipped", format!("{} (already issued)", self.skipped)));
        }
        if self.not_begun > 0 {
            let left =
                format!("{} (stopped by Ctrl-C; to issue them, run the same command again)", self.not_begun);
            rows.push(("left", left));
        }
        report::rows(page, &rows)?;
        for FailedLine { line, why, hint } in &self.failed {
            let word = report::verdict(false, "failed");
            writeln!(page, "line {line}: {word}\n        {why}\n        hint: {hint}")?;
        }
        Ok(())
    }

    fn is_complete(&self) -> bool {
        self.failed.is_empty()
            && stores::all_done(&self.stores)
            && self.reissued.as_ref().is_none_or(Reissued::is_done)
    }
}
