//! `devca issue --if-needed`: decides whether the existing files are good enough.

use std::path::Path;

use time::Duration;

use crate::ca;
use crate::ca::profile;
use crate::ca::signer::{KeySource, Request};
use crate::cli;
use crate::command::Context;
use crate::format::{Holds, Output};
use crate::issued::inventory::{Entry, Inventory};
use crate::issued::presence::{self, State};
use crate::issued::renewal;
use crate::x509::certificate::CaCertificate;
use crate::x509::policy;

/// The existing certificate, if it satisfies the request and does not expire soon. This does not need the
/// CA's key. The caller holds the lock.
pub(super) fn present(
    context: &Context,
    args: &cli::Issue,
    request: &Request,
    outputs: &[Output],
) -> anyhow::Result<Option<Entry>> {
    let root = context.root()?;
    // If the root may no longer sign for a name, ask the user, as for a new certificate.
    if !request.subject.names.iter().all(|name| root.constraints.permit(name)) {
        return Ok(None);
    }
    let inventory = Inventory::load(&context.folder.inventory())?;
    let revoked = inventory.revoked();
    let wanted =
        Wanted { args, request, outputs, intermediate: args.intermediate || ca::is_sealed(&context.folder) };
    let Wanted { outputs, .. } = &wanted;
    let newest = |is_same: fn(&Path, &Path) -> bool| {
        inventory.entries.iter().rfind(|entry| is_at(entry, outputs, is_same))
    };
    // Resolve links only if no entry has exactly these paths, because that takes system calls for each entry.
    let newest = newest(|one, other| one == other).or_else(|| newest(is_same_place)).cloned();
    let is_good = |entry: &Entry| {
        let lead = Duration::days(policy::RENEW_WITHIN_DAYS).min((entry.not_after - entry.not_before) / 3);
        entry.not_before <= context.now
            && entry.not_after - lead > context.now
            && !revoked.contains(&entry.serial)
            && wanted.is(entry)
            && presence::state(entry) == State::There
            && is_of_the_present_root(context, &root, request, entry)
    };
    Ok(newest.filter(is_good))
}

struct Wanted<'a> {
    args: &'a cli::Issue,
    request: &'a Request,
    outputs: &'a [Output],
    intermediate: bool,
}

impl Wanted<'_> {
    fn is(&self, entry: &Entry) -> bool {
        let subject = &self.request.subject;
        let key_type = match self.request.key {
            KeySource::Fresh(key_type) => Some(key_type),
            KeySource::Kept(..) | KeySource::Requested(_) => None,
        };
        entry.kind == self.request.kind
            && entry.common_name == subject.common_name
            && entry.organization == subject.organization
            && entry.unit == subject.unit
            && entry.key_type == key_type
            && entry.intermediate == self.intermediate
            && entry.with_root == self.args.with_root
            && entry.modern == self.args.p12_modern
            && sorted(entry.names.clone()) == sorted(subject.names.iter().map(ToString::to_string).collect())
    }
}

/// Whether each output is an up-to-date file of the entry.
fn is_at(entry: &Entry, outputs: &[Output], is_same: fn(&Path, &Path) -> bool) -> bool {
    outputs.iter().all(|output| {
        entry.files.iter().any(|file| {
            // `pem` and `fullchain` use the same key file.
            let is_key = output.part.holds == Holds::Key && Output::holds(file) == Some(Holds::Key);
            (file.format == output.format || is_key)
                && file.part == output.part.label
                && !file.outdated
                && is_same(&file.path, &output.path)
        })
    })
}

/// Whether both paths lead to the same file, resolving links in their folders.
fn is_same_place(one: &Path, other: &Path) -> bool {
    let folder = |path: &Path| path.parent().and_then(|folder| folder.canonicalize().ok());
    one.file_name() == other.file_name() && folder(one).is_some_and(|its| folder(other) == Some(its))
}

/// Checks the issuer if the certificate can be read, or the time of issue if it is encrypted.
fn is_of_the_present_root(context: &Context, root: &CaCertificate, request: &Request, entry: &Entry) -> bool {
    let Some(leaf) = presence::leaf(entry) else { return renewal::beginning(Some(root)) <= entry.issued };
    // Earlier versions issued client certificates without an alternative name.
    let names = profile::alternative_names(request.kind, &request.subject);
    let intermediate = ca::intermediate(&context.folder);
    (leaf.is_of(root) || intermediate.is_some_and(|intermediate| leaf.is_of(&intermediate)))
        && sorted(leaf.names) == sorted(names.iter().map(ToString::to_string).collect())
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort_unstable();
    names
}
