//! Mutual TLS: which clients are accepted, and why others are rejected.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme,
};
use rustls_pki_types::{CertificateDer, UnixTime};
use time::OffsetDateTime;

use super::event::{Event, Events};
use super::refused;
use crate::error::{CaOption, Fault, OrHint, hint};
use crate::x509::certificate::CaCertificate;
use crate::x509::details::CertificateDetails;

/// The minimum time between checks of the files.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The CAs of clients and their revocations.
#[derive(Debug, Clone, Default)]
pub struct ClientCas {
    /// The certificates in DER.
    pub roots: Vec<Vec<u8>>,
    /// The revocation lists in DER.
    pub lists: Vec<Vec<u8>>,
    /// The serial numbers that the devca CA has revoked, in hexadecimal.
    pub revoked: Vec<String>,
    /// The `--ca` option that selects this CA in the commands of hints.
    pub option: CaOption,
}

/// The source of these CAs.
pub trait ClientCaFiles: Send + Sync {
    /// A value that changes when the files change.
    fn stamp(&self) -> u64;
    /// Loads the CAs and revocations.
    fn load(&self) -> anyhow::Result<ClientCas>;
}

/// A name for `--allow`: `alice`, or `spiffe://dev/*` for any name with that prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamePattern(String);

impl std::str::FromStr for NamePattern {
    type Err = Fault;

    fn from_str(word: &str) -> Result<Self, Fault> {
        let is_valid = !word.is_empty() && word.find('*').is_none_or(|at| at + 1 == word.len());
        let what = || format!("{word:?} is not a name of clients");
        let hint = "a * stands for the rest of a name, for example: --allow alice --allow 'spiffe://dev/*'";
        if is_valid { Ok(Self(word.to_owned())) } else { Err(Fault::usage(what(), hint)) }
    }
}

impl NamePattern {
    /// Whether the pattern matches this name.
    pub fn covers(&self, name: &str) -> bool {
        self.0.strip_suffix('*').map_or_else(|| self.0 == name, |start| name.starts_with(start))
    }
}

/// The requirements for clients.
pub struct ClientRules {
    /// Whether clients must send a certificate.
    pub required: bool,
    /// Whether to let in clients with a bad certificate, too, because nothing is served but the page that says what is
    /// wrong with it.
    pub only_judge: bool,
    /// If not empty, the only names that are accepted.
    pub allow: Vec<NamePattern>,
    /// The CAs that issue client certificates.
    pub files: Box<dyn ClientCaFiles>,
}

/// Keeps the verifier of client certificates up to date.
pub(crate) struct Clients {
    rules: ClientRules,
    provider: Arc<CryptoProvider>,
    events: Arc<Events>,
    state: Mutex<Present>,
}

struct Present {
    gate: Arc<ClientGate>,
    stamp: u64,
    looked: Instant,
}

impl Clients {
    pub(super) fn new(
        rules: ClientRules,
        provider: Arc<CryptoProvider>,
        events: Arc<Events>,
    ) -> anyhow::Result<Self> {
        let stamp = rules.files.stamp();
        let gate = Arc::new(ClientGate::new(&rules, rules.files.load()?, &provider, &events)?);
        let state = Mutex::new(Present { gate, stamp, looked: Instant::now() });
        Ok(Self { rules, provider, events, state })
    }

    /// The verifier for the next handshake, rebuilt if the files have changed.
    pub(super) fn gate(&self) -> Arc<ClientGate> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.looked.elapsed() >= LOOK_AGAIN {
            state.looked = Instant::now();
            let stamp = self.rules.files.stamp();
            if stamp != state.stamp {
                let read = self.rules.files.load();
                match read.and_then(|cas| ClientGate::new(&self.rules, cas, &self.provider, &self.events)) {
                    Ok(gate) => (state.gate, state.stamp) = (Arc::new(gate), stamp),
                    Err(e) => {
                        let what = format!("the CA of clients has changed, and cannot be read: {e:#}");
                        self.events.once(&Event::warning(what, Some(hint(&e).to_owned())));
                    }
                }
            }
        }
        state.gate.clone()
    }
}

/// Accepts client certificates, or reports why it rejects them.
pub(super) struct ClientGate {
    verifier: Arc<dyn ClientCertVerifier>,
    cas: ClientCas,
    allow: Vec<NamePattern>,
    only_judge: bool,
    events: Arc<Events>,
}

/// Refuses revocation lists of which none is of these CAs: nothing would be revoked.
fn refuse_foreign_lists(cas: &ClientCas) -> Result<(), Fault> {
    let roots: Vec<CaCertificate> =
        cas.roots.iter().filter_map(|der| CaCertificate::parse(der.clone()).ok()).collect();
    if cas.lists.iter().any(|list| roots.iter().any(|root| root.is_issuer_of(list))) {
        return Ok(());
    }
    let name = roots.first().map_or("the client CA", |root| root.common_name.as_str());
    let hint = "write the list with the CA of the clients: devca --ca NAME crl --out crl.pem";
    Err(Fault::new(format!("no revocation list was issued by {name}"), hint))
}

/// Why a certificate is refused.
struct Refused {
    what: String,
    /// How to fix it; may be empty.
    fix: String,
    error: Error,
}

