//! Connects to upstreams over TCP, Unix sockets and TLS, and waits for servers that are still starting.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsConnector;

use super::page::Refusal;
use super::tls_error;
use super::upstream::{Endpoint, Scheme, Upstream};
use crate::report::printable;

/// How long a request waits for a server on this machine to start; a dev server takes a few seconds.
const PATIENCE: Duration = Duration::from_secs(10);
/// The pause between attempts.
const PAUSE: Duration = Duration::from_millis(50);
/// The time limit for one attempt.
const ATTEMPT: Duration = Duration::from_secs(10);
/// The time limit for finding out whether a server speaks TLS.
const PROBE: Duration = Duration::from_secs(2);

/// A bidirectional byte stream.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection to an upstream.
pub(super) struct Connected {
    /// The stream to read and write.
    pub(super) stream: Box<dyn Stream>,
    /// Whether HTTP/2 was negotiated with ALPN, which requires TLS.
    pub is_h2: bool,
}

/// Connects to upstreams.
pub(super) struct Dialer {
    both: Arc<ClientConfig>,
    only_http1: Arc<ClientConfig>,
}

impl Dialer {
    /// Creates a dialer that trusts these roots, or any certificate at all if `verify` is false.
    pub(super) fn new(
        provider: Arc<CryptoProvider>,
        roots: &[Vec<u8>],
        verify: bool,
    ) -> Result<Self, rustls::Error> {
        let builder =
            ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
        let mut config = if verify {
            let mut store = RootCertStore::empty();
            store.add_parsable_certificates(roots.iter().map(|der| CertificateDer::from(der.as_slice())));
            builder.with_root_certificates(store).with_no_client_auth()
        } else {
            let verifier = Arc::new(Unverified(provider));
            builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let mut both = config.clone();
        both.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { both: Arc::new(both), only_http1: Arc::new(config) })
    }

    /// Connects, waiting for a server on this machine that does not accept connections yet.
    pub(super) async fn connect(&self, upstream: &Upstream, only_http1: bool) -> Result<Connected, Refusal> {
        let deadline = Instant::now() + PATIENCE;
        let stream = loop {
            let failed = match timeout(ATTEMPT, open(&upstream.place)).await {
                Ok(Ok(stream)) => break stream,
                Ok(Err(failed)) => failed,
                Err(_) => return Err(silent(upstream)),
            };
            let is_absent =
                matches!(failed.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound);
            if !(is_absent && upstream.is_local()) {
                return Err(unreachable(upstream, &failed));
            }
            if Instant::now() + PAUSE > deadline {
                return Err(absent(upstream));
            }
            sleep(PAUSE).await;
        };
        match (&upstream.scheme, &upstream.place) {
            (Scheme::Https, Endpoint::Tcp(host, _)) => {
                match timeout(ATTEMPT, self.secure(stream, host, only_http1)).await {
                    Ok(Ok(connected)) => Ok(connected),
                    Ok(Err(failed)) => Err(insecure(upstream, &failed)),
                    Err(_) => Err(silent(upstream)),
                }
            }
            _ => Ok(Connected { stream, is_h2: false }),
        }
    }

    /// Whether an upstream without `https://` expects TLS after all.
    pub(super) async fn expects_tls(&self, upstream: &Upstream) -> bool {
        let Endpoint::Tcp(host, _) = &upstream.place else { return false };
        let handshake = async { self.secure(open(&upstream.place).await?, host, true).await };
        match timeout(PROBE, handshake).await {
            Ok(Ok(_)) => true,
            Ok(Err(failed)) => {
                matches!(tls_error::find(&failed), Some(rustls::Error::InvalidCertificate(_)))
            }
            Err(_) => false,
        }
    }

    async fn secure(&self, stream: Box<dyn Stream>, host: &str, only_http1: bool) -> io::Result<Connected> {
        let config = if only_http1 { &self.only_http1 } else { &self.both };
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let stream = TlsConnector::from(config.clone()).connect(name, stream).await?;
        let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        Ok(Connected { stream: Box::new(stream), is_h2 })
    }
}

async fn open(place: &Endpoint) -> io::Result<Box<dyn Stream>> {
    match place {
        Endpoint::Tcp(host, port) => Ok(Box::new(tcp(host, *port).await?)),
        #[cfg(unix)]
        Endpoint::Socket(path) => Ok(Box::new(tokio::net::UnixStream::connect(path).await?)),
        #[cfg(not(unix))]
        Endpoint::Socket(_) => Err(io::ErrorKind::Unsupported.into()),
    }
}

/// Connects to a host. `localhost` means both loopback addresses, whatever the system's resolver says: Node
/// listens on the first one that it resolves to, which differs between systems.
async fn tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let addresses: Vec<SocketAddr> = if host == "localhost" || host.ends_with(".localhost") {
        let both = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        both.map(|address| SocketAddr::new(address, port)).into()
    } else {
        tokio::net::lookup_host((host, port)).await?.collect()
    };
    let mut failed = io::Error::new(io::ErrorKind::HostUnreachable, "the name has no address");
    for (at, address) in addresses.into_iter().enumerate() {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            // On a machine without IPv6, the error for ::1 only says so; the one for 127.0.0.1 is more
            // useful.
            Err(_) if at > 0 && failed.kind() == io::ErrorKind::ConnectionRefused => {}
            Err(e) => failed = e,
        }
    }
    Err(failed)
}

fn absent(upstream: &Upstream) -> Refusal {
    let mut refusal = Refusal::new(
        StatusCode::SERVICE_UNAVAILABLE,
        format!("nothing listens at {upstream} yet"),
        "start the program that answers there; browsers load this page again by themselves",
    );
    refusal.may_pass = true;
    refusal
}

fn silent(upstream: &Upstream) -> Refusal {
    Refusal::new(
        StatusCode::GATEWAY_TIMEOUT,
        format!("{upstream} does not answer"),
        "check its address, and whether a firewall is in between",
    )
}

fn unreachable(upstream: &Upstream, failed: &io::Error) -> Refusal {
    let what = format!("cannot connect to {upstream}: {}", printable(&failed.to_string()));
    Refusal::new(StatusCode::BAD_GATEWAY, what, "check its address")
}

fn insecure(upstream: &Upstream, failed: &io::Error) -> Refusal {
    let why = tls_error::find(failed).map_or_else(|| printable(&failed.to_string()), tls_error::reason);
    let what = format!("TLS to {upstream} failed: {why}");
    let hint =
        format!("find out why: devca check {upstream}; to connect without verification: --insecure-upstream");
    Refusal::new(StatusCode::BAD_GATEWAY, what, hint)
}

/// Accepts any certificate, for `--insecure-upstream`. The handshake must still be signed with the
/// certificate's key.
#[derive(Debug)]
pub(crate) struct Unverified(pub(crate) Arc<CryptoProvider>);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
