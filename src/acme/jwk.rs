//! Public keys of accounts, as JSON Web Keys (RFC 7517, RFC 8037), and their thumbprints (RFC 7638).

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519, ParsedPublicKey,
    RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, VerificationAlgorithm,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::base64url;
use super::problem::{AcmeProblem, ProblemKind};

/// The signature algorithms for requests, as listed for clients.
pub(super) const ALGORITHMS: [&str; 5] = ["ES256", "ES384", "ES512", "EdDSA", "RS256"];

/// Boulder's maximum; verifying with a key of 16,384 bits takes milliseconds.
const RSA_OCTETS: std::ops::RangeInclusive<usize> = 256..=512;
/// 2³¹: the largest exponent that clients' libraries accept (see `x509::rsa`).
const MOST_EXPONENT_OCTETS: usize = 4;

/// A validated public key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kty")]
pub enum Jwk {
    /// A key on one of NIST's curves.
    #[serde(rename = "EC")]
    Ec { crv: String, x: String, y: String },
    /// RSA.
    #[serde(rename = "RSA")]
    Rsa { e: String, n: String },
    /// Ed25519.
    #[serde(rename = "OKP")]
    Okp { crv: String, x: String },
}

impl Jwk {
    /// Parses the `jwk` of a request.
    pub(super) fn read(value: &Value) -> Result<Self, AcmeProblem> {
        let bad = |detail: &str| AcmeProblem::new(ProblemKind::BadPublicKey, detail);
        if ["d", "k", "p", "q"].iter().any(|name| value.get(name).is_some()) {
            return Err(bad("the jwk contains a private or symmetric key: send the public key only"));
        }
        let key = serde_json::from_value::<Self>(value.clone())
            .map_err(|_| bad("the jwk is not a complete public key of type EC, RSA or OKP"))?;
        key.check().map_err(bad)?;
        Ok(key)
    }

