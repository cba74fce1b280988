//! Generate, persist and load a CA: its root and, between root and leaves, an intermediate where one is wanted.

use rcgen::{Issuer, KeyPair};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::certificate::{CaCertificate, Leaf};
use crate::constraints::Constraints;
use crate::error::{Fault, OrHint};
use crate::files::{Files, NewFile, Secrecy};
use crate::home::CaFolder;
use crate::key::{self, KeyType};
use crate::pem;
use crate::profile::{self, Validity};
use crate::subject::Subject;

/// What can sign: a root with its key, or an intermediate with its own.
pub struct Authority {
    /// What clients trust.
    pub root: CaCertificate,
    /// What signs in the root's stead.
    pub intermediate: Option<CaCertificate>,
    /// The root's key is gone: whatever is issued comes from the intermediate.
    pub is_sealed: bool,
    key: Zeroizing<KeyPair>,
}

/// Whether a root certificate is there; whether it is a good one shows when it is loaded.
pub fn exists(folder: &CaFolder) -> bool {
    folder.root().symlink_metadata().is_ok()
}

/// The intermediate's certificate, where there is one that can be read.
pub fn intermediate(folder: &CaFolder) -> Option<CaCertificate> {
    let path = folder.intermediate();
    path.symlink_metadata().ok()?;
    CaCertificate::load(&path, folder).ok()
}

impl Authority {
    /// Reads root and key, and refuses a pair that could only sign what nobody accepts.
    pub fn load(folder: &CaFolder, now: OffsetDateTime) -> anyhow::Result<Self> {
        let root = CaCertificate::load(&folder.root(), folder)?;
        let anew = format!("devca{} uninstall --purge && devca{0} install", folder.option());
        if root.validity.not_after < now {
            let what =
                format!("the root {} expired on {}", folder.root().display(), root.validity.not_after.date());
            return Err(Fault::new(what, format!("make a new one: {anew}")).into());
        }
        let path = folder.root_key();
        if path.symlink_metadata().is_err() {
            let what = format!("the root's key {} is missing: nothing can be signed", path.display());
            return Err(Fault::new(what, format!("put the key back, or make a new root: {anew}")).into());
        }
        let key = pem::first_key(&path)?;
        if !root.belongs_to(&key) {
            let what = format!("{} is not the key of {}", path.display(), folder.root().display());
            return Err(
                Fault::new(what, format!("put back the pair you had, or make a new root: {anew}")).into()
            );
        }
        Ok(Self { root, intermediate: None, is_sealed: false, key })
    }

    /// Makes a root in memory.
    pub fn draft(common_name: &str, constraints: &Constraints, now: OffsetDateTime) -> anyhow::Result<Self> {
        Self::sign_root(KeyType::EcdsaP256.generate()?, common_name, constraints, now)
    }

    fn sign_root(
        key: Zeroizing<KeyPair>,
        common_name: &str,
        constraints: &Constraints,
        now: OffsetDateTime,
    ) -> anyhow::Result<Self> {
        let validity = Validity::starting(now, profile::ROOT_DAYS);
        let params = profile::root(common_name, constraints, validity, key::random_serial()?);
        let signed = params.self_signed(&*key).or_hint(|| "cannot sign the root".into(), try_again)?;
        Ok(Self { root: own(signed.der())?, intermediate: None, is_sealed: false, key })
    }

    /// Makes a root and writes it. The caller holds the CA's lock and has seen that there is none yet.
    ///
    /// A key that is there without a certificate (an install cut short, or a `root.pem` lost) is used, not replaced:
    /// the certificates that it has signed stay good.
    pub fn create(
        folder: &CaFolder,
        files: Files,
        common_name: &str,
        constraints: &Constraints,
        now: OffsetDateTime,
    ) -> anyhow::Result<Self> {
        let key_path = folder.root_key();
        if key_path.symlink_metadata().is_ok() {
            let authority = Self::sign_root(pem::first_key(&key_path)?, common_name, constraints, now)?;
            let file = NewFile::public(folder.root(), pem::certificate(&authority.root.der));
            files.stage(vec![file])?.commit_durably()?;
            return Ok(authority);
        }
        let authority = Self::draft(common_name, constraints, now)?;
        authority.write_root(folder, files)?;
        Ok(authority)
    }

