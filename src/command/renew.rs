//! `devca renew`: renews certificates in place before they expire, keeping their keys.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration as StdDuration;

use devca_platform::privilege::spawn_as_person;
use time::{Duration, OffsetDateTime};

use super::Context;
use crate::ca::Authority;
use crate::cli;
use crate::command::shared::identities;
use crate::command::shared::reissued::{FailedRenewal, Reissued};
use crate::command::shared::shortened::Shortened;
use crate::command::shared::timer;
use crate::disk::files;
use crate::disk::secret::Secret;
use crate::error::{self, Fault};
use crate::format::Written;
use crate::issued::bulk;
use crate::issued::inventory::{self, Entry, Inventory};
use crate::issued::moved;
use crate::issued::presence::{self, OldKey, Sorted, State};
use crate::issued::renewal::{self, Renewer, Signers};
use crate::x509::kind::Kind;
use crate::x509::policy;

/// How to renew the certificates.
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
        // Temporary problems, such as a full disk or a server that does not reload, may not occur the next
        // time.
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
    let old_key = match (args.new_key, args.what.is_empty()) {
        (false, _) => OldKey::Needed,
        (true, true) => OldKey::Replaced,
        (true, false) => OldKey::Created,
    };
    let Sorted { renewable: due, others, lost } = presence::sorted(due, old_key);
    let mut outcome = Reissued::default();
    if !due.is_empty() {
        let how = How { password, new_key: args.new_key, days: args.days };
        let bar = context.report.progress(due.len() as u64);
        outcome = again(context, &context.authority()?, &due, how, &mut |done| bar.inc(done))?;
        bar.finish_and_clear();
    }
    // A missing certificate that was requested by name is an error, unless another one has that name too. So
    // is one with a missing file, because something depends on it, and the timer should report it.
    let is_failure = |entry: &Entry, state| {
        let mut words = args.what.iter().filter(|word| is_meant(entry, word));
        let is_named = words.any(|word| !due.iter().any(|other| is_meant(other, word)));
        is_named || (args.what.is_empty() && (state == State::Missing || presence::is_in_use(entry)))
    };
    if args.what.is_empty() && !args.all {
        note_gone(context, &others);
    }
    outcome.record_skipped(others, is_failure);
    outcome.record_lost(context, lost);
    outcome.adapt_hints(context);
    outcome.is_renewal = true;
    outcome.is_damaged = is_damaged;
    drop(lock);
    if let (Some(hook), false) = (&args.exec, outcome.done.is_empty()) {
        outcome.executed = Some(hook.clone());
        outcome.hook_failed = execute(context, hook).err();
    }
    Ok(outcome)
}

/// Deleted files cannot be distinguished from moved ones, which a server may still use.
fn note_gone(context: &Context, others: &[(Entry, State)]) {
    let gone = others.iter().filter(|(_, state)| *state == State::Gone);
    for (entry, _) in gone.take(3) {
        let path = crate::report::short(presence::first(entry));
        context.report.note(format!(
            "{path} is due and gone; if you moved it: devca renew NEW-PATH, if you deleted it: devca list --prune"
        ));
    }
}

/// The requested certificates, and whether lines of the inventory cannot be read. Without a name or --all,
/// those that expire soon are due.
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
        if let Some(entry) = moved::find(&entries, Path::new(word), &args.what) {
            inventory::append(&context.folder.inventory(), [&entry], context.person.files())?;
            let known = entries.len();
            // If the files were copied rather than moved, both copies stay in the inventory.
            entries.retain(|old| old.serial != entry.serial || presence::state(old) == State::There);
            let what = if entries.len() < known { "was moved" } else { "is a copy" };
            context.report.note(format!("{word} {what}; its path is recorded"));
            entries.push(entry);
        }
    }
    if let Some(word) = args.what.iter().find(|word| !entries.iter().any(|entry| is_meant(entry, word))) {
        return Err(not_listed(&entries, &gone, word).into());
    }
    let is_wanted = |entry: &Entry| {
        (args.what.is_empty() || args.what.iter().any(|word| is_meant(entry, word)))
            && (lacks_password(args, entry)
                || lead(args, entry).is_none_or(|lead| entry.not_after - lead <= context.now))
    };
    entries.retain(is_wanted);
    Ok((entries, is_damaged))
}

/// Explains why nothing with this name is renewed.
fn not_listed(entries: &[Entry], revoked: &[Entry], word: &str) -> Fault {
    if let Some(entry) = revoked.iter().find(|entry| is_meant(entry, word)) {
        let hint = format!("{} --force", renewal::issue_again(entry));
        return Fault::new(format!("{word} is revoked"), hint);
    }
    if !Path::new(word).exists() {
        let what = format!("{word} is neither a file nor the name of a certificate of this CA");
        return Fault::new(what, "list what was issued: devca list");
    }
    if moved::entry_of(entries, Path::new(word)).is_some() {
        let hint = format!("name the key as well: devca renew {} KEY", error::quoted(Path::new(word)));
        return Fault::new(format!("the key of {word} is neither beside it nor where it was"), hint);
    }
    let what = format!("{word} is not a file of a certificate of this CA");
    Fault::new(what, "list what was issued: devca list")
}

