//! Certificates for the names that clients request, created in memory on demand and renewed while the server
//! runs.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustls::ServerConfig;
use rustls::sign::CertifiedKey;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use time::OffsetDateTime;

use super::bad::BadSites;
use super::client_gate::ClientGate;
use super::event::{Event, Events};
use super::tls::Tls;
use crate::ca::Authority;
use crate::ca::signer::{KeySource, Request, Signer, outside};
use crate::error::{Fault, OrHint, hint};
use crate::x509::key::KeyType;
use crate::x509::kind::Kind;
use crate::x509::name::Name;
use crate::x509::policy;
use crate::x509::subject::Subject;
use crate::x509::validity::Validity;

/// The maximum number of certificates kept: more than any development machine needs, so that a client cannot
/// fill the memory by making up names.
const MOST_KEPT: usize = 1000;
/// The minimum time between checks of the CA's files.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The source of the CA's root and key.
pub trait CaFiles: Send + Sync {
    /// A value that changes when the files of the CA change.
    fn stamp(&self) -> u64;
    /// Loads the CA.
    fn load(&self) -> anyhow::Result<Authority>;
}

/// Creates certificates and caches them.
pub(crate) struct Certificates {
    files: Box<dyn CaFiles>,
    tls: Tls,
    /// The names of the certificate for clients that request no name, or one that cannot be served.
    usual: Vec<Name>,
    events: Arc<Events>,
    state: Mutex<Current>,
    /// The faulty sites, if they are served.
    bad: Option<Arc<BadSites>>,
}

struct Current {
    authority: Authority,
    stamp: u64,
    looked: Instant,
    made: HashMap<Vec<Name>, Served>,
    /// The rules for client certificates, if there are any.
    gate: Option<Arc<ClientGate>>,
    /// The error of the last attempt to reload the CA.
    failure: Option<String>,
}

/// How to continue a handshake.
pub(crate) struct Offer {
    /// The configuration with the certificate.
    pub(crate) config: Arc<ServerConfig>,
    /// The verifier of client certificates, if they are requested.
    pub(super) gate: Option<Arc<ClientGate>>,
}

struct Served {
    config: Arc<ServerConfig>,
    renew_at: OffsetDateTime,
}

impl Certificates {
    /// Starts with a CA that was already loaded. `usual` are the names of the certificate for clients that
    /// request no name.
    pub(crate) fn new(
        files: Box<dyn CaFiles>,
        authority: Authority,
        tls: Tls,
        usual: Vec<Name>,
        events: Arc<Events>,
    ) -> Self {
        let (stamp, looked, made, gate) = (files.stamp(), Instant::now(), HashMap::new(), tls.gate());
        let state = Mutex::new(Current { authority, stamp, looked, made, gate, failure: None });
        Self { files, tls, usual, events, state, bad: None }
    }

    /// Serves these faulty sites, too.
    pub(super) fn with_bad(self, bad: Option<Arc<BadSites>>) -> Self {
        Self { bad, ..self }
    }

