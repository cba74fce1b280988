//! `devca issue`: issues a certificate and writes its files.

use zeroize::Zeroizing;

use super::Context;
use crate::ca;
use crate::ca::signer::{Request, Signer};
use crate::cli;
use crate::command::shared::record::CertificateRecord;
use crate::command::shared::shortened::Shortened;
use crate::disk::files::{NewFile, Secrecy};
use crate::disk::secret::Secret;
use crate::format::{self, Format, Material, Options, Output, Written};
use crate::issued::inventory::{self, Entry};
use crate::issued::overwrite::{self, Known, Replace};
use crate::issued::renewal;
use crate::report as words;
use crate::x509::subtree::Subtree;

mod added;
mod authority;
pub(super) mod bad;
pub(super) mod batch;
mod needed;
mod outputs;
mod report;
mod request;

pub(in crate::command) use authority::first_constraints;
pub(super) use report::IssueReport;

/// Issues one certificate or a batch.
pub(super) fn run(context: &Context, args: &cli::Issue) -> anyhow::Result<u8> {
    match &args.batch {
        None => context.report.finish(&one(context, args)?),
        Some(file) => context.report.finish(&batch::run(context, args, file)?),
    }
}

/// Issues a single certificate.
pub(super) fn one(context: &Context, args: &cli::Issue) -> anyhow::Result<IssueReport> {
    let mut job = IssueJob::parse(context, args)?;
    // If an existing pair is good, the user agreed to its addresses when it was issued.
    if !args.if_needed {
        authority::confirm_addresses(context, args, &job.request.subject.names)?;
    }
    let agreed = job.before_the_first_root()?;
    let password = given_password(args, &job.options)?;
    let lock = context.lock()?;
    if args.if_needed {
        if let Some(present) = needed::present(&mut job)? {
            drop(lock);
            if job.request.kind.serves() {
                context.note_if_not_installed(false);
            }
            return Ok(present);
        }
        authority::confirm_addresses(context, args, &job.request.subject.names)?;
    }
    let (authority, root_created, widened) =
        authority::authority(context, args, &job.request.subject.names, agreed, password)?;
    job.request.adapt_to(&authority);
    let left = job.resolve_outputs(&authority)?;
    let issued = Signer::new(&authority)?.issue(&job.request)?;

    let material =
        Material { issued: &issued, authority: &authority, options: &job.options, label: &job.label };
    let files = format::render(&material, &job.outputs)?;
    let mut entry = Entry::new(&job.request, &material, &job.outputs, &files, context.now);
    for (old, file) in &left {
        entry.keep(old, file, &authority.root);
    }
    let printed = job.write_or_print(files, &mut entry)?;
    drop(lock);
    job.note(&entry, root_created);
    let password = job.generated_password();
    if let (Some(password), true) = (&password, args.stdout) {
        context.report.note(format!("the password is {password}"));
    }
    let (stores, reissued) = widened.map_or_else(Default::default, |wide| (wide.stores, wide.reissued));
    Ok(IssueReport {
        record: CertificateRecord::new(entry, context.now),
        reused: false,
        added: Vec::new(),
        replaced: !args.stdout && job.outputs.iter().any(|output| output.replace),
        root_created,
        stores,
        reissued,
        password: password.filter(|_| !args.stdout),
        content: printed,
    })
}

/// A certificate to issue, with all arguments parsed.
struct IssueJob<'a> {
    context: &'a Context<'a>,
    args: &'a cli::Issue,
    request: Request,
    formats: Vec<Format>,
    options: Options,
    /// The stem of the file names.
    label: String,
    outputs: Vec<Output>,
    known: Known<'a>,
}

impl<'a> IssueJob<'a> {
    fn parse(context: &'a Context<'a>, args: &'a cli::Issue) -> anyhow::Result<Self> {
        let request = request::parse(args, context.now, context.report)?;
        let formats = outputs::formats(args);
        let options = request::options(args, &formats, context.report)?;
        let label = format::stem(&request.subject, request.kind);
        let plan = outputs::plan(args, &formats, &request, &label);
        let outputs = outputs::absolute(&plan, &context.folder, !args.stdout)?;
        outputs::refuse_binary_to_stdout(args, &outputs)?;
        super::refuse_json(context, args.stdout)?;
        let known = Known::new(&context.folder);
        Ok(Self { context, args, request, formats, options, label, outputs, known })
    }

