//! Arguments of `devca issue`.

use std::path::PathBuf;

use clap::Args;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime, Time};

use super::PasswordSource;
use super::inventory::any_days;
use crate::ca::faulty::BadKind;
use crate::error::Fault;
use crate::format::Format;
use crate::x509::key::KeyType;
use crate::x509::name::Name;

#[derive(Debug, Default, Args)]
#[command(after_help = "\
Examples:
  devca issue                                      for localhost, 127.0.0.1 and ::1
  devca issue app.test '*.app.test' --out certs
  devca issue --client alice
  devca issue --batch names.txt --out certs        one per line; skips those that exist
  devca issue --if-needed localhost 127.0.0.1      in the start script of a dev server
  devca issue api.internal --cert-file tls.crt --key-file tls.key --days 90
  devca issue --bad expired,wrong-host localhost   faulty ones, to test clients with

Names can be host names (IDN, too), wildcards such as '*.app.test' (but not '*.test'), IPv4 and IPv6 addresses, \
email addresses and URIs (spiffe://dev/alice). An existing file is replaced only if it is a certificate or key of this \
CA for the same names.

Formats: pem (certificate and key), fullchain (the certificate with its intermediate), combined (chain and key in one \
file: HAProxy, lighttpd, MongoDB), der, p12, java (a key store, and a trust store with the root), k8s (a Secret of type \
kubernetes.io/tls). Without a password for p12 and java files, devca generates one and shows it once.")]
#[allow(clippy::struct_excessive_bools)]
pub struct Issue {
    /// Host names, addresses or, with --client, the name of the client [default: localhost 127.0.0.1 ::1]
    #[arg(conflicts_with = "csr", value_name = "NAME")]
    pub names: Vec<String>,
    /// Issue a client certificate for mutual TLS; the first name is its common name
    #[arg(long)]
    pub client: bool,
    /// Issue a server certificate (the default); with --client, one for both
    #[arg(long)]
    pub server: bool,
    /// The common name [default: the first name]
    #[arg(long, value_name = "NAME")]
    pub cn: Option<String>,
    /// The organization in the subject
    #[arg(long, value_name = "NAME")]
    pub org: Option<String>,
    /// The organizational unit in the subject
    #[arg(long, value_name = "NAME")]
    pub ou: Option<String>,
    /// Sign this CSR (PEM or DER, - for standard input); only its key and names are used
    #[arg(long, value_name = "FILE", conflicts_with = "key_type")]
    pub csr: Option<PathBuf>,
    /// Issue one certificate per line of this file (- for standard input): NAME… [kind=client] [file=NAME], or JSON
    #[arg(long, value_name = "FILE", conflicts_with_all = ["names", "csr", "cn", "cert_file", "key_file", "stdout"])]
    pub batch: Option<PathBuf>,
    /// Sign with an intermediate instead of the root, and also write the full chain
    #[arg(long)]
    pub intermediate: bool,
    /// The formats to write: pem, fullchain, combined, der, p12, java, k8s [default: pem]
    #[arg(
        long,
        value_name = "FORMAT,…",
        value_delimiter = ',',
        ignore_case = true,
        hide_possible_values = true
    )]
    pub format: Vec<Format>,
    /// Include the root in full chains
    #[arg(long)]
    pub with_root: bool,
    /// The password of encrypted files.
    #[command(flatten)]
    pub password: PasswordSource,
    /// Encrypt p12 and java files with AES-256 and SHA-256, which old Windows, macOS, Java and Android cannot open
    #[arg(long)]
    pub p12_modern: bool,
    /// Issue for public addresses, and permit names that the root may not sign for yet, without asking
    #[arg(short, long)]
    pub yes: bool,
    /// Print the files instead of writing them
    #[arg(long, conflicts_with_all = ["out", "cert_file", "key_file"])]
    pub stdout: bool,
    /// The folder for the files [default: the current folder]
    #[arg(short, long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// The file for the certificate (not relative to --out)
    #[arg(long, value_name = "FILE")]
    pub cert_file: Option<PathBuf>,
    /// The file for the key (not relative to --out)
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// Days until it expires [default: 397; at most 825 for a server]
    #[arg(long, value_name = "N", value_parser = any_days, allow_negative_numbers = true)]
    pub days: Option<i64>,
    /// Expire at this time instead, as in 2027-01-31 or 2027-01-31T12:00:00Z; the past is allowed, for tests
    #[arg(long, value_name = "TIME", value_parser = moment, conflicts_with = "days")]
    pub not_after: Option<OffsetDateTime>,
    /// The type of the new key: ecdsa-p256, ecdsa-p384, ed25519, rsa-2048, rsa-3072 or rsa-4096
    #[arg(
        long,
        value_name = "TYPE",
        default_value = "ecdsa-p256",
        ignore_case = true,
        hide_possible_values = true
    )]
    pub key_type: KeyType,
    /// Replace existing files, whatever they are
    #[arg(short, long)]
    pub force: bool,
    /// Issue only if the files are missing, have other names or another root, were revoked, or expire within 30 days (or
    /// the last third of their life); replaces only what devca or mkcert issued there
    #[arg(long, conflicts_with_all = ["force", "batch", "csr", "stdout", "not_after"])]
    pub if_needed: bool,
    /// Issue certificates with these faults, such as expired or self-signed, to test clients with [default names:
    /// FAULT.localhost]
    #[arg(
        long,
        value_name = "FAULT,…",
        value_delimiter = ',',
        conflicts_with_all = ["client", "server", "cn", "org", "ou", "csr", "batch", "intermediate", "format", "with_root",
            "password_file", "password_env", "p12_modern", "yes", "stdout", "cert_file", "key_file", "days", "not_after",
            "key_type", "if_needed"]
    )]
    pub bad: Vec<BadKind>,
    /// Settings without an option.
    #[arg(skip)]
    pub for_mkcert: Option<ForMkcert>,
}

/// Settings of `devca mkcert`. They also allow it to replace certificates that were issued for other names.
#[derive(Debug, Default)]
pub struct ForMkcert {
    /// The path for formats that are one file with certificate and key.
    pub file: Option<PathBuf>,
    /// Public addresses of this machine, which need no confirmation.
    pub own_addresses: Vec<Name>,
}

fn moment(word: &str) -> Result<OffsetDateTime, Fault> {
    let day = || Date::parse(word, format_description!("[year]-[month]-[day]")).ok();
    let hint = "for example: --not-after 2027-01-31 or 2027-01-31T12:00:00Z";
    let moment = OffsetDateTime::parse(word, &Rfc3339)
        .ok()
        .or_else(|| day().map(|date| date.with_time(Time::MIDNIGHT).assume_utc()))
        .ok_or_else(|| Fault::usage(format!("{word:?} is not a valid date"), hint))?;
    // RFC 5280 §4.1.2.5: times in certificates have no years before 1950 or after 9999.
    if (1951..=9990).contains(&moment.year()) {
        Ok(moment)
    } else {
        Err(Fault::usage(
            format!("{word} is out of range: a certificate can end in the years 1951 to 9990"),
            hint,
        ))
    }
}
