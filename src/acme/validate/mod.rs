//! Looks whether challenges are met: few at a time, each for a limited time, and only on addresses that may be asked.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::client::danger::ServerCertVerifier;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::dns::zone::Zone;
use super::identifier::Identifier;
use super::problem::{AcmeProblem, ProblemKind};
use super::record::ChallengeKind;
use crate::serve::dial::Unverified;
use reach::Reach;
use tls_alpn::AnyCertificate;

mod dns;
mod http;
pub mod reach;
mod tls_alpn;

/// So many challenges are looked at at the same time; the others wait.
const MOST_AT_ONCE: usize = 64;
/// One look, with all of its redirects and addresses.
const WHOLE: Duration = Duration::from_secs(30);

/// Where challenges are looked for.
#[derive(Debug, Clone)]
pub struct ValidatorPlan {
    /// Addresses of names that are not to be looked up; a name may begin with `*.`.
    pub resolve: Vec<reach::Mapping>,
    /// The name server to ask instead of the system.
    pub dns: Option<SocketAddr>,
    /// Where http-01 is looked for.
    pub http_port: u16,
    /// Where tls-alpn-01 is looked for.
    pub tls_port: u16,
    /// Whether servers on the Internet may be asked, too.
    pub public: bool,
}

/// What a challenge wants to see.
#[derive(Debug)]
pub(super) struct Proof {
    pub(super) kind: ChallengeKind,
    pub(super) identifier: Identifier,
    pub(super) token: String,
    pub(super) key_authorization: String,
}

/// Looks whether challenges are met.
pub(super) struct Validator {
    reach: Reach,
    http_port: u16,
    tls_port: u16,
    /// Offers `acme-tls/1`, and takes any certificate.
    tls_alpn: Arc<ClientConfig>,
    /// Takes any certificate, for redirects to HTTPS.
    https: Arc<ClientConfig>,
    permits: Semaphore,
}

impl Validator {
    pub(super) fn new(plan: ValidatorPlan) -> Result<Self, rustls::Error> {
        let (http_port, tls_port) = (plan.http_port, plan.tls_port);
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = |verifier: Arc<dyn ServerCertVerifier>, alpn: &[u8]| {
            let builder = ClientConfig::builder_with_provider(provider.clone());
            let builder = builder.with_safe_default_protocol_versions()?.dangerous();
            let mut config = builder.with_custom_certificate_verifier(verifier).with_no_client_auth();
            config.alpn_protocols = vec![alpn.to_vec()];
            Ok::<_, rustls::Error>(Arc::new(config))
        };
        Ok(Self {
            reach: Reach::new(plan),
            http_port,
            tls_port,
            tls_alpn: config(Arc::new(AnyCertificate(provider.clone())), tls_alpn::PROTOCOL)?,
            https: config(Arc::new(Unverified(provider.clone())), b"http/1.1")?,
            permits: Semaphore::new(MOST_AT_ONCE),
        })
    }

    /// Says what was seen, or what is wrong with it.
    pub(super) async fn look(&self, proof: &Proof, zone: Option<&Zone>) -> Result<String, AcmeProblem> {
        let _permit = self.permits.acquire().await;
        let looked = timeout(WHOLE, async {
            match proof.kind {
                ChallengeKind::Http => http::look(self, proof, zone).await,
                ChallengeKind::TlsAlpn => tls_alpn::look(self, proof, zone).await,
                ChallengeKind::Dns => dns::look(self, proof, zone).await,
            }
        });
        let too_slow = |_| {
            let seconds = WHOLE.as_secs();
            let what = format!("{} did not answer within {seconds} seconds", proof.identifier);
            AcmeProblem::new(ProblemKind::Connection, what)
        };
        looked.await.map_err(too_slow)?
    }
}
