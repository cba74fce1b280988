//! NSS databases: what Firefox's and Chromium's families read on Linux. Driven by NSS' own `certutil`.
//!
//! On Windows and macOS these browsers take the system's roots, and Mozilla asks to leave their databases alone
//! (Firefox 120 and later): there, only a profile that has switched that off is pointed out.

use std::path::{Path, PathBuf};

mod identity;

pub use identity::{BrowserDatabase, Identity, Ours, browsers};

use crate::last_read::LastRead;
use crate::{Anchor, Found, Host, Os, Problem, Step, Store, StoreKind, bundle, read};

/// Folders with a `profiles.ini`, below the home folder, or below the configuration folder (`CONFIG/`).
/// Firefox ESR and Developer Edition share Firefox' own. New installs since Firefox 143 use the XDG folder.
const MOZILLA_LINUX: &[(&str, &str)] = &[
    ("Firefox", "CONFIG/mozilla/firefox"),
    ("Firefox", ".mozilla/firefox"),
    ("Firefox (snap)", "snap/firefox/common/.mozilla/firefox"),
    ("Firefox (snap)", "snap/firefox/common/.config/mozilla/firefox"),
    ("Firefox (flatpak)", ".var/app/org.mozilla.firefox/.mozilla/firefox"),
    ("Firefox (flatpak)", ".var/app/org.mozilla.firefox/.config/mozilla/firefox"),
    ("Firefox (flatpak)", ".var/app/org.mozilla.firefox/config/mozilla/firefox"),
    ("LibreWolf", ".librewolf"),
    ("LibreWolf", "CONFIG/librewolf/librewolf"),
    ("LibreWolf (flatpak)", ".var/app/io.gitlab.librewolf-community/.librewolf"),
    ("Waterfox", ".waterfox"),
    ("Zen", ".zen"),
    ("Zen (flatpak)", ".var/app/app.zen_browser.zen/.zen"),
    ("Floorp", ".floorp"),
    ("Thunderbird", ".thunderbird"),
    ("Thunderbird (snap)", "snap/thunderbird/common/.thunderbird"),
    ("Thunderbird (flatpak)", ".var/app/org.mozilla.Thunderbird/.thunderbird"),
];
const MOZILLA_MACOS: &[(&str, &str)] = &[
    ("Firefox", "Library/Application Support/Firefox"),
    ("LibreWolf", "Library/Application Support/LibreWolf"),
    ("Waterfox", "Library/Application Support/Waterfox"),
    ("Zen", "Library/Application Support/zen"),
    ("Thunderbird", "Library/Thunderbird"),
];
const MOZILLA_WINDOWS: &[(&str, &str)] = &[
    ("Firefox", "AppData/Roaming/Mozilla/Firefox"),
    ("LibreWolf", "AppData/Roaming/librewolf"),
    ("Waterfox", "AppData/Roaming/Waterfox"),
    ("Zen", "AppData/Roaming/zen"),
    ("Thunderbird", "AppData/Roaming/Thunderbird"),
];

/// Browsers of the Chromium family that are no snap or flatpak share one database.
const CHROMIUM_PROGRAMS: &[&str] = &[
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "google-chrome-beta",
    "brave-browser",
    "brave",
    "microsoft-edge",
    "microsoft-edge-stable",
    "vivaldi",
    "vivaldi-stable",
    "opera",
];
/// Each snap has a home of its own, `~/snap/NAME/current`.
const CHROMIUM_SNAPS: &[&str] = &["chromium", "brave", "opera", "vivaldi"];
/// Each flatpak has a home of its own, `~/.var/app/ID`, whose data folder is `data`.
const CHROMIUM_FLATPAKS: &[&str] = &[
    "org.chromium.Chromium",
    "com.google.Chrome",
    "com.brave.Browser",
    "com.vivaldi.Vivaldi",
    "com.microsoft.Edge",
    "com.opera.Opera",
    "io.github.ungoogled_software.ungoogled_chromium",
];

/// The package that brings NSS' certutil, where it is not called `nss-tools`.
const PACKAGES: &[(&str, &str)] =
    &[("apt-get", "libnss3-tools"), ("zypper", "mozilla-nss-tools"), ("pacman", "nss"), ("brew", "nss")];

/// Trusted for TLS servers, and neither for mail nor for code (`certutil -H`, trust attributes).
const TLS_ONLY: &str = "C,,";

/// Says, in a database's folder, that devca has made it.
const MARK: &str = ".made-by-devca";

