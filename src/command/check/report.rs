//! The result of a check, for display and as JSON.

use std::io::{self, Write};

use serde::Serialize;

use super::programs::ProgramVerdict;
use crate::check::catalogue::{Client, Words};
use crate::check::chain::Source;
use crate::check::{Finding, Severity};
use crate::report::{self, Mark, Outcome};
use crate::x509::details::CertificateDetails;

/// The checked targets, in the order of the arguments.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::command) struct Checks {
    pub(super) checks: Vec<Checked>,
}

#[derive(Serialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(in crate::command) struct Checked {
    /// The server, the file or the inventory.
    pub(super) place: String,
    /// The TLS version.
    #[serde(rename = "tls_version", skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<String>,
    /// The certificates, starting with the leaf.
    pub(super) chain: Vec<Linked>,
    /// The programs and stores that trust the root.
    pub(super) trusted_by: Vec<String>,
    /// Those that do not.
    pub(super) not_trusted_by: Vec<String>,
    /// The CAs whose client certificates the server accepts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) acceptable_client_cas: Option<Vec<String>>,
    /// The findings, the worst first.
    pub(super) findings: Vec<Finding>,
    #[serde(skip)]
    pub(super) no_connection: bool,
    /// Which kinds of programs accept the root in this environment, if it is one of devca's own
    /// or was added to the system's store.
    pub(super) programs: Vec<ProgramVerdict>,
    /// The same as text.
    #[serde(skip)]
    pub(super) program_lines: Vec<String>,
    /// Whether to print the messages of every client.
    #[serde(skip)]
    pub(super) all_clients: bool,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Linked {
    #[serde(flatten)]
    pub(super) certificate: CertificateDetails,
    pub(super) source: Source,
}

impl Outcome for Checks {
    fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        self.checks.iter().enumerate().try_for_each(|(index, checked)| {
            if index > 0 {
                writeln!(page)?;
            }
            checked.write(page)
        })
    }

    fn write_problems(&self, page: &mut dyn Write) -> io::Result<()> {
        for checked in self.checks.iter().filter(|checked| !checked.is_well()) {
            writeln!(page, "{} {}", Mark::Bad, checked.place)?;
            for finding in &checked.findings {
                writeln!(page, "  {}\n  {:9} {}", finding.what, "fix", finding.fix)?;
            }
        }
        Ok(())
    }

    /// The worst exit code of all targets.
    fn exit_code(&self) -> u8 {
        self.checks.iter().map(Checked::exit_code).max().unwrap_or(0)
    }
}

impl Checked {
    fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        let mark = if self.is_well() { Mark::Good } else { Mark::Bad };
        let version = self.version.as_ref().map_or(String::new(), |version| format!(", {version}"));
        writeln!(page, "{mark} {}{version}", self.place)?;
        self.write_chain(page)?;
        self.write_who_trusts_it(page)?;
        self.findings.iter().try_for_each(|finding| self.write_finding(page, finding))?;
        if self.findings.is_empty() {
            writeln!(page, "\n{}", report::verdict(true, "no problems found"))?;
        }
        Ok(())
    }

    /// Whether every client accepts the connection.
    fn is_well(&self) -> bool {
        self.findings.iter().all(|finding| finding.severity == Severity::Warning)
    }

    fn exit_code(&self) -> u8 {
        match (self.no_connection, self.is_well()) {
            (true, _) => 3,
            (false, false) => 1,
            (false, true) => 0,
        }
    }

    fn write_chain(&self, page: &mut dyn Write) -> io::Result<()> {
        const NAMES: usize = 6;
        if let Some(Linked { certificate, .. }) = self.chain.first() {
            let mut names: Vec<&str> = certificate.names.iter().map(String::as_str).take(NAMES).collect();
            let more = format!("and {} more", certificate.names.len().saturating_sub(NAMES));
            if certificate.names.len() > NAMES {
                names.push(&more);
            }
            if !names.is_empty() {
                let label = format!("  {:8}  ", "names");
                writeln!(page, "{}", report::hanging(&label, &names.join(", ")))?;
            }
            writeln!(page, "  {:8}  {}", "expires", certificate.not_after.date())?;
        }
        for (depth, Linked { certificate, source }) in self.chain.iter().enumerate() {
            let label = if depth == 0 { "chain" } else { "" };
            let branch = if depth == 0 { String::new() } else { format!("{:1$}└ ", "", 2 * (depth - 1)) };
            let is_root = certificate.subject == certificate.issuer;
            let note = match source {
                Source::Sent | Source::Trusted => "",
                Source::Known if is_root => "",
                Source::Known => ", not sent",
            };
            writeln!(page, "  {label:8}  {branch}{}{note}", certificate.subject)?;
        }
        Ok(())
    }

    /// Lists the stores, and then the kinds of programs.
    fn write_who_trusts_it(&self, page: &mut dyn Write) -> io::Result<()> {
        let stores = self.trusted_by.iter().map(|store| format!("by {}", report::tildes(store)));
        for (index, who) in stores.chain(self.program_lines.iter().cloned()).enumerate() {
            let label = if index == 0 { "trusted" } else { "" };
            let (first, indent) = (format!("  {label:8}  "), " ".repeat(14));
            writeln!(page, "{}", report::filled(&who, &first, &indent))?;
        }
        Ok(())
    }

    /// Prints the problem, the fix, and how clients report it: only the most common clients, or all with
    /// `--verbose`.
    fn write_finding(&self, page: &mut dyn Write, finding: &Finding) -> io::Result<()> {
        const COMMON: [Client; 4] = [Client::Curl, Client::Node, Client::Chrome, Client::Firefox];
        match finding.severity {
            Severity::Error => writeln!(page, "\n{}", report::verdict(false, &finding.what))?,
            Severity::Warning => writeln!(page, "\nwarning: {}", finding.what)?,
        }
        writeln!(page, "  {:9} {}", "fix", finding.fix)?;
        let said = by_client(&finding.words);
        let (common, others): (Vec<_>, Vec<_>) =
            said.into_iter().partition(|(client, _)| self.all_clients || COMMON.contains(client));
        let (common, others) = if common.is_empty() { (others, common) } else { (common, others) };
        for (index, (client, says)) in common.iter().enumerate() {
            let label = if index == 0 { "seen as" } else { "" };
            writeln!(page, "{}", report::hanging(&format!("  {label:9} {client:10} "), says))?;
        }
        if !others.is_empty() {
            writeln!(
                page,
                "  {:9} {}",
                "",
                report::dim(&format!(
                    "and by {} more client{}: -v",
                    others.len(),
                    if others.len() == 1 { "" } else { "s" }
                ))
            )?;
        }
        Ok(())
    }
}

/// One line per client with its alternative messages.
fn by_client(words: &[&'static Words]) -> Vec<(Client, String)> {
    let mut lines: Vec<(Client, String)> = Vec::new();
    for word in words {
        match lines.iter_mut().find(|(client, _)| *client == word.client) {
            Some((_, says)) => *says = format!("{says}, or: {}", word.says),
            None => lines.push((word.client, word.says.to_owned())),
        }
    }
    lines
}
