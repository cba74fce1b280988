//! `devca renew`: issue certificates again before they end, in their places and with their keys.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration as StdDuration;

use devca_platform::privilege::spawn_as_person;
use time::{Duration, OffsetDateTime};

use super::Context;
use crate::ca::Authority;
use crate::cli;
use crate::command::shared::reissued::{FailedRenewal, Reissued};
use crate::command::shared::timer;
use crate::disk::secret::Secret;
use crate::error::{self, Fault};
use crate::issued::bulk;
use crate::issued::inventory::{self, Entry, Inventory};
use crate::issued::moved;
use crate::issued::presence::{self, Sorted, State};
use crate::issued::renewal::{self, Renewer, Signers};
use crate::x509::policy;

/// How they are to be issued again.
pub(super) struct How {
    pub(super) password: Option<Secret>,
    pub(super) new_key: bool,
    pub(super) days: Option<i64>,
}

pub(super) fn run(context: &Context, args: &cli::Renew) -> anyhow::Result<Reissued> {
    if args.install_timer || args.remove_timer {
        let changed = timer::run(context, args)?;
        return Ok(Reissued { timer: Some(changed), ..Reissued::default() });
    }
    if let Some(days) = args.days.filter(|days| !(1..=policy::SERVER_MAX_DAYS).contains(days)) {
        let hint = format!("use 1 to {}, for example: --days 90", policy::SERVER_MAX_DAYS);
        return Err(Fault::usage(format!("a certificate cannot be valid for {days} days"), hint).into());
    }
    context.root()?;
    loop {
        let renewed = once(&context.now(), args);
        if !args.watch {
            return renewed;
        }
        // What goes wrong once, a full disk or a server that does not reload, may go well the next time.
        match renewed {
            Ok(renewed) => _ = context.report.finish(&renewed)?,
            Err(e) => _ = context.report.error(&e),
        }
        std::thread::sleep(until_next(context, args, OffsetDateTime::now_utc()));
    }
}

fn once(context: &Context, args: &cli::Renew) -> anyhow::Result<Reissued> {
    let password = args.password.read()?;
    let lock = context.lock()?;
    let (due, is_damaged) = due(context, args)?;
    let Sorted { renewable: due, others, lost } = presence::sorted(due);
    let mut outcome = Reissued::default();
    if !due.is_empty() {
        let how = How { password, new_key: args.new_key, days: args.days };
        let bar = context.report.progress(due.len() as u64);
        outcome = again(context, &context.authority()?, &due, how, &mut |done| bar.inc(done))?;
        bar.finish_and_clear();
    }
    // One that was asked for by name is an error, unless another of that name is there. So is one that lacks a file:
    // somebody relies on it, and a timer is to say so.
    let is_failure = |entry: &Entry, state| {
        let mut words = args.what.iter().filter(|word| is_meant(entry, word));
        let is_named = words.any(|word| !due.iter().any(|other| is_meant(other, word)));
        is_named || (args.what.is_empty() && state == State::Missing)
    };
    if args.what.is_empty() && !args.all {
        note_gone(context, &others);
    }
    outcome.leave(others, is_failure);
    outcome.lose(context, lost);
    outcome.is_renewal = true;
    outcome.is_damaged = is_damaged;
    drop(lock);
    if let (Some(hook), false) = (&args.exec, outcome.done.is_empty()) {
        outcome.executed = Some(hook.clone());
        outcome.hook_failed = execute(context, hook).err();
    }
    Ok(outcome)
}

/// Files that were deleted look like those that were moved, which a server may still use.
fn note_gone(context: &Context, others: &[(Entry, State)]) {
    let gone = others.iter().filter(|(_, state)| *state == State::Gone);
    for (entry, _) in gone.take(3) {
        let path = crate::report::short(presence::first(entry));
        context.report.note(format!(
            "{path} is due and gone; if you moved it: devca renew NEW-PATH, if you deleted it: devca list --prune"
        ));
    }
}

/// What was asked for, and whether lines of the inventory cannot be read. Without a name, and without --all: what ends
/// soon.
fn due(context: &Context, args: &cli::Renew) -> anyhow::Result<(Vec<Entry>, bool)> {
    let inventory = Inventory::load(&context.folder.inventory())?;
    let revoked = inventory.revoked();
    let is_damaged = context.note_damage(inventory.unreadable);
    let mut entries = inventory.in_use();
    let (gone, kept) = entries.into_iter().partition::<Vec<_>, _>(|entry| revoked.contains(&entry.serial));
    entries = kept;
    for word in &args.what {
        let is_there = |entry: &Entry| is_meant(entry, word) && presence::state(entry) == State::There;
        if entries.iter().any(is_there) {
            continue;
        }
        if let Some(entry) = moved::find(&entries, Path::new(word)) {
            inventory::append(&context.folder.inventory(), [&entry], context.person.files())?;
            let known = entries.len();
            // What is a copy stays known at both places.
            entries.retain(|old| old.serial != entry.serial || presence::state(old) == State::There);
            let what = if entries.len() < known { "was moved" } else { "is a copy" };
            context.report.note(format!("{word} {what}; its place is recorded"));
            entries.push(entry);
        } else if !entries.iter().any(|entry| is_meant(entry, word)) {
            return Err(not_listed(&gone, word).into());
        }
    }
    let is_wanted = |entry: &Entry| {
        (args.what.is_empty() || args.what.iter().any(|word| is_meant(entry, word)))
            && (lacks_password(args, entry)
                || lead(args, entry).is_none_or(|lead| entry.not_after - lead <= context.now))
    };
    entries.retain(is_wanted);
    Ok((entries, is_damaged))
}

