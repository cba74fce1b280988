//! Signed requests: flattened JSON Web Signatures (RFC 7515), with the rules of RFC 8555 §6.2.

use serde::Deserialize;
use serde_json::Value;

use super::base64url;
use super::jwk::{ALGORITHMS, Jwk};
use super::problem::{AcmeProblem, ProblemKind};

/// The body of a request as received.
#[derive(Deserialize)]
struct Flattened {
    protected: String,
    payload: String,
    signature: String,
    /// Unprotected headers are not allowed.
    header: Option<Value>,
    signatures: Option<Value>,
}

/// The header that is signed.
#[derive(Deserialize)]
struct Protected {
    alg: String,
    url: Option<String>,
    nonce: Option<String>,
    kid: Option<String>,
    jwk: Option<Value>,
    crit: Option<Value>,
}

/// Who claims to have signed a request.
#[derive(Debug)]
pub enum SignedBy {
    /// The account at this URL.
    Account(String),
    /// The owner of this key.
    Key(Jwk),
}

/// A request that was parsed but not yet verified.
#[derive(Debug)]
pub struct Jws {
    pub(super) by: SignedBy,
    pub(super) alg: String,
    pub(super) url: Option<String>,
    pub(super) nonce: Option<String>,
    payload: Vec<u8>,
    signed: String,
    signature: Vec<u8>,
}

impl Jws {
    /// Parses a request's body.
    pub(super) fn read(body: &[u8]) -> Result<Self, AcmeProblem> {
        let flattened: Flattened = serde_json::from_slice(body)
            .map_err(|_| AcmeProblem::malformed("the body is not a flattened JWS in JSON"))?;
        Self::flattened(&flattened)
    }

    /// Parses a JWS that is the payload of another.
    pub(super) fn inner(payload: &[u8]) -> Result<Self, AcmeProblem> {
        let flattened: Flattened = serde_json::from_slice(payload)
            .map_err(|_| AcmeProblem::malformed("the payload is not a flattened JWS in JSON"))?;
        Self::flattened(&flattened)
    }

    /// Parses a JWS that is part of a payload.
    pub(super) fn value(value: &Value) -> Result<BoundJws, AcmeProblem> {
        let malformed = || AcmeProblem::malformed("externalAccountBinding is not a flattened JWS");
        let flattened = Flattened::deserialize(value).map_err(|_| malformed())?;
        let header = base64url::decode(&flattened.protected).ok_or_else(malformed)?;
        let protected: Protected = serde_json::from_slice(&header).map_err(|_| malformed())?;
        Ok(BoundJws {
            alg: protected.alg,
            kid: protected.kid.ok_or_else(malformed)?,
            url: protected.url.ok_or_else(malformed)?,
            has_nonce: protected.nonce.is_some(),
            payload: base64url::decode(&flattened.payload).ok_or_else(malformed)?,
            signed: format!("{}.{}", flattened.protected, flattened.payload),
            signature: base64url::decode(&flattened.signature).ok_or_else(malformed)?,
        })
    }

    fn flattened(jws: &Flattened) -> Result<Self, AcmeProblem> {
        if jws.header.is_some() || jws.signatures.is_some() {
            return Err(AcmeProblem::malformed(
                "a request must have one signature and no unprotected header",
            ));
        }
        let malformed = || AcmeProblem::malformed("the JWS is not in base64url without padding");
        let protected = base64url::decode(&jws.protected).ok_or_else(malformed)?;
        let protected: Protected = serde_json::from_slice(&protected)
            .map_err(|_| AcmeProblem::malformed("the protected header of the JWS cannot be read"))?;
        if protected.crit.is_some() {
            return Err(AcmeProblem::malformed("crit is not supported"));
        }
        if !ALGORITHMS.contains(&protected.alg.as_str()) {
            let what = format!("alg must be one of {}", ALGORITHMS.join(", "));
            let mut problem = AcmeProblem::new(ProblemKind::BadSignatureAlgorithm, what);
            problem.algorithms = ALGORITHMS.map(ToOwned::to_owned).into();
            return Err(problem);
        }
        let by = match (protected.kid, protected.jwk) {
            (Some(kid), None) => SignedBy::Account(kid),
            (None, Some(jwk)) => SignedBy::Key(Jwk::read(&jwk)?),
            _ => return Err(AcmeProblem::malformed("the protected header must have either jwk or kid")),
        };
        Ok(Self {
            by,
            alg: protected.alg,
            url: protected.url,
            nonce: protected.nonce,
            payload: base64url::decode(&jws.payload).ok_or_else(malformed)?,
            signature: base64url::decode(&jws.signature).ok_or_else(malformed)?,
            signed: format!("{}.{}", jws.protected, jws.payload),
        })
    }

