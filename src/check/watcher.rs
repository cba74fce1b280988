//! The side of TLS that accepts whatever comes and remembers it: it is judged afterwards.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

/// A client that shows this certificate, and does not judge.
pub(super) fn configuration(
    watcher: &Arc<Watcher>,
    identity: Option<Arc<CertifiedKey>>,
) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let answers = Arc::new(Answers { watcher: watcher.clone(), identity });
    let verifier: Arc<Watcher> = watcher.clone();
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_client_cert_resolver(answers))
}

/// Accepts whatever comes, and remembers it: it is judged afterwards.
#[derive(Debug, Default)]
pub(super) struct Watcher {
    state: Mutex<Watched>,
}

/// What was seen of the other side.
#[derive(Debug, Default)]
pub(super) struct Watched {
    /// What it sent, leaf first, in DER.
    pub(super) chain: Vec<Vec<u8>>,
    /// The CAs that it accepts client certificates of; `None` where it asked for none.
    pub(super) acceptable: Option<Vec<Vec<u8>>>,
}

impl Watcher {
    pub(super) fn seen(&self) -> MutexGuard<'_, Watched> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ServerCertVerifier for Watcher {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let chain = std::iter::once(end_entity).chain(intermediates).map(|der| der.to_vec()).collect();
        self.seen().chain = chain;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// Shows the client's certificate if it has one, and remembers that it was asked for.
#[derive(Debug)]
struct Answers {
    watcher: Arc<Watcher>,
    identity: Option<Arc<CertifiedKey>>,
}

impl ResolvesClientCert for Answers {
    fn resolve(&self, acceptable: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let names = acceptable.iter().map(|name| name.to_vec()).collect();
        self.watcher.seen().acceptable = Some(names);
        self.identity.clone()
    }

    fn has_certs(&self) -> bool {
        true
    }
}
