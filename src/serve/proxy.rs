//! Forwards a client's request to an upstream, and the response back.

use std::borrow::Cow;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::copy_bidirectional;

use super::event::Event;
use super::headers::{self, Visitor};
use super::page::Refusal;
use super::pool::{self, Answer, Pool};
use super::worker::{Ends, Worker};

/// Answers a request and logs it.
pub(super) async fn answer(worker: &Rc<Worker>, ends: &Ends, request: Request<Incoming>) -> Response<Reply> {
    let begun = Instant::now();
    let line = worker.shared.events.are_read().then(|| RequestLine::of(&request));
    let asked = accept_of(request.headers());
    let response = match forward(worker, ends, request).await {
        Ok(response) => response,
        Err(refusal) => refusal.answer(&asked).map(Reply::Own),
    };
    if let Some(line) = line {
        worker.shared.events.say(&Event::Request {
            method: line.method.as_str(),
            host: &line.host,
            path: &line.path,
            status: response.status().as_u16(),
            milliseconds: begun.elapsed().as_secs_f64() * 1000.0,
            client: Cow::Owned(ends.peer.to_canonical().to_string()),
            identity: ends.client.as_ref().map(|client| client.name.as_str()),
            protocol: ends.protocol,
        });
    }
    response
}

/// The parts of a request that are logged, kept because the request itself is consumed.
struct RequestLine {
    method: Method,
    host: String,
    path: String,
}

impl RequestLine {
    fn of(request: &Request<Incoming>) -> Self {
        Self {
            method: request.method().clone(),
            host: headers::host(request.uri(), request.headers()).unwrap_or("?").to_owned(),
            path: request.uri().path_and_query().map_or("", |path| path.as_str()).to_owned(),
        }
    }
}

/// Copies the only header that decides how an error is displayed.
fn accept_of(headers: &HeaderMap) -> HeaderMap {
    let accept = headers.get(http::header::ACCEPT).map(|value| (http::header::ACCEPT, value.clone()));
    accept.into_iter().collect()
}

async fn forward(
    worker: &Rc<Worker>,
    ends: &Ends,
    mut request: Request<Incoming>,
) -> Result<Response<Reply>, Refusal> {
    if request.method() == Method::CONNECT {
        let what = "this is a reverse proxy, which opens no tunnels";
        return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, what, "use GET, POST and so on"));
    }
    headers::name_old_host(&mut request, ends.local.port());
    let host = headers::host(request.uri(), request.headers()).map(ToOwned::to_owned).map_err(|why| {
        Refusal::new(
            StatusCode::BAD_REQUEST,
            format!("this request is malformed: {why}"),
            "send one valid Host header",
        )
    })?;
    let pool = route(worker, &host)?.clone();
    let protocol = headers::upgrade(request.version(), request.headers());
    let tunnel = protocol.is_some().then(|| hyper::upgrade::on(&mut request));
    let (mut parts, body) = request.into_parts();
    let port = ends.local.port();
    headers::forward(&mut parts.headers, &Visitor { address: ends.peer, host: &host, port });
    if let Some(client) = &ends.client {
        client.tell(&mut parts.headers);
    }
    if let Some(protocol) = protocol.clone() {
        headers::set_upgrade(&mut parts.headers, protocol);
    }
    let request = outgoing(parts, body);
    let response = pool.send(&worker.shared.dialer, request, protocol.is_some()).await?;
    Ok(give_back(worker, response, tunnel))
}

fn outgoing(mut parts: Parts, body: Incoming) -> Request<pool::Outgoing> {
    parts.extensions.clear();
    let body = pool::outgoing(&parts.method, body);
    Request::from_parts(parts, body)
}

fn route<'a>(worker: &'a Worker, host: &str) -> Result<&'a Rc<Pool>, Refusal> {
    let bare = host.parse::<http::uri::Authority>();
    let bare = bare.as_ref().map_or(host, |authority| authority.host());
    let found = worker.shared.sites.find(bare).and_then(|at| worker.pools.get(at));
    found.ok_or_else(|| {
        let names = worker.shared.sites.iter().filter_map(|site| site.name.as_ref()).map(ToString::to_string);
        let names = names.collect::<Vec<_>>().join(", ");
        let what = format!("{bare} is not served here");
        Refusal::new(StatusCode::MISDIRECTED_REQUEST, what, format!("these are: {names}"))
    })
}

/// Prepares the response for the client. If the connection was upgraded, joins it with the client's.
fn give_back(
    worker: &Rc<Worker>,
    mut response: Response<Answer>,
    tunnel: Option<OnUpgrade>,
) -> Response<Reply> {
    let protocol = response.headers().get(http::header::UPGRADE).cloned();
    headers::give_back(response.headers_mut());
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        let Some(tunnel) = tunnel else {
            let what = "the upstream switched to another protocol without being asked to";
            let refusal = Refusal::new(StatusCode::BAD_GATEWAY, what, "look into the log of that program");
            return refusal.answer(&HeaderMap::new()).map(Reply::Own);
        };
        let upstream = hyper::upgrade::on(&mut response);
        let worker = worker.clone();
        tokio::task::spawn_local(async move { join(&worker, tunnel, upstream).await });
        headers::set_upgrade(
            response.headers_mut(),
            protocol.unwrap_or(HeaderValue::from_static("websocket")),
        );
    }
    response.extensions_mut().clear();
    // The client gets HTTP/1.1 even if the upstream uses HTTP/1.0.
    *response.version_mut() = http::Version::HTTP_11;
    response.map(Reply::Proxied)
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

/// The body of a response.
pub(super) enum Reply {
    /// From an upstream.
    Proxied(Answer),
    /// From this server.
    Own(Full<Bytes>),
}

impl Body for Reply {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut *self {
            Self::Proxied(body) => Pin::new(body).poll_frame(cx),
            Self::Own(body) => Pin::new(body).poll_frame(cx).map_err(|never| match never {}),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Proxied(body) => body.is_end_stream(),
            Self::Own(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Proxied(body) => body.size_hint(),
            Self::Own(body) => body.size_hint(),
        }
    }
}
