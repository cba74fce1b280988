//! Optional intermediate CAs: to replace the key of a sealed root, to sign beside a root, or to export to
//! another system.

use rcgen::KeyPair;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::{Authority, parse_signed, try_again};
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
    /// The certificate, signed by the root.
    pub certificate: CaCertificate,
    pub key: Zeroizing<KeyPair>,
}

/// Reads the intermediate's certificate, if there is a valid one.
pub fn intermediate(folder: &CaFolder) -> Option<CaCertificate> {
    let path = folder.intermediate();
    path.symlink_metadata().ok()?;
    CaCertificate::load(&path).ok()
}

impl Authority {
    /// Signs an intermediate that is valid as long as the root, and drops the root's key.
    pub(super) fn seal(&self, now: OffsetDateTime) -> anyhow::Result<Self> {
        let name = intermediate_name(&self.root);
        let validity = Validity::starting(now, policy::ROOT_DAYS);
        let made = self.sign_intermediate(&name, KeyType::EcdsaP256.generate()?.pair()?, validity)?;
        // Clients that check revocation for every CA in a chain, as nginx does, also need a list from the
        // root.
        let nothing = std::iter::empty();
        let crl = self.revocation_list(nothing, validity)?;
        Ok(Self { is_sealed: true, root_crl: Some(crl), ..self.below(made) })
    }

    /// Returns the same CA, signing through its intermediate, which is created if there is no usable one. The
    /// caller holds the CA's lock.
    pub fn through_intermediate(
        &self,
        folder: &CaFolder,
        files: Files,
        now: OffsetDateTime,
    ) -> anyhow::Result<Self> {
        // Keep an existing key, so that certificates signed with it stay valid.
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
        new.retain(|file| file.path != folder.root()); // the root does not change
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

    /// The intermediate's key, if this CA's passphrase decrypts it.
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

    /// Signs an intermediate that cannot have CAs below it. It repeats the root's constraints, because some
    /// clients ignore those of a root.
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
        Ok(Intermediate { certificate: parse_signed(signed.der())?, key })
    }
}

fn intermediate_name(root: &CaCertificate) -> String {
    root.common_name.replacen("devca root", "devca intermediate", 1)
}
