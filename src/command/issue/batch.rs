//! `devca issue --batch`: issues one certificate per line, on every core, and skips those that already exist.

use std::collections::HashMap;
use std::path::Path;

use super::{authority, request};
use crate::ca::Authority;
use crate::ca::signer::{KeySource, Request, Signer};
use crate::cli;
use crate::command::Context;
use crate::command::shared::consent;
use crate::command::shared::interrupt::{Interrupt, Interrupted};
use crate::command::shared::record::CertificateRecord;
use crate::command::shared::shortened::Shortened;
use crate::disk::files::{self, Secrecy};
use crate::error::Fault;
use crate::format::{self, Format, Material, Options, OutputPlan, Written};
use crate::issued::bulk::{self, Made};
use crate::issued::inventory::Entry;
use crate::issued::overwrite::{self, Known};
use crate::issued::parallel;
use crate::issued::siblings;
use crate::x509::policy;
use crate::x509::subject::Subject;

mod lines;
mod report;

pub(crate) use report::Batch;
use report::FailedLine;

/// The maximum size of the input; a million lines are smaller.
const MAX_BYTES: u64 = 64 << 20;

pub(super) fn run(context: &Context, args: &cli::Issue, batch: &Path) -> anyhow::Result<Batch> {
    let formats = if args.format.is_empty() { vec![Format::Pem] } else { args.format.clone() };
    if formats.iter().any(|format| format.takes_password()) && !args.password.is_given() {
        let what = "a batch needs one password for all its files";
        return Err(Fault::usage(what, "use --password-file FILE").into());
    }
    let options = request::options(args, &formats, context.report)?;
    // Read before taking the lock, so that other processes do not wait for a pipe.
    let input = files::read_list(batch, MAX_BYTES)?;
    let folder = files::listable(args.out.as_deref().unwrap_or(Path::new(".")))?;
    overwrite::refuse_ca_folder(&folder, &context.folder)?;
    let lock = context.lock()?;
    let agreed = if args.yes { lines::names(args, &input) } else { Vec::new() };
    let password = super::given_password(args, &options)?;
    let (authority, root_created, widened) =
        authority::authority(context, args, &agreed, Vec::new(), password)?;
    context.person.files().create_folder(&folder, Secrecy::Public)?;
    context.issuing().remove_issued_leftovers(&folder);
    let mut maker = Maker {
        args,
        formats: &formats,
        options: &options,
        authority: &authority,
        signer: Signer::new(&authority)?,
        folder: &folder,
        known: Known::new(&context.folder),
        interrupt: Interrupt::catch(),
        shortened: Shortened::default(),
        outdated: Vec::new(),
        now: context.now,
    };
    let mut outcome = Batch::new(&folder, root_created);
    if let Some(widened) = widened {
        (outcome.stores, outcome.reissued) = (widened.stores, widened.reissued);
    }
    let bar = context.report.progress(input.split(|byte| *byte == b'\n').count() as u64);
    let mut lines = (1..).zip(input.split(|byte| *byte == b'\n'));
    let chunk = bulk::chunk(formats.iter().map(|format| format.files()).sum());
    while !maker.interrupt.is_requested() {
        let chunk: Vec<(usize, &[u8])> = lines.by_ref().take(chunk).collect();
        if chunk.is_empty() {
            break;
        }
        maker.chunk(context, &chunk, &mut outcome)?;
        bar.inc(chunk.len() as u64);
    }
    bar.finish_and_clear();
    outcome.not_begun += lines.filter(|(_, line)| lines::is_of_certificate(line)).count();
    for failure in &mut outcome.failed {
        failure.hint = context.folder.hint(&failure.hint);
    }
    drop(lock);
    maker.shortened.note(context);
    super::note_outdated(context, &maker.outdated);
    if root_created || request::kind(args).serves() {
        context.note_if_not_installed(root_created);
    }
    Ok(outcome)
}

struct Maker<'a> {
    args: &'a cli::Issue,
    formats: &'a [Format],
    options: &'a Options,
    authority: &'a Authority,
    signer: Signer<'a>,
    folder: &'a Path,
    known: Known<'a>,
    interrupt: Interrupt,
    shortened: Shortened,
    /// Certificates of which an encrypted file still contains the previous one.
    outdated: Vec<Entry>,
    now: time::OffsetDateTime,
}

/// The result of checking a line.
#[allow(clippy::large_enum_variant)] // short-lived, and soon stored in separate vectors
enum Asked {
    Nothing,
    There,
    Make(BatchJob),
}

struct BatchJob {
    request: Request,
    outputs: Vec<format::Output>,
    /// Encrypted files of replaced certificates that cannot be written, each with its certificate.
    left: Vec<(Entry, Written)>,
    label: String,
}

impl BatchJob {
    fn is_for_the_same(&self, other: &Self) -> bool {
        (self.request.kind, &self.request.subject) == (other.request.kind, &other.request.subject)
    }
}

