//! Arguments of the commands about certificates that were issued.

use std::path::PathBuf;

use clap::Args;

use super::PasswordSource;
use crate::error::Fault;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca list
  devca list --expiring 30d --json
  devca list --prune

States: good, expiring (within 30 days, or in the last third of a shorter life), expired, revoked, missing (the file is gone), replaced (the file holds another \
certificate), old root (devca renew --all fixes it).")]
pub struct List {
    /// List only what has expired or expires within this many days
    #[arg(long, value_name = "DAYS", value_parser = days)]
    pub expiring: Option<i64>,
    /// First remove entries whose files are missing or replaced
    #[arg(long)]
    pub prune: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca inspect localhost.pem
  devca inspect alice-client.p12 --password-file password
  devca inspect 64d7323a57d5262f3c0697f13a3f324c
  devca inspect localhost:8443
  openssl req -new … | devca inspect -")]
pub struct Inspect {
    /// A PEM, DER or PKCS#12 file, - for standard input, the serial number of an issued certificate, or a server
    #[arg(value_name = "FILE|SERIAL|HOST:PORT")]
    pub what: String,
    /// The password of encrypted files.
    #[command(flatten)]
    pub password: PasswordSource,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca renew                                      what expires soon
  devca renew localhost.pem
  devca renew certs/site.crt private/site.key      moved, copied or renamed files are recognized
  devca renew --all --new-key
  devca renew --exec 'nginx -s reload'
  devca renew --install-timer --exec 'nginx -s reload'

Names, kind, formats, paths and the key stay the same, so a server can read the pair at any time. With --new-key, \
certificate and key do not match for a moment while both are replaced.")]
#[allow(clippy::struct_excessive_bools)]
pub struct Renew {
    /// Renew only these: files or names
    #[arg(value_name = "FILE|NAME", conflicts_with = "all")]
    pub what: Vec<String>,
    /// Renew all of them, due or not
    #[arg(long)]
    pub all: bool,
    /// Renew what expires within this many days [default: 30, or the last third of its life]
    #[arg(long, value_name = "DAYS", value_parser = days)]
    pub within: Option<i64>,
    /// Also generate new keys
    #[arg(long)]
    pub new_key: bool,
    /// Days until they expire [default: the same as before]
    #[arg(long, value_name = "N", value_parser = any_days, allow_negative_numbers = true)]
    pub days: Option<i64>,
    /// Run this shell command once if something was renewed
    #[arg(long, value_name = "COMMAND")]
    pub exec: Option<String>,
    /// Keep running and renew when due
    #[arg(long, conflicts_with = "json")]
    pub watch: bool,
    /// Renew daily, with systemd, launchd or the Windows task scheduler
    #[arg(long, conflicts_with_all = ["watch", "what", "all", "new_key", "remove_timer"])]
    pub install_timer: bool,
    /// Remove the daily renewal
    #[arg(long, conflicts_with_all = ["watch", "what", "all", "new_key"])]
    pub remove_timer: bool,
    /// The password of encrypted files.
    #[command(flatten)]
    pub password: PasswordSource,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca revoke alice-client.pem
  devca revoke 64d7323a57d5262f3c0697f13a3f324c
  devca crl                                         write the list that servers read")]
pub struct Revoke {
    /// The certificate: its file, its serial number in hexadecimal, or its name if no other certificate has it
    #[arg(value_name = "FILE|SERIAL|NAME")]
    pub certificate: String,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca crl                                         ./crl.pem
  devca --ca clients crl --out /etc/nginx/clients-crl.pem
  openssl verify -crl_check -CAfile \"$(devca root)\" -CRLfile crl.pem alice-client.pem

Lists the certificates revoked with devca revoke. An older list is replaced; any other file is not.")]
pub struct Crl {
    /// The file to write [default: crl.pem]
    #[arg(short, long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Days until the list expires; servers then reject every client [default: 30]
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
