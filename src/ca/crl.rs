//! Creates revocation lists.

use rcgen::{CertificateRevocationListParams, KeyIdMethod, RevokedCertParams, SerialNumber};
use time::OffsetDateTime;

use super::{Authority, try_again};
use crate::error::{Fault, OrHint};
use crate::x509::validity::Validity;

impl Authority {
    /// Creates a revocation list in DER (RFC 5280 §5) with serial numbers and times of revocation.
    pub fn revocation_list(
        &self,
        revoked: impl Iterator<Item = (Vec<u8>, OffsetDateTime)>,
        validity: Validity,
    ) -> anyhow::Result<Vec<u8>> {
        let revoked = revoked.map(|(serial, revocation_time)| RevokedCertParams {
            serial_number: serial.into(),
            revocation_time,
            reason_code: None,
            invalidity_date: None,
        });
        let seconds = u64::try_from(validity.not_before.unix_timestamp()).unwrap_or(0);
        let list = CertificateRevocationListParams {
            this_update: validity.not_before,
            next_update: validity.not_after,
            // The number must increase from one list to the next (RFC 5280 §5.2.3), so use the seconds since
            // 1970.
            crl_number: SerialNumber::from(seconds),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            // OpenSSL looks for a list with exactly the CA's key identifier, however that was calculated.
            key_identifier_method: match &self.signer().key_id {
                Some(id) => KeyIdMethod::PreSpecified(id.clone()),
                None => KeyIdMethod::Sha256,
            },
        };
        let signed = list.signed_by(&self.issuer()?);
        if let Err(rcgen::Error::IssuerNotCrlSigner) = signed {
            let what = "this root may not sign revocation lists: its key usage lacks cRLSign, like that of mkcert's roots";
            let hint = "issue certificates to be revoked from a CA that devca created: devca --ca clients issue --client NAME";
            return Err(Fault::new(what, hint).into());
        }
        let signed = signed.or_hint(|| "cannot sign the revocation list".into(), try_again)?;
        Ok(signed.der().to_vec())
    }
}
