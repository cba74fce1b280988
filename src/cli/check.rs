//! What says why TLS fails.

use std::path::PathBuf;

use clap::Args;

use super::Stores;
use super::inventory::days;
use crate::check::starttls::Protocol;

/// `devca check`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca check https://localhost:8443
  devca check localhost:8443 --cert alice-client.pem --key alice-client-key.pem
  devca check localhost:5432 --starttls postgres
  devca check localhost.pem --key localhost-key.pem --name localhost
  devca check https://localhost:8443 --roots /etc/corp/ca.pem
  devca check --expiring 14d                       for cron

Exit codes: 0 all is well, 1 something is wrong, 2 not understood, 3 no connection.")]
pub struct Check {
    /// A URL, an address with its port, or a file with a certificate or a chain
    #[arg(value_name = "ADDRESS|FILE", required_unless_present = "expiring", conflicts_with = "expiring")]
    pub what: Option<String>,
    /// Connect to this address instead
    #[arg(long, value_name = "IP:PORT")]
    pub connect: Option<String>,
    /// Name this host in the handshake, and expect it in the certificate
    #[arg(long, value_name = "NAME")]
    pub sni: Option<String>,
    /// Expect this name or address in the certificate
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Ask for TLS first, as this protocol does
    #[arg(long, value_name = "PROTOCOL")]
    pub starttls: Option<Protocol>,
    /// The client's certificate, for mutual TLS
    #[arg(long, value_name = "FILE", requires = "key")]
    pub cert: Option<PathBuf>,
    /// Its key; or, with a file, the key that is to belong to that
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Trust the roots in this file, and no others
    #[arg(long, value_name = "FILE")]
    pub roots: Option<PathBuf>,
    /// The file is a client's certificate
    #[arg(long)]
    pub client: bool,
    /// Give up after so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub timeout: u64,
    /// Look for certificates of the inventory that end within so many days
    #[arg(long, value_name = "DAYS", value_parser = days)]
    pub expiring: Option<i64>,
    /// Which stores, and how.
    #[command(flatten)]
    pub stores: Stores,
}

/// `devca explain`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca explain UNABLE_TO_VERIFY_LEAF_SIGNATURE
  devca explain 'curl: (60) SSL certificate problem: unable to get local issuer certificate'
  devca explain --all                              docs/troubleshooting.md")]
pub struct Explain {
    /// What the client said: an error code, or the whole line
    #[arg(value_name = "WORDS", required_unless_present = "all")]
    pub words: Vec<String>,
    /// Everything, as a page in Markdown
    #[arg(long, conflicts_with = "words")]
    pub all: bool,
}
