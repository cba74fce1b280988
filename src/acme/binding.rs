//! External account binding (RFC 8555 §7.3.4): a new account proves that it knows one of the server's HMAC keys.

use aws_lc_rs::hmac;
use serde_json::Value;

use super::base64url;
use super::jwk::Jwk;
use super::jws::Jws;
use super::problem::AcmeProblem;
use super::server::BindingKeys;
use crate::error::Fault;

/// Verifies the inner JWS.
pub(super) fn check(
    keys: &BindingKeys,
    binding: &Value,
    account: &Jwk,
    url: &str,
) -> Result<(), AcmeProblem> {
    let jws = Jws::value(binding)?;
    let algorithm = match jws.alg.as_str() {
        "HS256" => hmac::HMAC_SHA256,
        "HS384" => hmac::HMAC_SHA384,
        "HS512" => hmac::HMAC_SHA512,
        _ => {
            return Err(AcmeProblem::malformed("the alg of the binding must be HS256, HS384 or HS512"));
        }
    };
    if jws.has_nonce || jws.url != url {
        return Err(AcmeProblem::malformed("the binding must have the url of the request, and no nonce"));
    }
    let of_account = serde_json::from_slice(&jws.payload).ok().and_then(|value| Jwk::read(&value).ok());
    if of_account.as_ref() != Some(account) {
        return Err(AcmeProblem::malformed("the binding is not for the key of this request"));
    }
    let unknown = || AcmeProblem::unauthorized("the key ID or the HMAC key of the binding is wrong");
    let key = keys.get(&jws.kid).ok_or_else(unknown)?;
    let key = hmac::Key::new(algorithm, key);
    hmac::verify(&key, jws.signed.as_bytes(), &jws.signature).map_err(|_| unknown())
}

/// Reads a file of keys: each line has an identifier and the key in base64url, the form that clients use.
pub fn read_keys(text: &str) -> Result<BindingKeys, Fault> {
    let mut keys = BindingKeys::new();
    let lines = text.lines().map(str::trim).enumerate();
    for (index, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
        let pair = line.split_once(char::is_whitespace);
        let key = pair.and_then(|(id, key)| Some((id, base64url::decode(key.trim())?)));
        let Some((id, key)) = key.filter(|(_, key)| key.len() >= 16) else {
            let what = format!(
                "line {} does not consist of an identifier and a key of at least 16 bytes in base64url",
                index + 1
            );
            let hint =
                "write one: echo \"kid-1 $(openssl rand 32 | basenc --base64url | tr -d =)\" > eab.txt";
            return Err(Fault::new(what, hint));
        };
        keys.insert(id.to_owned(), key.into());
    }
    if keys.is_empty() {
        return Err(Fault::new("there is no key in the file", "write an identifier and a key on each line"));
    }
    Ok(keys)
}
