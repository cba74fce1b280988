//! The replacement for systems other than Linux, which have no kernel keyring.

use std::time::Duration;

use zeroize::Zeroizing;

/// Always fails on this system.
pub fn remember(_: &str, _: &str, _: Option<Duration>) -> Result<(), String> {
    Err("only the Linux kernel can remember a passphrase".into())
}

/// Always `None` on this system.
pub fn recall(_: &str) -> Option<Zeroizing<String>> {
    None
}

/// Always `false` on this system.
pub fn forget(_: &str) -> bool {
    false
}
