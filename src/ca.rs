//! Generate, persist and load a root.

use rcgen::{Issuer, KeyPair, PublicKeyData};
use time::OffsetDateTime;
use x509_parser::prelude::{FromDer, X509Certificate};
use zeroize::Zeroizing;

use crate::certificate::{self, Leaf};
use crate::constraints::Constraints;
use crate::error::{Fault, OrHint};
use crate::files::{Files, NewFile, Secrecy};
use crate::home::CaFolder;
use crate::key::{self, KeyType};
use crate::pem;
use crate::profile::{self, Validity};

/// A root certificate, read and found to be one.
#[derive(Debug, Clone)]
pub struct Root {
    /// The certificate.
    pub der: Vec<u8>,
    /// Its subject's common name.
    pub common_name: String,
    /// From when to when it is valid.
    pub validity: Validity,
    /// What it may sign for.
    pub constraints: Constraints,
    /// The subject in DER: the issuer of its leaves.
    pub subject: Vec<u8>,
    /// The subject key identifier: the authority key identifier of its leaves.
    pub key_id: Option<Vec<u8>>,
    public_key: Vec<u8>,
}

impl Root {
    /// Reads the root of a CA. Fails where there is none (see [`exists`]), and where the file holds something else.
    pub fn load(folder: &CaFolder) -> anyhow::Result<Self> {
        let path = folder.root();
        let der = pem::first_certificate(&path)?;
        Self::parse(der).map_err(|why| {
            let hint = format!(
                "put back the root you had, or begin anew: devca{} uninstall --purge && devca{0} install",
                folder.option()
            );
            Fault::new(format!("{} is no usable root: {why}", path.display()), hint).into()
        })
    }

    /// Reads a CA certificate; the error says why it is none.
    pub fn parse(der: Vec<u8>) -> Result<Self, &'static str> {
        let (rest, certificate) =
            X509Certificate::from_der(&der).map_err(|_| "the certificate is damaged")?;
        let is_ca = certificate.basic_constraints().ok().flatten().is_some_and(|e| e.value.ca);
        if !rest.is_empty() || !is_ca {
            return Err("the certificate in it is not a CA's");
        }
        let constraints = certificate.name_constraints().map_err(|_| "its name constraints are damaged")?;
        let key_id = certificate.iter_extensions().find_map(|extension| match extension.parsed_extension() {
            x509_parser::extensions::ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0.to_vec()),
            _ => None,
        });
        let common_name = certificate.subject().iter_common_name().next().and_then(|name| name.as_str().ok());
        let root = Self {
            common_name: common_name.unwrap_or("a root without a common name").to_owned(),
            validity: Validity {
                not_before: certificate.validity().not_before.to_datetime(),
                not_after: certificate.validity().not_after.to_datetime(),
            },
            constraints: Constraints::from_extension(constraints.map(|extension| extension.value)),
            subject: certificate.subject().as_raw().to_vec(),
            key_id,
            public_key: certificate.public_key().raw.to_vec(),
            der: Vec::new(),
        };
        Ok(Self { der, ..root })
    }

    /// Reads a certificate that devca made as a root, and no other.
    pub fn of_devca(der: Vec<u8>) -> Option<Self> {
        let is_devca = certificate::local_ca(&der)?.is_devca;
        Self::parse(der).ok().filter(|_| is_devca)
    }

    /// Whether this is the key that the certificate is for.
    pub fn is_of_key(&self, key: &KeyPair) -> bool {
        key.subject_public_key_info() == self.public_key
    }

    /// SHA-256 of the certificate.
    pub fn sha256(&self) -> [u8; 32] {
        key::sha256(&self.der)
    }
}

/// A root with its private key: what can sign.
pub struct Authority {
    /// The certificate.
    pub root: Root,
    key: Zeroizing<KeyPair>,
}

/// Whether a root certificate is there; whether it is a good one shows when it is loaded.
pub fn exists(folder: &CaFolder) -> bool {
    folder.root().symlink_metadata().is_ok()
}

