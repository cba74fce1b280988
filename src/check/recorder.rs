//! A TLS client that accepts any server and records what it sends, to be judged afterwards.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use x509_parser::public_key::PublicKey;

use crate::x509::parsed::Parsed;

/// A client configuration that sends this certificate and accepts any server.
pub(super) fn configuration(
    recorder: &Arc<Recorder>,
    identity: Option<Arc<CertifiedKey>>,
) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let resolver = Arc::new(ClientCertificateRecorder { recorder: recorder.clone(), identity });
    let verifier: Arc<Recorder> = recorder.clone();
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_client_cert_resolver(resolver))
}

/// Accepts any certificate and records it, to be judged afterwards.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    state: Mutex<Recorded>,
}

/// What the server sent and requested.
#[derive(Debug, Default)]
pub(super) struct Recorded {
    /// The server's certificates in DER, leaf first.
    pub(super) chain: Vec<Vec<u8>>,
    /// The CAs whose client certificates the server accepts; `None` if it did not request one.
    pub(super) acceptable: Option<Vec<Vec<u8>>>,
    /// Whether the server signed the handshake with a key that does not match its certificate.
    pub(super) has_wrong_key: bool,
    /// Whether the server stapled an OCSP response for its certificate.
    pub(super) is_stapled: bool,
}

impl Recorder {
    pub(super) fn seen(&self) -> MutexGuard<'_, Recorded> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn algorithms() -> WebPkiSupportedAlgorithms {
    rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms
}

impl Recorder {
    /// Records whether the signature is good, and continues either way. Only a wrong signature proves that
    /// the server lacks the certificate's key: a certificate that webpki cannot parse is judged elsewhere.
    fn note(
        &self,
        certificate: &CertificateDer<'_>,
        verified: &Result<HandshakeSignatureValid, rustls::Error>,
    ) -> HandshakeSignatureValid {
        let is_bad =
            matches!(verified, Err(rustls::Error::InvalidCertificate(CertificateError::BadSignature)));
        if is_bad && can_be_verified(certificate) {
            self.seen().has_wrong_key = true;
        }
        HandshakeSignatureValid::assertion()
    }
}

/// Whether the library can verify signatures of this key: it rejects all signatures of short RSA keys.
fn can_be_verified(certificate: &[u8]) -> bool {
    Parsed::read(certificate).is_some_and(|parsed| match parsed.raw.public_key().parsed() {
        Ok(PublicKey::RSA(_)) => !parsed.key_kind().is_weak(),
        Ok(_) => true,
        Err(_) => false,
    })
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        ocsp_response: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let chain = std::iter::once(end_entity).chain(intermediates).map(|der| der.to_vec()).collect();
        let mut seen = self.seen();
        (seen.chain, seen.is_stapled) = (chain, !ocsp_response.is_empty());
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(self.note(certificate, &verify_tls12_signature(message, certificate, signed, &algorithms())))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(self.note(certificate, &verify_tls13_signature(message, certificate, signed, &algorithms())))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        algorithms().supported_schemes()
    }
}

/// Sends the client's certificate, if there is one, and records that the server requested it.
#[derive(Debug)]
struct ClientCertificateRecorder {
    recorder: Arc<Recorder>,
    identity: Option<Arc<CertifiedKey>>,
}

impl ResolvesClientCert for ClientCertificateRecorder {
    fn resolve(&self, acceptable: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let names = acceptable.iter().map(|name| name.to_vec()).collect();
        self.recorder.seen().acceptable = Some(names);
        self.identity.clone()
    }

    fn has_certs(&self) -> bool {
        true
    }
}
