//! Linux' kernel keyring (keyrings(7)) remembers a passphrase that was typed, in memory that is never swapped out.
//!
//! The session keyring, not the user's: processes of this login session can read it, and it is gone after logout. Other
//! sessions of the same user, cron jobs and services cannot. Where nobody made a session keyring (no `pam_keyinit`), the
//! kernel uses the user's session keyring instead, which every process of the user can read.

use std::time::Duration;

use linux_keyutils::{KeyError, KeyRing, KeyRingIdentifier};
use zeroize::Zeroizing;

/// No passphrase is longer.
const MAX_LENGTH: usize = 4096;

/// Remembers a secret until logout, or for this long.
pub fn remember(name: &str, secret: &str, time: Option<Duration>) -> Result<(), String> {
    let remember = || {
        let key = session()?.add_key(name, secret)?;
        // 0 is no limit; one that was set before would stay.
        key.set_timeout(time.map_or(0, |time| usize::try_from(time.as_secs()).unwrap_or(0)))
    };
    remember().map_err(|e: KeyError| e.to_string())
}

/// What is remembered, if anything is.
pub fn recall(name: &str) -> Option<Zeroizing<String>> {
    let key = session().ok()?.search(name).ok()?;
    let mut bytes = Zeroizing::new(vec![0; MAX_LENGTH]);
    let length = key.read(&mut *bytes).ok()?;
    let text = std::str::from_utf8(bytes.get(..length)?).ok()?;
    Some(Zeroizing::new(text.to_owned()))
}

/// Forgets it; says whether there was anything.
pub fn forget(name: &str) -> bool {
    session().and_then(|keyring| keyring.search(name)).is_ok_and(|key| key.invalidate().is_ok())
}

/// Not created where there is none: that one would end with this process.
fn session() -> Result<KeyRing, KeyError> {
    KeyRing::from_special_id(KeyRingIdentifier::Session, false)
}