    /// Selects the certificate for a client: `name` is the server name that it sent (SNI), `local` the
    /// address that it connected to.
    pub(crate) fn answer(
        &self,
        name: Option<&str>,
        local: IpAddr,
        now: OffsetDateTime,
    ) -> anyhow::Result<Offer> {
        if let Some(config) = self.bad.as_ref().and_then(|bad| bad.config(name)) {
            return Ok(Offer { config, gate: None });
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.look_for_new_root(&mut state, now);
        self.look_for_new_clients(&mut state);
        let asked = name.map(|name| (name, host(name)));
        if let Some((_, Some(host))) = &asked
            && state.authority.signer().constraints.permit(host)
        {
            return self.offer(&mut state, std::slice::from_ref(host), now);
        }
        if let Some((word, host)) = asked {
            self.say_why_not(word, host.as_ref());
        }
        let local = Name::Ip(local.to_canonical());
        let mut names = self.usual.clone();
        if !names.contains(&local) && may_be_served(&local, &state.authority) {
            names.insert(0, local);
        }
        self.offer(&mut state, &names, now)
    }

    /// The verifier of client certificates, if they are requested.
    pub(super) fn gate(&self) -> Option<Arc<ClientGate>> {
        self.tls.gate()
    }

    fn say_why_not(&self, word: &str, host: Option<&Name>) {
        let usual = self.usual.first().map(ToString::to_string).unwrap_or_default();
        let why = host.map(outside);
        let what = match &why {
            Some(_) => format!("a client asked for {word}, which this root may not sign for"),
            None => format!("a client asked for {word:?}, which is not a host name"),
        };
        let what = format!("{what}; it was shown the certificate for {usual}");
        self.events.once(&Event::warning(what, why.map(|fault| fault.hint().to_owned())));
    }

    fn offer(&self, state: &mut Current, names: &[Name], now: OffsetDateTime) -> anyhow::Result<Offer> {
        Ok(Offer { config: self.config(state, names, now)?, gate: state.gate.clone() })
    }

    fn config(
        &self,
        state: &mut Current,
        names: &[Name],
        now: OffsetDateTime,
    ) -> anyhow::Result<Arc<ServerConfig>> {
        if let Some(made) = state.made.get(names)
            && now < made.renew_at
        {
            return Ok(made.config.clone());
        }
        let (key, validity) = sign(&state.authority, names, now)?;
        let config = self
            .tls
            .config(state.gate.as_ref(), key)
            .or_hint(|| "TLS cannot be set up".into(), || "try again".into())?;
        let made = Served { config: Arc::new(config), renew_at: renew_at(validity, now) };
        if state.made.len() >= MOST_KEPT {
            state.made.clear();
        }
        let config = made.config.clone();
        state.made.insert(names.to_vec(), made);
        Ok(config)
    }

    /// Updates the verifier of client certificates if the rules' files have changed.
    fn look_for_new_clients(&self, state: &mut Current) {
        let gate = self.tls.gate();
        let is_same = match (&gate, &state.gate) {
            (Some(new), Some(old)) => Arc::ptr_eq(new, old),
            _ => true,
        };
        if !is_same {
            state.made.clear();
            state.gate = gate;
        }
    }

    /// Reloads the CA if commands such as `devca rotate` or `devca permit` have changed its files, so that
    /// the new root signs from then on.
    fn look_for_new_root(&self, state: &mut Current, now: OffsetDateTime) {
        if state.looked.elapsed() < LOOK_AGAIN {
            return;
        }
        state.looked = Instant::now();
        let stamp = self.files.stamp();
        if stamp == state.stamp {
            return;
        }
        match self.files.load() {
            Ok(authority) => {
                let is_new = authority.root.der != state.authority.root.der;
                (state.authority, state.stamp, state.failure) = (authority, stamp, None);
                state.made.clear();
                if is_new {
                    let root = &state.authority.root;
                    let left = root.validity.days_left(now);
                    let what = format!("the root was replaced: serving certificates of {}", root.common_name);
                    self.events.say(&Event::warning(format!("{what}, which expires {left}"), None));
                }
            }
            // The files may be changing right now, so report only an error that occurs twice.
            Err(e) => {
                let what = format!("the root has changed, and the new one cannot be used: {e:#}");
                if state.failure.as_ref() == Some(&what) {
                    self.events.once(&Event::warning(what.clone(), Some(hint(&e).to_owned())));
                }
                state.failure = Some(what);
            }
        }
    }
}

/// Whether a certificate for this name may be created without confirmation. Public addresses require the
/// user's consent.
fn may_be_served(name: &Name, authority: &Authority) -> bool {
    let constraints = &authority.signer().constraints;
    constraints.permit(name) && !policy::needs_consent(name, constraints)
}

/// Parses a server name, which is always a host name (RFC 6066 §3).
fn host(name: &str) -> Option<Name> {
    Name::parse(name).ok().filter(|name| matches!(name, Name::Dns(host) if !host.contains('*')))
}

/// When to renew: halfway to the end, because connections may stay open for a while and clocks differ.
fn renew_at(validity: Validity, now: OffsetDateTime) -> OffsetDateTime {
    now + (validity.not_after - now) / 2
}

fn sign(
    authority: &Authority,
    names: &[Name],
    now: OffsetDateTime,
) -> anyhow::Result<(Arc<CertifiedKey>, Validity)> {
    let common_name = names.iter().find(|name| matches!(name, Name::Dns(_))).map(ToString::to_string);
    let common_name = common_name.filter(|name| name.len() <= policy::MAX_COMMON_NAME);
    let subject = Subject { common_name, names: names.to_vec(), ..Subject::default() };
    let validity = Validity::starting(now, policy::SERVED_DAYS);
    let key = KeySource::Fresh(KeyType::EcdsaP256);
    let issued = Signer::new(authority)?.issue(&Request { kind: Kind::Server, subject, key, validity })?;
    let unusable =
        || Fault::new("the new key cannot be used", "the system's randomness may have failed: try again");
    let pkcs8 = issued.key.ok_or_else(unusable)?;
    let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pkcs8.as_slice()));
    let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&der)
        .or_hint(|| "the new key cannot be used".into(), || "try again".into())?;
    let intermediate = authority.intermediate.as_ref().map(|ca| CertificateDer::from(ca.der.clone()));
    let chain = std::iter::once(CertificateDer::from(issued.certificate)).chain(intermediate).collect();
    Ok((Arc::new(CertifiedKey::new(chain, key)), issued.validity))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ca::Draft;
    use crate::error::CaOption;
    use crate::report::{Log, Report};

    struct Never;

    impl CaFiles for Never {
        fn stamp(&self) -> u64 {
            0
        }

        fn load(&self) -> anyhow::Result<Authority> {
            anyhow::bail!("it does not change")
        }
    }

    #[test]
    fn a_certificate_is_made_once_and_renewed_before_its_end() {
        let now = OffsetDateTime::now_utc();
        let constraints = policy::default_constraints(None, &[], false);
        let draft = Draft { common_name: "test", constraints: &constraints, sealed: false, passphrase: None };
        let authority = Authority::draft(&draft, now).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = Tls::new(&provider, None).unwrap();
        let events =
            Arc::new(Events::new(Log::start(&Report::new(false, true, false)).unwrap(), CaOption::default()));
        let usual = vec![Name::Dns("localhost".into())];
        let certificates = Certificates::new(Box::new(Never), authority, tls, usual, events);
        let local = "127.0.0.1".parse().unwrap();
        let of = |name: Option<&str>, days| {
            certificates.answer(name, local, now + time::Duration::days(days)).unwrap().config
        };
        let first = of(Some("app.test"), 0);
        assert!(Arc::ptr_eq(&first, &of(Some("APP.test"), 3)));
        assert!(!Arc::ptr_eq(&first, &of(Some("app.test"), 4)));
        assert!(Arc::ptr_eq(&of(None, 0), &of(Some("www.example-bank.com"), 1)));
        for number in 0..=MOST_KEPT {
            of(Some(&format!("n{number}.test")), 0);
        }
        assert!(certificates.state.lock().unwrap().made.len() <= MOST_KEPT);
    }
}
