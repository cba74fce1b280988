//! Each JDK's and JRE's own list of roots, `cacerts`, by its own keytool.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Anchor, Found, Host, Kind, Os, Problem, Step, Store, bundle};

/// Where JDKs are: `~` is the person's home.
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

const READS_SYSTEM: &str = "it reads the system's store";

/// The password that every JDK is delivered with.
const PASSWORD: &str = "changeit";

/// The lists that systems' own programs keep for all of their JDKs: Debian, Alpine and Arch; Fedora; openSUSE.
const OF_SYSTEMS: &[&str] = &[
    "/etc/ssl/certs/java/cacerts",
    "/etc/pki/java/cacerts",
    "/etc/pki/ca-trust/extracted/java/cacerts",
    "/etc/ca-certificates/extracted/java-cacerts.jks",
    "/var/lib/ca-certificates/java-cacerts",
];

/// All JDKs, each once.
pub(crate) fn find(host: &Host) -> Vec<Found<'_>> {
    let mut found = Vec::new();
    let mut seen: Vec<PathBuf> = Vec::new();
    let java_home = (host.variable)("JAVA_HOME").map(PathBuf::from).filter(|_| !host.is_elsewhere());
    let why_not = java_home.as_ref().and_then(|home| {
        if !home.is_absolute() {
            Some("JAVA_HOME is no absolute path: no program is run from where you happen to stand")
        } else if cacerts(home).is_none() {
            Some("JAVA_HOME points to no Java: there is no cacerts in it")
        } else {
            None
        }
    });
    if let (Some(home), Some(why)) = (&java_home, why_not) {
        let problem = Problem::new(why, "set JAVA_HOME to a JDK");
        found.push(Found::left_alone(Kind::Java, home.display().to_string(), problem));
    }
    let java_home = java_home.filter(|_| why_not.is_none());
    for home in java_home.into_iter().chain(homes(host)) {
        let home = in_tree(host, &home);
        let Some(cacerts) = cacerts(&home) else { continue };
        let canonical = fs::canonicalize(&home).unwrap_or_else(|_| home.clone());
        if seen.contains(&canonical) {
            continue;
        }
        seen.push(canonical);
        found.push(jdk(host, &home, &cacerts));
    }
    found
}

/// Links in another file tree lead to places in that tree.
fn in_tree(host: &Host, path: &Path) -> PathBuf {
    match path.strip_prefix(&host.sysroot) {
        Ok(below) if host.is_elsewhere() => host.system(&below.to_string_lossy()),
        _ => path.to_owned(),
    }
}

fn homes(host: &Host) -> Vec<PathBuf> {
    let own = match host.os {
        Os::Linux => LINUX,
        Os::MacOs => MACOS,
        Os::Windows => WINDOWS,
    };
    let mut homes = Vec::new();
    for pattern in own.iter().chain(EVERYWHERE) {
        let pattern = match pattern.strip_prefix("~/") {
            // An image's homes are not this person's.
            Some(_) if host.is_elsewhere() => continue,
            Some(below) => host.home("").map(|home| below_literal(&home, below)),
            None if host.os == Os::Windows => Some((*pattern).to_owned()),
            None => Some(below_literal(&host.sysroot, pattern.trim_start_matches('/'))),
        };
        let mut here: Vec<PathBuf> =
            pattern.and_then(|p| glob::glob(&p).ok()).into_iter().flatten().flatten().collect();
        here.sort();
        homes.extend(here);
    }
    homes
}

fn below_literal(folder: &Path, pattern: &str) -> String {
    format!("{}/{pattern}", glob::Pattern::escape(&folder.to_string_lossy()).trim_end_matches('/'))
}

/// The file with the roots. `jssecacerts`, where somebody made one, is read instead of `cacerts`.
fn cacerts(home: &Path) -> Option<PathBuf> {
    let folders = [home.join("lib/security"), home.join("jre/lib/security")];
    let files = folders.iter().flat_map(|folder| [folder.join("jssecacerts"), folder.join("cacerts")]);
    files.into_iter().find(|file| file.symlink_metadata().is_ok())
}

fn jdk<'a>(host: &'a Host, home: &Path, cacerts: &Path) -> Found<'a> {
    // Debian's, Fedora's and Arch's JDKs link to a file that the system store's own program keeps.
    let real = if host.is_elsewhere() {
        Some(in_tree(host, cacerts)).filter(|real| real.exists())
    } else {
        fs::canonicalize(cacerts).ok()
    };
    let of_system = |path: &Path| {
        OF_SYSTEMS.iter().any(|known| {
            host.system(known) == path
                || fs::canonicalize(host.system(known)).is_ok_and(|known| known == path)
        })
    };
    let Some(real) = real else {
        let target = fs::read_link(cacerts).unwrap_or_default();
        // The system's list may not be made yet, in an image say.
        let is_of_system = OF_SYSTEMS.iter().any(|known| target == Path::new(known));
        let place = format!("{} ({})", home.display(), target.display());
        return if is_of_system {
            Found::left_alone(Kind::Java, place, Problem::new(READS_SYSTEM, ""))
        } else {
            let problem =
                Problem::new("its cacerts is a link to a file that is not there", "install this Java again");
            Found::failure(Kind::Java, place, problem)
        };
    };
    if of_system(&real) {
        let problem = Problem::new(READS_SYSTEM, "");
        return Found::left_alone(Kind::Java, format!("{} ({})", home.display(), real.display()), problem);
    }
    let cacerts = real;
    let names = ["bin/keytool", "bin/keytool.exe", "jre/bin/keytool"];
    match names.iter().map(|name| home.join(name)).find(|keytool| keytool.is_file()) {
        Some(keytool) => Found::store(Jdk { host, keytool, cacerts }),
        None => Found::failure(
            Kind::Java,
            cacerts.display().to_string(),
            Problem::new(
                "this Java has no keytool",
                "add the root by a JDK's keytool: devca root --pem prints it",
            ),
        ),
    }
}

