//! Makes one TLS connection, accepting any certificate, and records what the server sent, requested and
//! answered.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::sign::CertifiedKey;
use rustls::{AlertDescription, ClientConnection, PeerIncompatible};
use rustls_pki_types::ServerName;
use time::OffsetDateTime;

use super::deadline_stream::{DeadlineStream, left};
use super::recorder::{Recorder, configuration};
use super::starttls::{self, Protocol};

/// Where to connect, and how.
pub struct Target {
    /// The host name as a client would write it.
    pub host: String,
    pub port: u16,
    /// The address to connect to instead of resolving the host.
    pub address: Option<SocketAddr>,
    /// The server name for the handshake, if it differs from the host.
    pub sni: Option<String>,
    /// The protocol that runs before TLS (STARTTLS).
    pub starttls: Option<Protocol>,
    /// The client certificate and its key.
    pub identity: Option<Arc<CertifiedKey>>,
    /// The time limit for the whole connection.
    pub timeout: Duration,
}

/// What the connection showed.
#[derive(Debug, Default)]
pub struct Seen {
    /// The address that was connected to.
    pub peer: Option<SocketAddr>,
    /// The server's certificates in DER, leaf first.
    pub chain: Vec<Vec<u8>>,
    /// The negotiated TLS version.
    pub version: Option<String>,
    /// The subjects of the CAs that the server accepts client certificates from; `None` if it does not
    /// request a certificate.
    pub acceptable: Option<Vec<Vec<u8>>>,
    /// Whether the server signed the handshake with a key that does not match its certificate.
    pub has_wrong_key: bool,
    /// Whether the server stapled an OCSP response for its certificate.
    pub is_stapled: bool,
    /// Why the connection failed.
    pub failure: Option<Failure>,
    /// The server's clock, from the `Date` header of its HTTP response.
    pub date: Option<OffsetDateTime>,
    /// The beginning of the server's HTTP response.
    pub answer: String,
}

/// Why a connection failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The host name cannot be resolved.
    Unresolved(String),
    /// Nothing listens on the port.
    Refused(String),
    /// The server did not answer, or closed the connection.
    Silent(String),
    /// The server speaks HTTP without TLS.
    PlainHttp,
    /// The server speaks some other protocol without TLS.
    NotTls(String),
    /// The server supports only TLS versions older than 1.2.
    TooOld(String),
    /// The server shares no cipher suite or group with devca.
    Incompatible(String),
    /// The server refused the handshake with this alert.
    Alert(AlertDescription),
}

impl Target {
    /// The name that the certificate has to match.
    pub fn name(&self) -> &str {
        self.sni.as_deref().unwrap_or(&self.host)
    }
}

/// Connects and records what the server shows.
pub fn look(target: &Target) -> Seen {
    let deadline = Instant::now() + target.timeout;
    let mut seen = Seen::default();
    let stream = match open(target, deadline) {
        Ok(stream) => stream,
        Err(failure) => return Seen { failure: Some(failure), ..seen },
    };
    seen.peer = stream.peer_addr().ok();
    let recorder = Arc::new(Recorder::default());
    if let Err(failure) = converse(target, &stream, &recorder, deadline, &mut seen) {
        seen.failure = Some(recognise(failure, target, seen.peer, deadline));
    }
    seen.chain.clone_from(&recorder.seen().chain);
    seen.acceptable.clone_from(&recorder.seen().acceptable);
    seen.has_wrong_key = recorder.seen().has_wrong_key;
    seen.is_stapled = recorder.seen().is_stapled;
    seen
}

/// Resolves a host to its addresses.
fn resolve(host: &str, port: u16) -> Option<Vec<SocketAddr>> {
    if let Ok(addresses) = (host, port).to_socket_addrs() {
        return Some(addresses.collect());
    }
    // curl and browsers resolve names under localhost to loopback themselves (RFC 6761 §6.3), but glibc's
    // resolver does not do so on every system.
    is_below_localhost(host)
        .then(|| vec![(Ipv4Addr::LOCALHOST, port).into(), (Ipv6Addr::LOCALHOST, port).into()])
}