/// All databases, of all browsers.
pub(crate) fn find(host: &Host) -> Vec<Found<'_>> {
    if host.is_elsewhere() {
        return Vec::new();
    }
    match host.os {
        Os::Linux => {
            let mut found = mozilla(host);
            found.extend(chromium(host).into_iter().map(|(name, folder)| database(host, name, folder)));
            found
        }
        Os::MacOs => switched_off(host, MOZILLA_MACOS),
        Os::Windows => switched_off(host, MOZILLA_WINDOWS),
    }
}

/// One database, `cert9.db` and `key4.db` in a folder.
struct Database<'a> {
    host: &'a Host,
    certutil: PathBuf,
    name: String,
    folder: PathBuf,
    last_read: LastRead<Vec<NssEntry>>,
}

fn database(host: &Host, name: String, folder: PathBuf) -> Found<'_> {
    match host.program("certutil") {
        Some(certutil) => {
            Found::store(Database { host, certutil, name, folder, last_read: LastRead::default() })
        }
        None => Found::failure(
            StoreKind::Nss,
            format!("{name} ({})", folder.display()),
            Problem::new(
                "certutil, which changes browsers' databases, is not installed",
                format!("{}, then devca install", host.install_command_for("nss-tools", PACKAGES)),
            ),
        ),
    }
}

/// Every profile of Firefox and its relatives that has been used: what it is called, and its folder.
fn firefox(host: &Host) -> Vec<(String, PathBuf)> {
    let profiles = profiles(host, MOZILLA_LINUX);
    profiles.into_iter().filter(|(_, folder)| folder.join("cert9.db").is_file()).collect()
}

/// Their databases, and a word on a Firefox that has none yet.
fn mozilla(host: &Host) -> Vec<Found<'_>> {
    let used = firefox(host);
    let firefox =
        ["firefox", "firefox-esr", "firefox-developer-edition"].iter().find_map(|name| host.program(name));
    if let (true, Some(program)) = (used.is_empty(), firefox) {
        let problem = Problem::new("no profile yet", "start it once, then devca install");
        return vec![Found::left_alone(StoreKind::Nss, format!("Firefox ({})", program.display()), problem)];
    }
    used.into_iter().map(|(name, folder)| database(host, name, folder)).collect()
}

/// Since version 146 Chromium's database is in the data folder, unless the old folder exists: then that wins, even
/// empty. So the old one is written where it is, and the new one in any case, for the day when the old one goes.
fn chromium(host: &Host) -> Vec<(String, PathBuf)> {
    let Some(home) = host.home("") else { return Vec::new() };
    let data = own_folder(host, "XDG_DATA_HOME").unwrap_or_else(|| home.join(".local/share"));
    let mut places = Vec::new();
    let shared = [home.join(".pki/nssdb"), data.join("pki/nssdb")];
    if shared.iter().any(|folder| folder.exists())
        || CHROMIUM_PROGRAMS.iter().any(|name| host.program(name).is_some())
    {
        places.push(("Chromium family".to_owned(), shared));
    }
    for snap in CHROMIUM_SNAPS {
        let own = home.join("snap").join(snap).join("current");
        if own.is_dir() {
            places.push((
                format!("{snap} (snap)"),
                [own.join(".pki/nssdb"), own.join(".local/share/pki/nssdb")],
            ));
        }
    }
    for id in CHROMIUM_FLATPAKS {
        let own = home.join(".var/app").join(id);
        if own.is_dir() {
            places.push((format!("{id} (flatpak)"), [own.join(".pki/nssdb"), own.join("data/pki/nssdb")]));
        }
    }
    let mut found = Vec::new();
    for (name, [old, new]) in places {
        if old.is_dir() {
            found.push((format!("{name}, older place"), old));
        }
        found.push((name, new));
    }
    found
}

/// Firefox 120 and later takes the system's roots on Windows and macOS, unless told not to.
fn switched_off<'a>(host: &Host, roots: &[(&str, &str)]) -> Vec<Found<'a>> {
    let off = |folder: &PathBuf| {
        ["prefs.js", "user.js"].iter().filter_map(|file| read::text(&folder.join(file)).ok()).any(|text| {
            text.lines()
                .any(|line| line.contains("\"security.enterprise_roots.enabled\"") && line.contains("false"))
        })
    };
    let problem = Problem::new(
        "this profile is set to ignore the system's roots",
        "in its about:config, set security.enterprise_roots.enabled to true",
    );
    let all = profiles(host, roots);
    let those = all.into_iter().filter(|(_, folder)| off(folder));
    those
        .map(|(name, folder)| {
            Found::failure(StoreKind::Nss, format!("{name} ({})", folder.display()), problem.clone())
        })
        .collect()
}

