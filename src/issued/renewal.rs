//! A certificate of the inventory, issued again in its place.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rcgen::{KeyPair, SubjectPublicKeyInfo};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::ca::signer::{KeySource, Request, Signer};
use crate::ca::{self, Authority};
use crate::disk::files::{self, Recognize};
use crate::disk::home::CaFolder;
use crate::disk::secret::Secret;
use crate::error::{Fault, quoted};
use crate::format::Written;
use crate::format::{self, Format, Holds, Material, Options, Output};
use crate::issued::bulk::Made;
use crate::issued::inventory::Entry;
use crate::x509::certificate::{CaCertificate, Leaf, local_ca};
use crate::x509::key;
use crate::x509::kind::Kind;
use crate::x509::pem;
use crate::x509::subject::{Subject, checked};
use crate::x509::validity::Validity;

/// What is at the paths of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// The very files.
    There,
    /// Not all of them, as far as can be read.
    Missing,
    /// None of them.
    Gone,
    /// Something else, somebody's or a later certificate's.
    Replaced,
    /// It was printed, not written.
    Printed,
}

impl State {
    /// Why a certificate in this state is not issued again.
    pub fn why(self) -> &'static str {
        match self {
            Self::There => "its files exist",
            Self::Missing => "one of its files is missing or cannot be read",
            Self::Gone => "its files are gone",
            Self::Replaced => "its file contains something else",
            Self::Printed => "it was printed, not written",
        }
    }
}

/// What can be renewed, and what cannot.
#[derive(Default)]
pub struct Sorted {
    /// With the files that are there.
    pub renewable: Vec<Entry>,
    /// The others, and why.
    pub others: Vec<(Entry, State)>,
    /// Files of the first that cannot be renewed with them, each with its entry as it was.
    pub lost: Vec<(PathBuf, Entry)>,
}

/// Looks into every file: anybody who may write the folder can give another file the time that the inventory knows.
pub fn sorted(entries: Vec<Entry>) -> Sorted {
    let mut sorted = Sorted::default();
    for entry in entries {
        match state(&entry) {
            State::There => sorted.renewable.push(entry),
            state => match intact(&entry) {
                Some(part) => {
                    let is_lost = |file: &&Written| part.files.iter().all(|kept| kept.path != file.path);
                    let lost = entry.files.iter().filter(is_lost).map(|file| file.path.clone());
                    sorted.lost.extend(lost.map(|path| (path, entry.clone())));
                    sorted.renewable.push(part);
                }
                None => sorted.others.push((entry, state)),
            },
        }
    }
    sorted
}

/// The entry with the files alone that are as they were written. A certificate in use is renewed although a file beside
/// it is gone, if its key can be read.
fn intact(entry: &Entry) -> Option<Entry> {
    let is_intact = |file: &Written| {
        files::read(&file.path).is_ok_and(|content| is_the_same(entry, file, &content, |_| true))
    };
    let files: Vec<Written> = entry.files.iter().filter(|file| is_intact(file)).cloned().collect();
    let has_certificate = files.iter().any(|file| Output::holds(file) != Some(Holds::Key));
    let part = Entry { files, ..entry.clone() };
    (has_certificate && (entry.key_type.is_none() || private_key(&part, None).is_some())).then_some(part)
}

/// Looks at the files of an entry from outside, and inside only where something has touched one: good enough to print
/// it, not to replace a file.
pub fn glance(entry: &Entry) -> State {
    if entry.is_untouched() { State::There } else { state(entry) }
}

/// Looks into the files of an entry.
pub fn state(entry: &Entry) -> State {
    let mut state = if entry.files.is_empty() { State::Printed } else { State::There };
    for file in &entry.files {
        match files::read(&file.path) {
            Err(_) if entry.files.iter().any(|file| file.path.exists()) => return State::Missing,
            Err(_) => return State::Gone,
            Ok(content) if !is_the_same(entry, file, &content, |_| true) => state = State::Replaced,
            Ok(_) => {}
        }
    }
    state
}

/// Why an entry in this state is not issued again, by the name of the file that it lacks.
pub fn why_not(entry: &Entry, state: State) -> String {
    let lacking = entry.files.iter().find(|file| files::read(&file.path).is_err());
    match lacking.filter(|_| state == State::Missing) {
        Some(file) => format!("{} is missing or cannot be read", file.path.display()),
        None => state.why().into(),
    }
}

