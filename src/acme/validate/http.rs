//! http-01 (RFC 8555 §8.3): a file on a web server.

use std::fmt;

use bytes::Bytes;
use http::header::{HOST, LOCATION, USER_AGENT};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use url::{Host, Position, Url};

use super::{Proof, Validator};
use crate::acme::dns::zone::Zone;
use crate::acme::problem::{AcmeProblem, ProblemKind};

/// The maximum number of redirects, the same as Let's Encrypt's.
const MOST_REDIRECTS: usize = 10;
const MOST_BODY: usize = 64 << 10;
/// How much of a wrong answer an error shows.
const SHOWN: usize = 80;

/// Fetches the file and compares it.
pub(super) async fn look(
    validator: &Validator,
    proof: &Proof,
    zone: Option<&Zone>,
) -> Result<String, AcmeProblem> {
    let host = match &proof.identifier.value {
        address if address.contains(':') => format!("[{address}]"),
        host => host.clone(),
    };
    let url = format!("http://{host}:{}/.well-known/acme-challenge/{}", validator.http_port, proof.token);
    let mut url = Url::parse(&url).map_err(|e| unfetched(&url, &e.to_string()))?;
    for _ in 0..=MOST_REDIRECTS {
        let answer = fetch(validator, &url, zone).await?;
        let status = answer.status();
        if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
            url = next(&url, &answer)?;
            continue;
        }
        if status != StatusCode::OK {
            let what = format!("{url} answered with status {}, not with 200 and the file", status.as_u16());
            return Err(AcmeProblem::new(ProblemKind::Unauthorized, what));
        }
        let body = Limited::new(answer.into_body(), MOST_BODY).collect().await;
        let body = body.map_err(|e| unfetched(&url, &e.to_string()))?.to_bytes();
        let found = String::from_utf8_lossy(&body);
        let found = found.trim_end();
        if found == proof.key_authorization {
            return Ok(format!("{url} has the file"));
        }
        let start: String = found.chars().take(SHOWN).collect();
        let what =
            format!("{url} contains {start:?}, not the key authorization {:?}", proof.key_authorization);
        return Err(AcmeProblem::new(ProblemKind::IncorrectResponse, what));
    }
    Err(unfetched(&url, &format!("there are more than {MOST_REDIRECTS} redirects")))
}

fn unfetched(url: &impl fmt::Display, why: &str) -> AcmeProblem {
    AcmeProblem::new(ProblemKind::Connection, format!("cannot fetch {url}: {why}"))
}

/// The target of a redirect. It may be relative (RFC 9110 §10.2.2).
fn next(url: &Url, answer: &Response<Incoming>) -> Result<Url, AcmeProblem> {
    let location = answer.headers().get(LOCATION).and_then(|location| location.to_str().ok());
    let location = location.ok_or_else(|| unfetched(url, "it redirects without a readable Location"))?;
    let refuse = |why: &str| {
        let start: String = location.chars().take(SHOWN).collect();
        unfetched(url, &format!("it redirects to {start:?}: {why}"))
    };
    let target = url.join(location).map_err(|e| refuse(&e.to_string()))?;
    if !target.username().is_empty() || target.password().is_some() {
        // Not shown, because it may be secret.
        return Err(unfetched(url, "it redirects to a URL with a user name or a password"));
    }
    if !matches!(target.scheme(), "http" | "https") {
        return Err(refuse("this is neither http nor https"));
    }
    Ok(target)
}

/// Sends one request. Redirects may lead to other hosts, but only to the ports of the challenges.
async fn fetch(
    validator: &Validator,
    url: &Url,
    zone: Option<&Zone>,
) -> Result<Response<Incoming>, AcmeProblem> {
    let host = match url.host() {
        Some(Host::Domain(name)) => name.to_owned(),
        Some(Host::Ipv4(address)) => address.to_string(),
        Some(Host::Ipv6(address)) => address.to_string(),
        None => return Err(unfetched(url, "it has no host")),
    };
    let ports = [(80, validator.http_port), (443, validator.tls_port)];
    let asked = url.port_or_known_default();
    let is_asked = |(usual, own): &&(u16, u16)| asked == Some(*usual) || asked == Some(*own);
    let Some((_, port)) = ports.iter().find(is_asked) else {
        let (http, tls) = (validator.http_port, validator.tls_port);
        return Err(unfetched(url, &format!("redirects may only lead to the ports {http} and {tls}")));
    };
    let (stream, _) = validator.reach.connect(&host, *port, zone).await?;
    if url.scheme() == "http" {
        return send(stream, url).await;
    }
    let name = ServerName::try_from(host).map_err(|_| unfetched(url, "its host is not a valid name"))?;
    let secured = TlsConnector::from(validator.https.clone()).connect(name, stream).await;
    send(secured.map_err(|e| unfetched(url, &e.to_string()))?, url).await
}

async fn send<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    url: &Url,
) -> Result<Response<Incoming>, AcmeProblem> {
    let failed = |e: hyper::Error| unfetched(url, &e.to_string());
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
    tokio::spawn(connection);
    let request = Request::get(&url[Position::BeforePath..Position::AfterQuery])
        .header(HOST, &url[Position::BeforeHost..Position::AfterPort])
        .header(USER_AGENT, "devca acme")
        .body(Empty::<Bytes>::new());
    let request = request.map_err(|e| unfetched(url, &e.to_string()))?;
    sender.send_request(request).await.map_err(failed)
}
