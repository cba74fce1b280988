//! Parses the arguments of `devca issue`. Only a CSR or a password file, if named, is read from disk.

use time::OffsetDateTime;

use crate::ca::signer::{KeySource, Request};
use crate::cli;
use crate::error::Fault;
use crate::format::{Format, Options, password};
use crate::report::Report;
use crate::x509::csr;
use crate::x509::key::KeyType;
use crate::x509::kind::Kind;
use crate::x509::name;
use crate::x509::policy;
use crate::x509::rsa::Exponent;
use crate::x509::subject::Subject;
use crate::x509::validity::Validity;

pub(super) fn parse(args: &cli::Issue, now: OffsetDateTime, report: &Report) -> anyhow::Result<Request> {
    let kind = kind(args);
    let (subject, key) = match &args.csr {
        None => {
            let key = KeySource::Fresh(args.key_type);
            (Subject::parse(kind, &meant(args, kind, report), args.cn.as_deref())?, key)
        }
        Some(path) => {
            let csr = csr::Csr::read(path)?;
            if let Some(warning) = csr.exponent.and_then(Exponent::warning) {
                report.note(format!("this request {warning}"));
            }
            if csr.requests_ca {
                report.note(
                    "this request asks to be a CA, which is ignored: only its key and its names are used",
                );
            }
            (requested(kind, &csr, args.cn.as_deref())?, KeySource::Requested(csr.public_key))
        }
    };
    let subject = subject.with_organization(args.org.clone(), args.ou.clone())?;
    let request = Request { kind, subject, key, validity: validity(args, kind, now)? };
    say_what_may_surprise(args, &request, report);
    Ok(request)
}

/// The names that the arguments stand for. For a server, a URL and `host:port` stand for the host, and names
/// may be separated by commas; without arguments, they are those of this machine.
fn meant(args: &cli::Issue, kind: Kind, report: &Report) -> Vec<String> {
    if kind == Kind::Client {
        return args.names.clone();
    }
    if args.names.is_empty() && args.cn.is_none() {
        return ["localhost", "127.0.0.1", "::1"].map(Into::into).into();
    }
    let separated = |word: &'_ String| -> Vec<String> {
        if !word.contains(',') {
            return vec![word.trim().to_owned()];
        }
        word.split(',').map(str::trim).filter(|name| !name.is_empty()).map(Into::into).collect()
    };
    let words = args.names.iter().flat_map(separated);
    words
        .map(|word| match name::host_meant(&word) {
            Some(host) => {
                report.note(format!("issuing for {host}, the host in {word}"));
                host
            }
            None => word,
        })
        .collect()
}

pub(super) fn kind(args: &cli::Issue) -> Kind {
    match (args.client, args.server) {
        (true, true) => Kind::Both,
        (true, false) => Kind::Client,
        (false, _) => Kind::Server,
    }
}

/// The names in a CSR: its SANs or, if there are none, its common name, as clients did before RFC 6125.
fn requested(kind: Kind, csr: &csr::Csr, common_name: Option<&str>) -> Result<Subject, Fault> {
    let own = csr.common_name.as_deref();
    let words = match (kind, csr.names.as_slice(), own) {
        (Kind::Client, names, _) => names.to_vec(),
        (_, [], Some(own)) => vec![own.to_owned()],
        (_, names, _) => names.to_vec(),
    };
    let client = if kind == Kind::Client { own } else { None };
    let subject = Subject::parse(kind, &words, common_name.or(client))?;
    if subject.names.is_empty() && subject.common_name.is_none() {
        return Err(Fault::usage(
            "the CSR has no names",
            "create one with names: openssl req -new -addext 'subjectAltName=DNS:app.test' …",
        ));
    }
    Ok(subject)
}

pub(super) fn validity(args: &cli::Issue, kind: Kind, now: OffsetDateTime) -> Result<Validity, Fault> {
    let most = if kind.serves() { policy::SERVER_MAX_DAYS } else { policy::ROOT_DAYS };
    let validity = match args.not_after {
        Some(end) => Validity::ending(now, end),
        None => match args.days.unwrap_or(policy::LEAF_DAYS) {
            days @ 1.. if days <= most => Validity::starting(now, days),
            days => return Err(too_long(days, most, kind)),
        },
    };
    if validity.days() > most { Err(too_long(validity.days(), most, kind)) } else { Ok(validity) }
}

fn too_long(days: i64, most: i64, kind: Kind) -> Fault {
    let who = if kind.serves() { " (Apple rejects server certificates valid for longer)" } else { "" };
    Fault::usage(
        format!("a certificate cannot be valid for {days} days"),
        format!("use 1 to {most}{who}, for example: --days 90"),
    )
}

/// The options for the formats; a missing password is generated.
pub(super) fn options(args: &cli::Issue, formats: &[Format], report: &Report) -> anyhow::Result<Options> {
    let given = args.password.read()?;
    let is_needed = formats.iter().any(|format| format.takes_password());
    let password = match (is_needed, given) {
        (true, Some(password)) => Some(password),
        (true, None) if report.quiet => {
            let what = "--quiet would hide the generated password";
            return Err(Fault::usage(what, "set one with --password-file FILE").into());
        }
        (true, None) => Some(password::generate()?),
        (false, None) => None,
        (false, Some(_)) => {
            let what = "none of these formats is encrypted, so a password is useless";
            return Err(Fault::usage(what, "add --format p12 or java, or omit the password").into());
        }
    };
    Ok(Options { with_root: args.with_root, modern: args.p12_modern, password })
}

fn say_what_may_surprise(args: &cli::Issue, request: &Request, report: &Report) {
    if request.kind.serves() && matches!(request.key, KeySource::Fresh(KeyType::Ed25519)) {
        report.note(
            "Chromium and Firefox reject Ed25519 server keys; every client accepts --key-type ecdsa-p256",
        );
    }
    for name in &request.subject.names {
        if name.dns_base().is_some_and(|host| host.contains('_')) {
            let is_wildcard = name.to_string().starts_with("*.");
            report.note(if is_wildcard {
                format!("{name}: Java and OpenSSL (Python) reject wildcards with an underscore")
            } else {
                format!("{name}: Java rejects host names with an underscore")
            });
        }
    }
    let mut seen = std::collections::HashSet::new();
    for name in args.names.iter().filter(|name| !seen.insert(*name)) {
        report.note(format!("{name} was given more than once"));
    }
}
