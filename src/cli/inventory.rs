//! What is done with what was issued.

use std::path::PathBuf;

use clap::Args;

use super::PasswordSource;
use crate::error::Fault;

/// `devca list`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca list
  devca list --expiring 30d --json
  devca list --prune

missing: a file is gone; replaced: another one is in its place; of an earlier root: devca renew --all mends it; expired, expiring, revoked: as the words say.")]
pub struct List {
    /// Only what ends within so many days, or has ended
    #[arg(long, value_name = "DAYS", value_parser = days)]
    pub expiring: Option<i64>,
    /// First forget what is missing or replaced
    #[arg(long)]
    pub prune: bool,
}

/// `devca inspect`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca inspect localhost.pem
  devca inspect alice-client.p12 --password-file password
  devca inspect 64d7323a57d5262f3c0697f13a3f324c
  devca inspect localhost:8443
  openssl req -new … | devca inspect -")]
pub struct Inspect {
    /// A file in PEM, DER or PKCS#12, - for standard input, the serial number of a certificate of this CA, or a server
    #[arg(value_name = "FILE|SERIAL|HOST:PORT")]
    pub what: String,
    /// What encrypted files are opened and closed with.
    #[command(flatten)]
    pub password: PasswordSource,
}

/// `devca renew`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca renew                                      what ends within 30 days
  devca renew localhost.pem
  devca renew --all --new-key
  devca renew --exec 'nginx -s reload'
  devca renew --install-timer --exec 'nginx -s reload'

Names, kind, formats, paths and, without --new-key, the key stay: a server that reads the pair at whatever moment sees \
one that belongs together. With --new-key there is a moment in which there is none.")]
#[allow(clippy::struct_excessive_bools)]
pub struct Renew {
    /// Only these: a file or a name of each
    #[arg(value_name = "FILE|NAME", conflicts_with = "all")]
    pub what: Vec<String>,
    /// All of them
    #[arg(long)]
    pub all: bool,
    /// Only what ends within so many days [default: 30, or a third of its life; always, where named or with --all]
    #[arg(long, value_name = "DAYS", value_parser = days)]
    pub within: Option<i64>,
    /// Make new keys as well
    #[arg(long)]
    pub new_key: bool,
    /// How long they are valid [default: as long as before]
    #[arg(long, value_name = "N", value_parser = any_days, allow_negative_numbers = true)]
    pub days: Option<i64>,
    /// Run this command line, once, after something has changed
    #[arg(long, value_name = "COMMAND")]
    pub exec: Option<String>,
    /// Stay, and renew in time
    #[arg(long, conflicts_with = "json")]
    pub watch: bool,
    /// Have the system renew once a day: systemd, launchd or the Windows task scheduler
    #[arg(long, conflicts_with_all = ["watch", "what", "all", "new_key", "remove_timer"])]
    pub install_timer: bool,
    /// Take that away again
    #[arg(long, conflicts_with_all = ["watch", "what", "all", "new_key"])]
    pub remove_timer: bool,
    /// What encrypted files are opened and closed with.
    #[command(flatten)]
    pub password: PasswordSource,
}

/// `devca revoke`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca revoke alice-client.pem
  devca revoke 64d7323a57d5262f3c0697f13a3f324c
  devca crl                                         the list that servers read")]
pub struct Revoke {
    /// The certificate: its file, or its serial number in hexadecimal
    #[arg(value_name = "FILE|SERIAL")]
    pub certificate: String,
}

/// `devca crl`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca crl                                         ./crl.pem
  devca --ca clients crl --out /etc/nginx/clients-crl.pem
  openssl verify -crl_check -CAfile \"$(devca root)\" -CRLfile crl.pem alice-client.pem

The list names the certificates that devca revoke was told of. An older list is replaced, no other file.")]
pub struct Crl {
    /// Where to put it [default: crl.pem]
    #[arg(short, long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// How long it is good: servers refuse every client once it is older [default: 30]
    #[arg(long, value_name = "N", value_parser = any_days, allow_negative_numbers = true)]
    pub days: Option<i64>,
    /// Print it instead of writing it
    #[arg(long, conflicts_with = "out")]
    pub stdout: bool,
}

/// `30d` or `30`; how many there may be is for the command to say.
pub(super) fn any_days(word: &str) -> Result<i64, Fault> {
    let digits = word.strip_suffix('d').unwrap_or(word);
    digits
        .parse()
        .map_err(|_| Fault::usage(format!("{word:?} is not a number of days"), "for example: 90 or 90d"))
}

/// The same where a span from now is meant.
pub(super) fn days(word: &str) -> Result<i64, Fault> {
    any_days(word)
        .ok()
        .filter(|days| (0..=36_500).contains(days))
        .ok_or_else(|| Fault::usage(format!("{word:?} is not a number of days"), "for example: 30 or 30d"))
}
