//! `devca issue`: issues a certificate and writes its files.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use zeroize::Zeroizing;

use super::Context;
use super::permit::{self, Widened};
use crate::ca::signer::{self, KeySource, Request, Signer};
use crate::ca::{self, Authority};
use crate::cli;
use crate::command::shared::record::CertificateRecord;
use crate::command::shared::reissued::Reissued;
use crate::command::shared::shortened::Shortened;
use crate::command::shared::stores::{self, StoreLine};
use crate::disk::files::{NewFile, Secrecy};
use crate::disk::home::CaFolder;
use crate::disk::secret::Secret;
use crate::error::Fault;
use crate::format::{self, Format, Holds, Material, Options, Output, OutputPlan, Written};
use crate::issued::inventory::{self, Entry};
use crate::issued::overwrite::{self, Known, Replace};
use crate::issued::renewal;
use crate::issued::siblings;
use crate::report::{self, Outcome};
use crate::x509::certificate::CaCertificate;
use crate::x509::constraints::Constraints;
use crate::x509::kind::Kind;
use crate::x509::name::Name;
use crate::x509::policy;
use crate::x509::subtree::Subtree;

pub(super) mod bad;
pub(super) mod batch;
mod needed;
mod request;

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[allow(clippy::struct_excessive_bools)] // independent facts
pub(super) struct IssueReport {
    #[serde(flatten)]
    record: CertificateRecord,
    /// With `--if-needed`: whether an existing certificate is still good.
    reused: bool,
    /// Whether existing files were replaced.
    replaced: bool,
    root_created: bool,
    /// The stores in which the root was replaced by one that permits more.
    stores: Vec<StoreLine>,
    /// The certificates that were renewed because a sealed CA got a new root.
    #[serde(skip_serializing_if = "Option::is_none")]
    reissued: Option<Reissued>,
    /// A generated password, which is shown only once.
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
    /// The content for standard output, if no files are written.
    #[serde(skip)]
    content: Option<Vec<Zeroizing<Vec<u8>>>>,
}

/// Issues one certificate or a batch.
pub(super) fn run(context: &Context, args: &cli::Issue) -> anyhow::Result<u8> {
    match &args.batch {
        None => context.report.finish(&one(context, args)?),
        Some(file) => context.report.finish(&batch::run(context, args, file)?),
    }
}

/// Issues a single certificate.
pub(super) fn one(context: &Context, args: &cli::Issue) -> anyhow::Result<IssueReport> {
    let mut request = request::parse(args, context.now, context.report)?;
    let formats = formats(args);
    let options = request::options(args, &formats, context.report)?;
    let label = format::stem(&request.subject, request.kind);
    let mut outputs = outputs(args, &formats, &request, &label, &context.folder)?;
    refuse_binary_to_stdout(args, &outputs)?;
    super::refuse_json(context, args.stdout)?;
    // If an existing pair is good, the user agreed to its addresses when it was issued.
    if !args.if_needed {
        confirm_addresses(context, args, &request.subject.names)?;
    }
    let (mut agreed, known) = (Vec::new(), Known::new(&context.folder));
    if !ca::exists(&context.folder) {
        // Before writing anything, refuse names that the new root would not be permitted to sign for.
        agreed = widening(context, args, &first_constraints(), &request.subject.names)?;
        let free = overwrite::check(&mut outputs, &known, None, &request, replace(args));
        // The existing files may belong to another devca process that has created the root in the meantime,
        // so they are checked again later.
        if let (Err(e), false) = (free, args.stdout || ca::exists(&context.folder)) {
            return Err(e);
        }
    }
    let password = given_password(args, &options)?;
    let lock = context.lock()?;
    if args.if_needed && ca::exists(&context.folder) {
        if let (Some(intermediate), false) = (signing_intermediate(context, args), request.kind.serves()) {
            request.subject.suit_intermediate(&intermediate.constraints);
        }
        if let Some(entry) = needed::present(context, args, &request, &outputs)? {
            drop(lock);
            if request.kind.serves() {
                context.note_if_not_installed(false);
            }
            return Ok(IssueReport::present(entry, &outputs, context));
        }
    }
    if args.if_needed {
        confirm_addresses(context, args, &request.subject.names)?;
    }
    let (authority, root_created, widened) =
        authority(context, args, &request.subject.names, agreed, password)?;
    request.suit(&authority);
    let mut left = Vec::new();
    if !args.stdout {
        left = join_siblings(args, &mut outputs, &plan(args, &formats, &request, &label), &known, &options);
        overwrite::check(&mut outputs, &known, Some(&authority), &request, replace(args))?;
    }
    let issued = Signer::new(&authority)?.issue(&request)?;

    let material = Material { issued: &issued, authority: &authority, options: &options, label: &label };
    let files = format::render(&material, &outputs)?;
    let mut entry = Entry::new(&request, &material, &outputs, &files, context.now);
    for (old, file) in &left {
        entry.keep(old, file, &authority.root);
    }
    let printed = if args.stdout {
        entry.files.clear();
        inventory::append(&context.folder.inventory(), [&entry], context.person.files())?;
        Some(files.into_iter().map(|file| file.content).collect())
    } else {
        write(context, args, files, &mut entry)?;
        None
    };
    drop(lock);

    let mut shortened = Shortened::default();
    shortened.add(&entry);
    shortened.note(context);
    note_outdated(context, &entry);
    if root_created || request.kind.serves() {
        context.note_if_not_installed(root_created);
    }
    let is_generated = !args.password.is_given();
    let password = options.password.filter(|_| is_generated).map(|password| password.as_str().to_owned());
    if let (Some(password), true) = (&password, args.stdout) {
        context.report.note(format!("the password is {password}"));
    }
    let (stores, reissued) = widened.map_or_else(Default::default, |wide| (wide.stores, wide.reissued));
    Ok(IssueReport {
        record: CertificateRecord::new(entry, context.now),
        reused: false,
        replaced: !args.stdout && outputs.iter().any(|output| output.replace),
        root_created,
        stores,
        reissued,
        password: password.filter(|_| !args.stdout),
        content: printed,
    })
}

