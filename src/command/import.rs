//! `devca import`: imports an existing root, either mkcert's or any pair in PEM.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use time::OffsetDateTime;

use super::Context;
use super::permit;
use crate::ca::key_file;
use crate::ca::{self, Authority};
use crate::cli;
use crate::command::shared::stores::WIDTH;
use crate::disk::files;
use crate::error::{CaOption, Fault, OrHint};
use crate::report::{self, Mark, Outcome};
use crate::x509::certificate::CaCertificate;
use crate::x509::pem;
use crate::x509::rsa::Exponent;

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Imported {
    root: PathBuf,
    name: String,
    sha256: String,
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(test, schemars(with = "String", extend("format" = "date-time")))]
    not_after: OffsetDateTime,
    certificate_from: PathBuf,
    key_from: PathBuf,
    /// The option that selects the CA in the commands of hints.
    #[serde(skip)]
    ca: CaOption,
}

pub(super) fn run(context: &Context, args: &cli::Import) -> anyhow::Result<Imported> {
    let (certificate_from, key_from) = match (&args.folder, &args.cert, &args.key) {
        (Some(folder), None, None) => pair_in(folder)?,
        (None, Some(certificate), Some(key)) => (certificate.clone(), key.clone()),
        _ => {
            return Err(Fault::usage(
                "a folder, or a certificate and its key, is required",
                "for example: devca import \"$(mkcert -CAROOT)\", or: devca import --cert ca.pem --key ca-key.pem",
            )
            .into());
        }
    };
    let hint = "use a CA certificate and its private key in PEM";
    let text = files::read_named(&certificate_from)?;
    let root = CaCertificate::parse(pem::first_certificate_of(&certificate_from, &text)?)
        .or_hint(|| format!("{} cannot be imported", certificate_from.display()), || hint.into())?;
    if !root.is_self_issued() {
        return Err(Fault::new(
            format!("{} is an intermediate: another CA issued it", certificate_from.display()),
            "import the root above it, for example: devca import --cert root.pem --key root-key.pem",
        )
        .into());
    }
    let key = key_file::parse(&key_from, &files::read_named(&key_from)?)?;
    let key = ca::open_key(&key_from, key, &|path, der| context.unlock(path, der))?;
    let lock = context.lock()?;
    if ca::exists(&context.folder) || context.folder.root_key().exists() {
        return Err(Fault::new(
            format!(
                "a root already exists, and import would overwrite it: {}",
                context.folder.root().display()
            ),
            "import it as another CA: devca --ca NAME import …",
        )
        .into());
    }
    let authority = Authority::adopt(&context.folder, context.person.files(), root, key, context.now)?;
    drop(lock);
    if let Some(warning) = authority.root.exponent.and_then(Exponent::warning) {
        context.report.note(format!("this root {warning}"));
    }
    if authority.root.constraints.permit_any_host() {
        let names = if authority.root.constraints.is_unconstrained() { "name" } else { "host name" };
        context.report.note(format!(
            "this root may sign for any {names}: anyone who gets its key can impersonate every site to you"
        ));
        let what = "to replace it with one for development names only: devca rotate --constrained";
        context.report.note(context.folder.hint(what));
    }
    if authority.root.constraints.constrain_addresses() {
        context.report.note(permit::shut_out(&context.folder));
    }
    Ok(Imported {
        root: context.folder.root(),
        sha256: hex::encode(authority.root.sha256()),
        not_after: authority.root.validity.not_after,
        name: authority.root.common_name,
        certificate_from,
        key_from,
        ca: context.folder.option(),
    })
}

/// Finds mkcert's two files or, in any other folder, the only CA certificate and its key.
fn pair_in(folder: &Path) -> anyhow::Result<(PathBuf, PathBuf)> {
    let mkcert = (folder.join("rootCA.pem"), folder.join("rootCA-key.pem"));
    if mkcert.0.is_file() && mkcert.1.is_file() {
        return Ok(mkcert);
    }
    let entries = fs::read_dir(folder).or_hint(
        || format!("cannot read {}", folder.display()),
        || {
            "name the folder with the root and its key, for example: devca import \"$(mkcert -CAROOT)\""
                .into()
        },
    )?;
    let mut files: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    files.sort();
    let roots: Vec<_> = files
        .iter()
        .filter_map(|f| Some((f, CaCertificate::parse(pem::first_certificate(f).ok()?).ok()?)))
        .collect();
    let keys: Vec<_> = files.iter().filter_map(|f| Some((f, pem::first_key(f).ok()?))).collect();
    let mut pairs = roots.iter().flat_map(|(certificate, root)| {
        keys.iter().filter(|(_, key)| root.belongs_to(key)).map(move |(key, _)| (*certificate, *key))
    });
    match (pairs.next(), pairs.next()) {
        (Some((certificate, key)), None) => Ok((certificate.clone(), key.clone())),
        (None, _) => Err(Fault::new(
            format!("{} contains no CA certificate with its key", folder.display()),
            "name the files: devca import --cert ca.pem --key ca-key.pem",
        )
        .into()),
        (Some(_), Some(_)) => Err(Fault::new(
            format!("{} contains more than one CA certificate with its key", folder.display()),
            "name the files: devca import --cert ca.pem --key ca-key.pem",
        )
        .into()),
    }
}

impl Outcome for Imported {
    fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        let (from, path) = (report::short(&self.certificate_from), report::tilde(&self.root));
        writeln!(
            page,
            "{} {:WIDTH$}  {}: imported, expires {}",
            Mark::Good,
            "root",
            self.name,
            self.not_after.date()
        )?;
        writeln!(page, "  {:WIDTH$}  {path}", "")?;
        writeln!(page, "  {:WIDTH$}  from {from} and {}", "", report::short(&self.key_from))?;
        writeln!(page, "{}", self.ca.hint("Next: devca install"))
    }
}
