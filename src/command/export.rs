//! `devca export`: writes an intermediate CA for another system, which then issues certificates below the
//! root.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use time::OffsetDateTime;

use super::Context;
use crate::cli;
use crate::disk::files::{self, Secrecy};
use crate::error::{Fault, quoted};
use crate::format::ExportTarget;
use crate::issued::exported::{self, ExportLine};
use crate::issued::overwrite;
use crate::report::{self, Outcome};
use crate::x509::key::KeyType;
use crate::x509::policy;
use crate::x509::subject;
use crate::x509::validity::{DaysLeft, Validity};

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Exported {
    folder: PathBuf,
    files: Vec<PathBuf>,
    name: String,
    serial: String,
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(test, schemars(with = "String", extend("format" = "date-time")))]
    not_after: OffsetDateTime,
    days_left: DaysLeft,
    #[serde(skip)]
    next: &'static str,
}

pub(super) fn run(context: &Context, args: &cli::Export) -> anyhow::Result<Exported> {
    let system = args.system.name();
    if let Some(days) = args.days.filter(|days| !(1..=policy::ROOT_DAYS).contains(days)) {
        let hint = format!("use 1 to {}, for example: --days 365", policy::ROOT_DAYS);
        return Err(Fault::usage(format!("an intermediate cannot be valid for {days} days"), hint).into());
    }
    let common_name = args.cn.clone().unwrap_or_else(|| format!("devca {system} intermediate"));
    subject::checked(&common_name, "a common name", "for example: --cn 'Example staging'")?;
    context.root()?;
    let folder = args.out.clone().unwrap_or_else(|| PathBuf::from(format!("devca-{system}")));
    let folder = files::listable(folder)?;
    overwrite::refuse_ca_folder(&folder, &context.folder)?;
    let lock = context.lock()?;
    let authority = context.authority()?;
    if authority.is_sealed {
        let what = "this root's key was destroyed, so it cannot sign another intermediate";
        return Err(Fault::new(what, "create a CA to export from: devca --ca NAME install").into());
    }
    let made = authority.sign_intermediate(
        &common_name,
        KeyType::EcdsaP256.generate()?.pair()?,
        Validity::starting(context.now, args.days.unwrap_or(policy::INTERMEDIATE_DAYS)),
    )?;
    let files = args.system.render(&folder, &made, &authority.root.der);
    if let Some(taken) = files.iter().find(|file| file.path.symlink_metadata().is_ok()) {
        let what = format!("{} already exists", taken.path.display());
        return Err(Fault::new(what, "choose another folder with --out").into());
    }
    let paths: Vec<PathBuf> = files.iter().map(|file| file.path.clone()).collect();
    for path in &paths {
        context.person.files().create_folder(path.parent().unwrap_or(&folder), Secrecy::Private)?;
    }
    let staged = context.person.files().stage(files)?;
    let export = ExportLine::intermediate(args.system, folder.clone());
    exported::remember(&context.folder, &[export], context.person.files())?;
    staged.commit()?;
    drop(lock);
    Ok(Exported {
        folder,
        files: paths,
        serial: made.certificate.serial,
        not_after: made.certificate.validity.not_after,
        days_left: made.certificate.validity.days_left(context.now),
        name: made.certificate.common_name,
        next: match args.system {
            ExportTarget::CertManager => {
                "kubectl apply -f FOLDER, and then `issuerRef: {name: devca, kind: ClusterIssuer}`"
            }
            ExportTarget::Vault => "vault write pki/config/ca pem_bundle=@FOLDER/bundle.pem",
            ExportTarget::StepCa => "copy the files over those of step-ca's folder (step path)",
        },
    })
}

impl Outcome for Exported {
    fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        let mut rows: Vec<(&str, String)> =
            self.files.iter().map(|path| ("file", report::short(path))).collect();
        rows.push(("name", self.name.clone()));
        rows.push(self.days_left.row(self.not_after));
        rows.push(("next", self.next.replace("FOLDER", &quoted(Path::new(&report::short(&self.folder))))));
        report::rows(page, &rows)
    }
}
