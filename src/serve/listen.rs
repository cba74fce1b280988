//! The listening sockets.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::{TcpListener, TcpSocket};

use crate::error::{Fault, lower_first};

/// The number of clients that may wait to be accepted.
const BACKLOG: u32 = 1024;

/// Ports below this one require root, unless the system is configured otherwise.
const FIRST_FREE: u16 = 1024;

/// Listens on these addresses with the same port or, if there are none, on both loopback addresses. Port 0
/// selects a free one.
pub(crate) fn bind(addresses: &[IpAddr], port: u16) -> Result<Vec<TcpListener>, Fault> {
    if !addresses.is_empty() {
        let mut listeners = Vec::new();
        for address in addresses {
            let port = listeners.first().map_or(port, port_of);
            listeners.push(listen(SocketAddr::new(*address, port))?);
        }
        return Ok(listeners);
    }
    let first = listen(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port))?;
    let second = SocketAddr::new(Ipv6Addr::LOCALHOST.into(), port_of(&first));
    match try_listen(second) {
        Ok(second) => Ok(vec![first, second]),
        Err(e) if e.kind() == io::ErrorKind::AddrInUse => Err(fault(second, &e)),
        // Many containers have no IPv6.
        Err(_) => Ok(vec![first]),
    }
}

/// The sockets that systemd listens on for this process (`LISTEN_FDS`, see `sd_listen_fds(3)`); none if it was started
/// otherwise.
#[cfg(unix)]
pub(crate) fn inherited() -> Result<Vec<std::net::TcpListener>, Fault> {
    use rustix::io::{FdFlags, fcntl_setfd};
    let mut passed = listenfd::ListenFd::from_env();
    let mut listeners = Vec::new();
    for index in 0..passed.len() {
        let taken = passed.take_tcp_listener(index).and_then(|listener| {
            let listener = listener.ok_or(io::ErrorKind::InvalidInput)?;
            // The program that is started beside the server must not get them.
            fcntl_setfd(&listener, FdFlags::CLOEXEC)?;
            listener.set_nonblocking(true)?;
            Ok(listener)
        });
        listeners.push(taken.map_err(|e| {
            let what = format!("a socket that was passed to this process cannot be used: {e}");
            Fault::new(what, "use ListenStream= with addresses and ports in the .socket unit")
        })?);
    }
    Ok(listeners)
}

#[cfg(not(unix))]
pub(crate) fn inherited() -> Result<Vec<std::net::TcpListener>, Fault> {
    Ok(Vec::new())
}

/// Serves on sockets that already listen.
pub(super) fn adopt(sockets: Vec<std::net::TcpListener>) -> Result<Vec<TcpListener>, Fault> {
    let adopted = sockets.into_iter().map(TcpListener::from_std).collect::<io::Result<_>>();
    adopted.map_err(|e| {
        Fault::new(format!("cannot use the sockets of systemd: {e}"), "restart the .socket unit")
    })
}

fn port_of(listener: &TcpListener) -> u16 {
    listener.local_addr().map_or(0, |address| address.port())
}

fn listen(address: SocketAddr) -> Result<TcpListener, Fault> {
    try_listen(address).map_err(|e| fault(address, &e))
}

fn try_listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Connections of a server that just ended would otherwise prevent the next one from starting. On Windows,
    // this option would let two servers share a port.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn fault(address: SocketAddr, failed: &io::Error) -> Fault {
    let port = address.port();
    match failed.kind() {
        io::ErrorKind::AddrInUse => {
            let another = if port == 8443 { 8444 } else { 8443 };
            let hint = format!("end the program that uses it, or choose another port with --port {another}");
            Fault::new(format!("{address} is already in use"), hint)
        }
        io::ErrorKind::PermissionDenied if port < FIRST_FREE => {
            Fault::new(format!("only root may listen on port {port}"), for_low_ports(port))
        }
        io::ErrorKind::AddrNotAvailable => {
            let hint = "use one of this machine's addresses, for example: --listen 0.0.0.0";
            Fault::new(format!("{} is not an address of this machine", address.ip()), hint)
        }
        _ => Fault::new(
            format!("cannot listen on {address}: {}", lower_first(&failed.to_string())),
            "choose another port with --port 8443",
        ),
    }
}

#[cfg(target_os = "linux")]
fn for_low_ports(port: u16) -> String {
    let program = std::env::current_exe().map(|path| crate::error::quoted(&path));
    let program = program.unwrap_or_else(|_| "\"$(which devca-serve)\"".into());
    format!(
        "allow it until the next boot: sudo sysctl net.ipv4.ip_unprivileged_port_start={port}; or for this program: \
         sudo setcap cap_net_bind_service=+ep {program}; or choose another port with --port 8443"
    )
}

#[cfg(not(target_os = "linux"))]
fn for_low_ports(_: u16) -> String {
    "choose a higher port with --port 8443".into()
}
