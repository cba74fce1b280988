//! `devca root`: where the root is, or the root itself, in the forms that other machines take it in.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use time::OffsetDateTime;

use super::Context;
use crate::cli;
use crate::disk::files::{NewFile, Secrecy};
use crate::error::Fault;
use crate::format::RootFormat;
use crate::issued::overwrite;
use crate::report::{self, Outcome};
use crate::x509::constraints::Constraints;
use crate::x509::key;
use crate::x509::pem;

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct RootReport {
    /// Where it is.
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
    /// What was written.
    files: Vec<PathBuf>,
    #[serde(skip)]
    wants_pem: bool,
}

pub(super) fn run(context: &Context, args: &cli::Root) -> anyhow::Result<RootReport> {
    let root = context.root()?;
    let folder = args.out.as_deref().unwrap_or(Path::new(""));
    if !args.format.is_empty() {
        overwrite::refuse_ca_folder(folder, &context.folder)?;
    }
    let mut files = Vec::new();
    for format in &args.format {
        let (name, bytes) = format.render(&root)?;
        files.push(NewFile::public(std::path::absolute(folder.join(name))?, bytes));
    }
    let paths: Vec<PathBuf> = files.iter().map(|file| file.path.clone()).collect();
    write(context, folder, files)?;
    if args.format.contains(&RootFormat::Mobileconfig) {
        context.report.note(
            "on an iPhone or iPad, turn on trust for it: Settings, General, About, Certificate Trust Settings",
        );
    }
    Ok(RootReport {
        path: context.folder.root(),
        sha256: key::hex(&root.sha256()),
        not_after: root.validity.not_after,
        pem: String::from_utf8_lossy(&pem::certificate(&root.der)).into_owned(),
        name: root.common_name,
        constraints: root.constraints,
        files: paths,
        wants_pem: args.pem,
    })
}

/// A file with the same content is left as it is; another one is somebody's.
fn write(context: &Context, folder: &Path, mut files: Vec<NewFile>) -> anyhow::Result<()> {
    files.retain(|file| crate::disk::files::read(&file.path).ok().as_ref() != Some(&file.content));
    if let Some(taken) = files.iter().find(|file| file.path.symlink_metadata().is_ok()) {
        let what = format!("{} already exists and is not this root", taken.path.display());
        return Err(Fault::new(what, "remove it, or choose another folder with --out").into());
    }
    context.person.files().create_folder(folder, Secrecy::Public)?;
    context.person.files().stage(files)?.commit()
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
