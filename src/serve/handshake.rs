//! The TLS handshake: the server's certificate, the client's, and errors with either.

use std::error::Error;

use rustls::{AlertDescription, HandshakeKind, InvalidMessage, PeerMisbehaved};
use time::OffsetDateTime;
use tokio::net::TcpStream;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use super::event::Event;
use super::session::{Hello, Session};
use super::worker::{Ends, Worker};
use super::{linger, tls_error};

/// Performs the handshake. Returns `None` if it fails, after reporting the reason if it matters.
pub(super) async fn secure(
    worker: &Worker,
    stream: TcpStream,
    ends: &Ends,
) -> Option<(Box<TlsStream<TcpStream>>, Session)> {
    let start = match LazyConfigAcceptor::new(rustls::server::Acceptor::default(), stream).await {
        Ok(start) => start,
        Err(failed) => {
            say_why(worker, None, &failed);
            return None;
        }
    };
    let hello = Hello::of(&start.client_hello());
    let name = start.client_hello().server_name().map(ToOwned::to_owned);
    let certificates = &worker.shared.certificates;
    let offer = match certificates.answer(name.as_deref(), ends.local.ip(), OffsetDateTime::now_utc()) {
        Ok(offer) => offer,
        Err(e) => {
            let name = name.as_deref().unwrap_or("a client without a server name");
            let what = format!("cannot make a certificate for {name}: {e:#}");
            worker.shared.events.once(&Event::warning(what, Some(crate::error::hint(&e).to_owned())));
            return None;
        }
    };
    let stream = match start.into_stream(offer.config).into_fallible().await {
        Ok(stream) => stream,
        Err((failed, stream)) => {
            let is_nameless = tls_error::find(&failed) == Some(&rustls::Error::NoCertificatesPresented);
            match offer.gate.filter(|_| is_nameless) {
                Some(gate) => gate.refuse_nameless(),
                None => say_why(worker, name.as_deref(), &failed),
            }
            linger::until_closed(stream).await;
            return None;
        }
    };
    let session = stream.get_ref().1;
    let chain = session.peer_certificates().unwrap_or_default();
    // rustls does not verify the certificate of a resumed session again.
    let is_resumed = session.handshake_kind() == Some(HandshakeKind::Resumed);
    if is_resumed && offer.gate.is_some_and(|gate| !gate.is_still_good(chain)) {
        return None;
    }
    let session = Session::of(hello, session);
    // It is large, and moved several times.
    Some((Box::new(stream), session))
}

/// Reports why a client rejected the certificate or was rejected, once for each cause.
pub(super) fn say_why(worker: &Worker, name: Option<&str>, failed: &(dyn Error + 'static)) {
    let whose = name.unwrap_or("this server");
    let event = match tls_error::find(failed) {
        Some(rustls::Error::AlertReceived(alert)) if is_of_certificate(*alert) => {
            let is_meant = worker.shared.bad.as_ref().is_some_and(|bad| bad.config(name).is_some());
            let hint = if is_meant { None } else { Some(hint(*alert).to_owned()) };
            Event::warning(format!("a client rejected the certificate for {whose} ({alert:?})"), hint)
        }
        Some(error @ rustls::Error::PeerIncompatible(_)) => {
            Event::warning(format!("a client cannot connect to {whose}: {}", tls_error::reason(error)), None)
        }
        Some(
            rustls::Error::PeerMisbehaved(PeerMisbehaved::ServerNameMustContainOneHostName)
            | rustls::Error::InvalidMessage(InvalidMessage::InvalidServerName),
        ) => Event::warning(
            "a client was refused: the server name in its hello (SNI) is not a host name",
            None,
        ),
        // Ignore aborted connections and other client behavior.
        _ => return,
    };
    worker.shared.events.once(&event);
}

/// What to do about a client that rejects a certificate with this alert.
fn hint(alert: AlertDescription) -> &'static str {
    match alert {
        // The certificate was created within the last days, and begins an hour before that.
        AlertDescription::CertificateExpired => {
            "compare the client's clock with this machine's, or check the root: devca status"
        }
        AlertDescription::UnknownCA
        | AlertDescription::CertificateUnknown
        | AlertDescription::BadCertificate => {
            "make it trust the root: devca install, or devca run -- PROGRAM"
        }
        _ => "look into the client's log, and explain its message: devca explain MESSAGE",
    }
}

/// Whether clients use this alert to reject certificates (RFC 8446 §6.2).
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
