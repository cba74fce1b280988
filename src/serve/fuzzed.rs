//! The code that reads untrusted input, for the targets in `fuzz/`.

use std::io::Cursor;
use std::net::{IpAddr, Ipv4Addr};
use std::time::UNIX_EPOCH;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri, Version};
use http_body_util::{Either, Empty};
use rustls_pki_types::CertificateDer;

use super::clients::NamePattern;
use super::headers::{self, Visitor};
use super::identity::ClientIdentity;
use super::page::Refusal;
use super::pool::Pool;
use super::session::Hello;
use super::site::{Destination, Site};
use super::upstream::Upstream;
use super::{answer, conditions, connection, folder, target, upgrade};

const PORT: u16 = 8443;

/// Reads a word of the command line. What is displayed for an upstream must mean the same upstream.
pub fn word(text: &str) {
    let _ = text.parse::<NamePattern>();
    let Ok(site) = text.parse::<Site>() else { return };
    if let Destination::Upstream(upstream) = site.destination {
        assert_eq!(upstream.to_string().parse::<Upstream>().ok(), Some(upstream));
    }
}

/// Reads the head of a request, and makes of it what each destination gets.
pub fn request(head: &[u8]) {
    let Some(mut request) = read(head) else { return };
    target::name_old_host(&mut request, PORT);
    redirect(&request);
    file(&request);
    let Ok(host) = target::host(request.uri(), request.headers()).map(ToOwned::to_owned) else { return };
    let _ = (answer::bare(&host), upgrade::asked(request.version(), request.headers()));
    assert!(!host.contains(['"', '@', '/', ' ', '\\']), "{host}");
    let (mut parts, ()) = request.into_parts();
    let visitor = Visitor::new(IpAddr::V4(Ipv4Addr::LOCALHOST), PORT);
    headers::forward(&mut parts.headers, &visitor, &host);
    are_safe(&parts.headers);
    let Ok(upstream) = "localhost:3000".parse::<Upstream>() else { return };
    let path = parts.uri.path_and_query().map(ToString::to_string).filter(|path| path != "*");
    let request = Request::from_parts(parts, Either::Right(Empty::new()));
    let sent = Pool::new(upstream).for_http1(request);
    assert!(sent.uri().authority().is_none() && sent.headers().get_all("host").iter().count() == 1);
    if let Some(path) = path {
        assert_eq!(sent.uri(), path.as_str());
    }
}

/// Reads the certificate of a client. In each header, it must stay one value.
pub fn client(der: &[u8]) {
    let certificate = CertificateDer::from(der);
    let Some(identity) = ClientIdentity::of(&[certificate.clone(), certificate]) else { return };
    let mut told = HeaderMap::new();
    identity.tell(&mut told);
    for value in told.values() {
        assert!(value.as_bytes().iter().all(|byte| (b' '..=b'~').contains(byte)), "{value:?}");
    }
    let envoy = told.get("x-forwarded-client-cert").and_then(|value| value.to_str().ok());
    let Some(envoy) = envoy else { return };
    let (mut outside, mut is_quoted, mut is_escaped) = (String::new(), false, false);
    for letter in envoy.chars() {
        match (letter, is_escaped) {
            ('"', false) => is_quoted = !is_quoted,
            (letter, _) if !is_quoted => outside.push(letter),
            _ => {}
        }
        is_escaped = letter == '\\' && !is_escaped;
    }
    assert!(!is_quoted && !outside.contains(','), "{envoy}");
    let mut keys = outside.split(';').map(|pair| pair.split('=').next().unwrap_or_default());
    assert!(keys.all(|key| ["Hash", "Cert", "Subject", "URI", "DNS"].contains(&key)), "{envoy}");
}

