//! One run of the program: reads the arguments and changes, and returns the output.

use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::path::Path;

use devca_platform::bundle;
use devca_platform::nss_protocol::{DatabaseChange, DatabaseContents, FailureReason, ListedCertificate};

use crate::native::{Access, Entry, Library, OpenDatabase, Trust};
use crate::{lock, places};

/// Why nothing was changed.
pub struct Failure {
    pub reason: FailureReason,
    pub why: String,
}

impl Failure {
    pub fn new(reason: FailureReason, why: impl Into<String>) -> Self {
        Self { reason, why: why.into() }
    }
}

/// The maximum size of the changes; a certificate takes about 2,000 bytes.
const MOST_INPUT: u64 = 16 << 20;

/// Runs with these arguments, and returns the output.
pub fn run(arguments: &[OsString]) -> Result<String, Failure> {
    let [argument] = arguments else {
        let usage = "usage: devca-nss FOLDER < CHANGES (one JSON object a line), or devca-nss --library";
        return Err(Failure::new(FailureReason::Other, usage));
    };
    if argument == OsStr::new("--library") {
        return Ok(library()?.path().display().to_string());
    }
    if argument == OsStr::new("--version") {
        return Ok(format!("devca-nss {}", env!("CARGO_PKG_VERSION")));
    }
    let changes = changes()?;
    let contents = perform(Path::new(argument), &changes)?;
    serde_json::to_string(&contents).map_err(|error| Failure::new(FailureReason::Other, error.to_string()))
}

/// The first library that can be loaded.
fn library() -> Result<Library, Failure> {
    let candidates = places::candidates();
    let mut reasons = Vec::new();
    for candidate in &candidates {
        match Library::load(&candidate.path, candidate.is_browsers) {
            Ok(library) => return Ok(library),
            Err(why) => reasons.push(format!("{}: {why}", candidate.path.display())),
        }
    }
    let why = if reasons.is_empty() {
        "libnss3.so is not installed".into()
    } else {
        format!("libnss3.so cannot be loaded: {}", reasons.join("; "))
    };
    Err(Failure::new(FailureReason::NoLibrary, why))
}

/// Parses all changes before the database is opened, so that an invalid one prevents the others, too.
fn changes() -> Result<Vec<(DatabaseChange, Vec<u8>)>, Failure> {
    let mut text = String::new();
    let read = std::io::stdin().take(MOST_INPUT).read_to_string(&mut text);
    read.map_err(|error| Failure::new(FailureReason::Other, format!("cannot read the changes: {error}")))?;
    let parse = |line: &str| {
        let change: DatabaseChange = serde_json::from_str(line).map_err(|error| {
            Failure::new(FailureReason::Other, format!("this is not a change: {line}: {error}"))
        })?;
        let (DatabaseChange::Add { certificate, .. }
        | DatabaseChange::Distrust { certificate }
        | DatabaseChange::Remove { certificate }) = &change;
        match <[Vec<u8>; 1]>::try_from(bundle::certificates(certificate.as_bytes())) {
            Ok([der]) => Ok((change, der)),
            Err(_) => {
                Err(Failure::new(FailureReason::Other, format!("this has not one certificate: {line}")))
            }
        }
    };
    text.lines().filter(|line| !line.trim().is_empty()).map(parse).collect()
}

/// Makes the changes that have not been made yet, and lists the contents afterward.
fn perform(folder: &Path, changes: &[(DatabaseChange, Vec<u8>)]) -> Result<DatabaseContents, Failure> {
    let is_adding = changes.iter().any(|(change, _)| matches!(change, DatabaseChange::Add { .. }));
    let exists = folder.join("cert9.db").is_file();
    if !exists && !is_adding {
        let why = format!("{} has no certificate database", folder.display());
        return Err(Failure::new(FailureReason::Other, why));
    }
    let access = match (changes.is_empty(), exists) {
        (true, _) => Access::Read,
        (false, true) => Access::Change,
        (false, false) => Access::Create,
    };
    let library = library()?;
    let change_and_list = || {
        let database = library.open(folder, access)?;
        for (change, der) in changes {
            make(&database, change, der)?;
        }
        let certificates = database.entries()?.iter().map(listed).collect();
        Ok(DatabaseContents { certificates, has_keys: database.has_keys() })
    };
    change_and_list().map_err(|failure: Failure| match failure.reason {
        FailureReason::Damaged | FailureReason::Other if lock::is_locked(folder) => Failure::new(
            FailureReason::Locked,
            "another program, such as the browser, has the database locked",
        ),
        _ => failure,
    })
}

fn make(database: &OpenDatabase, change: &DatabaseChange, der: &[u8]) -> Result<(), Failure> {
    let entries = database.entries()?;
    let known = entries.iter().find(|entry| entry.der() == der);
    match (change, known) {
        (DatabaseChange::Add { .. }, Some(entry)) => database.set_trust(entry, Trust::TlsServers),
        (DatabaseChange::Add { nickname, .. }, None) => database.add(der, nickname),
        (DatabaseChange::Distrust { .. }, Some(entry)) => database.set_trust(entry, Trust::None),
        (DatabaseChange::Remove { .. }, Some(entry)) => database.remove(entry),
        (_, None) => Ok(()),
    }
}

fn listed(entry: &Entry) -> ListedCertificate {
    ListedCertificate {
        nickname: entry.nickname(),
        trusted: entry.is_trusted(),
        certificate: bundle::pem(entry.der()),
    }
}
