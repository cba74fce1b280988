//! Systems other than Linux have no kernel keyring.

use std::time::Duration;

use zeroize::Zeroizing;

/// Not possible here.
pub fn remember(_: &str, _: &str, _: Option<Duration>) -> Result<(), String> {
    Err("only the Linux kernel can remember a passphrase".into())
}

/// Nothing is remembered.
pub fn recall(_: &str) -> Option<Zeroizing<String>> {
    None
}

/// There is nothing to forget.
pub fn forget(_: &str) -> bool {
    false
}
