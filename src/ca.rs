//! Generate, persist and load a root.

use rcgen::{Issuer, KeyPair, PublicKeyData};
use time::OffsetDateTime;
use x509_parser::prelude::{FromDer, X509Certificate};
use zeroize::Zeroizing;

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

    fn parse(der: Vec<u8>) -> Result<Self, &'static str> {
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
        if key.subject_public_key_info() != root.public_key {
            let what = format!("{} is not the key of {}", path.display(), folder.root().display());
            return Err(
                Fault::new(what, format!("put back the pair you had, or make a new root: {anew}")).into()
            );
        }
        Ok(Self { root, key })
    }

    /// Makes a root and writes it, key first. The caller holds the CA's lock and has seen that there is none yet.
    ///
    /// A key that is there without a certificate (an install cut short, or a `root.pem` lost) is used, not replaced:
    /// the certificates that it has signed stay good.
    pub fn create(
        folder: &CaFolder,
        files: Files,
        owner: &str,
        constraints: &Constraints,
        now: OffsetDateTime,
    ) -> anyhow::Result<Self> {
        let key_path = folder.root_key();
        let key_is_there = key_path.symlink_metadata().is_ok();
        let key = if key_is_there { pem::first_key(&key_path)? } else { KeyType::EcdsaP256.generate()? };
        let validity = Validity::starting(now, profile::ROOT_DAYS);
        let der = profile::root(owner, constraints, validity, key::random_serial()?)
            .self_signed(&*key)
            .or_hint(
                || "cannot sign the root".into(),
                || "the system's randomness may have failed: try again".into(),
            )?
            .der()
            .to_vec();
        let mut pair = Vec::new();
        if !key_is_there {
            let content = pem::private_key(key.serialized_der());
            pair.push(NewFile { path: key_path, content, secrecy: Secrecy::Private, replace: false });
        }
        let content = pem::certificate(&der).into();
        pair.push(NewFile { path: folder.root(), content, secrecy: Secrecy::Public, replace: false });
        files.stage(pair)?.commit_durably()?;
        Self::load(folder, now)
    }

    /// What rcgen signs with.
    pub fn issuer(&self) -> anyhow::Result<Issuer<'_, &KeyPair>> {
        Issuer::from_ca_cert_der(&self.root.der.as_slice().into(), &*self.key).or_hint(
            || "this root cannot sign".into(),
            || "its subject has a form that devca does not write: make a root with devca install".into(),
        )
    }
}