/// Why nothing is renewed by this name.
fn not_listed(revoked: &[Entry], word: &str) -> Fault {
    if let Some(entry) = revoked.iter().find(|entry| is_meant(entry, word)) {
        let hint = format!("{} --force", renewal::issue_again(entry));
        return Fault::new(format!("{word} is revoked"), hint);
    }
    let what = if Path::new(word).exists() {
        format!("{word} is not a certificate of this CA with its key beside it")
    } else {
        format!("{word} is neither a file nor the name of a certificate of this CA")
    };
    Fault::new(what, "list what was issued: devca list")
}

/// Whether it has files that an earlier renewal could not open, for which there is a password now.
fn lacks_password(args: &cli::Renew, entry: &Entry) -> bool {
    args.password.is_given() && entry.outdated_files().next().is_some()
}

/// How long before its end a certificate is due; `None`: always. With `--watch`, and without `--within`, a certificate
/// that is valid for weeks only is renewed in the last third of its life, not again and again from its first day.
fn lead(args: &cli::Renew, entry: &Entry) -> Option<Duration> {
    let third = args.days.map_or(entry.not_after - entry.not_before, Duration::days) / 3;
    let named = args.all || !args.what.is_empty();
    match (args.within, args.watch) {
        (Some(days), false) => Some(Duration::days(days)),
        (Some(days), true) => Some(Duration::days(days).min(third)),
        (None, false) if named => None,
        (None, _) => Some(Duration::days(policy::RENEW_WITHIN_DAYS).min(third)),
    }
}

fn is_meant(entry: &Entry, word: &str) -> bool {
    let path = std::path::absolute(word).unwrap_or_else(|_| PathBuf::from(word));
    entry.files.iter().any(|file| file.path == path)
        || entry.names.iter().any(|name| name == word)
        || entry.common_name.as_deref() == Some(word)
}

/// Issues these again, on every core. The caller holds the lock.
pub(super) fn again(
    context: &Context,
    authority: &Authority,
    due: &[Entry],
    how: How,
    progress: &mut dyn FnMut(u64),
) -> anyhow::Result<Reissued> {
    let files = context.issuing();
    for folder in renewal::folders(due) {
        files.sweep_issued(folder);
    }
    let below = if !authority.is_sealed && due.iter().any(|entry| entry.intermediate) {
        Some(authority.through_intermediate(&context.folder, files, context.now)?)
    } else {
        None
    };
    let signers = Signers::new(authority, below.as_ref())?;
    let How { password, new_key, days } = how;
    let renewer = Renewer { signers: &signers, password, new_key, days, now: context.now };
    let mut outcome = Reissued::default();
    let files_each = due.iter().map(|entry| entry.files.len()).max().unwrap_or(0);
    for chunk in due.chunks(bulk::chunk(files_each)) {
        let make = |entry: &Entry| renewer.renew(entry);
        let written = bulk::write(chunk, make, &context.folder.inventory(), files)?;
        for (entry, done) in chunk.iter().zip(written) {
            let path = presence::first(entry).to_owned();
            match done {
                Ok(entry) => {
                    outcome.done.push(presence::first(&entry).to_owned());
                    let left = entry.outdated_files();
                    outcome.outdated.extend(left.map(|file| outdated(context, &file.path, &entry)));
                }
                Err(e) => {
                    let (why, hint) = (format!("{e:#}"), context.folder.hint(error::hint(&e)));
                    outcome.failed.push(FailedRenewal { path, why, hint });
                }
            }
        }
        progress(chunk.len() as u64);
    }
    Ok(outcome)
}

/// A file that could not be renewed with the others of its certificate.
fn outdated(context: &Context, path: &Path, entry: &Entry) -> FailedRenewal {
    let why = "it still contains the previous certificate, because its password is unknown".into();
    let hint = context.folder.hint(&renewal::with_password(entry));
    FailedRenewal { path: path.to_owned(), why, hint }
}

/// Until the next certificate is due, and an hour at most: others may be issued in the meantime.
fn until_next(context: &Context, args: &cli::Renew, now: OffsetDateTime) -> StdDuration {
    let entries = Inventory::load(&context.folder.inventory()).unwrap_or_default().in_use();
    let next = entries
        .iter()
        .filter_map(|entry| Some(entry.not_after - lead(args, entry)? - now))
        .filter(|left| left.is_positive())
        .min();
    let hour = StdDuration::from_secs(3600);
    let wait = next.and_then(|left| StdDuration::try_from(left).ok()).unwrap_or(hour);
    wait.clamp(StdDuration::from_secs(1), hour)
}

/// By its absolute path: another program of that name may be in the current folder.
fn shell() -> PathBuf {
    if cfg!(windows) {
        let system = std::env::var_os("SystemRoot").unwrap_or_else(|| r"C:\Windows".into());
        Path::new(&system).join(r"System32\cmd.exe")
    } else {
        "/bin/sh".into()
    }
}

/// A command line of the person's own, as their shell reads it.
fn execute(context: &Context, hook: &str) -> Result<(), String> {
    let mut command = Command::new(shell());
    command.arg(if cfg!(windows) { "/C" } else { "-c" }).arg(hook);
    // Standard output is for what devca says, in JSON even.
    command.envs(context.person.environment()).stdout(io::stderr());
    let status = spawn_as_person(&mut command).and_then(|mut child| child.wait());
    match status.map_err(|e| e.to_string()) {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(status.to_string()),
        Err(why) => Err(why),
    }
}
