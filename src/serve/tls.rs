//! The TLS settings that are common to all certificates.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ClientHello, ProducesTickets, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{CipherSuite, ServerConfig, SupportedProtocolVersion};

use super::client_gate::ClientGate;
use super::clients::Clients;

/// Creates TLS configurations.
pub(crate) struct Tls {
    provider: Arc<CryptoProvider>,
    /// Shared, so that sessions can be resumed with any configuration.
    ticketer: Arc<dyn ProducesTickets>,
    clients: Option<Clients>,
}

impl Tls {
    /// `clients` are the rules for client certificates, which are requested only if there are any.
    pub(crate) fn new(provider: &CryptoProvider, clients: Option<Clients>) -> Result<Self, rustls::Error> {
        let mut provider = provider.clone();
        // Browsers prefer AES-128, too: handshakes with SHA-256 take a tenth less time than with SHA-384.
        provider.cipher_suites.sort_by_key(|suite| suite.suite() == CipherSuite::TLS13_AES_256_GCM_SHA384);
        Ok(Self {
            provider: Arc::new(provider),
            ticketer: rustls::crypto::aws_lc_rs::Ticketer::new()?,
            clients,
        })
    }

    /// The current verifier of client certificates.
    pub(super) fn gate(&self) -> Option<Arc<ClientGate>> {
        self.clients.as_ref().map(Clients::gate)
    }

    /// Creates a configuration with this certificate.
    pub(super) fn config(
        &self,
        gate: Option<&Arc<ClientGate>>,
        key: Arc<CertifiedKey>,
    ) -> Result<ServerConfig, rustls::Error> {
        let verifier: Arc<dyn ClientCertVerifier> = match gate {
            Some(gate) => gate.clone(),
            None => WebPkiClientVerifier::no_client_auth(),
        };
        self.config_with(rustls::DEFAULT_VERSIONS, verifier, key)
    }

    /// The cryptography that all configurations use.
    pub(super) fn provider(&self) -> Arc<CryptoProvider> {
        self.provider.clone()
    }

    /// Creates a configuration that differs from the others in more than its certificate.
    pub(super) fn config_with(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        verifier: Arc<dyn ClientCertVerifier>,
        key: Arc<CertifiedKey>,
    ) -> Result<ServerConfig, rustls::Error> {
        let builder = ServerConfig::builder_with_provider(self.provider.clone());
        let builder = builder.with_protocol_versions(versions)?.with_client_cert_verifier(verifier);
        let mut config = builder.with_cert_resolver(Arc::new(Only(key)));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config.ticketer = self.ticketer.clone();
        config.ignore_client_order = true;
        Ok(config)
    }
}

/// A resolver that always returns this certificate, which was selected beforehand.
#[derive(Debug)]
struct Only(Arc<CertifiedKey>);

impl ResolvesServerCert for Only {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }
}
