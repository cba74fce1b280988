//! Authority + Request -> Issued: the only place that signs leaves.

use rcgen::{Issuer, KeyPair};
use zeroize::Zeroizing;

use crate::ca::Authority;
use crate::error::{Fault, OrHint};
use crate::key::{self, KeyType};
use crate::name::Name;
use crate::profile::{self, Kind, Validity};

/// What is asked for; every part has been parsed.
#[derive(Debug, Clone)]
pub struct Request {
    /// Server, client or both.
    pub kind: Kind,
    /// The subject alternative names, in order, each once.
    pub names: Vec<Name>,
    /// The subject's common name, at most 64 characters.
    pub common_name: Option<String>,
    /// The kind of key to generate.
    pub key_type: KeyType,
    /// From when to when; cut to the root's own end.
    pub validity: Validity,
}

/// A leaf and its key.
pub struct Issued {
    /// The certificate, in DER.
    pub certificate: Vec<u8>,
    /// The private key, PKCS#8 in DER.
    pub key: Zeroizing<Vec<u8>>,
    /// SHA-256 of the public key's SPKI: what tells keys apart without showing them.
    pub key_sha256: [u8; 32],
    /// The serial number, 16 octets.
    pub serial: [u8; 16],
    /// As it stands in the certificate.
    pub validity: Validity,
}

/// Signs leaves with one root; made once, used as often as needed.
pub struct Signer<'a> {
    authority: &'a Authority,
    issuer: Issuer<'a, &'a KeyPair>,
}

impl<'a> Signer<'a> {
    /// Reads the root's subject and key identifier once.
    pub fn new(authority: &'a Authority) -> anyhow::Result<Self> {
        Ok(Self { authority, issuer: authority.issuer()? })
    }

    /// Makes a key and a certificate for it.
    pub fn issue(&self, request: &Request) -> anyhow::Result<Issued> {
        self.refuse_what_no_client_accepts(&request.names)?;
        let key = request.key_type.generate()?;
        let serial = key::random_serial()?;
        let root = &self.authority.root;
        let validity = request.validity.within(root.validity);
        let common_name = request.common_name.as_deref();
        let rsa = request.key_type.is_rsa();
        let params = profile::leaf(request.kind, &request.names, common_name, rsa, validity, serial);
        let certificate = params.signed_by(&*key, &self.issuer).or_hint(
            || "cannot sign the certificate".into(),
            || "the system's randomness may have failed: try again".into(),
        )?;
        Ok(Issued {
            certificate: certificate.der().to_vec(),
            key_sha256: key::sha256(&rcgen::PublicKeyData::subject_public_key_info(&*key)),
            key: Zeroizing::new(key.serialize_der()),
            serial,
            validity,
        })
    }

    fn refuse_what_no_client_accepts(&self, names: &[Name]) -> anyhow::Result<()> {
        match names.iter().find(|name| !self.authority.root.constraints.permit(name)) {
            Some(name) => Err(outside(name).into()),
            None => Ok(()),
        }
    }
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