/// The existing intermediate, if it is the one that signs.
fn signing_intermediate(context: &Context, args: &cli::Issue) -> Option<CaCertificate> {
    ca::intermediate(&context.folder).filter(|_| args.intermediate || ca::is_sealed(&context.folder))
}

fn replace(args: &cli::Issue) -> Replace {
    match (args.force, args.if_needed || args.for_mkcert.is_some()) {
        (true, _) => Replace::Anything,
        (false, true) => Replace::Issued,
        (false, false) => Replace::Same,
    }
}

fn path_of(outputs: &[Output], holds: Holds) -> Option<PathBuf> {
    outputs.iter().find(|output| output.part.holds == holds).map(|output| output.path.clone())
}

impl IssueReport {
    /// The report for an existing certificate that is kept.
    fn present(entry: Entry, outputs: &[Output], context: &Context) -> Self {
        let mut record = CertificateRecord::new(entry, context.now);
        // Report the requested paths, which may lead to the files through a link.
        record.certificate = path_of(outputs, Holds::Certificate);
        record.key = path_of(outputs, Holds::Key);
        Self {
            record,
            reused: true,
            replaced: false,
            root_created: false,
            stores: Vec::new(),
            reissued: None,
            password: None,
            content: None,
        }
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
fn note_outdated(context: &Context, entry: &Entry) {
    for file in entry.outdated_files() {
        let path = report::short(&file.path);
        let renew = context.folder.hint(&renewal::with_password(entry));
        let part = renewal::content(file);
        context.report.note(format!("{path} still contains the previous {part}; to renew it: {renew}"));
    }
}

/// Creates the root if there is none; if two processes start at once, the one that gets the lock does.
/// Extends an existing root if requested.
fn authority(
    context: &Context,
    args: &cli::Issue,
    names: &[Name],
    agreed: Vec<Subtree>,
    password: Option<Secret>,
) -> anyhow::Result<(Authority, bool, Option<Widened>)> {
    let root_created = !ca::exists(&context.folder);
    let mut widened = None;
    let mut authority = if root_created {
        let mut constraints = first_constraints();
        constraints.permitted.extend(agreed);
        let more = widening(context, args, &constraints, names)?;
        constraints.permitted.extend(more);
        context.create_root(&constraints)?
    } else {
        let authority = context.authority()?;
        let more = widening(context, args, &authority.root.constraints, names)?;
        if more.is_empty() {
            authority
        } else {
            let mut new = authority.root.constraints.clone();
            new.permitted.extend(more);
            widened = Some(permit::permit(context, authority, &new, &cli::Stores::default(), password)?);
            context.authority()?
        }
    };
    if args.intermediate && !authority.is_sealed {
        authority = authority.through_intermediate(&context.folder, context.person.files(), context.now)?;
    }
    Ok((authority, root_created, widened))
}

/// The password for other encrypted files, which may need the new root. Its file is read only once.
fn given_password(args: &cli::Issue, options: &Options) -> anyhow::Result<Option<Secret>> {
    match &options.password {
        Some(password) if args.password.is_given() => Ok(Some(password.clone())),
        _ => args.password.read(),
    }
}

/// The constraints of a root that `issue` creates.
pub(super) fn first_constraints() -> Constraints {
    policy::default_constraints(Some(&super::host_name()), &[], false)
}

/// Asks for confirmation before issuing for a public address.
fn confirm_addresses(context: &Context, args: &cli::Issue, names: &[Name]) -> anyhow::Result<()> {
    if !names.iter().any(policy::is_public_address) {
        return Ok(()); // without reading any file
    }
    let constraints =
        if ca::exists(&context.folder) { context.root()?.constraints } else { first_constraints() };
    let own = args.for_mkcert.as_ref().map_or(&[][..], |mkcert| &mkcert.own_addresses);
    let Some(first) = unasked(&constraints, names, own) else { return Ok(()) };
    if matches!(first, Name::Ip(ip) if ip.is_unspecified()) && !args.yes {
        let what =
            format!("clients do not connect to {first}: servers that listen there do so at every address");
        return Err(
            Fault::new(what, "name what clients connect to: devca issue localhost 127.0.0.1 ::1").into()
        );
    }
    let question = format!("{first} is a public address. Issue a certificate for it?");
    if args.yes || context.report.ask(&question) == Some(true) {
        return Ok(());
    }
    let hint = format!(
        "issue it anyway with --yes; to limit the root to such addresses, permit it: devca permit {first}"
    );
    Err(public_address(first).hint_instead(hint).into())
}

/// A public address that the user has not agreed to. If the root constrains addresses, the constraints
/// decide.
fn unasked<'a>(constraints: &Constraints, names: &'a [Name], agreed: &[Name]) -> Option<&'a Name> {
    let decide = constraints.is_unconstrained() || constraints.constrain_addresses();
    names.iter().find(|name| !decide && policy::is_public_address(name) && !agreed.contains(name))
}

