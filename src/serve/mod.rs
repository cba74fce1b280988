//! Serves HTTPS in front of other servers: creates certificates in memory on demand, and forwards requests.

use std::net::IpAddr;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use ::time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::{sleep, timeout};

use bad::BadSites;
use certificates::{CaFiles, Certificates};
use clients::{ClientRules, Clients};
use dial::Dialer;
use event::{Event, Events};
use process::{addresses, most_connections, told_to_end};
use program::Program;
use site::Sites;
use tls::Tls;
use worker::{Arrival, ServerState, Stage, Worker};

use crate::ca::Authority;
use crate::error::OrHint;
use crate::x509::name::Name;

pub(crate) mod announce;
mod answer;
mod bad;
mod beneath;
pub mod certificates;
mod client_gate;
pub mod clients;
mod conditions;
mod connection;
pub(crate) mod dial;
pub mod event;
mod file_body;
mod folder;
#[cfg(fuzzing)]
pub mod fuzzed;
mod handshake;
mod headers;
mod http1;
mod identity;
mod linger;
pub(crate) mod listen;
mod listing;
mod page;
mod pool;
pub(crate) mod process;
mod program;
mod proxy;
mod refused;
mod request_line;
pub(crate) mod session;
mod session_page;
pub mod site;
mod target;
pub(crate) mod tls;
mod tls_error;
mod unparsed;
mod upgrade;
mod upload;
pub mod upstream;
mod withheld;
mod worker;

/// How long running requests may take after the server was told to stop.
const GRACE: Duration = Duration::from_secs(5);
/// How long it may take to close connections after that.
const CLOSING: Duration = Duration::from_millis(500);

/// What to serve, and how.
pub struct ServePlan {
    /// Which upstream serves which host.
    pub sites: Sites,
    /// The addresses to listen on; both loopback addresses if empty.
    pub listen: Vec<IpAddr>,
    /// The port to listen on; 0 for any free one.
    pub port: u16,
    /// Sockets that already listen, instead of those addresses.
    pub sockets: Vec<std::net::TcpListener>,
    /// The CA's files and the CA as loaded.
    pub ca: (Box<dyn CaFiles>, Authority),
    /// The names of the certificate for clients that request no name, or one that cannot be served.
    pub usual: Vec<Name>,
    /// The roots trusted for upstreams with TLS.
    pub roots: Vec<Vec<u8>>,
    /// Whether to accept any certificate from upstreams.
    pub insecure_upstream: bool,
    /// The requirements for client certificates, if they are requested.
    pub clients: Option<ClientRules>,
    /// The program to start first and stop with the server.
    pub program: Option<Command>,
}

/// Serves until the process is told to stop or the started program ends. Returns the exit code.
pub fn run(mut plan: ServePlan, events: &Arc<Events>) -> anyhow::Result<u8> {
    let start = || "cannot start the server".to_owned();
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.or_hint(start, || "close other programs, and try again".into())?;
    runtime.block_on(async {
        let sockets = std::mem::take(&mut plan.sockets);
        let listeners =
            if sockets.is_empty() { listen::bind(&plan.listen, plan.port)? } else { listen::adopt(sockets)? };
        // Asking for it once catches signals from now on: they may come as soon as the program has started.
        let mut told = std::pin::pin!(told_to_end());
        tokio::select! {
            biased;
            () = &mut told => return Ok(0),
            () = std::future::ready(()) => {}
        }
        let mut program = start_program(plan.program.take())?;
        let (stop, stopped) = watch::channel(Stage::Serving);
        let reachable_at = addresses(&listeners);
        let sites = announce::shown(&plan.sites, &reachable_at);
        let warnings = announce::warnings(&plan.sites, &reachable_at);
        let shared = Arc::new(shared(plan, events, stopped)?);
        let workers = workers(&shared)?;
        let most = most_connections();
        let permits = Arc::new(Semaphore::new(most));
        let accept =
            |listener| tokio::spawn(accept(listener, workers.clone(), permits.clone(), events.clone()));
        let accepting: Vec<_> = listeners.into_iter().map(accept).collect();
        let addresses: Vec<String> = reachable_at.iter().map(ToString::to_string).collect();
        events.say(&Event::Listening { sites: &sites, addresses: &addresses });
        for warning in &warnings {
            events.say(warning);
        }
        let mut code = tokio::select! {
            () = &mut told => 0,
            code = end_of(&mut program) => code,
        };
        accepting.iter().for_each(tokio::task::JoinHandle::abort);
        let _ = stop.send(Stage::Ending);
        let all = u32::try_from(most).unwrap_or(u32::MAX);
        // A second Ctrl-C skips the wait.
        tokio::select! {
            ended = timeout(GRACE, async { tokio::join!(permits.acquire_many(all), end(&mut program)).1 }) => {
                code = ended.ok().flatten().unwrap_or(code);
            }
            () = told_to_end() => {}
        }
        let open = most.saturating_sub(permits.available_permits());
        if open > 0 {
            let _ = stop.send(Stage::Over);
            let _ = timeout(CLOSING, permits.acquire_many(all)).await;
            let what = if open == 1 { "a connection was".into() } else { format!("{open} connections were") };
            events.say(&Event::warning(format!("{what} cut off"), None));
        }
        if let Some(program) = &mut program {
            program.kill();
            // Nobody else may wait for it.
            let _ = timeout(GRACE, program.ended()).await;
        }
        events.say(&Event::Stopped);
        Ok(code)
    })
}

