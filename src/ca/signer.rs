//! Signs leaves; nothing else in devca does.

use rcgen::{Issuer, KeyPair, PublicKeyData, SubjectPublicKeyInfo};
use zeroize::Zeroizing;

use crate::ca::Authority;
use crate::ca::profile;
use crate::error::{Fault, OrHint};
use crate::x509::certificate::CaCertificate;
use crate::x509::key::{self, KeyType};
use crate::x509::kind::Kind;
use crate::x509::name::Name;
use crate::x509::subject::Subject;
use crate::x509::validity::Validity;

/// A request for a leaf, with all parts parsed.
pub struct Request {
    /// Server, client or both.
    pub kind: Kind,
    pub subject: Subject,
    /// Where the key comes from.
    pub key: KeySource,
    /// The validity; limited to that of the issuer.
    pub validity: Validity,
}

impl Request {
    /// Adapts the request to the authority that will sign it.
    pub fn adapt_to(&mut self, authority: &Authority) {
        self.adapt_to_signer(authority.signer(), authority.intermediate.is_some());
    }

    /// Adapts it to this certificate of a CA.
    pub fn adapt_to_signer(&mut self, signer: &CaCertificate, is_intermediate: bool) {
        self.subject.add_stand_in(&signer.constraints, is_intermediate && !self.kind.serves());
    }
}

/// Where the key of a leaf comes from.
pub enum KeySource {
    /// A new key of this type.
    Fresh(KeyType),
    /// An existing key, with its type if devca generated it.
    Kept(Option<KeyType>, Zeroizing<KeyPair>),
    /// A public key from a CSR; the requester has the private key.
    Requested(SubjectPublicKeyInfo),
}

/// A leaf and its key.
pub struct Issued {
    /// The certificate in DER.
    pub certificate: Vec<u8>,
    /// The private key as PKCS#8 in DER; `None` for a CSR.
    pub key: Option<Zeroizing<Vec<u8>>>,
    /// SHA-256 of the public key (SPKI), which identifies the key without revealing it.
    pub key_sha256: [u8; 32],
    /// The serial number, 16 octets.
    pub serial: [u8; 16],
    /// The validity in the certificate.
    pub validity: Validity,
}

/// Signs leaves for one authority; it can be used any number of times.
pub struct Signer<'a> {
    authority: &'a Authority,
    issuer: Issuer<'a, &'a KeyPair>,
}

impl<'a> Signer<'a> {
    /// Reads the issuer's subject and key identifier once, for all leaves.
    pub fn new(authority: &'a Authority) -> anyhow::Result<Self> {
        Ok(Self { authority, issuer: authority.issuer()? })
    }

    /// The authority that signs.
    pub fn authority(&self) -> &'a Authority {
        self.authority
    }

    /// Issues a certificate, generating its key if necessary.
    pub fn issue(&self, request: &Request) -> anyhow::Result<Issued> {
        self.refuse_what_no_client_accepts(&request.subject.names)?;
        match &request.key {
            KeySource::Fresh(key_type) => {
                let key = key_type.generate()?;
                let issued = self.sign(request, &key)?;
                Ok(Issued { key: Some(key.pkcs8), ..issued })
            }
            KeySource::Kept(_, key) => {
                Ok(Issued { key: Some(Zeroizing::new(key.serialize_der())), ..self.sign(request, &**key)? })
            }
            KeySource::Requested(public_key) => self.sign(request, public_key),
        }
    }

    fn sign(&self, request: &Request, key: &impl PublicKeyData) -> anyhow::Result<Issued> {
        let serial = key::random_serial()?;
        let validity = request.validity.within(self.authority.signer().validity);
        if validity.not_after <= validity.not_before {
            let end = self.authority.signer().validity.not_after.date();
            let what = format!("this CA expires on {end}, before the certificate would begin");
            return Err(Fault::new(what, "replace the root: devca rotate").into());
        }
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

/// The error for a name that the root's constraints do not permit.
pub fn outside(name: &Name) -> Fault {
    Fault::new(
        format!("this root may not sign for {name}, so clients would reject the certificate"),
        format!("permit it: devca permit {}", base(name)),
    )
}

/// The subtree that would have to be permitted for a name.
pub fn base(name: &Name) -> String {
    name.dns_base().map_or_else(|| name.to_string(), ToOwned::to_owned)
}