/// What is left to do for an entry that cannot be renewed.
pub fn issue_again(entry: &Entry) -> String {
    let option = if entry.kind == Kind::Client { " --client" } else { "" };
    let names: Vec<&str> = match &entry.common_name {
        Some(name) if entry.names.is_empty() => vec![name],
        _ => entry.names.iter().map(String::as_str).collect(),
    };
    let words: Vec<String> = names.into_iter().map(|name| quoted(Path::new(name))).collect();
    format!("reissue it: devca issue{option} {}", words.join(" "))
}

/// Whether this is the content that was written there. What is encrypted can be judged in more than one way.
pub(super) fn is_the_same(
    entry: &Entry,
    file: &Written,
    content: &[u8],
    is_store: impl Fn(&[u8]) -> bool,
) -> bool {
    let Some(output) = Output::again(file) else { return false };
    let sha256 = |bytes: &[u8]| hex::encode(key::sha256(bytes));
    let is_certificate = |der: &[u8]| sha256(der) == entry.sha256;
    let is_key = |key: Zeroizing<KeyPair>| {
        sha256(&rcgen::PublicKeyData::subject_public_key_info(&*key)) == entry.key_sha256
    };
    // An inventory from elsewhere may name any file with its hash: so the content has to be of the kind, too.
    let is_written = || file.sha256.as_ref().is_some_and(|known| sha256(content) == *known);
    match (output.part.holds, output.format) {
        (Holds::Certificate, _) => pem::certificate_in(content).is_some_and(|der| is_certificate(&der)),
        (Holds::Key, _) => pem::key_in(content).is_some_and(is_key),
        (_, Format::P12 | Format::Java) => is_written() && is_store(content),
        (Holds::Public, _) => is_written() && is_certificate(content),
        (Holds::Sealed, format) => {
            is_written() && format::private_key(format, content, None).is_some_and(is_key)
        }
    }
}

/// Knows the files of this entry. The password of encrypted ones must be the one that they have, unless they get
/// another key.
fn recognizer(entry: &Entry, password: Option<&Secret>) -> Recognize {
    let (entry, password) = (entry.clone(), password.cloned());
    Box::new(move |path, content| {
        let file = entry.files.iter().find(|file| file.path == path);
        let is_store = |content: &[u8]| format::is_store(content, password.as_ref());
        file.is_some_and(|file| is_the_same(&entry, file, content, is_store))
    })
}

/// How certificates are to be issued again.
pub struct Renewer<'a> {
    /// By whom.
    pub signers: &'a Signers<'a>,
    /// What encrypted formats are encrypted with.
    pub password: Option<Secret>,
    /// A key of its own for each, instead of the one that it has.
    pub new_key: bool,
    /// How many days they are valid, instead of as many as before.
    pub days: Option<i64>,
    /// When this is.
    pub now: OffsetDateTime,
}

/// The CA, and the CA through its intermediate.
pub struct Signers<'a> {
    direct: Signer<'a>,
    below: Option<Signer<'a>>,
}

impl<'a> Signers<'a> {
    /// `below` is needed where something was issued through an intermediate.
    pub fn new(direct: &'a Authority, below: Option<&'a Authority>) -> anyhow::Result<Self> {
        Ok(Self { direct: Signer::new(direct)?, below: below.map(Signer::new).transpose()? })
    }

    fn of(&self, entry: &Entry) -> &Signer<'a> {
        self.below.as_ref().filter(|_| entry.intermediate).unwrap_or(&self.direct)
    }
}

