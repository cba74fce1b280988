//! The list of roots (`cacerts`) of each JDK and JRE: devca reads it, and the JDK's own keytool changes it.

use std::path::{Path, PathBuf};

use crate::keystore::{self, KeystoreEntry, PASSWORD};
use crate::last_read::LastRead;
use crate::{Anchor, Found, Host, Os, Problem, Step, Store, StoreKind, bundle, linux};

/// The places of JDKs, with `~` for the user's home folder.
const LINUX: &[&str] = &[
    "/usr/lib/jvm/*",
    "/usr/java/*",
    "/opt/java/*",
    "/opt/*/jbr",
    "~/.local/share/JetBrains/Toolbox/apps/*/jbr",
    "~/.local/share/mise/installs/java/*",
];
const MACOS: &[&str] = &[
    "/Library/Java/JavaVirtualMachines/*/Contents/Home",
    "~/Library/Java/JavaVirtualMachines/*/Contents/Home",
    "/opt/homebrew/opt/openjdk*/libexec/openjdk.jdk/Contents/Home",
    "/usr/local/opt/openjdk*/libexec/openjdk.jdk/Contents/Home",
    "/Applications/*.app/Contents/jbr/Contents/Home",
    "~/Applications/*.app/Contents/jbr/Contents/Home",
    "~/.local/share/mise/installs/java/*",
];
const WINDOWS: &[&str] = &[
    "C:/Program Files/Java/*",
    "C:/Program Files/Eclipse Adoptium/*",
    "C:/Program Files/Microsoft/jdk*",
    "C:/Program Files/Zulu/*",
    "C:/Program Files/JetBrains/*/jbr",
];
const EVERYWHERE: &[&str] = &[
    "~/.sdkman/candidates/java/*",
    "~/.jabba/jdk/*",
    "~/.asdf/installs/java/*",
    "~/.jdks/*",
    "~/.gradle/jdks/*",
];

/// The key stores that the systems' own programs generate for all JDKs: those of Debian, Alpine and Arch;
/// Fedora; openSUSE.
const OF_SYSTEMS: &[&str] = &[
    "/etc/ssl/certs/java/cacerts",
    "/etc/pki/java/cacerts",
    "/etc/pki/ca-trust/extracted/java/cacerts",
    "/etc/ca-certificates/extracted/java-cacerts.jks",
    "/var/lib/ca-certificates/java-cacerts",
];

/// Debian's configuration file for its own key store.
const DEBIAN_SETTINGS: &str = "/etc/default/cacerts";

/// All key stores, without duplicates. In another file tree, the paths are those within that tree.
pub(crate) fn find(host: &Host) -> Vec<Found<'_>> {
    let mut found = Vec::new();
    let java_home = match java_home(host) {
        Ok(home) => home,
        Err(remark) => {
            found.push(remark);
            None
        }
    };
    let mut seen: Vec<PathBuf> = Vec::new();
    for home in java_home.into_iter().chain(homes(host)) {
        let Some(cacerts) = cacerts(host, &home) else { continue };
        // Even a link to a missing file identifies the key store.
        let real = host.real(&cacerts).or_else(|_| host.link(&cacerts)).unwrap_or(cacerts);
        if !seen.contains(&real) {
            found.push(key_store(host, &home, &real));
            seen.push(real);
        }
    }
    found
}

/// The JDK that the environment names, if it can be one of this machine.
fn java_home(host: &Host) -> Result<Option<PathBuf>, Found<'_>> {
    let Some(home) = (host.variable)("JAVA_HOME").map(PathBuf::from).filter(|_| !host.is_elsewhere()) else {
        return Ok(None);
    };
    let why = if !home.is_absolute() {
        "JAVA_HOME is not an absolute path"
    } else if cacerts(host, &home).is_none() {
        "JAVA_HOME does not name a Java: it contains no cacerts"
    } else {
        return Ok(Some(home));
    };
    let problem = Problem::new(why, "set JAVA_HOME to the folder of a JDK");
    Err(Found::skipped(StoreKind::Java, home.display().to_string(), problem))
}

/// The key store of the JDK that `JAVA_HOME` or else `java` means, unless the system generates it from its own roots. A
/// script in the place of `java`, as some version managers have, means none.
pub fn own_cacerts(host: &Host) -> Option<PathBuf> {
    let home = java_home(host).ok().flatten().or_else(|| {
        let program = host.program("java")?.canonicalize().ok()?;
        program.ancestors().nth(2).map(Path::to_owned)
    })?;
    let cacerts = cacerts(host, &home)?.canonicalize().ok()?;
    let is_systems =
        OF_SYSTEMS.iter().any(|known| Path::new(known).canonicalize().is_ok_and(|real| real == cacerts));
    (!is_systems).then_some(cacerts)
}

