//! Renews a certificate of the inventory in place.

use std::collections::BTreeSet;
use std::path::Path;

use rcgen::SubjectPublicKeyInfo;
use time::OffsetDateTime;

use crate::ca::signer::{KeySource, Request, Signer};
use crate::ca::{self, Authority};
use crate::disk::files::{self, Recognize};
use crate::disk::home::CaFolder;
use crate::disk::secret::Secret;
use crate::error::{Fault, quoted};
use crate::format::{self, Format, Holds, Material, Options, Output, Written};
use crate::issued::bulk::Made;
use crate::issued::inventory::Entry;
use crate::issued::presence;
use crate::x509::certificate::{CaCertificate, Leaf, local_ca};
use crate::x509::kind::Kind;
use crate::x509::name::Name;
use crate::x509::subject::{Subject, checked};
use crate::x509::validity::Validity;

/// The command for an entry that cannot be renewed: issue it again.
pub fn issue_again(entry: &Entry) -> String {
    let mut options = match entry.kind {
        Kind::Server => String::new(),
        Kind::Client => " --client".into(),
        Kind::Both => " --client --server".into(),
    };
    for (option, value) in [("--org", &entry.organization), ("--ou", &entry.unit)] {
        if let Some(value) = value {
            options = format!("{options} {option} {}", quoted(Path::new(value)));
        }
    }
    if entry.with_root {
        options += " --with-root";
    }
    let names: Vec<&str> = match &entry.common_name {
        Some(name) if entry.names.is_empty() => vec![name],
        _ => entry.names.iter().map(String::as_str).collect(),
    };
    let words: Vec<String> = names.into_iter().map(|name| quoted(Path::new(name))).collect();
    format!("reissue it: devca issue{options} {}", words.join(" "))
}

/// The same command for one of its files, with that file's folder and format.
pub fn issue_again_at(entry: &Entry, path: &Path) -> String {
    let file = entry.files.iter().find(|file| file.path == path);
    let format = file.map(|file| file.format.name()).filter(|format| *format != "pem");
    let format = format.map_or_else(String::new, |format| format!(" --format {format}"));
    let folder = path.parent().filter(|folder| std::env::current_dir().is_ok_and(|here| here != **folder));
    let folder = folder.map_or_else(String::new, |folder| format!(" --out {}", quoted(folder)));
    match named_files(entry).filter(|_| format.is_empty()) {
        Some([certificate, key]) => {
            let (certificate, key) = (quoted(certificate), quoted(key));
            format!("{} --cert-file {certificate} --key-file {key}", issue_again(entry))
        }
        None => format!("{}{format}{folder}", issue_again(entry)),
    }
}

/// Certificate and key in PEM, where they do not have the names that devca gives them.
fn named_files(entry: &Entry) -> Option<[&Path; 2]> {
    let file = |holds| entry.files.iter().find(|file| Output::holds(file) == Some(holds));
    let (certificate, key) = (file(Holds::Certificate)?, file(Holds::Key)?);
    let name = certificate.path.file_name()?.to_str()?;
    let usual = name.strip_suffix(".pem").map(|stem| format!("{stem}-key.pem"));
    let has_usual_name = key.path.file_name()?.to_str() == usual.as_deref();
    (entry.files.len() == 2 && certificate.format == Format::Pem && !has_usual_name)
        .then_some([certificate.path.as_path(), key.path.as_path()])
}

/// Recognizes the files of this entry. The password must be the one of the existing encrypted files, unless
/// the key is replaced.
fn recognizer(entry: &Entry, password: Option<&Secret>, new_key: bool) -> Recognize {
    let (entry, password) = (entry.clone(), password.cloned());
    Box::new(move |path, content| {
        let file = entry.files.iter().find(|file| file.path == path);
        let is_store = |content: &[u8]| format::is_store(content, password.as_ref());
        file.is_some_and(|file| match content {
            Some(content) => presence::is_the_same(&entry, file, content, is_store),
            None => new_key && presence::is_lacking_key(file),
        })
    })
}

/// How to renew certificates.
pub struct Renewer<'a> {
    /// The authorities that sign them.
    pub signers: &'a Signers<'a>,
    /// The password for encrypted formats.
    pub password: Option<Secret>,
    /// Generate new keys instead of keeping the existing ones.
    pub new_key: bool,
    /// The validity in days, if it should differ from the previous one.
    pub days: Option<i64>,
    /// The current time.
    pub now: OffsetDateTime,
}

/// Signers for certificates directly below the root and for those below the intermediate.
pub struct Signers<'a> {
    direct: Signer<'a>,
    below: Option<Signer<'a>>,
}