    /// The payload, if this key signed it.
    pub(super) fn verified(self, key: &Jwk) -> Result<Vec<u8>, AcmeProblem> {
        key.verify(&self.alg, self.signed.as_bytes(), &self.signature)?;
        Ok(self.payload)
    }
}

/// A JWS authenticated with a symmetric key (RFC 8555 §7.3.4).
#[derive(Debug)]
pub(super) struct BoundJws {
    pub(super) alg: String,
    pub(super) kid: String,
    pub(super) url: String,
    pub(super) has_nonce: bool,
    pub(super) payload: Vec<u8>,
    pub(super) signed: String,
    pub(super) signature: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
    use serde_json::json;

    use super::*;

    fn signed(header: &Value) -> Vec<u8> {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let point = key.public_key().as_ref();
        let (x, y) = (base64url::encode(&point[1..33]), base64url::encode(&point[33..]));
        let mut all = json!({"alg": "ES256", "nonce": "n", "url": "u",
            "jwk": {"kty": "EC", "crv": "P-256", "x": x, "y": y}});
        all.as_object_mut().unwrap().extend(header.as_object().unwrap().clone());
        all.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        let protected = base64url::encode(all.to_string().as_bytes());
        let payload = base64url::encode(b"{}");
        let signature = key.sign(&SystemRandom::new(), format!("{protected}.{payload}").as_bytes()).unwrap();
        let signature = base64url::encode(signature.as_ref());
        json!({"protected": protected, "payload": payload, "signature": signature}).to_string().into()
    }

    fn verify(body: &[u8]) -> Result<Vec<u8>, AcmeProblem> {
        let jws = Jws::read(body)?;
        let SignedBy::Key(key) = &jws.by else { return Err(AcmeProblem::malformed("kid")) };
        let key = key.clone();
        jws.verified(&key)
    }

    #[test]
    fn only_what_is_signed_by_its_key_passes() {
        let good = signed(&json!({}));
        assert_eq!(verify(&good).unwrap(), b"{}");
        let mut other: Value = serde_json::from_slice(&good).unwrap();
        other["payload"] = base64url::encode(b"{ }").into();
        assert!(verify(other.to_string().as_bytes()).is_err());
        other["payload"] = "e30=".into();
        assert!(verify(other.to_string().as_bytes()).is_err());
    }

    #[test]
    fn headers_that_the_rfc_forbids_are_refused() {
        for header in [
            json!({"alg": "none"}),
            json!({"alg": "HS256"}),
            json!({"alg": "RS256"}),
            json!({"alg": "ES384"}),
            json!({"kid": "https://localhost/account/1"}),
            json!({"jwk": null}),
            json!({"crit": ["b64"], "b64": false}),
        ] {
            assert!(verify(&signed(&header)).is_err(), "{header}");
        }
        let mut more: Value = serde_json::from_slice(&signed(&json!({}))).unwrap();
        more["header"] = json!({"alg": "ES256"});
        assert!(Jws::read(more.to_string().as_bytes()).is_err());
    }
}
