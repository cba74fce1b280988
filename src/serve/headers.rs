//! The changes a proxy makes to the headers of requests and responses.

use std::cell::RefCell;
use std::net::{IpAddr, Ipv6Addr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CONNECTION, COOKIE, Entry, FORWARDED, HOST, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT,
    SEC_WEBSOCKET_KEY, STRICT_TRANSPORT_SECURITY, TE, TRANSFER_ENCODING, UPGRADE,
};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri, Version};

/// Hop-by-hop fields (RFC 9110 §7.6.1), in addition to those that `Connection` lists.
static HOP_BY_HOP: [HeaderName; 7] = [
    CONNECTION,
    HeaderName::from_static("http2-settings"),
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    TE,
    TRANSFER_ENCODING,
    UPGRADE,
];

static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
static X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
static X_FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");

/// Fields that only the proxy may set, because the upstream would believe those from a client. (Frameworks
/// that turn headers into variables cannot distinguish `X_Forwarded_For` from `X-Forwarded-For`.)
const OF_THE_PROXY: [&str; 13] = [
    "cf-connecting-ip",
    "client-cert",
    "client-cert-chain",
    "forwarded",
    // CGI programs take it for the variable HTTP_PROXY (CVE-2016-5385).
    "proxy",
    "true-client-ip",
    "x-client-cn",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-original-host",
    // IIS and Symfony take these for the path.
    "x-original-url",
    "x-real-ip",
    "x-rewrite-url",
];
/// The beginnings of others: what is known of the client's connection, and of its certificate.
const OF_THE_PROXY_WITH: [&str; 2] = ["x-forwarded-", "x-ssl-client-"];

/// What the upstream learns about the client. The values are created once per connection, and those about the host once
/// for each change of the host.
pub(super) struct Visitor {
    address: HeaderValue,
    /// The address as a node identifier (RFC 7239 §6).
    node: String,
    port: HeaderValue,
    host: RefCell<Option<HostFields>>,
}

#[derive(Clone)]
struct HostFields {
    host: HeaderValue,
    forwarded: HeaderValue,
}

impl Visitor {
    /// A client at this address that connected to this port.
    pub(super) fn new(address: IpAddr, port: u16) -> Self {
        let address = address.to_canonical();
        let node = if address.is_ipv6() { format!("\"[{address}]\"") } else { address.to_string() };
        let text = |text: String| HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("unknown"));
        Self { address: text(address.to_string()), node, port: port.into(), host: RefCell::default() }
    }

    /// The values for a requested host, with its port unless it is 443.
    fn fields(&self, host: &str) -> Option<HostFields> {
        let mut kept = self.host.borrow_mut();
        if kept.as_ref().is_none_or(|kept| kept.host != host) {
            let forwarded = format!("for={};host=\"{host}\";proto=https", self.node);
            *kept = Some(HostFields {
                host: HeaderValue::from_str(host).ok()?,
                forwarded: HeaderValue::try_from(forwarded).ok()?,
            });
        }
        kept.clone()
    }
}

/// The protocol that the client asks to upgrade to, such as `WebSocket`. HTTP/2 and TLS are not passed on: the upstream
/// would get the requests in them as the client wrote them, with headers that only the proxy may set.
pub(super) fn upgrade(version: Version, headers: &HeaderMap) -> Option<HeaderValue> {
    let asks =
        version == Version::HTTP_11 && options(headers).any(|option| option.eq_ignore_ascii_case("upgrade"));
    let mut fields = headers.get_all(UPGRADE).iter();
    let (Some(asked), None, true) = (fields.next(), fields.next(), asks) else { return None };
    let has_requests = |protocol: &str| {
        let name = protocol.split('/').next().unwrap_or_default();
        ["h2c", "h2", "http", "tls"].iter().any(|known| name.eq_ignore_ascii_case(known))
    };
    let is_opaque = !protocols(asked)?.any(has_requests);
    is_opaque.then(|| asked.clone())
}

/// The protocol of an extended CONNECT, by which clients open a WebSocket over HTTP/2 (RFC 8441). Others are not passed on.
pub(super) fn connects_to<B>(request: &Request<B>) -> Option<HeaderValue> {
    let protocol = request.extensions().get::<hyper::ext::Protocol>()?.as_str();
    protocol.eq_ignore_ascii_case("websocket").then_some(HeaderValue::from_static("websocket"))
}