impl Renewer<'_> {
    /// Issues it again: same names, kind, formats and paths. Nothing is written. Encrypted files whose password is not
    /// known keep the certificate that they have, so that the others can be renewed.
    pub fn renew(&self, entry: &Entry) -> anyhow::Result<Made> {
        let signer = self.signers.of(entry);
        let (outputs, left) = self.partition(outputs(entry)?);
        if let ([], Some(output)) = (outputs.as_slice(), left.first()) {
            let why = match self.password {
                Some(_) => "cannot be opened with this password",
                None => "is encrypted, and its password is unknown",
            };
            let what = format!("{} {why}", output.path.display());
            return Err(Fault::new(what, with_password(entry)).into());
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
        request.suit(signer.authority());
        let issued = signer.issue(&request)?;
        let options =
            Options { with_root: entry.with_root, modern: entry.modern, password: self.password.clone() };
        let material =
            Material { issued: &issued, authority: signer.authority(), options: &options, label: &label };
        let files = format::render(&material, &outputs)?;
        let recognize = recognizer(entry, self.password.as_ref().filter(|_| !self.new_key));
        let mut renewed = Entry::new(&request, &material, &outputs, &files, self.now);
        keep_outdated(&mut renewed, entry, &left);
        let is_changed = |output: &Output| changes_key || output.part.holds != Holds::Key;
        let files = outputs.iter().zip(files).filter(|(output, _)| is_changed(output)).map(|(_, file)| file);
        Ok(Made { files: files.collect(), entry: renewed, changes_key, recognize: Some(recognize) })
    }

    /// The files that can be written, and those that cannot because their password is another one or not known.
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

    /// The key that it has, where that can be read, or one of the same type.
    fn key(&self, entry: &Entry) -> anyhow::Result<KeySource> {
        let Some(key_type) = entry.key_type else {
            // It came with a request: the certificate has the public key.
            let public_key = certificate(entry)
                .and_then(|der| Leaf::parse(&der))
                .and_then(|leaf| SubjectPublicKeyInfo::from_der(&leaf.public_key).ok());
            let lost = || Fault::new("its CSR is needed to renew it", "sign the CSR again: --csr");
            return Ok(KeySource::Requested(public_key.ok_or_else(lost)?));
        };
        if self.new_key {
            return Ok(KeySource::Fresh(key_type));
        }
        if let Some(key) = private_key(entry, self.password.as_ref()) {
            return Ok(KeySource::Kept(Some(key_type), key));
        }
        let has_key = |file: &&Written| matches!(Output::holds(file), Some(Holds::Key | Holds::Sealed));
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
        Ok(Output::again(file).ok_or_else(unknown)?)
    };
    entry.files.iter().map(output).collect()
}

/// Lists the files that were left behind, at the positions that they had before.
fn keep_outdated(renewed: &mut Entry, old: &Entry, left: &[Output]) {
    let mut written = std::mem::take(&mut renewed.files).into_iter();
    for file in &old.files {
        if left.iter().any(|output| output.path == file.path) {
            // A trust store has no certificate that expires.
            let has_key = Output::holds(file) == Some(Holds::Sealed);
            let not_after =
                if file.outdated { file.not_after } else { Some(old.not_after).filter(|_| has_key) };
            renewed.files.push(Written { outdated: true, not_after, ..file.clone() });
        } else {
            renewed.files.extend(written.next());
        }
    }
}

/// The command that renews the encrypted files of an entry, too.
pub fn with_password(entry: &Entry) -> String {
    format!("devca renew {} --password-file FILE", quoted(first(entry)))
}

fn subject(entry: &Entry) -> anyhow::Result<Subject> {
    let names =
        entry.names.iter().map(|name| crate::x509::name::Name::parse(name)).collect::<Result<_, _>>()?;
    if let Some(common_name) = &entry.common_name {
        checked(common_name, "a common name", "for example: devca issue --client alice")?;
    }
    let subject = Subject { common_name: entry.common_name.clone(), names, ..Subject::default() };
    Ok(subject.of(entry.organization.clone(), entry.unit.clone())?)
}

/// As many days as it was issued for.
fn days(entry: &Entry) -> i64 {
    Validity { not_before: entry.not_before, not_after: entry.not_after }.days().max(1)
}

/// Whether this CA, with its present keys, has issued it. (What cannot be looked into is taken for another's.)
pub fn is_of(entry: &Entry, authority: &Authority) -> bool {
    is_of_one(entry, &[authority.signer(), &authority.root])
}

fn is_of_one(entry: &Entry, issuers: &[&CaCertificate]) -> bool {
    leaf(entry).is_some_and(|leaf| issuers.iter().any(|issuer| leaf.is_of(issuer)))
}

