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
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;

use super::event::Event;
use super::headers::Visitor;
use super::identity::ClientIdentity;
use super::page::Refusal;
use super::session::Session;
use super::worker::{Arrival, Ends, LocalExecutor, Worker};
use super::{answer, handshake, headers};
use crate::report::printable;

/// The time limit from accepting the connection to the end of the handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// The time limit for receiving the header of a request, and for an idle connection.
const HEADER: Duration = Duration::from_secs(60);
/// The maximum size of a request's header.
const MOST_HEADERS: u32 = 64 << 10;
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
        protocol: "HTTP/1.1",
        session: Session::default(),
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
        Ok(Ok(1)) if first[0].is_ascii_alphabetic() => redirect(stream, local.port()).await,
        Ok(Ok(1)) => {
            let what = "a client sent neither TLS nor HTTP";
            worker.shared.events.once(&Event::warning(what, None));
        }
        _ => {}
    }
    drop(permit);
}

async fn speak(worker: Rc<Worker>, stream: TlsStream<TcpStream>, mut ends: Ends) {
    let session = stream.get_ref().1;
    let is_h2 = session.alpn_protocol() == Some(b"h2");
    let name = session.server_name().map(ToOwned::to_owned);
    if is_h2 {
        ends.protocol = "HTTP/2";
    }
    let (ends, own) = (Rc::new(ends), worker.clone());
    let service = service_fn(move |request: Request<Incoming>| {
        let (worker, ends) = (own.clone(), ends.clone());
        async move { Ok::<_, Infallible>(answer::answer(&worker, &ends, request).await) }
    });
    let io = TokioIo::new(stream);
    let stopped = pin!(worker.shared.stopped());
    let ended = if is_h2 {
        let mut connection = pin!(http2_builder().serve_connection(io, service));
        tokio::select! {
            ended = connection.as_mut() => ended,
            () = stopped => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        }
    } else {
        let mut connection = pin!(http1_builder().serve_connection(io, service).with_upgrades());
        tokio::select! {
            ended = connection.as_mut() => ended,
            () = stopped => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        }
    };
    if let Err(failed) = ended {
        // In TLS 1.3, a client rejects the certificate after the server's side of the handshake is complete.
        handshake::say_why(&worker, name.as_deref(), &failed);
    }
}

fn http1_builder() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEADER).max_header_size(MOST_HEADERS as usize);
    builder
}

fn http2_builder() -> http2::Builder<LocalExecutor> {
    let mut builder = http2::Builder::new(LocalExecutor);
    builder.timer(TokioTimer::new()).max_header_list_size(MOST_HEADERS).max_concurrent_streams(MOST_STREAMS);
    builder.initial_stream_window_size(WINDOWS.0).initial_connection_window_size(WINDOWS.1);
    builder.keep_alive_interval(PING).keep_alive_timeout(PING);
    builder
}

/// Answers plain HTTP with a redirect to the same address over HTTPS.
async fn redirect(stream: TcpStream, port: u16) {
    let service =
        service_fn(
            move |request: Request<Incoming>| async move { Ok::<_, Infallible>(moved(&request, port)) },
        );
    let connection = http1_builder().keep_alive(false).serve_connection(TokioIo::new(stream), service);
    let _ = timeout(HEADER, connection).await;
}

pub(super) fn moved<B>(request: &Request<B>, port: u16) -> Response<Full<Bytes>> {
    let refuse = |why: &str| {
        let what = format!("this request is malformed: {}", printable(why));
        Refusal::new(StatusCode::BAD_REQUEST, what, "use https://").answer(request.headers())
    };
    let host = match headers::host(request.uri(), request.headers()) {
        Ok(host) => host,
        Err(why) => return refuse(why),
    };
    let path = headers::target(request.uri());
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
