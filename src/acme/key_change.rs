//! A new key for an account (RFC 8555 §7.3.5): both the old and the new key sign the change.

use http::StatusCode;
use http::header::LOCATION;
use serde::Deserialize;
use serde_json::{Value, json};

use super::jwk::Jwk;
use super::jws::{Jws, SignedBy};
use super::payload;
use super::problem::AcmeProblem;
use super::record::AcmeAccount;
use super::reply::{self, AcmeReply};
use super::route::Route;
use super::server::{Call, Caller};
use super::store::tables::BY_KEY;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct KeyChangeRequest {
    account: String,
    old_key: Value,
}

/// Changes the key.
pub(super) async fn change(call: &Call, caller: Caller, body: &[u8]) -> Result<AcmeReply, AcmeProblem> {
    let inner = Jws::inner(body)?;
    let SignedBy::Key(new) = &inner.by else {
        return Err(AcmeProblem::malformed("the inner request must be signed by the new key, with jwk"));
    };
    let new = new.clone();
    if inner.nonce.is_some() || inner.url.as_deref() != Some(call.url(Route::KeyChange).as_str()) {
        return Err(AcmeProblem::malformed(
            "the inner request must have the url of the outer one, and no nonce",
        ));
    }
    let asked: KeyChangeRequest = payload::read(&inner.verified(&new)?)?;
    if asked.account != call.url(Route::Account(&caller.id)) {
        return Err(AcmeProblem::malformed("the inner and the outer request are for different accounts"));
    }
    let old = caller.account.key;
    if Jwk::read(&asked.old_key)? != old {
        return Err(AcmeProblem::malformed("oldKey is not the account's current key"));
    }
    let conflict = |other: &str, url: String| {
        let mut problem = AcmeProblem::malformed(format!("the new key already belongs to {other} account"));
        problem = problem.with_status(409);
        problem.location = Some(url);
        problem
    };
    let (own, key) = (caller.id.clone(), new.clone());
    let taken = call.server.store.change(move |changes| {
        if let Some(other) = changes.look_up(BY_KEY, &key.thumbprint())? {
            return Ok(Some(other));
        }
        let mut account: AcmeAccount =
            changes.find(&own)?.ok_or_else(|| AcmeProblem::not_found("account"))?;
        if account.key != old {
            return Err(AcmeProblem::unauthorized("another request has changed the account's key"));
        }
        account.key = key;
        changes.forget(BY_KEY, &old.thumbprint())?;
        changes.index(BY_KEY, &account.key.thumbprint(), &own)?;
        changes.put(&own, &account)?;
        Ok(None)
    });
    if let Some(other) = taken.await? {
        let whose = if other == caller.id { "this" } else { "another" };
        return Err(conflict(whose, call.url(Route::Account(&other))));
    }
    let url = call.url(Route::Account(&caller.id));
    let body = json!({ "status": "valid", "orders": call.url(Route::Orders(&caller.id)) });
    Ok(reply::with(reply::json(StatusCode::OK, &body), LOCATION, &url))
}
