//! `devca install`: creates the root if necessary, and makes the stores trust it.

use std::io::{self, Write};
use std::path::PathBuf;

use devca_platform::Anchor;
use serde::Serialize;
use time::OffsetDateTime;

use super::Context;
use super::permit;
use crate::ca::passphrase::CaPassphrase;
use crate::ca::{self, Authority, Draft};
use crate::cli;
use crate::command::shared::anchor;
use crate::command::shared::bundles;
use crate::command::shared::old_roots::OldRoots;
use crate::command::shared::stores::{self, Changes, StoreLine, WIDTH};
use crate::error::{CaOption, Fault};
use crate::report::{self, Mark, Outcome};
use crate::x509::certificate::CaCertificate;
use crate::x509::constraints::Constraints;
use crate::x509::policy;
use crate::x509::rsa::Exponent;

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[allow(clippy::struct_excessive_bools)] // independent facts
pub(super) struct Installed {
    root: PathBuf,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    root_created: bool,
    dry_run: bool,
    /// The files that a dry run of the first `install` does not write.
    would_write: Vec<PathBuf>,
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(test, schemars(with = "String", extend("format" = "date-time")))]
    not_after: OffsetDateTime,
    constraints: Constraints,
    /// The command that prints a passphrase from the keyring, if this run stored it there.
    #[serde(skip_serializing_if = "Option::is_none")]
    passphrase_lookup: Option<String>,
    stores: Vec<StoreLine>,
    #[serde(skip)]
    sysroot: bool,
    /// The option that selects the CA in the commands of hints.
    #[serde(skip)]
    ca: CaOption,
    /// Whether the root and the stores were already printed while they were changed.
    #[serde(skip)]
    printed: bool,
}

pub(super) fn run(context: &Context, args: &cli::Install) -> anyhow::Result<Installed> {
    let host = stores::host(context, &args.stores)?;
    let is_new = !ca::exists(&context.folder);
    let (common_name, constraints) = (context.root_name(), constraints(args));
    let mut would_write = Vec::new();
    let (root, anchor) = if is_new && args.dry_run {
        let folder = &context.folder;
        would_write = if args.sealed {
            vec![folder.root(), folder.intermediate(), folder.intermediate_key()]
        } else {
            vec![folder.root(), folder.root_key()]
        };
        let draft = draft(args, &common_name, &constraints, None);
        let root = Authority::draft(&draft, context.now)?.root;
        // The fingerprint of the real root will be different.
        let label = "devca-FINGERPRINT".into();
        let anchor = Anchor { label, ..anchor::of(&root) };
        (root, anchor)
    } else {
        let root = root(context, args, &common_name, &constraints)?;
        let anchor = anchor::of(&root);
        (root, anchor)
    };
    if root.validity.not_after < context.now {
        let what = format!(
            "the root {} expired on {}",
            context.folder.root().display(),
            root.validity.not_after.date()
        );
        let hint = "replace it: devca rotate";
        return Err(Fault::new(what, hint).into());
    }
    if !args.dry_run && !ca::is_locked(&context.folder) {
        let whose = if ca::is_sealed(&context.folder) { "intermediate" } else { "root" };
        context.report.note(
            context.folder.hint(&format!("the {whose}'s key is not encrypted: devca passphrase --keyring")),
        );
    }
    if let Some(warning) = root.exponent.and_then(Exponent::warning) {
        context.report.note(format!("this root {warning}"));
    }
    if root.constraints.is_unconstrained() {
        context.report.note(
            "this root may sign for any name: anyone who gets its key can impersonate every site to you",
        );
    }
    if root.constraints.constrain_addresses() {
        context.report.note(permit::shut_out(&context.folder));
    }
    if !args.dry_run && args.stores.sysroot.is_none() && !bundles::stale(context, &root).is_empty() {
        let _lock = context.lock()?;
        bundles::refresh(context, Some(&root.der))?;
    }
    let found = devca_platform::find(&host, &stores::kinds(&args.stores));
    let earlier = OldRoots::remembered(context);
    let changes = Changes::new(context, &host, args.dry_run);
    let mut installed = Installed {
        root: context.folder.root(),
        sha256: (!(is_new && args.dry_run)).then(|| hex::encode(root.sha256())),
        name: root.common_name,
        passphrase_lookup: lookup(context, args),
        root_created: is_new && !args.dry_run,
        dry_run: args.dry_run,
        would_write,
        not_after: root.validity.not_after,
        constraints: root.constraints,
        stores: Vec::new(),
        sysroot: args.stores.sysroot.is_some(),
        ca: context.folder.option(),
        printed: false,
    };
    // Print each line immediately, because a store can take seconds or wait for a password.
    installed.printed = context.report.print_early(|page| installed.write_root(page));
    for found in &found {
        let line = stores::one(found, |store, line| changes.add(store, &anchor, &earlier, line));
        context.report.print_early(|page| line.write(page, TRUSTED, ALREADY_TRUSTED));
        installed.stores.push(line);
    }
    let is_here = !args.dry_run && args.stores.sysroot.is_none();
    if is_here
        && context.folder.not_installed().exists()
        && installed.stores.iter().any(StoreLine::is_trusted)
    {
        let _lock = context.lock()?;
        context.remember_installed(true)?;
    }
    Ok(installed)
}

/// The words for a store that accepted the root, or already trusted it.
const TRUSTED: &str = "trusted";
const ALREADY_TRUSTED: &str = "already trusted";

