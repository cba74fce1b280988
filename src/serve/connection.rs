//! One connection of a client: TLS, or plain HTTP that is told to use HTTPS.

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, HeaderValue, LOCATION};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::AlertDescription;
use time::OffsetDateTime;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use super::event::Event;
use super::page::Refusal;
use super::worker::{Arrival, Ends, LocalExecutor, Worker};
use super::{headers, proxy};
use crate::report::printable;

/// From the first byte of a connection to the end of the handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// What the header of a request may take, and how long an idle connection is kept.
const HEADER: Duration = Duration::from_secs(60);
/// The size of a request's header.
const MOST_HEADERS: u32 = 64 << 10;
/// How many requests of one HTTP/2 connection are answered at the same time.
const MOST_STREAMS: u32 = 256;
/// What may be on its way in one stream of HTTP/2, and in all of a connection.
const WINDOWS: (u32, u32) = (1 << 20, 4 << 20);
/// A client that does not answer a ping has gone away.
const PING: Duration = Duration::from_secs(30);

/// The first octet of a TLS record with a handshake (RFC 8446 §5.1).
const HANDSHAKE_RECORD: u8 = 22;

/// Serves a connection to its end.
pub(super) async fn serve(worker: Rc<Worker>, arrival: Arrival) {
    let Arrival { socket, peer, permit } = arrival;
    let Ok(stream) = TcpStream::from_std(socket) else { return };
    let _ = stream.set_nodelay(true);
    let Ok(local) = stream.local_addr() else { return };
    let ends = Ends { peer: peer.ip(), local, protocol: "HTTP/1.1" };
    let mut first = [0];
    match timeout(HANDSHAKE, stream.peek(&mut first)).await {
        Ok(Ok(1)) if first[0] == HANDSHAKE_RECORD => {
            // Otherwise it was too slow, or it was said what is wrong.
            if let Ok(Some(stream)) = timeout(HANDSHAKE, secure(&worker, stream, &ends)).await {
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

async fn secure(worker: &Worker, stream: TcpStream, ends: &Ends) -> Option<TlsStream<TcpStream>> {
    let events = &worker.shared.events;
    let start = match LazyConfigAcceptor::new(rustls::server::Acceptor::default(), stream).await {
        Ok(start) => start,
        Err(failed) => {
            say_why(worker, None, &failed);
            return None;
        }
    };
    let name = start.client_hello().server_name().map(ToOwned::to_owned);
    let config =
        worker.shared.certificates.answer(name.as_deref(), ends.local.ip(), OffsetDateTime::now_utc());
    match config {
        Ok(config) => match start.into_stream(config).await {
            Ok(stream) => Some(stream),
            Err(failed) => {
                say_why(worker, name.as_deref(), &failed);
                None
            }
        },
        Err(e) => {
            let name = name.as_deref().unwrap_or("a client without a server name");
            let what = format!("cannot make a certificate for {name}: {e:#}");
            events.once(&Event::warning(what, Some(crate::error::hint(&e).to_owned())));
            None
        }
    }
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
        async move { Ok::<_, Infallible>(proxy::answer(&worker, &ends, request).await) }
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
        // In TLS 1.3 a client rejects the certificate when the handshake is over for this side.
        say_why(&worker, name.as_deref(), &failed);
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

/// Says what a client did not like, or what it sent, once for each cause.
fn say_why(worker: &Worker, name: Option<&str>, failed: &(dyn Error + 'static)) {
    let whose = name.unwrap_or("this server");
    let event = match tls_error(failed) {
        Some(rustls::Error::AlertReceived(alert)) if is_of_certificate(*alert) => Event::warning(
            format!("a client rejected the certificate for {whose} ({alert:?})"),
            Some("make it trust the root: devca install, or devca run -- PROGRAM".into()),
        ),
        Some(rustls::Error::PeerIncompatible(why)) => {
            Event::warning(format!("a client speaks TLS that {whose} does not ({why:?})"), None)
        }
        // Connections that were cut off, and whatever else clients do, are their own business.
        _ => return,
    };
    worker.shared.events.once(&event);
}

/// The alerts by which clients reject certificates (RFC 8446 §6.2).
fn is_of_certificate(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
    )
}

fn tls_error<'a>(failed: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(failed);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<rustls::Error>() {
            return Some(found);
        }
        // An I/O error's source is that of the error in it, not the error itself.
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(found) = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// Answers plain HTTP: the same address with HTTPS.
async fn redirect(stream: TcpStream, port: u16) {
    let service =
        service_fn(
            move |request: Request<Incoming>| async move { Ok::<_, Infallible>(moved(&request, port)) },
        );
    let connection = http1_builder().keep_alive(false).serve_connection(TokioIo::new(stream), service);
    let _ = timeout(HEADER, connection).await;
}

fn moved(request: &Request<Incoming>, port: u16) -> Response<Full<Bytes>> {
    let refuse = |why: &str| {
        let what = format!("this request is malformed: {}", printable(why));
        Refusal::new(StatusCode::BAD_REQUEST, what, "use https://").answer(request.headers())
    };
    let host = match headers::host(request.uri(), request.headers()) {
        Ok(host) => host,
        Err(why) => return refuse(why),
    };
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let path = if path.starts_with('/') { path } else { "/" };
    let bare =
        host.parse::<http::uri::Authority>().map(|authority| authority.host().to_owned()).unwrap_or_default();
    let authority = if port == 443 { bare } else { format!("{bare}:{port}") };
    let Ok(location) = HeaderValue::from_str(&format!("https://{authority}{path}")) else {
        return refuse("its address cannot be repeated");
    };
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    response.headers_mut().insert(LOCATION, location);
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
