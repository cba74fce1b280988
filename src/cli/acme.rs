//! Arguments of `devca acme`.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::serve::address;
use crate::acme::chaos::Chaos;
use crate::acme::validate::reach::Mapping;
use crate::error::Fault;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca acme                                       https://localhost:14000/directory
  devca acme --validate none                       for CI: every challenge succeeds
  devca acme --resolve app.test=127.0.0.1 --http-port 5002 --tls-port 5001
  devca acme --dns-port 8053                       with a name server for dns-01
  devca acme --minutes 10                          to watch clients renew
  certbot certonly --server https://localhost:14000/directory --standalone -d app.localhost

Accounts and orders are kept in the CA's folder, certificates are listed by devca list. Names must be among those that the \
root may sign for (devca permit). Ctrl-C stops the server.")]
pub struct Acme {
    /// The port to listen on
    #[arg(short, long, value_name = "PORT", default_value_t = 14000)]
    pub port: u16,
    /// Listen on this address instead of the loopback addresses; others on the network can then reach it
    #[arg(long, value_name = "IP", value_parser = address)]
    pub listen: Vec<IpAddr>,
    /// Keep accounts and orders in memory, with room for about 10,000 certificates
    #[arg(long)]
    pub ephemeral: bool,
    /// Which challenges to validate: all or none; with none, every challenge succeeds
    #[arg(
        long,
        value_name = "WHICH",
        default_value = "all",
        hide_default_value = true,
        hide_possible_values = true,
        help_heading = "Validation"
    )]
    pub validate: Validation,
    /// The address of a name, also of *.DOMAIN, instead of looking it up
    #[arg(long, value_name = "NAME=IP", help_heading = "Validation")]
    pub resolve: Vec<Mapping>,
    /// Ask this name server instead of the system's
    #[arg(long, value_name = "IP[:PORT]", value_parser = name_server, help_heading = "Validation")]
    pub dns: Option<SocketAddr>,
    /// Where http-01 challenges are looked for
    #[arg(long, value_name = "PORT", default_value_t = 80, value_parser = clap::value_parser!(u16).range(1..), help_heading = "Validation")]
    pub http_port: u16,
    /// Where tls-alpn-01 challenges are looked for
    #[arg(long, value_name = "PORT", default_value_t = 443, value_parser = clap::value_parser!(u16).range(1..), help_heading = "Validation")]
    pub tls_port: u16,
    /// Run a name server on this port, whose records clients can change (RFC 2136, acme-dns, challtestsrv)
    #[arg(long, value_name = "PORT", help_heading = "Validation")]
    pub dns_port: Option<u16>,
    /// Accept only updates (RFC 2136) that are signed with the key in this file; created if missing
    #[arg(long, value_name = "FILE", requires = "dns_port", help_heading = "Validation")]
    pub dns_key: Option<PathBuf>,
    /// Also connect to servers with public addresses, and issue certificates for them
    #[arg(long, help_heading = "Validation")]
    pub allow_public: bool,
    /// Issue certificates that are valid for this many days
    #[arg(
        long,
        value_name = "DAYS",
        value_parser = clap::value_parser!(i64).range(1..=825),
        conflicts_with = "minutes",
        help_heading = "Testing clients"
    )]
    pub days: Option<i64>,
    /// Issue certificates that are valid for this many minutes, to watch clients renew them
    #[arg(
        long,
        value_name = "MINUTES",
        value_parser = clap::value_parser!(i64).range(1..=525_600),
        help_heading = "Testing clients"
    )]
    pub minutes: Option<i64>,
    /// Tell clients that ask (ARI) to renew now
    #[arg(long, help_heading = "Testing clients")]
    pub renew_now: bool,
    /// Require external account binding with the keys in this file: an identifier and a key in base64url on each line
    #[arg(long, value_name = "FILE", help_heading = "Testing clients")]
    pub eab: Option<PathBuf>,
    /// Reject nonces, fail, rate-limit and delay, each for this percentage of requests [default: 5], or for several:
    /// nonces=20,errors=5
    #[arg(
        long,
        value_name = "PERCENT",
        num_args = 0..=1,
        default_missing_value = "5",
        help_heading = "Testing clients"
    )]
    pub chaos: Option<Chaos>,
}

/// Which challenges are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Validation {
    /// Each
    All,
    /// They succeed unseen
    None,
}

fn name_server(word: &str) -> Result<SocketAddr, Fault> {
    let bare = word.trim_matches(['[', ']']).parse().map(|ip: IpAddr| SocketAddr::new(ip, 53));
    word.parse().or(bare).map_err(|_| {
        let what = format!("{word:?} is not the address of a name server");
        Fault::usage(what, "for example: --dns 127.0.0.1:8053")
    })
}