/// Reads the first bytes of a connection.
pub fn hello(bytes: &[u8]) {
    let mut acceptor = rustls::server::Acceptor::default();
    let mut bytes = Cursor::new(bytes);
    while let Ok(1..) = acceptor.read_tls(&mut bytes) {
        match acceptor.accept() {
            Ok(None) => {}
            Ok(Some(accepted)) => {
                let report = format!("{:?}", Hello::of(&accepted.client_hello()).report());
                assert!(!report.contains(char::is_control));
                return;
            }
            Err(_) => return,
        }
    }
}

fn read(head: &[u8]) -> Option<Request<()>> {
    let mut lines = head.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let mut words = lines.next()?.split(|byte| *byte == b' ');
    let mut request = Request::new(());
    *request.method_mut() = Method::from_bytes(words.next()?).ok()?;
    *request.uri_mut() = Uri::try_from(words.next()?).ok()?;
    *request.version_mut() = match words.next()? {
        b"HTTP/1.0" => Version::HTTP_10,
        b"HTTP/1.1" => Version::HTTP_11,
        _ => Version::HTTP_2,
    };
    for line in lines {
        let at = line.iter().position(|byte| *byte == b':')?;
        let (name, value) = line.split_at(at);
        let value = HeaderValue::from_bytes(value[1..].trim_ascii()).ok()?;
        request.headers_mut().append(HeaderName::from_bytes(name).ok()?, value);
    }
    Some(request)
}

/// Plain HTTP is redirected to the same host.
fn redirect(request: &Request<()>) {
    let response = connection::moved(request, PORT);
    if response.status() == StatusCode::PERMANENT_REDIRECT {
        let location = std::str::from_utf8(response.headers()["location"].as_bytes()).expect("text");
        let target: Uri = location.parse().expect(location);
        let authority = target.authority().expect(location);
        let host = target::host(request.uri(), request.headers()).expect("it was read before");
        let asked: http::uri::Authority = host.parse().expect(host);
        assert_eq!((target.scheme_str(), authority.port_u16()), (Some("https"), Some(PORT)), "{location}");
        assert_eq!(authority.host(), asked.host());
    }
}

/// No path leads out of a folder, and no range out of a file.
fn file(request: &Request<()>) {
    let path = request.uri().path();
    for name in folder::names(path).unwrap_or_default() {
        let bytes = name.as_encoded_bytes();
        let is_hidden = bytes.starts_with(b".") && name != ".well-known";
        assert!(
            !bytes.is_empty() && !is_hidden && !bytes.iter().any(|byte| b"/\\\0".contains(byte)),
            "{path}"
        );
    }
    let asked = request.headers();
    let _ = conditions::precondition(asked, None, UNIX_EPOCH);
    for length in [0, 1, 1000, u64::MAX] {
        let range = conditions::requested_range(asked, request.method(), None, UNIX_EPOCH, length);
        if let Some(Ok((first, last))) = range {
            assert!(first <= last && last < length, "{first}-{last} of {length}");
        }
    }
    let refusal = Refusal::new(StatusCode::NOT_FOUND, folder::shown(path), "");
    let _ = refusal.answer(asked);
}

/// The upstream believes these headers.
fn are_safe(headers: &HeaderMap) {
    const OWN: [&str; 5] =
        ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-port", "x-forwarded-proto"];
    const NEVER: [&str; 8] = [
        "connection",
        "keep-alive",
        "proxy-connection",
        "transfer-encoding",
        "upgrade",
        "client-cert",
        "x-client-cn",
        "x-real-ip",
    ];
    for name in headers.keys().map(HeaderName::as_str) {
        let plain = name.replace('_', "-");
        let is_ours = plain.starts_with("x-forwarded-") || plain == "forwarded";
        assert!(!NEVER.contains(&plain.as_str()) && (!is_ours || OWN.contains(&name)), "{name}");
    }
    for name in OWN.iter().chain(&["cookie", "te"]) {
        assert!(headers.get_all(*name).iter().count() <= 1, "{name}");
    }
    assert_eq!(headers["x-forwarded-for"], "127.0.0.1");
}
