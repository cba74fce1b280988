//! Translates mkcert's options and names into those of `devca issue`.

use std::path::{Path, PathBuf};

use crate::ca;
use crate::cli::{self, ForMkcert, MkcertFlags, PasswordSource};
use crate::command::{Context, issue};
use crate::disk::secret::Secret;
use crate::format::Format;
use crate::x509::constraints::Constraints;
use crate::x509::csr::Csr;
use crate::x509::key::KeyType;
use crate::x509::name::{self, Name};
use crate::x509::policy;

/// mkcert's password, which is Java's default.
const PASSWORD: &str = "changeit";

/// The arguments of `devca issue` for these options.
pub(super) fn issue(context: &Context, flags: &MkcertFlags) -> anyhow::Result<cli::Issue> {
    let (format, files) = files(flags)?;
    let mut args = cli::Issue {
        csr: flags.csr.clone(),
        format: vec![format],
        cert_file: files.certificate,
        key_file: files.key,
        key_type: if flags.ecdsa { KeyType::EcdsaP256 } else { KeyType::Rsa2048 },
        // mkcert's certificates are good for two years and three months.
        days: Some(policy::SERVER_MAX_DAYS),
        for_mkcert: Some(ForMkcert { file: files.whole, own_addresses: Vec::new() }),
        ..cli::Issue::default()
    };
    if flags.csr.is_some() {
        if flags.key_file.is_some() {
            context.report.note("-key-file is ignored: the key of a CSR is where that was made");
        }
        return Ok(args);
    }
    if format == Format::P12 {
        args.with_root = true;
        args.password =
            PasswordSource { known: Some(Secret::of(PASSWORD.into())), ..PasswordSource::default() };
        context.report.note(format!(
            "the password is {PASSWORD}, as everybody knows, so nobody else may have the file; \
             for a random one: devca issue NAME --format p12"
        ));
    }
    let constraints =
        if ca::exists(&context.folder) { context.root()?.constraints } else { issue::first_constraints() };
    let own = own_addresses(&flags.names);
    args.names = with_permitted_addresses(context, &flags.names, &constraints, &own);
    args.client = flags.client;
    // mkcert's client certificates are also for servers. So are these if the root may sign for every name.
    args.server = flags.client && args.names.iter().all(|name| is_host(name, &constraints));
    args.for_mkcert = args.for_mkcert.map(|mkcert| ForMkcert { own_addresses: own, ..mkcert });
    Ok(args)
}

/// The paths of the files.
struct Paths {
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    /// The single file, if the format has only one: PKCS#12, or certificate and key in one PEM file.
    whole: Option<PathBuf>,
}

fn files(flags: &MkcertFlags) -> anyhow::Result<(Format, Paths)> {
    let names = match &flags.csr {
        Some(path) => requested(path)?,
        None => flags.names.clone(),
    };
    let stem = stem(&names, flags.client);
    let or_usual = |file: &Option<PathBuf>, suffix: &str| {
        file.clone().unwrap_or_else(|| PathBuf::from(format!("{stem}{suffix}")))
    };
    let certificate = or_usual(&flags.cert_file, ".pem");
    if flags.csr.is_some() {
        return Ok((Format::Pem, Paths { certificate: Some(certificate), key: None, whole: None }));
    }
    if flags.pkcs12 {
        let whole = Some(or_usual(&flags.p12_file, ".p12"));
        return Ok((Format::P12, Paths { certificate: None, key: None, whole }));
    }
    let key = or_usual(&flags.key_file, "-key.pem");
    Ok(if key == certificate {
        (Format::Combined, Paths { certificate: None, key: None, whole: Some(key) })
    } else {
        (Format::Pem, Paths { certificate: Some(certificate), key: Some(key), whole: None })
    })
}

/// The names of a CSR in mkcert's order: host names, email addresses, addresses.
fn requested(path: &Path) -> anyhow::Result<Vec<String>> {
    let csr = Csr::read(path)?;
    let place = |word: &String| match Name::parse(word) {
        Ok(Name::Email(_)) => 1,
        Ok(Name::Ip(_)) => 2,
        Ok(Name::Dns(_)) | Err(_) => 0,
        Ok(Name::Uri(_)) => 3,
    };
    let mut names: Vec<String> = csr.names.into_iter().filter(|word| place(word) < 3).collect();
    names.sort_by_key(place);
    if names.is_empty() {
        names.extend(csr.common_name);
    }
    Ok(names)
}

/// The stem of mkcert's file names: the first name as it was typed, and the number of further names.
fn stem(names: &[String], client: bool) -> String {
    let first = names.first().map_or("certificate", String::as_str);
    let read = if first.is_ascii() {
        name::host_meant(first)
    } else {
        Name::parse(first).ok().map(|name| name.to_string())
    };
    let first = read.unwrap_or_else(|| first.to_owned());
    let is_known = |c: char| c.is_ascii_alphanumeric() || "._-@".contains(c);
    let mut stem: String =
        first.replace('*', "_wildcard").chars().map(|c| if is_known(c) { c } else { '_' }).collect();
    if names.len() > 1 {
        stem = format!("{stem}+{}", names.len() - 1);
    }
    if client { format!("{stem}-client") } else { stem }
}

fn own_addresses(names: &[String]) -> Vec<Name> {
    let is_own = |name: &Name| matches!(name, Name::Ip(address) if super::is_own(*address));
    let names = names.iter().filter_map(|word| Name::parse(word).ok());
    names.filter(|name| policy::is_public_address(name) && is_own(name)).collect()
}

/// Removes this machine's addresses that the root may not sign for: tools list all addresses of the machine, and a dev
/// server should start anyway.
fn with_permitted_addresses(
    context: &Context,
    names: &[String],
    constraints: &Constraints,
    own: &[Name],
) -> Vec<String> {
    let is_left_out = |word: &&String| {
        Name::parse(word).is_ok_and(|name| own.contains(&name) && !constraints.permit(&name))
    };
    let (out, kept): (Vec<&String>, Vec<&String>) = names.iter().partition(is_left_out);
    if kept.is_empty() {
        return names.to_vec();
    }
    for address in out {
        let permit = context.folder.hint(&format!("devca permit {address}"));
        context.report.note(format!(
            "{address}, an address of this machine, is left out: this root may not sign for it; to permit it: {permit}"
        ));
    }
    kept.into_iter().cloned().collect()
}

fn is_host(word: &str, constraints: &Constraints) -> bool {
    Name::parse(word)
        .is_ok_and(|name| matches!(name, Name::Dns(_) | Name::Ip(_)) && constraints.permit(&name))
}
