//! Finalizing an order (RFC 8555 §7.4): the CSR provides the key, and its names must be those of the order.

use std::collections::BTreeSet;

use http::StatusCode;
use http::header::LOCATION;
use rcgen::PublicKeyData;
use serde::Deserialize;

use super::identifier::Identifier;
use super::issuer::IssuedChain;
use super::log::AcmeEvent;
use super::problem::{AcmeProblem, ProblemKind};
use super::record::{AcmeCertificate, AcmeOrder, OrderStatus};
use super::reply::{self, AcmeReply};
use super::route::Route;
use super::server::{Call, Caller, rfc3339};
use super::{base64url, order, payload, profile, renewal_info};
use crate::x509::csr::Csr;
use crate::x509::key;
use crate::x509::name::Name;
use crate::x509::policy;
use crate::x509::subject::Subject;

#[derive(Deserialize)]
struct Finalization {
    csr: String,
}

/// Issues the certificate of an order. The order becomes valid right away: a process that is killed cannot leave it in
/// a state between "ready" and "valid".
pub(super) async fn finalize(
    call: &Call,
    caller: &Caller,
    id: &str,
    body: &[u8],
) -> Result<AcmeReply, AcmeProblem> {
    let view = call.server.store.read()?;
    let order: AcmeOrder = view.find(id)?.ok_or_else(|| AcmeProblem::not_found("order"))?;
    caller.owns(&order.account, "order")?;
    let status = order::status(&view, &order, call.now)?;
    drop(view);
    if status != OrderStatus::Ready {
        let what = format!("the order is {}", serde_json::to_string(&status).unwrap_or_default());
        return Err(AcmeProblem::new(ProblemKind::OrderNotReady, what));
    }
    call.server.store.check_room()?;
    let asked: Finalization = payload::read(body)?;
    let bad = |detail: String| AcmeProblem::new(ProblemKind::BadCsr, detail);
    let der = base64url::decode(&asked.csr).ok_or_else(|| bad("the CSR is not DER in base64url".into()))?;
    let csr = Csr::parse(&der).map_err(|why| bad(format!("the CSR cannot be used: {why}")))?;
    if caller.account.key.is_in(csr.public_key.der_bytes()) {
        return Err(bad("the CSR must not have the account's key (RFC 8555 section 11.1)".into()));
    }
    let names = same_names(&csr, &order).map_err(bad)?;
    // The root may have been replaced by one that permits fewer names.
    names.iter().try_for_each(|name| call.server.issuer.judge(name))?;
    let profile = profile::find(order.profile.as_deref())?;
    let validity = profile::validity(profile, &call.server.rules, &order, call.now);
    let host = names.iter().find(|name| matches!(name, Name::Dns(_))).map(ToString::to_string);
    let common_name = host.filter(|name| profile.has_common_name && name.len() <= policy::MAX_COMMON_NAME);
    let subject = Subject { common_name, names, ..Subject::default() };
    let chain = call.server.issuer.issue(order.account.clone(), subject, csr.public_key, validity).await?;
    let order = keep(call, id, order, chain).await?;
    let reply = order::shown(call, StatusCode::OK, id, &order, OrderStatus::Valid);
    Ok(reply::with(reply, LOCATION, &call.url(Route::Order(id))))
}

/// The names of the order, if the CSR requests exactly those.
fn same_names(csr: &Csr, order: &AcmeOrder) -> Result<Vec<Name>, String> {
    let read =
        |word: &String| Name::parse(word).map_err(|fault| format!("a name in the CSR is not valid: {fault}"));
    let mut asked = csr.names.iter().map(read).collect::<Result<BTreeSet<_>, _>>()?;
    if let Some(common_name) = &csr.common_name {
        asked.insert(read(common_name)?);
    }
    let ordered = order.identifiers.iter().filter_map(|identifier| identifier.name().ok());
    let ordered: BTreeSet<Name> = ordered.collect();
    let list = |names: Vec<&Name>| names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let (more, less): (Vec<_>, Vec<_>) =
        (asked.difference(&ordered).collect(), ordered.difference(&asked).collect());
    match (more.is_empty(), less.is_empty()) {
        (true, true) => Ok(ordered.into_iter().collect()),
        (false, _) => Err(format!("the CSR contains names that are not in the order: {}", list(more))),
        (true, false) => Err(format!("the CSR lacks names that are in the order: {}", list(less))),
    }
}

/// Writes the certificate and its order in one transaction.
async fn keep(call: &Call, id: &str, order: AcmeOrder, chain: IssuedChain) -> Result<AcmeOrder, AcmeProblem> {
    let serial = hex::encode(chain.issued.serial);
    let certificate = AcmeCertificate {
        account: order.account,
        identifiers: order.identifiers,
        sha256: hex::encode(key::sha256(&chain.issued.certificate)),
        chain: chain.pem,
        root: chain.root,
        key_id: hex::encode(chain.key_id),
        intermediate: chain.intermediate,
        not_before: chain.issued.validity.not_before,
        not_after: chain.issued.validity.not_after,
        revoked: false,
        replaced_by: None,
    };
    let names: Vec<String> = certificate.identifiers.iter().map(Identifier::to_string).collect();
    let not_after = rfc3339(certificate.not_after);
    let (own, own_serial) = (id.to_owned(), serial.clone());
    let change = call.server.store.change(move |changes| {
        let mut order: AcmeOrder = changes.find(&own)?.ok_or_else(|| AcmeProblem::not_found("order"))?;
        if order.certificate.is_some() {
            return Err(AcmeProblem::new(
                ProblemKind::OrderNotReady,
                "another request has finalized the order",
            ));
        }
        order.certificate = Some(own_serial.clone());
        changes.put(&own_serial, &certificate)?;
        changes.put(&own, &order)?;
        if let Some(replaced) = order.replaces.as_deref().and_then(renewal_info::serial)
            && let Some(earlier) = changes.find::<AcmeCertificate>(&replaced)?
        {
            changes.put(&replaced, &AcmeCertificate { replaced_by: Some(own), ..earlier })?;
        }
        Ok(order)
    });
    let order = change.await?;
    call.server.log.say(&AcmeEvent::Issued { names: &names, serial: &serial, not_after });
    Ok(order)
}