fn homes(host: &Host) -> Vec<PathBuf> {
    let own = match host.os {
        Os::Linux => LINUX,
        Os::MacOs => MACOS,
        Os::Windows => WINDOWS,
    };
    let expand = |pattern: &&str| match (pattern.strip_prefix("~/"), &host.person.home) {
        (None, _) => expand(host, PathBuf::new(), Path::new(pattern)),
        // Home folders in an image are not this user's.
        (Some(below), Some(home)) if !host.is_elsewhere() => expand(host, home.clone(), Path::new(below)),
        (Some(_), _) => Vec::new(),
    };
    own.iter().chain(EVERYWHERE).flat_map(expand).collect()
}

/// The files that match a pattern below a folder.
fn expand(host: &Host, folder: PathBuf, pattern: &Path) -> Vec<PathBuf> {
    pattern.components().fold(vec![folder], |found, part| {
        let part = part.as_os_str();
        let wildcard = part.to_str().filter(|part| part.contains('*')).map(glob::Pattern::new);
        let Some(Ok(wildcard)) = wildcard else {
            return found.into_iter().map(|folder| folder.join(part)).collect();
        };
        let matching = |folder: PathBuf| {
            let names = host.list(&folder).into_iter();
            let names = names.filter(|name| name.to_str().is_some_and(|name| wildcard.matches(name)));
            names.map(move |name| folder.join(name)).collect::<Vec<_>>()
        };
        found.into_iter().flat_map(matching).collect()
    })
}

/// The file with the roots. If there is a `jssecacerts`, Java reads that instead of `cacerts`.
fn cacerts(host: &Host, home: &Path) -> Option<PathBuf> {
    let folders = [home.join("lib/security"), home.join("jre/lib/security")];
    let mut files = folders.iter().flat_map(|folder| [folder.join("jssecacerts"), folder.join("cacerts")]);
    files.find(|file| host.exists(file) || host.link(file).is_ok())
}

fn key_store<'a>(host: &'a Host, home: &Path, cacerts: &Path) -> Found<'a> {
    let is_of_system = |known: &str| {
        Path::new(known) == cacerts || host.real(Path::new(known)).is_ok_and(|real| real == cacerts)
    };
    if OF_SYSTEMS.iter().any(|known| is_of_system(known)) {
        return Found::store(Shared { host, cacerts: cacerts.to_owned() });
    }
    let place = host.system(cacerts).display().to_string();
    if !host.exists(cacerts) {
        let problem = Problem::new(
            format!("{} links to it, but it does not exist", host.system(home).display()),
            "install this Java again",
        );
        return Found::failure(StoreKind::Java, place, problem);
    }
    let names = ["bin/keytool", "bin/keytool.exe", "jre/bin/keytool"];
    match names.iter().map(|name| home.join(name)).find(|keytool| host.is_file(keytool)) {
        Some(keytool) => {
            Found::store(Jdk { host, keytool, cacerts: cacerts.to_owned(), last_read: LastRead::default() })
        }
        None => Found::failure(
            StoreKind::Java,
            place,
            Problem::new(
                "this Java has no keytool",
                "add the root with a JDK's keytool: devca root --pem prints it",
            ),
        ),
    }
}

fn entries(host: &Host, cacerts: &Path) -> Result<Vec<KeystoreEntry>, Problem> {
    let read = host.read(cacerts).map_err(|e| e.to_string()).and_then(|bytes| keystore::trusted(&bytes));
    read.map_err(|why| {
        let path = crate::step::quoted(host.system(cacerts).as_os_str());
        Problem::new(
            format!("cannot read the key store: {why}"),
            format!("inspect it: keytool -list -keystore {path}"),
        )
    })
}

fn certificates(entries: Vec<KeystoreEntry>) -> Vec<Vec<u8>> {
    entries.into_iter().map(|entry| entry.der).collect()
}

/// The key store of a single Java installation.
struct Jdk<'a> {
    host: &'a Host,
    keytool: PathBuf,
    cacerts: PathBuf,
    last_read: LastRead<Vec<KeystoreEntry>>,
}

impl Jdk<'_> {
    fn step(&self, words: &[&str]) -> Step {
        let cacerts = self.cacerts.display().to_string();
        let common = ["-J-Duser.language=en", words[0], "-keystore", &cacerts, "-storepass", PASSWORD];
        let step = Step::run(&self.keytool, common.iter().chain(&words[1..]).copied());
        // The home of a JDK is the folder with its bin folder.
        let home = self.keytool.ancestors().nth(2).unwrap_or(&self.keytool);
        if self.takes_root() { step.elevated().with_home(home) } else { step }
    }

    fn entries(&self) -> Result<Vec<KeystoreEntry>, Problem> {
        self.last_read.get(|| entries(self.host, &self.cacerts))
    }

    /// Whether the user cannot write to the file.
    fn takes_root(&self) -> bool {
        !self.host.is_elsewhere() && !is_writable(&self.cacerts)
    }
}

