//! The changes a proxy makes to the headers of requests and responses.

use std::cell::RefCell;
use std::net::IpAddr;

use http::header::{
    CONNECTION, COOKIE, Entry, FORWARDED, HeaderName, HeaderValue, STRICT_TRANSPORT_SECURITY, TE,
    TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, Request};

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

/// The size of a request's header, as HTTP/2 counts it (RFC 9113 §6.5.2), with its target.
pub(super) fn size<B>(request: &Request<B>) -> usize {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    let fields = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 32);
    target + fields.sum::<usize>()
}

/// Whether the body has a transfer coding besides `chunked`, which is decoded here.
pub(super) fn has_unknown_coding(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let is_chunked = |coding: &HeaderValue| coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked");
    codings.next().is_some_and(|coding| !is_chunked(coding)) || codings.next().is_some()
}

/// The options in the `Connection` header.
pub(super) fn options(headers: &HeaderMap) -> impl Iterator<Item = &str> {
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

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::serve) fn map(fields: &[(&str, &str)]) -> HeaderMap {
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
    fn forwarded_headers_are_set_and_the_clients_dropped() {
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
    fn hop_by_hop_headers_are_not_forwarded() {
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
}
