//! The process of a server: how many connections it may have, and when it is to end.

use std::net::SocketAddr;

use tokio::net::TcpListener;

/// The maximum number of connections, more than browsers and tests on one machine need; further ones wait.
const MOST_CONNECTIONS: usize = 10_000;
/// The number of open files other than connections.
const OTHER_FILES: usize = 64;

/// The limit from the number of open files: each connection needs two, one for the client and one for the
/// upstream.
#[cfg(unix)]
pub(crate) fn most_connections() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum.or(limit.current), maximum: limit.maximum };
    let _ = setrlimit(Resource::Nofile, raised);
    let files = getrlimit(Resource::Nofile).current.and_then(|files| usize::try_from(files).ok());
    files
        .map_or(MOST_CONNECTIONS, |files| (files.saturating_sub(OTHER_FILES) / 2).clamp(16, MOST_CONNECTIONS))
}

#[cfg(not(unix))]
pub(crate) fn most_connections() -> usize {
    let _ = OTHER_FILES;
    MOST_CONNECTIONS
}

/// Waits for Ctrl-C, or for what else ends programs.
#[cfg(unix)]
pub(crate) async fn told_to_end() {
    use tokio::signal::unix::{SignalKind, signal};
    let waiting = [SignalKind::interrupt(), SignalKind::terminate()].map(signal);
    let [Ok(mut interrupt), Ok(mut terminate)] = waiting else { return std::future::pending().await };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(not(unix))]
pub(crate) async fn told_to_end() {
    let _ = tokio::signal::ctrl_c().await;
}

/// Where it listens.
pub(crate) fn addresses(listeners: &[TcpListener]) -> Vec<SocketAddr> {
    listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect()
}
