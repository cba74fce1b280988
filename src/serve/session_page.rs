//! The page at `/.devca`: what the server knows of the client's connection.

use std::fmt::Write as _;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, VARY};
use http::{HeaderMap, Method, Response, StatusCode};
use http_body_util::Full;
use time::OffsetDateTime;

use super::page::{self, Refusal, escaped};
use super::session::{ClientCertificateReport, HandshakeForm, SessionReport};
use super::worker::{Ends, Worker};
use crate::report;
use crate::x509::details::CertificateDetails;

/// The path of the page on every site.
pub(super) const PATH: &str = "/.devca";

const STYLE: &str = "table{border-collapse:collapse;width:100%}\
    th{text-align:left;vertical-align:top;font-weight:600;padding:.3rem 1rem .3rem 0;width:9rem}\
    td{padding:.3rem 0;overflow-wrap:anywhere}tr{border-bottom:1px solid #8884}h2{font-size:1.1rem;margin:2rem 0 .5rem}\
    code,pre{font:.9em ui-monospace,monospace}pre{white-space:pre-wrap;overflow-wrap:anywhere}\
    .good{color:light-dark(#06730f,#5fd36a)}.bad{color:light-dark(#b3000c,#ff8a8a)}\
    @media(max-width:32rem){th,td{display:block;padding:.2rem 0}th{padding-bottom:0}}";

/// Shows a client its connection, and nothing else: neither what is served here nor who else connects.
pub(super) fn answer(
    worker: &Worker,
    ends: &Ends,
    method: &Method,
    asked: &HeaderMap,
) -> Response<Full<Bytes>> {
    if !matches!(*method, Method::GET | Method::HEAD) {
        let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "this page can only be read", "use GET");
        let mut response = refusal.answer(asked);
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let gate = worker.shared.certificates.gate();
    let seen = ends.session.report(ends.peer, ends.protocol, gate.as_deref(), OffsetDateTime::now_utc());
    let is_for_people = page::wants_html(asked);
    let text = if is_for_people { html(&seen) } else { report::json_document(&seen) };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    let headers = response.headers_mut();
    let kind = if is_for_people { "text/html; charset=utf-8" } else { "application/json" };
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(VARY, HeaderValue::from_static("accept"));
    // Other sites may not read or embed it.
    for (name, value) in [
        ("content-security-policy", page::POLICY),
        ("cross-origin-resource-policy", "same-origin"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}

fn html(seen: &SessionReport) -> String {
    let mut body = String::from("<h1>Your connection, as the server sees it</h1>\n<table>\n");
    let handshake = match seen.handshake {
        HandshakeForm::Full => "full handshake",
        HandshakeForm::Retried => "full handshake, after a second hello",
        HandshakeForm::Resumed => "resumed",
    };
    let none = || "none".to_owned();
    let optional = |value: Option<&str>| value.map_or_else(none, ToOwned::to_owned);
    for (name, value) in [
        ("TLS version", optional(seen.tls_version.as_deref())),
        ("Cipher suite", optional(seen.cipher.as_deref())),
        ("Key exchange", optional(seen.group.as_deref())),
        ("Session", handshake.to_owned()),
        ("Server name (SNI)", optional(seen.server_name.as_deref())),
        ("ALPN", optional(seen.alpn.as_deref())),
        ("HTTP", seen.http_version.to_owned()),
        ("Your address", seen.address.clone()),
    ] {
        row(&mut body, name, &value);
    }
    body.push_str("</table>\n<h2>Your certificate</h2>\n");
    write_certificate(&mut body, &seen.client_certificate);
    body.push_str("<h2>What your client offers</h2>\n<table>\n");
    let offered = &seen.offered;
    for (name, list) in [
        ("TLS versions", offered.versions.join(", ")),
        ("Cipher suites", offered.ciphers.join(", ")),
        ("Key exchange", offered.groups.join(", ")),
        ("Signatures", offered.signatures.join(", ")),
        ("ALPN", offered.alpn.join(", ")),
    ] {
        row(&mut body, name, if list.is_empty() { "none" } else { &list });
    }
    body.push_str("</table>\n");
    page::document("Your connection", STYLE, &body, "devca serve; as JSON without Accept: text/html")
}

fn row(body: &mut String, name: &str, value: &str) {
    let _ = writeln!(body, "<tr><th>{}</th><td>{}</td></tr>", escaped(name), escaped(value));
}

fn write_certificate(body: &mut String, certificate: &ClientCertificateReport) {
    let class = match certificate.is_accepted {
        Some(true) if !certificate.chain.is_empty() => " class=\"good\"",
        Some(false) => " class=\"bad\"",
        _ => "",
    };
    let _ = writeln!(body, "<p{class}>{}</p>", escaped(&certificate.message));
    if let Some(hint) = &certificate.hint {
        let _ = writeln!(body, "<p><code>{}</code></p>", escaped(hint));
    }
    if let Some(leaf) = certificate.chain.first() {
        let _ = writeln!(body, "<pre>{}</pre>\n<table>", escaped(&drawing(&certificate.chain)));
        row(body, "Names", &leaf.names.join(", "));
        row(body, "Expires", &leaf.not_after.date().to_string());
        row(body, "Serial number", &leaf.serial);
        row(body, "SHA-256", &leaf.sha256);
        body.push_str("</table>\n");
    }
}

/// The chain as `devca check` draws it.
fn drawing(chain: &[CertificateDetails]) -> String {
    chain.iter().enumerate().fold(String::new(), |mut drawing, (depth, certificate)| {
        let branch = if depth == 0 { String::new() } else { format!("{:1$}└ ", "", 2 * (depth - 1)) };
        let _ = writeln!(drawing, "{branch}{}", certificate.subject);
        drawing
    })
}
