//! Orders (RFC 8555 §7.4).

use std::collections::BTreeSet;

use http::StatusCode;
use http::header::{LOCATION, RETRY_AFTER};
use serde::Deserialize;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime, UtcOffset};

use super::identifier::Identifier;
use super::problem::{AcmeProblem, Subproblem};
use super::record::{AcmeOrder, Authorization, AuthorizationStatus, OrderStatus};
use super::reply::{self, AcmeReply};
use super::route::Route;
use super::server::{Call, Caller, LOOK_AGAIN_SECONDS, PENDING, random_id, rfc3339};
use super::store::tables::{BY_ACCOUNT, PREAUTHORIZED};
use super::store::view::StoreView;
use super::{authorization, payload, profile, renewal_info};
use crate::x509::name::Name;
use crate::x509::policy;

/// The maximum number of identifiers, the same as Let's Encrypt's.
const MOST_IDENTIFIERS: usize = 100;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewOrder {
    identifiers: Vec<Identifier>,
    #[serde(deserialize_with = "payload::moment", default)]
    not_before: Option<OffsetDateTime>,
    #[serde(deserialize_with = "payload::moment", default)]
    not_after: Option<OffsetDateTime>,
    profile: Option<String>,
    replaces: Option<String>,
}

/// Creates an order and the authorizations that it needs.
pub(super) async fn create(call: &Call, caller: &Caller, body: &[u8]) -> Result<AcmeReply, AcmeProblem> {
    let asked: NewOrder = payload::read(body)?;
    call.server.store.check_room()?;
    let names = names(call, &asked.identifiers)?;
    profile::find(asked.profile.as_deref())?;
    check_validity(&asked, call.now)?;
    if let Some(replaces) = &asked.replaces {
        renewal_info::check_replaced(call, caller, replaces, &asked.identifiers)?;
    }
    let id = random_id()?;
    let mut new = Vec::new();
    for name in &names {
        new.push((random_id()?, authorization::new(call, &caller.id, name)?));
    }
    let mut order = AcmeOrder {
        account: caller.id.clone(),
        identifiers: names.iter().map(Identifier::with_wildcard).collect(),
        authorizations: Vec::new(),
        expires: call.now.replace_nanosecond(0).unwrap_or(call.now) + PENDING,
        not_before: asked.not_before.map(in_utc),
        not_after: asked.not_after.map(in_utc),
        profile: asked.profile,
        replaces: asked.replaces,
        certificate: None,
        error: None,
    };
    let (own, now) = (id.clone(), call.now);
    let order = call.server.store.change(move |changes| {
        for (id, authorization) in new {
            // Authorizations that the client requested before the order count (§7.4.1).
            let earlier = changes.look_up(PREAUTHORIZED, &authorization.index())?;
            let good = |found: &Authorization| {
                matches!(found.status_at(now), AuthorizationStatus::Valid | AuthorizationStatus::Pending)
            };
            let earlier = earlier.filter(|_| !authorization.wildcard);
            if let Some(earlier) = earlier
                && changes.find::<Authorization>(&earlier)?.as_ref().is_some_and(good)
            {
                order.authorizations.push(earlier);
                continue;
            }
            changes.put(&id, &authorization)?;
            order.authorizations.push(id);
        }
        changes.put(&own, &order)?;
        changes.index(BY_ACCOUNT, &order.index(&own), &own)?;
        Ok(order)
    });
    let order = order.await?;
    let status = status(&call.server.store.read()?, &order, call.now)?;
    let reply = shown(call, StatusCode::CREATED, &id, &order, status);
    Ok(reply::with(reply, LOCATION, &call.url(Route::Order(&id))))
}

/// Each name once, if certificates for all of them may be issued.
fn names(call: &Call, identifiers: &[Identifier]) -> Result<BTreeSet<Name>, AcmeProblem> {
    if !(1..=MOST_IDENTIFIERS).contains(&identifiers.len()) {
        let what = format!("an order must have 1 to {MOST_IDENTIFIERS} identifiers");
        return Err(AcmeProblem::malformed(what));
    }
    let (mut names, mut wrong) = (BTreeSet::new(), Vec::new());
    for identifier in identifiers {
        let judged = identifier.name().and_then(|name| call.server.issuer.judge(&name).map(|()| name));
        match judged {
            Ok(name) => _ = names.insert(name),
            Err(AcmeProblem { kind, detail, .. }) => {
                wrong.push(Subproblem { kind, detail, identifier: identifier.clone() });
            }
        }
    }
    if wrong.is_empty() { Ok(names) } else { Err(AcmeProblem::of_all(wrong)) }
}

/// The names in an order's payload.
#[cfg(fuzzing)]
pub(super) fn names_in(body: &[u8]) -> Result<Vec<Name>, AcmeProblem> {
    let asked: NewOrder = payload::read(body)?;
    asked.identifiers.iter().map(Identifier::name).collect()
}

