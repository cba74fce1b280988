//! The system store of the Linux families: a folder for anchors, and a program that generates the bundles
//! from it.

use std::path::{Path, PathBuf};

use crate::step::script;
use crate::{Anchor, Found, Host, Problem, Step, Store, StoreKind, bundle};

/// How one family keeps its anchors.
#[derive(Debug, Clone, Copy)]
struct Family {
    /// The file or folder by which the family is recognized.
    landmark: &'static str,
    /// The folder for administrators' anchors; some systems create it only when needed.
    anchors: &'static str,
    /// The extension that the program requires for anchors.
    extension: &'static str,
    /// The command that generates the bundles after an anchor was added.
    add: &'static [&'static str],
    /// The command that generates them after one was removed.
    remove: &'static [&'static str],
    /// The bundle that programs such as OpenSSL and curl read.
    bundle: &'static str,
}

/// Debian comes first, because only its packages provide its file, while the folders of other families are
/// easily created by hand, and openSUSE also has an `update-ca-certificates`.
const FAMILIES: &[Family] = &[
    Family {
        // Debian, Ubuntu, Alpine. The folder may be missing on Alpine, but its package and those of Debian,
        // Gentoo and Void provide this file.
        landmark: "/etc/ca-certificates.conf",
        anchors: "/usr/local/share/ca-certificates",
        extension: "crt",
        add: &["update-ca-certificates"],
        // Without --fresh, links to a removed anchor may remain in /etc/ssl/certs.
        remove: &["update-ca-certificates", "--fresh"],
        bundle: "/etc/ssl/certs/ca-certificates.crt",
    },
    Family {
        // Fedora, RHEL
        landmark: "/etc/pki/ca-trust/source",
        anchors: "/etc/pki/ca-trust/source/anchors",
        extension: "pem",
        add: &["update-ca-trust", "extract"],
        remove: &["update-ca-trust", "extract"],
        bundle: "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    },
    Family {
        // openSUSE. This is the administrator's folder; /usr/share/pki/trust/anchors is the vendor's.
        landmark: "/etc/pki/trust",
        anchors: "/etc/pki/trust/anchors",
        extension: "pem",
        add: &["update-ca-certificates"],
        remove: &["update-ca-certificates"],
        bundle: "/var/lib/ca-certificates/ca-bundle.pem",
    },
    Family {
        // Arch
        landmark: "/etc/ca-certificates/trust-source",
        anchors: "/etc/ca-certificates/trust-source/anchors",
        extension: "crt",
        add: &["trust", "extract-compat"],
        remove: &["trust", "extract-compat"],
        bundle: "/etc/ca-certificates/extracted/tls-ca-bundle.pem",
    },
    Family {
        // Clear Linux
        landmark: "/usr/share/ca-certs",
        anchors: "/etc/ca-certs/trusted",
        extension: "pem",
        add: &["clrtrust", "generate"],
        remove: &["clrtrust", "generate"],
        bundle: "/var/cache/ca-certs/compat/ca-roots.pem",
    },
];

/// Updates the shared `cacerts` that Debian's JDKs link to.
const JAVA_HOOK: &str = "/etc/ca-certificates/update.d/jks-keystore";

/// Writes an anchor from standard input to the file `$2` in the folder `$1`, completely or not at all. It
/// replaces whatever has that name, and does not follow a link that someone put there.
const PLACE: &str = r#"umask 022; mkdir -p -- "$1" && new=$(mktemp -- "$1/.devca-XXXXXX") && trap 'rm -f -- "$new"' EXIT && cat >"$new" && chmod 0644 "$new" && mv -f -T -- "$new" "$1/$2""#;

/// The prefixes of files that devca and mkcert create.
const OURS: &[&str] = &["devca-", "mkcert"];

struct SystemStore<'a> {
    host: &'a Host,
    family: Family,
    /// The path within the system, below the sysroot.
    updater: PathBuf,
}

/// Finds the family by its folder and its program.
pub(crate) fn find(host: &Host) -> Vec<Found<'_>> {
    if host.exists(Path::new("/etc/NIXOS")) {
        return vec![Found::store(NixOs { host })];
    }
    let missing = match system(host) {
        Ok(system) => return vec![Found::store(system)],
        Err(missing) => missing,
    };
    let place = if host.is_elsewhere() { host.sysroot.display().to_string() } else { "this machine".into() };
    let problem = match missing {
        Some(program) => Problem::new(
            format!("the system store's program, {program}, is not installed"),
            format!("{}, then devca install", host.install_command("ca-certificates")),
        ),
        None => Problem::new(
            "no system store that devca knows was found",
            format!("{}, or add the root by hand: devca root --pem", host.install_command("ca-certificates")),
        ),
    };
    vec![Found::failure(StoreKind::System, place, problem)]
}

/// The store of this system's family, or the program of the family that is missing.
fn system(host: &Host) -> Result<SystemStore<'_>, Option<&'static str>> {
    let mut missing = None;
    for family in FAMILIES.iter().filter(|family| host.exists(Path::new(family.landmark))) {
        match host.program_inside(family.add[0]) {
            Some(updater) => return Ok(SystemStore { host, family: *family, updater }),
            None => missing = Some(family.add[0]),
        }
    }
    Err(missing)
}