/// Whether this is a name under localhost, such as app.localhost.
fn is_below_localhost(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    host.len() > ".localhost".len() && host.to_ascii_lowercase().ends_with(".localhost")
}

/// Connects over TCP and runs the protocol that precedes TLS.
fn open(target: &Target, deadline: Instant) -> Result<TcpStream, Failure> {
    let addresses: Vec<SocketAddr> = match target.address {
        Some(address) => vec![address],
        None => resolve(target.host.trim_matches(['[', ']']), target.port)
            .ok_or_else(|| Failure::Unresolved(target.host.clone()))?,
    };
    let mut last = Failure::Unresolved(target.host.clone());
    for address in addresses {
        match TcpStream::connect_timeout(&address, left(deadline)) {
            Ok(stream) => {
                if let Some(protocol) = target.starttls {
                    starttls::ask(protocol, &mut DeadlineStream { stream: &stream, deadline }).map_err(
                        |e| match e.kind() {
                            io::ErrorKind::Other => Failure::NotTls(e.to_string()),
                            _ => silence(&e, target),
                        },
                    )?;
                }
                return Ok(stream);
            }
            Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => {
                last = Failure::Refused(address.to_string());
            }
            Err(e) => last = Failure::Silent(format!("{address}: {e}")),
        }
    }
    Err(last)
}

/// Explains why nothing, or nothing further, was received.
fn silence(e: &io::Error, target: &Target) -> Failure {
    Failure::Silent(match e.kind() {
        io::ErrorKind::UnexpectedEof => "the server closed the connection".into(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            format!("the server sent nothing within {} s", target.timeout.as_secs())
        }
        _ => e.to_string(),
    })
}

/// An error in the middle of a connection.
enum Broken {
    Tls(rustls::Error),
    Io(io::Error),
}

/// Performs the handshake. To learn what the server thinks of the client's certificate, also sends a request
/// and reads the beginning of the response.
fn converse(
    target: &Target,
    stream: &TcpStream,
    recorder: &Arc<Recorder>,
    deadline: Instant,
    seen: &mut Seen,
) -> Result<(), Broken> {
    let mut config = configuration(recorder, target.identity.clone()).map_err(Broken::Tls)?;
    // SNI cannot contain an IP address (RFC 6066 §3); a name that is not a valid server name is omitted too.
    let name = ServerName::try_from(target.name().trim_matches(['[', ']']).to_owned());
    config.enable_sni = name.is_ok();
    let name = name.unwrap_or_else(|_| ServerName::IpAddress(std::net::Ipv4Addr::LOCALHOST.into()));
    let mut tls = ClientConnection::new(Arc::new(config), name).map_err(Broken::Tls)?;
    while tls.is_handshaking() {
        step(&mut tls, stream, deadline)?;
    }
    seen.version = tls.protocol_version().map(|version| format!("{version:?}").replace('_', "."));
    // In TLS 1.3 the server judges the client's certificate after the handshake. Without a client
    // certificate, only the server's clock is of interest.
    let is_asked = recorder.seen().acceptable.is_some();
    let patience = match (target.starttls, is_asked) {
        (Some(_), false) => return Ok(()),
        (Some(_), true) => Duration::from_secs(1),
        (None, true) => Duration::from_secs(3),
        (None, false) => Duration::from_millis(500),
    };
    let patience = deadline.min(Instant::now() + patience);
    if target.starttls.is_none() {
        let name = target.name().trim_matches(['[', ']']);
        let host = if name.contains(':') { format!("[{name}]") } else { name.to_owned() };
        let question = format!("HEAD / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let _ = tls.writer().write_all(question.as_bytes());
    }
    let is_judged = is_asked && target.identity.is_some() && target.starttls.is_none();
    let (mut answer, mut has_closed) = (Vec::new(), false);
    while answer.len() < 4096 && Instant::now() < patience {
        match step(&mut tls, stream, patience) {
            Ok(()) => {}
            // The server may not understand the request, so its answer does not matter, but an alert does.
            Err(Broken::Tls(rustls::Error::AlertReceived(alert))) if answer.is_empty() => {
                return Err(Broken::Tls(rustls::Error::AlertReceived(alert)));
            }
            // Node closes the connection without an alert when it rejects a client certificate.
            Err(Broken::Io(e)) if is_refusal(&e) && is_judged && answer.is_empty() && !has_closed => {
                return Err(Broken::Io(e));
            }
            Err(_) => break,
        }
        let mut buffer = [0; 1024];
        loop {
            match tls.reader().read(&mut buffer) {
                Ok(0) => has_closed = true, // an orderly shutdown, with close_notify
                Ok(read) => {
                    answer.extend_from_slice(&buffer[..read]);
                    continue;
                }
                Err(_) => {}
            }
            break;
        }
        if answer.windows(4).any(|window| window == b"\r\n\r\n") {
            break;
        }
    }
    seen.answer = String::from_utf8_lossy(&answer).into_owned();
    seen.date = date(&seen.answer);
    Ok(())
}

/// Whether the peer has closed the connection, as opposed to not having sent anything yet.
fn is_refusal(e: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(e.kind(), UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe)
}

/// Writes pending TLS records, then reads what has arrived.
fn step(tls: &mut ClientConnection, stream: &TcpStream, deadline: Instant) -> Result<(), Broken> {
    let stream = &mut DeadlineStream { stream, deadline };
    while tls.wants_write() {
        tls.write_tls(stream).map_err(Broken::Io)?;
    }
    if tls.wants_read() {
        if tls.read_tls(stream).map_err(Broken::Io)? == 0 {
            return Err(Broken::Io(io::ErrorKind::UnexpectedEof.into()));
        }
        if let Err(e) = tls.process_new_packets() {
            // Send the alert, so that the server logs the reason.
            let _ = tls.write_tls(stream);
            return Err(Broken::Tls(e));
        }
    }
    Ok(())
}

/// Parses the `Date` header, such as `Date: Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7).
fn date(answer: &str) -> Option<OffsetDateTime> {
    let value = answer.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("date").then(|| value.trim())
    })?;
    httpdate::parse_http_date(value).ok().map(OffsetDateTime::from)
}

