//! Authorizations (RFC 8555 §7.5), including those that clients request before an order (§7.4.1).

use http::StatusCode;
use http::header::{LOCATION, RETRY_AFTER};
use serde::Deserialize;
use serde_json::json;

use super::challenge;
use super::identifier::Identifier;
use super::payload;
use super::problem::{AcmeProblem, ProblemKind};
use super::record::{Authorization, AuthorizationStatus, Challenge, ChallengeKind, ChallengeStatus};
use super::reply::{self, AcmeReply};
use super::route::Route;
use super::server::{Call, Caller, LOOK_AGAIN_SECONDS, PENDING, random_id, rfc3339};
use super::store::tables::PREAUTHORIZED;
use crate::x509::name::Name;

/// Creates an authorization that waits for its challenges.
pub(super) fn new(call: &Call, account: &str, name: &Name) -> Result<Authorization, AcmeProblem> {
    let wildcard = matches!(name, Name::Dns(host) if host.starts_with("*."));
    // A wildcard has no server to ask (§7.1.3), and an address has no records (RFC 8738 §7).
    let kinds: &[ChallengeKind] = match name {
        Name::Ip(_) => &[ChallengeKind::Http, ChallengeKind::TlsAlpn],
        _ if wildcard => &[ChallengeKind::Dns],
        _ => &[ChallengeKind::Http, ChallengeKind::Dns, ChallengeKind::TlsAlpn],
    };
    let mut challenges = Vec::new();
    for kind in kinds {
        challenges.push(Challenge {
            kind: *kind,
            status: ChallengeStatus::Pending,
            token: random_id()?,
            validated: None,
            error: None,
        });
    }
    Ok(Authorization {
        account: account.to_owned(),
        identifier: Identifier::of(name),
        wildcard,
        status: AuthorizationStatus::Pending,
        expires: call.now.replace_nanosecond(0).unwrap_or(call.now) + PENDING,
        challenges,
    })
}

#[derive(Deserialize)]
struct NewAuthorization {
    identifier: Identifier,
}

/// Creates an authorization before there is an order.
pub(super) async fn create(call: &Call, caller: &Caller, body: &[u8]) -> Result<AcmeReply, AcmeProblem> {
    let asked: NewAuthorization = payload::read(body)?;
    let name = asked.identifier.name()?;
    if matches!(&name, Name::Dns(host) if host.starts_with("*.")) {
        let what = "a wildcard cannot be authorized before it is ordered (RFC 8555 section 7.4.1)";
        return Err(AcmeProblem::new(ProblemKind::Malformed, what));
    }
    call.server.issuer.judge(&name)?;
    call.server.store.check_room()?;
    let (id, authorization) = (random_id()?, new(call, &caller.id, &name)?);
    let (own, new) = (id.clone(), authorization.clone());
    call.server
        .store
        .change(move |changes| {
            changes.put(&own, &new)?;
            changes.index(PREAUTHORIZED, &new.index(), &own)
        })
        .await?;
    let reply = shown(call, StatusCode::CREATED, &id, &authorization);
    Ok(reply::with(reply, LOCATION, &call.url(Route::Authorization(&id))))
}

#[derive(Deserialize)]
struct AuthorizationUpdate {
    status: String,
}

/// Shows an authorization, or deactivates it (§7.5.2).
pub(super) async fn update(
    call: &Call,
    caller: &Caller,
    id: &str,
    body: &[u8],
) -> Result<AcmeReply, AcmeProblem> {
    let found: Option<Authorization> = call.server.store.find(id)?;
    let mut authorization = found.ok_or_else(|| AcmeProblem::not_found("authorization"))?;
    caller.owns(&authorization.account, "authorization")?;
    if !body.is_empty() {
        let asked: AuthorizationUpdate = payload::read(body)?;
        if asked.status != "deactivated" {
            let what = format!("an authorization's status cannot be set to {:?}", asked.status);
            return Err(AcmeProblem::malformed(what));
        }
        let own = id.to_owned();
        authorization = call
            .server
            .store
            .change(move |changes| {
                let found: Option<Authorization> = changes.find(&own)?;
                let mut present = found.ok_or_else(|| AcmeProblem::not_found("authorization"))?;
                if matches!(present.status, AuthorizationStatus::Pending | AuthorizationStatus::Valid) {
                    present.status = AuthorizationStatus::Deactivated;
                    changes.put(&own, &present)?;
                }
                Ok(present)
            })
            .await?;
    }
    Ok(shown(call, StatusCode::OK, id, &authorization))
}

fn shown(call: &Call, status_code: StatusCode, id: &str, authorization: &Authorization) -> AcmeReply {
    let status = authorization.status_at(call.now);
    // After the decision, only the challenge that decided it remains (§7.1.4).
    let is_shown = |challenge: &&Challenge| match status {
        AuthorizationStatus::Valid => challenge.status == ChallengeStatus::Valid,
        AuthorizationStatus::Invalid => challenge.status != ChallengeStatus::Pending,
        _ => true,
    };
    let challenges = authorization.challenges.iter().filter(is_shown);
    let challenges: Vec<_> = challenges.map(|one| challenge::shown(call, id, one)).collect();
    let mut body = json!({
        "status": status,
        "expires": rfc3339(authorization.expires),
        "identifier": authorization.identifier,
        "challenges": challenges,
    });
    if authorization.wildcard {
        body["wildcard"] = true.into();
    }
    let reply = reply::json(status_code, &body);
    if status == AuthorizationStatus::Pending {
        return reply::with(reply, RETRY_AFTER, &LOOK_AGAIN_SECONDS.to_string());
    }
    reply
}
