//! Signed messages (TSIG, RFC 8945), as certbot and lego send them. The key is in a file that nsupdate reads, too.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hickory_proto::op::Message;
use hickory_proto::rr::rdata::tsig::{TsigAlgorithm, TsigError};
use hickory_proto::rr::{Name, TSigResponseContext, TSigner};
use zeroize::Zeroizing;

use crate::disk::secret;
use crate::error::Fault;

/// The largest difference between the client's clock and this one, in seconds (RFC 8945 §10).
const FUDGE: u16 = 300;
/// The name and the size in bytes of new keys.
const NAME: &str = "devca";
const SIZE: usize = 32;

/// A key that clients share with the name server.
#[derive(Clone)]
pub struct TsigKey(TSigner);

impl TsigKey {
    /// The content of a new file, in the format of BIND's `tsig-keygen`.
    pub fn generate() -> Result<Zeroizing<Vec<u8>>, Fault> {
        let mut key = Zeroizing::new([0; SIZE]);
        secret::fill_with_random(key.as_mut())?;
        let key = Zeroizing::new(STANDARD.encode(key.as_ref()));
        let text = format!("key \"{NAME}\" {{\n\talgorithm hmac-sha256;\n\tsecret \"{}\";\n}};\n", *key);
        Ok(Zeroizing::new(text.into_bytes()))
    }

    /// Reads a file; `None` if it does not have one key of a supported algorithm.
    pub fn read(text: &str) -> Option<Self> {
        let words = text.split(|c: char| c.is_whitespace() || "\"{};".contains(c));
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        let ["key", name, "algorithm", algorithm, "secret", key] = words.as_slice() else { return None };
        let algorithm = TsigAlgorithm::from_name(Name::from_ascii(algorithm.to_ascii_lowercase()).ok()?);
        let name = Name::from_ascii(name).ok()?.to_lowercase();
        let key = STANDARD.decode(key).ok().filter(|key| !key.is_empty())?;
        TSigner::new(key, algorithm, name, FUDGE).ok().map(Self)
    }
}

/// What the signature of a request means for its response.
pub(super) enum Signature {
    /// The request has none.
    Absent,
    /// It is good, and the response is signed like this.
    Good(TSigResponseContext),
    /// It is not, and the response says why.
    Refused(TSigResponseContext),
}

/// Verifies the signature of a request (§5.2): its key, its code, then its time.
pub(super) fn check(key: Option<&TsigKey>, bytes: &[u8], message: &Message, now: u64) -> Signature {
    let Some(record) = message.signature() else { return Signature::Absent };
    let tsig = &record.data;
    let is_meant =
        |key: &&TsigKey| *key.0.signer_name() == record.name && *key.0.algorithm() == tsig.algorithm;
    let Some(TsigKey(signer)) = key.filter(is_meant) else {
        let name = record.name.clone();
        return Signature::Refused(TSigResponseContext::unknown_key(message.id, now, name));
    };
    // hickory computes the earliest time by subtraction, without a check.
    let is_possible = tsig.time >= u64::from(tsig.fudge);
    if !is_possible || signer.verify_message_byte(bytes, None, true).is_err() {
        return Signature::Refused(TSigResponseContext::bad_signature(message.id, now, signer.clone()));
    }
    let response = |error| TSigResponseContext::new(message.id, now, signer.clone(), tsig.mac.clone(), error);
    if now.abs_diff(tsig.time) > u64::from(FUDGE.min(tsig.fudge)) {
        return Signature::Refused(response(Some(TsigError::BadTime)));
    }
    Signature::Good(response(None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_files_are_those_of_bind() {
        let own = TsigKey::generate().unwrap();
        let key = TsigKey::read(&String::from_utf8_lossy(&own)).unwrap();
        assert_eq!((key.0.signer_name().to_ascii().as_str(), key.0.key().len()), ("devca.", SIZE));
        assert!(TsigKey::read("key k { algorithm HMAC-SHA512; secret AAAA; };").is_some());
        for bad in [
            "",
            "key k { algorithm hmac-sha256; };",
            "key k { algorithm hmac-md5; secret AAAA; };",
            "key k { algorithm hmac-sha256; secret \"-\"; };",
        ] {
            assert!(TsigKey::read(bad).is_none(), "{bad}");
        }
    }
}
