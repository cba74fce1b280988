//! Generates, saves and loads a CA: its root and, if requested, an intermediate below it.

use std::path::{Path, PathBuf};

use rcgen::{Issuer, KeyIdMethod, KeyPair};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::ca::key_file::{KeyFile, LockedKey};
use crate::ca::passphrase::CaPassphrase;
use crate::disk::files::{Files, NewFile, Secrecy};
use crate::disk::home::CaFolder;
use crate::error::{Fault, OrHint};
use crate::x509::certificate::{CaCertificate, Leaf};
use crate::x509::constraints::Constraints;
use crate::x509::distinguished_name;
use crate::x509::key::{self, KeyType};
use crate::x509::kind::Kind;
use crate::x509::pem;
use crate::x509::policy;
use crate::x509::subject::Subject;
use crate::x509::validity::Validity;

mod crl;
pub(crate) mod faulty;
mod intermediate;
pub mod key_file;
pub(crate) mod keyring;
pub(crate) mod passphrase;
pub mod profile;
pub(crate) mod signer;

pub use intermediate::{Intermediate, intermediate};

/// A CA that can sign: a root with its key, or an intermediate with its own key.
pub struct Authority {
    /// The root that clients trust.
    pub root: CaCertificate,
    /// The intermediate that signs, if the root does not sign directly.
    pub intermediate: Option<CaCertificate>,
    /// Whether the root's key was never stored, so that everything is signed by the intermediate.
    pub is_sealed: bool,
    key: Zeroizing<KeyPair>,
    passphrase: Option<CaPassphrase>,
    /// The root's revocation list, signed before the key of a sealed root was dropped.
    root_crl: Option<Vec<u8>>,
}

/// What kind of CA to create.
pub struct Draft<'a> {
    /// The root's common name.
    pub common_name: &'a str,
    /// The names that it may sign for.
    pub constraints: &'a Constraints,
    /// Whether to drop the root's key once it has signed an intermediate.
    pub sealed: bool,
    /// The passphrase for the stored key.
    pub passphrase: Option<CaPassphrase>,
}

/// Decrypts the key in the file at this path. Returns the key with its passphrase.
pub type Unlock<'a> = dyn Fn(&Path, &LockedKey) -> anyhow::Result<(Zeroizing<KeyPair>, CaPassphrase)> + 'a;

/// Whether there is a root certificate; loading it shows whether it is valid.
pub fn exists(folder: &CaFolder) -> bool {
    folder.root().symlink_metadata().is_ok()
}

/// Whether the root's key is missing and the intermediate has one.
pub fn is_sealed(folder: &CaFolder) -> bool {
    let is_there = |path: PathBuf| path.symlink_metadata().is_ok();
    !is_there(folder.root_key()) && is_there(folder.intermediate()) && is_there(folder.intermediate_key())
}

/// Whether the signing key is encrypted.
pub fn is_locked(folder: &CaFolder) -> bool {
    matches!(key_file::read(&signing_key(folder)), Ok(KeyFile::Locked(_)))
}

/// The keyring entry with the passphrase of the signing key, if it is stored there.
pub fn keyring_item(folder: &CaFolder) -> Option<keyring::KeyringItem> {
    match key_file::read(&signing_key(folder)) {
        Ok(KeyFile::Locked(key)) => key.item,
        _ => None,
    }
}

/// Why nothing can be signed without the key.
pub fn missing_key(path: &Path, is_sealed: bool) -> String {
    let whose = if is_sealed { "intermediate" } else { "root" };
    format!("the {whose}'s key is missing, so nothing can be signed: {}", path.display())
}

/// Whether a file exists that this user may not read.
fn is_closed(path: &Path) -> bool {
    std::fs::File::open(path).is_err_and(|e| e.kind() == std::io::ErrorKind::PermissionDenied)
}

/// The file of the key that the CA signs with.
pub fn signing_key(folder: &CaFolder) -> PathBuf {
    if is_sealed(folder) { folder.intermediate_key() } else { folder.root_key() }
}

impl Authority {
    /// Loads root and key, and refuses a pair whose certificates no client would accept.
    pub fn load(folder: &CaFolder, unlock: &Unlock, now: OffsetDateTime) -> anyhow::Result<Self> {
        let root = CaCertificate::load(&folder.root())?;
        refuse_early_clock(&root, now)?;
        let rotate = "replace the root: devca rotate";
        if root.validity.not_after < now {
            let what =
                format!("the root {} expired on {}", folder.root().display(), root.validity.not_after.date());
            return Err(Fault::new(what, "replace it: devca rotate").into());
        }
        let is_sealed = is_sealed(folder);
        let path = if is_sealed { folder.intermediate_key() } else { folder.root_key() };
        let intermediate = if is_sealed { Some(CaCertificate::load(&folder.intermediate())?) } else { None };
        let (key, passphrase) = match key_file::read(&path) {
            Err(_) if path.symlink_metadata().is_err() => {
                let what = missing_key(&path, is_sealed);
                return Err(Fault::new(what, format!("restore the key, or {rotate}")).into());
            }
            // Nothing is lost if only its permissions are wrong.
            Err(e) if is_closed(&path) => return Err(e),
            Err(e) => {
                let hint = format!("restore the key, or {rotate}");
                return Err(Fault::new(format!("{e:#}"), hint).into());
            }
            Ok(key) => open_key(&path, key, unlock)?,
        };
        let signer = intermediate.as_ref().unwrap_or(&root);
        if !signer.belongs_to(&key) || intermediate.as_ref().is_some_and(|ca| !ca.is_signed_by(&root)) {
            let of = if is_sealed { folder.intermediate() } else { folder.root() };
            let what = format!("{} is not the key of {}", path.display(), of.display());
            return Err(Fault::new(what, format!("restore the original pair, or {rotate}")).into());
        }
        Ok(Self { root, intermediate, is_sealed, key, passphrase, root_crl: None })
    }

