//! The macOS keychains, through Apple's `security`.
//!
//! The user's login keychain requires a confirmation on the screen but no `sudo`; the machine's System
//! keychain (`--machine`) requires both, and fails without a graphical session (errSecInternalComponent;
//! mkcert #415).

use std::path::PathBuf;

use crate::last_read::LastRead;
use crate::{Anchor, Found, Host, Problem, Step, Store, StoreKind, bundle};

/// The absolute path, so that it is always Apple's own.
const SECURITY: &str = "/usr/bin/security";
/// Runs a command with one more argument, a file with the content of standard input, because `security` does
/// not read pipes. As root, `mktemp` creates a file that no other user can replace.
const WITH_FILE: &str = r#"file=$(mktemp) && trap 'rm -f -- "$file"' EXIT && cat >"$file" && "$@" "$file""#;
/// What `security` prints for a certificate without trust settings, which was removed before.
const NOTHING_TO_REMOVE: &str = "No Trust Settings were found";

pub(crate) fn find(host: &Host) -> Vec<Found<'_>> {
    let keychain = if host.machine {
        Some(host.system("/Library/Keychains/System.keychain"))
    } else {
        host.home("Library/Keychains/login.keychain-db")
    };
    let Some(keychain) = keychain else {
        let problem = Problem::new("cannot determine your home folder", "devca install --machine");
        return vec![Found::failure(StoreKind::System, "login keychain", problem)];
    };
    vec![Found::store(Keychain { host, file: keychain, last_read: LastRead::default() })]
}

struct Keychain<'a> {
    host: &'a Host,
    file: PathBuf,
    last_read: LastRead<Vec<Vec<u8>>>,
}

impl Keychain<'_> {
    fn security(&self, words: &[&str]) -> Step {
        self.with_rights(Step::run(&self.host.system(SECURITY), words))
    }

    fn with_rights(&self, step: Step) -> Step {
        if self.host.machine { step.elevated() } else { step }
    }

    /// A call whose last argument is a file with the certificate.
    fn with_file(&self, words: &[&str], anchor: &Anchor) -> Step {
        let program = self.host.system(SECURITY).display().to_string();
        let words = [program.as_str()].into_iter().chain(words.iter().copied());
        Step::shell("security", WITH_FILE, words).reading(anchor.pem())
    }

    fn ask(&self, step: &Step) -> Result<(bool, String), Problem> {
        let output = self.host.ask(step)?;
        Ok((output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned()))
    }

    fn path(&self) -> String {
        self.file.display().to_string()
    }
}

impl Store for Keychain<'_> {
    fn kind(&self) -> StoreKind {
        StoreKind::System
    }

    fn place(&self) -> String {
        let which = if self.host.machine { "System keychain" } else { "login keychain" };
        format!("{which} ({})", self.path())
    }

    /// Whether the certificate is in the keychain and trusted for TLS.
    fn holds(&self, anchor: &Anchor) -> Result<bool, Problem> {
        if !self.certificates()?.contains(&anchor.der) {
            return Ok(false);
        }
        // -L prevents network access.
        let words = ["verify-cert", "-L", "-p", "ssl", "-c"];
        let (trusted, _) = self.ask(&self.with_file(&words, anchor))?;
        Ok(trusted)
    }

    fn add(&self, anchor: &Anchor) -> Result<Vec<Step>, Problem> {
        let keychain = self.path();
        let mut words = vec!["add-trusted-cert"];
        if self.host.machine {
            words.push("-d"); // the admin domain
        }
        words.extend(["-r", "trustRoot", "-p", "ssl", "-k", &keychain]);
        Ok(vec![self.with_rights(self.with_file(&words, anchor))])
    }

    /// Removes the trust settings first and then the certificate, which would otherwise stay in the keychain.
    fn remove(&self, anchor: &Anchor) -> Result<Vec<Step>, Problem> {
        if !self.certificates()?.contains(&anchor.der) {
            return Ok(Vec::new());
        }
        let (keychain, sha1) = (self.path(), anchor.thumbprint());
        let mut words = vec!["remove-trusted-cert"];
        if self.host.machine {
            words.push("-d");
        }
        Ok(vec![
            self.with_rights(self.with_file(&words, anchor)).forgiving(NOTHING_TO_REMOVE),
            self.security(&["delete-certificate", "-Z", &sha1, &keychain]),
        ])
    }

    fn certificates(&self) -> Result<Vec<Vec<u8>>, Problem> {
        self.last_read.get(|| {
            let list = ["find-certificate", "-a", "-p", &self.path()];
            let (found, pem) = self.ask(&Step::run(&self.host.system(SECURITY), list))?;
            // `security` fails for an empty keychain; treat that as having no certificates.
            Ok(if found { bundle::certificates(pem.as_bytes()) } else { Vec::new() })
        })
    }

    fn forget(&self) {
        self.last_read.forget();
    }
}