impl Store for Jdk<'_> {
    fn kind(&self) -> StoreKind {
        StoreKind::Java
    }

    fn place(&self) -> String {
        self.host.system(&self.cacerts).display().to_string()
    }

    fn add(&self, anchor: &Anchor) -> Result<Vec<Step>, Problem> {
        let words = ["-importcert", "-noprompt", "-alias", &anchor.label];
        Ok(vec![self.host.inside(self.step(&words).reading(anchor.pem()))?])
    }

    fn remove(&self, anchor: &Anchor) -> Result<Vec<Step>, Problem> {
        let entries = self.entries()?;
        let ours = entries.iter().filter(|entry| entry.der == anchor.der);
        ours.map(|entry| self.host.inside(self.step(&["-delete", "-alias", &entry.alias]))).collect()
    }

    fn certificates(&self) -> Result<Vec<Vec<u8>>, Problem> {
        Ok(certificates(self.entries()?))
    }

    fn forget(&self) {
        self.last_read.forget();
    }
}

/// The key store shared by the system's JDKs, which a program of the system generates from the system store.
/// That program can fail, or be disabled.
struct Shared<'a> {
    host: &'a Host,
    cacerts: PathBuf,
}

impl Shared<'_> {
    /// The entries; none if it was not generated yet. It is read each time, because the system store's
    /// program changes it.
    fn entries(&self) -> Result<Vec<KeystoreEntry>, Problem> {
        if self.host.exists(&self.cacerts) { entries(self.host, &self.cacerts) } else { Ok(Vec::new()) }
    }

    fn system_holds(&self, anchor: &Anchor) -> bool {
        bundle::system_roots(self.host).contains(&anchor.der)
    }

    /// Debian's package can be configured not to change the file.
    fn refuse_if_switched_off(&self) -> Result<(), Problem> {
        let settings = self.host.read(Path::new(DEBIAN_SETTINGS)).unwrap_or_default();
        let settings = String::from_utf8_lossy(&settings);
        let value = settings.lines().rev().find_map(|line| line.trim().strip_prefix("cacerts_updates="));
        if value.is_none_or(|value| value.trim_matches(['"', '\'']) == "yes") {
            return Ok(());
        }
        let why = format!("{DEBIAN_SETTINGS} has updates of it switched off");
        let hint = format!("set cacerts_updates=yes in {DEBIAN_SETTINGS}, then run this command again");
        Err(Problem::new(why, hint))
    }
}

impl Store for Shared<'_> {
    fn kind(&self) -> StoreKind {
        StoreKind::Java
    }

    fn place(&self) -> String {
        format!("{} (filled from the system store)", self.host.system(&self.cacerts).display())
    }

    fn follows_system(&self, anchor: &Anchor) -> Result<bool, Problem> {
        Ok(self.holds(anchor)? == self.system_holds(anchor))
    }

    fn add(&self, _: &Anchor) -> Result<Vec<Step>, Problem> {
        self.refuse_if_switched_off()?;
        let refresh = linux::refresh(self.host).unwrap_or_else(|| {
            Err(Problem::new(
                "the program that fills it was not found",
                "install the package ca-certificates-java",
            ))
        });
        Ok(vec![refresh?])
    }

    fn remove(&self, anchor: &Anchor) -> Result<Vec<Step>, Problem> {
        let entries = self.entries()?;
        let ours: Vec<&KeystoreEntry> = entries.iter().filter(|entry| entry.der == anchor.der).collect();
        if ours.is_empty() || self.system_holds(anchor) {
            return Ok(Vec::new());
        }
        self.refuse_if_switched_off()?;
        // Debian's hook needs the names; the programs of other systems generate the whole file.
        let named = ours.iter().filter_map(|entry| entry.alias.strip_prefix("debian:"));
        let told: Vec<_> = named.filter_map(|name| linux::tell_java(self.host, name)).collect();
        if told.is_empty() { self.add(anchor) } else { told.into_iter().collect() }
    }

    fn certificates(&self) -> Result<Vec<Vec<u8>>, Problem> {
        Ok(certificates(self.entries()?))
    }
}

#[cfg(unix)]
fn is_writable(file: &Path) -> bool {
    std::fs::OpenOptions::new().append(true).open(file).is_ok()
}

#[cfg(not(unix))]
fn is_writable(_: &Path) -> bool {
    true
}
