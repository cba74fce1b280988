//! The issued certificates in the report of `devca status`.

use serde::Serialize;

use super::StatusProblem;
use crate::ca;
use crate::ca::signer;
use crate::command::Context;
use crate::error;
use crate::issued::inventory::{self, Entry, Inventory};
use crate::issued::presence::{self, State};
use crate::issued::renewal::{self, PresentRoot};
use crate::x509::certificate::CaCertificate;
use crate::x509::name::Name;
use crate::x509::policy;

/// The number of certificates in use, and how many of them are in each state.
#[derive(Serialize, Default)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct IssuedCounts {
    good: usize,
    expiring: usize,
    expired: usize,
    old_root: usize,
    /// Those with a name that the root does not permit, which clients reject.
    not_permitted: usize,
}

/// Returns `None` if there is no readable inventory.
pub(super) fn look_at(
    context: &Context,
    root: Option<&CaCertificate>,
    problems: &mut Vec<StatusProblem>,
) -> Option<IssuedCounts> {
    let path = context.folder.inventory();
    let finding = |what: String, hint: &str| StatusProblem { what, hint: hint.to_owned() };
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
    entries.retain(|entry| !revoked.contains(&entry.serial) && presence::quick_state(entry) == State::There);
    let present = PresentRoot::new(root, &context.folder);
    let (issued, outdated, shut_out) = IssuedCounts::count(&entries, context, &present);
    if let Some(root) = root {
        problems.extend(of_earlier_root(&outdated).map(|what| finding(what, "devca renew --all")));
        let intermediate = ca::intermediate(&context.folder).filter(|_| !ca::is_sealed(&context.folder));
        let is_other =
            intermediate.is_some_and(|ca| ca.is_signed_by(root) && ca.constraints != root.constraints);
        if is_other && entries.iter().any(|entry| entry.intermediate) {
            let what = "the intermediate has the name constraints that the root had before `devca permit`";
            problems.push(finding(what.into(), "devca renew --all"));
        }
    }
    problems.extend(not_permitted(&shut_out).map(|(what, hint)| finding(what, &hint)));
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

/// Reports certificates with names that the root no longer permits.
fn not_permitted(entries: &[(&Entry, Name)]) -> Option<(String, String)> {
    let (first, name) = entries.first()?;
    let path = presence::first(first).display();
    let rest = match entries.len() {
        1 => String::new(),
        count => format!(", and {} more have such a name", count - 1),
    };
    let what = format!("clients reject {path}, because the root does not permit {name}{rest}");
    let hint = format!("devca permit {}, or delete the files", signer::base(name));
    Some((what, hint))
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
    /// Also returns the certificates whose only problem is their root, and those with a name that it does not permit.
    fn count<'a>(
        entries: &'a [Entry],
        context: &Context,
        present: &PresentRoot,
    ) -> (Self, Vec<&'a Entry>, Vec<(&'a Entry, Name)>) {
        let (mut issued, mut outdated, mut shut_out) = (Self::default(), Vec::new(), Vec::new());
        for entry in entries {
            let outside = present.outside(entry);
            *match entry.not_after {
                end if end <= context.now => &mut issued.expired,
                _ if !present.has_issued(entry) => {
                    outdated.push(entry);
                    &mut issued.old_root
                }
                _ if outside.is_some() => {
                    shut_out.extend(outside.map(|name| (entry, name)));
                    &mut issued.not_permitted
                }
                end if end - policy::renewal_lead(entry.lifetime()) <= context.now => &mut issued.expiring,
                _ => &mut issued.good,
            } += 1;
        }
        (issued, outdated, shut_out)
    }
}

impl std::fmt::Display for IssuedCounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let all = [
            (self.good, "good"),
            (self.expiring, "expiring"),
            (self.expired, "expired"),
            (self.old_root, "from an earlier root"),
            (self.not_permitted, "not permitted"),
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
