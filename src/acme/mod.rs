//! An ACME server (RFC 8555) on loopback, for testing clients that will use a public CA later. All its certificates go
//! through one signer and into the inventory.

use std::fs::File;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::runtime::Builder;
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};

use chaos::Chaos;
use dns::responder::Responder;
use dns::tsig::TsigKey;
use dns::zone::Zone;
use issuer::{Issuer, SigningCa};
use listener::Listening;
use log::{AcmeEvent, AcmeLog};
use nonce::Nonces;
use server::{AcmeRules, AcmeServer, BindingKeys};
use store::AcmeStore;
use validate::{Validator, ValidatorPlan};

use crate::ca::Authority;
use crate::error::{Fault, OrHint, lower_first};
use crate::serve::certificates::{CaFiles, Certificates};
use crate::serve::event::Events;
use crate::serve::tls::Tls;
use crate::serve::{announce, listen, process};
use crate::x509::name::Name;

mod account;
mod answer;
mod authorization;
mod base64url;
pub mod binding;
mod certificate;
mod challenge;
pub mod chaos;
mod directory;
pub mod dns;
mod finalize;
#[cfg(fuzzing)]
pub mod fuzzed;
mod identifier;
pub mod issuer;
mod jwk;
mod jws;
mod key_change;
mod listener;
pub mod log;
mod nonce;
mod order;
mod payload;
mod problem;
mod profile;
mod record;
mod renewal_info;
mod reply;
mod revoke;
mod route;
pub mod server;
mod store;
pub mod validate;

/// How long running requests may take after the server was told to stop.
const GRACE: Duration = Duration::from_secs(5);
/// How often expired records are deleted, and how many in one transaction.
const SWEEP: Duration = Duration::from_secs(60);
const SWEPT_TOGETHER: usize = 1000;
/// The port for the name server in the documentation.
const USUAL_DNS_PORT: u16 = 8053;

/// What to serve, and how.
pub struct AcmePlan {
    /// The addresses to listen on; both loopback addresses if empty.
    pub listen: Vec<IpAddr>,
    /// The port to listen on; 0 for any free one.
    pub port: u16,
    /// The port of the built-in name server, if it should run.
    pub dns_port: Option<u16>,
    /// The key that signs updates of its records, if they must be signed.
    pub dns_key: Option<TsigKey>,
    /// The CA for the server's own certificate.
    pub ca: (Box<dyn CaFiles>, Authority),
    /// The CA that signs clients' certificates.
    pub signing: SigningCa,
    /// The names of the server's own certificate.
    pub usual: Vec<Name>,
    /// The file for accounts and orders; if there is none, they are kept in memory.
    pub state: Option<File>,
    /// How long certificates live.
    pub rules: AcmeRules,
    /// How challenges are validated.
    pub validator: ValidatorPlan,
    /// The deliberate failures.
    pub chaos: Chaos,
    /// The keys for external account binding, if new accounts need one.
    pub bindings: Option<BindingKeys>,
}

/// Serves until the process is told to stop.
pub fn run(plan: AcmePlan, log: &Arc<AcmeLog>, events: &Arc<Events>) -> anyhow::Result<()> {
    let runtime = Builder::new_multi_thread().enable_all().build();
    let runtime = runtime
        .or_hint(|| "cannot start the server".into(), || "close other programs, and try again".into())?;
    runtime.block_on(serve(plan, log, events))
}

