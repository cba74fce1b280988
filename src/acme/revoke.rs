//! Revocation (RFC 8555 §7.6), by an account or by the certificate's own key.

use bytes::Bytes;
use http::{Response, StatusCode};
use serde::Deserialize;

use super::jwk::Jwk;
use super::log::AcmeEvent;
use super::problem::{AcmeProblem, ProblemKind};
use super::record::{AcmeCertificate, Authorization, AuthorizationStatus};
use super::reply::AcmeReply;
use super::server::{Call, Caller};
use super::{base64url, payload};
use crate::x509::certificate::Leaf;
use crate::x509::key;

/// Reasons that a subscriber may give (RFC 5280 §5.3.1): unspecified, keyCompromise, affiliationChanged, superseded,
/// cessationOfOperation.
const REASONS: [u64; 5] = [0, 1, 3, 4, 5];

#[derive(Deserialize)]
struct Revoking {
    certificate: String,
    reason: Option<u64>,
}

/// By the account that ordered it, or one that is authorized for all of its names.
pub(super) async fn by_account(call: &Call, caller: &Caller, body: &[u8]) -> Result<AcmeReply, AcmeProblem> {
    let (serial, _, certificate) = find(call, body)?;
    if certificate.account != caller.id && !is_authorized(call, caller, &certificate)? {
        let what =
            "the certificate belongs to another account, and this one is not authorized for all of its names";
        return Err(AcmeProblem::unauthorized(what));
    }
    revoke(call, &serial, &certificate).await
}

/// By anyone who has its key.
pub(super) async fn by_key(call: &Call, key: &Jwk, body: &[u8]) -> Result<AcmeReply, AcmeProblem> {
    let (serial, leaf, certificate) = find(call, body)?;
    if !key.is_in(&leaf.public_key) {
        return Err(AcmeProblem::unauthorized("the request is not signed with the key of the certificate"));
    }
    revoke(call, &serial, &certificate).await
}

fn find(call: &Call, body: &[u8]) -> Result<(String, Leaf, AcmeCertificate), AcmeProblem> {
    let asked: Revoking = payload::read(body)?;
    if asked.reason.is_some_and(|reason| !REASONS.contains(&reason)) {
        let what = "the reason must be 0, 1, 3, 4 or 5";
        return Err(AcmeProblem::new(ProblemKind::BadRevocationReason, what));
    }
    let der = base64url::decode(&asked.certificate);
    let leaf = der.as_ref().and_then(|der| Leaf::parse(der));
    let (Some(der), Some(leaf)) = (der, leaf) else {
        return Err(AcmeProblem::malformed("the certificate is not DER in base64url"));
    };
    let found: Option<AcmeCertificate> = call.server.store.find(&leaf.serial)?;
    let is_it = |found: &AcmeCertificate| found.sha256 == hex::encode(key::sha256(&der));
    let certificate = found.filter(is_it).ok_or_else(|| AcmeProblem::not_found("certificate"))?;
    Ok((leaf.serial.clone(), leaf, certificate))
}

fn is_authorized(call: &Call, caller: &Caller, certificate: &AcmeCertificate) -> Result<bool, AcmeProblem> {
    let view = call.server.store.read()?;
    let ids = view.all(|authorization: &Authorization| {
        authorization.account == caller.id && authorization.status_at(call.now) == AuthorizationStatus::Valid
    })?;
    let mut names = Vec::new();
    for id in ids {
        if let Some(Authorization { identifier, wildcard, .. }) = view.find(&id)? {
            let star = if wildcard { "*." } else { "" };
            names.push(format!("{star}{identifier}"));
        }
    }
    Ok(certificate.identifiers.iter().all(|identifier| names.contains(&identifier.value)))
}

async fn revoke(call: &Call, serial: &str, certificate: &AcmeCertificate) -> Result<AcmeReply, AcmeProblem> {
    let already =
        || AcmeProblem::new(ProblemKind::AlreadyRevoked, "the certificate has already been revoked");
    if certificate.revoked {
        return Err(already());
    }
    call.server.issuer.revoke(serial.to_owned(), certificate.intermediate).await?;
    let own = serial.to_owned();
    call.server
        .store
        .change(move |changes| {
            let found: Option<AcmeCertificate> = changes.find(&own)?;
            let present = found.ok_or_else(|| AcmeProblem::not_found("certificate"))?;
            if present.revoked {
                return Err(already());
            }
            changes.put(&own, &AcmeCertificate { revoked: true, ..present })
        })
        .await?;
    call.server.log.say(&AcmeEvent::Revoked { serial });
    let mut reply = Response::new(Bytes::new());
    *reply.status_mut() = StatusCode::OK;
    Ok(reply)
}