/// Every profile that a `profiles.ini` names, each once.
fn profiles(host: &Host, roots: &[(&str, &str)]) -> Vec<(String, PathBuf)> {
    let Some(home) = host.home("") else { return Vec::new() };
    let config = own_folder(host, "XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config"));
    let mut found: Vec<(String, PathBuf)> = Vec::new();
    for (product, place) in roots {
        let root = match place.strip_prefix("CONFIG/") {
            Some(below) => config.join(below),
            None => home.join(place),
        };
        let Ok(ini) = read::text(&root.join("profiles.ini")) else { continue };
        for (name, folder) in profiles_of(&ini, &root) {
            if !found.iter().any(|(_, known)| *known == folder) {
                found.push((format!("{product}, profile {name}"), folder));
            }
        }
    }
    found
}

/// The `[ProfileN]` sections: `Name`, `Path`, and whether that is relative to the file.
fn profiles_of(ini: &str, root: &Path) -> Vec<(String, PathBuf)> {
    let sections = ini.split("\n[").filter(|section| section.trim_start_matches('[').starts_with("Profile"));
    let profile = |section: &str| {
        let value = |key: &str| {
            section
                .lines()
                .find_map(|line| line.trim().strip_prefix(key)?.strip_prefix('=').map(ToOwned::to_owned))
        };
        let path = value("Path")?;
        let folder =
            if value("IsRelative").as_deref() == Some("0") { path.clone().into() } else { root.join(&path) };
        Some((value("Name").unwrap_or(path), folder))
    };
    sections.filter_map(profile).collect()
}

/// A folder that the person's environment names; behind sudo the environment is root's.
fn own_folder(host: &Host, variable: &str) -> Option<PathBuf> {
    if host.person.ids.is_some() {
        return None;
    }
    (host.variable)(variable).map(PathBuf::from).filter(|folder| folder.is_absolute())
}

/// A certificate of a database: its nickname, whether it is trusted for TLS, and its DER.
type NssEntry = (String, bool, Vec<u8>);

impl Database<'_> {
    fn certutil(&self, words: &[&str]) -> Step {
        let database = format!("sql:{}", self.folder.display());
        Step::run(&self.certutil, [words[0], "-d", &database].iter().chain(&words[1..]).copied())
    }

    /// Makes the database where there is none.
    fn create(&self) -> Result<Vec<Step>, Problem> {
        let mut steps = Vec::new();
        if !self.exists() {
            let install = self.host.needed("install", "coreutils")?;
            let folder = self.folder.as_os_str();
            steps.push(Step::run(&install, ["-d".as_ref(), "-m".as_ref(), "0700".as_ref(), folder]));
            steps.push(self.certutil(&["-N", "--empty-password"]));
            // A folder that was there is somebody's.
            if !self.folder.exists() {
                let mark = self.folder.join(MARK);
                let words = ["-m".as_ref(), "0600".as_ref(), "/dev/null".as_ref(), mark.as_os_str()];
                steps.push(Step::run(&install, words));
            }
        }
        Ok(steps)
    }

    fn exists(&self) -> bool {
        self.folder.join("cert9.db").is_file()
    }

    /// Neither certificates nor keys. (`certutil -K` fails where there is no key.)
    fn is_empty(&self) -> Result<bool, Problem> {
        let is_entry = |line: &str| {
            line.trim_end().rsplit_once(' ').is_some_and(|(_, flags)| flags.matches(',').count() == 2)
        };
        let certificates =
            self.ask(&["-L"])?.lines().filter(|line| !line.contains("SSL,S/MIME")).any(is_entry);
        let keys = self.host.ask(&self.certutil(&["-K"]))?.status.success();
        Ok(!certificates && !keys)
    }

    fn ask(&self, words: &[&str]) -> Result<String, Problem> {
        let step = self.certutil(words);
        let output = self.host.ask(&step)?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            let why = format!("certutil failed: {}", crate::run::last_words(&output));
            Err(Problem::new(why, format!("close the browser, then try again; or by hand: {step}")))
        }
    }

    fn entries(&self) -> Result<Vec<NssEntry>, Problem> {
        self.last_read.get(|| self.read())
    }

    fn read(&self) -> Result<Vec<NssEntry>, Problem> {
        if !self.exists() {
            return Ok(Vec::new());
        }
        let mut found = Vec::new();
        for line in self.ask(&["-L"])?.lines() {
            // "nickname, which may hold spaces      CT,,"
            let Some((nickname, flags)) = line.trim_end().rsplit_once(' ') else { continue };
            let nickname = nickname.trim();
            if flags.matches(',').count() != 2 || nickname.is_empty() || line.contains("SSL,S/MIME") {
                continue;
            }
            let trusted = flags.split(',').next().is_some_and(|tls| tls.contains('C'));
            let pem = self.ask(&["-L", "-n", nickname, "-a"])?;
            found.extend(
                bundle::certificates(pem.as_bytes())
                    .into_iter()
                    .map(|der| (nickname.to_owned(), trusted, der)),
            );
        }
        Ok(found)
    }
}