async fn serve(plan: AcmePlan, log: &Arc<AcmeLog>, events: &Arc<Events>) -> anyhow::Result<()> {
    let listeners = listen::bind(&plan.listen, plan.port)?;
    let responder = match plan.dns_port {
        Some(port) => Some(responder(port).await?),
        None => None,
    };
    let zone = responder.is_some().then(|| Arc::new(Zone::new(plan.dns_key)));
    let (stop, stopped) = watch::channel(false);
    let again = || "the system's randomness may have failed: try again".to_owned();
    let unusable = || "TLS cannot be set up".to_owned();
    let allow_public = plan.validator.public;
    let validator = Validator::new(plan.validator).or_hint(unusable, again)?;
    let server = Arc::new(AcmeServer {
        store: AcmeStore::open(plan.state)?,
        nonces: Nonces::new()?,
        issuer: Issuer::start(plan.signing, allow_public, log.clone())?,
        rules: plan.rules,
        validator,
        chaos: plan.chaos,
        bindings: plan.bindings,
        zone: zone.clone(),
        log: log.clone(),
    });
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = Tls::new(&provider, None).or_hint(unusable, again)?;
    let (files, authority) = plan.ca;
    let certificates = Certificates::new(files, authority, tls, plan.usual, events.clone());
    let most = process::most_connections();
    let permits = Arc::new(Semaphore::new(most));
    let own = server.clone();
    let shared = Arc::new(Listening { server, certificates, permits: permits.clone(), stop: stopped });
    let addresses = process::addresses(&listeners);
    let port = addresses.first().map_or(0, SocketAddr::port);
    let accept = |listener| tokio::spawn(listener::accept(listener, shared.clone()));
    let mut tasks: Vec<_> = listeners.into_iter().map(accept).collect();
    let dns = responder.as_ref().and_then(|responder| responder.address().ok()).map(|own| own.to_string());
    tasks.extend(responder.zip(zone).map(|(responder, zone)| tokio::spawn(responder.run(zone))));
    tasks.push(tokio::spawn(remove_expired(own.clone())));
    challenge::resume(&own).map_err(|problem| anyhow::anyhow!(problem.detail))?;
    let directory = format!("https://{}:{port}/directory", announce::host(&addresses));
    let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    log.say(&AcmeEvent::Listening { directory: &directory, addresses: &addresses, dns });
    warn_of_others(&plan.listen, log);
    process::told_to_end().await;
    tasks.iter().for_each(tokio::task::JoinHandle::abort);
    let _ = stop.send(true);
    let all = u32::try_from(most).unwrap_or(u32::MAX);
    tokio::select! {
        _ = timeout(GRACE, permits.acquire_many(all)) => {}
        () = process::told_to_end() => {}
    }
    log.say(&AcmeEvent::Stopped);
    Ok(())
}

async fn responder(port: u16) -> Result<Responder, Fault> {
    Responder::bind(Ipv4Addr::LOCALHOST.into(), port).await.map_err(|e| {
        let place = format!("the name server cannot listen on 127.0.0.1:{port}");
        let another = if port == USUAL_DNS_PORT { USUAL_DNS_PORT + 1 } else { USUAL_DNS_PORT };
        let choose = format!("choose another port: devca acme --dns-port {another}");
        match e.kind() {
            ErrorKind::AddrInUse => {
                let hint = format!("end the program that uses the port, or {choose}");
                Fault::new(format!("{place}: another program does"), hint)
            }
            ErrorKind::PermissionDenied => Fault::new(format!("{place}: this needs root"), choose),
            _ => Fault::new(format!("{place}: {}", lower_first(&e.to_string())), choose),
        }
    })
}

fn warn_of_others(listen: &[IpAddr], log: &AcmeLog) {
    if let Some(open) = listen.iter().find(|address| !address.is_loopback()) {
        let what = format!("anyone on the network who can reach {open} can get certificates from this CA");
        log.warn(what, Some("without --listen, only this machine can"));
    }
}

/// Deletes what has expired: orders and authorizations after a week, certificates at their end.
async fn remove_expired(server: Arc<AcmeServer>) {
    loop {
        let now = OffsetDateTime::now_utc();
        let dropped = server.store.change(move |changes| changes.drop_ended(now, SWEPT_TOGETHER)).await;
        match dropped {
            Ok(SWEPT_TOGETHER) => {}
            Ok(_) => sleep(SWEEP).await,
            Err(problem) => {
                server.log.warn(problem.detail, None);
                sleep(SWEEP).await;
            }
        }
    }
}
