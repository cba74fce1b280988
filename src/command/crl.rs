//! `devca crl`: writes the revocation list for nginx (`ssl_crl`), OpenSSL (`-crl_check`), Node (`crl:`) and
//! others.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use time::OffsetDateTime;

use super::Context;
use crate::ca::{self, Authority};
use crate::cli;
use crate::disk::files::{self, NewFile, Secrecy};
use crate::error::Fault;
use crate::issued::inventory::{Inventory, Revocation};
use crate::issued::overwrite;
use crate::report::{self, Outcome};
use crate::x509::certificate::CaCertificate;
use crate::x509::pem;
use crate::x509::policy;
use crate::x509::validity::Validity;

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct CrlState {
    #[serde(skip_serializing_if = "Option::is_none")]
    crl: Option<PathBuf>,
    revoked: usize,
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(test, schemars(with = "String", extend("format" = "date-time")))]
    next_update: OffsetDateTime,
    #[serde(skip)]
    content: Vec<u8>,
}

pub(super) fn run(context: &Context, args: &cli::Crl) -> anyhow::Result<CrlState> {
    let days = args.days.unwrap_or(policy::CRL_DAYS);
    if !(1..=policy::ROOT_DAYS).contains(&days) {
        let hint = format!("use 1 to {}, for example: --days {}", policy::ROOT_DAYS, policy::CRL_DAYS);
        return Err(Fault::usage(format!("a revocation list cannot be valid for {days} days"), hint).into());
    }
    super::refuse_json(context, args.stdout)?;
    let root = context.root()?;
    let path = files::listable(args.out.as_deref().unwrap_or(Path::new("crl.pem")))?;
    if !args.stdout {
        overwrite::refuse_ca_folder(path.parent().unwrap_or(&path), &context.folder)?;
    }
    let replace = !args.stdout && is_there(&path, &root)?;
    let lock = context.lock()?;
    let revocations = Inventory::load(&context.folder.inventory())?.revocations;
    let validity = Validity::starting(context.now, days);
    // nginx requires a list from every CA in the chain.
    let authority = context.authority()?;
    let mut text = if authority.is_sealed {
        files::read(&context.folder.root_crl())?.to_vec()
    } else {
        list(&authority, &revocations, false, validity)?
    };
    if authority.is_sealed {
        text.extend(list(&authority, &revocations, true, validity)?);
    } else if ca::intermediate(&context.folder).is_some() {
        let below = authority.through_intermediate(&context.folder, context.person.files(), context.now)?;
        text.extend(list(&below, &revocations, true, validity)?);
    }
    if !args.stdout {
        let file = NewFile { replace, ..NewFile::public(path.clone(), text.clone()) };
        if let Some(folder) = path.parent() {
            context.person.files().create_folder(folder, Secrecy::Public)?;
        }
        context.person.files().stage(vec![file])?.commit()?;
    }
    drop(lock);
    Ok(CrlState {
        crl: (!args.stdout).then_some(path),
        revoked: revocations.len(),
        next_update: validity.not_after,
        content: text,
    })
}

/// Whether an older list of this CA exists, which may be replaced. Any other file is an error.
fn is_there(path: &Path, root: &CaCertificate) -> anyhow::Result<bool> {
    if path.symlink_metadata().is_err() {
        return Ok(false);
    }
    if path.symlink_metadata().is_ok_and(|found| found.is_file())
        && files::read(path)
            .ok()
            .and_then(|bytes| pem::first_crl(&bytes))
            .is_some_and(|crl| root.is_issuer_of(&crl))
    {
        return Ok(true);
    }
    let what = format!("{} already exists and is not a revocation list of this CA", path.display());
    Err(Fault::new(what, "choose another file: devca crl --out FILE").into())
}

fn list(
    authority: &Authority,
    revocations: &[Revocation],
    intermediate: bool,
    validity: Validity,
) -> anyhow::Result<Vec<u8>> {
    let own = revocations.iter().filter(|revocation| revocation.intermediate == intermediate);
    let revoked = own.filter_map(|own| Some((hex::decode(&own.serial).ok()?, own.revoked)));
    Ok(pem::crl(&authority.revocation_list(revoked, validity)?))
}

impl Outcome for CrlState {
    fn is_payload(&self) -> bool {
        self.crl.is_none()
    }

    fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        let Some(path) = &self.crl else { return page.write_all(&self.content) };
        let rows = [
            ("crl", report::short(path)),
            ("revoked", self.revoked.to_string()),
            ("good until", self.next_update.date().to_string()),
        ];
        report::rows(page, &rows)
    }
}
