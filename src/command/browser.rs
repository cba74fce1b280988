//! `devca browser`: adds client certificates to the browsers' own databases.

use std::io::{self, Write};
use std::path::PathBuf;

use devca_platform::{BrowserDatabase, Identity, Problem};
use serde::Serialize;
use serde_json::json;
use zeroize::Zeroizing;

use super::Context;
use crate::ca;
use crate::cli;
use crate::command::shared::identities::{self, Issuers};
use crate::command::shared::stores::WIDTH;
use crate::disk::files::{NewFile, Secrecy};
use crate::disk::secret::Secret;
use crate::error::{Fault, quoted};
use crate::format::{self, password};
use crate::issued::inventory::{Entry, Inventory};
use crate::issued::presence;
use crate::report::{Mark, Outcome};
use crate::x509::certificate::CaCertificate;
use crate::x509::kind::Kind;

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct BrowserReport {
    /// The common name of the certificate.
    name: String,
    /// The databases and the result for each.
    browsers: Vec<BrowserLine>,
    /// Settings that make browsers send the certificate without asking.
    #[serde(skip_serializing_if = "Option::is_none")]
    settings: Option<Settings>,
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct BrowserLine {
    /// The database.
    place: String,
    #[serde(rename = "state")]
    outcome: BrowserChange,
    /// Why it failed.
    #[serde(rename = "message", skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// How to fix it.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

#[derive(Serialize, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
enum BrowserChange {
    Added,
    AlreadyThere,
    Removed,
    NotThere,
    #[serde(rename = "failed")]
    NotDone,
}

/// Settings that make a browser send the certificate without asking.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Settings {
    /// A policy file for Chromium and Chrome, which is itself JSON.
    chromium_policy: String,
    /// A line for `user.js`.
    firefox_preference: &'static str,
    /// The issuer's certificate, if it is not the root: Chromium requires it among the client CAs of the
    /// server.
    #[serde(skip_serializing_if = "Option::is_none")]
    chromium_issuer: Option<PathBuf>,
}

/// For `user.js`; in `about:config`, the other value of this setting is "Ask Every Time".
const FIREFOX_PREFERENCE: &str = "user_pref(\"security.default_personal_cert\", \"Select Automatically\");";

pub(super) fn run(context: &Context, command: &cli::Browser) -> anyhow::Result<BrowserReport> {
    match command {
        cli::Browser::Add(args) => add(context, args),
        cli::Browser::Remove(args) => remove(context, &args.name),
    }
}

fn fault(problem: Problem) -> Fault {
    Fault::new(problem.why, problem.hint)
}

fn add(context: &Context, args: &cli::BrowserAdd) -> anyhow::Result<BrowserReport> {
    let name = &args.name;
    let entry = newest(context, name)?;
    let (certificate, key) = pair(context, args, &entry)?;
    let issuers = Issuers::of(context)?;
    let intermediate = ca::intermediate(&context.folder).filter(|_| entry.intermediate);
    let chain: Vec<&[u8]> = std::iter::once(certificate.as_slice())
        .chain(intermediate.iter().map(|ca| ca.der.as_slice()))
        .collect();
    // The password is only for pk12util: it is deleted together with its folder, which no other user can
    // enter.
    let password = password::generate()?;
    let folder = tempfile::Builder::new().prefix("devca-").tempdir()?;
    let paths = ["identity.p12", "password"].map(|file| folder.path().join(file));
    let contents =
        [format::store_of(name, &chain, &key, &password)?, password.as_str().as_bytes().to_vec().into()];
    let files = paths.iter().zip(contents).map(|(path, content)| NewFile {
        secrecy: Secrecy::Private,
        ..NewFile::public(path.clone(), content)
    });
    context.person.files().stage(files.collect())?.commit()?;
    let identity = Identity { name, certificate: &certificate, pkcs12: &paths[0], password_file: &paths[1] };
    let host = context.host();
    let browsers = devca_platform::browsers(&host).map_err(fault)?;
    let line = |browser: &BrowserDatabase| {
        let added =
            issuers.with(|ours| browser.add(&identity, ours, |command| context.report.detail(command)));
        let added = added.map_err(|problem| match identities::other_ca(context, browser, name) {
            Some(other) => {
                let name = devca_platform::step::quoted(name.as_ref());
                Problem { hint: other.hint(&format!("devca browser remove {name}")), ..problem }
            }
            None => problem,
        });
        BrowserLine::new(browser.place(), added, BrowserChange::Added, BrowserChange::AlreadyThere)
    };
    let browsers: Vec<BrowserLine> = browsers.iter().map(line).collect();
    folder.close()?;
    if browsers.is_empty() {
        let what = "no browser with a certificate database was found";
        return Err(Fault::new(what, "start Firefox or Chromium once, then try again").into());
    }
    let has_it =
        |line: &BrowserLine| matches!(line.outcome, BrowserChange::Added | BrowserChange::AlreadyThere);
    let settings =
        browsers.iter().any(has_it).then(|| settings(context, args, &issuers, intermediate.as_ref()));
    Ok(BrowserReport { name: name.clone(), browsers, settings })
}

/// The settings that make browsers send the certificate.
fn settings(
    context: &Context,
    args: &cli::BrowserAdd,
    issuers: &Issuers,
    intermediate: Option<&CaCertificate>,
) -> Settings {
    let issuer = intermediate.unwrap_or(issuers.root());
    let filter = json!({ "ISSUER": { "CN": issuer.common_name }, "SUBJECT": { "CN": args.name } });
    let pattern = json!({ "pattern": args.url, "filter": filter }).to_string();
    let policy = json!({ "AutoSelectCertificateForUrls": [pattern] });
    Settings {
        chromium_policy: policy.to_string(),
        firefox_preference: FIREFOX_PREFERENCE,
        chromium_issuer: intermediate.map(|_| context.folder.intermediate()),
    }
}

fn remove(context: &Context, name: &str) -> anyhow::Result<BrowserReport> {
    let issuers = Issuers::of(context)?;
    let host = context.host();
    let browsers = devca_platform::browsers(&host).map_err(fault)?;
    let browsers = browsers.iter().map(|browser| remove_from(context, browser, name, &issuers)).collect();
    Ok(BrowserReport { name: name.to_owned(), browsers, settings: None })
}

fn remove_from(context: &Context, browser: &BrowserDatabase, name: &str, issuers: &Issuers) -> BrowserLine {
    let removed = issuers.with(|ours| browser.remove(name, ours, |command| context.report.detail(command)));
    BrowserLine::new(browser.place(), removed, BrowserChange::Removed, BrowserChange::NotThere)
}

/// Removes all client certificates of a CA that is about to be deleted. Returns a line for each database that had some.
pub(super) fn remove_all(context: &Context) -> Vec<BrowserLine> {
    let entries = Inventory::load(&context.folder.inventory()).unwrap_or_default().entries;
    let names = identities::names(&entries);
    let host = context.host();
    // Without NSS' tools, devca has added nothing.
    let (false, Ok(issuers), Ok(browsers)) =
        (names.is_empty(), Issuers::of(context), devca_platform::browsers(&host))
    else {
        return Vec::new();
    };
    let mut lines = Vec::new();
    for browser in &browsers {
        let has =
            |name: &&&str| issuers.with(|ours| browser.find(name, ours)).is_ok_and(|found| !found.is_empty());
        for name in names.iter().filter(has) {
            let line = remove_from(context, browser, name, &issuers);
            lines.push(BrowserLine { place: format!("{} ({name})", line.place), ..line });
        }
    }
    lines
}

/// Reads certificate and key from PEM or DER files, or else from PKCS#12, which needs its password.
fn pair(
    context: &Context,
    args: &cli::BrowserAdd,
    entry: &Entry,
) -> anyhow::Result<(Vec<u8>, Zeroizing<Vec<u8>>)> {
    if let Some(pair) = presence::pair(entry, None) {
        return Ok(pair);
    }
    let name = devca_platform::step::quoted(args.name.as_ref());
    let sealed = presence::sealed_files(entry).map(|file| file.path.as_path()).find(|path| path.exists());
    let Some(path) = sealed.map(|path| path.display().to_string()) else {
        let what = format!("no certificate and key of {} at {}", args.name, presence::first(entry).display());
        return Err(Fault::new(what, format!("issue it: devca issue --client {name} --force")).into());
    };
    let hint = |what: &str| format!("{what}: devca browser add {name} --password-file FILE");
    let typed = || context.report.ask_hidden(&format!("Password of {path}: ")).and_then(Secret::new);
    let password = args.password.read()?.or_else(typed).ok_or_else(|| {
        Fault::new(format!("{path} is encrypted, and no password was given"), hint("give its password"))
    })?;
    Ok(presence::pair(entry, Some(&password)).ok_or_else(|| {
        let what = format!("{path} cannot be opened: it is damaged, or the password is wrong");
        Fault::new(what, hint("use the right password"))
    })?)
}

/// The most recently issued valid client certificate with this name.
fn newest(context: &Context, name: &str) -> anyhow::Result<Entry> {
    context.root()?;
    let inventory = Inventory::load(&context.folder.inventory())?;
    let revoked = inventory.revoked();
    let is_meant = |entry: &Entry| {
        entry.kind != Kind::Server
            && entry.common_name.as_deref() == Some(name)
            && entry.not_after > context.now
            && !revoked.contains(&entry.serial)
    };
    let newest = inventory.in_use().into_iter().rev().find(is_meant);
    Ok(newest.ok_or_else(|| {
        Fault::new(
            format!("this CA has no valid client certificate for {name:?}"),
            format!("issue one: devca issue --client {}", devca_platform::step::quoted(name.as_ref())),
        )
    })?)
}

impl BrowserLine {
    fn new(
        place: String,
        result: Result<bool, Problem>,
        changed: BrowserChange,
        unchanged: BrowserChange,
    ) -> Self {
        match result {
            Ok(is_changed) => {
                Self { place, outcome: if is_changed { changed } else { unchanged }, why: None, hint: None }
            }
            Err(problem) => Self {
                place,
                outcome: BrowserChange::NotDone,
                why: Some(problem.why),
                hint: Some(problem.hint),
            },
        }
    }
}

impl BrowserLine {
    pub(super) fn is_done(&self) -> bool {
        self.outcome != BrowserChange::NotDone
    }

    pub(super) fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        let (mark, word) = match self.outcome {
            BrowserChange::Added => (Mark::Good, "added"),
            BrowserChange::AlreadyThere => (Mark::Good, "already exists"),
            BrowserChange::Removed => (Mark::Good, "removed"),
            BrowserChange::NotThere => (Mark::Skipped, "not found"),
            BrowserChange::NotDone => (Mark::Bad, "failed"),
        };
        writeln!(page, "{mark} {:WIDTH$}  {}: {word}", "browser", self.place)?;
        for (label, text) in [("", &self.why), ("hint: ", &self.hint)] {
            if let Some(text) = text {
                writeln!(page, "  {:WIDTH$}  {label}{text}", "")?;
            }
        }
        Ok(())
    }
}

impl Outcome for BrowserReport {
    fn is_complete(&self) -> bool {
        self.browsers.iter().all(BrowserLine::is_done)
    }

    fn write(&self, page: &mut dyn Write) -> io::Result<()> {
        self.browsers.iter().try_for_each(|line| line.write(page))?;
        let Some(settings) = &self.settings else { return Ok(()) };
        writeln!(
            page,
            "\nRestart browsers that are running. They will ask which certificate to send.\n\n\
             To make Chromium send it without asking, save this policy as a file in \
             /etc/chromium/policies/managed\n(Chrome: /etc/opt/chrome/policies/managed):\n\n{}\n\n\
             For Firefox, set this preference in about:config or the profile's user.js:\n\n{}",
            settings.chromium_policy, settings.firefox_preference
        )?;
        let Some(issuer) = &settings.chromium_issuer else { return Ok(()) };
        let issuer = quoted(issuer);
        writeln!(
            page,
            "\nChromium sends it only to servers that name its issuer, the intermediate. Append that to the file of\n\
             client CAs that the server has:\n\ncat {issuer} >> clients.pem"
        )
    }
}
