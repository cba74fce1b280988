//! Client certificates in browsers' databases, imported together with the key by NSS' `pk12util`.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::certutil::Certutil;
use super::database::Database;
use super::of_another;
use super::places::{chromium, firefox};
use super::tool::{NssEntry, TOOLS};
use crate::{Host, Os, Problem, Step, Store};

/// A client certificate with its key.
#[derive(Debug, Clone, Copy)]
pub struct Identity<'a> {
    /// The name in the browser's list.
    pub name: &'a str,
    /// The certificate, in DER.
    pub certificate: &'a [u8],
    /// Certificate and key in PKCS#12.
    pub pkcs12: &'a Path,
    pub password_file: &'a Path,
}

/// A condition on a certificate and all others in the database.
type Among<'a> = dyn Fn(&[u8], &[&[u8]]) -> bool + 'a;

/// Decides which certificates of a database belong to a CA.
pub struct Ours<'a> {
    /// Whether the CA issued this certificate.
    pub is_issued: &'a dyn Fn(&[u8]) -> bool,
    /// Whether this certificate is an intermediate of the CA that has issued none of the others.
    pub is_unneeded: &'a Among<'a>,
}

/// The database of a browser, or of several that share one.
pub struct BrowserDatabase<'a> {
    database: Database<'a>,
    certutil: Rc<Certutil>,
    pk12util: PathBuf,
}

/// All browsers with their own databases. Except on Linux, they use the system's.
pub fn browsers(host: &Host) -> Result<Vec<BrowserDatabase<'_>>, Problem> {
    let hint = match host.os {
        Os::Linux => None,
        Os::MacOs => Some("import the .p12 into the login keychain: security import FILE.p12"),
        Os::Windows => Some("import the .p12: certutil -user -importPFX FILE.p12"),
    };
    if let Some(hint) = hint {
        return Err(Problem::new("browsers use the system's certificates here", hint));
    }
    let program = |name: &str| {
        host.program(name).ok_or_else(|| {
            let hint = host.install_command_for("nss-tools", TOOLS);
            Problem::new(format!("{name}, which changes browsers' databases, is not installed"), hint)
        })
    };
    let (certutil, pk12util) = (Rc::new(Certutil { program: program("certutil")? }), program("pk12util")?);
    let places = firefox(host).into_iter().chain(chromium(host));
    let places = places.filter(|(_, folder)| of_another(folder).is_none());
    let browser = |(name, folder)| BrowserDatabase {
        database: Database::new(host, certutil.clone(), name, folder),
        certutil: certutil.clone(),
        pk12util: pk12util.clone(),
    };
    Ok(places.map(browser).collect())
}

impl BrowserDatabase<'_> {
    /// The name of the browsers, for messages.
    pub fn place(&self) -> String {
        self.database.place()
    }

    /// Imports a certificate, replacing earlier ones of the CA with that name. Other certificates with that name stay.
    /// Returns whether something was changed.
    pub fn add(
        &self,
        identity: &Identity,
        ours: &Ours,
        mut before: impl FnMut(&str),
    ) -> Result<bool, Problem> {
        let entries = self.database.entries()?;
        if entries.iter().any(|entry| entry.nickname == identity.name && !(ours.is_issued)(&entry.der)) {
            let what = format!("it has another certificate named {}", identity.name);
            return Err(Problem::new(what, "rename or delete that in the browser's certificate manager"));
        }
        if entries.iter().any(|entry| entry.nickname == identity.name && entry.der == identity.certificate) {
            return Ok(false);
        }
        self.remove(identity.name, ours, &mut before)?;
        let mut steps = self.database.create()?;
        steps.push(self.import(identity));
        self.database.change(&steps, &mut before).map_err(|problem| {
            let hint = "close the browser, then try again; if the profile has a primary password, \
                        import the .p12 in the browser's certificate manager";
            Problem::new(problem.why, hint)
        })?;
        // It is listed under its subject, or under the name of a certificate with the same subject.
        let entries = self.database.entries()?;
        let imported = entries.iter().find(|entry| entry.der == identity.certificate);
        let NssEntry { nickname, .. } = imported.ok_or_else(|| {
            Problem::new(
                "no command failed, but the certificate is not in it",
                "close the browser, then try again",
            )
        })?;
        if nickname != identity.name {
            let rename = self.certutil(&["--rename", "-n", nickname, "--new-n", identity.name]);
            self.database.change(&[rename], &mut before)?;
        }
        Ok(true)
    }

    /// The certificates of the CA with this name.
    pub fn find(&self, name: &str, ours: &Ours) -> Result<Vec<Vec<u8>>, Problem> {
        let entries = self.database.entries()?.into_iter();
        let meant = entries.filter(|entry| entry.nickname == name && (ours.is_issued)(&entry.der));
        Ok(meant.map(|entry| entry.der).collect())
    }

    fn certutil(&self, words: &[&str]) -> Step {
        self.certutil.step(&self.database.folder, words)
    }

    fn import(&self, identity: &Identity) -> Step {
        let database = format!("sql:{}", self.database.folder.display());
        let (file, password) = (identity.pkcs12.to_string_lossy(), identity.password_file.to_string_lossy());
        // -K: the database's own password, which is empty unless the user has set one.
        Step::run(&self.pk12util, ["-i", &file, "-d", &database, "-w", &password, "-K", ""])
    }

    /// Deletes certificates with this name and their keys, and the intermediates that were imported with them. Returns
    /// whether there were any.
    pub fn remove(&self, name: &str, ours: &Ours, mut before: impl FnMut(&str)) -> Result<bool, Problem> {
        let is_meant = |entries: &[NssEntry]| {
            entries.iter().filter(|entry| entry.nickname == name && (ours.is_issued)(&entry.der)).count()
        };
        let mut left = is_meant(&self.database.entries()?);
        let is_changed = left > 0;
        while left > 0 {
            self.database.change(&[self.certutil(&["-F", "-n", name])], &mut before)?;
            let now = is_meant(&self.database.entries()?);
            if now >= left {
                return Err(Problem::new(
                    format!("no command failed, but {name} is still in it"),
                    "delete it in the browser's certificate manager",
                ));
            }
            left = now;
        }
        if is_changed {
            self.remove_intermediates(ours, before)?;
        }
        Ok(is_changed)
    }

    /// Deletes intermediates that no certificate in the database needs, except those that someone trusts.
    fn remove_intermediates(&self, ours: &Ours, mut before: impl FnMut(&str)) -> Result<(), Problem> {
        let entries = self.database.entries()?;
        let all: Vec<&[u8]> = entries.iter().map(|entry| entry.der.as_slice()).collect();
        let is_unneeded = |entry: &&NssEntry| !entry.trusted && (ours.is_unneeded)(&entry.der, &all);
        // `certutil -D` deletes by name, which several certificates may share, including someone else's.
        let is_alone =
            |entry: &&NssEntry| entries.iter().filter(|known| known.nickname == entry.nickname).count() == 1;
        for entry in entries.iter().filter(is_unneeded).filter(is_alone) {
            self.database.change(&[self.certutil(&["-D", "-n", &entry.nickname])], &mut before)?;
        }
        Ok(())
    }
}
