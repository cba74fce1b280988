//! Arguments of `devca serve`.

use std::net::IpAddr;

use clap::Args;

use crate::error::Fault;
use crate::serve::site::Site;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  devca serve 3000                                 https://localhost:8443
  devca serve app.localhost=3000 api.localhost=4000
  devca serve 3000 --port 9443
  devca serve h2c://localhost:50051                gRPC
  devca serve unix:/run/app.sock

Certificates are made in memory for the names that clients ask for. Plain HTTP on the same port is redirected to HTTPS. \
A line is printed for each request, with --json as a JSON object. Ctrl-C stops the server.")]
pub struct Serve {
    /// Where requests go: a port, HOST:PORT, URL (http, https, h2c) or unix:PATH; with NAME=, those for that name
    #[arg(value_name = "[NAME=]UPSTREAM", required = true)]
    pub sites: Vec<Site>,
    /// The port to listen on
    #[arg(short, long, value_name = "PORT", default_value_t = 8443)]
    pub port: u16,
    /// Listen on this address instead of the loopback addresses; others on the network may reach it then
    #[arg(long, value_name = "IP", value_parser = address)]
    pub listen: Vec<IpAddr>,
    /// Accept any certificate from upstreams with https://
    #[arg(long)]
    pub insecure_upstream: bool,
}

fn address(word: &str) -> Result<IpAddr, Fault> {
    word.trim_matches(['[', ']']).parse().map_err(|_| {
        let what = format!("{word:?} is not an IP address");
        Fault::usage(what, "for example: --listen 0.0.0.0, and the port with --port")
    })
}
