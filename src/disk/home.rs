//! Where things live, and whose they are.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use directories::BaseDirs;

use crate::disk::files::{self, Files};
use crate::error::{CaOption, Fault, quoted};

/// The person that devca works for: who typed the command, also where it was typed behind `sudo`.
#[derive(Debug, Clone)]
pub struct Person {
    /// Login name; a root certificate carries it.
    pub name: String,
    /// Home folder, where one is known.
    pub home: Option<PathBuf>,
    /// User and group, where devca was started as root on this person's behalf.
    pub ids: Option<(u32, u32)>,
}

/// Who typed the command, as sudo(8) and doas(1) tell.
#[cfg(unix)]
const VARIABLES_OF_SUDO: [&str; 2] = ["SUDO_USER", "DOAS_USER"];

impl Person {
    /// Reads the environment; asks the password database only behind `sudo`, and where nothing else has the name: in
    /// containers, and in what cron and systemd start.
    pub fn current() -> anyhow::Result<Self> {
        if let Some(person) = behind_sudo()? {
            return Ok(person);
        }
        let name =
            ["USER", "LOGNAME", "USERNAME"].iter().find_map(|v| env::var(v).ok().filter(|n| !n.is_empty()));
        Ok(Self {
            name: name.or_else(login_name).unwrap_or_else(|| "user".into()),
            home: BaseDirs::new().map(|dirs| dirs.home_dir().to_owned()),
            ids: None,
        })
    }

    /// Writes files.
    pub fn files(&self) -> Files {
        Files::default()
    }

    /// What programs that devca starts for the person are to find in their environment, where `sudo` has made it root's.
    pub fn environment(&self) -> Vec<(&'static str, OsString)> {
        if self.has_own_environment() {
            return Vec::new();
        }
        let home = self.home.as_ref().map(|home| ("HOME", home.into()));
        let name = ["USER", "LOGNAME"].map(|variable| (variable, OsString::from(&self.name)));
        home.into_iter().chain(name).collect()
    }

    /// Whether the environment is the person's: also behind `sudo --preserve-env`.
    fn has_own_environment(&self) -> bool {
        self.ids.is_none()
            || self.home.as_ref().is_some_and(|home| env::var_os("HOME").as_deref() == Some(home.as_os_str()))
    }
}

#[cfg(unix)]
fn login_name() -> Option<String> {
    use nix::unistd::{User, geteuid};
    User::from_uid(geteuid()).ok().flatten().map(|user| user.name)
}

#[cfg(not(unix))]
fn login_name() -> Option<String> {
    None
}

#[cfg(unix)]
fn behind_sudo() -> anyhow::Result<Option<Person>> {
    use nix::unistd::{User, geteuid};
    if !geteuid().is_root() {
        return Ok(None);
    }
    let caller = |variable: &&str| env::var(variable).ok().filter(|name| !name.is_empty() && name != "root");
    let Some(name) = VARIABLES_OF_SUDO.iter().find_map(caller) else {
        return Ok(None);
    };
    let user = User::from_name(&name).ok().flatten().ok_or_else(|| {
        Fault::new(
            format!("sudo was called by {name:?}, who is not a user of this system"),
            "run devca without sudo",
        )
    })?;
    let ids = Some((user.uid.as_raw(), user.gid.as_raw()));
    Ok(Some(Person { name, home: Some(user.dir), ids }))
}

#[cfg(not(unix))]
#[allow(clippy::unnecessary_wraps)]
fn behind_sudo() -> anyhow::Result<Option<Person>> {
    Ok(None)
}

/// `--ca NAME`: which of several CAs. One letter or digit, then letters, digits, dots, hyphens and underscores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaName(String);

impl CaName {
    /// The CA that is meant where none is named.
    pub const DEFAULT: &str = "default";

    pub fn is_default(&self) -> bool {
        self.0 == Self::DEFAULT
    }
}

impl FromStr for CaName {
    type Err = Fault;

    fn from_str(word: &str) -> Result<Self, Fault> {
        let fits = word.len() <= 64
            && word.starts_with(|c: char| c.is_ascii_alphanumeric())
            && word.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
        if fits {
            Ok(Self(word.to_owned()))
        } else {
            Err(Fault::usage(
                format!("{word:?} is not a valid CA name"),
                "use letters, digits, dots, hyphens and underscores, for example: --ca clients",
            ))
        }
    }
}

impl fmt::Display for CaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Debug, Clone)]
pub struct CaFolder {
    pub name: CaName,
    /// `$DEVCA_HOME/NAME`, absolute.
    pub path: PathBuf,
}

impl CaFolder {
    /// `$DEVCA_HOME`, else the person's local data folder; nothing is created.
    pub fn locate(person: &Person, name: CaName) -> anyhow::Result<Self> {
        let home = match env::var_os("DEVCA_HOME").filter(|value| !value.is_empty()) {
            Some(folder) => absolute(PathBuf::from(folder))?,
            None => data_folder(person).ok_or_else(|| {
                Fault::new(
                    "cannot determine your home folder",
                    "choose a folder for devca's files: export DEVCA_HOME=…",
                )
            })?,
        };
        let path = home.join(&name.0);
        Ok(Self { name, path })
    }

