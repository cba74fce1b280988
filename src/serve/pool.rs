//! Reusable connections to one upstream. Each worker has its own pool, so nothing needs a lock.

use std::cell::{Cell, RefCell};
use std::error::Error as _;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version, uri};
use http_body_util::{Either, Empty};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};

use super::dial::Dialer;
use super::page::Refusal;
use super::target;
use super::upload::{Upload, UploadFailure};
use super::upstream::{Scheme, Upstream};
use super::worker::LocalExecutor;
use crate::report::printable;

/// How long an idle connection is kept. Node closes it after five seconds, and a request sent at that moment
/// would be lost.
const MOST_IDLE: Duration = Duration::from_secs(4);
/// The maximum number of idle connections; more are closed.
const MOST_KEPT: usize = 256;
/// The maximum size of a response's header.
const MOST_HEADERS: usize = 256 << 10;
/// The HTTP/2 flow-control windows of a stream and of the connection.
const WINDOWS: (u32, u32) = (1 << 20, 4 << 20);

/// The body of a request to an upstream: the client's, or an empty one.
pub(super) type Outgoing = Either<Upload, Empty<Bytes>>;

/// The connections to an upstream.
pub(super) struct Pool {
    /// The upstream.
    pub(super) upstream: Upstream,
    idle: RefCell<Vec<Idle>>,
    shared: RefCell<Option<http2::SendRequest<Outgoing>>>,
    /// Whether the upstream has ever answered, so that it does not expect something else, such as TLS.
    has_answered: Cell<bool>,
}

struct Idle {
    sender: http1::SendRequest<Outgoing>,
    since: Instant,
}

enum Sender {
    Http1(http1::SendRequest<Outgoing>),
    Http2(http2::SendRequest<Outgoing>),
}

impl Pool {
    /// Creates an empty pool.
    pub(super) fn new(upstream: Upstream) -> Self {
        Self { upstream, idle: RefCell::default(), shared: RefCell::default(), has_answered: Cell::default() }
    }

    /// Sends a request, and repeats it if the connection turns out to be closed.
    pub(super) async fn send(
        self: &Rc<Self>,
        dialer: &Dialer,
        mut request: Request<Outgoing>,
        is_upgrade: bool,
    ) -> Result<Response<Answer>, Refusal> {
        let is_h2c = self.upstream.scheme == Scheme::H2c
            || self.upstream.scheme == Scheme::Http && is_grpc(request.headers());
        if is_h2c && is_upgrade {
            let what = format!("{} speaks HTTP/2, which has no Upgrade", self.upstream);
            return Err(Refusal::new(StatusCode::BAD_GATEWAY, what, "use http:// for a WebSocket server"));
        }
        let upload = match request.body() {
            Either::Left(upload) => upload.failure(),
            Either::Right(_) => UploadFailure::default(),
        };
        let can_repeat = request.method().is_safe() && matches!(request.body(), Either::Right(_));
        loop {
            let (sender, is_fresh) = match self.kept(is_upgrade, is_h2c) {
                Some(sender) => (sender, false),
                None => match self.connect(dialer, is_upgrade, is_h2c).await {
                    Ok(sender) => (sender, true),
                    Err(refusal) => {
                        drop(request);
                        upload.discard().await;
                        return Err(refusal);
                    }
                },
            };
            let copy = (can_repeat && !is_fresh).then(|| copy(&request));
            let failed = match sender {
                Sender::Http1(mut sender) => match sender.try_send_request(self.for_http1(request)).await {
                    Ok(response) => return Ok(self.answer(response, Some(sender))),
                    Err(failed) => failed,
                },
                Sender::Http2(mut sender) => match sender.try_send_request(self.for_http2(request)).await {
                    Ok(response) => return Ok(self.answer(response, None)),
                    Err(failed) => failed,
                },
            };
            let mut failed = failed;
            request = match failed.take_message().or(copy).filter(|_| !is_fresh) {
                Some(again) => again,
                None => return Err(self.failure(dialer, &upload, &failed.into_error()).await),
            };
        }
    }

    /// An idle connection, if there is one.
    fn kept(&self, only_http1: bool, only_http2: bool) -> Option<Sender> {
        if !only_http1 {
            let mut shared = self.shared.borrow_mut();
            if shared.as_ref().is_some_and(http2::SendRequest::is_closed) {
                *shared = None;
            }
            if let Some(sender) = &*shared {
                return Some(Sender::Http2(sender.clone()));
            }
        }
        if only_http2 {
            return None;
        }
        let mut idle = self.idle.borrow_mut();
        if idle.last().is_some_and(|newest| newest.since.elapsed() > MOST_IDLE) {
            idle.clear();
        }
        let ready = idle.iter().rposition(|kept| kept.sender.is_ready());
        if ready.is_none() {
            idle.retain(|kept| !kept.sender.is_closed());
        }
        ready.map(|ready| Sender::Http1(idle.swap_remove(ready).sender))
    }

    async fn connect(&self, dialer: &Dialer, only_http1: bool, is_h2c: bool) -> Result<Sender, Refusal> {
        let connected = dialer.connect(&self.upstream, only_http1).await?;
        let io = TokioIo::new(connected.stream);
        if is_h2c || connected.is_h2 {
            let mut builder = http2::Builder::new(LocalExecutor);
            builder.timer(TokioTimer::new()).initial_stream_window_size(WINDOWS.0);
            builder.initial_connection_window_size(WINDOWS.1);
            let (sender, connection) = builder.handshake(io).await.map_err(|failed| self.broken(&failed))?;
            tokio::task::spawn_local(connection);
            *self.shared.borrow_mut() = Some(sender.clone());
            return Ok(Sender::Http2(sender));
        }
        let handshake = http1::Builder::new().max_header_size(MOST_HEADERS).handshake(io).await;
        let (sender, connection) = handshake.map_err(|failed| self.broken(&failed))?;
        tokio::task::spawn_local(connection.with_upgrades());
        Ok(Sender::Http1(sender))
    }