/// Makes an extended CONNECT the request that HTTP/1.1 has for it (RFC 8441 §5).
pub(super) fn as_upgrade(parts: &mut Parts, key: [u8; 16]) {
    parts.method = Method::GET;
    if let Ok(key) = HeaderValue::from_str(&STANDARD.encode(key)) {
        parts.headers.insert(SEC_WEBSOCKET_KEY, key);
    }
}

/// Makes the response to that one to an extended CONNECT.
pub(super) fn as_connected<B>(response: &mut Response<B>) {
    *response.status_mut() = StatusCode::OK;
    for name in [CONNECTION, UPGRADE, SEC_WEBSOCKET_ACCEPT] {
        response.headers_mut().remove(name);
    }
}

/// Whether an upstream switched to a protocol that the client asked for.
pub(super) fn is_as_asked(asked: &HeaderValue, switched: Option<&HeaderValue>) -> bool {
    let is_asked = |protocol: &str| {
        protocols(asked).is_some_and(|mut asked| asked.any(|asked| asked.eq_ignore_ascii_case(protocol)))
    };
    switched.and_then(protocols).is_some_and(|mut switched| switched.all(is_asked))
}

/// The size of a header, as HTTP/2 counts it (RFC 9113 §6.5.2).
pub(super) fn size(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum()
}

/// Whether the body has a transfer coding besides `chunked`, which is decoded here.
pub(super) fn has_unknown_coding(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let is_chunked = |coding: &HeaderValue| coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked");
    codings.next().is_some_and(|coding| !is_chunked(coding)) || codings.next().is_some()
}

/// The protocols in an `Upgrade` header.
fn protocols(field: &HeaderValue) -> Option<impl Iterator<Item = &str>> {
    Some(field.to_str().ok()?.split(',').map(str::trim))
}

/// The options in the `Connection` header.
fn options(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).filter(|option| !option.is_empty())
}

/// Removes the fields that apply only to this connection.
pub(super) fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = options(headers)
        .filter(|option| !is_end_to_end(option))
        .filter_map(|option| option.parse().ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
}

/// Whether this field must be forwarded even if `Connection` lists it, because the message would mean
/// something else without it.
fn is_end_to_end(option: &str) -> bool {
    ["host", "content-length", "content-type", "authorization", "cookie", "trailer"]
        .iter()
        .any(|name| option.eq_ignore_ascii_case(name))
}

/// Changes the headers of a request for this host, for the upstream.
pub(super) fn forward(headers: &mut HeaderMap, visitor: &Visitor, host: &str) {
    let takes_trailers = headers.get_all(TE).iter().any(|value| {
        value
            .to_str()
            .is_ok_and(|value| value.split(',').any(|word| word.trim().eq_ignore_ascii_case("trailers")))
    });
    remove_hop_by_hop(headers);
    if takes_trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    remove_of_the_proxy(headers);
    join_cookies(headers);
    headers.insert(&X_FORWARDED_FOR, visitor.address.clone());
    headers.insert(&X_FORWARDED_PROTO, HeaderValue::from_static("https"));
    headers.insert(&X_FORWARDED_PORT, visitor.port.clone());
    if let Some(HostFields { host, forwarded }) = visitor.fields(host) {
        headers.insert(&X_FORWARDED_HOST, host);
        headers.insert(FORWARDED, forwarded);
    }
}

fn remove_of_the_proxy(headers: &mut HeaderMap) {
    let is_ours = |name: &HeaderName| {
        let name = name.as_str();
        let is = |known: &str, with: &str| {
            with.len() == known.len()
                && with.bytes().zip(known.bytes()).all(|(a, b)| a == b || a == b'_' && b == b'-')
        };
        OF_THE_PROXY.iter().any(|known| is(known, name))
            || OF_THE_PROXY_WITH
                .iter()
                .any(|known| name.get(..known.len()).is_some_and(|start| is(known, start)))
    };
    let spoofed: Vec<HeaderName> = headers.keys().filter(|name| is_ours(name)).cloned().collect();
    for name in spoofed {
        headers.remove(name);
    }
}

