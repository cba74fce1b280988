//! Arguments of `devca serve`.

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::error::Fault;
use crate::serve::clients::NamePattern;
use crate::serve::site::Site;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca serve 3000                                 https://localhost:8443
  devca serve app.localhost=3000 api.localhost=4000
  devca serve 3000 -- npm run dev                  starts that program, too
  devca serve 3000 --port 9443
  devca serve h2c://localhost:50051                gRPC
  devca serve unix:/run/app.sock
  devca serve ./public                             a folder of files
  devca serve --bad                                faulty certificates, to test clients with
  devca serve                                      a page about the client's connection
  devca serve 3000 --mtls --client-ca clients      asks for a client certificate

Certificates are made in memory for the names that clients ask for. Plain HTTP on the same port is redirected to HTTPS. \
A line is printed for each request, with --json as a JSON object. Ctrl-C stops the server.")]
pub struct Serve {
    /// Where requests go: a port, HOST:PORT, URL (http, https, h2c), unix:PATH or a folder; with NAME=, those for that name
    #[arg(value_name = "[NAME=]UPSTREAM")]
    pub sites: Vec<Site>,
    /// The port to listen on
    #[arg(short, long, value_name = "PORT", default_value_t = 8443)]
    pub port: u16,
    /// Listen on this address instead of the loopback addresses; others on the network can then reach it
    #[arg(long, value_name = "IP", value_parser = address)]
    pub listen: Vec<IpAddr>,
    /// Serve public addresses that are named without asking
    #[arg(short, long)]
    pub yes: bool,
    /// Accept any certificate from upstreams with https://
    #[arg(long)]
    pub insecure_upstream: bool,
    /// Serve a site for each fault of certificates, such as https://expired.localhost:8443, and a list of them
    #[arg(long, conflicts_with_all = ["sites", "mtls"])]
    pub bad: bool,
    /// Ask clients for a certificate of this CA, and refuse those without one; =optional lets them in
    #[arg(
        long,
        value_name = "MODE",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "required",
        hide_possible_values = true,
        help_heading = "Mutual TLS"
    )]
    pub mtls: Option<ClientAuth>,
    /// Accept certificates of this CA instead: one of devca's by its name, or a file with CA certificates
    #[arg(long, value_name = "NAME|FILE", requires = "mtls", help_heading = "Mutual TLS")]
    pub client_ca: Option<PathBuf>,
    /// Refuse what is on the revocation lists in this file
    #[arg(long, value_name = "FILE", requires = "client_ca", help_heading = "Mutual TLS")]
    pub crl: Option<PathBuf>,
    /// Accept only clients with this name; a * at its end matches any ending
    #[arg(long, value_name = "NAME", requires = "mtls", help_heading = "Mutual TLS")]
    pub allow: Vec<NamePattern>,
    /// Start this program first, as devca run does; either one stops when the other does
    #[arg(last = true, value_name = "PROGRAM")]
    pub command: Vec<OsString>,
}

/// Whether clients must have a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ClientAuth {
    /// Others are refused
    Required,
    /// Others are let in, without a name
    Optional,
}

pub(super) fn address(word: &str) -> Result<IpAddr, Fault> {
    word.trim_matches(['[', ']']).parse().map_err(|_| {
        let what = format!("{word:?} is not an IP address");
        Fault::usage(what, "for example: --listen 0.0.0.0, and the port with --port")
    })
}