    /// Creates a CA in memory.
    pub fn draft(draft: &Draft, now: OffsetDateTime) -> anyhow::Result<Self> {
        Self::with_key(KeyType::EcdsaP256.generate()?.pair()?, draft, now)
    }

    fn with_key(key: Zeroizing<KeyPair>, draft: &Draft, now: OffsetDateTime) -> anyhow::Result<Self> {
        let validity = Validity::starting(now, policy::ROOT_DAYS);
        let params = profile::root(draft.common_name, draft.constraints, validity, key::random_serial()?);
        let signed = params.self_signed(&*key).or_hint(|| "cannot sign the root".into(), try_again)?;
        let passphrase = draft.passphrase.clone();
        let root = parse_signed(signed.der())?;
        let made = Self { root, intermediate: None, is_sealed: false, key, passphrase, root_crl: None };
        if draft.sealed { made.seal(now) } else { Ok(made) }
    }

    /// Creates a CA and writes its files. The caller holds the CA's lock and has checked that the CA does not
    /// exist yet.
    ///
    /// A key without a certificate (from an interrupted install, or if `root.pem` was lost) is used rather
    /// than replaced, so that the certificates it has signed stay valid.
    pub fn create(
        folder: &CaFolder,
        files: Files,
        draft: &Draft,
        unlock: &Unlock,
        now: OffsetDateTime,
    ) -> anyhow::Result<Self> {
        let key_path = folder.root_key();
        if key_path.symlink_metadata().is_ok() {
            if draft.sealed {
                let what = format!("{} exists, and with it this CA would not be sealed", key_path.display());
                return Err(Fault::new(what, "remove it if you are sure that nothing needs it").into());
            }
            let (key, passphrase) = read_key(&key_path, unlock)?;
            let authority = Self { passphrase, ..Self::with_key(key, draft, now)? };
            let file = NewFile::public(folder.root(), pem::certificate(&authority.root.der));
            files.stage(vec![file])?.commit_durably()?;
            return Ok(authority);
        }
        let authority = Self::draft(draft, now)?;
        files.exchange(&folder.path, &authority.files(folder)?, &[])?;
        Ok(authority)
    }

    /// Imports a root that another program created. The caller holds the CA's lock and has checked that the
    /// CA does not exist yet.
    pub fn adopt(
        folder: &CaFolder,
        files: Files,
        root: CaCertificate,
        (key, passphrase): (Zeroizing<KeyPair>, Option<CaPassphrase>),
        now: OffsetDateTime,
    ) -> anyhow::Result<Self> {
        if !root.belongs_to(&key) {
            let hint = "use the key that belongs to the root";
            return Err(Fault::new("the key does not match this certificate", hint).into());
        }
        if root.validity.not_after < now {
            let what = format!("this root expired on {}", root.validity.not_after.date());
            return Err(Fault::new(what, "create a new one: devca install").into());
        }
        let authority = Self { root, intermediate: None, is_sealed: false, key, passphrase, root_crl: None };
        authority.check_subject(now)?;
        files.exchange(&folder.path, &authority.files(folder)?, &[])?;
        Ok(authority)
    }

    /// rcgen re-encodes the issuer's name in leaves; it must equal the root's subject byte for byte.
    fn check_subject(&self, now: OffsetDateTime) -> anyhow::Result<()> {
        let nobody = Subject::default();
        let probe = profile::leaf(Kind::Client, &nobody, false, Validity::starting(now, 1), [1; 16]);
        let key = KeyType::EcdsaP256.generate()?.pair()?;
        let signed =
            probe.signed_by(&*key, &self.issuer()?).map(|leaf| leaf.der().to_vec()).unwrap_or_default();
        if Leaf::parse(&signed).is_some_and(|leaf| leaf.is_of(&self.root)) {
            return Ok(());
        }
        let what = "this root's subject has a form that devca cannot write";
        Err(Fault::new(what, "create a root with: devca install").into())
    }

    /// The CA's own files with their content.
    pub fn files(&self, folder: &CaFolder) -> anyhow::Result<Vec<NewFile>> {
        let root = NewFile::public(folder.root(), pem::certificate(&self.root.der));
        let Some(intermediate) = &self.intermediate else {
            return Ok(vec![self.key_file(folder.root_key())?, root]);
        };
        let mut files = vec![
            self.key_file(folder.intermediate_key())?,
            NewFile::public(folder.intermediate(), pem::certificate(&intermediate.der)),
            root,
        ];
        files.extend(self.root_crl.iter().map(|crl| NewFile::public(folder.root_crl(), pem::crl(crl))));
        Ok(files)
    }

