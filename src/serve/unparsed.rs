//! Requests that hyper could not parse: the client and the log are told why.

use std::error::Error as _;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::event::Event;
use super::linger;
use super::withheld::Withheld;
use super::worker::{Ends, Worker};

/// How long a client may take to read the response.
const LIMIT: Duration = Duration::from_secs(5);

/// Sends the response that was withheld, with a text that says why.
pub(super) async fn answer<S: AsyncRead + AsyncWrite + Unpin>(
    worker: &Worker,
    ends: &Ends,
    withheld: Withheld<S>,
    failed: &hyper::Error,
) {
    let why = reason(failed);
    say(worker, ends, why);
    let head = String::from_utf8_lossy(&withheld.head);
    let text = format!("devca: error: this request cannot be read: {why}\n");
    let fields = format!("content-type: text/plain; charset=utf-8\r\ncontent-length: {}\r\n", text.len());
    let response = head.replace("content-length: 0\r\n", &fields) + &text;
    let mut stream = withheld.stream;
    let sent = async {
        stream.write_all(response.as_bytes()).await?;
        stream.shutdown().await
    };
    if timeout(LIMIT, sent).await.is_ok_and(|sent| sent.is_ok()) {
        linger::until_closed(stream).await;
    }
}

/// Logs a request that cannot be read.
pub(super) fn say(worker: &Worker, ends: &Ends, why: &str) {
    let what = format!("a request from {} cannot be read: {why}", ends.peer.to_canonical());
    worker.shared.events.say(&Event::warning(what, None));
}

/// What is wrong with a request. hyper has words for it, but no public types.
pub(super) fn reason(failed: &hyper::Error) -> &'static str {
    if failed.is_parse_too_large() {
        return "its header is too large (more than 64 KiB, or 100 fields)";
    }
    let said = failed.to_string() + &failed.source().map(ToString::to_string).unwrap_or_default();
    let known = [
        ("method", "its method is invalid"),
        ("HTTP2", "it is HTTP/2, which this connection did not negotiate (ALPN)"),
        ("version", "its HTTP version is invalid"),
        ("URI", "its target is invalid"),
        ("content-length", "its Content-Length is invalid"),
        ("transfer-encoding", "its Transfer-Encoding is invalid"),
    ];
    let known = known.into_iter().find(|(word, _)| said.contains(word));
    known.map_or("a field of its header is invalid", |(_, why)| why)
}