fn in_the_way_of(line: usize) -> Fault {
    let what = format!("line {line} writes the same files for other names");
    Fault::new(what, "give one of them another name, for example: app.test file=app-2")
}

impl Maker<'_> {
    fn chunk(
        &mut self,
        context: &Context,
        lines: &[(usize, &[u8])],
        outcome: &mut Batch,
    ) -> anyhow::Result<()> {
        let asked = parallel::map(lines.iter().collect(), |(number, line)| (*number, self.ask(line)));
        let mut jobs: Vec<BatchJob> = Vec::new();
        let mut numbers = Vec::new();
        // Two lines for the same files must not be written concurrently.
        let mut claimed: HashMap<String, usize> = HashMap::new();
        let path = |output: &format::Output| output.path.to_string_lossy().to_lowercase();
        for (number, asked) in asked {
            match asked {
                Ok(Asked::Nothing) => {}
                Ok(Asked::There) => outcome.skipped += 1,
                Ok(Asked::Make(job)) => {
                    match job.outputs.iter().find_map(|output| claimed.get(&path(output))) {
                        None => {
                            claimed.extend(job.outputs.iter().map(|output| (path(output), jobs.len())));
                            jobs.push(job);
                            numbers.push(number);
                        }
                        Some(first) if jobs[*first].is_for_the_same(&job) => outcome.skipped += 1,
                        Some(first) => {
                            let taken = in_the_way_of(numbers[*first]).into();
                            outcome.failed.push(FailedLine::new(number, &taken));
                        }
                    }
                }
                Err(e) => outcome.failed.push(FailedLine::new(number, &e)),
            }
        }
        let make = |BatchJob { request, outputs, left, label }: &BatchJob| {
            self.interrupt.check()?;
            let issued = self.signer.issue(request)?;
            let material =
                Material { issued: &issued, authority: self.authority, options: self.options, label };
            let files = format::render(&material, outputs)?;
            let mut entry = Entry::new(request, &material, outputs, &files, self.now);
            for (old, file) in left {
                entry.keep(old, file, &self.authority.root);
            }
            Ok(Made { files, entry, changes_key: true, recognize: None })
        };
        let written = bulk::write(&jobs, make, &context.folder.inventory(), context.issuing())?;
        for (number, written) in numbers.into_iter().zip(written) {
            match written {
                Ok(entry) => {
                    outcome.issued += 1;
                    self.shortened.add(&entry);
                    self.outdated.extend(entry.outdated_files().next().is_some().then(|| entry.clone()));
                    if context.report.json {
                        outcome.certificates.push(CertificateRecord::new(entry.clone(), context.now));
                    }
                    self.known.add(entry);
                }
                Err(e) if e.is::<Interrupted>() => outcome.not_begun += 1,
                Err(e) => outcome.failed.push(FailedLine::new(number, &e)),
            }
        }
        outcome.failed.sort_by_key(|failure| failure.line);
        Ok(())
    }

    /// Parses and checks a line. A certificate that is complete, valid and for the same names is not issued
    /// again.
    fn ask(&self, line: &[u8]) -> anyhow::Result<Asked> {
        let Some(line) = lines::parse(line)? else { return Ok(Asked::Nothing) };
        let kind = line.kind.unwrap_or(request::kind(self.args));
        let subject = Subject::parse(kind, &line.names, line.cn.as_deref())?
            .with_organization(self.args.org.clone(), self.args.ou.clone())?;
        let label = match &line.file {
            Some(file) => file.clone(),
            None => format::stem(&subject, kind),
        };
        let validity = request::validity(self.args, kind, self.now)?;
        let mut request = Request { kind, subject, key: KeySource::Fresh(self.args.key_type), validity };
        let constraints = &self.authority.root.constraints;
        let mut names = request.subject.names.iter().filter(|_| !self.args.yes);
        if let Some(name) = names.find(|name| policy::needs_consent(name, constraints)) {
            return Err(consent::public_address(name).into());
        }
        request.adapt_to(self.authority);
        let plan = OutputPlan {
            formats: self.formats,
            stem: &label,
            folder: self.folder,
            certificate: None,
            key: None,
            sealed: None,
            keyless: false,
        };
        let mut outputs = plan.outputs()?;
        let end = self.check(&mut outputs, &request)?;
        if end.is_some_and(|end| end > self.now) && outputs.iter().all(|output| output.replace) {
            return Ok(Asked::There);
        }
        let mut left = Vec::new();
        if plan.has_siblings(&outputs) {
            left = siblings::join(&mut outputs, &self.known, self.options.password.as_ref());
            self.check(&mut outputs, &request)?;
        }
        Ok(Asked::Make(BatchJob { request, outputs, left, label }))
    }

    fn check(
        &self,
        outputs: &mut [format::Output],
        request: &Request,
    ) -> anyhow::Result<Option<time::OffsetDateTime>> {
        let may = super::replace(self.args);
        overwrite::check(outputs, &self.known, Some(self.authority), request, may)
    }
}
