//! Authority + Request -> Issued: the only place that signs leaves.

use rcgen::{Issuer, KeyPair, PublicKeyData, SubjectPublicKeyInfo};
use zeroize::Zeroizing;

use crate::ca::Authority;
use crate::ca::profile;
use crate::error::{Fault, OrHint};
use crate::x509::key::{self, KeyType};
use crate::x509::kind::Kind;
use crate::x509::name::Name;
use crate::x509::subject::Subject;
use crate::x509::validity::Validity;

/// What is asked for; every part has been parsed.
pub struct Request {
    /// Server, client or both.
    pub kind: Kind,
    pub subject: Subject,
    /// Whose key is certified.
    pub key: KeySource,
    /// From when to when; cut to the issuer's own end.
    pub validity: Validity,
}

impl Request {
    /// Fits it to who will sign it.
    pub fn suit(&mut self, authority: &Authority) {
        if let (Some(intermediate), false) = (&authority.intermediate, self.kind.serves()) {
            self.subject.suit_intermediate(&intermediate.constraints);
        }
    }
}

/// Where the key of a leaf comes from.
pub enum KeySource {
    /// It is made.
    Fresh(KeyType),
    /// It is there already; of this type, if devca made it.
    Kept(Option<KeyType>, Zeroizing<KeyPair>),
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

    /// Who signs.
    pub fn authority(&self) -> &'a Authority {
        self.authority
    }

    /// Makes a key, unless there is one, and a certificate for it.
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

/// The fault for a name that a root's constraints leave out.
pub fn outside(name: &Name) -> Fault {
    Fault::new(
        format!("this root may not sign for {name}, so clients would reject the certificate"),
        format!("permit it: devca permit {}", base(name)),
    )
}

/// What would have to be permitted for a name.
pub fn base(name: &Name) -> String {
    name.dns_base().map_or_else(|| name.to_string(), ToOwned::to_owned)
}
