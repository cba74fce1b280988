//! What is said about the sites when the server starts.

use std::net::{IpAddr, SocketAddr};

use super::event::{Event, Shown};
use super::site::{Site, Sites};
use crate::x509::name::Name;

/// The sites with URLs that lead to these addresses.
pub(super) fn shown(sites: &Sites, addresses: &[SocketAddr]) -> Vec<Shown> {
    let port = addresses.first().map_or(0, SocketAddr::port);
    let port = if port == 443 { String::new() } else { format!(":{port}") };
    let show = |site: &Site| {
        let host = match &site.name {
            Some(Name::Ip(address)) => in_url(*address),
            Some(name) => name.to_string(),
            None => host(addresses),
        };
        Shown { url: format!("https://{host}{port}"), upstream: site.destination.to_string() }
    };
    sites.iter().map(show).collect()
}

/// Who else can reach the server, and which sites nobody can.
pub(super) fn warnings(sites: &Sites, addresses: &[SocketAddr]) -> Vec<Event<'static>> {
    let mut warnings = Vec::new();
    if let Some(open) = addresses.iter().map(SocketAddr::ip).find(|address| !address.is_loopback()) {
        let what = format!("others on the network can reach this server, and what is behind it, at {open}");
        warnings.push(Event::warning(what, Some("omit --listen to serve only this machine".into())));
    }
    let is_of_loopback = |name: &&Name| match name {
        Name::Dns(host) => host == "localhost" || host.ends_with(".localhost"),
        _ => false,
    };
    let name = sites.iter().filter_map(|site| site.name.as_ref()).find(is_of_loopback);
    if let Some(name) = name.filter(|_| !is_localhost(addresses)) {
        let what = format!("{name} leads to 127.0.0.1 and ::1, and devca does not listen there");
        warnings.push(Event::warning(what, Some("add --listen 127.0.0.1".into())));
    }
    warnings
}

/// The host in a URL that leads to one of these addresses.
pub(crate) fn host(addresses: &[SocketAddr]) -> String {
    match addresses.first() {
        Some(first) if !is_localhost(addresses) => in_url(first.ip()),
        _ => "localhost".into(),
    }
}

/// Whether localhost leads to one of these addresses.
fn is_localhost(addresses: &[SocketAddr]) -> bool {
    let leads = |address: &SocketAddr| match address.ip() {
        IpAddr::V4(address) => address.is_unspecified() || address == std::net::Ipv4Addr::LOCALHOST,
        IpAddr::V6(address) => address.is_unspecified() || address == std::net::Ipv6Addr::LOCALHOST,
    };
    addresses.iter().any(leads)
}

fn in_url(address: IpAddr) -> String {
    if address.is_ipv6() { format!("[{address}]") } else { address.to_string() }
}