fn start_program(command: Option<Command>) -> anyhow::Result<Option<Program>> {
    let Some(command) = command else { return Ok(None) };
    let name = command.get_program().to_string_lossy().into_owned();
    let started = Program::start(command);
    started
        .map(Some)
        .or_hint(|| format!("cannot start {name}"), || "check its name and its permissions".into())
}

async fn end_of(program: &mut Option<Program>) -> u8 {
    match program {
        Some(program) => program.ended().await,
        None => std::future::pending().await,
    }
}

/// Ends the program. Returns its exit code if it ended by itself.
async fn end(program: &mut Option<Program>) -> Option<u8> {
    let program = program.as_mut()?;
    // Ctrl-C in the terminal has reached it as well, and it may be cleaning up.
    if program.shares_terminal()
        && let Ok(code) = timeout(GRACE * 4 / 5, program.ended()).await
    {
        return Some(code);
    }
    program.terminate();
    program.group_ended().await;
    None
}

fn shared(
    plan: ServePlan,
    events: &Arc<Events>,
    stage: watch::Receiver<Stage>,
) -> anyhow::Result<ServerState> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let unusable = || "TLS cannot be set up".to_owned();
    let again = || "the system's randomness may have failed: try again".to_owned();
    let clients =
        plan.clients.map(|rules| Clients::new(rules, provider.clone(), events.clone())).transpose()?;
    let tls = Tls::new(&provider, clients).or_hint(unusable, again)?;
    let dialer = Dialer::new(provider, &plan.roots, !plan.insecure_upstream).or_hint(unusable, again)?;
    let (files, authority) = plan.ca;
    let now = OffsetDateTime::now_utc();
    let bad = plan.sites.are_bad().then(|| BadSites::new(&authority, &tls, now)).transpose()?.map(Arc::new);
    let certificates = Certificates::new(files, authority, tls, plan.usual, events.clone());
    let certificates = certificates.with_bad(bad.clone());
    Ok(ServerState { sites: plan.sites, bad, certificates, dialer, events: events.clone(), stage })
}

/// Starts a worker thread for each processor.
fn workers(shared: &Arc<ServerState>) -> anyhow::Result<Vec<mpsc::UnboundedSender<Arrival>>> {
    let count = thread::available_parallelism().map_or(1, Into::into);
    let start = |number| {
        let (sender, arrivals) = mpsc::unbounded_channel();
        let shared = shared.clone();
        let run = move || {
            // A worker can only fail to create its runtime, so this is reported when its first client
            // arrives.
            if let Err(e) = Worker::run(shared.clone(), arrivals) {
                shared.events.say(&Event::warning(format!("a thread cannot serve: {e}"), None));
            }
        };
        thread::Builder::new().name(format!("worker-{number}")).spawn(run).map(|_| sender)
    };
    let workers = (0..count).map(start).collect::<Result<_, _>>();
    workers.or_hint(|| "cannot start a thread".into(), || "close other programs, and try again".into())
}

/// Passes each connection to the next worker in turn.
async fn accept(
    listener: TcpListener,
    workers: Vec<mpsc::UnboundedSender<Arrival>>,
    permits: Arc<Semaphore>,
    events: Arc<Events>,
) {
    for worker in workers.iter().cycle() {
        let Ok(permit) = permits.clone().acquire_owned().await else { return };
        let accepted = listener.accept().await.and_then(|(socket, peer)| Ok((socket.into_std()?, peer)));
        match accepted {
            Ok((socket, peer)) => _ = worker.send(Arrival { socket, peer, permit }),
            Err(e) => {
                events.once(&Event::warning(format!("a connection cannot be accepted: {e}"), None));
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
}
