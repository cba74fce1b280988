//! Authority + Request -> Issued: the only place that signs leaves and revocation lists.

use rcgen::{
    CertificateRevocationListParams, Issuer, KeyIdMethod, KeyPair, PublicKeyData, RevokedCertParams,
    SerialNumber, SubjectPublicKeyInfo,
};
use zeroize::Zeroizing;

use crate::ca::Authority;
use crate::error::{Fault, OrHint};
use crate::inventory::Revocation;
use crate::key::{self, KeyType};
use crate::name::Name;
use crate::profile::{self, Kind, Validity};
use crate::subject::Subject;

/// What is asked for; every part has been parsed.
pub struct Request {
    /// Server, client or both.
    pub kind: Kind,
    /// Who it is for.
    pub subject: Subject,
    /// Whose key is certified.
    pub key: KeySource,
    /// From when to when; cut to the issuer's own end.
    pub validity: Validity,
}

/// Where the key of a leaf comes from.
pub enum KeySource {
    /// It is made.
    Fresh(KeyType),
    /// Somebody else has it and sent a request.
    Requested(SubjectPublicKeyInfo),
}

/// A leaf and its key.
pub struct Issued {
    /// The certificate, in DER.
    pub certificate: Vec<u8>,
    /// The private key, PKCS#8 in DER; `None` where somebody else has it.
    pub key: Option<Zeroizing<Vec<u8>>>,
    /// SHA-256 of the public key's SPKI: what tells keys apart without showing them.
    pub key_sha256: [u8; 32],
    /// The serial number, 16 octets.
    pub serial: [u8; 16],
    /// As it stands in the certificate.
    pub validity: Validity,
}

/// Signs leaves for one authority; made once, used as often as needed.
pub struct Signer<'a> {
    authority: &'a Authority,
    issuer: Issuer<'a, &'a KeyPair>,
}

impl<'a> Signer<'a> {
    /// Reads the issuer's subject and key identifier once.
    pub fn new(authority: &'a Authority) -> anyhow::Result<Self> {
        Ok(Self { authority, issuer: authority.issuer()? })
    }

    /// Makes a key, unless there is one, and a certificate for it.
    pub fn issue(&self, request: &Request) -> anyhow::Result<Issued> {
        self.refuse_what_no_client_accepts(&request.subject.names)?;
        match &request.key {
            KeySource::Fresh(key_type) => {
                let key = key_type.generate()?;
                Ok(Issued { key: Some(Zeroizing::new(key.serialize_der())), ..self.sign(request, &*key)? })
            }
            KeySource::Requested(public_key) => self.sign(request, public_key),
        }
    }

    fn sign(&self, request: &Request, key: &impl PublicKeyData) -> anyhow::Result<Issued> {
        let serial = key::random_serial()?;
        let validity = request.validity.within(self.authority.signer().validity);
        let rsa = key.algorithm() == &rcgen::PKCS_RSA_SHA256;
        let params = profile::leaf(request.kind, &request.subject, rsa, validity, serial);
        let certificate = params.signed_by(key, &self.issuer).or_hint(
            || "cannot sign the certificate".into(),
            || "the system's randomness may have failed: try again".into(),
        )?;
        Ok(Issued {
            certificate: certificate.der().to_vec(),
            key: None,
            key_sha256: key::sha256(&key.subject_public_key_info()),
            serial,
            validity,
        })
    }

    fn refuse_what_no_client_accepts(&self, names: &[Name]) -> anyhow::Result<()> {
        match names.iter().find(|name| !self.authority.signer().constraints.permit(name)) {
            Some(name) => Err(outside(name).into()),
            None => Ok(()),
        }
    }
}

/// The list of an authority's revoked certificates, in DER (RFC 5280 §5).
pub fn revocation_list<'a>(
    authority: &Authority,
    revocations: impl Iterator<Item = &'a Revocation>,
    validity: Validity,
) -> anyhow::Result<Vec<u8>> {
    let revoked = revocations.filter_map(|revocation| {
        Some(RevokedCertParams {
            serial_number: SerialNumber::from_slice(&key::from_hex(&revocation.serial)?),
            revocation_time: revocation.revoked,
            reason_code: None,
            invalidity_date: None,
        })
    });
    let list = CertificateRevocationListParams {
        this_update: validity.not_before,
        next_update: validity.not_after,
        // Grows from one list to the next (§5.2.3): the seconds since 1970.
        crl_number: SerialNumber::from(u64::try_from(validity.not_before.unix_timestamp()).unwrap_or(0)),
        issuing_distribution_point: None,
        revoked_certs: revoked.collect(),
        // OpenSSL looks for the list of the CA with this very identifier, however it was made.
        key_identifier_method: authority
            .signer()
            .key_id
            .clone()
            .map_or(KeyIdMethod::Sha256, KeyIdMethod::PreSpecified),
    };
    let signed = list.signed_by(&authority.issuer()?);
    if let Err(rcgen::Error::IssuerNotCrlSigner) = signed {
        return Err(Fault::new(
            "this root may sign no revocation list: cRLSign is not among its key usages, as with every root of mkcert's",
            "issue what is to be revoked from a CA of devca's own: devca --ca clients issue --client NAME",
        )
        .into());
    }
    let signed = signed.or_hint(
        || "cannot sign the revocation list".into(),
        || "the system's randomness may have failed: try again".into(),
    )?;
    Ok(signed.der().to_vec())
}

/// The fault for a name that a root's constraints leave out.
pub fn outside(name: &Name) -> Fault {
    Fault::new(
        format!("{name} is not a name that this root may sign for: clients would refuse the certificate"),
        format!(
            "make a root that may: devca install --permit {} (beside the one you have: devca --ca NAME install …)",
            name.dns_base().map_or_else(|| name.to_string(), ToOwned::to_owned)
        ),
    )
}
