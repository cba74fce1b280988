//! Public exponents of RSA keys: all that is common is 65537; what is small or odd in another way is pointed out.

use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

/// FIPS 186-5 §5.1 and the CA/Browser Forum (BR §6.1.6) want no smaller one: forged signatures have passed where it was
/// 3 (CVE-2006-4339, CVE-2014-1568).
const SMALLEST: u64 = 65_537;

/// Go refuses a larger one (crypto/rsa), BoringSSL one of more than 33 bits.
const LARGEST: u64 = (1 << 31) - 1;

/// An exponent that is not an ordinary one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exponent {
    /// Clients accept it, today.
    Small(u64),
    /// Even, 1, or too large: clients refuse it, or anybody could sign.
    Unusable,
}

impl Exponent {
    /// `None` for an ordinary one, and for other keys than RSA's.
    pub fn of(info: &SubjectPublicKeyInfo) -> Option<Self> {
        let Ok(PublicKey::RSA(key)) = info.parsed() else { return None };
        match key.try_exponent() {
            Ok(exponent) if exponent % 2 == 0 || !(3..=LARGEST).contains(&exponent) => Some(Self::Unusable),
            Ok(exponent) if exponent < SMALLEST => Some(Self::Small(exponent)),
            Ok(_) => None,
            Err(_) => Some(Self::Unusable),
        }
    }

    /// What is to be said of a key with a small one.
    pub fn warning(self) -> Option<String> {
        let Self::Small(exponent) = self else { return None };
        Some(format!(
            "has an RSA key with the public exponent {exponent}: forged signatures have passed for such keys; use 65537"
        ))
    }
}

/// Why a key is refused.
pub const UNUSABLE: &str =
    "its RSA key has a public exponent that clients reject: it must be odd, and between 3 and 2147483647";
