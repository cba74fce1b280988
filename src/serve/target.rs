//! What a request is for: its host, and its path.

use std::net::Ipv6Addr;

use http::header::{HOST, HeaderValue};
use http::uri::PathAndQuery;
use http::{HeaderMap, Request, Uri, Version};

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
    use super::super::headers::tests::map;
    use super::*;

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
