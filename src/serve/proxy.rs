//! Forwards a client's request to an upstream, and the response back.

use std::rc::Rc;

use aws_lc_rs::rand;
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional;

use super::answer::Reply;
use super::page::Refusal;
use super::pool::{self, Answer, Pool};
use super::worker::{Ends, Worker};
use super::{headers, upgrade};

/// Forwards a request for this host to an upstream.
pub(super) async fn forward(
    worker: &Rc<Worker>,
    ends: &Rc<Ends>,
    pool: &Rc<Pool>,
    host: &str,
    mut request: Request<Incoming>,
) -> Result<Response<Reply>, Refusal> {
    let connects_to = upgrade::connects_to(&request);
    let is_connect = connects_to.is_some();
    let protocol = connects_to.or_else(|| upgrade::asked(request.version(), request.headers()));
    let tunnel = protocol.is_some().then(|| hyper::upgrade::on(&mut request));
    let (mut parts, body) = request.into_parts();
    headers::forward(&mut parts.headers, &ends.visitor, host);
    if let Some(client) = &ends.client {
        client.tell(&mut parts.headers);
    }
    if is_connect {
        let mut key = [0; 16];
        let failed = |_| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the system has no randomness", "");
        rand::fill(&mut key).map_err(failed)?;
        upgrade::as_upgrade(&mut parts, key);
    }
    if let Some(protocol) = protocol.clone() {
        upgrade::set_upgrade(&mut parts.headers, protocol);
    }
    let request = outgoing(parts, body);
    let response = pool.send(&worker.shared.dialer, request, protocol.is_some()).await?;
    let has_switched = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    if is_connect && response.status().is_success() {
        return Err(unswitched("the upstream did not switch to WebSocket"));
    }
    let mut response = give_back(worker, ends, response, protocol.zip(tunnel))?;
    if is_connect && has_switched {
        upgrade::as_connected(&mut response);
        response = response.map(|_| Reply::Own(Full::default()));
    }
    Ok(response)
}

fn unswitched(what: &str) -> Refusal {
    Refusal::new(StatusCode::BAD_GATEWAY, what, "check that program's log")
}

fn outgoing(mut parts: Parts, body: Incoming) -> Request<pool::Outgoing> {
    parts.extensions.clear();
    let body = pool::outgoing(&parts.method, body);
    Request::from_parts(parts, body)
}

/// Prepares the response for the client. If the connection was upgraded, joins it with the client's.
fn give_back(
    worker: &Rc<Worker>,
    ends: &Rc<Ends>,
    mut response: Response<Answer>,
    tunnel: Option<(HeaderValue, OnUpgrade)>,
) -> Result<Response<Reply>, Refusal> {
    let protocol = response.headers().get(http::header::UPGRADE).cloned();
    headers::give_back(response.headers_mut());
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        let is_as_asked = |(asked, _): &(HeaderValue, _)| upgrade::is_as_asked(asked, protocol.as_ref());
        let Some((_, tunnel)) = tunnel.filter(is_as_asked) else {
            return Err(unswitched("the upstream switched to a protocol that it was not asked for"));
        };
        let upstream = hyper::upgrade::on(&mut response);
        // Both ends count as a connection for as long as the tunnel is open.
        let (worker, ends) = (worker.clone(), ends.clone());
        tokio::task::spawn_local(async move {
            join(&worker, tunnel, upstream).await;
            drop(ends);
        });
        upgrade::set_upgrade(
            response.headers_mut(),
            protocol.unwrap_or(HeaderValue::from_static("websocket")),
        );
    }
    response.extensions_mut().clear();
    // The client gets HTTP/1.1 even if the upstream uses HTTP/1.0.
    *response.version_mut() = http::Version::HTTP_11;
    Ok(response.map(Reply::Proxied))
}

/// Copies data in both directions until one side closes or the server stops.
async fn join(worker: &Worker, client: OnUpgrade, upstream: OnUpgrade) {
    let (Ok(client), Ok(upstream)) = tokio::join!(client, upstream) else { return };
    let (mut client, mut upstream) = (TokioIo::new(client), TokioIo::new(upstream));
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut upstream) => {}
        () = worker.shared.stopped() => {}
    }
}
