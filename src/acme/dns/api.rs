//! HTTP APIs that clients use to change records: those of acme-dns and challtestsrv.

use aws_lc_rs::hmac;
use bytes::Bytes;
use hickory_proto::rr::rdata::CNAME;
use hickory_proto::rr::{RData, RecordType};
use http::header::ORIGIN;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::json;

use super::zone::{self, Zone};
use crate::acme::base64url;
use crate::acme::problem::AcmeProblem;
use crate::acme::reply::{self, AcmeReply};
use crate::acme::server::{Call, random_id};

const MOST_BODY: usize = 16 << 10;
/// The domain of the names that acme-dns registers.
const ACME_DNS: &str = "acme-dns.localhost";

/// Answers a request for `/dns/…`.
pub(in crate::acme) async fn answer(
    call: &Call,
    path: &str,
    request: Request<Incoming>,
) -> Result<AcmeReply, AcmeProblem> {
    let Some(zone) = &call.server.zone else {
        let what = "there is no built-in name server: start devca acme with --dns-port";
        return Err(AcmeProblem::malformed(what).with_status(404));
    };
    if (request.method(), path) == (&Method::GET, "acme-dns/health") {
        return Ok(reply::json(StatusCode::OK, &json!({})));
    }
    if request.method() != Method::POST {
        return Err(AcmeProblem::malformed("records must be changed with POST").with_status(405));
    }
    // Browsers name the page's origin in every POST, and send text/plain without asking first.
    if request.headers().contains_key(ORIGIN) {
        return Err(AcmeProblem::malformed("web pages cannot change records").with_status(403));
    }
    let (head, body) = request.into_parts();
    let body = Limited::new(body, MOST_BODY).collect().await;
    let body = body.map_err(|_| AcmeProblem::malformed("the body is too large").with_status(413))?.to_bytes();
    match path.split_once('/') {
        Some(("acme-dns", "register")) => register(&passwords(call).await?),
        Some(("acme-dns", "update")) => update(zone, &passwords(call).await?, &head.headers, &body),
        Some(("challtestsrv", command)) => challtestsrv(zone, command, &body),
        _ => Err(AcmeProblem::not_found("resource")),
    }
}

fn read<'a, T: Deserialize<'a>>(body: &'a Bytes) -> Result<T, AcmeProblem> {
    serde_json::from_slice(body).map_err(|e| AcmeProblem::malformed(format!("the body cannot be read: {e}")))
}

/// The key from which passwords are derived: it is stored, so that registrations survive a restart.
async fn passwords(call: &Call) -> Result<hmac::Key, AcmeProblem> {
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &call.server.store.secret("acme-dns").await?))
}

/// Registers a name with its own password: the server derives the password from the name, and stores neither.
fn register(passwords: &hmac::Key) -> Result<AcmeReply, AcmeProblem> {
    let subdomain = random_id()?.to_ascii_lowercase().replace('_', "x").replace('-', "y");
    let body = json!({
        "username": subdomain,
        "password": base64url::encode(hmac::sign(passwords, subdomain.as_bytes()).as_ref()),
        "fulldomain": format!("{subdomain}.{ACME_DNS}"),
        "subdomain": subdomain,
        "allowfrom": [],
    });
    Ok(reply::json(StatusCode::CREATED, &body))
}

#[derive(Deserialize)]
struct RecordUpdate {
    subdomain: String,
    txt: String,
}

/// acme-dns keeps the last two values: one for the name, one for its wildcard.
fn update(
    zone: &Zone,
    passwords: &hmac::Key,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<AcmeReply, AcmeProblem> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let asked: RecordUpdate = read(body)?;
    let (user, password) = (header("x-api-user"), header("x-api-key"));
    let tag = base64url::decode(password).unwrap_or_default();
    if user != asked.subdomain || hmac::verify(passwords, user.as_bytes(), &tag).is_err() {
        let what = "the user, the password or the subdomain is wrong";
        return Err(AcmeProblem::unauthorized(what).with_status(401));
    }
    let name = zone::name(&format!("{}.{ACME_DNS}", asked.subdomain));
    let name = name.ok_or_else(|| AcmeProblem::malformed("the subdomain is not a name"))?;
    let mut values = zone.texts(&name.to_ascii());
    values.push(asked.txt.clone());
    zone.remove(&name, |_| true);
    for value in values.iter().rev().take(2).rev() {
        zone.add(&name, zone::txt(value));
    }
    Ok(reply::json(StatusCode::OK, &json!({ "txt": asked.txt })))
}

#[derive(Deserialize)]
struct ChalltestsrvCommand {
    #[serde(default)]
    host: String,
    #[serde(default)]
    value: String,
    #[serde(default)]
    addresses: Vec<std::net::IpAddr>,
    #[serde(default)]
    target: String,
    #[serde(default)]
    ip: String,
}

fn challtestsrv(zone: &Zone, command: &str, body: &Bytes) -> Result<AcmeReply, AcmeProblem> {
    let asked: ChalltestsrvCommand = read(body)?;
    if let "set-default-ipv4" | "set-default-ipv6" = command {
        zone.set_usual(command.ends_with('6'), asked.ip.parse().ok());
        return Ok(reply::with_type(StatusCode::OK, "text/plain", Bytes::new()));
    }
    let wrong = |what: &str| AcmeProblem::malformed(format!("{what} is not a name"));
    let name = zone::name(&asked.host).filter(|_| !asked.host.is_empty()).ok_or_else(|| wrong("host"))?;
    let is = |kind| move |data: &RData| data.record_type() == kind;
    let is_added = match command {
        "set-txt" => zone.add(&name, zone::txt(&asked.value)),
        "add-a" | "add-aaaa" => asked.addresses.iter().all(|ip| zone.add(&name, zone::address(*ip))),
        "set-cname" => {
            let target = zone::name(&asked.target).ok_or_else(|| wrong("target"))?;
            zone.remove(&name, is(RecordType::CNAME));
            zone.add(&name, RData::CNAME(CNAME(target)))
        }
        "clear-txt" | "clear-a" | "clear-aaaa" | "clear-cname" => {
            let kind = match command {
                "clear-txt" => RecordType::TXT,
                "clear-a" => RecordType::A,
                "clear-aaaa" => RecordType::AAAA,
                _ => RecordType::CNAME,
            };
            zone.remove(&name, is(kind));
            true
        }
        _ => return Err(AcmeProblem::not_found("command")),
    };
    if !is_added {
        return Err(AcmeProblem::internal("the name server has no room for more records"));
    }
    Ok(reply::with_type(StatusCode::OK, "text/plain", Bytes::new()))
}
