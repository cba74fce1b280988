//! One thread with everything that its connections need: nothing moves from thread to thread once it was accepted.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;

use tokio::runtime::Builder;
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio::task::LocalSet;

use super::certificates::Certificates;
use super::connection;
use super::dial::Dialer;
use super::event::Events;
use super::identity::ClientIdentity;
use super::pool::Pool;
use super::site::Sites;

/// What all workers share.
pub(super) struct ServerState {
    /// Which host is served by what.
    pub(super) sites: Sites,
    /// What clients are shown.
    pub(super) certificates: Certificates,
    /// How upstreams are reached.
    pub(super) dialer: Dialer,
    /// What is printed.
    pub(super) events: Arc<Events>,
    /// Set once the server is to end.
    pub(super) stop: watch::Receiver<bool>,
}

/// A connection that was accepted.
pub(super) struct Arrival {
    /// Its socket.
    pub(super) socket: std::net::TcpStream,
    /// The client.
    pub(super) peer: SocketAddr,
    /// Counts it, as long as it is open.
    pub(super) permit: OwnedSemaphorePermit,
}

/// What the connections of one thread share.
pub(super) struct Worker {
    /// With the other threads.
    pub(super) shared: Arc<ServerState>,
    /// One for each site.
    pub(super) pools: Vec<Rc<Pool>>,
}

impl Worker {
    /// Serves what arrives until there is nothing more to come.
    pub(super) fn run(
        shared: Arc<ServerState>,
        mut arrivals: mpsc::UnboundedReceiver<Arrival>,
    ) -> std::io::Result<()> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let pools = shared.sites.iter().map(|site| Rc::new(Pool::new(site.upstream.clone()))).collect();
        let worker = Rc::new(Self { shared, pools });
        LocalSet::new().block_on(&runtime, async move {
            while let Some(arrival) = arrivals.recv().await {
                let worker = worker.clone();
                tokio::task::spawn_local(async move { connection::serve(worker, arrival).await });
            }
            // Those that are open end by themselves, or with the process.
            std::future::pending::<()>().await;
        });
        Ok(())
    }
}

impl ServerState {
    /// Waits until the server is to end.
    pub(super) async fn stopped(&self) {
        let mut stop = self.stop.clone();
        // The sender lives as long as the server.
        let _ = stop.wait_for(|is_over| *is_over).await;
    }
}

/// Who a connection comes from, and where it arrived.
pub(super) struct Ends {
    /// The client's address.
    pub(super) peer: IpAddr,
    /// This server's.
    pub(super) local: SocketAddr,
    /// The client's certificate, if it has shown one.
    pub(super) client: Option<ClientIdentity>,
    /// What the client speaks.
    pub(super) protocol: &'static str,
}

/// Runs hyper's tasks on the thread that they were made on.
#[derive(Debug, Clone, Copy)]
pub(super) struct LocalExecutor;

impl<F: Future + 'static> hyper::rt::Executor<F> for LocalExecutor {
    fn execute(&self, task: F) {
        tokio::task::spawn_local(task);
    }
}