fn public_address(name: &Name) -> Fault {
    Fault::new(
        format!("{name} is a public address, which devca does not issue for unless told to"),
        format!("permit it: devca permit {name}"),
    )
}

/// The subtrees that the root must be permitted to sign for these names, if the user agrees.
fn widening(
    context: &Context,
    args: &cli::Issue,
    constraints: &Constraints,
    names: &[Name],
) -> anyhow::Result<Vec<Subtree>> {
    let Some(first) = names.iter().find(|name| !constraints.permit(name)) else { return Ok(Vec::new()) };
    let (mut wide, mut subtrees) = (constraints.clone(), Vec::new());
    for name in names {
        // Permitting api.example.dev also covers *.api.example.dev.
        if !wide.permit(name) {
            let subtree = Subtree::parse(&signer::base(name))?;
            wide.permitted.push(subtree.clone());
            subtrees.push(subtree);
        }
    }
    let list: Vec<String> = subtrees.iter().map(ToString::to_string).collect();
    let question = format!("This root may not sign for {}. Permit it?", list.join(", "));
    if args.yes || context.report.ask(&question) == Some(true) {
        Ok(subtrees)
    } else {
        let base = signer::base(first);
        let is_there = ca::exists(&context.folder);
        let command = if is_there { format!("permit {base}") } else { format!("install --permit {base}") };
        let mut hint = format!("permit it: devca {command}");
        // A single label is often the name of a person.
        if names.len() == 1 && !base.contains(['.', ':']) && args.csr.is_none() {
            hint = format!("for a client certificate: devca issue --client {base}; as a host name, {hint}");
        }
        Err(signer::outside(first).hint_instead(hint).into())
    }
}

/// The requested formats. With an intermediate, the default is both the leaf alone and the full chain, which
/// servers need.
fn formats(args: &cli::Issue) -> Vec<Format> {
    match (args.format.is_empty(), args.intermediate) {
        (false, _) => args.format.clone(),
        (true, false) => vec![Format::Pem],
        (true, true) => vec![Format::Pem, Format::Fullchain],
    }
}

