//! Answers requests: finds the resource and, for a POST, verifies who signed it (RFC 8555 §6).

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use time::OffsetDateTime;
use tokio::time::timeout;

use super::jwk::Jwk;
use super::jws::{Jws, SignedBy};
use super::log::AcmeEvent;
use super::problem::{AcmeProblem, ProblemKind};
use super::record::{AccountStatus, AcmeAccount};
use super::reply::{self, AcmeReply};
use super::route::Route;
use super::server::{AcmeServer, Call, Caller};
use super::{account, authorization, certificate, challenge, directory, dns, finalize, key_change};
use super::{order, renewal_info, revoke};
use crate::report;

/// The maximum size of a request's body: a CSR for a hundred names needs a tenth of it.
const MOST_BODY: usize = 64 << 10;
const MOST_DRAINED: usize = 1 << 20;
const BODY: Duration = Duration::from_secs(30);
const JOSE: &str = "application/jose+json";
const NONCE: &str = "replay-nonce";

/// Answers one request and logs it.
pub(super) async fn answer(
    server: &Arc<AcmeServer>,
    request: Request<Incoming>,
    client: std::net::IpAddr,
) -> Response<Full<Bytes>> {
    let began = Instant::now();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let (mut reply, problem) = match route(server, request).await {
        Ok(reply) => (reply, None),
        Err(problem) => (reply::problem(&problem), Some(problem)),
    };
    let headers = reply.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Problems have a nonce, too (§6.5), so a client whose nonce was refused gets the next one right away.
    if (method == Method::POST || path == Route::NewNonce.to_string())
        && let Ok(nonce) = HeaderValue::from_str(&server.nonces.give())
    {
        headers.insert(NONCE, nonce);
    }
    if server.log.is_read() {
        server.log.say(&AcmeEvent::Request {
            method: method.as_str(),
            path: &path,
            status: reply.status().as_u16(),
            milliseconds: report::milliseconds(began.elapsed()),
            client: client.to_canonical().to_string(),
            problem: problem.as_ref().map(|problem| problem.detail.as_str()),
        });
    }
    reply.map(Full::new)
}

async fn route(server: &Arc<AcmeServer>, request: Request<Incoming>) -> Result<AcmeReply, AcmeProblem> {
    let base = base(&request)?;
    let call = Call { server: server.clone(), base, now: OffsetDateTime::now_utc() };
    let path = request.uri().path().to_owned();
    let route = Route::parse(&path).ok_or_else(|| AcmeProblem::not_found("resource"))?;
    let method = request.method().clone();
    let is_read = matches!(method, Method::GET | Method::HEAD);
    let reply = match route {
        Route::Home if is_read => directory::home(&call),
        Route::Directory if is_read => directory::directory(&call),
        Route::NewNonce if method == Method::GET => with_status(StatusCode::NO_CONTENT),
        Route::NewNonce if method == Method::HEAD => with_status(StatusCode::OK),
        Route::RenewalInfo(id) if is_read => renewal_info::answer(&call, id)?,
        Route::Dns(rest) => dns::api::answer(&call, rest, request).await?,
        _ if method == Method::POST => {
            server.chaos.delay().await;
            post(&call, route, request).await?
        }
        _ => return Ok(not_allowed(route, &method)),
    };
    Ok(reply::linked(reply, &call.url(Route::Directory), "index"))
}

fn with_status(status: StatusCode) -> AcmeReply {
    let mut reply = Response::new(Bytes::new());
    *reply.status_mut() = status;
    reply
}

fn not_allowed(route: Route, method: &Method) -> AcmeReply {
    let (allowed, what) = match route {
        Route::Home | Route::Directory | Route::NewNonce | Route::RenewalInfo(_) => {
            ("GET, HEAD", format!("{method} is not supported here: use GET or HEAD"))
        }
        _ => {
            let what = "send a signed POST, which has an empty payload for reading (RFC 8555 section 6.3)";
            ("POST", format!("{method} is not supported here: {what}"))
        }
    };
    reply::with(reply::problem(&AcmeProblem::malformed(what).with_status(405)), ALLOW, allowed)
}

/// The name by which the client knows this server: URLs in answers begin with it.
fn base(request: &Request<Incoming>) -> Result<String, AcmeProblem> {
    let of_uri = request.uri().authority().map(|authority| authority.as_str().to_owned());
    let of_header = || request.headers().get(HOST).and_then(|host| host.to_str().ok()).map(ToOwned::to_owned);
    let host = of_uri.or_else(of_header).unwrap_or_default();
    let parsed = host.parse::<http::uri::Authority>();
    let is_good = parsed.is_ok_and(|authority| !authority.as_str().contains('@'));
    if is_good {
        Ok(format!("https://{host}"))
    } else {
        Err(AcmeProblem::malformed("the host is missing or invalid"))
    }
}

/// The account or key that signed a request.
enum Signatory {
    Account(Caller),
    Key(Jwk),
}

