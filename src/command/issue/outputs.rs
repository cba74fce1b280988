//! The files that `devca issue` writes.

use std::io::{self, IsTerminal};
use std::path::Path;

use crate::ca::signer::{KeySource, Request};
use crate::cli;
use crate::disk::files;
use crate::disk::home::CaFolder;
use crate::error::Fault;
use crate::format::{Format, Options, Output, OutputPlan, Written};
use crate::issued::inventory::Entry;
use crate::issued::overwrite::{self, Known};
use crate::issued::siblings;

/// The requested formats. With an intermediate, the default is both the leaf alone and the full chain, which
/// servers need.
pub(super) fn formats(args: &cli::Issue) -> Vec<Format> {
    match (args.format.is_empty(), args.intermediate) {
        (false, _) => args.format.clone(),
        (true, false) => vec![Format::Pem],
        (true, true) => vec![Format::Pem, Format::Fullchain],
    }
}

/// Refuses binary output on a terminal or together with other files; text files can be concatenated. (A pair
/// in DER is two files.)
pub(super) fn refuse_binary_to_stdout(args: &cli::Issue, outputs: &[Output]) -> Result<(), Fault> {
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

pub(super) fn plan<'a>(
    args: &'a cli::Issue,
    formats: &'a [Format],
    request: &Request,
    stem: &'a str,
) -> OutputPlan<'a> {
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
pub(super) fn join_siblings(
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
pub(super) fn absolute(plan: &OutputPlan, ca: &CaFolder, is_written: bool) -> anyhow::Result<Vec<Output>> {
    let outputs = plan.outputs()?;
    if is_written {
        outputs.iter().try_for_each(|output| files::listable(&output.path).map(drop))?;
    }
    let mut folders: Vec<&Path> = outputs.iter().filter_map(|output| output.path.parent()).collect();
    folders.dedup();
    folders.into_iter().try_for_each(|folder| overwrite::refuse_ca_folder(folder, ca))?;
    Ok(outputs)
}