/// Refuses binary output on a terminal or together with other files; text files can be concatenated. (A pair
/// in DER is two files.)
fn refuse_binary_to_stdout(args: &cli::Issue, outputs: &[Output]) -> Result<(), Fault> {
    if !args.stdout || outputs.iter().all(|output| output.format.is_text()) {
        return Ok(());
    }
    if outputs.len() > 1 {
        return Err(Fault::usage(
            "standard output can take only one binary file",
            "omit --stdout, or choose one file: --format p12 --stdout",
        ));
    }
    if io::stdout().is_terminal() {
        return Err(Fault::usage(
            "this format is binary, and standard output is a terminal",
            "pipe it: devca issue … --stdout | …",
        ));
    }
    Ok(())
}

fn plan<'a>(args: &'a cli::Issue, formats: &'a [Format], request: &Request, stem: &'a str) -> OutputPlan<'a> {
    OutputPlan {
        formats,
        stem,
        folder: args.out.as_deref().unwrap_or(Path::new("")),
        certificate: args.cert_file.as_deref(),
        key: args.key_file.as_deref(),
        sealed: args.for_mkcert.as_ref().and_then(|mkcert| mkcert.file.as_deref()),
        keyless: matches!(request.key, KeySource::Requested(_)),
    }
}

/// Adds the other files of a certificate that is replaced. Returns those that cannot be written, because their password is
/// unknown, each with its certificate.
fn join_siblings(
    args: &cli::Issue,
    outputs: &mut Vec<Output>,
    plan: &OutputPlan,
    known: &Known,
    options: &Options,
) -> Vec<(Entry, Written)> {
    // If only one path was given, the other file stays with the existing pair.
    if plan.keyless || plan.certificate.is_some() != plan.key.is_some() {
        return Vec::new();
    }
    // With --if-needed, the names may have changed, and with them those of the other files.
    if !args.if_needed && !plan.has_siblings(outputs) {
        return Vec::new(); // without reading the inventory
    }
    let password = options.password.as_ref().filter(|_| args.password.is_given());
    siblings::join(outputs, known, password)
}

/// The output files with absolute paths, so that the inventory is valid in any folder.
fn outputs(
    args: &cli::Issue,
    formats: &[Format],
    request: &Request,
    stem: &str,
    ca: &CaFolder,
) -> anyhow::Result<Vec<Output>> {
    let outputs = plan(args, formats, request, stem).outputs()?;
    let mut folders: Vec<&Path> = outputs.iter().filter_map(|output| output.path.parent()).collect();
    folders.dedup();
    folders.into_iter().try_for_each(|folder| overwrite::refuse_ca_folder(folder, ca))?;
    Ok(outputs)
}

impl Outcome for IssueReport {
    fn is_payload(&self) -> bool {
        self.content.is_some()
    }

    fn when_lost(&self) -> &'static str {
        if self.content.is_some() {
            "the certificate and its key are lost: issue them again"
        } else {
            "everything was done; only the output was lost"
        }
    }

    fn is_complete(&self) -> bool {
        stores::all_done(&self.stores) && self.reissued.as_ref().is_none_or(Reissued::is_done)
    }

    fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        const SHOWN: usize = 10;
        if let Some(content) = &self.content {
            return content.iter().try_for_each(|file| page.write_all(file));
        }
        stores::write(page, &self.stores, "trusts the new root", "already trusted")?;
        self.reissued.iter().try_for_each(|reissued| reissued.write_lines(page))?;
        let record = &self.record;
        let files = record.files.iter().filter(|file| !file.outdated);
        let mut rows: Vec<(&str, String)> =
            files.map(|file| (file.part.as_str(), report::short(&file.path))).collect();
        // List the certificate before its key, as users expect.
        rows.sort_by_key(|(label, _)| label.ends_with("key"));
        if let (Kind::Client, Some(client)) = (record.kind, &record.common_name) {
            rows.push(("client", client.clone()));
        }
        let mut names: Vec<String> = record.names.iter().take(SHOWN).cloned().collect();
        if record.names.len() > SHOWN {
            names.push(format!("and {} more", record.names.len() - SHOWN));
        }
        if !names.is_empty() {
            rows.push(("names", names.join(", ")));
        }
        if let Some(password) = &self.password {
            rows.push(("password", format!("{password} (shown this once)")));
        }
        rows.push(record.days_left.row(record.not_after));
        if self.reused {
            rows.push(("status", "still valid, not reissued".into()));
        } else if self.replaced {
            let with = if record.key_type.is_some() { ", with a new key" } else { "" };
            rows.push(("status", format!("replaced the files that existed{with}")));
        }
        report::rows(page, &rows)
    }
}
