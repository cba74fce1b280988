//! Connects to a name: resolves it, selects the permitted addresses, and tries them.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use hickory_proto::rr::RecordType;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::ValidatorPlan;
use crate::acme::dns::query;
use crate::acme::dns::zone::Zone;
use crate::acme::problem::{AcmeProblem, ProblemKind};
use crate::error::{Fault, lower_first};
use crate::x509::name::Name;

/// The time limit for one attempt to connect.
const ATTEMPT: Duration = Duration::from_secs(5);
/// The maximum number of a name's addresses to try.
const MOST_ADDRESSES: usize = 8;

/// A name and its address, for `--resolve app.test=127.0.0.1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    name: String,
    address: IpAddr,
}

impl FromStr for Mapping {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let refuse = || {
            let what = format!("{text:?} is not a name and its address");
            Fault::usage(what, "for example: --resolve app.test=127.0.0.1, or --resolve '*.test=127.0.0.1'")
        };
        let (name, address) = text.split_once('=').ok_or_else(refuse)?;
        let base = name.strip_prefix("*.").unwrap_or(name);
        let Ok(Name::Dns(_)) = Name::parse(base) else { return Err(refuse()) };
        let address = address.trim_matches(['[', ']']).parse().map_err(|_| refuse())?;
        Ok(Self { name: name.to_ascii_lowercase(), address })
    }
}

impl Mapping {
    fn is_for(&self, host: &str) -> bool {
        match self.name.strip_prefix('*') {
            Some(ending) => host.ends_with(ending),
            None => host == self.name,
        }
    }
}

/// Resolves names and connects to them.
pub(super) struct Reach {
    plan: ValidatorPlan,
}

impl Reach {
    pub(super) fn new(plan: ValidatorPlan) -> Self {
        Self { plan }
    }

    /// The name server to query for records.
    pub(super) fn name_server(&self) -> Option<SocketAddr> {
        self.plan.dns
    }

    /// Connects to the first address that answers, and returns that address, too.
    pub(super) async fn connect(
        &self,
        host: &str,
        port: u16,
        zone: Option<&Zone>,
    ) -> Result<(TcpStream, SocketAddr), AcmeProblem> {
        let mut tried = Vec::new();
        for address in self.allowed(host, zone).await?.into_iter().take(MOST_ADDRESSES) {
            let address = SocketAddr::new(address, port);
            match timeout(ATTEMPT, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok((stream, address)),
                Ok(Err(e)) => tried.push(format!("{address}: {}", lower_first(&e.to_string()))),
                Err(_) => tried.push(format!("{address}: no answer")),
            }
        }
        let what = format!("cannot connect to {host}: {}", tried.join("; "));
        Err(AcmeProblem::new(ProblemKind::Connection, what))
    }

    /// The permitted addresses of a name.
    async fn allowed(&self, host: &str, zone: Option<&Zone>) -> Result<Vec<IpAddr>, AcmeProblem> {
        let found = self.addresses(host, zone).await?;
        let may_be_asked = |address: &IpAddr| self.plan.public || is_private(*address);
        let (allowed, others): (Vec<IpAddr>, Vec<IpAddr>) = found.into_iter().partition(may_be_asked);
        if let (true, Some(public)) = (allowed.is_empty(), others.first()) {
            let is_name = host.parse::<IpAddr>().is_err();
            let resolve =
                format!("; if the server runs on this machine: devca acme --resolve {host}=127.0.0.1");
            let what = format!(
                "{public} is neither a loopback nor a private address; to connect to it: devca acme --allow-public{}",
                if is_name { resolve } else { String::new() }
            );
            return Err(AcmeProblem::new(ProblemKind::RejectedIdentifier, what));
        }
        Ok(allowed)
    }

    async fn addresses(&self, host: &str, zone: Option<&Zone>) -> Result<Vec<IpAddr>, AcmeProblem> {
        if let Ok(address) = host.parse() {
            return Ok(vec![address]);
        }
        let mapped = self.plan.resolve.iter().filter(|mapping| mapping.is_for(host));
        let mapped: Vec<IpAddr> = mapped.map(|mapping| mapping.address).collect();
        if !mapped.is_empty() {
            return Ok(mapped);
        }
        // RFC 6761 §6.3, regardless of the resolver.
        if host == "localhost" || host.ends_with(".localhost") {
            return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
        }
        if let Some(known) = zone.map(|zone| zone.addresses(host)).filter(|known| !known.is_empty()) {
            return Ok(known);
        }
        let found = match self.plan.dns {
            Some(server) => asked(server, host).await,
            None => lookup_host((host, 0)).await.map(|all| all.map(|address| address.ip()).collect()),
        };
        let unknown = |why: String| {
            let what = format!(
                "{host} has no address{why}; if its server runs on this machine: \
                 devca acme --resolve {host}=127.0.0.1"
            );
            AcmeProblem::new(ProblemKind::Dns, what)
        };
        match found {
            Ok(addresses) if addresses.is_empty() => Err(unknown(String::new())),
            Ok(addresses) => Ok(addresses),
            Err(e) => Err(unknown(format!(" ({})", lower_first(&e.to_string())))),
        }
    }
}

async fn asked(server: SocketAddr, host: &str) -> io::Result<Vec<IpAddr>> {
    let mut addresses = query::ask(server, host, RecordType::AAAA).await?;
    addresses.extend(query::ask(server, host, RecordType::A).await?);
    Ok(addresses.iter().filter_map(|record| record.data.ip_addr()).collect())
}

/// Loopback, RFC 1918 and RFC 4193, but not link-local addresses, where clouds serve their secrets.
fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mappings_are_for_a_name_or_what_is_below_it() {
        let one: Mapping = "App.test=127.0.0.1".parse().unwrap();
        let all: Mapping = "*.test=[::1]".parse().unwrap();
        assert!(one.is_for("app.test") && !one.is_for("x.app.test"));
        assert!(all.is_for("x.app.test") && !all.is_for("test") && !all.is_for("apptest"));
        for bad in ["app.test", "app.test=", "=127.0.0.1", "127.0.0.1=app.test", "a b=127.0.0.1"] {
            assert!(bad.parse::<Mapping>().is_err(), "{bad}");
        }
    }

    #[test]
    fn only_addresses_of_this_network_are_private() {
        for address in ["127.0.0.1", "::1", "10.1.2.3", "192.168.1.1", "fd00::1", "::ffff:127.0.0.1"] {
            assert!(is_private(address.parse().unwrap()), "{address}");
        }
        for address in ["169.254.169.254", "8.8.8.8", "0.0.0.0", "::", "fe80::1", "::ffff:8.8.8.8"] {
            assert!(!is_private(address.parse().unwrap()), "{address}");
        }
    }
}
