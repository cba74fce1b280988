//! Validates challenges: a few at a time, each with a time limit, and only on permitted addresses.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::client::danger::ServerCertVerifier;
use tokio::time::timeout;

use super::dns::zone::Zone;
use super::identifier::Identifier;
use super::problem::{AcmeProblem, ProblemKind};
use super::record::ChallengeKind;
use crate::serve::dial::Unverified;
use reach::Reach;
use tls_alpn::AnyCertificate;
use turn::Turns;

mod dns;
mod http;
pub mod reach;
mod tls_alpn;
mod turn;

/// The time limit for waiting until earlier validations are finished.
const TURN: Duration = Duration::from_secs(30);
/// The time limit for one validation, including redirects and all addresses.
const WHOLE: Duration = Duration::from_secs(30);
/// The maximum length of what a client is told, because it is stored, and servers send parts of it.
const MOST_DETAIL: usize = 1000;

/// How to reach the servers that challenges are validated on.
#[derive(Debug, Clone)]
pub struct ValidatorPlan {
    /// Names with fixed addresses; a name may begin with `*.`.
    pub resolve: Vec<reach::Mapping>,
    /// The name server to ask instead of the system.
    pub dns: Option<SocketAddr>,
    /// The port for http-01.
    pub http_port: u16,
    /// The port for tls-alpn-01.
    pub tls_port: u16,
    /// Whether to connect to servers on the Internet, too.
    pub public: bool,
}

/// What a challenge must show.
#[derive(Debug)]
pub(super) struct Proof {
    /// Whose challenge it is.
    pub(super) account: String,
    pub(super) kind: ChallengeKind,
    pub(super) identifier: Identifier,
    pub(super) token: String,
    pub(super) key_authorization: String,
}

/// Validates challenges.
pub(super) struct Validator {
    reach: Reach,
    http_port: u16,
    tls_port: u16,
    /// Offers `acme-tls/1`, and accepts any certificate.
    tls_alpn: Arc<ClientConfig>,
    /// Accepts any certificate, for redirects to HTTPS.
    https: Arc<ClientConfig>,
    turns: Turns,
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
            turns: Turns::new(),
        })
    }

    /// Validates a challenge; describes what was found, or what is wrong with it.
    pub(super) async fn look(&self, proof: &Proof, zone: Option<&Zone>) -> Result<String, AcmeProblem> {
        let _turn = self.turns.wait(&proof.account, TURN).await?;
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
        looked.await.map_err(too_slow)?.map_err(shortened)
    }
}

fn shortened(mut problem: AcmeProblem) -> AcmeProblem {
    if let Some((end, _)) = problem.detail.char_indices().nth(MOST_DETAIL) {
        problem.detail.truncate(end);
        problem.detail.push('…');
    }
    problem
}
