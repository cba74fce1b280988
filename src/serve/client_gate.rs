//! Accepts or rejects the certificates of clients.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme,
};
use rustls_pki_types::{CertificateDer, UnixTime};
use time::OffsetDateTime;

use super::clients::{ClientCas, ClientRules, NamePattern};
use super::event::{Event, Events};
use super::refused;
use crate::error::{Fault, OrHint};
use crate::x509::certificate::CaCertificate;
use crate::x509::details::CertificateDetails;

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
    /// Loads the CAs and revocations into a verifier.
    pub(super) fn new(
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
        let (what, fix) = refused::missing(&self.cas);
        self.say(what, &fix);
    }

    /// Judges a client's chain once more, for the page that shows it.
    pub(super) fn verdict(&self, chain: &[CertificateDer<'_>], now: OffsetDateTime) -> ClientVerdict {
        let Some((leaf, others)) = chain.split_first() else {
            let (message, fix) = refused::missing(&self.cas);
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
            let (what, fix) = refused::revoked(&details, &self.cas);
            return Err(Refused { what, fix, error: CertificateError::Revoked.into() });
        }
        let mut names = details.common_name.iter().chain(&details.names);
        if !self.allow.is_empty() && !names.any(|name| self.allow.iter().any(|allowed| allowed.covers(name)))
        {
            let what = format!("no name of {} is one that --allow accepts", details.subject);
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
