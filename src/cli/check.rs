//! Arguments of the commands that explain why TLS fails.

use std::path::PathBuf;

use clap::Args;

use super::Stores;
use super::inventory::days;
use crate::check::starttls::Protocol;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca check https://localhost:8443
  devca check localhost:8443 app.localhost:8443    several, one after the other
  devca check localhost:8443 --cert alice-client.pem --key alice-client-key.pem
  devca check localhost:5432 --starttls postgres
  devca check localhost.pem --key localhost-key.pem --name localhost
  devca check https://localhost:8443 --roots /etc/corp/ca.pem
  devca check --expiring 14d                       for cron

Exit codes: 0 no problems found, or only warnings, 1 problems found, 2 usage error, 3 no connection.")]
pub struct Check {
    /// URLs, hosts with ports, or files with a certificate or chain
    #[arg(value_name = "ADDRESS|FILE", required_unless_present = "expiring", conflicts_with = "expiring")]
    pub what: Vec<String>,
    /// Connect to this address instead
    #[arg(long, value_name = "IP:PORT")]
    pub connect: Option<String>,
    /// Send this server name (SNI), and expect it in the certificate
    #[arg(long, value_name = "NAME")]
    pub sni: Option<String>,
    /// Expect this name or address in the certificate
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Upgrade to TLS as this protocol does: smtp, imap, postgres, mysql, ldap
    #[arg(long, value_name = "PROTOCOL", hide_possible_values = true)]
    pub starttls: Option<Protocol>,
    /// A client certificate to present, for mutual TLS
    #[arg(long, value_name = "FILE", requires = "key")]
    pub cert: Option<PathBuf>,
    /// The key of --cert; when checking a file, the key that should match it
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Trust only the roots in this file
    #[arg(long, value_name = "FILE")]
    pub roots: Option<PathBuf>,
    /// Judge the file as a client certificate
    #[arg(long)]
    pub client: bool,
    /// Give up after this many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub timeout: u64,
    /// Report issued certificates that expire within this many days
    #[arg(long, value_name = "DAYS", value_parser = days)]
    pub expiring: Option<i64>,
    /// Which stores, and how.
    #[command(flatten)]
    pub stores: Stores,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca explain UNABLE_TO_VERIFY_LEAF_SIGNATURE
  devca explain 'curl: (60) SSL certificate problem: unable to get local issuer certificate'
  npm start 2>&1 | devca explain
  devca explain --all                              every message that devca knows, as Markdown")]
pub struct Explain {
    /// The message: an error code or the whole line [default: standard input, which may be a whole log]
    #[arg(value_name = "MESSAGE")]
    pub words: Vec<String>,
    /// Print all explanations as a Markdown page
    #[arg(long, conflicts_with = "words")]
    pub all: bool,
}