    /// Refuses a CA that another user could have put there or can change: its folder, the one above it, and its files.
    pub fn refuse_unsafe(&self) -> Result<(), Fault> {
        self.path.parent().map_or(Ok(()), files::refuse_unsafe_parent)?;
        files::refuse_unsafe(&self.path)?;
        self.own_files().iter().chain([&self.lock()]).try_for_each(|path| files::refuse_unsafe(path))
    }

    /// Refuses a CA whose folder or files are links or another user's. Modes that are too open can be fixed.
    pub fn refuse_foreign(&self) -> Result<(), Fault> {
        self.path.parent().map_or(Ok(()), files::refuse_unsafe_parent)?;
        let own = self.own_files();
        let mut all = own.iter().chain([&self.path]);
        all.try_for_each(|path| files::refuse_foreign(path))
    }

    /// What devca makes in the folder, the keys first. The lock is not among it.
    pub fn own_files(&self) -> [PathBuf; 10] {
        [
            self.root_key(),
            self.intermediate_key(),
            self.root(),
            self.intermediate(),
            self.inventory(),
            self.exported(),
            self.earlier(),
            self.root_crl(),
            self.php_settings(),
            self.not_installed(),
        ]
    }

    /// The root certificate, PEM, 0644.
    pub fn root(&self) -> PathBuf {
        self.path.join("root.pem")
    }

    /// The root's private key, PEM, 0600.
    pub fn root_key(&self) -> PathBuf {
        self.path.join("root-key.pem")
    }

    /// The intermediate's certificate, PEM, 0644; there only once something was issued through it.
    pub fn intermediate(&self) -> PathBuf {
        self.path.join("intermediate.pem")
    }

    /// The intermediate's private key, PEM, 0600.
    pub fn intermediate_key(&self) -> PathBuf {
        self.path.join("intermediate-key.pem")
    }

    /// The roots that this CA had before, PEM, 0644: what stores may hold still.
    pub fn earlier(&self) -> PathBuf {
        self.path.join("earlier.pem")
    }

    /// The list of what the root of a sealed CA has revoked, which is nothing, PEM, 0644: its key is gone.
    pub fn root_crl(&self) -> PathBuf {
        self.path.join("root-crl.pem")
    }

    /// What was issued, JSON lines, 0600.
    pub fn inventory(&self) -> PathBuf {
        self.path.join("issued.jsonl")
    }

    /// An empty file, 0644: no trust store has the root, since it was created without `devca install`, or since
    /// `devca uninstall`. `devca issue` says so without a look at the stores.
    pub fn not_installed(&self) -> PathBuf {
        self.path.join("not-installed")
    }

    /// Where the root was written for others, JSON lines, 0600.
    pub fn exported(&self) -> PathBuf {
        self.path.join("exported.jsonl")
    }

    /// PHP's settings for `devca run`, 0644.
    pub fn php_settings(&self) -> PathBuf {
        self.path.join("php.ini")
    }

    /// Tells the CA's half-written files from those of others.
    pub fn tag(&self) -> u64 {
        let path = self.path.as_os_str().as_encoded_bytes();
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, path);
        digest.as_ref().iter().take(8).fold(0, |tag, byte| tag << 8 | u64::from(*byte))
    }

    /// All CAs beside this one, and itself.
    pub fn siblings(&self) -> Vec<Self> {
        let entries =
            self.path.parent().and_then(|home| home.read_dir().ok()).into_iter().flatten().flatten();
        let folder = |path: PathBuf| Some(Self { name: path.file_name()?.to_str()?.parse().ok()?, path });
        entries.filter_map(|entry| folder(entry.path())).collect()
    }

    /// Held while anything in the folder is changed, and while certificates are issued.
    pub fn lock(&self) -> PathBuf {
        self.path.join("lock")
    }

    /// The option that names this CA in a command of a hint; nothing for the default one.
    pub fn option(&self) -> CaOption {
        if self.name.is_default() { CaOption::default() } else { CaOption::new(&self.name) }
    }

    /// A hint whose commands are for this CA.
    pub fn hint(&self, text: &str) -> String {
        self.option().hint(text)
    }
}

/// A relative folder would depend on where devca is run, and might be one that another user has filled.
fn absolute(folder: PathBuf) -> anyhow::Result<PathBuf> {
    if folder.is_absolute() {
        return Ok(folder);
    }
    let here = std::path::absolute(&folder)?;
    let what = format!("DEVCA_HOME is not an absolute path: {}", folder.display());
    Err(Fault::usage(what, format!("if you trust its contents: export DEVCA_HOME={}", quoted(&here))).into())
}

fn data_folder(person: &Person) -> Option<PathBuf> {
    if person.has_own_environment() {
        return BaseDirs::new().map(|dirs| dirs.data_local_dir().join("devca"));
    }
    // Behind sudo the environment is root's: the same place, from the person's home.
    let below = if cfg!(target_os = "macos") { "Library/Application Support" } else { ".local/share" };
    person.home.as_deref().map(|home: &Path| home.join(below).join("devca"))
}