/// Tells what the present root has issued from what an earlier one has, as an interrupted `rotate` may leave it.
pub struct PresentRoot {
    root: Option<CaCertificate>,
    beginning: OffsetDateTime,
    issuers: Vec<CaCertificate>,
}

impl PresentRoot {
    /// The root of a CA, if there is one, and its intermediate.
    pub fn new(root: Option<&CaCertificate>, folder: &CaFolder) -> Self {
        let issuers = root.cloned().into_iter().chain(ca::intermediate(folder)).collect();
        Self { root: root.cloned(), beginning: beginning(root), issuers }
    }

    /// A certificate that seems to be older than the root is looked into: the clock may have been set back. Its files
    /// may include the root as it was before a `permit`, too.
    pub fn has_issued(&self, entry: &Entry) -> bool {
        if self.root.as_ref().is_some_and(|root| !entry.includes_only(root)) {
            return false;
        }
        entry.issued >= self.beginning || is_of_one(entry, &self.issuers.iter().collect::<Vec<_>>())
    }
}

/// The certificate of an entry, if one of its files shows it.
pub fn leaf(entry: &Entry) -> Option<Leaf> {
    certificate(entry).and_then(|der| Leaf::parse(&der))
}

/// Its certificate in DER and its key in PKCS#8, where both can be read; those in encrypted files take their password.
pub fn pair(entry: &Entry, password: Option<&Secret>) -> Option<(Vec<u8>, Zeroizing<Vec<u8>>)> {
    let key = private_key(entry, password)?;
    let certificate = certificate(entry).or_else(|| sealed_certificate(entry, password?))?;
    Some((certificate, Zeroizing::new(key.serialize_der())))
}

fn sealed_certificate(entry: &Entry, password: &Secret) -> Option<Vec<u8>> {
    let sealed = sealed_files(entry).filter_map(|file| files::read(&file.path).ok());
    let mut found = sealed.flat_map(|content| format::sealed_certificates(&content, password));
    found.find(|der| hex::encode(key::sha256(der)) == entry.sha256)
}

/// Its encrypted files that have the key.
pub fn sealed_files(entry: &Entry) -> impl Iterator<Item = &Written> {
    entry.files.iter().filter(|file| Output::holds(file) == Some(Holds::Sealed) && !file.outdated)
}

/// What was issued before this is issued by an earlier root, as an interrupted `rotate` may leave it: told without reading it.
pub fn beginning(root: Option<&CaCertificate>) -> OffsetDateTime {
    // Others do not backdate what they make.
    let own = root.filter(|root| local_ca(&root.der).is_some_and(|ca| ca.is_devca));
    own.map_or(OffsetDateTime::UNIX_EPOCH, |root| root.validity.made())
}

/// Where their files are, each folder once.
pub fn folders(entries: &[Entry]) -> BTreeSet<&Path> {
    entries.iter().flat_map(|entry| &entry.files).filter_map(|file| file.path.parent()).collect()
}

/// What a person calls it by: its first file that is not a key, one that is up to date if there is one.
pub fn first(entry: &Entry) -> &Path {
    let mut files: Vec<&Written> = entry.files.iter().collect();
    files.sort_by_key(|file| (file.outdated, file.part == "key"));
    files.first().map_or(Path::new("-"), |file| &file.path)
}

fn certificate(entry: &Entry) -> Option<Vec<u8>> {
    let read = |file: &Written| {
        let content = files::read(&file.path).ok()?;
        pem::certificate_in(&content).or_else(|| content.starts_with(&[0x30]).then(|| content.to_vec()))
    };
    let is_it = |der: &Vec<u8>| hex::encode(key::sha256(der)) == entry.sha256;
    entry.files.iter().filter_map(read).find(is_it)
}

fn private_key(entry: &Entry, password: Option<&Secret>) -> Option<Zeroizing<KeyPair>> {
    let read = |file: &Written| format::private_key(file.format, &files::read(&file.path).ok()?, password);
    let is_it = |key: &Zeroizing<KeyPair>| {
        hex::encode(key::sha256(&rcgen::PublicKeyData::subject_public_key_info(&**key))) == entry.key_sha256
    };
    entry.files.iter().filter_map(read).find(is_it)
}
