//! Ends a connection so that the client can read what was sent last.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, copy, sink};
use tokio::time::timeout;

/// How long a client may take to close the connection.
const LIMIT: Duration = Duration::from_secs(1);
/// How much a client may send until then.
const MOST: u64 = 64 << 10;

/// Reads what the client is still sending, until it closes the connection. If the socket were closed before that, the system
/// would reset the connection, and the client could lose the alert or response that says why.
pub(super) async fn until_closed(stream: impl AsyncRead + Unpin) {
    let _ = timeout(LIMIT, copy(&mut stream.take(MOST), &mut sink())).await;
}