impl<'a> Signers<'a> {
    /// `below` is required if any certificate was issued through an intermediate.
    pub fn new(direct: &'a Authority, below: Option<&'a Authority>) -> anyhow::Result<Self> {
        Ok(Self { direct: Signer::new(direct)?, below: below.map(Signer::new).transpose()? })
    }

    fn of(&self, entry: &Entry) -> &Signer<'a> {
        self.below.as_ref().filter(|_| entry.intermediate).unwrap_or(&self.direct)
    }
}

impl Renewer<'_> {
    /// Issues the certificate again with the same names, kind, formats and paths, without writing it.
    /// Encrypted files whose password is unknown keep the old certificate, so that the others can still be
    /// renewed.
    pub fn renew(&self, entry: &Entry) -> anyhow::Result<Made> {
        let signer = self.signers.of(entry);
        let (outputs, left) = self.partition(outputs(entry)?);
        if let ([], Some(output)) = (outputs.as_slice(), left.first()) {
            let path = output.path.display();
            let (what, hint) = if self.password.is_some() {
                let hint =
                    format!("use its password, or replace its key, too: {} --new-key", with_password(entry));
                (format!("{path} cannot be opened with this password"), hint)
            } else {
                (format!("{path} is encrypted, and its password is unknown"), with_password(entry))
            };
            return Err(Fault::new(what, hint).into());
        }
        let key = self.key(entry)?;
        let changes_key = matches!(key, KeySource::Fresh(_));
        let mut request = Request {
            kind: entry.kind,
            subject: subject(entry)?,
            key,
            validity: Validity::starting(self.now, self.days.unwrap_or_else(|| days(entry))),
        };
        let label = format::stem(&request.subject, entry.kind);
        request.adapt_to(signer.authority());
        let issued = signer.issue(&request)?;
        let options =
            Options { with_root: entry.with_root, modern: entry.modern, password: self.password.clone() };
        let material =
            Material { issued: &issued, authority: signer.authority(), options: &options, label: &label };
        let files = format::render(&material, &outputs)?;
        let recognize = recognizer(entry, self.password.as_ref().filter(|_| !self.new_key), self.new_key);
        let mut renewed = Entry::new(&request, &material, &outputs, &files, self.now);
        keep_outdated(&mut renewed, entry, &left, &signer.authority().root);
        let is_changed = |output: &Output| changes_key || output.part.holds != Holds::Key;
        let files = outputs.iter().zip(files).filter(|(output, _)| is_changed(output)).map(|(_, file)| file);
        Ok(Made { files: files.collect(), entry: renewed, changes_key, recognize: Some(recognize) })
    }

    /// Splits the files into those that can be written and those whose password is unknown or different.
    fn partition(&self, outputs: Vec<Output>) -> (Vec<Output>, Vec<Output>) {
        let is_writable = |output: &Output| match &self.password {
            _ if !output.format.takes_password() => true,
            None => false,
            // A new key may come with a new password.
            Some(_) if self.new_key => true,
            Some(password) => {
                files::read(&output.path).is_ok_and(|content| format::is_store(&content, Some(password)))
            }
        };
        outputs.into_iter().partition(is_writable)
    }

    /// The existing key if it can be read, otherwise a new one of the same type.
    fn key(&self, entry: &Entry) -> anyhow::Result<KeySource> {
        let Some(key_type) = entry.key_type else {
            // The key came with a CSR, so take the public key from the certificate.
            let public_key = presence::certificate(entry)
                .and_then(|der| Leaf::parse(&der))
                .and_then(|leaf| SubjectPublicKeyInfo::from_der(&leaf.public_key).ok());
            let lost = || Fault::new("its CSR is needed to renew it", "sign the CSR again: --csr");
            return Ok(KeySource::Requested(public_key.ok_or_else(lost)?));
        };
        if self.new_key {
            return Ok(KeySource::Fresh(key_type));
        }
        if let Some(key) = presence::private_key(entry, self.password.as_ref()) {
            return Ok(KeySource::Kept(Some(key_type), key));
        }
        let has_key = |file: &&Written| matches!(Output::holds(file), Some(Holds::Key | Holds::Opaque));
        let file = entry.files.iter().find(has_key).map_or(Path::new("-"), |file| &file.path);
        let what = format!("its key cannot be read: {}", file.display());
        let hint = "run devca as a user who may read it, or use --new-key";
        Err(Fault::new(what, hint).into())
    }
}

