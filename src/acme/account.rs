//! Accounts (RFC 8555 §7.3): creating, finding, updating, deactivating; and their orders.

use http::StatusCode;
use http::header::LOCATION;
use serde::Deserialize;
use serde_json::{Value, json};

use super::binding;
use super::jwk::Jwk;
use super::problem::{AcmeProblem, ProblemKind};
use super::record::{AccountStatus, AcmeAccount, AcmeOrder, OrderStatus};
use super::reply::{self, AcmeReply};
use super::route::Route;
use super::server::{Call, Caller, random_id};
use super::store::tables::{BY_ACCOUNT, BY_KEY};
use super::{base64url, order, payload};

/// The number of orders on one page of the list.
const PAGE: usize = 50;
const MOST_CONTACTS: usize = 10;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewAccount {
    #[serde(default)]
    contact: Vec<String>,
    #[serde(default)]
    terms_of_service_agreed: bool,
    #[serde(default)]
    only_return_existing: bool,
    external_account_binding: Option<Value>,
}

/// Creates an account for a key, or finds the existing one.
pub(super) async fn create(call: &Call, key: Jwk, body: &[u8]) -> Result<AcmeReply, AcmeProblem> {
    let asked: NewAccount = payload::read(body)?;
    let thumbprint = key.thumbprint();
    let known = call.server.store.read()?.look_up(BY_KEY, &thumbprint)?;
    if let Some(id) = known {
        return found(call, &id);
    }
    if asked.only_return_existing {
        return Err(AcmeProblem::new(ProblemKind::AccountDoesNotExist, "there is no account for this key"));
    }
    check_contacts(&asked.contact)?;
    call.server.store.check_room()?;
    let binding = match (&call.server.bindings, asked.external_account_binding) {
        // There is no key to verify it with.
        (None, _) => None,
        (Some(keys), Some(binding)) => {
            binding::check(keys, &binding, &key, &call.url(Route::NewAccount))?;
            Some(binding)
        }
        (Some(_), None) => {
            let what =
                "a new account requires an external account binding: a key ID and an HMAC key of this server";
            return Err(AcmeProblem::new(ProblemKind::ExternalAccountRequired, what));
        }
    };
    let account = AcmeAccount {
        status: AccountStatus::Valid,
        key,
        contact: asked.contact,
        agreed: asked.terms_of_service_agreed,
        binding,
    };
    let (id, new) = (random_id()?, account.clone());
    let own = id.clone();
    let earlier = call.server.store.change(move |changes| {
        // Another request with this key may have been faster.
        if let Some(earlier) = changes.look_up(BY_KEY, &thumbprint)? {
            return Ok(Some(earlier));
        }
        changes.put(&own, &new)?;
        changes.index(BY_KEY, &thumbprint, &own)?;
        Ok(None)
    });
    match earlier.await? {
        Some(earlier) => found(call, &earlier),
        None => Ok(shown(call, StatusCode::CREATED, &id, &account)),
    }
}

fn found(call: &Call, id: &str) -> Result<AcmeReply, AcmeProblem> {
    let account: AcmeAccount =
        call.server.store.find(id)?.ok_or_else(|| AcmeProblem::not_found("account"))?;
    if account.status != AccountStatus::Valid {
        return Err(AcmeProblem::unauthorized("the account of this key was deactivated"));
    }
    Ok(shown(call, StatusCode::OK, id, &account))
}

fn shown(call: &Call, status: StatusCode, id: &str, account: &AcmeAccount) -> AcmeReply {
    let mut body = json!({
        "status": account.status,
        "contact": account.contact,
        "orders": call.url(Route::Orders(id)),
    });
    if account.agreed {
        body["termsOfServiceAgreed"] = true.into();
    }
    if let Some(binding) = &account.binding {
        body["externalAccountBinding"] = binding.clone();
    }
    reply::with(reply::json(status, &body), LOCATION, &call.url(Route::Account(id)))
}

/// Nobody writes to these addresses, but clients should learn what a public CA would refuse (§7.3).
fn check_contacts(contacts: &[String]) -> Result<(), AcmeProblem> {
    if contacts.len() > MOST_CONTACTS {
        return Err(AcmeProblem::new(ProblemKind::InvalidContact, "there are too many contacts"));
    }
    for contact in contacts {
        let Some(mailbox) = contact.strip_prefix("mailto:") else {
            let what = format!("{contact:?} is not a mailto URL");
            return Err(AcmeProblem::new(ProblemKind::UnsupportedContact, what));
        };
        let is_one = mailbox.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty() && !domain.is_empty() && !mailbox.contains([',', '?', ' '])
        });
        if !is_one || mailbox.chars().any(char::is_control) || mailbox.len() > 320 {
            let what = format!("{contact:?} is not a single email address");
            return Err(AcmeProblem::new(ProblemKind::InvalidContact, what));
        }
    }
    Ok(())
}

#[derive(Deserialize)]
struct AccountUpdate {
    contact: Option<Vec<String>>,
    status: Option<String>,
}

/// Shows an account, changes its contacts, or deactivates it.
pub(super) async fn update(
    call: &Call,
    caller: Caller,
    id: &str,
    body: &[u8],
) -> Result<AcmeReply, AcmeProblem> {
    if id != caller.id {
        return Err(AcmeProblem::unauthorized("this account has another key"));
    }
    if body.is_empty() {
        return Ok(shown(call, StatusCode::OK, id, &caller.account));
    }
    let asked: AccountUpdate = payload::read(body)?;
    let mut account = caller.account;
    match asked.status.as_deref() {
        None | Some("valid") => {}
        Some("deactivated") => account.status = AccountStatus::Deactivated,
        Some(other) => {
            return Err(AcmeProblem::malformed(format!("an account's status cannot be set to {other:?}")));
        }
    }
    if let Some(contact) = asked.contact {
        check_contacts(&contact)?;
        account.contact = contact;
    }
    let (own, new) = (caller.id, account.clone());
    call.server
        .store
        .change(move |changes| {
            let mut present: AcmeAccount =
                changes.find(&own)?.ok_or_else(|| AcmeProblem::not_found("account"))?;
            (present.status, present.contact) = (new.status, new.contact);
            changes.put(&own, &present)
        })
        .await?;
    Ok(shown(call, StatusCode::OK, id, &account))
}

/// The orders of an account, one page at a time (§7.1.2.1), without invalid ones.
pub(super) fn orders(call: &Call, caller: &Caller, id: &str, cursor: &str) -> Result<AcmeReply, AcmeProblem> {
    caller.owns(id, "account")?;
    let view = call.server.store.read()?;
    let after = base64url::decode(cursor).and_then(|after| String::from_utf8(after).ok());
    let after = after.ok_or_else(|| AcmeProblem::not_found("page"))?;
    let page = view.list(BY_ACCOUNT, &format!("{id}/"), &after, PAGE)?;
    let mut urls = Vec::new();
    for (_, order_id) in &page {
        if let Some(order) = view.find::<AcmeOrder>(order_id)?
            && order::status(&view, &order, call.now)? != OrderStatus::Invalid
        {
            urls.push(call.url(Route::Order(order_id)));
        }
    }
    let reply = reply::json(StatusCode::OK, &json!({ "orders": urls }));
    let next = page.last().filter(|_| page.len() == PAGE);
    Ok(match next {
        Some((last, _)) => {
            let cursor = base64url::encode(last.as_bytes());
            reply::linked(reply, &call.url(Route::OrdersAfter(id, &cursor)), "next")
        }
        None => reply,
    })
}
