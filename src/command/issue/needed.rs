//! `devca issue --if-needed`: decides whether the existing files are good enough.

use std::collections::HashSet;
use std::path::Path;

use clap::ValueEnum;

use super::{IssueJob, IssueReport, added, outputs};
use crate::ca;
use crate::ca::profile;
use crate::ca::signer::{KeySource, Request};
use crate::cli;
use crate::command::Context;
use crate::format::{Format, Holds, Output};
use crate::issued::inventory::{Entry, Inventory};
use crate::issued::presence::{self, State};
use crate::issued::renewal;
use crate::x509::certificate::CaCertificate;
use crate::x509::policy;

/// The existing certificate, if it satisfies the request and does not expire soon. Files in other formats that it lacks are
/// added to it. The caller holds the lock.
pub(super) fn present(job: &mut IssueJob) -> anyhow::Result<Option<IssueReport>> {
    let IssueJob { context, args, .. } = *job;
    if !ca::exists(&context.folder) {
        return Ok(None);
    }
    let root = context.root()?;
    let intermediate = signing_intermediate(context, args);
    job.request.adapt_to_signer(intermediate.as_ref().unwrap_or(&root), intermediate.is_some());
    // If the root may no longer sign for a name, ask the user, as for a new certificate.
    if !job.request.subject.names.iter().all(|name| root.constraints.permit(name)) {
        return Ok(None);
    }
    let inventory = Inventory::load(&context.folder.inventory())?;
    let search = GoodPair { job, root: &root, revoked: inventory.revoked() };
    if let Some(entry) = search.complete(&inventory.entries) {
        return Ok(Some(IssueReport::present(entry, &job.outputs, context)));
    }
    // Files in other formats contain the CA's certificates, for which its key must be unlocked.
    match search.incomplete(&inventory.entries)? {
        Some(entry) => added::complete(job, entry),
        None => Ok(None),
    }
}

/// The existing intermediate, if it is the one that signs.
fn signing_intermediate(context: &Context, args: &cli::Issue) -> Option<CaCertificate> {
    ca::intermediate(&context.folder).filter(|_| args.intermediate || ca::is_sealed(&context.folder))
}

struct GoodPair<'a> {
    job: &'a IssueJob<'a>,
    root: &'a CaCertificate,
    revoked: HashSet<String>,
}

impl GoodPair<'_> {
    /// A certificate that has all of the requested files.
    fn complete(&self, entries: &[Entry]) -> Option<Entry> {
        let newest = |is_same: fn(&Path, &Path) -> bool| {
            entries.iter().rfind(|entry| self.job.outputs.iter().all(|output| is_at(entry, output, is_same)))
        };
        // Resolve links only if no entry has exactly these paths, because that takes system calls for each entry.
        let newest = newest(|one, other| one == other).or_else(|| newest(is_same_place));
        newest.filter(|entry| self.is_good(entry)).cloned()
    }

    /// A certificate with the usual names of files in another format. With names of the user's choice, it is another one.
    fn incomplete(&self, entries: &[Entry]) -> anyhow::Result<Option<Entry>> {
        let IssueJob { args, request, label, .. } = self.job;
        let plan = outputs::plan(args, Format::value_variants(), request, label);
        if plan.keyless || plan.certificate.is_some() || plan.key.is_some() || plan.sealed.is_some() {
            return Ok(None);
        }
        let usual = plan.outputs()?;
        let is_beside =
            |entry: &&Entry| usual.iter().any(|output| is_at(entry, output, |one, other| one == other));
        let newest = entries.iter().rfind(is_beside);
        Ok(newest.filter(|entry| self.is_good(entry) && entry.includes_only(self.root)).cloned())
    }

    fn is_good(&self, entry: &Entry) -> bool {
        let IssueJob { context, request, .. } = self.job;
        let lead = policy::renewal_lead(entry.lifetime());
        entry.not_before <= context.now
            && entry.not_after - lead > context.now
            && !self.revoked.contains(&entry.serial)
            && self.is_wanted(entry)
            && presence::state(entry) == State::There
            && is_of_the_present_root(context, self.root, request, entry)
    }

    fn is_wanted(&self, entry: &Entry) -> bool {
        let IssueJob { context, args, request, .. } = self.job;
        let subject = &request.subject;
        let key_type = match request.key {
            KeySource::Fresh(key_type) => Some(key_type),
            KeySource::Kept(..) | KeySource::Requested(_) => None,
        };
        entry.kind == request.kind
            && entry.common_name == subject.common_name
            && entry.organization == subject.organization
            && entry.unit == subject.unit
            && entry.key_type == key_type
            && entry.intermediate == (args.intermediate || ca::is_sealed(&context.folder))
            && entry.with_root == args.with_root
            && entry.modern == args.p12_modern
            && sorted(entry.names.clone()) == sorted(subject.names.iter().map(ToString::to_string).collect())
    }
}

/// Whether this output is an up-to-date file of the entry.
pub(super) fn is_at(entry: &Entry, output: &Output, is_same: fn(&Path, &Path) -> bool) -> bool {
    entry.files.iter().any(|file| {
        // `pem` and `fullchain` use the same key file.
        let is_key = output.part.holds == Holds::Key && Output::holds(file) == Some(Holds::Key);
        (file.format == output.format || is_key)
            && file.part == output.part.label
            && !file.outdated
            && is_same(&file.path, &output.path)
    })
}

/// Whether both paths lead to the same file, resolving links.
fn is_same_place(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().ok();
    real(one).is_some_and(|one| real(other) == Some(one))
}

/// Checks the issuer if the certificate can be read, or the time of issue if it is encrypted.
fn is_of_the_present_root(context: &Context, root: &CaCertificate, request: &Request, entry: &Entry) -> bool {
    let Some(leaf) = presence::leaf(entry) else {
        return renewal::root_created_at(Some(root)) <= entry.issued;
    };
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