async fn post(call: &Call, route: Route<'_>, request: Request<Incoming>) -> Result<AcmeReply, AcmeProblem> {
    if request.headers().get(CONTENT_TYPE).is_none_or(|kind| kind != JOSE) {
        let what = format!("requests must have the content type {JOSE}");
        return Err(AcmeProblem::malformed(what).with_status(415));
    }
    let body = body(request.into_body()).await?;
    let jws = Jws::read(&body)?;
    let url = call.url(route);
    if jws.url.as_deref() != Some(url.as_str()) {
        let signed = jws.url.as_deref().unwrap_or("none");
        return Err(AcmeProblem::unauthorized(format!(
            "the signed url is {signed}, but the request went to {url}"
        )));
    }
    let nonce = jws.nonce.clone().unwrap_or_default();
    if !call.server.nonces.take(&nonce) {
        let what =
            "the nonce was used before, or is not from this server: send the request again with a new one";
        return Err(AcmeProblem::new(ProblemKind::BadNonce, what));
    }
    call.server.chaos.fail()?;
    let (sender, payload) = verified(call, jws)?;
    match (route, sender) {
        (Route::NewAccount, Signatory::Key(key)) => account::create(call, key, &payload).await,
        (Route::NewAccount, Signatory::Account(_)) => {
            Err(AcmeProblem::malformed("a request for a new account must be signed with jwk, not kid"))
        }
        (Route::RevokeCertificate, Signatory::Key(key)) => revoke::by_key(call, &key, &payload).await,
        (Route::RevokeCertificate, Signatory::Account(caller)) => {
            revoke::by_account(call, &caller, &payload).await
        }
        (_, Signatory::Key(_)) => {
            Err(AcmeProblem::malformed("this request must be signed with kid, not jwk"))
        }
        (route, Signatory::Account(caller)) => of_account(call, route, caller, payload).await,
    }
}

async fn of_account(
    call: &Call,
    route: Route<'_>,
    caller: Caller,
    payload: Vec<u8>,
) -> Result<AcmeReply, AcmeProblem> {
    match route {
        Route::Directory => return Ok(directory::directory(call)),
        Route::NewOrder => return order::create(call, &caller, &payload).await,
        Route::NewAuthorization => return authorization::create(call, &caller, &payload).await,
        Route::KeyChange => return key_change::change(call, caller, &payload).await,
        Route::Account(id) => return account::update(call, caller, id, &payload).await,
        Route::Finalize(id) => return finalize::finalize(call, &caller, id, &payload).await,
        Route::Authorization(id) => return authorization::update(call, &caller, id, &payload).await,
        Route::Challenge(id, kind) => return challenge::respond(call, &caller, (id, kind), &payload).await,
        _ => {}
    }
    if !payload.is_empty() {
        return Err(AcmeProblem::malformed(
            "to read this resource, send an empty payload (RFC 8555 section 6.3)",
        ));
    }
    match route {
        Route::Orders(id) => account::orders(call, &caller, id, ""),
        Route::OrdersAfter(id, cursor) => account::orders(call, &caller, id, cursor),
        Route::Order(id) => order::read(call, &caller, id),
        Route::Certificate(serial) => certificate::download(call, &caller, serial, false),
        Route::LongerChain(serial) => certificate::download(call, &caller, serial, true),
        _ => Err(AcmeProblem::malformed("POST is not supported here: use GET or HEAD").with_status(405)),
    }
}

async fn body(body: Incoming) -> Result<Vec<u8>, AcmeProblem> {
    let read = timeout(BODY, read(body)).await;
    read.map_err(|_| AcmeProblem::malformed("the body did not arrive in time").with_status(408))?
}

/// Keeps reading a body that is too large for a while, because a client that is still sending would not see the answer.
async fn read(mut body: Incoming) -> Result<Vec<u8>, AcmeProblem> {
    let (mut content, mut length) = (Vec::new(), 0);
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|_| AcmeProblem::malformed("the connection ended before the end of the body"))?;
        let Ok(data) = frame.into_data() else { continue };
        length += data.len();
        if length <= MOST_BODY {
            content.extend_from_slice(&data);
        } else if length > MOST_DRAINED {
            break;
        }
    }
    if length > MOST_BODY {
        return Err(AcmeProblem::malformed("the body is too large").with_status(413));
    }
    Ok(content)
}

fn verified(call: &Call, jws: Jws) -> Result<(Signatory, Vec<u8>), AcmeProblem> {
    let kid = match &jws.by {
        SignedBy::Key(key) => {
            let key = key.clone();
            let payload = jws.verified(&key)?;
            return Ok((Signatory::Key(key), payload));
        }
        SignedBy::Account(kid) => kid.clone(),
    };
    let unknown = || {
        AcmeProblem::new(
            ProblemKind::AccountDoesNotExist,
            format!("there is no account {kid} on this server"),
        )
    };
    let path = kid.strip_prefix(&call.base).ok_or_else(unknown)?;
    let Some(Route::Account(id)) = Route::parse(path) else { return Err(unknown()) };
    let account: AcmeAccount = call.server.store.find(id)?.ok_or_else(unknown)?;
    let payload = jws.verified(&account.key)?;
    if account.status != AccountStatus::Valid {
        return Err(AcmeProblem::unauthorized("this account was deactivated"));
    }
    Ok((Signatory::Account(Caller { id: id.to_owned(), account }), payload))
}