    /// Before writing anything, refuses names that a new root would not be permitted to sign for, and files that may not be
    /// replaced. Returns what the user agreed to permit.
    fn before_the_first_root(&mut self) -> anyhow::Result<Vec<Subtree>> {
        let Self { context, args, request, .. } = self;
        if ca::exists(&context.folder) {
            return Ok(Vec::new());
        }
        let agreed = authority::widening(context, args, &first_constraints(), &request.subject.names)?;
        let free = overwrite::check(&mut self.outputs, &self.known, None, request, replace(args));
        // The existing files may belong to another devca process that has created the root in the meantime,
        // so they are checked again later.
        if let (Err(e), false) = (free, args.stdout || ca::exists(&context.folder)) {
            return Err(e);
        }
        Ok(agreed)
    }

    /// Adds the other files of a certificate that is replaced, and checks what may be replaced. Returns the files that keep
    /// the previous certificate.
    fn resolve_outputs(&mut self, authority: &ca::Authority) -> anyhow::Result<Vec<(Entry, Written)>> {
        if self.args.stdout {
            return Ok(Vec::new());
        }
        let plan = outputs::plan(self.args, &self.formats, &self.request, &self.label);
        let left = outputs::join_siblings(self.args, &mut self.outputs, &plan, &self.known, &self.options);
        let replace = replace(self.args);
        overwrite::check(&mut self.outputs, &self.known, Some(authority), &self.request, replace)?;
        Ok(left)
    }

    /// Writes the files and the line of the inventory, or returns what to print.
    fn write_or_print(
        &self,
        files: Vec<NewFile>,
        entry: &mut Entry,
    ) -> anyhow::Result<Option<Vec<Zeroizing<Vec<u8>>>>> {
        let Self { context, args, .. } = self;
        if !args.stdout {
            write(context, args, files, entry)?;
            return Ok(None);
        }
        entry.files.clear();
        inventory::append(&context.folder.inventory(), [&*entry], context.person.files())?;
        Ok(Some(files.into_iter().map(|file| file.content).collect()))
    }

    fn note(&self, entry: &Entry, root_created: bool) {
        let mut shortened = Shortened::default();
        shortened.add(entry);
        shortened.note(self.context);
        note_outdated(self.context, std::slice::from_ref(entry));
        if root_created || self.request.kind.serves() {
            self.context.note_if_not_installed(root_created);
        }
    }

    /// The password that was generated for encrypted formats.
    fn generated_password(&self) -> Option<String> {
        let password = self.options.password.as_ref().filter(|_| !self.args.password.is_given());
        password.map(|password| password.as_str().to_owned())
    }
}

fn replace(args: &cli::Issue) -> Replace {
    match (args.force, args.if_needed || args.for_mkcert.is_some()) {
        (true, _) => Replace::Anything,
        (false, true) => Replace::Issued,
        (false, false) => Replace::Same,
    }
}

/// Writes the files under temporary names, then the line of the inventory, and only then renames the files.
fn write(context: &Context, args: &cli::Issue, files: Vec<NewFile>, entry: &mut Entry) -> anyhow::Result<()> {
    let person = context.issuing();
    if let Some(folder) = &args.out {
        person.create_folder(folder, Secrecy::Public)?;
    }
    let staged = person.stage(files)?;
    entry.stamp(&staged);
    inventory::append(&context.folder.inventory(), [&*entry], person)?;
    staged.commit()
}

/// Notes encrypted files that keep the previous certificate, because their password is unknown.
fn note_outdated(context: &Context, entries: &[Entry]) {
    const SHOWN: usize = 3;
    let files = || entries.iter().flat_map(|entry| entry.outdated_files().map(move |file| (entry, file)));
    for (entry, file) in files().take(SHOWN) {
        let path = words::short(&file.path);
        let renew = context.folder.hint(&renewal::with_password(entry));
        let part = renewal::content(file);
        context.report.note(format!("{path} still contains the previous {part}; to renew it: {renew}"));
    }
    if let more @ 1.. = files().count().saturating_sub(SHOWN) {
        let renew = context.folder.hint("devca renew --password-file FILE");
        let (files, them) = if more == 1 {
            ("does 1 other file".into(), "it")
        } else {
            (format!("do {more} other files"), "them")
        };
        context.report.note(format!("and so {files}; to renew {them}: {renew}"));
    }
}

/// The password for other encrypted files, which may need the new root. Its file is read only once.
fn given_password(args: &cli::Issue, options: &Options) -> anyhow::Result<Option<Secret>> {
    match &options.password {
        Some(password) if args.password.is_given() => Ok(Some(password.clone())),
        _ => args.password.read(),
    }
}
