//! `devca issue --if-needed`: adds files in other formats to a certificate that is still good.

use super::{IssueJob, IssueReport, authority, needed, replace, write};
use crate::ca::signer::Issued;
use crate::format::{self, Material, Output};
use crate::issued::inventory::Entry;
use crate::issued::overwrite;
use crate::issued::presence;
use crate::x509::validity::Validity;

/// Writes those of the requested files that the certificate does not have yet. `None` if its key cannot be read.
pub(super) fn complete(job: &IssueJob, mut entry: Entry) -> anyhow::Result<Option<IssueReport>> {
    let IssueJob { context, args, request, options, label, .. } = job;
    let password = options.password.as_ref().filter(|_| args.password.is_given());
    let Some(issued) = issued(&entry, presence::pair(&entry, password)) else { return Ok(None) };
    let is_missing = |output: &&Output| !needed::is_at(&entry, output, |one, other| one == other);
    let mut missing: Vec<Output> = job.outputs.iter().filter(is_missing).cloned().collect();
    let (authority, ..) = authority::authority(context, args, &request.subject.names, Vec::new(), None)?;
    overwrite::check(&mut missing, &job.known, Some(&authority), request, replace(args))?;
    let material = Material { issued: &issued, authority: &authority, options, label };
    let files = format::render(&material, &missing)?;
    let added = missing.iter().map(|output| output.path.clone()).collect();
    entry.add(&material, &missing, &files);
    write(context, args, files, &mut entry)?;
    let report = IssueReport::present(entry, &job.outputs, context);
    Ok(Some(IssueReport { added, password: job.generated_password(), ..report }))
}

/// The certificate as it was issued.
fn issued(entry: &Entry, pair: Option<presence::Pair>) -> Option<Issued> {
    let (certificate, key) = pair?;
    Some(Issued {
        certificate,
        key: Some(key),
        key_sha256: hex::decode(&entry.key_sha256).ok()?.try_into().ok()?,
        serial: hex::decode(&entry.serial).ok()?.try_into().ok()?,
        validity: Validity { not_before: entry.not_before, not_after: entry.not_after },
    })
}
