//! `devca issue`: from argv to a certificate in six rooms.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use time::OffsetDateTime;

use super::Context;
use crate::bundle::{self, Paths};
use crate::ca::{self, Authority};
use crate::cli;
use crate::error::Fault;
use crate::existing;
use crate::files::Secrecy;
use crate::inventory::{self, Entry};
use crate::issuer::{self, Request, Signer};
use crate::key::{self, KeyType};
use crate::name::Name;
use crate::profile::{self, Kind, MAX_COMMON_NAME, Validity};
use crate::report::{self, Outcome, Report};

#[derive(Serialize)]
pub(super) struct Issued {
    certificate: PathBuf,
    key: PathBuf,
    kind: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    common_name: Option<String>,
    names: Vec<Name>,
    key_type: KeyType,
    serial: String,
    sha256: String,
    #[serde(with = "time::serde::rfc3339")]
    not_before: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    not_after: OffsetDateTime,
    days_left: i64,
    root_created: bool,
}

pub(super) fn run(context: &Context, args: cli::Issue) -> anyhow::Result<Issued> {
    let request = request(&args, context.now, context.report)?;
    let paths = paths(args.out.as_deref(), args.cert_file, args.key_file, &request, &context.folder.path)?;
    let root_created = !ca::exists(&context.folder);
    if root_created {
        // Before anything is written: what the root that is about to be made would refuse.
        refuse_outside_defaults(&request.names)?;
        existing::check(&paths, &context.folder, None, &request, args.force)?;
    }
    let lock = context.lock()?;
    let (authority, root_created) = authority(context)?;
    let signer = Signer::new(&authority)?;
    let replace = existing::check(&paths, &context.folder, Some(&authority.root), &request, args.force)?;
    let issued = signer.issue(&request)?;

    let files = context.person.files();
    if let Some(folder) = &args.out {
        files.create_folder(folder, Secrecy::Public)?;
    }
    let staged = files.stage(bundle::render(&issued, &paths, replace))?;
    let entry = Entry::new(&request, &issued, &paths.certificate, &paths.key, context.now);
    inventory::append(&context.folder.inventory(), &entry, files)?;
    staged.commit()?;
    drop(lock);

    if root_created {
        context.report.note(format!(
            "a new root was made, {}: no store trusts it so far; devca{} install changes that",
            context.folder.root().display(),
            context.folder.option()
        ));
    }
    Ok(Issued {
        certificate: paths.certificate,
        key: paths.key,
        kind: request.kind,
        common_name: request.common_name,
        names: request.names,
        key_type: request.key_type,
        serial: key::hex(&issued.serial),
        sha256: entry.sha256,
        not_before: issued.validity.not_before,
        not_after: issued.validity.not_after,
        days_left: issued.validity.days_left(context.now),
        root_created,
    })
}

/// Makes the root where there is none: of two that start at once, the one that gets the lock.
fn authority(context: &Context) -> anyhow::Result<(Authority, bool)> {
    if ca::exists(&context.folder) {
        return Ok((context.authority()?, false));
    }
    let constraints = profile::default_constraints(Some(&super::host_name()), &[]);
    Ok((context.create_root(&constraints)?, true))
}

fn refuse_outside_defaults(names: &[Name]) -> Result<(), Fault> {
    let constraints = profile::default_constraints(Some(&super::host_name()), &[]);
    names.iter().find(|name| !constraints.permit(name)).map_or(Ok(()), |name| Err(issuer::outside(name)))
}

/// Everything that argv says, parsed; nothing on disk has been touched.
fn request(args: &cli::Issue, now: OffsetDateTime, report: &Report) -> anyhow::Result<Request> {
    let kind = match (args.client, args.server) {
        (true, true) => Kind::Both,
        (true, false) => Kind::Client,
        (false, _) => Kind::Server,
    };
    let (names, common_name) =
        if kind == Kind::Client { client_names(&args.names)? } else { server_names(&args.names)? };
    let request = Request {
        kind,
        names: once_each(names, report),
        common_name,
        key_type: args.key_type,
        validity: validity(args, kind, now)?,
    };
    say_what_may_surprise(&request, report);
    Ok(request)
}

fn server_names(words: &[String]) -> Result<(Vec<Name>, Option<String>), Fault> {
    let names = words.iter().map(|word| Name::parse(word)).collect::<Result<Vec<_>, _>>()?;
    if let Some(url) = words.iter().find(|word| word.starts_with("https://") || word.starts_with("http://")) {
        return Err(Fault::usage(
            format!("{url} is an address of the web, not the name of a server"),
            "leave the scheme, the port and the path out, as in: devca issue localhost",
        ));
    }
    // OpenSSL takes a common name that reads as a DNS name for one where there is no DNS name among the SANs,
    // `127.0.0.1` included, and finds it outside the constraints: so only a host name becomes the common name.
    let host = names.iter().find(|name| matches!(name, Name::Dns(_)));
    let common_name = host.map(ToString::to_string).filter(|name| name.len() <= MAX_COMMON_NAME);
    Ok((names, common_name))
}

