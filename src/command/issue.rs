//! `devca issue`: from argv to a certificate in six rooms.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use zeroize::Zeroizing;

use super::Context;
use crate::bundle::{self, Format, Holds, Material, Output, Plan};
use crate::ca::{self, Authority};
use crate::cli;
use crate::error::Fault;
use crate::existing;
use crate::files::{NewFile, Secrecy};
use crate::inventory::{self, Entry};
use crate::issuer::{self, KeySource, Request, Signer};
use crate::name::Name;
use crate::profile::{self, Kind};
use crate::report::{self, Outcome};

mod request;

#[derive(Serialize)]
pub(super) struct Issued {
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<PathBuf>,
    #[serde(flatten)]
    entry: Entry,
    days_left: i64,
    root_created: bool,
    /// One that was made, to be shown once.
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
    /// What goes to standard output instead of into files.
    #[serde(skip)]
    content: Option<Vec<Zeroizing<Vec<u8>>>>,
}

pub(super) fn run(context: &Context, args: &cli::Issue) -> anyhow::Result<Issued> {
    let request = request::parse(args, context.now, context.report)?;
    let formats = formats(args);
    let options = request::options(args, &formats, context.report)?;
    let mut outputs = outputs(args, &formats, &request, &context.folder.path)?;
    refuse_binary_to_stdout(args, &outputs)?;
    let is_there = ca::exists(&context.folder);
    if !is_there {
        // Before anything is written: what the root that is about to be made would refuse.
        refuse_outside_defaults(&request.subject.names)?;
        existing::check(&mut outputs, &context.folder, None, &request, args.force)?;
    }
    let lock = context.lock()?;
    let (authority, root_created) = authority(context, args.intermediate)?;
    existing::check(&mut outputs, &context.folder, Some(&authority), &request, args.force)?;
    let issued = Signer::new(&authority)?.issue(&request)?;

    let label = bundle::stem(&request.subject.first(), request.subject.names.len(), request.kind);
    let material = Material { issued: &issued, authority: &authority, options: &options, label: &label };
    let files = bundle::render(&material, &outputs)?;
    let mut entry = Entry::new(&request, &material, &outputs, &files, context.now);
    let printed = if args.stdout {
        entry.files.clear();
        inventory::append(&context.folder.inventory(), &entry, context.person.files())?;
        Some(files.into_iter().map(|file| file.content).collect())
    } else {
        write(context, args, files, &entry)?;
        None
    };
    drop(lock);

    if root_created {
        context.report.note(format!(
            "a new root was made, {}: no store trusts it so far; devca{} install changes that",
            context.folder.root().display(),
            context.folder.option()
        ));
    }
    let path = |holds| outputs.iter().find(|o| o.part.holds == holds && !args.stdout).map(|o| o.path.clone());
    let is_generated = args.password_file.is_none() && args.password_env.is_none();
    let password = options.password.filter(|_| is_generated).map(|password| password.as_str().to_owned());
    if let (Some(password), true) = (&password, args.stdout) {
        context.report.note(format!("the password is {password}"));
    }
    Ok(Issued {
        certificate: path(Holds::Certificate),
        key: path(Holds::Key),
        days_left: issued.validity.days_left(context.now),
        root_created,
        password: password.filter(|_| !args.stdout),
        content: printed,
        entry,
    })
}

/// The files under temporary names, the inventory's line, and only then their names.
fn write(context: &Context, args: &cli::Issue, files: Vec<NewFile>, entry: &Entry) -> anyhow::Result<()> {
    let person = context.person.files();
    if let Some(folder) = &args.out {
        person.create_folder(folder, Secrecy::Public)?;
    }
    let staged = person.stage(files)?;
    inventory::append(&context.folder.inventory(), entry, person)?;
    staged.commit()
}

