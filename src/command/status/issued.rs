//! The issued certificates in the report of `devca status`.

use serde::Serialize;

use super::StatusProblem;
use crate::command::Context;
use crate::error;
use crate::issued::inventory::{self, Entry, Inventory};
use crate::issued::presence::{self, State};
use crate::issued::renewal::{self, PresentRoot};
use crate::x509::certificate::CaCertificate;
use crate::x509::policy;

/// The number of certificates in use, and how many of them are in each state.
#[derive(Serialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct IssuedCounts {
    good: usize,
    expiring: usize,
    expired: usize,
    old_root: usize,
}

/// Returns `None` if there is no readable inventory.
pub(super) fn look_at(
    context: &Context,
    root: Option<&CaCertificate>,
    problems: &mut Vec<StatusProblem>,
) -> Option<IssuedCounts> {
    let path = context.folder.inventory();
    let finding = |what: String, hint: &str| {
        let hint = context.folder.hint(hint);
        StatusProblem { what, hint }
    };
    let inventory = match Inventory::load(&path) {
        Ok(inventory) => inventory,
        Err(e) => {
            problems.push(finding(format!("{e:#}"), error::hint(&e)));
            return None;
        }
    };
    let damage = inventory::damage(&path, inventory.unreadable);
    let revoked = inventory.revoked();
    let mut entries = inventory.in_use();
    let left = left_behind(&entries).map(|(what, hint)| finding(what, &hint));
    entries.retain(|entry| !revoked.contains(&entry.serial) && presence::glance(entry) == State::There);
    let present = PresentRoot::new(root, &context.folder);
    let (issued, outdated) = IssuedCounts::count(&entries, context, &present);
    if root.is_some() {
        problems.extend(of_earlier_root(&outdated).map(|what| finding(what, "devca renew --all")));
    }
    problems.extend(left);
    problems.extend(damage.map(|fault| finding(fault.to_string(), fault.hint())));
    Some(issued)
}

/// Reports certificates of the previous root, which remain if a `rotate` was interrupted or could not open a
/// file.
fn of_earlier_root(entries: &[&Entry]) -> Option<String> {
    match entries {
        [] => None,
        [one] => {
            Some(format!("{} was issued by or includes an earlier root", presence::first(one).display()))
        }
        [one, others @ ..] => Some(format!(
            "{} and {} more were issued by or include an earlier root",
            presence::first(one).display(),
            others.len()
        )),
    }
}

/// Reports encrypted files that a renewal could not update, and how to renew them.
fn left_behind(entries: &[Entry]) -> Option<(String, String)> {
    let (entry, file) = entries.iter().find_map(|entry| Some((entry, entry.outdated_files().next()?)))?;
    let what = format!(
        "{} still contains the certificate before the last renewal, because its password was unknown",
        file.path.display()
    );
    Some((what, renewal::with_password(entry)))
}

impl IssuedCounts {
    /// Also returns the certificates whose only problem is their root.
    fn count<'a>(entries: &'a [Entry], context: &Context, present: &PresentRoot) -> (Self, Vec<&'a Entry>) {
        let soon = context.now + time::Duration::days(policy::RENEW_WITHIN_DAYS);
        let (mut issued, mut outdated) = (Self::default(), Vec::new());
        for entry in entries {
            *match entry.not_after {
                end if end <= context.now => &mut issued.expired,
                _ if !present.has_issued(entry) => {
                    outdated.push(entry);
                    &mut issued.old_root
                }
                end if end < soon => &mut issued.expiring,
                _ => &mut issued.good,
            } += 1;
        }
        (issued, outdated)
    }
}

impl std::fmt::Display for IssuedCounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let all = [
            (self.good, "good"),
            (self.expiring, "expiring"),
            (self.expired, "expired"),
            (self.old_root, "from an earlier root"),
        ];
        let total: usize = all.iter().map(|(count, _)| count).sum();
        let noun = if total == 1 { "certificate" } else { "certificates" };
        write!(f, "{total} {noun}")?;
        let parts =
            all.iter().filter(|(count, _)| *count > 0).map(|(count, state)| format!("{count} {state}"));
        let parts: Vec<String> = parts.collect();
        if parts.is_empty() { Ok(()) } else { write!(f, ": {}", parts.join(", ")) }
    }
}