/// How far ahead a validity may begin.
const MOST_DAYS_AHEAD: i64 = 30;

/// The same moment in UTC, in which any that was checked can be written and read again.
fn in_utc(moment: OffsetDateTime) -> OffsetDateTime {
    moment.to_offset(UtcOffset::UTC)
}

fn check_validity(asked: &NewOrder, now: OffsetDateTime) -> Result<(), AcmeProblem> {
    let begins = asked.not_before.unwrap_or(now);
    if !(now - Duration::days(1)..now + Duration::days(MOST_DAYS_AHEAD)).contains(&begins) {
        let what =
            format!("notBefore must not be in the past, or more than {MOST_DAYS_AHEAD} days in the future");
        return Err(AcmeProblem::malformed(what));
    }
    if asked.not_after.is_some_and(|end| end <= begins.max(now)) {
        return Err(AcmeProblem::malformed("notAfter must be in the future, and after notBefore"));
    }
    let days = policy::SERVER_MAX_DAYS;
    if asked.not_after.is_some_and(|end| end - begins > Duration::days(days)) {
        return Err(AcmeProblem::malformed(format!("a certificate can be valid for at most {days} days")));
    }
    Ok(())
}

/// The status of an order, from its authorizations (§7.1.6).
pub(super) fn status(
    view: &StoreView,
    order: &AcmeOrder,
    now: OffsetDateTime,
) -> Result<OrderStatus, AcmeProblem> {
    if order.certificate.is_some() {
        return Ok(OrderStatus::Valid);
    }
    if order.error.is_some() || order.expires <= now {
        return Ok(OrderStatus::Invalid);
    }
    let mut status = OrderStatus::Ready;
    for id in &order.authorizations {
        let authorization: Option<Authorization> = view.find(id)?;
        match authorization.map(|authorization| authorization.status_at(now)) {
            Some(AuthorizationStatus::Valid) => {}
            Some(AuthorizationStatus::Pending) => status = OrderStatus::Pending,
            _ => return Ok(OrderStatus::Invalid),
        }
    }
    Ok(status)
}

/// What is wrong with the identifiers of an order that is invalid.
fn error(view: &StoreView, order: &AcmeOrder) -> Result<Option<AcmeProblem>, AcmeProblem> {
    let mut wrong = Vec::new();
    for id in &order.authorizations {
        let Some(authorization) = view.find::<Authorization>(id)? else { continue };
        let errors = authorization.challenges.iter().filter_map(|challenge| challenge.error.as_ref());
        wrong.extend(errors.map(|AcmeProblem { kind, detail, .. }| Subproblem {
            kind: *kind,
            detail: detail.clone(),
            identifier: authorization.identifier.clone(),
        }));
    }
    Ok((!wrong.is_empty()).then(|| AcmeProblem::of_all(wrong)))
}

/// Shows an order.
pub(super) fn read(call: &Call, caller: &Caller, id: &str) -> Result<AcmeReply, AcmeProblem> {
    let view = call.server.store.read()?;
    let mut order: AcmeOrder = view.find(id)?.ok_or_else(|| AcmeProblem::not_found("order"))?;
    caller.owns(&order.account, "order")?;
    let status = status(&view, &order, call.now)?;
    if status == OrderStatus::Invalid && order.error.is_none() {
        order.error = error(&view, &order)?;
    }
    Ok(shown(call, StatusCode::OK, id, &order, status))
}

/// An order as clients see it (§7.1.3).
pub(super) fn shown(
    call: &Call,
    status_code: StatusCode,
    id: &str,
    order: &AcmeOrder,
    status: OrderStatus,
) -> AcmeReply {
    let urls = order.authorizations.iter().map(|id| call.url(Route::Authorization(id)));
    let mut body = json!({
        "status": status,
        "expires": rfc3339(order.expires),
        "identifiers": order.identifiers,
        "authorizations": urls.collect::<Vec<_>>(),
        "finalize": call.url(Route::Finalize(id)),
    });
    let optional = [
        ("notBefore", order.not_before.map(rfc3339).map(Value::from)),
        ("notAfter", order.not_after.map(rfc3339).map(Value::from)),
        ("profile", order.profile.clone().map(Value::from)),
        ("replaces", order.replaces.clone().map(Value::from)),
        ("certificate", order.certificate.as_ref().map(|serial| call.url(Route::Certificate(serial)).into())),
        ("error", order.error.as_ref().and_then(|problem| serde_json::to_value(problem).ok())),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            body[name] = value;
        }
    }
    let reply = reply::json(status_code, &body);
    if status == OrderStatus::Pending {
        return reply::with(reply, RETRY_AFTER, &LOOK_AGAIN_SECONDS.to_string());
    }
    reply
}
