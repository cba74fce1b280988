//! Connections from clients: HTTP/1.1 and HTTP/2 over TLS, with a certificate from the CA itself.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use time::OffsetDateTime;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use super::answer;
use super::problem::AcmeProblem;
use super::reply;
use super::server::AcmeServer;
use crate::serve::certificates::Certificates;

/// The time limit from accepting a connection to the end of the handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// The time limit for receiving the header of a request, and for an idle connection.
const HEADER: Duration = Duration::from_secs(60);
const MOST_HEADERS: u32 = 16 << 10;
const MOST_STREAMS: u32 = 32;
const PING: Duration = Duration::from_secs(30);
/// The first octet of a TLS record with a handshake (RFC 8446 §5.1).
const HANDSHAKE_RECORD: u8 = 22;

/// The state that all connections share.
pub(super) struct Listening {
    pub(super) server: Arc<AcmeServer>,
    pub(super) certificates: Certificates,
    pub(super) permits: Arc<Semaphore>,
    /// Becomes true when the server should stop.
    pub(super) stop: watch::Receiver<bool>,
}

/// Accepts and serves connections.
pub(super) async fn accept(listener: TcpListener, shared: Arc<Listening>) {
    loop {
        let Ok(permit) = shared.permits.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let shared = shared.clone();
                tokio::spawn(async move {
                    serve(&shared, stream).await;
                    drop(permit);
                });
            }
            Err(e) => {
                shared.server.log.warn(format!("a connection cannot be accepted: {e}"), None);
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn serve(shared: &Arc<Listening>, stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let mut first = [0];
    match timeout(HANDSHAKE, stream.peek(&mut first)).await {
        Ok(Ok(1)) if first[0] == HANDSHAKE_RECORD => {
            let client = stream.peer_addr();
            if let (Ok(Some(stream)), Ok(client)) = (timeout(HANDSHAKE, secure(shared, stream)).await, client)
            {
                speak(shared, stream, client.ip()).await;
            }
        }
        Ok(Ok(1)) => refuse_plain(stream).await,
        _ => {}
    }
}

async fn secure(shared: &Listening, stream: TcpStream) -> Option<TlsStream<TcpStream>> {
    let local = stream.local_addr().ok()?.ip();
    let start = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), stream).await.ok()?;
    let name = start.client_hello().server_name().map(ToOwned::to_owned);
    let offer = match shared.certificates.answer(name.as_deref(), local, OffsetDateTime::now_utc()) {
        Ok(offer) => offer,
        Err(e) => {
            let what = format!("cannot make a certificate for this server: {e:#}");
            shared.server.log.warn(what, Some(crate::error::hint(&e)));
            return None;
        }
    };
    start.into_stream(offer.config).await.ok()
}

async fn speak(shared: &Arc<Listening>, stream: TlsStream<TcpStream>, client: std::net::IpAddr) {
    let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let server = shared.server.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let server = server.clone();
        async move { Ok::<_, Infallible>(answer::answer(&server, request, client).await) }
    });
    let io = TokioIo::new(stream);
    let mut stop = shared.stop.clone();
    let stopped = pin!(async move { _ = stop.wait_for(|is_over| *is_over).await });
    if is_h2 {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder.timer(TokioTimer::new()).max_header_list_size(MOST_HEADERS);
        builder.max_concurrent_streams(MOST_STREAMS).keep_alive_interval(PING).keep_alive_timeout(PING);
        let mut connection = pin!(builder.serve_connection(io, service));
        tokio::select! {
            _ = connection.as_mut() => {}
            () = stopped => {
                connection.as_mut().graceful_shutdown();
                let _ = connection.await;
            }
        }
    } else {
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(HEADER).max_header_size(MOST_HEADERS as usize);
        let mut connection = pin!(builder.serve_connection(io, service));
        tokio::select! {
            _ = connection.as_mut() => {}
            () = stopped => {
                connection.as_mut().graceful_shutdown();
                let _ = connection.await;
            }
        }
    }
}

/// Tells a client that used `http://` to use HTTPS.
async fn refuse_plain(stream: TcpStream) {
    let service = service_fn(|_: Request<Incoming>| async {
        let problem = AcmeProblem::malformed("this server speaks HTTPS: use https:// in the directory's URL");
        let answer: Response<Full<Bytes>> =
            reply::problem(&problem.with_status(StatusCode::BAD_REQUEST.as_u16())).map(Full::new);
        Ok::<_, Infallible>(answer)
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HANDSHAKE).keep_alive(false);
    let _ = timeout(HEADER, builder.serve_connection(TokioIo::new(stream), service)).await;
}
