//! `devca passphrase`: lock the CA's keys with one, change it, or take it off.

use std::io::{self, Write};
use std::path::PathBuf;

use serde::Serialize;

use super::Context;
use super::stores::WIDTH;
use crate::ca;
use crate::cli;
use crate::passphrase::Passphrase;
use crate::report::{self, Outcome};

#[derive(Serialize)]
pub(super) struct Locked {
    key: PathBuf,
    locked: bool,
}

pub(super) fn run(context: &Context, args: &cli::Passphrase) -> anyhow::Result<Locked> {
    context.root()?;
    let lock = context.lock()?;
    let folder = &context.folder;
    let authority = context.authority()?;
    let passphrase = match (args.remove, &args.new_file) {
        (true, _) => None,
        (false, Some(file)) => Some(Passphrase::from_file(file)?),
        // The variable names the one that it is locked with now.
        (false, None) if authority.passphrase().is_some() => Some(context.type_passphrase()?),
        (false, None) => Some(context.new_passphrase()?),
    };
    let keys = authority.keys_locked_with(passphrase.as_ref(), folder)?;
    context.person.files().exchange(&folder.path, &keys, &[])?;
    context.person.files().sweep(&folder.path)?;
    drop(lock);
    Ok(Locked { key: ca::signing_key(folder), locked: passphrase.is_some() })
}

impl Outcome for Locked {
    fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        let word = if self.locked { "locked with the passphrase" } else { "locked no more" };
        writeln!(page, "{:WIDTH$}  {}: {}", "key", report::short(&self.key), report::verdict(true, word))
    }
}
