//! What issues.

use std::path::PathBuf;

use clap::Args;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime, Time};

use super::PasswordSource;
use super::inventory::any_days;
use crate::bundle::Format;
use crate::error::Fault;
use crate::key::KeyType;

/// `devca issue`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca issue localhost 127.0.0.1 ::1
  devca issue app.test '*.app.test' --out certs
  devca issue --client alice
  devca issue --batch names.txt --out certs        what is there stays as it is
  devca issue --if-needed localhost 127.0.0.1      at each start of a dev server: prints the paths
  devca issue api.internal --cert-file tls.crt --key-file tls.key --days 90

Names are host names, '*.wildcards' (not right below a top-level name), IDN, IPv4, IPv6, e-mail addresses \
and URIs (spiffe://dev/alice). A file that is there already is replaced only if it is a certificate or key \
of this CA for the same names. Where p12 and java are given no password, one is made, and shown once.")]
#[allow(clippy::struct_excessive_bools)]
pub struct Issue {
    /// Who the certificate is for
    #[arg(required_unless_present_any = ["csr", "cn", "batch"], conflicts_with = "csr", value_name = "NAME")]
    pub names: Vec<String>,
    /// For a client (mutual TLS); the first name becomes its common name
    #[arg(long)]
    pub client: bool,
    /// For a server, which is the default; with --client for both
    #[arg(long)]
    pub server: bool,
    /// The common name, if it is not to be the first name
    #[arg(long, value_name = "NAME")]
    pub cn: Option<String>,
    /// The organisation in the subject
    #[arg(long, value_name = "NAME")]
    pub org: Option<String>,
    /// The organisational unit in the subject
    #[arg(long, value_name = "NAME")]
    pub ou: Option<String>,
    /// Sign this request: its key and its names, and nothing else in it (PEM or DER, - for standard input)
    #[arg(long, value_name = "FILE", conflicts_with = "key_type")]
    pub csr: Option<PathBuf>,
    /// One certificate for each line of this file (- for standard input): NAME… [kind=client] [file=NAME], or JSON
    #[arg(long, value_name = "FILE", conflicts_with_all = ["names", "csr", "cn", "cert_file", "key_file", "stdout", "yes"])]
    pub batch: Option<PathBuf>,
    /// Sign with an intermediate instead of the root, and write the full chain as well
    #[arg(long)]
    pub intermediate: bool,
    /// In which forms to write it
    #[arg(long, value_name = "FORMAT,…", value_delimiter = ',', ignore_case = true)]
    pub format: Vec<Format>,
    /// End chains with the root
    #[arg(long)]
    pub with_root: bool,
    /// What encrypted files are opened and closed with.
    #[command(flatten)]
    pub password: PasswordSource,
    /// Encrypt p12 and java with AES-256 and SHA-256, which old Windows, macOS, Java and Android cannot open
    #[arg(long)]
    pub p12_modern: bool,
    /// Permit names that the root may not sign for yet, without asking
    #[arg(short, long)]
    pub yes: bool,
    /// Print the files instead of writing them
    #[arg(long, conflicts_with_all = ["out", "cert_file", "key_file"])]
    pub stdout: bool,
    /// Where to put the files [default: the current folder]
    #[arg(short, long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Where to put the certificate, --out or not
    #[arg(long, value_name = "FILE")]
    pub cert_file: Option<PathBuf>,
    /// Where to put the key, --out or not
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// How long it is valid [default: 397; at most 825 for a server]
    #[arg(long, value_name = "N", value_parser = any_days, allow_negative_numbers = true)]
    pub days: Option<i64>,
    /// Last moment of its validity instead, as in 2027-01-31 or 2027-01-31T12:00:00Z; may be past, for tests
    #[arg(long, value_name = "TIME", value_parser = moment, conflicts_with = "days")]
    pub not_after: Option<OffsetDateTime>,
    /// What kind of key to make
    #[arg(long, value_name = "TYPE", default_value = "ecdsa-p256", ignore_case = true)]
    pub key_type: KeyType,
    /// Replace whatever files are there
    #[arg(short, long)]
    pub force: bool,
    /// Issue only if what is there has other names or another root, is damaged or revoked, or expires within 30 days
    /// (or the last third of its life); replaces what devca issued there, and nothing else
    #[arg(long, conflicts_with_all = ["force", "batch", "csr", "stdout", "not_after"])]
    pub if_needed: bool,
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