/// The step that regenerates the stores that are made from the system's.
pub(crate) fn refresh(host: &Host) -> Option<Result<Step, Problem>> {
    // Unlike the command for additions, the one for removals regenerates everything.
    system(host).ok().map(|system| system.update(system.family.remove))
}

/// Debian's `update-ca-certificates --fresh` tells its hooks what was added, but not what was removed, so
/// Java would trust the root forever. The hook of ca-certificates-java accepts the name with a leading minus.
pub(crate) fn tell_java(host: &Host, name: &str) -> Option<Result<Step, Problem>> {
    host.is_file(Path::new(JAVA_HOOK)).then(|| {
        let script = format!("printf '%s\\n' \"-$1\" | {JAVA_HOOK}");
        let link = format!("/etc/ssl/certs/{name}");
        host.inside(Step::as_root(Path::new("/bin/sh"), ["-c", &script, "sh", &link]))
    })
}

impl SystemStore<'_> {
    fn folder(&self) -> PathBuf {
        self.host.system(self.family.anchors)
    }

    fn update(&self, words: &[&str]) -> Result<Step, Problem> {
        self.host.inside(Step::as_root(&self.updater, words[1..].iter().copied()))
    }

    /// The files in the anchors' folder with this certificate: those created by devca or mkcert, and others.
    fn files_of(&self, anchor: &Anchor) -> (Vec<PathBuf>, Vec<PathBuf>) {
        let folder = Path::new(self.family.anchors);
        let files = self.host.list(folder).into_iter().map(|name| folder.join(name));
        let holding = files.filter(|path| bundle::read(self.host, path).contains(&anchor.der));
        holding.partition(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            OURS.iter().any(|ours| name.starts_with(ours))
        })
    }

    fn delete(&self, file: &Path) -> Result<Step, Problem> {
        let words = ["-f".as_ref(), "--".as_ref(), file.as_os_str()];
        self.host.inside(Step::as_root(Path::new("/bin/rm"), words))
    }
}

impl Store for SystemStore<'_> {
    fn kind(&self) -> StoreKind {
        StoreKind::System
    }

    fn place(&self) -> String {
        self.folder().display().to_string()
    }

    fn add(&self, anchor: &Anchor) -> Result<Vec<Step>, Problem> {
        let name = format!("{}.{}", anchor.label, self.family.extension);
        let place = Step::shell("mv", PLACE, [self.family.anchors, &name]).reading(anchor.pem()).elevated();
        Ok(vec![self.host.inside(place)?, self.update(self.family.add)?])
    }

    fn remove(&self, anchor: &Anchor) -> Result<Vec<Step>, Problem> {
        let (files, others) = self.files_of(anchor);
        if let Some(other) = others.first() {
            let by_hand = [self.delete(other)?, self.update(self.family.remove)?];
            let other = self.host.system(other);
            return Err(Problem::new(
                format!("{} contains this root, and devca did not create that file", other.display()),
                format!("if you no longer need it, run as root: {}", script(&by_hand)),
            ));
        }
        if files.is_empty() && !self.holds(anchor)? {
            return Ok(Vec::new());
        }
        let gone = files.iter().map(|file| self.delete(file));
        let told = files.iter().filter_map(|file| {
            let stem = file.file_stem().unwrap_or_default().to_string_lossy();
            tell_java(self.host, &format!("{stem}.pem"))
        });
        gone.chain([self.update(self.family.remove)]).chain(told).collect()
    }

    fn certificates(&self) -> Result<Vec<Vec<u8>>, Problem> {
        Ok(bundle::read(self.host, self.family.bundle))
    }
}

/// `NixOS` generates its bundle from the system's configuration; anything else would be lost with the next
/// rebuild.
struct NixOs<'a> {
    host: &'a Host,
}

impl NixOs<'_> {
    fn by_hand(anchor: &Anchor, verb: &str) -> Problem {
        let pem = anchor.pem();
        Problem::new(
            "NixOS takes its roots from its configuration",
            format!(
                "{verb} this in /etc/nixos/configuration.nix, then run nixos-rebuild switch:\n  \
                 security.pki.certificates = [ ''\n{pem}'' ];"
            ),
        )
    }
}

impl Store for NixOs<'_> {
    fn kind(&self) -> StoreKind {
        StoreKind::System
    }

    fn place(&self) -> String {
        "NixOS".into()
    }

    fn add(&self, anchor: &Anchor) -> Result<Vec<Step>, Problem> {
        Err(Self::by_hand(anchor, "write"))
    }

    fn remove(&self, anchor: &Anchor) -> Result<Vec<Step>, Problem> {
        if self.holds(anchor)? { Err(Self::by_hand(anchor, "delete")) } else { Ok(Vec::new()) }
    }

    fn certificates(&self) -> Result<Vec<Vec<u8>>, Problem> {
        Ok(bundle::read(self.host, "/etc/ssl/certs/ca-certificates.crt"))
    }
}