/// Whether a client is accepted, for the client itself.
pub(super) struct ClientVerdict {
    /// The best chain, from the client's certificate upwards.
    pub(super) chain: Vec<CertificateDetails>,
    pub(super) is_accepted: bool,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl ClientGate {
    fn new(
        rules: &ClientRules,
        cas: ClientCas,
        provider: &Arc<CryptoProvider>,
        events: &Arc<Events>,
    ) -> anyhow::Result<Self> {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(cas.roots.iter().map(|der| CertificateDer::from(der.as_slice())));
        let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(store), provider.clone());
        if !cas.lists.is_empty() {
            refuse_foreign_lists(&cas)?;
            builder = builder.with_crls(cas.lists.iter().map(|list| list.clone().into()));
            // Not every CA in a chain needs a revocation list, but an outdated list is an error, because it
            // would protect no one.
            builder = builder.only_check_end_entity_revocation().allow_unknown_revocation_status();
            builder = builder.enforce_revocation_expiration();
        }
        if !rules.required {
            builder = builder.allow_unauthenticated();
        }
        let verifier = builder.build().or_hint(
            || "clients cannot be verified".into(),
            || "use a CA certificate and revocation lists in PEM: --client-ca FILE --crl FILE".into(),
        )?;
        let (allow, only_judge) = (rules.allow.clone(), rules.only_judge);
        Ok(Self { verifier, cas, allow, only_judge, events: events.clone() })
    }

    /// Verifies the certificate of a resumed session again, because it may have been revoked since.
    pub(super) fn is_still_good(&self, chain: &[CertificateDer<'_>]) -> bool {
        let Some((leaf, others)) = chain.split_first() else { return !self.client_auth_mandatory() };
        self.verify_client_cert(leaf, others, UnixTime::now()).is_ok()
    }

    /// Reports that a client without a certificate was rejected.
    pub(super) fn refuse_nameless(&self) {
        let (what, fix) = refused::missing(&self.cas.option);
        self.say(what, &fix);
    }

    /// Judges a client's chain once more, for the page that shows it.
    pub(super) fn verdict(&self, chain: &[CertificateDer<'_>], now: OffsetDateTime) -> ClientVerdict {
        let Some((leaf, others)) = chain.split_first() else {
            let (message, fix) = refused::missing(&self.cas.option);
            let (is_accepted, hint) = (!self.client_auth_mandatory(), Some(fix));
            return ClientVerdict { chain: Vec::new(), is_accepted, message: message.into(), hint };
        };
        let judged = self.judge(leaf, others, UnixTime::now());
        let sent: Vec<Vec<u8>> = chain.iter().map(|der| der.to_vec()).collect();
        let chain = refused::best_chain(&sent, &self.cas, now);
        match judged {
            Ok(_) => ClientVerdict { chain, is_accepted: true, message: "it is accepted".into(), hint: None },
            Err(Refused { what, fix, .. }) => {
                let hint = Some(fix).filter(|fix| !fix.is_empty());
                ClientVerdict { chain, is_accepted: false, message: format!("it is refused: {what}"), hint }
            }
        }
    }

    fn judge(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Refused> {
        let chain: Vec<Vec<u8>> = std::iter::once(leaf).chain(others).map(|der| der.to_vec()).collect();
        let verified = self.verifier.verify_client_cert(leaf, others, now).map_err(|error| {
            let (what, fix) = refused::reason(&chain, &self.cas, &error, OffsetDateTime::now_utc());
            Refused { what, fix, error }
        })?;
        let Some(details) = CertificateDetails::read(leaf) else {
            let what = "its certificate cannot be read".into();
            return Err(Refused { what, fix: String::new(), error: CertificateError::BadEncoding.into() });
        };
        if self.cas.revoked.contains(&details.serial) {
            let (what, fix) = refused::revoked(&details, &self.cas.option);
            return Err(Refused { what, fix, error: CertificateError::Revoked.into() });
        }
        let mut names = details.common_name.iter().chain(&details.names);
        if !self.allow.is_empty() && !names.any(|name| self.allow.iter().any(|allowed| allowed.covers(name)))
        {
            let what = format!("{} is not among the clients that --allow names", details.subject);
            let error = CertificateError::ApplicationVerificationFailure.into();
            return Err(Refused { what, fix: String::new(), error });
        }
        Ok(verified)
    }

    fn say(&self, what: &str, fix: &str) {
        let what = format!("a client was refused: {what}");
        self.events.say(&Event::warning(what, Some(fix.to_owned()).filter(|fix| !fix.is_empty())));
    }
}

impl fmt::Debug for ClientGate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientGate").field("allow", &self.allow).finish_non_exhaustive()
    }
}

impl ClientCertVerifier for ClientGate {
    fn offer_client_auth(&self) -> bool {
        self.verifier.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.verifier.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.verifier.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.judge(leaf, others, now).or_else(|Refused { what, fix, error }| {
            self.say(&what, &fix);
            if self.only_judge { Ok(ClientCertVerified::assertion()) } else { Err(error) }
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_cover_names_and_beginnings() {
        let covers = |pattern: &str, name| pattern.parse::<NamePattern>().unwrap().covers(name);
        assert!(covers("alice", "alice") && !covers("alice", "alice2") && !covers("alice", "Alice"));
        assert!(
            covers("spiffe://dev/*", "spiffe://dev/web") && !covers("spiffe://dev/*", "spiffe://prod/web")
        );
        assert!(covers("*", "anyone"));
        for word in ["", "*.test", "a*b", "**"] {
            word.parse::<NamePattern>().expect_err(word);
        }
    }
}
