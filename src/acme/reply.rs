//! Responses to clients.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use http::{Response, StatusCode};
use serde_json::Value;

use super::problem::AcmeProblem;

/// A complete response.
pub(super) type AcmeReply = Response<Bytes>;

/// A JSON response.
pub(super) fn json(status: StatusCode, body: &Value) -> AcmeReply {
    with_type(status, "application/json", body.to_string())
}

/// A response of another type.
pub(super) fn with_type(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> AcmeReply {
    let mut reply = Response::new(body.into());
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    reply
}

/// A response with a problem document.
pub(super) fn problem(problem: &AcmeProblem) -> AcmeReply {
    let body = serde_json::to_string(problem).unwrap_or_default();
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut reply = with_type(status, "application/problem+json", body);
    if let Some(location) = &problem.location {
        reply = with(reply, LOCATION, location);
    }
    if let Some(seconds) = problem.retry_after {
        reply = with(reply, RETRY_AFTER, &seconds.to_string());
    }
    reply
}

/// Adds a header.
pub(super) fn with(mut reply: AcmeReply, name: HeaderName, value: &str) -> AcmeReply {
    if let Ok(value) = HeaderValue::from_str(value) {
        reply.headers_mut().append(name, value);
    }
    reply
}

/// Adds a link to a URL (RFC 8288).
pub(super) fn linked(reply: AcmeReply, url: &str, relation: &str) -> AcmeReply {
    with(reply, http::header::LINK, &format!("<{url}>;rel=\"{relation}\""))
}
