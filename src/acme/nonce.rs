//! Nonces (RFC 8555 §6.5): signed numbers, each valid once. Used ones are marked in a window of fixed size, so a client
//! that requests millions of them does not fill the memory.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;

use super::base64url;

/// The number of recent nonces that are valid.
const WINDOW: usize = 1 << 16;
const TAG: usize = 16;

/// Issues nonces and redeems them.
pub(super) struct Nonces {
    key: hmac::Key,
    state: Mutex<Window>,
}

/// Which of the recent nonces are unused.
#[derive(Default)]
struct Window {
    /// The number of the first in the window.
    first: u64,
    unused: VecDeque<bool>,
}

impl Nonces {
    /// The nonces of an earlier process are no longer valid; clients request new ones.
    pub(super) fn new() -> anyhow::Result<Self> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new())?;
        Ok(Self { key, state: Mutex::default() })
    }

    /// A new one.
    pub(super) fn give(&self) -> String {
        let mut window = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let number = window.first + window.unused.len() as u64;
        window.unused.push_back(true);
        if window.unused.len() > WINDOW {
            window.unused.pop_front();
            window.first += 1;
        }
        drop(window);
        let number = number.to_be_bytes();
        let tag = hmac::sign(&self.key, &number);
        base64url::encode(&[&number[..], &tag.as_ref()[..TAG]].concat())
    }

    /// Whether this nonce was issued and not used before. It is used afterward.
    pub(super) fn take(&self, nonce: &str) -> bool {
        let Some(bytes) = base64url::decode(nonce) else { return false };
        let Some((number, tag)) = bytes.split_first_chunk::<8>() else { return false };
        let expected = hmac::sign(&self.key, number);
        // Not in constant time: timing this on one machine could only yield a nonce, and anyone can get those for free.
        if tag != &expected.as_ref()[..TAG] {
            return false;
        }
        let mut window = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let index = u64::from_be_bytes(*number).checked_sub(window.first);
        let index = index.and_then(|index| usize::try_from(index).ok());
        let slot = index.and_then(|index| window.unused.get_mut(index));
        slot.is_some_and(|unused| std::mem::replace(unused, false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_good_once_and_for_a_while() {
        let nonces = Nonces::new().unwrap();
        let [first, second] = [nonces.give(), nonces.give()];
        assert!(nonces.take(&second) && !nonces.take(&second));
        assert!(!Nonces::new().unwrap().take(&first));
        for _ in 0..WINDOW {
            nonces.give();
        }
        assert!(!nonces.take(&first), "it is too old");
        for bad in ["", "AAAA", "not base64url!", &first[1..]] {
            assert!(!nonces.take(bad), "{bad}");
        }
    }
}
