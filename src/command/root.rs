//! `devca root`: shows where the root is, or writes it in formats for other machines.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use time::OffsetDateTime;

use super::Context;
use crate::cli;
use crate::disk::files::{self, NewFile, Secrecy};
use crate::error::Fault;
use crate::format::RootFormat;
use crate::issued::exported::{self, ExportLine, KnownRoots};
use crate::issued::overwrite;
use crate::report::{self, Outcome};
use crate::x509::certificate::CaCertificate;
use crate::x509::constraints::Constraints;
use crate::x509::pem;

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct RootReport {
    /// The path of the root.
    #[serde(rename = "root")]
    path: PathBuf,
    /// Its common name.
    name: String,
    /// Its SHA-256 fingerprint.
    sha256: String,
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(test, schemars(with = "String", extend("format" = "date-time")))]
    not_after: OffsetDateTime,
    constraints: Constraints,
    pem: String,
    /// The files that were written.
    files: Vec<PathBuf>,
    #[serde(skip)]
    wants_pem: bool,
}

pub(super) fn run(context: &Context, args: &cli::Root) -> anyhow::Result<RootReport> {
    let mut root = context.root()?;
    let mut files = Vec::new();
    if !args.format.is_empty() {
        let folder = args.out.as_deref().unwrap_or(Path::new(""));
        overwrite::refuse_ca_folder(folder, &context.folder)?;
        // Hold the lock, so that the root is not replaced in the meantime.
        let _lock = context.lock()?;
        root = context.root()?;
        files = write(context, folder, &args.format, &root)?;
    }
    if args.format.contains(&RootFormat::Mobileconfig) {
        context.report.note(
            "on an iPhone or iPad, turn on trust for it: Settings, General, About, Certificate Trust Settings",
        );
    }
    Ok(RootReport {
        path: context.folder.root(),
        sha256: hex::encode(root.sha256()),
        not_after: root.validity.not_after,
        pem: String::from_utf8_lossy(&pem::certificate(&root.der)).into_owned(),
        name: root.common_name,
        constraints: root.constraints,
        files,
        wants_pem: args.pem,
    })
}

/// Writes the root and records the path, so that a new root will replace it. A file with the same content is
/// kept, one with an earlier root is replaced, and any other file is an error. The caller holds the lock.
pub(super) fn write(
    context: &Context,
    folder: &Path,
    formats: &[RootFormat],
    root: &CaCertificate,
) -> anyhow::Result<Vec<PathBuf>> {
    let roots = KnownRoots::of(&context.folder, root);
    let (mut paths, mut exports, mut new) = (Vec::new(), Vec::new(), Vec::new());
    for format in formats {
        let (name, bytes) = format.render(root)?;
        let path = files::listable(folder.join(name))?;
        paths.push(path.clone());
        exports.push(ExportLine::root(*format, path.clone()));
        let old = files::read(&path).ok();
        if old.as_ref().is_some_and(|old| **old == bytes) {
            continue;
        }
        let replace = old.is_some_and(|old| roots.is_earlier(*format, &old));
        if !replace && path.symlink_metadata().is_ok() {
            let what = format!("{} already exists and is not this root", path.display());
            return Err(Fault::new(what, "remove it, or choose another folder with --out").into());
        }
        new.push(NewFile { replace, ..NewFile::public(path, bytes) });
    }
    context.person.files().create_folder(folder, Secrecy::Public)?;
    let staged = context.person.files().stage(new)?;
    exported::remember(&context.folder, &exports, context.person.files())?;
    staged.commit()?;
    Ok(paths)
}

impl Outcome for RootReport {
    fn is_payload(&self) -> bool {
        true
    }

    fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        if self.wants_pem {
            page.write_all(self.pem.as_bytes())
        } else if self.files.is_empty() {
            writeln!(page, "{}", self.path.display())
        } else {
            self.files.iter().try_for_each(|path| writeln!(page, "{}", report::short(path)))
        }
    }
}