    /// Takes over a root that somebody else made. The caller holds the CA's lock and has seen that there is none yet.
    pub fn adopt(
        folder: &CaFolder,
        files: Files,
        root: CaCertificate,
        key: Zeroizing<KeyPair>,
        now: OffsetDateTime,
    ) -> anyhow::Result<Self> {
        if !root.belongs_to(&key) {
            let hint = "give the key that the root was made with";
            return Err(Fault::new("the key is not this certificate's", hint).into());
        }
        if root.validity.not_after < now {
            let what = format!("this root expired on {}", root.validity.not_after.date());
            return Err(Fault::new(what, "make a new one: devca install").into());
        }
        let authority = Self { root, intermediate: None, is_sealed: false, key };
        authority.check_subject(now)?;
        authority.write_root(folder, files)?;
        Ok(authority)
    }

    /// Leaves name their issuer as rcgen writes it, which must be as the root has it, to the byte.
    fn check_subject(&self, now: OffsetDateTime) -> anyhow::Result<()> {
        let nobody = Subject::default();
        let probe = profile::leaf(profile::Kind::Client, &nobody, false, Validity::starting(now, 1), [1; 16]);
        let key = KeyType::EcdsaP256.generate()?;
        let signed =
            probe.signed_by(&*key, &self.issuer()?).map(|leaf| leaf.der().to_vec()).unwrap_or_default();
        if Leaf::parse(&signed).is_some_and(|leaf| leaf.is_of(&self.root)) {
            return Ok(());
        }
        let what = "this root's subject has a form that devca does not write";
        Err(Fault::new(what, "make a root of your own: devca install").into())
    }

    /// Key first: a certificate without its key could sign nothing.
    fn write_root(&self, folder: &CaFolder, files: Files) -> anyhow::Result<()> {
        write_pair(&self.root, &self.key, folder.root(), folder.root_key(), files)
    }

    /// The same CA, signing through its intermediate; makes that where there is none yet, or where it is about to end.
    /// The caller holds the CA's lock.
    pub fn through_intermediate(
        self,
        folder: &CaFolder,
        files: Files,
        now: OffsetDateTime,
    ) -> anyhow::Result<Self> {
        if self.intermediate.is_some() {
            return Ok(self);
        }
        let (path, key_path) = (folder.intermediate(), folder.intermediate_key());
        if path.symlink_metadata().is_ok() && key_path.symlink_metadata().is_ok() {
            let intermediate = CaCertificate::load(&path, folder)?;
            let key = pem::first_key(&key_path)?;
            if intermediate.is_signed_by(&self.root)
                && intermediate.belongs_to(&key)
                && intermediate.validity.not_after > now
            {
                return Ok(Self { intermediate: Some(intermediate), key, ..self });
            }
        }
        let made = self.sign_intermediate(&format!("{} intermediate", self.root.common_name), None, now)?;
        for path in [&path, &key_path] {
            files.remove(path)?;
        }
        write_pair(&made.certificate, &made.key, path, key_path, files)?;
        Ok(Self { intermediate: Some(made.certificate), key: made.key, ..self })
    }

    /// An intermediate: no CA below it, and the root's constraints repeated, since some clients ignore those of a root.
    pub fn sign_intermediate(
        &self,
        common_name: &str,
        days: Option<i64>,
        now: OffsetDateTime,
    ) -> anyhow::Result<Intermediate> {
        let key = KeyType::EcdsaP256.generate()?;
        let validity = Validity::starting(now, days.unwrap_or(profile::INTERMEDIATE_DAYS));
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

    /// Whose key signs leaves.
    pub fn signer(&self) -> &CaCertificate {
        self.intermediate.as_ref().unwrap_or(&self.root)
    }

    /// What rcgen signs with.
    pub fn issuer(&self) -> anyhow::Result<Issuer<'_, &KeyPair>> {
        Issuer::from_ca_cert_der(&self.signer().der.as_slice().into(), &*self.key).or_hint(
            || "this root cannot sign".into(),
            || "its subject has a form that devca does not write: make a root with devca install".into(),
        )
    }
}

/// An intermediate CA's certificate and key.
pub struct Intermediate {
    /// Signed by the root.
    pub certificate: CaCertificate,
    /// Its own.
    pub key: Zeroizing<KeyPair>,
}

fn write_pair(
    certificate: &CaCertificate,
    key: &KeyPair,
    path: std::path::PathBuf,
    key_path: std::path::PathBuf,
    files: Files,
) -> anyhow::Result<()> {
    let key = NewFile {
        path: key_path,
        content: pem::private_key(key.serialized_der()),
        secrecy: Secrecy::Private,
        replace: false,
    };
    files.stage(vec![key, NewFile::public(path, pem::certificate(&certificate.der))])?.commit_durably()
}

/// What was just signed, read again.
fn own(der: &[u8]) -> anyhow::Result<CaCertificate> {
    CaCertificate::parse(der.to_vec()).or_hint(|| "the new certificate is not readable".into(), try_again)
}

fn try_again() -> String {
    "the system's randomness may have failed: try again".into()
}
