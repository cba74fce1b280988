//! Answers requests: selects what serves the host, and logs a line.

use std::error::Error;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::EXPECT;
use http::{Method, Request, Response, StatusCode, Version};
use http_body_util::Full;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::bad::BadSites;
use super::file_body::FileBody;
use super::page::{self, Refusal};
use super::pool::Answer;
use super::request_line::RequestLine;
use super::upload::discard;
use super::worker::{Backend, Ends, MOST_HEADERS, Worker};
use super::{folder, headers, proxy, session_page, target, upgrade};

/// Answers a request and logs it.
pub(super) async fn answer(
    worker: &Rc<Worker>,
    ends: &Rc<Ends>,
    mut request: Request<Incoming>,
) -> Response<Reply> {
    let line = RequestLine::begin(worker, ends, &request);
    let is_for_people = page::wants_html(request.headers());
    let answered = match select(worker, ends, &mut request) {
        Ok((host, backend)) => dispatch(worker, ends, &host, backend, request).await,
        Err(refusal) => {
            // Reading would ask a client that waits for permission to send its body.
            if request.method() != Method::CONNECT && !request.headers().contains_key(EXPECT) {
                discard(request.body_mut()).await;
            }
            Err(refusal)
        }
    };
    let response = match answered {
        Ok(response) => response,
        Err(refusal) => refusal.answer_as(is_for_people).map(Reply::Own),
    };
    if let Some(line) = line {
        line.end(response.status());
    }
    response
}

/// The requested host, and what answers for it.
fn select(
    worker: &Worker,
    ends: &Ends,
    request: &mut Request<Incoming>,
) -> Result<(String, Backend), Refusal> {
    if request.method() == Method::CONNECT && upgrade::connects_to(request).is_none() {
        return Err(no_tunnel("CONNECT is not supported, except for WebSocket over HTTP/2"));
    }
    refuse_unreadable(request)?;
    target::name_old_host(request, ends.local.port());
    let host = target::host(request.uri(), request.headers()).map(ToOwned::to_owned).map_err(|why| {
        Refusal::new(
            StatusCode::BAD_REQUEST,
            format!("this request is malformed: {why}"),
            "send one valid Host header",
        )
    })?;
    let backend = route(worker, &host)?.clone();
    if request.method() == Method::CONNECT && !matches!(backend, Backend::Upstream(_)) {
        return Err(no_tunnel("there is no WebSocket server behind this name"));
    }
    Ok((host, backend))
}

async fn dispatch(
    worker: &Rc<Worker>,
    ends: &Rc<Ends>,
    host: &str,
    backend: Backend,
    mut request: Request<Incoming>,
) -> Result<Response<Reply>, Refusal> {
    let path = request.uri().path();
    let is_page = path == session_page::PATH || path == "/" && matches!(backend, Backend::Page);
    if is_page || !matches!(backend, Backend::Upstream(_)) {
        discard(request.body_mut()).await;
    }
    let path = request.uri().path();
    if is_page {
        let page = session_page::answer(worker, ends, request.method(), request.headers());
        return Ok(page.map(Reply::Own));
    }
    match backend {
        Backend::Upstream(pool) => proxy::forward(worker, ends, &pool, host, request).await,
        Backend::Folder(root) => {
            folder::answer(&root, request.method(), request.uri(), request.headers()).await
        }
        Backend::Bad => {
            let port = ends.local.port();
            let answer = |bad: &Arc<BadSites>| bad.answer(bare(host), path, port, request.headers());
            worker
                .shared
                .bad
                .as_ref()
                .map(answer)
                .map(|page| page.map(Reply::Own))
                .ok_or_else(|| missing(path))
        }
        Backend::Page => Err(missing(path)),
    }
}

/// Refuses what the libraries let through: a large header of HTTP/2, and codings of the body that nobody would decode
/// (RFC 9112 §6.1).
fn refuse_unreadable<B>(request: &Request<B>) -> Result<(), Refusal> {
    if request.version() == Version::HTTP_2 && headers::size(request) > MOST_HEADERS as usize {
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        return Err(Refusal::new(status, "the header of this request is larger than 64 KiB", "send less"));
    }
    if headers::has_unknown_coding(request.headers()) {
        let what = "this request has a transfer coding other than chunked";
        return Err(Refusal::new(StatusCode::NOT_IMPLEMENTED, what, "use Content-Encoding for compression"));
    }
    Ok(())
}

fn no_tunnel(what: &str) -> Refusal {
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, what, "use GET, POST and so on")
}

fn missing(path: &str) -> Refusal {
    let what = format!("there is nothing at {}", crate::report::printable(path));
    Refusal::new(StatusCode::NOT_FOUND, what, "the page about your connection is at /")
}

/// The host without its port.
pub(super) fn bare(host: &str) -> &str {
    let end = host.rfind(':').filter(|end| !host[*end..].contains(']')).unwrap_or(host.len());
    &host[..end]
}

fn route<'a>(worker: &'a Worker, host: &str) -> Result<&'a Backend, Refusal> {
    let bare = bare(host);
    let found = worker.shared.sites.find(bare).and_then(|at| worker.backends.get(at));
    found.ok_or_else(|| {
        let names = worker.shared.sites.iter().filter_map(|site| site.name.as_ref()).map(ToString::to_string);
        let names = names.collect::<Vec<_>>().join(", ");
        let what = format!("{bare} is not served here");
        Refusal::new(StatusCode::MISDIRECTED_REQUEST, what, format!("use one of these names: {names}"))
    })
}

/// The body of a response.
pub(super) enum Reply {
    /// From an upstream.
    Proxied(Answer),
    /// From a file.
    File(FileBody),
    /// From this server.
    Own(Full<Bytes>),
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match &mut *self {
            Self::Proxied(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
            Self::File(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
            Self::Own(body) => Pin::new(body).poll_frame(cx).map_err(|never| match never {}),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Proxied(body) => body.is_end_stream(),
            Self::File(body) => body.is_end_stream(),
            Self::Own(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Proxied(body) => body.size_hint(),
            Self::File(body) => body.size_hint(),
            Self::Own(body) => body.size_hint(),
        }
    }
}
