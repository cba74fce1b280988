//! The body of a client's request on its way to an upstream.

use std::cell::{Cell, RefCell};
use std::error::Error as _;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::timeout;

use super::page::Refusal;

/// A body that remembers whether the client failed to send it: the error of the upstream's connection does not say so.
pub(super) struct Upload {
    body: Option<Incoming>,
    failure: UploadFailure,
}

/// What is wrong with a body, if anything, and what the upstream has not taken of it.
#[derive(Debug, Clone, Default)]
pub(super) struct UploadFailure {
    what: Rc<Cell<Option<&'static str>>>,
    rest: Rc<RefCell<Option<Incoming>>>,
}

impl Upload {
    pub(super) fn new(body: Incoming) -> Self {
        Self { body: Some(body), failure: UploadFailure::default() }
    }

    /// Says later whether the body failed.
    pub(super) fn failure(&self) -> UploadFailure {
        self.failure.clone()
    }
}

impl UploadFailure {
    /// The response to a client that did not send a complete body.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        let what = self.what.get()?;
        Some(Refusal::new(
            StatusCode::BAD_REQUEST,
            format!("the body of this request is {what}"),
            "send it again",
        ))
    }

    /// Discards what the upstream has not taken, after its connection has ended.
    pub(super) async fn discard(&self) {
        if let Some(mut body) = self.rest.take() {
            discard(&mut body).await;
        }
    }
}

/// Reads a body that is not needed, unless it is large or slow: many clients do not read a response before they have sent
/// their request, and curl 7.88 reports a broken HTTP/2 stream.
pub(super) async fn discard(body: &mut Incoming) {
    const MOST: usize = 64 << 10;
    const LIMIT: Duration = Duration::from_secs(1);
    let read = async {
        let mut left = MOST;
        while let (true, Some(Ok(frame))) = (left > 0, body.frame().await) {
            left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
        }
    };
    let _ = timeout(LIMIT, read).await;
}

impl Drop for Upload {
    fn drop(&mut self) {
        self.failure.rest.replace(self.body.take());
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let polled = Pin::new(body).poll_frame(cx);
        if let Poll::Ready(Some(Err(failed))) = &polled {
            self.failure.what.set(Some(if is_malformed(failed) { "malformed" } else { "incomplete" }));
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

/// Whether the chunks are invalid; otherwise, the connection ended or the client gave up.
fn is_malformed(failed: &hyper::Error) -> bool {
    let error = failed.source().and_then(|cause| cause.downcast_ref::<io::Error>());
    error
        .is_some_and(|error| matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData))
}
