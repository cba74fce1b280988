//! `devca check --expiring 14d`, for cron jobs.

use std::path::PathBuf;

use super::report::Checked;
use crate::check::Finding;
use crate::check::catalogue::{EXPIRED, EXPIRING, REPLACED_ROOT, UNREADABLE_FILE};
use crate::cli;
use crate::command::{Context, list};
use crate::error::{Fault, quoted};
use crate::issued::inventory::{self, Inventory};
use crate::issued::presence;
use crate::issued::renewal::PresentRoot;
use crate::x509::validity::DaysLeft;

/// Lists the certificates of the inventory that expire soon, have expired, or were issued by an earlier root.
pub(super) fn run(context: &Context, args: &cli::Check) -> anyhow::Result<Checked> {
    let Some(days) = args.expiring else {
        return Err(Fault::usage(
            "nothing to check was given",
            "for example: devca check https://localhost:8443",
        )
        .into());
    };
    let mut checked = Checked { place: "the inventory".into(), ..Checked::default() };
    let inventory = Inventory::load(&context.folder.inventory())?;
    if let Some(fault) = inventory::damage(&context.folder.inventory(), inventory.unreadable) {
        let finding = Finding::new(&UNREADABLE_FILE, fault.to_string(), fault.hint());
        checked.findings.push(finding.saying(|_| false));
    }
    let present = PresentRoot::new(context.root().ok().as_ref(), &context.folder);
    for entry in list::ending(inventory, context.now, days, &present) {
        let path: PathBuf = presence::first(&entry).to_owned();
        let left = DaysLeft::until(entry.not_after, context.now);
        let is_outdated = !present.has_issued(&entry);
        let fault = match left {
            left if left.is_expired() => &EXPIRED,
            _ if is_outdated => &REPLACED_ROOT,
            _ => &EXPIRING,
        };
        let what = match left {
            _ if is_outdated => format!("{} was issued by an earlier root", path.display()),
            left if left.is_expired() => format!("{} expired on {}", path.display(), entry.not_after.date()),
            left => format!("{} expires {left}", path.display()),
        };
        let fix = context.folder.hint(&format!("devca renew {}", quoted(&path)));
        checked.findings.push(Finding::new(fault, what, fix).saying(|_| false));
    }
    Ok(checked)
}
