//! When to renew (RFC 9773).

use http::StatusCode;
use http::header::RETRY_AFTER;
use serde_json::json;
use time::Duration;

use super::identifier::Identifier;
use super::problem::{AcmeProblem, ProblemKind};
use super::record::AcmeCertificate;
use super::reply::{self, AcmeReply};
use super::server::{Call, Caller, rfc3339};
use super::{base64url, store::AcmeStore};

/// How long clients wait before they ask again, unless a fraction of a short lifetime is less.
const ASK_AGAIN: Duration = Duration::hours(6);

/// The serial number in a certificate's identifier (§4.1), in the inventory's format.
pub(super) fn serial(id: &str) -> Option<String> {
    Some(hex::encode(base64url::decode(id.split_once('.')?.1)?))
}

fn find(store: &AcmeStore, id: &str) -> Result<(String, AcmeCertificate), AcmeProblem> {
    let malformed = || {
        AcmeProblem::malformed(
            "a certificate's identifier consists of its authority key identifier, a dot and its serial number, both in base64url",
        )
    };
    let (key_id, _) = id.split_once('.').ok_or_else(malformed)?;
    let key_id = hex::encode(base64url::decode(key_id).ok_or_else(malformed)?);
    let serial = serial(id).ok_or_else(malformed)?;
    let found: Option<AcmeCertificate> = store.find(&serial)?;
    let found = found.filter(|certificate| certificate.key_id == key_id);
    found.map(|certificate| (serial, certificate)).ok_or_else(|| AcmeProblem::not_found("certificate"))
}

/// The window for renewing a certificate: before its last third, or in the past if it must be renewed right away.
pub(super) fn answer(call: &Call, id: &str) -> Result<AcmeReply, AcmeProblem> {
    let (_, certificate) = find(&call.server.store, id)?;
    let lifetime = certificate.not_after - certificate.not_before;
    let (start, end) = if call.server.rules.renew_now || certificate.revoked {
        (call.now - Duration::HOUR, call.now - Duration::MINUTE)
    } else {
        let start = certificate.not_before + lifetime * 2 / 3;
        (start, start + lifetime / 20)
    };
    let body = json!({ "suggestedWindow": { "start": rfc3339(whole(start)), "end": rfc3339(whole(end)) } });
    let again = ASK_AGAIN.min(lifetime / 20).whole_seconds().max(1);
    Ok(reply::with(reply::json(StatusCode::OK, &body), RETRY_AFTER, &again.to_string()))
}

fn whole(moment: time::OffsetDateTime) -> time::OffsetDateTime {
    moment.replace_nanosecond(0).unwrap_or(moment)
}

/// Whether an order may replace this certificate (§5).
pub(super) fn check_replaced(
    call: &Call,
    caller: &Caller,
    id: &str,
    identifiers: &[Identifier],
) -> Result<(), AcmeProblem> {
    let (_, certificate) = find(&call.server.store, id)?;
    if certificate.account != caller.id {
        return Err(AcmeProblem::unauthorized("the certificate to replace belongs to another account"));
    }
    if certificate.replaced_by.is_some() {
        let what = "another order has replaced this certificate";
        return Err(AcmeProblem::new(ProblemKind::AlreadyReplaced, what));
    }
    if !identifiers.iter().any(|identifier| certificate.identifiers.contains(identifier)) {
        return Err(AcmeProblem::malformed("the certificate to replace has none of the names of this order"));
    }
    Ok(())
}
