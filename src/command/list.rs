//! `devca list`: lists issued certificates and their state.

use std::collections::HashSet;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use time::{Duration, OffsetDateTime};

use super::Context;
use crate::ca::signer;
use crate::cli;
use crate::command::shared::record::CertificateRecord;
use crate::disk::files::{NewFile, Secrecy};
use crate::error::CaOption;
use crate::format::{Holds, Output, Written};
use crate::issued::inventory::{self, Entry, Inventory, Line};
use crate::issued::parallel;
use crate::issued::presence::{self, State};
use crate::issued::renewal::PresentRoot;
use crate::report::{self, Outcome};
use crate::x509::kind::Kind;
use crate::x509::policy;

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Listing {
    certificates: Vec<Listed>,
    /// The number of lines removed from the inventory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pruned: Option<usize>,
    /// Whether lines of the inventory cannot be read, so that certificates may be missing.
    #[serde(skip)]
    is_damaged: bool,
    /// Whether only certificates that have expired or expire soon were requested.
    #[serde(skip)]
    only_ending: bool,
    /// The option that selects the CA in the commands of hints.
    #[serde(skip)]
    ca: CaOption,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Listed {
    #[serde(flatten)]
    record: CertificateRecord,
    /// The file that represents the certificate: the first one that is not a key.
    path: PathBuf,
    state: ListedState,
    /// What would have to be permitted first.
    #[serde(skip)]
    outside: Option<String>,
    /// Encrypted files that the last renewal could not update.
    #[serde(skip)]
    not_renewed: Vec<NotRenewed>,
    #[serde(skip)]
    touched: Option<Box<Entry>>,
}

/// A file that still contains the previous certificate.
struct NotRenewed {
    path: PathBuf,
    /// Absent if an earlier version of devca could not update the file.
    not_after: Option<OffsetDateTime>,
    state: ListedState,
}

/// A row of the table.
struct Row {
    not_after: Option<OffsetDateTime>,
    state: ListedState,
    columns: [String; 5],
}

/// The state of a certificate; the worst comes first.
#[derive(Serialize, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
enum ListedState {
    Missing,
    Replaced,
    Revoked,
    /// It was issued by a root that has been replaced.
    #[serde(rename = "old-root")]
    Outdated,
    Expired,
    /// The root does not permit one of its names, so clients reject it.
    NotPermitted,
    Expiring,
    /// The file contains the certificate from before the last renewal.
    NotRenewed,
    Good,
}

pub(super) fn run(context: &Context, args: &cli::List) -> anyhow::Result<Listing> {
    let path = context.folder.inventory();
    let pruned = if args.prune { Some(prune(context)?) } else { None };
    let present = PresentRoot::new(context.root().ok().as_ref(), &context.folder);
    let (now, soon) = (context.now, args.expiring);
    // Check each line as it is read, so that only what is shown stays in memory.
    let scanned = inventory::scan(&path, |line| match line {
        Line::Issued(entry) => Ok(Listed::of(entry, now, soon, &present)),
        Line::Revoked(revocation) => Err(revocation.serial),
    })?;
    let mut revoked = HashSet::new();
    let issued = |line: Result<Listed, String>| line.map_err(|serial| revoked.insert(serial)).ok();
    let mut certificates: Vec<Listed> = scanned.answers.into_iter().filter_map(issued).collect();
    let chosen = inventory::one_of_each(
        &certificates,
        Listed::paths,
        |listed| &listed.record.serial,
        |listed| listed.touched.is_none(),
    );
    let mut chosen = chosen.into_iter();
    certificates.retain(|_| chosen.next().unwrap_or(true));
    let touched = certificates.iter_mut().filter(|listed| listed.touched.is_some());
    parallel::map(touched.collect(), Listed::look_into);
    for listed in certificates.iter_mut().filter(|listed| revoked.contains(&listed.record.serial)) {
        if matches!(
            listed.state,
            ListedState::Outdated
                | ListedState::Expired
                | ListedState::NotPermitted
                | ListedState::Expiring
                | ListedState::Good
        ) {
            listed.state = ListedState::Revoked;
        }
    }
    let only_ending = args.expiring.is_some();
    if only_ending {
        let is_ending = |listed: &Listed| {
            listed.state.is_ending() || listed.not_renewed.iter().any(|file| file.state.is_ending())
        };
        certificates.retain(is_ending);
    }
    let is_damaged = context.note_damage(scanned.unreadable);
    Ok(Listing { certificates, pruned, is_damaged, only_ending, ca: context.folder.option() })
}

/// The certificates in use that expire within this many days, have expired, or were issued by an earlier
/// root.
pub(super) fn ending(
    inventory: Inventory,
    now: OffsetDateTime,
    days: i64,
    present: &PresentRoot,
) -> Vec<Entry> {
    let revoked = inventory.revoked();
    let mut entries = inventory.in_use();
    entries.retain(|entry| {
        (entry.not_after - Duration::days(days) <= now || !present.has_issued(entry))
            && !revoked.contains(&entry.serial)
            && presence::quick_state(entry) == State::There
    });
    entries
}

/// Rewrites the inventory without obsolete lines: certificates whose files are gone or replaced, and revoked
/// ones that have expired.
fn prune(context: &Context) -> anyhow::Result<usize> {
    let path = context.folder.inventory();
    let lock = context.lock()?;
    let inventory = Inventory::load(&path)?;
    let before = inventory.entries.len() + inventory.revocations.len() + inventory.unreadable;
    let keep = |entry: &Entry| {
        !matches!(presence::quick_state(entry), State::Missing | State::Gone | State::Replaced)
    };
    // A revocation must stay until its certificate has expired, even if the files are gone.
    let ended = inventory.entries.iter().filter(|entry| entry.not_after < context.now);
    let expired: HashSet<String> = ended.map(|entry| entry.serial.clone()).collect();
    let mut revocations = inventory.revocations.clone();
    revocations.retain(|revocation| !expired.contains(&revocation.serial));
    let entries: Vec<Entry> = inventory.in_use().into_iter().filter(keep).collect();
    let after = entries.len() + revocations.len();
    let mut text = inventory::lines_of(&entries)?;
    text.push_str(&inventory::lines_of(&revocations)?);
    text.push_str(&inventory::later_lines(&path)?);
    let file = NewFile { path, content: text.into_bytes().into(), secrecy: Secrecy::Private, replace: true };
    context.person.files().stage(vec![file])?.commit_over()?;
    drop(lock);
    Ok(before.saturating_sub(after))
}

impl Outcome for Listing {
    fn is_answer(&self) -> bool {
        self.pruned.is_none()
    }

    /// Prints a table on a terminal, or tab-separated columns without a header for other programs.
    fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        if let Some(pruned) = self.pruned {
            let noun = if pruned == 1 { "entry" } else { "entries" };
            writeln!(page, "removed {pruned} {noun} from the inventory")?;
        }
        if self.certificates.is_empty() {
            return writeln!(page, "no certificates");
        }
        let mut rows: Vec<Row> = self.certificates.iter().flat_map(Listed::rows).collect();
        rows.retain(|row| !self.only_ending || row.state.is_ending());
        if !io::stdout().is_terminal() {
            return rows.iter().try_for_each(|row| writeln!(page, "{}", row.columns.join("\t")));
        }
        rows.sort_by_key(|row| row.not_after);
        write_table(page, &rows)?;
        self.write_fixes(page)
    }

    fn is_complete(&self) -> bool {
        !self.is_damaged
    }
}