/// A client's first word is its common name. It is a SAN as well where it reads as one; the words after it are SANs.
fn client_names(words: &[String]) -> Result<(Vec<Name>, Option<String>), Fault> {
    let (first, more) = words
        .split_first()
        .ok_or_else(|| Fault::usage("a client needs a name", "as in: devca issue --client alice"))?;
    if first.trim().is_empty()
        || first.chars().any(char::is_control)
        || first.chars().count() > MAX_COMMON_NAME
    {
        return Err(Fault::usage(
            format!("{first:?} cannot name a client"),
            format!(
                "a common name has 1 to {MAX_COMMON_NAME} printable characters, as in: devca issue --client alice"
            ),
        ));
    }
    // "alice" and "Alice Smith" are common names alone; "alice.test", "a@b.test" and "spiffe://…" are SANs, too.
    let mut names = match Name::parse(first) {
        Ok(Name::Dns(host)) if !host.contains('.') => vec![],
        Ok(name) => vec![name],
        Err(_) if !first.contains(['.', '@', '/', '*']) => vec![],
        Err(fault) => return Err(fault),
    };
    for word in more {
        names.push(Name::parse(word)?);
    }
    Ok((names, Some(first.clone())))
}

fn once_each(names: Vec<Name>, report: &Report) -> Vec<Name> {
    let mut seen = std::collections::HashSet::new();
    names
        .into_iter()
        .filter(|name| {
            let first = seen.insert(name.clone());
            if !first {
                report.note(format!("{name} was given more than once"));
            }
            first
        })
        .collect()
}

fn validity(args: &cli::Issue, kind: Kind, now: OffsetDateTime) -> Result<Validity, Fault> {
    let most = if kind.serves() { profile::SERVER_MAX_DAYS } else { profile::ROOT_DAYS };
    let validity = match args.not_after {
        Some(end) => Validity::ending(now, end),
        None => match args.days.unwrap_or(profile::LEAF_DAYS) {
            days @ 1.. if days <= most => Validity::starting(now, days),
            days => return Err(too_long(days, most, kind)),
        },
    };
    if validity.days() > most { Err(too_long(validity.days(), most, kind)) } else { Ok(validity) }
}

fn too_long(days: i64, most: i64, kind: Kind) -> Fault {
    let who = if kind.serves() { " (Apple refuses server certificates that are valid longer)" } else { "" };
    Fault::usage(
        format!("a certificate cannot be valid for {days} days"),
        format!("give 1 to {most}{who}, as in: --days 90"),
    )
}

fn say_what_may_surprise(request: &Request, report: &Report) {
    if request.kind.serves() && request.key_type == KeyType::Ed25519 {
        report.note("Chromium and Firefox refuse Ed25519 servers; --key-type ecdsa-p256 is accepted by all");
    }
    for name in &request.names {
        if name.dns_base().is_some_and(|host| host.contains('_')) {
            report.note(format!("{name}: Java refuses host names with an underscore"));
        }
    }
}

/// Where the files go, absolute, so that the inventory finds them from anywhere.
fn paths(
    out: Option<&Path>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    request: &Request,
    ca: &Path,
) -> anyhow::Result<Paths> {
    let stem = bundle::stem_of(&request.names, request.common_name.as_deref(), request.kind);
    let out = out.unwrap_or(Path::new(""));
    let paths = Paths {
        certificate: std::path::absolute(certificate.unwrap_or_else(|| out.join(format!("{stem}.pem"))))?,
        key: std::path::absolute(key.unwrap_or_else(|| out.join(format!("{stem}-key.pem"))))?,
    };
    if paths.certificate == paths.key {
        return Err(Fault::usage(
            "certificate and key cannot share one file",
            "give --cert-file and --key-file two names",
        )
        .into());
    }
    if paths.certificate.parent() == Some(ca) || paths.key.parent() == Some(ca) {
        return Err(Fault::usage(
            "the folder of the CA is for its own files",
            "choose another place with --out",
        )
        .into());
    }
    Ok(paths)
}

impl Outcome for Issued {
    fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        const SHOWN: usize = 10;
        let mut names: Vec<String> = self.names.iter().take(SHOWN).map(ToString::to_string).collect();
        if self.names.len() > SHOWN {
            names.push(format!("and {} more", self.names.len() - SHOWN));
        }
        let mut rows =
            vec![("certificate", report::short(&self.certificate)), ("key", report::short(&self.key))];
        if let (Kind::Client, Some(client)) = (self.kind, &self.common_name) {
            rows.push(("client", client.clone()));
        }
        if !names.is_empty() {
            rows.push(("names", names.join(", ")));
        }
        let left = match self.days_left {
            ..=0 => "already expired".to_owned(),
            1 => "in 1 day".to_owned(),
            days => format!("in {days} days"),
        };
        rows.push(("expires", format!("{}, {left}", self.not_after.date())));
        report::rows(page, &rows)
    }
}
