//! The report of `devca issue`.

use std::io::{self, Write};
use std::path::PathBuf;

use serde::Serialize;
use zeroize::Zeroizing;

use crate::command::Context;
use crate::command::shared::record::CertificateRecord;
use crate::command::shared::reissued::Reissued;
use crate::command::shared::stores::{self, StoreLine};
use crate::format::{Holds, Output};
use crate::issued::inventory::Entry;
use crate::report::{self, Outcome};
use crate::x509::kind::Kind;

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[allow(clippy::struct_excessive_bools)] // independent facts
pub(crate) struct IssueReport {
    #[serde(flatten)]
    pub(super) record: CertificateRecord,
    /// With `--if-needed`: whether an existing certificate is still good.
    pub(super) reused: bool,
    /// The files in other formats that were added to an existing certificate.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) added: Vec<PathBuf>,
    /// Whether existing files were replaced.
    pub(super) replaced: bool,
    pub(super) root_created: bool,
    /// The stores in which the root was replaced by one that permits more.
    pub(super) stores: Vec<StoreLine>,
    /// The certificates that were renewed because a sealed CA got a new root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reissued: Option<Reissued>,
    /// A generated password, which is shown only once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) password: Option<String>,
    /// The content for standard output, if no files are written.
    #[serde(skip)]
    pub(super) content: Option<Vec<Zeroizing<Vec<u8>>>>,
}

impl IssueReport {
    /// The report for an existing certificate that is kept.
    pub(super) fn present(entry: Entry, outputs: &[Output], context: &Context) -> Self {
        let mut record = CertificateRecord::new(entry, context.now);
        // Report the requested paths, which may lead to the files through a link.
        record.certificate = path_of(outputs, Holds::Certificate);
        record.key = path_of(outputs, Holds::Key);
        Self {
            record,
            reused: true,
            added: Vec::new(),
            replaced: false,
            root_created: false,
            stores: Vec::new(),
            reissued: None,
            password: None,
            content: None,
        }
    }
}

impl Outcome for IssueReport {
    fn is_payload(&self) -> bool {
        self.content.is_some()
    }

    fn when_lost(&self) -> &'static str {
        if self.content.is_some() {
            "the certificate and its key are lost: issue them again"
        } else {
            "everything was done; only the output was lost"
        }
    }

    fn is_complete(&self) -> bool {
        stores::all_done(&self.stores) && self.reissued.as_ref().is_none_or(Reissued::is_done)
    }

    fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        const SHOWN: usize = 10;
        if let Some(content) = &self.content {
            return content.iter().try_for_each(|file| page.write_all(file));
        }
        stores::write(page, &self.stores, "trusts the new root", "already trusted")?;
        self.reissued.iter().try_for_each(|reissued| reissued.write_lines(page))?;
        let record = &self.record;
        let files = record.files.iter().filter(|file| !file.outdated);
        let mut rows: Vec<(&str, String)> =
            files.map(|file| (file.part.as_str(), report::short(&file.path))).collect();
        // List the certificate before its key, as users expect.
        rows.sort_by_key(|(label, _)| label.ends_with("key"));
        if let (Kind::Client, Some(client)) = (record.kind, &record.common_name) {
            rows.push(("client", client.clone()));
        }
        let mut names: Vec<String> = record.names.iter().take(SHOWN).cloned().collect();
        if record.names.len() > SHOWN {
            names.push(format!("and {} more", record.names.len() - SHOWN));
        }
        if !names.is_empty() {
            rows.push(("names", names.join(", ")));
        }
        if let Some(password) = &self.password {
            rows.push(("password", format!("{password} (shown this once)")));
        }
        rows.push(record.days_left.row(record.not_after));
        if self.reused {
            let added: Vec<String> = self.added.iter().map(|path| report::short(path)).collect();
            let status =
                if added.is_empty() { "not reissued".into() } else { format!("added {}", added.join(", ")) };
            rows.push(("status", format!("still valid, {status}")));
        } else if self.replaced {
            let with = if record.key_type.is_some() { ", with a new key" } else { "" };
            rows.push(("status", format!("replaced the files that existed{with}")));
        }
        report::rows(page, &rows)
    }
}

fn path_of(outputs: &[Output], holds: Holds) -> Option<PathBuf> {
    outputs.iter().find(|output| output.part.holds == holds).map(|output| output.path.clone())
}