/// Prints the rows below a header, on lines that fit on a terminal if the files' paths are short enough.
fn write_table(page: &mut dyn Write, rows: &[Row]) -> io::Result<()> {
    const HEADER: [&str; 5] = ["NAMES", "KIND", "STATE", "EXPIRES", "FILE"];
    /// The names are shortened, but not to less than this.
    const NAMES: usize = 20;
    const GAP: usize = 2;
    let columns = || rows.iter().map(|row| row.columns.each_ref().map(String::as_str)).chain([HEADER]);
    let width = |column: usize| columns().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let others: usize = (1..HEADER.len()).map(|column| GAP + width(column)).sum();
    let widths =
        [width(0).min(report::TERMINAL.saturating_sub(others).max(NAMES)), width(1), width(2), width(3)];
    let line = |[names, kind, state, expires, file]: [&str; 5], state_color: fn(&str) -> String| {
        let state = state_color(&format!("{state:0$}", widths[2]));
        let names = elided(names, widths[0]);
        let [names_width, kind_width, _, expires_width] = widths;
        format!("{names:names_width$}  {kind:kind_width$}  {state}  {expires:expires_width$}  {file}")
    };
    writeln!(page, "{}", report::dim(&line(HEADER, str::to_owned)))?;
    for row in rows {
        let is_good = row.state == ListedState::Good;
        let color: fn(&str) -> String =
            if is_good { str::to_owned } else { |state| report::verdict(false, state) };
        writeln!(page, "{}", line(row.columns.each_ref().map(String::as_str), color))?;
    }
    Ok(())
}

/// Shortens the names to a width.
fn elided(names: &str, width: usize) -> String {
    if names.chars().count() <= width {
        return names.to_owned();
    }
    names.chars().take(width - 1).chain(['…']).collect()
}

