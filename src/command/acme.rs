//! `devca acme`: an ACME server for this machine.

use std::path::Path;
use std::sync::Arc;

use time::Duration;

use super::Context;
use crate::acme::dns::tsig::TsigKey;
use crate::acme::issuer::SigningCa;
use crate::acme::log::AcmeLog;
use crate::acme::server::{AcmeRules, BindingKeys};
use crate::acme::validate::ValidatorPlan;
use crate::acme::{self, AcmePlan, binding};
use crate::ca::{self, Authority};
use crate::cli::{self, Validation};
use crate::command::serve;
use crate::command::shared::watched_ca::WatchedCa;
use crate::disk::files::{self, NewFile, Secrecy};
use crate::error::{Fault, OrHint, quoted};
use crate::report::Log;
use crate::serve::certificates::CaFiles;
use crate::serve::event::Events;

pub(super) fn run(context: &Context, args: cli::Acme) -> anyhow::Result<u8> {
    let bindings = args.eab.as_deref().map(bindings).transpose()?;
    let dns_key = args.dns_key.as_deref().map(|path| dns_key(context, path)).transpose()?;
    let is_new = !ca::exists(&context.folder);
    let authority = serve::authority(context)?;
    if !is_new {
        context.note_if_not_installed(false);
    }
    serve::give_up_root()?;
    let log = Log::start(context.report)
        .or_hint(|| "cannot start a thread".into(), || "close other programs, and try again".into())?;
    // Warnings about the server's own certificate are devca serve's events.
    let events = Arc::new(Events::new(log.clone(), context.folder.option()));
    let acme_log = Arc::new(AcmeLog::new(log.clone(), context.folder.option()));
    for note in context.report.take_unprinted_notes() {
        acme_log.warn(note, None);
    }
    let files = context.person.files();
    let state = if args.ephemeral { None } else { Some(files.open_private(&context.folder.acme())?) };
    let minutes = args.minutes.map(Duration::minutes);
    let plan = AcmePlan {
        usual: serve::usual(&[], &authority),
        signing: signing(context, &authority)?,
        ca: (Box::new(WatchedCa::new(context.folder.clone(), &authority, "acme")), authority),
        listen: args.listen,
        port: args.port,
        dns_port: args.dns_port,
        dns_key,
        state,
        rules: AcmeRules {
            lifetime: minutes.or(args.days.map(Duration::days)),
            renew_now: args.renew_now,
            validate: args.validate == Validation::All,
        },
        validator: ValidatorPlan {
            resolve: args.resolve,
            dns: args.dns,
            http_port: args.http_port,
            tls_port: args.tls_port,
            public: args.allow_public,
        },
        chaos: args.chaos.unwrap_or_default(),
        bindings,
    };
    let served = acme::run(plan, &acme_log, &events);
    log.finish();
    served.map(|()| 0)
}

/// Loads the CA again, for the thread that signs.
fn signing(context: &Context, authority: &Authority) -> anyhow::Result<SigningCa> {
    let source = WatchedCa::new(context.folder.clone(), authority, "acme");
    let (stamp, again) = (source.stamp(), source.load()?);
    Ok(SigningCa {
        folder: context.folder.clone(),
        files: context.person.files(),
        source: Box::new(source),
        authority: again,
        stamp,
    })
}

/// The key in this file, which is created first if it does not exist.
fn dns_key(context: &Context, path: &Path) -> anyhow::Result<TsigKey> {
    if path.symlink_metadata().is_err() {
        let public = NewFile::public(path.to_owned(), TsigKey::generate()?);
        let file = NewFile { secrecy: Secrecy::Private, ..public };
        context.person.files().stage(vec![file])?.commit()?;
        context.report.note(format!("created a key for updates: {}", path.display()));
    }
    let text = files::read_named(path)?;
    let key = std::str::from_utf8(&text).ok().and_then(TsigKey::read);
    key.ok_or_else(|| {
        let what = format!("{} is not one key for hmac-sha256, hmac-sha384 or hmac-sha512", path.display());
        Fault::new(what, "name a file that does not exist, and devca creates one").into()
    })
}

fn bindings(path: &Path) -> anyhow::Result<BindingKeys> {
    let text = files::read_named(path)?;
    let keys = binding::read_keys(&String::from_utf8_lossy(&text));
    keys.or_hint(
        || format!("cannot use {}", path.display()),
        || {
            let path = quoted(path);
            format!("write a key: echo \"kid-1 $(openssl rand 32 | basenc --base64url | tr -d =)\" > {path}")
        },
    )
}