fn recognise(broken: Broken, target: &Target, peer: Option<SocketAddr>, deadline: Instant) -> Failure {
    let is_http =
        || target.starttls.is_none() && peer.is_some_and(|peer| speaks_http(peer, &target.host, deadline));
    match broken {
        Broken::Tls(rustls::Error::AlertReceived(AlertDescription::ProtocolVersion)) => {
            Failure::TooOld("it sent the alert protocol_version".into())
        }
        Broken::Tls(
            e @ rustls::Error::PeerIncompatible(
                PeerIncompatible::ServerDoesNotSupportTls12Or13
                | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
            ),
        ) => Failure::TooOld(e.to_string()),
        Broken::Tls(rustls::Error::AlertReceived(alert)) => Failure::Alert(alert),
        Broken::Tls(e @ rustls::Error::PeerIncompatible(_)) => Failure::Incompatible(e.to_string()),
        Broken::Tls(_) if is_http() => Failure::PlainHttp,
        Broken::Tls(e) => Failure::NotTls(e.to_string()),
        Broken::Io(e) if e.kind() == io::ErrorKind::UnexpectedEof && is_http() => Failure::PlainHttp,
        Broken::Io(e) => silence(&e, target),
    }
}

/// Connects again without TLS to find out whether the server speaks plain HTTP.
fn speaks_http(peer: SocketAddr, host: &str, deadline: Instant) -> bool {
    let ask = || -> io::Result<bool> {
        let deadline = deadline.min(Instant::now() + Duration::from_secs(3));
        let stream = TcpStream::connect_timeout(&peer, left(deadline))?;
        let mut stream = DeadlineStream { stream: &stream, deadline };
        write!(stream, "HEAD / HTTP/1.0\r\nHost: {host}\r\n\r\n")?;
        let mut first = [0; 5];
        stream.read_exact(&mut first)?;
        Ok(first == *b"HTTP/")
    };
    ask().unwrap_or(false)
}
