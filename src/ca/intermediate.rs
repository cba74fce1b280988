//! The CA between root and leaves, where one is wanted: in the root's stead, beside it, or for a system elsewhere.

use rcgen::KeyPair;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::{Authority, own, try_again};
use crate::ca::key_file::{self, KeyFile};
use crate::ca::profile;
use crate::disk::files::Files;
use crate::disk::home::CaFolder;
use crate::error::OrHint;
use crate::x509::certificate::CaCertificate;
use crate::x509::key::{self, KeyType};
use crate::x509::policy;
use crate::x509::validity::Validity;

/// An intermediate CA's certificate and key.
pub struct Intermediate {
    /// Signed by the root.
    pub certificate: CaCertificate,
    pub key: Zeroizing<KeyPair>,
}

/// The intermediate's certificate, where there is one that can be read.
pub fn intermediate(folder: &CaFolder) -> Option<CaCertificate> {
    let path = folder.intermediate();
    path.symlink_metadata().ok()?;
    CaCertificate::load(&path).ok()
}

impl Authority {
    /// Signs an intermediate that lives as long as the root, and forgets the root's key.
    pub(super) fn seal(&self, now: OffsetDateTime) -> anyhow::Result<Self> {
        let name = intermediate_name(&self.root);
        let validity = Validity::starting(now, policy::ROOT_DAYS);
        let made = self.sign_intermediate(&name, KeyType::EcdsaP256.generate()?.pair()?, validity)?;
        // Who checks every CA of a chain, as nginx does, asks for the root's list as well.
        let nothing = std::iter::empty();
        let crl = self.revocation_list(nothing, validity)?;
        Ok(Self { is_sealed: true, root_crl: Some(crl), ..self.below(made) })
    }

    /// The same CA, signing through its intermediate; makes that where there is none that can be used. The caller
    /// holds the CA's lock.
    pub fn through_intermediate(
        &self,
        folder: &CaFolder,
        files: Files,
        now: OffsetDateTime,
    ) -> anyhow::Result<Self> {
        // The same key where there is one: what it has signed stays good.
        let key = self.intermediate_key(folder).map_or_else(|| KeyType::EcdsaP256.generate()?.pair(), Ok)?;
        if let Some(intermediate) = intermediate(folder)
            && intermediate.is_signed_by(&self.root)
            && intermediate.belongs_to(&key)
            && intermediate.constraints == self.root.constraints
            && intermediate.validity.not_after > now
        {
            return Ok(self.below(Intermediate { certificate: intermediate, key }));
        }
        let name = intermediate_name(&self.root);
        let validity = Validity::starting(now, policy::INTERMEDIATE_DAYS);
        let made = self.below(self.sign_intermediate(&name, key, validity)?);
        let mut new = made.files(folder)?;
        new.retain(|file| file.path != folder.root()); // which stays
        files.exchange(&folder.path, &new, &[])?;
        Ok(made)
    }

    fn below(&self, intermediate: Intermediate) -> Self {
        Self {
            root: self.root.clone(),
            intermediate: Some(intermediate.certificate),
            is_sealed: self.is_sealed,
            key: intermediate.key,
            passphrase: self.passphrase.clone(),
            root_crl: None,
        }
    }

    /// The intermediate's key, if this CA's passphrase opens it.
    pub(super) fn intermediate_key(&self, folder: &CaFolder) -> Option<Zeroizing<KeyPair>> {
        let path = folder.intermediate_key();
        path.symlink_metadata().ok()?;
        match key_file::read(&path).ok()? {
            KeyFile::Open(key) => Some(key),
            KeyFile::Locked(locked) => {
                key::from_pkcs8(&self.passphrase.as_ref()?.decrypt(&locked.der).ok()??)
            }
        }
    }

    /// An intermediate: no CA below it, and the root's constraints repeated, since some clients ignore those of a root.
    pub fn sign_intermediate(
        &self,
        common_name: &str,
        key: Zeroizing<KeyPair>,
        validity: Validity,
    ) -> anyhow::Result<Intermediate> {
        let params = profile::intermediate(
            common_name,
            &self.signer().constraints,
            validity.within(self.signer().validity),
            key::random_serial()?,
        );
        let signed = params
            .signed_by(&*key, &self.issuer()?)
            .or_hint(|| "cannot sign the intermediate".into(), try_again)?;
        Ok(Intermediate { certificate: own(signed.der())?, key })
    }
}

fn intermediate_name(root: &CaCertificate) -> String {
    root.common_name.replacen("devca root", "devca intermediate", 1)
}