/// Makes the root where there is none: of two that start at once, the one that gets the lock.
fn authority(context: &Context, intermediate: bool) -> anyhow::Result<(Authority, bool)> {
    let root_created = !ca::exists(&context.folder);
    let authority = if root_created {
        context.create_root(&profile::default_constraints(Some(&super::host_name()), &[]))?
    } else {
        context.authority()?
    };
    let authority = if intermediate {
        authority.through_intermediate(&context.folder, context.person.files(), context.now)?
    } else {
        authority
    };
    Ok((authority, root_created))
}

fn refuse_outside_defaults(names: &[Name]) -> Result<(), Fault> {
    let constraints = profile::default_constraints(Some(&super::host_name()), &[]);
    names.iter().find(|name| !constraints.permit(name)).map_or(Ok(()), |name| Err(issuer::outside(name)))
}

/// What was asked for. Through an intermediate, the leaf alone shows the missing chain and the full chain the cure.
fn formats(args: &cli::Issue) -> Vec<Format> {
    match (args.format.is_empty(), args.intermediate) {
        (false, _) => args.format.clone(),
        (true, false) => vec![Format::Pem],
        (true, true) => vec![Format::Pem, Format::Fullchain],
    }
}

/// Text may follow text; a binary file is alone, and not for a terminal. (A pair in DER is two files.)
fn refuse_binary_to_stdout(args: &cli::Issue, outputs: &[Output]) -> Result<(), Fault> {
    if !args.stdout || outputs.iter().all(|output| output.format.is_text()) {
        return Ok(());
    }
    if outputs.len() > 1 {
        return Err(Fault::usage(
            "binary files cannot follow one another on standard output",
            "leave --stdout out, or ask for one file: --format p12 --stdout",
        ));
    }
    if io::stdout().is_terminal() {
        return Err(Fault::usage("a terminal shows no binary format", "pipe it: devca issue … --stdout | …"));
    }
    Ok(())
}

/// Where the files go, absolute, so that the inventory finds them from anywhere.
fn outputs(
    args: &cli::Issue,
    formats: &[Format],
    request: &Request,
    ca: &Path,
) -> anyhow::Result<Vec<Output>> {
    let stem = bundle::stem(&request.subject.first(), request.subject.names.len(), request.kind);
    let plan = Plan {
        formats,
        stem: &stem,
        folder: args.out.as_deref().unwrap_or(Path::new("")),
        certificate: args.cert_file.as_deref(),
        key: args.key_file.as_deref(),
        keyless: matches!(request.key, KeySource::Requested(_)),
    };
    let outputs = plan.outputs()?;
    if outputs.iter().any(|output| output.path.parent() == Some(ca)) {
        return Err(Fault::usage(
            "the folder of the CA is for its own files",
            "choose another place with --out",
        )
        .into());
    }
    Ok(outputs)
}

impl Outcome for Issued {
    fn is_payload(&self) -> bool {
        self.content.is_some()
    }

    fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        const SHOWN: usize = 10;
        if let Some(content) = &self.content {
            return content.iter().try_for_each(|file| page.write_all(file));
        }
        let entry = &self.entry;
        let mut rows: Vec<(&str, String)> =
            entry.files.iter().map(|file| (file.part.as_str(), report::short(&file.path))).collect();
        // The certificate before its key, as a person thinks of them.
        rows.sort_by_key(|(label, _)| label.ends_with("key"));
        if let (Kind::Client, Some(client)) = (entry.kind, &entry.common_name) {
            rows.push(("client", client.clone()));
        }
        let mut names: Vec<String> = entry.names.iter().take(SHOWN).cloned().collect();
        if entry.names.len() > SHOWN {
            names.push(format!("and {} more", entry.names.len() - SHOWN));
        }
        if !names.is_empty() {
            rows.push(("names", names.join(", ")));
        }
        if let Some(password) = &self.password {
            rows.push(("password", format!("{password} (shown this once)")));
        }
        let left = match self.days_left {
            ..=0 => "already expired".to_owned(),
            1 => "in 1 day".to_owned(),
            days => format!("in {days} days"),
        };
        rows.push(("expires", format!("{}, {left}", entry.not_after.date())));
        report::rows(page, &rows)
    }
}
