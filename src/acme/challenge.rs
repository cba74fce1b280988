//! Challenges (RFC 8555 §7.5.1): clients report that they are ready, and the server validates.

use std::sync::Arc;

use http::StatusCode;
use http::header::RETRY_AFTER;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::log::AcmeEvent;
use super::payload;
use super::problem::AcmeProblem;
use super::record::{
    AcmeAccount, Authorization, AuthorizationStatus, Challenge, ChallengeKind, ChallengeStatus,
};
use super::reply::{self, AcmeReply};
use super::route::Route;
use super::server::{AcmeServer, Call, Caller, LOOK_AGAIN_SECONDS, rfc3339};
use super::validate::Proof;

/// Shows a challenge, or starts its validation.
pub(super) async fn respond(
    call: &Call,
    caller: &Caller,
    (id, kind): (&str, ChallengeKind),
    body: &[u8],
) -> Result<AcmeReply, AcmeProblem> {
    let server = &call.server;
    let missing = || AcmeProblem::not_found("challenge");
    let authorization: Authorization = server.store.find(id)?.ok_or_else(missing)?;
    caller.owns(&authorization.account, "challenge")?;
    let mut challenge = find(&authorization, kind).ok_or_else(missing)?;
    if !body.is_empty() {
        payload::read::<serde_json::Map<String, Value>>(body)?;
        let is_open = authorization.status_at(call.now) == AuthorizationStatus::Pending
            && challenge.status == ChallengeStatus::Pending;
        if is_open {
            challenge = begin(server, id, kind, call.now).await?;
            if server.rules.validate {
                tokio::spawn(judge(server.clone(), id.to_owned(), kind));
            }
        }
    }
    let reply = reply::json(StatusCode::OK, &shown(call, id, &challenge));
    let reply = reply::linked(reply, &call.url(Route::Authorization(id)), "up");
    if challenge.status == ChallengeStatus::Processing {
        return Ok(reply::with(reply, RETRY_AFTER, &LOOK_AGAIN_SECONDS.to_string()));
    }
    Ok(reply)
}

fn find(authorization: &Authorization, kind: ChallengeKind) -> Option<Challenge> {
    authorization.challenges.iter().find(|challenge| challenge.kind == kind).cloned()
}

/// A challenge as clients see it (§8).
pub(super) fn shown(call: &Call, id: &str, challenge: &Challenge) -> Value {
    let mut body = json!({
        "type": challenge.kind,
        "url": call.url(Route::Challenge(id, challenge.kind)),
        "status": challenge.status,
        "token": challenge.token,
    });
    if let Some(validated) = challenge.validated {
        body["validated"] = rfc3339(validated).into();
    }
    if let Some(error) = &challenge.error {
        body["error"] = serde_json::to_value(error).unwrap_or_default();
    }
    body
}

/// Records that a client is ready; if validation is off, the challenge is then valid.
async fn begin(
    server: &AcmeServer,
    id: &str,
    kind: ChallengeKind,
    now: OffsetDateTime,
) -> Result<Challenge, AcmeProblem> {
    if !server.rules.validate {
        return finish(server, id, kind, Ok(()), now).await;
    }
    let own = id.to_owned();
    let change = server.store.change(move |changes| {
        let found: Option<Authorization> = changes.find(&own)?;
        let mut authorization = found.ok_or_else(|| AcmeProblem::not_found("authorization"))?;
        let mut begun = None;
        for challenge in authorization.challenges.iter_mut().filter(|challenge| challenge.kind == kind) {
            challenge.status = ChallengeStatus::Processing;
            begun = Some(challenge.clone());
        }
        changes.put(&own, &authorization)?;
        begun.ok_or_else(|| AcmeProblem::not_found("challenge"))
    });
    change.await
}

/// Records the result of the validation.
async fn finish(
    server: &AcmeServer,
    id: &str,
    kind: ChallengeKind,
    verdict: Result<(), AcmeProblem>,
    now: OffsetDateTime,
) -> Result<Challenge, AcmeProblem> {
    let own = id.to_owned();
    let change = server.store.change(move |changes| {
        let found: Option<Authorization> = changes.find(&own)?;
        let mut authorization = found.ok_or_else(|| AcmeProblem::not_found("authorization"))?;
        let is_open = authorization.status == AuthorizationStatus::Pending;
        let mut judged = None;
        for challenge in authorization.challenges.iter_mut().filter(|challenge| challenge.kind == kind) {
            match &verdict {
                Ok(()) => {
                    challenge.status = ChallengeStatus::Valid;
                    challenge.validated = Some(now.replace_nanosecond(0).unwrap_or(now));
                }
                Err(problem) => {
                    challenge.status = ChallengeStatus::Invalid;
                    challenge.error = Some(problem.clone());
                }
            }
            judged = Some(challenge.clone());
        }
        if is_open {
            let valid = verdict.is_ok();
            authorization.status =
                if valid { AuthorizationStatus::Valid } else { AuthorizationStatus::Invalid };
        }
        changes.put(&own, &authorization)?;
        judged.ok_or_else(|| AcmeProblem::not_found("challenge"))
    });
    change.await
}

/// Validates a challenge.
async fn judge(server: Arc<AcmeServer>, id: String, kind: ChallengeKind) {
    let Ok(Some(authorization)) = server.store.find::<Authorization>(&id) else { return };
    let Ok(Some(account)) = server.store.find::<AcmeAccount>(&authorization.account) else { return };
    let Some(challenge) = find(&authorization, kind) else { return };
    let proof = Proof {
        account: authorization.account.clone(),
        kind,
        identifier: authorization.identifier.clone(),
        token: challenge.token.clone(),
        key_authorization: format!("{}.{}", challenge.token, account.key.thumbprint()),
    };
    let verdict = server.validator.look(&proof, server.zone.as_deref()).await;
    let (valid, detail) = match &verdict {
        Ok(seen) => (true, seen.clone()),
        Err(problem) => (false, problem.detail.clone()),
    };
    let identifier = authorization.identifier.to_string();
    server.log.say(&AcmeEvent::Validated {
        identifier: &identifier,
        challenge: kind,
        valid,
        detail: &detail,
    });
    let finished = finish(&server, &id, kind, verdict.map(drop), OffsetDateTime::now_utc()).await;
    if let Err(problem) = finished {
        server.log.warn(problem.detail, None);
    }
}

/// Resumes the validations that were in progress when an earlier process ended.
pub(super) fn resume(server: &Arc<AcmeServer>) -> Result<(), AcmeProblem> {
    let view = server.store.read()?;
    let is_begun = |challenge: &Challenge| challenge.status == ChallengeStatus::Processing;
    let begun = view.all(|authorization: &Authorization| {
        authorization.status == AuthorizationStatus::Pending && authorization.challenges.iter().any(is_begun)
    })?;
    for id in begun {
        let Some(authorization) = view.find::<Authorization>(&id)? else { continue };
        for challenge in authorization.challenges.iter().filter(|challenge| is_begun(challenge)) {
            tokio::spawn(judge(server.clone(), id.clone(), challenge.kind));
        }
    }
    Ok(())
}