/// Whether a password was given for files that an earlier renewal could not open.
fn lacks_password(args: &cli::Renew, entry: &Entry) -> bool {
    args.password.is_given() && entry.outdated_files().next().is_some()
}

/// How long before its expiry a certificate is due; `None` means always. `--watch` would renew a certificate with a short
/// lifetime again and again.
fn lead(args: &cli::Renew, entry: &Entry) -> Option<Duration> {
    let lifetime = args.days.map_or(entry.lifetime(), Duration::days);
    let named = args.all || !args.what.is_empty();
    match (args.within, args.watch) {
        (Some(days), false) => Some(Duration::days(days)),
        (Some(days), true) => Some(policy::lead(days, lifetime)),
        (None, false) if named => None,
        (None, _) => Some(policy::renewal_lead(lifetime)),
    }
}

fn is_meant(entry: &Entry, word: &str) -> bool {
    let path = files::absolute(word).unwrap_or_else(|_| PathBuf::from(word));
    entry.files.iter().any(|file| file.path == path)
        || entry.names.iter().any(|name| name == word)
        || entry.common_name.as_deref() == Some(word)
}

/// Renews these certificates, on every core. The caller holds the lock.
pub(super) fn again(
    context: &Context,
    authority: &Authority,
    due: &[Entry],
    how: How,
    progress: &mut dyn FnMut(u64),
) -> anyhow::Result<Reissued> {
    let files = context.issuing();
    for folder in renewal::folders(due) {
        files.remove_issued_leftovers(folder);
    }
    let below = if !authority.is_sealed && due.iter().any(|entry| entry.intermediate) {
        Some(authority.through_intermediate(&context.folder, files, context.now)?)
    } else {
        None
    };
    let signers = Signers::new(authority, below.as_ref())?;
    let How { password, new_key, days } = how;
    let has_password = password.is_some();
    let renewer = Renewer { signers: &signers, password, new_key, days, now: context.now };
    let (mut outcome, mut shortened) = (Reissued::default(), Shortened::default());
    let mut clients = Vec::new();
    let files_each = due.iter().map(|entry| entry.files.len()).max().unwrap_or(0);
    for chunk in due.chunks(bulk::chunk(files_each)) {
        let make = |entry: &Entry| renewer.renew(entry);
        let written = bulk::write(chunk, make, &context.folder.inventory(), files)?;
        for (entry, done) in chunk.iter().zip(written) {
            let path = presence::first(entry).to_owned();
            match done {
                Ok(entry) => {
                    shortened.add(&entry);
                    outcome.done.push(presence::first(&entry).to_owned());
                    let left = entry.outdated_files();
                    outcome.outdated.extend(left.map(|file| outdated(context, file, &entry, has_password)));
                    if entry.kind != Kind::Server {
                        clients.push(entry);
                    }
                }
                Err(e) => {
                    let (why, hint) = (format!("{e:#}"), context.folder.hint(error::hint(&e)));
                    outcome.failed.push(FailedRenewal { path, why, hint });
                }
            }
        }
        progress(chunk.len() as u64);
    }
    shortened.note(context);
    identities::note_previous(context, &clients);
    Ok(outcome)
}

/// A file that could not be renewed with the others of its certificate.
fn outdated(context: &Context, file: &Written, entry: &Entry, has_password: bool) -> FailedRenewal {
    let why = if has_password { "this password does not open it" } else { "its password is unknown" };
    let why = format!("it still contains the previous {}, because {why}", renewal::content(file));
    let hint = context.folder.hint(&renewal::with_password(entry));
    FailedRenewal { path: file.path.clone(), why, hint }
}

/// The time until the next certificate is due, at most an hour, because others may be issued in the meantime.
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

/// The absolute path of the shell, because the current folder may contain another program with its name.
fn shell() -> PathBuf {
    if cfg!(windows) {
        let system = std::env::var_os("SystemRoot").unwrap_or_else(|| r"C:\Windows".into());
        Path::new(&system).join(r"System32\cmd.exe")
    } else {
        "/bin/sh".into()
    }
}

/// Runs a command line of the user with the user's shell.
fn execute(context: &Context, hook: &str) -> Result<(), String> {
    let mut command = Command::new(shell());
    command.arg(if cfg!(windows) { "/C" } else { "-c" }).arg(hook);
    // Standard output is reserved for devca, which may print JSON.
    command.envs(context.person.environment()).stdout(io::stderr());
    let status = spawn_as_person(&mut command).and_then(|mut child| child.wait());
    match status.map_err(|e| e.to_string()) {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(status.to_string()),
        Err(why) => Err(why),
    }
}
