//! base64url without padding, which is all that JOSE and ACME know (RFC 8555 §6.1).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// As text.
pub(super) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// As bytes; `None` for anything else, also for padding.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}