/// Joins cookies that HTTP/2 split into several fields, which HTTP/1.1 does not allow (RFC 9113 §8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let Entry::Occupied(cookies) = headers.entry(COOKIE) else { return };
    if cookies.iter().nth(1).is_none() {
        return;
    }
    let joined = cookies.iter().map(HeaderValue::as_bytes).collect::<Vec<_>>().join(&b"; "[..]);
    if let Ok(joined) = HeaderValue::from_bytes(&joined) {
        headers.insert(COOKIE, joined);
    }
}

/// Changes the headers of a response for the client.
pub(super) fn give_back(headers: &mut HeaderMap) {
    remove_hop_by_hop(headers);
    // Browsers would remember for a year to use only HTTPS for localhost, on all ports.
    headers.remove(STRICT_TRANSPORT_SECURITY);
}

/// Sets the headers that request or accept an upgrade.
pub(super) fn set_upgrade(headers: &mut HeaderMap, protocol: HeaderValue) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, protocol);
}

/// Adds the `Host` that HTTP/1.0 lacks and the upstream needs.
pub(super) fn name_old_host<B>(request: &mut Request<B>, port: u16) {
    let is_missing = !request.headers().contains_key(HOST) && request.uri().authority().is_none();
    if request.version() == Version::HTTP_10
        && is_missing
        && let Ok(host) = HeaderValue::from_str(&format!("localhost:{port}"))
    {
        request.headers_mut().insert(HOST, host);
    }
}

/// The path and query of a request. If the path is empty, it is `/` (RFC 9112 §3.2.1).
pub(super) fn target(uri: &Uri) -> PathAndQuery {
    match uri.path_and_query() {
        // The empty path of `http://app.test#part` reads as a slash, but is not sent as one.
        Some(target) if target == "/" => PathAndQuery::from_static("/"),
        Some(target) if target.as_str().starts_with('/') || target == "*" => target.clone(),
        // `http://app.test?query`; it is displayed with a slash.
        Some(target) => target.to_string().parse().unwrap_or(PathAndQuery::from_static("/")),
        None => PathAndQuery::from_static("/"),
    }
}

/// The host that a request is for. The error says why it is ambiguous.
pub(super) fn host<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Result<&'a str, &'static str> {
    let mut fields = headers.get_all(HOST).iter();
    let (field, another) = (fields.next(), fields.next());
    if another.is_some() {
        return Err("it has several Host headers");
    }
    // The host in the request line takes precedence (RFC 9112 §3.2.2).
    let text = match (uri.authority(), field) {
        (Some(authority), _) => authority.as_str(),
        (None, Some(field)) => field.to_str().map_err(|_| "its Host header is not text")?,
        (None, None) => return Err("it does not say which host it is for"),
    };
    if text.contains('@') {
        return Err("its host has a user name");
    }
    let is_valid = text.parse::<http::uri::Authority>().is_ok() && has_clear_brackets(text);
    if is_valid { Ok(text) } else { Err("its host is not a host") }
}

