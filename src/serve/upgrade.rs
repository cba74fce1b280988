//! Connections that change from HTTP to another protocol, such as WebSocket.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONNECTION, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, StatusCode, Version};

use super::headers::options;

/// The protocol that the client asks to upgrade to, such as `WebSocket`. HTTP/2 and TLS are not passed on: the upstream
/// would get the requests in them as the client wrote them, with headers that only the proxy may set.
pub(super) fn asked(version: Version, headers: &HeaderMap) -> Option<HeaderValue> {
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

/// The protocols in an `Upgrade` header.
fn protocols(field: &HeaderValue) -> Option<impl Iterator<Item = &str>> {
    Some(field.to_str().ok()?.split(',').map(str::trim))
}

/// Sets the headers that request or accept an upgrade.
pub(super) fn set_upgrade(headers: &mut HeaderMap, protocol: HeaderValue) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, protocol);
}

#[cfg(test)]
mod tests {
    use super::super::headers::tests::map;
    use super::*;

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
            let asked =
                super::asked(Version::HTTP_11, &map(&[("connection", "upgrade"), ("upgrade", protocol)]));
            assert_eq!(asked.is_some(), passes, "{protocol}");
        }
        let two = map(&[("connection", "upgrade"), ("upgrade", "websocket"), ("upgrade", "h2c")]);
        assert_eq!(super::asked(Version::HTTP_11, &two), None);
        let asked = HeaderValue::from_static("a/1, WebSocket");
        for (switched, fits) in [(Some("websocket"), true), (Some("h2c"), false), (None, false)] {
            assert_eq!(is_as_asked(&asked, switched.map(HeaderValue::from_static).as_ref()), fits);
        }
    }
}
