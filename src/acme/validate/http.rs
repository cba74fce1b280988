//! http-01 (RFC 8555 §8.3): a file on a web server.

use bytes::Bytes;
use http::header::{HOST, LOCATION, USER_AGENT};
use http::uri::{Scheme, Uri};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;

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
    let path = format!("/.well-known/acme-challenge/{}", proof.token);
    let port = if validator.http_port == 80 { String::new() } else { format!(":{}", validator.http_port) };
    let mut url = format!("http://{host}{port}{path}");
    for _ in 0..=MOST_REDIRECTS {
        let answer = fetch(validator, &url, zone).await?;
        let status = answer.status();
        if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
            url = next(&url, &answer)?;
            continue;
        }
        if status != StatusCode::OK {
            let what =
                format!("{url} answered with status {}; 200 and the file were expected", status.as_u16());
            return Err(AcmeProblem::new(ProblemKind::Unauthorized, what));
        }
        let body = Limited::new(answer.into_body(), MOST_BODY).collect().await;
        let body = body.map_err(|e| connection(&url, &e.to_string()))?.to_bytes();
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
    Err(connection(&url, &format!("there are more than {MOST_REDIRECTS} redirects")))
}

fn connection(url: &str, why: &str) -> AcmeProblem {
    AcmeProblem::new(ProblemKind::Connection, format!("cannot fetch {url}: {why}"))
}

/// The target of a redirect.
fn next(url: &str, answer: &Response<Incoming>) -> Result<String, AcmeProblem> {
    let location = answer.headers().get(LOCATION).and_then(|location| location.to_str().ok());
    let location = location.ok_or_else(|| connection(url, "it is a redirect without a readable location"))?;
    if let Some(rest) = location.strip_prefix("//") {
        let scheme = if url.starts_with("https:") { "https" } else { "http" };
        return Ok(format!("{scheme}://{rest}"));
    }
    if location.starts_with('/') {
        let end = url.match_indices('/').nth(2).map_or(url.len(), |(index, _)| index);
        return Ok(format!("{}{location}", &url[..end]));
    }
    Ok(location.to_owned())
}

/// Sends one request. Redirects may lead to other hosts, but only to the ports of the challenges.
async fn fetch(
    validator: &Validator,
    url: &str,
    zone: Option<&Zone>,
) -> Result<Response<Incoming>, AcmeProblem> {
    let uri: Uri = url.parse().map_err(|_| connection(url, "it is not a URL"))?;
    let is_https = uri.scheme() == Some(&Scheme::HTTPS);
    let (authority, true) = (uri.authority(), is_https || uri.scheme() == Some(&Scheme::HTTP)) else {
        return Err(connection(url, "it is neither http nor https"));
    };
    let authority = authority.ok_or_else(|| connection(url, "it has no host"))?;
    let ports = [(80, validator.http_port), (443, validator.tls_port)];
    let asked = authority.port_u16().unwrap_or(if is_https { 443 } else { 80 });
    let port = ports.iter().find(|(usual, own)| asked == *usual || asked == *own).map(|(_, own)| *own);
    let Some(port) = port else {
        let allowed =
            format!("redirects lead to the ports {} and {}", validator.http_port, validator.tls_port);
        return Err(connection(url, &format!("{allowed} only")));
    };
    let host = authority.host().trim_matches(['[', ']']);
    let (stream, _) = validator.reach.connect(host, port, zone).await?;
    if !is_https {
        return send(stream, url, authority.as_str(), &uri).await;
    }
    let name =
        ServerName::try_from(host.to_owned()).map_err(|_| connection(url, "its host is not a name"))?;
    let secured = TlsConnector::from(validator.https.clone()).connect(name, stream).await;
    send(secured.map_err(|e| connection(url, &e.to_string()))?, url, authority.as_str(), &uri).await
}

async fn send<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    url: &str,
    host: &str,
    uri: &Uri,
) -> Result<Response<Incoming>, AcmeProblem> {
    let failed = |e: hyper::Error| connection(url, &e.to_string());
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
    tokio::spawn(connection);
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let request = Request::get(path).header(HOST, host).header(USER_AGENT, "devca acme");
    let request = request.body(Empty::<Bytes>::new()).map_err(|e| self::connection(url, &e.to_string()))?;
    sender.send_request(request).await.map_err(failed)
}
