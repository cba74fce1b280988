//! The code that reads untrusted input, for the targets in `fuzz/`.

use serde_json::Value;

use super::dns::responder;
use super::dns::tsig::TsigKey;
use super::dns::zone::Zone;
use super::jwk::Jwk;
use super::jws::{Jws, SignedBy};
use super::order;

const KEY: &str = "key devca { algorithm hmac-sha256; secret AAAA; };";

/// Reads a request, verifies it with its own key, and reads its payload as an order.
pub fn request(body: &[u8]) {
    let Ok(jws) = Jws::read(body) else { return };
    if let SignedBy::Key(key) = &jws.by {
        let key = key.clone();
        if let Ok(payload) = jws.verified(&key) {
            order(&payload);
        }
    }
}

/// Reads a key. Writing a valid key and reading it again must not change it.
pub fn key(text: &[u8]) {
    let Ok(value) = serde_json::from_slice::<Value>(text) else { return };
    let Ok(key) = Jwk::read(&value) else { return };
    let written = serde_json::to_value(&key).unwrap_or_default();
    let again = Jwk::read(&written).ok();
    assert!(
        again.as_ref() == Some(&key) && again.is_some_and(|again| again.thumbprint() == key.thumbprint())
    );
}

/// Reads the identifiers of an order. Names that pass must be written as they were read.
pub fn order(payload: &[u8]) {
    for name in order::names_in(payload).unwrap_or_default() {
        let written = name.to_string();
        assert_eq!(crate::x509::name::Name::parse(&written).ok(), Some(name));
    }
}

/// Answers a DNS message; updates change the records for the next one. The first octet decides whether they are signed.
pub fn dns(messages: &[u8]) {
    let is_signed = messages.first().is_some_and(|first| first % 2 == 1);
    let zone = Zone::new(if is_signed { TsigKey::read(KEY) } else { None });
    for message in messages.split(|byte| *byte == b'\n') {
        let _ = responder::answer(&zone, message, true);
    }
    let _ = responder::answer(&zone, messages, false);
}
