//! The Linux kernel keyring (keyrings(7)) remembers a typed passphrase in memory that is never swapped out.
//!
//! devca uses the session keyring rather than the user keyring: it is available to the processes of this
//! login session and disappears on logout, while other sessions of the same user, cron jobs and services
//! cannot read it. If no session keyring was created (no `pam_keyinit`), the kernel uses the user session
//! keyring instead, which every process of the user can read.

use std::time::Duration;

use linux_keyutils::{KeyError, KeyRing, KeyRingIdentifier};
use zeroize::Zeroizing;

/// The maximum length of a passphrase.
const MAX_LENGTH: usize = 4096;

/// Remembers a secret until logout, or for the given time.
pub fn remember(name: &str, secret: &str, time: Option<Duration>) -> Result<(), String> {
    let remember = || {
        let key = session()?.add_key(name, secret)?;
        // 0 means no limit; set it explicitly, because an existing limit would stay.
        key.set_timeout(time.map_or(0, |time| usize::try_from(time.as_secs()).unwrap_or(0)))
    };
    remember().map_err(|e: KeyError| e.to_string())
}

/// The remembered secret, if there is one.
pub fn recall(name: &str) -> Option<Zeroizing<String>> {
    let key = session().ok()?.search(name).ok()?;
    let mut bytes = Zeroizing::new(vec![0; MAX_LENGTH]);
    let length = key.read(&mut *bytes).ok()?;
    let text = std::str::from_utf8(bytes.get(..length)?).ok()?;
    Some(Zeroizing::new(text.to_owned()))
}

/// Forgets a secret. Returns whether there was one.
pub fn forget(name: &str) -> bool {
    session().and_then(|keyring| keyring.search(name)).is_ok_and(|key| key.invalidate().is_ok())
}

/// Do not create a session keyring, because it would end with this process.
fn session() -> Result<KeyRing, KeyError> {
    KeyRing::from_special_id(KeyRingIdentifier::Session, false)
}
