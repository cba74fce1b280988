//! Checks the public exponents of RSA keys. Nearly all keys use 65537; smaller and otherwise unusual ones are
//! reported.

use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

/// The minimum according to FIPS 186-5 §5.1 and the CA/Browser Forum (BR §6.1.6). With an exponent of 3, some
/// clients accepted forged signatures (CVE-2006-4339, CVE-2014-1568).
const SMALLEST: u64 = 65_537;

/// The maximum of Go (crypto/rsa). BoringSSL allows up to 33 bits.
const LARGEST: u64 = (1 << 31) - 1;

/// An unusual exponent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exponent {
    /// Smaller than recommended, but still accepted by clients.
    Small(u64),
    /// Even, 1, or too large. Clients reject the key; if they did not, anyone could forge its signatures.
    Unusable,
}

impl Exponent {
    /// Returns `None` for an ordinary exponent, and for keys other than RSA.
    pub fn of(info: &SubjectPublicKeyInfo) -> Option<Self> {
        let Ok(PublicKey::RSA(key)) = info.parsed() else { return None };
        match key.try_exponent() {
            Ok(exponent) if exponent % 2 == 0 || !(3..=LARGEST).contains(&exponent) => Some(Self::Unusable),
            Ok(exponent) if exponent < SMALLEST => Some(Self::Small(exponent)),
            Ok(_) => None,
            Err(_) => Some(Self::Unusable),
        }
    }

    /// The warning about a small exponent.
    pub fn warning(self) -> Option<String> {
        let Self::Small(exponent) = self else { return None };
        Some(format!(
            "has an RSA key with the public exponent {exponent}: forged signatures have passed for such keys; use 65537"
        ))
    }
}

/// Why a key with an unusable exponent is refused.
pub const UNUSABLE: &str =
    "its RSA key has a public exponent that clients reject: it must be odd, and between 3 and 2147483647";
