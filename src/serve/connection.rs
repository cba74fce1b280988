//! Handles one client connection: TLS, or plain HTTP that is redirected to HTTPS.

use std::convert::Infallible;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONNECTION, HeaderValue, LOCATION};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;

use super::answer::{self, Reply};
use super::event::Event;
use super::headers::Visitor;
use super::identity::ClientIdentity;
use super::page::Refusal;
use super::request_line::RequestLine;
use super::session::Session;
use super::worker::{Arrival, Ends, LocalExecutor, MOST_HEADERS, Worker};
use super::{handshake, http1, target};
use crate::report::printable;

/// The time limit from accepting the connection to the end of the handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// The maximum number of concurrent requests on an HTTP/2 connection.
const MOST_STREAMS: u32 = 256;
/// The HTTP/2 flow-control windows of a stream and of the connection.
const WINDOWS: (u32, u32) = (1 << 20, 4 << 20);
/// How often to send HTTP/2 pings; a client that does not answer them is gone.
const PING: Duration = Duration::from_secs(30);

/// The first octet of a TLS record with a handshake (RFC 8446 §5.1).
const HANDSHAKE_RECORD: u8 = 22;

/// Serves a connection until it ends.
pub(super) async fn serve(worker: Rc<Worker>, arrival: Arrival) {
    let Arrival { socket, peer, permit } = arrival;
    let Ok(stream) = TcpStream::from_std(socket) else { return };
    let _ = stream.set_nodelay(true);
    let Ok(local) = stream.local_addr() else { return };
    let mut ends = Ends {
        peer: peer.ip(),
        local,
        visitor: Visitor::new(peer.ip(), local.port()),
        client: None,
        scheme: "https",
        protocol: "HTTP/1.1",
        session: Session::default(),
        _permit: permit,
    };
    let mut first = [0];
    match timeout(HANDSHAKE, stream.peek(&mut first)).await {
        Ok(Ok(1)) if first[0] == HANDSHAKE_RECORD => {
            // Otherwise the handshake timed out, or the error was already reported.
            let secured = timeout(HANDSHAKE, handshake::secure(&worker, stream, &ends)).await;
            if let Ok(Some((stream, session))) = secured {
                let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
                (ends.client, ends.session) = (ClientIdentity::of(chain), session);
                speak(worker, stream, ends).await;
            }
        }
        Ok(Ok(1)) if first[0].is_ascii_alphabetic() => {
            ends.scheme = "http";
            redirect(&worker, stream, &ends).await;
        }
        Ok(Ok(1)) => {
            let what = "a client sent neither TLS nor HTTP";
            worker.shared.events.once(&Event::warning(what, None));
        }
        _ => {}
    }
}

async fn speak(worker: Rc<Worker>, stream: Box<TlsStream<TcpStream>>, mut ends: Ends) {
    let session = stream.get_ref().1;
    let is_h2 = session.alpn_protocol() == Some(b"h2");
    let name = session.server_name().map(ToOwned::to_owned);
    if is_h2 {
        ends.protocol = "HTTP/2";
    }
    let ends = Rc::new(ends);
    let respond = |request: Request<Incoming>| {
        let (worker, ends) = (worker.clone(), ends.clone());
        async move { answer::answer(&worker, &ends, request).await }
    };
    let ended = if is_h2 {
        let service = service_fn(|request| {
            let response = respond(request);
            async move { Ok::<_, Infallible>(response.await) }
        });
        let mut connection = pin!(http2_builder().serve_connection(TokioIo::new(stream), service));
        tokio::select! {
            ended = connection.as_mut() => ended,
            () = worker.shared.stopped() => {
                connection.as_mut().graceful_shutdown();
                worker.shared.unless_over(connection).await.unwrap_or(Ok(()))
            }
        }
    } else {
        http1::serve(&worker, &ends, stream, true, respond).await
    };
    if let Err(failed) = ended {
        // In TLS 1.3, a client rejects the certificate after the server's side of the handshake is complete.
        handshake::say_why(&worker, name.as_deref(), &failed);
    }
}

fn http2_builder() -> http2::Builder<LocalExecutor> {
    let mut builder = http2::Builder::new(LocalExecutor);
    // A header beyond this is refused without a text; one beyond `MOST_HEADERS`, with one.
    builder.timer(TokioTimer::new()).max_header_list_size(2 * MOST_HEADERS);
    builder.max_concurrent_streams(MOST_STREAMS).enable_connect_protocol();
    builder.initial_stream_window_size(WINDOWS.0).initial_connection_window_size(WINDOWS.1);
    builder.keep_alive_interval(PING).keep_alive_timeout(PING);
    builder
}

/// Answers plain HTTP with a redirect to the same address over HTTPS.
async fn redirect(worker: &Worker, stream: TcpStream, ends: &Ends) {
    let respond = |request: Request<Incoming>| async move {
        let line = RequestLine::begin(worker, ends, &request);
        let response = moved(&request, ends.local.port()).map(Reply::Own);
        if let Some(line) = line {
            line.end(response.status());
        }
        response
    };
    let _ = timeout(http1::HEADER, http1::serve(worker, ends, stream, false, respond)).await;
}

pub(super) fn moved<B>(request: &Request<B>, port: u16) -> Response<Full<Bytes>> {
    let refuse = |why: &str| {
        let what = format!("this request is malformed: {}", printable(why));
        Refusal::new(StatusCode::BAD_REQUEST, what, "use https://").answer(request.headers())
    };
    let host = match target::host(request.uri(), request.headers()) {
        Ok(host) => host,
        Err(why) => return refuse(why),
    };
    let path = target::target(request.uri());
    let path = if path == "*" { "/" } else { path.as_str() };
    let bare =
        host.parse::<http::uri::Authority>().map(|authority| authority.host().to_owned()).unwrap_or_default();
    let authority = if port == 443 { bare } else { format!("{bare}:{port}") };
    let Ok(location) = HeaderValue::from_str(&format!("https://{authority}{path}")) else {
        return refuse("its address cannot be repeated");
    };
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    response.headers_mut().insert(LOCATION, location);
    // Browsers would keep a permanent redirect for the next server on this port, which may not speak TLS.
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