fn outputs(entry: &Entry) -> anyhow::Result<Vec<Output>> {
    let output = |file: &Written| {
        let unknown =
            || Fault::new(format!("{} is not in a supported format", file.path.display()), "reissue it");
        // Only a missing key is created.
        let replace = !(presence::is_lacking_key(file) && file.path.symlink_metadata().is_err());
        Ok(Output { replace, ..Output::again(file).ok_or_else(unknown)? })
    };
    entry.files.iter().map(output).collect()
}

/// Lists the files that were not renewed, at their previous positions.
fn keep_outdated(renewed: &mut Entry, old: &Entry, left: &[Output], root: &CaCertificate) {
    let mut written = std::mem::take(&mut renewed.files).into_iter();
    for file in &old.files {
        if left.iter().any(|output| output.path == file.path) {
            renewed.keep(old, file, root);
        } else {
            renewed.files.extend(written.next());
        }
    }
}

/// What a file contains that a renewal replaces: a trust store has only the root.
pub fn content(file: &Written) -> &'static str {
    if Output::holds(file) == Some(Holds::Public) { "root" } else { "certificate" }
}

/// The command that also renews the encrypted files of an entry.
pub fn with_password(entry: &Entry) -> String {
    format!("devca renew {} --password-file FILE", quoted(presence::first(entry)))
}

fn subject(entry: &Entry) -> anyhow::Result<Subject> {
    let names = entry.names.iter().map(|name| Name::parse(name)).collect::<Result<_, _>>()?;
    if let Some(common_name) = &entry.common_name {
        checked(common_name, "a common name", "for example: devca issue --client alice")?;
    }
    let subject = Subject { common_name: entry.common_name.clone(), names, ..Subject::default() };
    Ok(subject.with_organization(entry.organization.clone(), entry.unit.clone())?)
}

/// The number of days the certificate was requested for, which its issuer may have shortened.
fn days(entry: &Entry) -> i64 {
    let issued = Validity { not_before: entry.not_before, not_after: entry.not_after };
    entry.days.unwrap_or_else(|| issued.days().max(1))
}

/// Whether this CA issued it with its current keys. (Files that cannot be parsed count as another CA's.)
pub fn is_of(entry: &Entry, authority: &Authority) -> bool {
    is_of_one(entry, &[authority.signer(), &authority.root])
}

fn is_of_one(entry: &Entry, issuers: &[&CaCertificate]) -> bool {
    presence::leaf(entry).is_some_and(|leaf| issuers.iter().any(|issuer| leaf.is_of(issuer)))
}

/// Distinguishes certificates of the current root from those of an earlier one, which an interrupted `rotate`
/// may leave behind.
pub struct PresentRoot {
    root: Option<CaCertificate>,
    root_created_at: OffsetDateTime,
    issuers: Vec<CaCertificate>,
}

impl PresentRoot {
    /// The current root of a CA, if there is one, and its intermediate.
    pub fn new(root: Option<&CaCertificate>, folder: &CaFolder) -> Self {
        let issuers = root.cloned().into_iter().chain(ca::intermediate(folder)).collect();
        Self { root: root.cloned(), root_created_at: root_created_at(root), issuers }
    }

    /// The first name of a certificate that this root does not permit, so that clients reject it.
    pub fn outside(&self, entry: &Entry) -> Option<Name> {
        let root = self.root.as_ref()?;
        let mut names = entry.names.iter().filter_map(|name| Name::parse(name).ok());
        names.find(|name| !root.constraints.permit(name))
    }

    /// A certificate that appears older than the root is read, because the clock may have been set back. Its
    /// files may also include the root from before a `permit`.
    pub fn has_issued(&self, entry: &Entry) -> bool {
        if self.root.as_ref().is_some_and(|root| !entry.includes_only(root)) {
            return false;
        }
        entry.issued >= self.root_created_at || is_of_one(entry, &self.issuers.iter().collect::<Vec<_>>())
    }
}

/// Certificates issued before this time are of an earlier root, which an interrupted `rotate` may leave
/// behind. This avoids reading them.
pub fn root_created_at(root: Option<&CaCertificate>) -> OffsetDateTime {
    // Other programs do not backdate their roots.
    let own = root.filter(|root| local_ca(&root.der).is_some_and(|ca| ca.is_devca));
    own.map_or(OffsetDateTime::UNIX_EPOCH, |root| root.validity.made())
}

/// The folders of their files, without duplicates.
pub fn folders(entries: &[Entry]) -> BTreeSet<&Path> {
    entries.iter().flat_map(|entry| &entry.files).filter_map(|file| file.path.parent()).collect()
}