impl Listing {
    fn write_fixes(&self, page: &mut dyn Write) -> io::Result<()> {
        let has =
            |words: &[ListedState]| self.certificates.iter().any(|listed| words.contains(&listed.state));
        let is_behind = self.certificates.iter().any(|listed| !listed.not_renewed.is_empty());
        let fixes = [
            (is_behind, "renew --password-file FILE", "renews encrypted files as well"),
            (has(&[ListedState::Outdated]), "renew --all", "reissues what an earlier root issued"),
            (has(&[ListedState::Expiring]), "renew", "renews what expires soon"),
            (
                has(&[ListedState::Missing, ListedState::Replaced]),
                "list --prune",
                "removes entries whose files are gone",
            ),
        ];
        let is_outside = |listed: &&Listed| listed.state == ListedState::NotPermitted;
        let outside = self.certificates.iter().find(is_outside).and_then(|listed| listed.outside.as_deref());
        if let Some(name) = outside {
            let permit = self.ca.hint(&format!("devca permit {name}"));
            writeln!(
                page,
                "fix: {permit}  (clients reject certificates with names that the root does not permit)"
            )?;
        }
        for (_, command, does) in fixes.iter().filter(|(applies, ..)| *applies) {
            writeln!(page, "fix: {}  ({does})", self.ca.hint(&format!("devca {command}")))?;
        }
        Ok(())
    }
}

impl Listed {
    fn of(entry: Box<Entry>, now: OffsetDateTime, soon: Option<i64>, present: &PresentRoot) -> Self {
        let outside = present.outside(&entry).map(|name| signer::base(&name));
        let lead = soon.map_or_else(|| policy::renewal_lead(entry.lifetime()), Duration::days);
        let state = match entry.not_after {
            end if end < now => ListedState::Expired,
            _ if !present.has_issued(&entry) => ListedState::Outdated,
            _ if outside.is_some() => ListedState::NotPermitted,
            end if end - lead <= now => ListedState::Expiring,
            _ => ListedState::Good,
        };
        let path = presence::first(&entry).to_owned();
        let not_renewed = entry.outdated_files().filter_map(|file| NotRenewed::of(file, now, lead)).collect();
        let touched = (!entry.is_untouched()).then(|| entry.clone());
        Self { record: CertificateRecord::new(*entry, now), path, state, outside, not_renewed, touched }
    }

    /// Its paths. The first one identifies a certificate: a later one with a file there replaces it.
    fn paths(&self) -> impl Iterator<Item = &Path> {
        self.record.files.iter().map(|file| file.path.as_path())
    }

    /// Reads files whose modification time has changed, once it is known that no later certificate replaced
    /// them.
    fn look_into(&mut self) {
        match self.touched.take().map(|entry| presence::state(&entry)) {
            Some(State::Missing | State::Gone) => self.state = ListedState::Missing,
            Some(State::Replaced) => self.state = ListedState::Replaced,
            _ => {}
        }
    }

    /// One row for the certificate, and one for each file that contains an earlier one.
    fn rows(&self) -> Vec<Row> {
        let behind = self.not_renewed.iter().map(|file| (file.not_after, file.state, &file.path));
        let all = std::iter::once((Some(self.record.not_after), self.state, &self.path)).chain(behind);
        all.map(|(not_after, state, path)| self.row(not_after, state, path)).collect()
    }

    fn row(&self, not_after: Option<OffsetDateTime>, state: ListedState, path: &Path) -> Row {
        let kind = match self.record.kind {
            Kind::Server => "server",
            Kind::Client => "client",
            Kind::Both => "both",
        };
        let expires = not_after.map_or("unknown".into(), |end| end.date().to_string());
        // What devca acme issues has no files here.
        let account = self.record.acme_account.as_ref().filter(|_| self.record.files.is_empty());
        let place = account.map_or_else(|| report::short(path), |id| format!("ACME account {id}"));
        let columns = [self.name(), kind.to_owned(), state.as_str().to_owned(), expires, place];
        Row { not_after, state, columns }
    }

    /// The name that represents the certificate.
    fn name(&self) -> String {
        match (&self.record.kind, &self.record.common_name) {
            (Kind::Client, Some(name)) => name.clone(),
            (_, Some(name)) if self.record.names.is_empty() => name.clone(),
            _ => self.record.names.join(", "),
        }
    }
}

impl NotRenewed {
    /// Returns `None` for a trust store, which contains no certificate that expires.
    fn of(file: &Written, now: OffsetDateTime, lead: Duration) -> Option<Self> {
        let state = match file.not_after {
            Some(end) if end < now => ListedState::Expired,
            Some(end) if end - lead <= now => ListedState::Expiring,
            _ => ListedState::NotRenewed,
        };
        let has_certificate = Output::holds(file) == Some(Holds::Opaque);
        has_certificate.then(|| Self { path: file.path.clone(), not_after: file.not_after, state })
    }
}

impl ListedState {
    fn is_ending(self) -> bool {
        matches!(self, Self::Expired | Self::Expiring)
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Replaced => "replaced",
            Self::Revoked => "revoked",
            Self::Outdated => "old root",
            Self::Expired => "expired",
            Self::Expiring => "expiring",
            Self::NotPermitted => "not permitted",
            Self::NotRenewed => "not renewed",
            Self::Good => "good",
        }
    }
}
