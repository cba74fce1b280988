//! Serves HTTP/1.1 on a connection.

use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::PoisonError;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

use super::answer::Reply;
use super::unparsed;
use super::withheld::{HttpPhase, WithheldSlot, Withholding};
use super::worker::{Ends, MOST_HEADERS, Worker};

/// The time limit for receiving the header of a request, and for an idle connection.
pub(super) const HEADER: Duration = Duration::from_secs(60);

/// Answers requests with `respond` until the connection ends; `keep_alive` allows more than one.
pub(super) async fn serve<S, F>(
    worker: &Worker,
    ends: &Ends,
    stream: S,
    keep_alive: bool,
    respond: impl Fn(Request<Incoming>) -> F,
) -> hyper::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: Future<Output = Response<Reply>>,
{
    let (phase, slot) = (HttpPhase::default(), WithheldSlot::default());
    let service = service_fn(|request: Request<Incoming>| {
        phase.begin();
        let (phase, answered) = (phase.clone(), respond(request));
        async move {
            let response = answered.await;
            if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                phase.switch();
            }
            Ok::<_, Infallible>(response.map(|reply| TrackedReply { reply, phase }))
        }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEADER).max_header_size(MOST_HEADERS as usize);
    let io = TokioIo::new(Withholding::new(stream, phase.clone(), slot.clone()));
    let connection = builder.keep_alive(keep_alive).serve_connection(io, service).with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = worker.shared.stopped() => {
            connection.as_mut().graceful_shutdown();
            worker.shared.unless_over(connection).await.unwrap_or(Ok(()))
        }
    };
    let withheld = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
    match (withheld, &ended) {
        (Some(withheld), Err(failed)) => unparsed::answer(worker, ends, withheld, failed).await,
        (None, Err(failed)) if failed.is_parse() => unparsed::say(worker, ends, unparsed::reason(failed)),
        _ => {}
    }
    ended
}

/// A response that reports its end.
struct TrackedReply {
    reply: Reply,
    phase: HttpPhase,
}

impl Drop for TrackedReply {
    fn drop(&mut self) {
        self.phase.end();
    }
}

impl Body for TrackedReply {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Pin::new(&mut self.reply).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.reply.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.reply.size_hint()
    }
}