impl Store for Database<'_> {
    fn kind(&self) -> StoreKind {
        StoreKind::Nss
    }

    fn place(&self) -> String {
        format!("{} ({})", self.name, self.folder.display())
    }

    /// A certificate that is there need not be trusted.
    fn holds(&self, anchor: &Anchor) -> Result<bool, Problem> {
        Ok(self.entries()?.iter().any(|(_, trusted, der)| *trusted && *der == anchor.der))
    }

    fn add(&self, anchor: &Anchor) -> Result<Vec<Step>, Problem> {
        let mut steps = self.create()?;
        let add = self.certutil(&["-A", "-t", TLS_ONLY, "-n", &anchor.label, "-a"]);
        steps.push(add.reading(anchor.pem()));
        Ok(steps)
    }

    fn remove(&self, anchor: &Anchor) -> Result<Vec<Step>, Problem> {
        let entries = self.entries()?;
        let mut ours: Vec<_> = entries.iter().filter(|(_, _, der)| *der == anchor.der).collect();
        // Asked for one name, NSS answers with every certificate of that subject: another root may have a name of its own.
        if ours.iter().any(|(nickname, ..)| *nickname == anchor.label) {
            ours.retain(|(nickname, ..)| *nickname == anchor.label);
        }
        // What was there under a name of its own, the root of a company say, stays, without the trust.
        let remove = |nickname: &String| {
            if nickname.starts_with("devca") || nickname.starts_with("mkcert") {
                Some(self.certutil(&["-D", "-n", nickname]))
            } else {
                None
            }
        };
        let lose = |nickname: &String| self.certutil(&["-M", "-t", ",,", "-n", nickname]);
        let steps = ours.into_iter().filter_map(|(nickname, trusted, _)| {
            remove(nickname).or_else(|| trusted.then(|| lose(nickname)))
        });
        Ok(steps.collect())
    }

    /// A database that was made for the root goes with it, unless something else has come into it.
    fn leave(&self) -> Result<Vec<Step>, Problem> {
        let mark = self.folder.join(MARK);
        if !mark.is_file() || !self.is_empty()? {
            return Ok(Vec::new());
        }
        let files = ["cert9.db", "key4.db", "pkcs11.txt", MARK].map(|name| self.folder.join(name));
        let (remove, remove_folder) =
            (self.host.needed("rm", "coreutils")?, self.host.needed("rmdir", "coreutils")?);
        let words =
            ["-f".as_ref(), "--".as_ref()].into_iter().chain(files.iter().map(|file| file.as_os_str()));
        let folders = [Some(self.folder.as_path()), self.folder.parent()];
        let words_for_folders = ["--ignore-fail-on-non-empty".as_ref(), "--".as_ref()]
            .into_iter()
            .chain(folders.into_iter().flatten().map(Path::as_os_str));
        Ok(vec![Step::run(&remove, words), Step::run(&remove_folder, words_for_folders)])
    }

    fn forget(&self) {
        self.last_read.forget();
    }

    fn certificates(&self) -> Result<Vec<Vec<u8>>, Problem> {
        let mut all: Vec<_> = self.entries()?.into_iter().map(|(_, _, der)| der).collect();
        all.sort();
        all.dedup();
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_read_from_the_ini() {
        let ini = "[Install4F96D1932A9F858E]\nDefault=abc.default-release\nLocked=1\n\n[Profile1]\nName=default\n\
                   IsRelative=1\nPath=xyz.default\nDefault=1\n\n[Profile0]\nName=work\nIsRelative=0\nPath=/data/work\n\n\
                   [General]\nStartWithLastProfile=1\n";
        let found = profiles_of(ini, Path::new("/home/a/.mozilla/firefox"));
        let expected = [("default", "/home/a/.mozilla/firefox/xyz.default"), ("work", "/data/work")];
        assert_eq!(found, expected.map(|(name, folder)| (name.to_owned(), PathBuf::from(folder))));
    }
}