/// The lookup command for a passphrase that this run stored in the keyring.
fn lookup(context: &Context, args: &cli::Install) -> Option<String> {
    if args.keyring { ca::keyring_item(&context.folder)?.lookup() } else { None }
}

fn constraints(args: &cli::Install) -> Constraints {
    if args.unconstrained {
        Constraints::default()
    } else {
        policy::default_constraints(Some(&super::host_name()), &args.permit, args.constrain_addresses)
    }
}

fn draft<'a>(
    args: &cli::Install,
    common_name: &'a str,
    constraints: &'a Constraints,
    passphrase: Option<CaPassphrase>,
) -> Draft<'a> {
    Draft { common_name, constraints, sealed: args.sealed, passphrase }
}

/// The existing root, or a new one.
fn root(
    context: &Context,
    args: &cli::Install,
    common_name: &str,
    constraints: &Constraints,
) -> anyhow::Result<CaCertificate> {
    let lock = if args.dry_run { None } else { Some(context.lock()?) };
    let root = if ca::exists(&context.folder) {
        refuse_to_change(context, args)?;
        refuse_without_key(context)?;
        context.root()?
    } else {
        let passphrase = if args.keyring {
            let hint = "encrypt the key with a passphrase of your own instead: devca install --passphrase";
            Some(context.passphrase_in_keyring(hint)?)
        } else if args.passphrase {
            Some(context.new_passphrase()?)
        } else {
            None
        };
        let item = passphrase.as_ref().and_then(|passphrase| passphrase.item().cloned());
        let made = context.create(&draft(args, common_name, constraints, passphrase));
        // An existing key is not encrypted again.
        context.delete_unused(item);
        made?.root
    };
    drop(lock);
    Ok(root)
}

/// Refuses a root that cannot sign, because its key is missing or does not match: trusting it would be
/// pointless.
fn refuse_without_key(context: &Context) -> anyhow::Result<()> {
    // A locked key can only be matched with its passphrase, which `install` does not need.
    if !ca::is_locked(&context.folder) {
        Authority::load(&context.folder, &|path, key| context.unlock(path, key), context.now)?;
    }
    Ok(())
}

/// Refuses options that would change an existing root: other commands do that.
fn refuse_to_change(context: &Context, args: &cli::Install) -> anyhow::Result<()> {
    // Options that the root already satisfies are accepted, so that an interrupted install can be repeated as
    // is.
    let present = context.root()?.constraints;
    let lacking = args.permit.iter().find(|name| !present.permitted.contains(name));
    let hint = if let (Some(name), false) = (lacking, present.is_unconstrained()) {
        format!("devca permit {name}")
    } else if args.constrain_addresses && !present.is_unconstrained() && !present.constrain_addresses() {
        "devca permit --constrain-addresses".into()
    } else if args.unconstrained && !present.is_unconstrained() {
        "create another CA: devca --ca NAME install --unconstrained".into()
    } else if args.sealed && !ca::is_sealed(&context.folder) {
        "devca rotate --sealed".into()
    } else if args.passphrase && !ca::is_locked(&context.folder) {
        "devca passphrase".into()
    } else if args.keyring && ca::keyring_item(&context.folder).is_none() {
        "devca passphrase --keyring".into()
    } else {
        return Ok(());
    };
    let what =
        format!("a root already exists, and install does not change it: {}", context.folder.root().display());
    Err(Fault::new(what, hint).into())
}

impl Installed {
    fn write_root(&self, page: &mut dyn Write) -> io::Result<()> {
        let (mark, word) = match (self.root_created, &self.sha256) {
            (true, _) => (Mark::Good, "created"),
            (false, Some(_)) => (Mark::Good, "already exists"),
            (false, None) => (Mark::Skipped, "would be created"),
        };
        let end = self.not_after.date();
        writeln!(page, "{mark} {:WIDTH$}  {}: {word}, expires {end}", "root", self.name)?;
        let indent = format!("  {:WIDTH$}  ", "");
        if self.would_write.is_empty() {
            writeln!(page, "{indent}{}", report::tilde(&self.root))?;
        }
        self.would_write.iter().try_for_each(|file| writeln!(page, "{indent}{}", report::tilde(file)))?;
        if let Some(lookup) = &self.passphrase_lookup {
            writeln!(page, "{indent}passphrase in the system's keyring: {lookup}")?;
        }
        if self.root_created && !self.constraints.is_unconstrained() {
            let names = "may sign for names like localhost and *.test";
            let names = format!("{names} ({})", self.ca.hint("devca permit --list"));
            writeln!(page, "{}", report::hanging(&indent, &names))?;
        }
        Ok(())
    }

    /// Prints what to do next.
    fn write_next(&self, page: &mut dyn Write) -> io::Result<()> {
        writeln!(page, "\nRestart browsers that are open. Node, Python requests and other programs with")?;
        let run = self.ca.hint("devca run -- npm start");
        writeln!(page, "their own trust stores trust the root when started with: {run}")?;
        writeln!(page, "{}", self.ca.hint("Next: devca issue localhost 127.0.0.1 ::1"))
    }
}

impl Outcome for Installed {
    fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        if !self.printed {
            self.write_root(page)?;
            stores::write(page, &self.stores, TRUSTED, ALREADY_TRUSTED)?;
        }
        if self.is_complete() && !self.dry_run && !self.sysroot { self.write_next(page) } else { Ok(()) }
    }

    fn is_complete(&self) -> bool {
        stores::all_done(&self.stores)
    }
}