impl Authority {
    /// Reads root and key, and refuses a pair that could only sign what nobody accepts.
    pub fn load(folder: &CaFolder, now: OffsetDateTime) -> anyhow::Result<Self> {
        let root = Root::load(folder)?;
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
        if !root.is_of_key(&key) {
            let what = format!("{} is not the key of {}", path.display(), folder.root().display());
            return Err(
                Fault::new(what, format!("put back the pair you had, or make a new root: {anew}")).into()
            );
        }
        Ok(Self { root, key })
    }

    /// Makes a root in memory.
    pub fn draft(common_name: &str, constraints: &Constraints, now: OffsetDateTime) -> anyhow::Result<Self> {
        Self::sign(KeyType::EcdsaP256.generate()?, common_name, constraints, now)
    }

    fn sign(
        key: Zeroizing<KeyPair>,
        common_name: &str,
        constraints: &Constraints,
        now: OffsetDateTime,
    ) -> anyhow::Result<Self> {
        let validity = Validity::starting(now, profile::ROOT_DAYS);
        let params = profile::root(common_name, constraints, validity, key::random_serial()?);
        let hint = || "the system's randomness may have failed: try again".into();
        let signed = params.self_signed(&*key).or_hint(|| "cannot sign the root".into(), hint)?;
        let root =
            Root::parse(signed.der().to_vec()).or_hint(|| "the new root is not readable".into(), hint)?;
        Ok(Self { root, key })
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
            let authority = Self::sign(pem::first_key(&key_path)?, common_name, constraints, now)?;
            files.stage(vec![authority.certificate_file(folder)])?.commit_durably()?;
            return Ok(authority);
        }
        let authority = Self::draft(common_name, constraints, now)?;
        authority.write(folder, files)?;
        Ok(authority)
    }

    /// Takes over a root that somebody else made. The caller holds the CA's lock and has seen that there is none yet.
    pub fn adopt(
        folder: &CaFolder,
        files: Files,
        root: Root,
        key: Zeroizing<KeyPair>,
        now: OffsetDateTime,
    ) -> anyhow::Result<Self> {
        if !root.is_of_key(&key) {
            let hint = "give the key that the root was made with";
            return Err(Fault::new("the key is not this certificate's", hint).into());
        }
        if root.validity.not_after < now {
            let what = format!("this root expired on {}", root.validity.not_after.date());
            return Err(Fault::new(what, "make a new one: devca install").into());
        }
        let authority = Self { root, key };
        authority.check_subject(now)?;
        authority.write(folder, files)?;
        Ok(authority)
    }

    /// Leaves name their issuer as rcgen writes it, which must be as the root has it, to the byte.
    fn check_subject(&self, now: OffsetDateTime) -> anyhow::Result<()> {
        let probe =
            profile::leaf(profile::Kind::Client, &[], None, false, Validity::starting(now, 1), [1; 16]);
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
    fn write(&self, folder: &CaFolder, files: Files) -> anyhow::Result<()> {
        let content = pem::private_key(self.key.serialized_der());
        let key = NewFile { path: folder.root_key(), content, secrecy: Secrecy::Private, replace: false };
        files.stage(vec![key, self.certificate_file(folder)])?.commit_durably()
    }

    fn certificate_file(&self, folder: &CaFolder) -> NewFile {
        let content = pem::certificate(&self.root.der).into();
        NewFile { path: folder.root(), content, secrecy: Secrecy::Public, replace: false }
    }

    /// What rcgen signs with.
    pub fn issuer(&self) -> anyhow::Result<Issuer<'_, &KeyPair>> {
        Issuer::from_ca_cert_der(&self.root.der.as_slice().into(), &*self.key).or_hint(
            || "this root cannot sign".into(),
            || "its subject has a form that devca does not write: make a root with devca install".into(),
        )
    }
}
