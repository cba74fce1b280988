//! What a check has found, for a person and as JSON.

use std::io::{self, Write};

use serde::Serialize;

use crate::check::Finding;
use crate::check::catalogue::Words;
use crate::check::chain::Source;
use crate::details::Certificate;
use crate::report::{self, Outcome};

#[derive(Serialize, Default)]
pub(in crate::command) struct Checked {
    #[serde(rename = "checked")]
    pub(super) place: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<String>,
    /// From the leaf upwards.
    pub(super) chain: Vec<Linked>,
    /// Who trusts the root.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) trusted_by: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) not_trusted_by: Vec<String>,
    /// The CAs whose client certificates the server accepts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) acceptable_client_cas: Option<Vec<String>>,
    /// The worst first.
    pub(super) findings: Vec<Finding>,
    #[serde(skip)]
    pub(super) no_connection: bool,
}

#[derive(Serialize)]
pub(super) struct Linked {
    #[serde(flatten)]
    pub(super) certificate: Certificate,
    pub(super) source: Source,
}

impl Outcome for Checked {
    fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        let version = self.version.as_ref().map_or(String::new(), |version| format!(", {version}"));
        writeln!(page, "{:8}  {}{version}", "checked", self.place)?;
        for (depth, Linked { certificate, source }) in self.chain.iter().enumerate() {
            let label = if depth == 0 { "chain" } else { "" };
            let branch = if depth == 0 { String::new() } else { format!("{:1$}└ ", "", 2 * (depth - 1)) };
            let is_root = certificate.subject == certificate.issuer;
            let note = match source {
                Source::Sent | Source::Trusted => "",
                Source::Known if is_root => "",
                Source::Known => ", which is not sent",
            };
            writeln!(page, "{label:8}  {branch}{}{note}", certificate.subject)?;
        }
        if let (false, Some(last)) = (self.trusted_by.is_empty(), self.chain.last()) {
            let name = last.certificate.common_name.as_deref().unwrap_or(&last.certificate.subject);
            writeln!(page, "{:8}  {name} by {}", "trusted", self.trusted_by.join(", "))?;
        }
        for finding in &self.findings {
            writeln!(page, "\n{}: {}", report::verdict(false, finding.fault.title), finding.what)?;
            for (client, says) in by_client(&finding.words) {
                writeln!(page, "  {client:12}  {says}")?;
            }
            writeln!(page, "  {:12}  {}", "mend", finding.mend)?;
        }
        if self.findings.is_empty() {
            writeln!(page, "{}", report::verdict(true, "all is well"))?;
        }
        Ok(())
    }

    fn exit_code(&self) -> u8 {
        match (self.no_connection, self.findings.is_empty()) {
            (true, _) => 3,
            (false, false) => 1,
            (false, true) => 0,
        }
    }
}

/// One line a client: its words, or one or the other.
fn by_client(words: &[&'static Words]) -> Vec<(&'static str, String)> {
    let mut lines: Vec<(&'static str, String)> = Vec::new();
    for word in words {
        match lines.iter_mut().find(|(client, _)| *client == word.client) {
            Some((_, says)) => *says = format!("{says}, or: {}", word.says),
            None => lines.push((word.client, word.says.to_owned())),
        }
    }
    lines
}
