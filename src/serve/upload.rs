//! The body of a client's request on its way to an upstream.

use std::cell::Cell;
use std::error::Error as _;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::StatusCode;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::page::Refusal;

/// A body that remembers whether the client failed to send it: the error of the upstream's connection does not say so.
pub(super) struct Upload {
    body: Incoming,
    failure: UploadFailure,
}

/// What is wrong with a body, if anything.
#[derive(Debug, Clone, Default)]
pub(super) struct UploadFailure(Rc<Cell<Option<&'static str>>>);

impl Upload {
    pub(super) fn new(body: Incoming) -> Self {
        Self { body, failure: UploadFailure::default() }
    }

    /// Says later whether the body failed.
    pub(super) fn failure(&self) -> UploadFailure {
        self.failure.clone()
    }
}

impl UploadFailure {
    /// The response to a client that did not send a complete body.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        let what = self.0.get()?;
        Some(Refusal::new(
            StatusCode::BAD_REQUEST,
            format!("the body of this request is {what}"),
            "send it again",
        ))
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(Some(Err(failed))) = &polled {
            self.failure.0.set(Some(if is_malformed(failed) { "malformed" } else { "incomplete" }));
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Whether the chunks are invalid; otherwise, the connection ended or the client gave up.
fn is_malformed(failed: &hyper::Error) -> bool {
    let error = failed.source().and_then(|cause| cause.downcast_ref::<io::Error>());
    error
        .is_some_and(|error| matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData))
}