/// Whether brackets surround an IPv6 address; the library accepts `a[::1]`.
fn has_clear_brackets(authority: &str) -> bool {
    match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']').is_some_and(|(address, port)| {
            address.parse::<Ipv6Addr>().is_ok() && (port.is_empty() || port.starts_with(':'))
        }),
        None => !authority.contains(['[', ']']),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(fields: &[(&str, &str)]) -> HeaderMap {
        let field =
            |(name, value): &(&str, &str)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        let mut headers = HeaderMap::new();
        for (name, value) in fields.iter().map(field) {
            headers.append(name, value);
        }
        headers
    }

    fn forwarded(fields: &[(&str, &str)]) -> HeaderMap {
        let mut headers = map(fields);
        let visitor = Visitor::new("::ffff:127.0.0.1".parse().unwrap(), 8443);
        forward(&mut headers, &visitor, "app.localhost:8443");
        headers
    }

    #[test]
    fn says_who_asks_and_drops_other_claims() {
        let headers = forwarded(&[
            ("x-forwarded-for", "6.6.6.6"),
            ("x_forwarded_for", "6.6.6.6"),
            ("x-forwarded-client-cert", "By=me"),
            ("x-forwarded-anything", "x"),
            ("forwarded", "for=6.6.6.6"),
            ("client-cert", ":x:"),
            ("client_cert", ":x:"),
            ("x-client-cn", "root"),
            ("x-real-ip", "6.6.6.6"),
            ("proxy", "http://6.6.6.6"),
            ("x-ssl-client-verify", "SUCCESS"),
            ("true-client-ip", "6.6.6.6"),
            ("cf-connecting-ip", "6.6.6.6"),
            ("x-original-url", "/admin"),
            ("x_rewrite_url", "/admin"),
            ("accept", "*/*"),
        ]);
        let mut names: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        let own =
            ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-port", "x-forwarded-proto"];
        assert_eq!(names, [&["accept"], &own[..]].concat());
        assert_eq!(headers["x-forwarded-for"], "127.0.0.1");
        assert_eq!(headers["forwarded"], "for=127.0.0.1;host=\"app.localhost:8443\";proto=https");
    }

    #[test]
    fn what_concerns_one_connection_stays_there() {
        let headers = forwarded(&[
            ("connection", "close, X-Own, Host , content-length"),
            ("connection", "te"),
            ("x-own", "1"),
            ("host", "app.localhost"),
            ("content-length", "3"),
            ("te", "gzip, Trailers"),
            ("keep-alive", "timeout=5"),
            ("transfer-encoding", "chunked"),
            ("cookie", "a=1"),
            ("cookie", "b=2"),
        ]);
        assert_eq!(
            (&headers["te"], &headers["cookie"]),
            (&"trailers".parse().unwrap(), &"a=1; b=2".parse().unwrap())
        );
        assert!(headers.contains_key("host") && headers.contains_key("content-length"));
        for gone in ["connection", "x-own", "keep-alive", "transfer-encoding"] {
            assert!(!headers.contains_key(gone), "{gone}");
        }
    }

    #[test]
    fn an_empty_path_keeps_its_query() {
        for (uri, path) in [
            ("/a?b", "/a?b"),
            ("*", "*"),
            ("http://a.test", "/"),
            ("http://a.test?b", "/?b"),
            ("http://a.test#b", "/"),
            ("a.test:1", "/"),
        ] {
            let sent = Uri::from(target(&uri.parse().unwrap()));
            assert_eq!(sent.to_string(), path, "{uri}");
        }
    }

    #[test]
    fn only_protocols_without_requests_are_passed_on() {
        for (protocol, passes) in [
            ("websocket", true),
            ("my-protocol/1, websocket", true),
            ("h2c", false),
            ("H2C", false),
            ("websocket, h2c", false),
            ("TLS/1.3", false),
            ("HTTP/2.0", false),
        ] {
            let asked = upgrade(Version::HTTP_11, &map(&[("connection", "upgrade"), ("upgrade", protocol)]));
            assert_eq!(asked.is_some(), passes, "{protocol}");
        }
        let two = map(&[("connection", "upgrade"), ("upgrade", "websocket"), ("upgrade", "h2c")]);
        assert_eq!(upgrade(Version::HTTP_11, &two), None);
        let asked = HeaderValue::from_static("a/1, WebSocket");
        for (switched, fits) in [(Some("websocket"), true), (Some("h2c"), false), (None, false)] {
            assert_eq!(is_as_asked(&asked, switched.map(HeaderValue::from_static).as_ref()), fits);
        }
    }

    #[test]
    fn the_host_must_be_clear() {
        let of = |uri: &str, fields: &[(&str, &str)]| {
            host(&uri.parse().unwrap(), &map(fields)).map(ToOwned::to_owned).ok()
        };
        assert_eq!(of("/", &[("host", "a.test:1")]).as_deref(), Some("a.test:1"));
        assert_eq!(of("/", &[("host", "[::1]:8443")]).as_deref(), Some("[::1]:8443"));
        assert_eq!(of("http://b.test/", &[("host", "a.test")]).as_deref(), Some("b.test"));
        for fields in [
            &[][..],
            &[("host", "a"), ("host", "b")],
            &[("host", "a b")],
            &[("host", "u@a")],
            &[("host", "")],
            &[("host", "a[::1]")],
            &[("host", "[::1]a")],
            &[("host", "[a]")],
        ] {
            assert_eq!(of("/", fields), None, "{fields:?}");
        }
    }
}
