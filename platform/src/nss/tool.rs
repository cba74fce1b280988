//! Tools that read and change a database: NSS' library, through `devca-nss`, or else NSS' `certutil`.

use std::path::Path;
use std::rc::Rc;

use super::certutil::Certutil;
use super::library::NssLibrary;
use super::protocol::FailureReason;
use crate::{Anchor, Host, Problem, Step};

/// A certificate in a database.
#[derive(Debug, Clone)]
pub(super) struct NssEntry {
    pub nickname: String,
    /// Trusted as a CA for TLS servers.
    pub trusted: bool,
    pub der: Vec<u8>,
}

/// Reads and changes the database in a folder.
pub(super) trait DatabaseTool {
    fn list(&self, host: &Host, folder: &Path) -> Result<Vec<NssEntry>, Problem>;

    /// Whether the database has neither certificates nor keys.
    fn is_empty(&self, host: &Host, folder: &Path) -> Result<bool, Problem>;

    /// The step that creates a database in a folder without one, if `add` does not.
    fn create(&self, folder: &Path) -> Option<Step>;

    /// The step that adds an anchor, trusted for TLS servers.
    fn add(&self, folder: &Path, anchor: &Anchor) -> Step;

    /// The step that removes a certificate's trust but keeps the certificate.
    fn distrust(&self, folder: &Path, entry: &NssEntry) -> Step;

    fn remove(&self, folder: &Path, entry: &NssEntry) -> Step;
}

/// The package with NSS' certutil, if its name is not `nss-tools`.
pub(super) const TOOLS: &[(&str, &str)] =
    &[("apt-get", "libnss3-tools"), ("zypper", "mozilla-nss-tools"), ("pacman", "nss"), ("brew", "nss")];
/// The package with NSS' library, if its name is not `nss`.
const LIBRARY: &[(&str, &str)] = &[("apt-get", "libnss3"), ("zypper", "mozilla-nss")];

/// The tool that works on this machine.
pub(super) fn find(host: &Host) -> Result<Rc<dyn DatabaseTool>, Problem> {
    let loaded = host.nss_program.as_deref().map(|program| NssLibrary::load(host, program));
    if let Some(Ok(library)) = loaded {
        return Ok(Rc::new(library));
    }
    if let Some(program) = host.program("certutil") {
        return Ok(Rc::new(Certutil { program }));
    }
    // If the program does not start (Alpine has a different C library, for example), installing NSS does not help.
    let (why, hint) = match loaded {
        Some(Err(FailureReason::NoLibrary)) => (
            "NSS' library, which changes browsers' databases, is not installed",
            host.install_command_for("nss", LIBRARY),
        ),
        _ => (
            "certutil, which changes browsers' databases, is not installed",
            host.install_command_for("nss-tools", TOOLS),
        ),
    };
    Err(Problem::new(why, format!("{hint}, then devca install")))
}
