//! `devca passphrase`: encrypts the CA's keys, changes or removes their passphrase, or remembers it.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use super::Context;
use crate::ca::keyring::{KeyringItem, kernel};
use crate::ca::passphrase::CaPassphrase;
use crate::ca::{self, Authority};
use crate::cli;
use crate::command::shared::stores::WIDTH;
use crate::error::Fault;
use crate::report::{self, Mark, Outcome};

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Protection {
    key: PathBuf,
    locked: bool,
    /// Whether the passphrase is in the system's keyring.
    in_keyring: bool,
    /// The command that prints the passphrase.
    #[serde(skip_serializing_if = "Option::is_none")]
    lookup: Option<String>,
    #[serde(skip)]
    what: PassphraseChange,
}

/// The kind of change.
#[derive(Clone, Copy)]
enum PassphraseChange {
    Encrypted,
    Decrypted,
    WasNotEncrypted,
    Remembered(Option<Duration>),
    Forgotten,
    NothingToForget,
}

pub(super) fn run(context: &Context, args: &cli::Passphrase) -> anyhow::Result<Protection> {
    context.root()?;
    let what = if args.forget {
        if kernel::forget(&context.remembered_as()) {
            PassphraseChange::Forgotten
        } else {
            PassphraseChange::NothingToForget
        }
    } else if let Some(time) = args.remember {
        remember(context, time)?;
        PassphraseChange::Remembered(time)
    } else {
        change(context, args)?
    };
    let item = ca::keyring_item(&context.folder);
    Ok(Protection {
        key: ca::signing_key(&context.folder),
        locked: ca::is_locked(&context.folder),
        in_keyring: item.is_some(),
        lookup: item.as_ref().and_then(KeyringItem::lookup),
        what,
    })
}

fn change(context: &Context, args: &cli::Passphrase) -> anyhow::Result<PassphraseChange> {
    let folder = &context.folder;
    // Read before taking the lock, so that other processes do not wait for a pipe.
    let given = args.new_file.as_deref().map(CaPassphrase::from_file).transpose()?;
    let lock = context.lock()?;
    let authority = context.authority()?;
    if args.remove && authority.passphrase().is_none() {
        return Ok(PassphraseChange::WasNotEncrypted);
    }
    let before = ca::keyring_item(folder);
    let passphrase = new(context, args, given, &authority)?;
    let made = passphrase.as_ref().and_then(|passphrase| passphrase.item().cloned());
    let changed = authority
        .keys_locked_with(passphrase.as_ref(), folder)
        .and_then(|keys| context.person.files().exchange(&folder.path, &keys, &[]));
    // Delete the old entry if that worked, or the new one if it did not.
    context.delete_unused([before, made].into_iter().flatten());
    changed?;
    kernel::forget(&context.remembered_as());
    context.person.files().remove_leftovers(&folder.path)?;
    drop(lock);
    Ok(if passphrase.is_some() { PassphraseChange::Encrypted } else { PassphraseChange::Decrypted })
}

/// The new passphrase for the keys.
fn new(
    context: &Context,
    args: &cli::Passphrase,
    given: Option<CaPassphrase>,
    now: &Authority,
) -> anyhow::Result<Option<CaPassphrase>> {
    if args.remove {
        return Ok(None);
    }
    if args.keyring {
        let hint = "use a passphrase of your own instead: devca passphrase";
        return context.passphrase_in_keyring(hint).map(Some);
    }
    match given {
        Some(given) => Ok(given),
        // The variable has the current passphrase, so ask for the new one.
        None if now.passphrase().is_some() => context.type_passphrase(),
        None => context.new_passphrase(),
    }
    .map(Some)
}

fn remember(context: &Context, time: Option<Duration>) -> anyhow::Result<()> {
    if ca::keyring_item(&context.folder).is_some() {
        let what = "nothing to remember: the passphrase is in the system's keyring";
        return Err(Fault::new(what, "use a passphrase of your own instead: devca passphrase").into());
    }
    let authority = context.authority()?;
    let passphrase = authority.passphrase().ok_or_else(|| {
        Fault::new("nothing to remember: the key is not encrypted", "encrypt it: devca passphrase")
    })?;
    kernel::remember(&context.remembered_as(), passphrase.as_str(), time).map_err(|why| {
        let what = format!("cannot remember the passphrase: {why}");
        Fault::new(what, "keep it in the system's keyring instead: devca passphrase --keyring").into()
    })
}

impl Outcome for Protection {
    fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        let word = match self.what {
            PassphraseChange::Encrypted if self.in_keyring => {
                "encrypted with a passphrase in the system's keyring".into()
            }
            PassphraseChange::Encrypted => "encrypted with the passphrase".into(),
            PassphraseChange::Decrypted => "no longer encrypted".into(),
            PassphraseChange::WasNotEncrypted => "not encrypted, nothing to remove".into(),
            PassphraseChange::Remembered(None) => "passphrase remembered until you log out".into(),
            PassphraseChange::Remembered(Some(time)) => {
                format!("passphrase remembered for {} seconds", time.as_secs())
            }
            PassphraseChange::Forgotten => "passphrase forgotten".into(),
            PassphraseChange::NothingToForget => "no passphrase was remembered".into(),
        };
        writeln!(page, "{} {:WIDTH$}  {}: {word}", Mark::Good, "key", report::tilde(&self.key))?;
        if let (PassphraseChange::Encrypted, Some(lookup)) = (self.what, &self.lookup) {
            writeln!(page, "  {:WIDTH$}  to look up the passphrase: {lookup}", "")?;
        }
        Ok(())
    }
}