    fn key_file(&self, path: PathBuf) -> anyhow::Result<NewFile> {
        key_file(path, &self.key, self.passphrase.as_ref())
    }

    /// All keys of the CA, encrypted with another passphrase or not at all.
    pub fn keys_locked_with(
        &self,
        passphrase: Option<&CaPassphrase>,
        folder: &CaFolder,
    ) -> anyhow::Result<Vec<NewFile>> {
        let mut files = vec![key_file(signing_key(folder), &self.key, passphrase)?];
        if let (false, Some(key)) = (self.is_sealed, self.intermediate_key(folder)) {
            files.push(key_file(folder.intermediate_key(), &key, passphrase)?);
        }
        Ok(files)
    }

    /// Signs the root again with the same key, subject, key identifier and validity, but other constraints.
    /// This is impossible for a sealed root.
    pub fn permitting(self, constraints: &Constraints) -> anyhow::Result<Self> {
        let (old, serial) = (&self.root, key::random_serial()?);
        let mut params = profile::root(&old.common_name, constraints, old.validity, serial);
        if let Some(subject) = distinguished_name::parse(&old.subject) {
            params.distinguished_name = subject;
        }
        if !old.is_devca() {
            // The root of another program may have signed for other purposes; keep those certificates valid.
            params.extended_key_usages = Vec::new();
        }
        if let Some(id) = &self.root.key_id {
            params.key_identifier_method = KeyIdMethod::PreSpecified(id.clone());
        }
        let signed = params.self_signed(&*self.key).or_hint(|| "cannot sign the root".into(), try_again)?;
        let root = parse_signed(signed.der())?;
        if root.subject != self.root.subject {
            let what = "this root's subject has a form that devca cannot write";
            return Err(Fault::new(what, "create a root with: devca --ca NAME install").into());
        }
        Ok(Self { root, ..self })
    }

    /// The passphrase that encrypts its keys.
    pub fn passphrase(&self) -> Option<&CaPassphrase> {
        self.passphrase.as_ref()
    }

    /// The certificate whose key signs leaves.
    pub fn signer(&self) -> &CaCertificate {
        self.intermediate.as_ref().unwrap_or(&self.root)
    }

    /// The issuer for rcgen.
    pub fn issuer(&self) -> anyhow::Result<Issuer<'_, &KeyPair>> {
        Issuer::from_ca_cert_der(&self.signer().der.as_slice().into(), &*self.key).or_hint(
            || "this root cannot sign".into(),
            || "its subject has a form that devca cannot write: create a root with devca install".into(),
        )
    }
}

/// Refuses to issue while the clock is behind the root's validity: no client accepts such certificates (RFC
/// 5280 §6.1.3 (a) (2)).
pub fn refuse_early_clock(root: &CaCertificate, now: OffsetDateTime) -> Result<(), Fault> {
    if now >= root.validity.not_before {
        return Ok(());
    }
    let created = if root.is_devca() { root.validity.made() } else { root.validity.not_before };
    let date =
        |moment: OffsetDateTime| format!("{} {:02}:{:02} UTC", moment.date(), moment.hour(), moment.minute());
    let what =
        format!("this machine's clock ({}) is before the root was created ({})", date(now), date(created));
    Err(Fault::new(what, "set the clock; date -u shows it; if it is right, replace the root: devca rotate"))
}

/// Reads a key, decrypting it if necessary. Returns the passphrase if there was one.
pub fn read_key(path: &Path, unlock: &Unlock) -> anyhow::Result<(Zeroizing<KeyPair>, Option<CaPassphrase>)> {
    open_key(path, key_file::read(path)?, unlock)
}

/// Does the same for a key file that was already read.
pub fn open_key(
    path: &Path,
    key: KeyFile,
    unlock: &Unlock,
) -> anyhow::Result<(Zeroizing<KeyPair>, Option<CaPassphrase>)> {
    match key {
        KeyFile::Open(key) => Ok((key, None)),
        KeyFile::Locked(locked) => unlock(path, &locked).map(|(key, passphrase)| (key, Some(passphrase))),
    }
}

fn key_file(path: PathBuf, key: &KeyPair, passphrase: Option<&CaPassphrase>) -> anyhow::Result<NewFile> {
    let content = match passphrase {
        None => pem::private_key(key.serialized_der()),
        Some(passphrase) => {
            let der = passphrase.encrypt(key.serialized_der())?;
            key_file::locked(&LockedKey { der, item: passphrase.item().cloned() })
        }
    };
    Ok(NewFile { path, content, secrecy: Secrecy::Private, replace: false })
}

/// Parses a certificate that was just signed.
fn parse_signed(der: &[u8]) -> anyhow::Result<CaCertificate> {
    CaCertificate::parse(der.to_vec()).or_hint(|| "the new certificate cannot be read".into(), try_again)
}

fn try_again() -> String {
    "the system's randomness may have failed: try again".into()
}
