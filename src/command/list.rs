//! `devca list`: what was issued, and what has become of it.

use std::collections::HashSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use time::{Duration, OffsetDateTime};

use super::Context;
use crate::cli;
use crate::files::{NewFile, Secrecy};
use crate::inventory::{self, Entry, Inventory, Line};
use crate::parallel;
use crate::profile::{self, DaysLeft, Kind};
use crate::renewal::{self, PresentRoot, State};
use crate::report::{self, Outcome};

#[derive(Serialize)]
pub(super) struct List {
    certificates: Vec<Listed>,
    /// How many lines of the inventory went.
    #[serde(skip_serializing_if = "Option::is_none")]
    pruned: Option<usize>,
}

#[derive(Serialize)]
struct Listed {
    serial: String,
    kind: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    common_name: Option<String>,
    names: Vec<String>,
    path: PathBuf,
    #[serde(with = "time::serde::rfc3339")]
    not_after: OffsetDateTime,
    days_left: DaysLeft,
    state: Word,
    /// By which a later one is known to have replaced it.
    #[serde(skip)]
    place: Option<PathBuf>,
    #[serde(skip)]
    touched: Option<Box<Entry>>,
}

/// The one word on a certificate; the worst first.
#[derive(Serialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Word {
    Missing,
    Replaced,
    Revoked,
    /// Of a root that another has replaced.
    Outdated,
    Expired,
    Expiring,
    Good,
}

pub(super) fn run(context: &Context, args: &cli::List) -> anyhow::Result<List> {
    let path = context.folder.inventory();
    let pruned = if args.prune { Some(prune(context)?) } else { None };
    let present = PresentRoot::new(context.root().ok().as_ref(), &context.folder);
    let (now, soon) = (context.now, args.expiring.unwrap_or(profile::RENEW_WITHIN_DAYS));
    // Looked at while the lines are read: only what is shown stays in memory.
    let lines = inventory::scan(&path, |line| match line {
        Line::Issued(entry) => Ok(Listed::of(entry, now, soon, &present)),
        Line::Revoked(revocation) => Err(revocation.serial),
    })?;
    let mut revoked = HashSet::new();
    let issued = |line: Result<Listed, String>| line.map_err(|serial| revoked.insert(serial)).ok();
    let mut certificates: Vec<Listed> = lines.into_iter().filter_map(issued).collect();
    let chosen = inventory::one_of_each(&certificates, Listed::place, |listed| listed.touched.is_none());
    let mut chosen = chosen.into_iter();
    certificates.retain(|_| chosen.next().unwrap_or(true));
    let touched = certificates.iter_mut().filter(|listed| listed.touched.is_some());
    parallel::map(touched.collect(), Listed::look_into);
    for listed in certificates.iter_mut().filter(|listed| revoked.contains(&listed.serial)) {
        if matches!(listed.state, Word::Outdated | Word::Expired | Word::Expiring | Word::Good) {
            listed.state = Word::Revoked;
        }
    }
    if args.expiring.is_some() {
        certificates.retain(|listed| matches!(listed.state, Word::Expired | Word::Expiring));
    }
    Ok(List { certificates, pruned })
}

/// What is in use, and ends within so many days, has ended, or is of an earlier root.
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
            && renewal::glance(entry) == State::There
    });
    entries
}

/// Rewrites the inventory without what is of no use any more: certificates whose files are gone or replaced, and those
/// that have expired and were revoked.
fn prune(context: &Context) -> anyhow::Result<usize> {
    let path = context.folder.inventory();
    let lock = context.lock()?;
    let inventory = Inventory::load(&path)?;
    let before = inventory.entries.len() + inventory.revocations.len();
    let keep =
        |entry: &Entry| !matches!(renewal::glance(entry), State::Missing | State::Gone | State::Replaced);
    // A revocation stays until its certificate has expired, whether its files are there or not.
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

impl Outcome for List {
    fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        if let Some(pruned) = self.pruned {
            writeln!(page, "removed {pruned} entries from the inventory")?;
        }
        if self.certificates.is_empty() {
            return writeln!(page, "nothing to list");
        }
        let names: Vec<String> = parallel::map(self.certificates.iter().collect(), Listed::name);
        let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).clamp(8, 40);
        let rows = self.certificates.iter().zip(names).collect();
        for row in parallel::map(rows, |(listed, name)| listed.row(&name, width)) {
            writeln!(page, "{row}")?;
        }
        Ok(())
    }
}

impl Listed {
    fn of(entry: Box<Entry>, now: OffsetDateTime, soon: i64, present: &PresentRoot) -> Self {
        let state = match entry.not_after {
            end if end < now => Word::Expired,
            _ if !present.has_issued(&entry) => Word::Outdated,
            end if end - Duration::days(soon) <= now => Word::Expiring,
            _ => Word::Good,
        };
        let days_left = DaysLeft::until(entry.not_after, now);
        let path = renewal::first(&entry).to_owned();
        let touched = (!entry.is_untouched()).then(|| entry.clone());
        let Entry { serial, kind, common_name, names, not_after, files, .. } = *entry;
        let place = files.into_iter().next().map(|file| file.path);
        Self { serial, kind, common_name, names, path, not_after, days_left, state, place, touched }
    }

    fn place(&self) -> Option<&Path> {
        self.place.as_deref()
    }

    /// Files that something has touched are read, once it is known that no later certificate is in their place.
    fn look_into(&mut self) {
        match self.touched.take().map(|entry| renewal::state(&entry)) {
            Some(State::Missing | State::Gone) => self.state = Word::Missing,
            Some(State::Replaced) => self.state = Word::Replaced,
            _ => {}
        }
    }

    fn row(&self, name: &str, width: usize) -> String {
        let kind = match self.kind {
            Kind::Server => "server",
            Kind::Client => "client",
            Kind::Both => "both",
        };
        let left = match (self.state, self.days_left) {
            (Word::Missing, _) => report::verdict(false, "missing"),
            (Word::Replaced, _) => report::verdict(false, "replaced"),
            (Word::Revoked, _) => report::verdict(false, "revoked"),
            (Word::Outdated, _) => report::verdict(false, "of an earlier root"),
            (Word::Expired, _) => report::verdict(false, "expired"),
            (Word::Expiring, days) => report::verdict(false, &format!("{days:#}")),
            (Word::Good, days) => format!("{days:#}"),
        };
        format!("{name:width$}  {kind}  {}: {left}", report::short(&self.path))
    }

    /// What a person knows it by.
    fn name(&self) -> String {
        let first = match self.kind {
            Kind::Client => self.common_name.as_ref().or(self.names.first()),
            _ => self.names.first().or(self.common_name.as_ref()),
        };
        let more = self.names.len().saturating_sub(1);
        match (first, more) {
            (Some(first), 0) => first.clone(),
            (Some(first), more) if self.kind != Kind::Client => format!("{first} and {more} more"),
            (first, _) => first.cloned().unwrap_or_default(),
        }
    }
}