/// One Java.
struct Jdk<'a> {
    host: &'a Host,
    keytool: PathBuf,
    cacerts: PathBuf,
}

impl Jdk<'_> {
    fn step(&self, words: &[&str]) -> Result<Step, Problem> {
        let cacerts = self.inside(&self.cacerts);
        let common = ["-J-Duser.language=en", words[0], "-keystore", &cacerts, "-storepass", PASSWORD];
        let program = PathBuf::from(self.inside(&self.keytool));
        let step = Step::run(&program, common.iter().chain(&words[1..]).copied());
        self.host.inside(if self.takes_root() { step.elevated() } else { step })
    }

    /// A path as a program in the sysroot sees it.
    fn inside(&self, path: &Path) -> String {
        match path.strip_prefix(&self.host.sysroot) {
            Ok(below) if self.host.is_elsewhere() => format!("/{}", below.display()),
            _ => path.display().to_string(),
        }
    }

    /// `chroot` takes root; and so does a file that is not the person's to write.
    fn takes_root(&self) -> bool {
        self.host.is_elsewhere() || !is_writable(&self.cacerts, self.host.person.ids)
    }

    /// Each certificate with the name that the file knows it by.
    fn entries(&self) -> Result<Vec<(String, Vec<u8>)>, Problem> {
        let cacerts = self.inside(&self.cacerts);
        let words = ["-J-Duser.language=en", "-list", "-rfc", "-keystore", &cacerts, "-storepass", PASSWORD];
        // An image's keytool runs in the image, which takes root; this machine's as the person.
        let step = self.host.inside(Step::run(Path::new(&self.inside(&self.keytool)), words))?;
        let output = self.host.ask(&step)?;
        if !output.status.success() {
            let why = format!("keytool failed: {}", crate::run::last_words(&output));
            return Err(Problem::new(why, format!("see what it says by hand: {step}")));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let of = |part: &str| {
            let alias = part.lines().next()?.trim().to_owned();
            bundle::certificates(part.as_bytes()).into_iter().next().map(|der| (alias, der))
        };
        Ok(text.split("Alias name: ").skip(1).filter_map(of).collect())
    }
}

impl Store for Jdk<'_> {
    fn kind(&self) -> Kind {
        Kind::Java
    }

    fn place(&self) -> String {
        self.cacerts.display().to_string()
    }

    fn holds(&self, anchor: &Anchor) -> Result<bool, Problem> {
        Ok(self.entries()?.iter().any(|(_, der)| *der == anchor.der))
    }

    fn add(&self, anchor: &Anchor) -> Result<Vec<Step>, Problem> {
        let pem = anchor.pem.to_string_lossy().into_owned();
        if !self.host.is_elsewhere() {
            let words = ["-importcert", "-noprompt", "-alias", &anchor.label, "-file", &pem];
            return Ok(vec![self.step(&words)?]);
        }
        // The image's keytool sees the image's files only.
        let name = format!("tmp/{}.pem", anchor.label);
        let copy = self.host.system(&name);
        let (install, remove) =
            (self.host.needed("install", "coreutils")?, self.host.needed("rm", "coreutils")?);
        let inside = format!("/{name}");
        let words = ["-D".as_ref(), "-m".as_ref(), "0644".as_ref(), anchor.pem.as_os_str(), copy.as_os_str()];
        Ok(vec![
            Step::as_root(&install, words),
            self.step(&["-importcert", "-noprompt", "-alias", &anchor.label, "-file", &inside])?,
            Step::as_root(&remove, ["-f".as_ref(), "--".as_ref(), copy.as_os_str()]),
        ])
    }

    fn remove(&self, anchor: &Anchor) -> Result<Vec<Step>, Problem> {
        let entries = self.entries()?;
        let ours = entries.iter().filter(|(_, der)| *der == anchor.der);
        ours.map(|(alias, _)| self.step(&["-delete", "-alias", alias])).collect()
    }

    fn certificates(&self) -> Result<Vec<Vec<u8>>, Problem> {
        Ok(self.entries()?.into_iter().map(|(_, der)| der).collect())
    }
}

#[cfg(unix)]
fn is_writable(file: &Path, person: Option<(u32, u32)>) -> bool {
    use std::os::unix::fs::MetadataExt;
    match person {
        // As root everything can be written; what counts is whose it is.
        Some((user, _)) => fs::metadata(file).is_ok_and(|metadata| metadata.uid() == user),
        None => fs::OpenOptions::new().append(true).open(file).is_ok(),
    }
}

#[cfg(not(unix))]
fn is_writable(_: &Path, _: Option<(u32, u32)>) -> bool {
    true
}
