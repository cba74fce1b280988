//! A thread with everything that its connections need, so that nothing moves between threads after it was
//! accepted.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use tokio::runtime::Builder;
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio::task::LocalSet;

use super::bad::BadSites;
use super::certificates::Certificates;
use super::connection;
use super::dial::Dialer;
use super::event::Events;
use super::headers::Visitor;
use super::identity::ClientIdentity;
use super::pool::Pool;
use super::session::Session;
use super::site::{Destination, Sites};

/// The maximum size of a request's header.
pub(super) const MOST_HEADERS: u32 = 64 << 10;

/// How far the server's end has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Serving,
    /// Requests in progress may finish.
    Ending,
    /// What is still open is closed.
    Over,
}

/// The state that all workers share.
pub(super) struct ServerState {
    /// Which upstream serves which host.
    pub(super) sites: Sites,
    /// The faulty sites, if they are served.
    pub(super) bad: Option<Arc<BadSites>>,
    /// The server's certificates.
    pub(super) certificates: Certificates,
    /// Connects to upstreams.
    pub(super) dialer: Dialer,
    /// Prints events.
    pub(super) events: Arc<Events>,
    /// Changes when the server should stop.
    pub(super) stage: watch::Receiver<Stage>,
}

/// An accepted connection.
pub(super) struct Arrival {
    /// Its socket.
    pub(super) socket: std::net::TcpStream,
    /// The client's address.
    pub(super) peer: SocketAddr,
    /// Counts the connection while it is open.
    pub(super) permit: OwnedSemaphorePermit,
}

/// The state that the connections of one thread share.
pub(super) struct Worker {
    /// The state shared with other threads.
    pub(super) shared: Arc<ServerState>,
    /// What answers the requests of each site.
    pub(super) backends: Vec<Backend>,
}

impl Worker {
    /// Serves arriving connections until the channel is closed.
    pub(super) fn run(
        shared: Arc<ServerState>,
        mut arrivals: mpsc::UnboundedReceiver<Arrival>,
    ) -> std::io::Result<()> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let backends = shared.sites.iter().map(|site| Backend::of(&site.destination)).collect();
        let worker = Rc::new(Self { shared, backends });
        LocalSet::new().block_on(&runtime, async move {
            while let Some(arrival) = arrivals.recv().await {
                let worker = worker.clone();
                tokio::task::spawn_local(async move { connection::serve(worker, arrival).await });
            }
            // Open connections end by themselves or with the process.
            std::future::pending::<()>().await;
        });
        Ok(())
    }
}

/// What answers the requests of a site.
#[derive(Clone)]
pub(super) enum Backend {
    /// A server, with the connections to it.
    Upstream(Rc<Pool>),
    /// The files in a folder.
    Folder(Rc<PathBuf>),
    /// The page about the connection.
    Page,
    /// The faulty sites.
    Bad,
}

impl Backend {
    fn of(destination: &Destination) -> Self {
        match destination {
            Destination::Upstream(upstream) => Self::Upstream(Rc::new(Pool::new(upstream.clone()))),
            Destination::Folder(path) => Self::Folder(Rc::new(path.clone())),
            Destination::Page => Self::Page,
            Destination::Bad => Self::Bad,
        }
    }
}

impl ServerState {
    /// Waits until the server should stop.
    pub(super) async fn stopped(&self) {
        self.reaches(|stage| stage != Stage::Serving).await;
    }

    /// Whether everything is closed, even requests in progress.
    pub(super) fn is_over(&self) -> bool {
        *self.stage.borrow() == Stage::Over
    }

    /// Continues with this until everything is closed.
    pub(super) async fn unless_over<F: Future>(&self, future: F) -> Option<F::Output> {
        tokio::select! {
            output = future => Some(output),
            () = self.reaches(|stage| stage == Stage::Over) => None,
        }
    }

    async fn reaches(&self, is_reached: impl Fn(Stage) -> bool) {
        let mut stage = self.stage.clone();
        // The sender lives as long as the server, so this cannot fail.
        let _ = stage.wait_for(|stage| is_reached(*stage)).await;
    }
}

/// Both ends of a connection.
pub(super) struct Ends {
    /// The client's address.
    pub(super) peer: IpAddr,
    /// The server's address.
    pub(super) local: SocketAddr,
    /// What upstreams learn about the client.
    pub(super) visitor: Visitor,
    /// The owner of the client's certificate, if it sent one.
    pub(super) client: Option<ClientIdentity>,
    /// The scheme of the client's URLs.
    pub(super) scheme: &'static str,
    /// The protocol of the client's connection.
    pub(super) protocol: &'static str,
    /// The TLS session.
    pub(super) session: Session,
    /// Counts the connection while it is open.
    pub(super) _permit: OwnedSemaphorePermit,
}

/// Runs hyper's tasks on the thread that created them.
#[derive(Debug, Clone, Copy)]
pub(super) struct LocalExecutor;

impl<F: Future + 'static> hyper::rt::Executor<F> for LocalExecutor {
    fn execute(&self, task: F) {
        tokio::task::spawn_local(task);
    }
}
