//! The directory (RFC 8555 §7.1.1).

use http::StatusCode;
use serde_json::json;

use super::profile;
use super::reply::{self, AcmeReply};
use super::route::Route;
use super::server::Call;

/// Lists the URLs of all resources.
pub(super) fn directory(call: &Call) -> AcmeReply {
    let url = |route| call.url(route);
    let body = json!({
        "newNonce": url(Route::NewNonce),
        "newAccount": url(Route::NewAccount),
        "newOrder": url(Route::NewOrder),
        "newAuthz": url(Route::NewAuthorization),
        "revokeCert": url(Route::RevokeCertificate),
        "keyChange": url(Route::KeyChange),
        "renewalInfo": url(Route::RenewalInfo("")),
        "meta": {
            "externalAccountRequired": call.server.bindings.is_some(),
            "profiles": profile::descriptions(),
        },
    });
    reply::json(StatusCode::OK, &body)
}

/// The page that browsers get.
pub(super) fn home(call: &Call) -> AcmeReply {
    let text = format!("devca acme: an ACME server. Its directory is {}\n", call.url(Route::Directory));
    reply::with_type(StatusCode::OK, "text/plain; charset=utf-8", text)
}
