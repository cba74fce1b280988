//! Withholds the empty response that hyper writes when it cannot parse a request. Only when the connection has ended does hyper
//! say why, so the response is sent then, with that reason.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Between requests: what hyper writes now answers a request that it could not parse.
const WAITING: u8 = 0;
/// A request is being answered.
const ANSWERING: u8 = 1;
/// The response is complete, but may not have been written yet.
const ANSWERED: u8 = 2;
/// The connection no longer carries HTTP.
const SWITCHED: u8 = 3;

/// Who writes on a connection: hyper, or what answers a request.
#[derive(Debug, Clone, Default)]
pub(super) struct HttpPhase(Arc<AtomicU8>);

impl HttpPhase {
    /// A request has arrived.
    pub(super) fn begin(&self) {
        self.0.store(ANSWERING, Ordering::Relaxed);
    }

    /// The protocol of the connection changes.
    pub(super) fn switch(&self) {
        self.0.store(SWITCHED, Ordering::Relaxed);
    }

    /// The response is complete.
    pub(super) fn end(&self) {
        let _ = self.0.compare_exchange(ANSWERING, ANSWERED, Ordering::Relaxed, Ordering::Relaxed);
    }

    fn is_written(&self) {
        let _ = self.0.compare_exchange(ANSWERED, WAITING, Ordering::Relaxed, Ordering::Relaxed);
    }

    fn is_waiting(&self) -> bool {
        self.0.load(Ordering::Relaxed) == WAITING
    }
}

/// A connection that hyper has given up, and the response that it wanted to send.
pub(super) struct Withheld<S> {
    pub(super) stream: S,
    pub(super) head: Vec<u8>,
}

/// Where to find it.
pub(super) type WithheldSlot<S> = Arc<Mutex<Option<Withheld<S>>>>;

/// A stream for hyper's server of HTTP/1.1.
pub(super) struct Withholding<S> {
    stream: Option<S>,
    phase: HttpPhase,
    head: Vec<u8>,
    slot: WithheldSlot<S>,
}

impl<S> Withholding<S> {
    pub(super) fn new(stream: S, phase: HttpPhase, slot: WithheldSlot<S>) -> Self {
        Self { stream: Some(stream), phase, head: Vec::new(), slot }
    }
}

impl<S: Unpin> Withholding<S> {
    fn stream(&mut self) -> io::Result<Pin<&mut S>> {
        self.stream.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::BrokenPipe.into())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Withholding<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.get_mut().stream()?.poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Withholding<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.phase.is_waiting() {
            this.head.extend_from_slice(bytes);
            return Poll::Ready(Ok(bytes.len()));
        }
        this.stream()?.poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.phase.is_waiting() {
            let before = this.head.len();
            this.head.extend(parts.iter().flat_map(|part| part.iter()));
            return Poll::Ready(Ok(this.head.len() - before));
        }
        this.stream()?.poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.as_ref().is_some_and(S::is_write_vectored)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.stream()?.poll_flush(cx))?;
        this.phase.is_written();
        Poll::Ready(Ok(()))
    }

    /// Leaves the stream open for the response that was withheld.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.head.is_empty() {
            return this.stream()?.poll_shutdown(cx);
        }
        if let Some(stream) = this.stream.take() {
            let withheld = Withheld { stream, head: std::mem::take(&mut this.head) };
            *this.slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(withheld);
        }
        Poll::Ready(Ok(()))
    }
}