    /// The request as it is sent with HTTP/1.1: the target without a host, and one `Host`.
    pub(super) fn for_http1(&self, mut request: Request<Outgoing>) -> Request<Outgoing> {
        let host = self.host(&request);
        if request.uri().authority().is_some() {
            let mut origin = uri::Parts::default();
            origin.path_and_query = Some(target::target(request.uri()));
            *request.uri_mut() = Uri::from_parts(origin).unwrap_or_else(|_| Uri::from_static("/"));
        }
        *request.version_mut() = Version::HTTP_11;
        if let Some(host) = host {
            request.headers_mut().insert(HOST, host);
        }
        request
    }

    fn for_http2(&self, mut request: Request<Outgoing>) -> Request<Outgoing> {
        let path = target::target(request.uri());
        let scheme = if self.upstream.scheme == Scheme::Https { "https" } else { "http" };
        let host = self.host(&request);
        let host = host.as_ref().and_then(|host| host.to_str().ok()).unwrap_or("localhost");
        let uri = Uri::builder().scheme(scheme).authority(host).path_and_query(path).build();
        *request.uri_mut() = uri.unwrap_or_else(|_| Uri::from_static("http://localhost/"));
        *request.version_mut() = Version::HTTP_2;
        request.headers_mut().remove(HOST);
        request
    }

    /// The `Host` for the upstream: a server on this machine gets the one that the client requested, any
    /// other gets its own name.
    fn host(&self, request: &Request<Outgoing>) -> Option<HeaderValue> {
        if !self.upstream.is_local() {
            return HeaderValue::from_str(&self.upstream.authority()).ok();
        }
        let asked = request.uri().authority().and_then(|host| HeaderValue::from_str(host.as_str()).ok());
        asked.or_else(|| request.headers().get(HOST).cloned())
    }

    fn answer(
        self: &Rc<Self>,
        response: Response<Incoming>,
        sender: Option<http1::SendRequest<Outgoing>>,
    ) -> Response<Answer> {
        self.has_answered.set(true);
        let is_upgrade = response.status() == StatusCode::SWITCHING_PROTOCOLS;
        let back = sender.filter(|_| !is_upgrade).map(|sender| (self.clone(), sender));
        response.map(|body| Answer { body, back })
    }

    fn keep(&self, sender: http1::SendRequest<Outgoing>) {
        let mut idle = self.idle.borrow_mut();
        if idle.len() < MOST_KEPT && !sender.is_closed() {
            idle.push(Idle { sender, since: Instant::now() });
        }
    }

    /// Why a request was not answered.
    async fn failure(&self, dialer: &Dialer, upload: &UploadFailure, failed: &hyper::Error) -> Refusal {
        if let Some(refusal) = upload.refusal() {
            return refusal;
        }
        upload.discard().await;
        let is_unknown = !self.has_answered.get();
        if is_unknown && self.upstream.scheme != Scheme::Https && dialer.expects_tls(&self.upstream).await {
            let what = format!("{} expects TLS", self.upstream);
            let hint = format!("use https://{} instead", self.upstream.authority());
            return Refusal::new(StatusCode::BAD_GATEWAY, what, hint);
        }
        self.broken(failed)
    }

    fn broken(&self, failed: &hyper::Error) -> Refusal {
        let (what, hint) = if failed.is_parse() {
            ("sent something other than HTTP/1.1", "h2c://HOST:PORT is for HTTP/2 without TLS")
        } else if is_closed(failed) {
            ("closed the connection before it answered", "check that program's log")
        } else {
            let cause = failed.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            let what = format!("{} broke off: {}", self.upstream, printable(&format!("{failed}{cause}")));
            return Refusal::new(StatusCode::BAD_GATEWAY, what, "check that program's log");
        };
        Refusal::new(StatusCode::BAD_GATEWAY, format!("{} {what}", self.upstream), hint)
    }
}

/// Whether the upstream ended the connection. What it has not read of the request decides whether that looks like an
/// end or a reset.
fn is_closed(failed: &hyper::Error) -> bool {
    let cause = failed.source().and_then(|cause| cause.downcast_ref::<io::Error>());
    let is_reset = |cause: &io::Error| {
        matches!(
            cause.kind(),
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe
        )
    };
    failed.is_incomplete_message() || cause.is_some_and(is_reset)
}

/// Whether this is gRPC, which always uses HTTP/2.
fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    kind == b"application/grpc"
        || kind.starts_with(b"application/grpc+")
        || kind.starts_with(b"application/grpc;")
}

/// Copies a request that has no body.
fn copy(request: &Request<Outgoing>) -> Request<Outgoing> {
    let mut copy = Request::new(Either::Right(Empty::new()));
    copy.method_mut().clone_from(request.method());
    copy.uri_mut().clone_from(request.uri());
    copy.headers_mut().clone_from(request.headers());
    copy
}

/// The body to send, if the request has one; without an announced length or transfer encoding it has none.
pub(super) fn outgoing(method: &Method, body: Incoming) -> Outgoing {
    if body.is_end_stream() && method != Method::CONNECT {
        Either::Right(Empty::new())
    } else {
        Either::Left(Upload::new(body))
    }
}

/// The body of a response. Once it is complete, its connection returns to the pool.
pub(super) struct Answer {
    body: Incoming,
    back: Option<(Rc<Pool>, http1::SendRequest<Outgoing>)>,
}

impl Body for Answer {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if let Some((pool, sender)) = self.back.take() {
            // If the body was cut off, the connection is already closed.
            pool.keep(sender);
        }
    }
}