    fn check(&self) -> Result<(), &'static str> {
        match self {
            Self::Rsa { e, n } => {
                let (Some(n), Some(e)) = (base64url::decode(n), base64url::decode(e)) else {
                    return Err("the jwk is not in base64url");
                };
                if n.first() == Some(&0) || e.first() == Some(&0) {
                    return Err("the numbers of the RSA key begin with zeros (RFC 7518 section 6.3.1.1)");
                }
                if !RSA_OCTETS.contains(&n.len()) {
                    return Err("the RSA key must have 2048 to 4096 bits");
                }
                let is_small = e.as_slice() == [1] || e.len() > MOST_EXPONENT_OCTETS;
                if is_small || e.last().is_none_or(|last| last % 2 == 0) || n[n.len() - 1] % 2 == 0 {
                    return Err("the RSA key cannot be used: create one with the exponent 65537");
                }
                Ok(())
            }
            Self::Ec { .. } | Self::Okp { .. } => {
                let Some((algorithm, _)) = self.algorithm() else {
                    return Err("the curve must be P-256, P-384, P-521 or Ed25519");
                };
                let point = self.octets().ok_or("the coordinates of the key have the wrong length")?;
                ParsedPublicKey::new(algorithm, point).map_err(|_| "the key is not a point on its curve")?;
                Ok(())
            }
        }
    }

    /// The verification algorithm for its signatures, and its `alg`.
    fn algorithm(&self) -> Option<(&'static dyn VerificationAlgorithm, &'static str)> {
        match self {
            Self::Rsa { .. } => Some((&RSA_PKCS1_2048_8192_SHA256, "RS256")),
            Self::Ec { crv, .. } => match crv.as_str() {
                "P-256" => Some((&ECDSA_P256_SHA256_FIXED, "ES256")),
                "P-384" => Some((&ECDSA_P384_SHA384_FIXED, "ES384")),
                "P-521" => Some((&ECDSA_P521_SHA512_FIXED, "ES512")),
                _ => None,
            },
            Self::Okp { crv, .. } => (crv == "Ed25519").then_some((&ED25519, "EdDSA")),
        }
    }

    /// The key as a certificate's SPKI contains it: a point, or the modulus of an RSA key.
    fn octets(&self) -> Option<Vec<u8>> {
        match self {
            Self::Rsa { n, .. } => base64url::decode(n),
            Self::Okp { x, .. } => base64url::decode(x).filter(|x| x.len() == 32),
            Self::Ec { crv, x, y } => {
                let size = match crv.as_str() {
                    "P-256" => 32,
                    "P-384" => 48,
                    _ => 66,
                };
                let part = |text: &str| base64url::decode(text).filter(|part| part.len() == size);
                Some([vec![4], part(x)?, part(y)?].concat())
            }
        }
    }

    /// Whether this key is in a certificate or request, given its `SubjectPublicKeyInfo`, or the key in that.
    pub(super) fn is_in(&self, public_key: &[u8]) -> bool {
        self.octets().is_some_and(|own| public_key.windows(own.len()).any(|part| part == own))
    }

    /// Verifies a signature.
    pub(super) fn verify(&self, alg: &str, message: &[u8], signature: &[u8]) -> Result<(), AcmeProblem> {
        let Some((algorithm, own)) = self.algorithm() else {
            return Err(AcmeProblem::new(ProblemKind::BadPublicKey, "the key has an unknown curve"));
        };
        if own != alg {
            let what = format!("alg is {alg}, but this key requires {own}");
            return Err(AcmeProblem::malformed(what));
        }
        let verified = match self {
            Self::Rsa { e, n } => {
                let (n, e) =
                    (base64url::decode(n).unwrap_or_default(), base64url::decode(e).unwrap_or_default());
                let key = RsaPublicKeyComponents { n, e };
                key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
            }
            Self::Ec { .. } | Self::Okp { .. } => self.octets().is_some_and(|octets| {
                ParsedPublicKey::new(algorithm, octets)
                    .is_ok_and(|key| key.verify_sig(message, signature).is_ok())
            }),
        };
        if verified {
            return Ok(());
        }
        Err(AcmeProblem::malformed("the signature of the request is not valid"))
    }

    /// The thumbprint (RFC 7638): only the required members, in order, without whitespace.
    pub(super) fn thumbprint(&self) -> String {
        // serde_json sorts the members by name.
        let canonical = match self {
            Self::Ec { crv, x, y } => json!({"crv": crv, "kty": "EC", "x": x, "y": y}),
            Self::Rsa { e, n } => json!({"e": e, "kty": "RSA", "n": n}),
            Self::Okp { crv, x } => json!({"crv": crv, "kty": "OKP", "x": x}),
        };
        base64url::encode(digest(&SHA256, canonical.to_string().as_bytes()).as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of RFC 7638 §3.1 and RFC 8037 appendix A.3.
    #[test]
    fn thumbprints_are_those_of_the_rfcs() {
        let rsa = json!({"kty": "RSA", "alg": "RS256", "kid": "2011-04-29", "e": "AQAB",
            "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"});
        let ed25519 =
            json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
        assert_eq!(Jwk::read(&rsa).unwrap().thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
        assert_eq!(Jwk::read(&ed25519).unwrap().thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn refuses_keys_that_are_weak_private_or_not_on_their_curve() {
        let zeros = "A".repeat(43);
        for value in [
            json!({"kty": "oct", "k": "AAAA"}),
            json!({"kty": "RSA", "e": "AQAB", "n": "sXch"}),
            json!({"kty": "EC", "crv": "P-256", "x": zeros, "y": zeros}),
            json!({"kty": "EC", "crv": "secp256k1", "x": zeros, "y": zeros}),
            json!({"kty": "OKP", "crv": "Ed25519", "x": "AA"}),
            json!({"kty": "OKP", "crv": "Ed25519", "x": zeros, "d": zeros}),
            json!("EC"),
        ] {
            assert_eq!(Jwk::read(&value).unwrap_err().kind, ProblemKind::BadPublicKey, "{value}");
        }
    }
}
