//! `devca rotate`: a new root with a new key, and every certificate issued again in its place.

use std::io::{self, Write};
use std::path::PathBuf;

use serde::Serialize;

use super::Context;
use super::stores::{self, Line, WIDTH};
use crate::bundle::Password;
use crate::ca::{self, Authority, Draft};
use crate::certificate::CaCertificate;
use crate::cli;
use crate::constraints::Constraints;
use crate::error;
use crate::files::NewFile;
use crate::inventory;
use crate::issuer::Signer;
use crate::key;
use crate::passphrase::Passphrase;
use crate::pem;
use crate::renewal::{self, Renewer, State};
use crate::report::{self, Outcome};

#[derive(Serialize)]
pub(super) struct Rotated {
    root: PathBuf,
    name: String,
    sha256: String,
    sealed: bool,
    stores: Vec<Line>,
    #[serde(flatten)]
    reissued: Reissued,
}

/// What became of the certificates.
#[derive(Serialize, Default)]
pub(super) struct Reissued {
    reissued: Vec<PathBuf>,
    failed: Vec<Failure>,
}

#[derive(Serialize)]
struct Failure {
    path: PathBuf,
    why: String,
    hint: String,
}

pub(super) fn run(context: &Context, args: &cli::Rotate) -> anyhow::Result<Rotated> {
    let password = Password::given(args.password_file.as_deref(), args.password_env.as_deref())?;
    let lock = context.lock()?;
    let old = context.root()?;
    let sealed = args.sealed || ca::is_sealed(&context.folder);
    let passphrase = passphrase(context)?;
    let authority = replace_root(context, &old.constraints, sealed, passphrase)?;
    let stores = stores::replace(context, &args.stores, &authority.root)?;
    let reissued = reissue(context, &authority, password)?;
    drop(lock);
    Ok(Rotated {
        root: context.folder.root(),
        sha256: key::hex(&authority.root.sha256()),
        name: authority.root.common_name,
        sealed,
        stores,
        reissued,
    })
}

/// What the old key is locked with locks the new one.
fn passphrase(context: &Context) -> anyhow::Result<Option<Passphrase>> {
    let path = ca::signing_key(&context.folder);
    if path.symlink_metadata().is_err() {
        return Ok(None);
    }
    // A key that cannot be read is a reason to rotate, not one to refuse.
    match pem::key_file(&path) {
        Ok(pem::KeyFile::Locked(der)) => Ok(Some(context.unlock(&path, &der)?.1)),
        _ => Ok(None),
    }
}

/// Makes a CA in the place of the one that is there, whose root is remembered. The caller holds the lock.
pub(super) fn replace_root(
    context: &Context,
    constraints: &Constraints,
    sealed: bool,
    passphrase: Option<Passphrase>,
) -> anyhow::Result<Authority> {
    let folder = &context.folder;
    let draft = Draft { common_name: &context.root_name(), constraints, sealed, passphrase };
    let authority = Authority::draft(&draft, context.now)?;
    let mut files = authority.files(folder)?;
    files.push(NewFile::public(folder.earlier(), earlier(context)));
    // What belongs to the old root alone.
    let all = [folder.root_key(), folder.intermediate_key(), folder.intermediate(), folder.root_crl()];
    let gone: Vec<PathBuf> = all
        .into_iter()
        .filter(|path| path.exists() && !files.iter().any(|file| file.path == *path))
        .collect();
    context.person.files().exchange(&folder.path, &files, &gone)?;
    context.person.files().sweep(&folder.path)?;
    Ok(authority)
}

/// The roots that this CA has had, the present one included, in PEM.
pub(super) fn earlier(context: &Context) -> Vec<u8> {
    let mut known = pem::certificates(&context.folder.earlier());
    known.extend(CaCertificate::load(&context.folder.root(), &context.folder).map(|root| root.der));
    known.iter().flat_map(|der| pem::certificate(der)).collect()
}

/// Issues what is in use again. The caller holds the lock.
pub(super) fn reissue(
    context: &Context,
    authority: &Authority,
    password: Option<Password>,
) -> anyhow::Result<Reissued> {
    let files = context.person.files();
    let inventory = context.folder.inventory();
    let signer = Signer::new(authority)?;
    let mut renewer = Renewer { authority, password, new_key: false, days: None, now: context.now };
    let mut outcome = Reissued::default();
    let revoked = inventory::revoked(&inventory);
    let entries = inventory::latest(&inventory);
    let is_due = |entry: &inventory::Entry| {
        entry.not_after > context.now
            && !revoked.contains(&entry.serial)
            && renewal::state(entry) == State::There
    };
    for entry in entries.iter().filter(|entry| is_due(entry)) {
        let path = renewal::first(entry).to_owned();
        let done = renewer.renew(&signer, entry).and_then(|renewed| {
            let staged = files.stage(renewed.files)?;
            inventory::append(&inventory, &renewed.entry, files)?;
            if renewed.changes_key { staged.commit() } else { staged.commit_over() }
        });
        match done {
            Ok(()) => outcome.reissued.push(path),
            Err(e) => {
                let (why, hint) = (format!("{e:#}"), error::hint(&e).to_owned());
                outcome.failed.push(Failure { path, why, hint });
            }
        }
    }
    Ok(outcome)
}

impl Reissued {
    pub(super) fn is_complete(&self) -> bool {
        self.failed.is_empty()
    }

    pub(super) fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        for path in &self.reissued {
            writeln!(
                page,
                "{:WIDTH$}  {}: {}",
                "issued",
                report::short(path),
                report::verdict(true, "again")
            )?;
        }
        for Failure { path, why, hint } in &self.failed {
            let word = report::verdict(false, "not done");
            let indent = format!("{:WIDTH$}  ", "");
            writeln!(
                page,
                "{:WIDTH$}  {}: {word}\n{indent}{why}\n{indent}hint: {hint}",
                "issued",
                report::short(path)
            )?;
        }
        Ok(())
    }
}

impl Outcome for Rotated {
    fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        let made = report::verdict(true, "made anew");
        writeln!(page, "{:WIDTH$}  {} ({}): {made}", "root", self.name, report::short(&self.root))?;
        stores::write(page, &self.stores, "trusts the new root", "trusts the root already")?;
        self.reissued.write(page)
    }

    fn is_complete(&self) -> bool {
        stores::all_done(&self.stores) && self.reissued.is_complete()
    }
}
