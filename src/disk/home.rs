//! Where devca's files are, and who owns them.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

#[cfg(unix)]
use devca_platform::accounts;
use directories::BaseDirs;

use crate::disk::files::{self, Files};
use crate::error::{CaOption, Fault, quoted};

/// The user that devca works for: the one who ran the command, even through `sudo`.
#[derive(Debug, Clone)]
pub struct Person {
    /// The login name, which appears in root certificates.
    pub name: String,
    /// The home folder, if it is known.
    pub home: Option<PathBuf>,
    /// The user and group ID, if devca was started as root on behalf of this user.
    pub ids: Option<(u32, u32)>,
}

/// The variables in which sudo(8) and doas(1) pass the name of the user.
#[cfg(unix)]
const VARIABLES_OF_SUDO: [&str; 2] = ["SUDO_USER", "DOAS_USER"];

impl Person {
    /// Reads the environment. The password database is consulted only under `sudo`, or if the environment
    /// does not have the name, as in containers, cron jobs and systemd units.
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

    pub fn files(&self) -> Files {
        Files::default()
    }

    /// The environment for programs that devca starts on behalf of the user, if `sudo` has replaced it with
    /// root's.
    pub fn environment(&self) -> Vec<(&'static str, OsString)> {
        if self.has_own_environment() {
            return Vec::new();
        }
        let home = self.home.as_ref().map(|home| ("HOME", home.into()));
        let name = ["USER", "LOGNAME"].map(|variable| (variable, OsString::from(&self.name)));
        home.into_iter().chain(name).collect()
    }

    /// Whether the environment is the user's own, which includes `sudo --preserve-env`.
    fn has_own_environment(&self) -> bool {
        self.ids.is_none()
            || self.home.as_ref().is_some_and(|home| env::var_os("HOME").as_deref() == Some(home.as_os_str()))
    }
}

#[cfg(unix)]
fn login_name() -> Option<String> {
    accounts::user_by_id(nix::unistd::geteuid().as_raw()).map(|user| user.name)
}

#[cfg(not(unix))]
fn login_name() -> Option<String> {
    None
}

#[cfg(unix)]
fn behind_sudo() -> anyhow::Result<Option<Person>> {
    if !nix::unistd::geteuid().is_root() {
        return Ok(None);
    }
    let caller = |variable: &&str| env::var(variable).ok().filter(|name| !name.is_empty() && name != "root");
    let Some(name) = VARIABLES_OF_SUDO.iter().find_map(caller) else {
        return Ok(None);
    };
    let user = accounts::user_by_name(&name).ok_or_else(|| {
        Fault::new(
            format!("sudo was called by {name:?}, who is not a user of this system"),
            "run devca without sudo",
        )
    })?;
    Ok(Some(Person { name, home: Some(user.home), ids: Some((user.id, user.group)) }))
}

#[cfg(not(unix))]
fn behind_sudo() -> anyhow::Result<Option<Person>> {
    Ok(None)
}

/// The value of `--ca NAME`. It begins with a letter or digit, followed by letters, digits, dots, hyphens and
/// underscores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaName(String);

impl CaName {
    /// The CA that is used if none is named.
    pub const DEFAULT: &str = "default";

    pub fn is_default(&self) -> bool {
        self.0 == Self::DEFAULT
    }

    /// The option `--ca NAME`, unless this is the default.
    pub fn option(&self) -> CaOption {
        if self.is_default() { CaOption::default() } else { CaOption::new(self) }
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

/// The file name of mkcert's root.
pub const MKCERT_ROOT: &str = "rootCA.pem";

#[derive(Debug, Clone)]
pub struct CaFolder {
    pub name: CaName,
    /// `$DEVCA_HOME/NAME` as an absolute path.
    pub path: PathBuf,
}

impl CaFolder {
    /// Finds the folder in `$DEVCA_HOME` or else the user's local data folder, without creating anything.
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
        if home.to_str().is_none() {
            let what = format!("the path of devca's files is not valid Unicode: {}", home.display());
            return Err(Fault::usage(what, "choose another folder: export DEVCA_HOME=…").into());
        }
        let path = home.join(&name.0);
        Ok(Self { name, path })
    }

    /// Refuses a CA that another user could have created or could change, by checking its files, its folder
    /// and the folders above.
    pub fn refuse_unsafe(&self) -> Result<(), Fault> {
        self.path.parent().map_or(Ok(()), files::refuse_unsafe_parent)?;
        files::refuse_unsafe(&self.path)?;
        self.own_files().iter().chain([&self.lock()]).try_for_each(|path| files::refuse_unsafe(path))
    }

    /// Refuses a CA whose folder or files are links or belong to another user. Unlike these, modes that are
    /// too open can be fixed.
    pub fn refuse_foreign(&self) -> Result<(), Fault> {
        self.path.parent().map_or(Ok(()), files::refuse_unsafe_parent)?;
        let own = self.own_files();
        let mut all = own.iter().chain([&self.path]);
        all.try_for_each(|path| files::refuse_foreign(path))
    }

    /// The files that devca creates in the folder, keys first, without the lock.
    pub fn own_files(&self) -> [PathBuf; 12] {
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
            self.acme(),
            self.caroot().join(MKCERT_ROOT),
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

    /// The intermediate's certificate, PEM, 0644; exists only after something was issued through it.
    pub fn intermediate(&self) -> PathBuf {
        self.path.join("intermediate.pem")
    }

    /// The intermediate's private key, PEM, 0600.
    pub fn intermediate_key(&self) -> PathBuf {
        self.path.join("intermediate-key.pem")
    }

    /// The previous roots of this CA, PEM, 0644, which stores may still contain.
    pub fn earlier(&self) -> PathBuf {
        self.path.join("earlier.pem")
    }

    /// The root's revocation list of a sealed CA, PEM, 0644. It is empty and cannot change, because the
    /// root's key is gone.
    pub fn root_crl(&self) -> PathBuf {
        self.path.join("root-crl.pem")
    }

    /// The inventory, JSON lines, 0600.
    pub fn inventory(&self) -> PathBuf {
        self.path.join("issued.jsonl")
    }

    /// An empty file, 0644, that exists while the root is in no trust store: it was created without `devca
    /// install`, or removed by `devca uninstall`. It lets `devca issue` say so without reading the stores.
    pub fn not_installed(&self) -> PathBuf {
        self.path.join("not-installed")
    }

    /// The roots and intermediates that were exported, JSON lines, 0600.
    pub fn exported(&self) -> PathBuf {
        self.path.join("exported.jsonl")
    }

    /// The accounts and orders of `devca acme`, a redb database, 0600.
    pub fn acme(&self) -> PathBuf {
        self.path.join("acme.redb")
    }

    /// The PHP settings for `devca run`, 0644.
    pub fn php_settings(&self) -> PathBuf {
        self.path.join("php.ini")
    }

    /// A folder that contains only [`MKCERT_ROOT`]: tools copy everything from `$(mkcert -CAROOT)`.
    pub fn caroot(&self) -> PathBuf {
        self.path.join("caroot")
    }

    /// Identifies the CA's temporary files.
    pub fn tag(&self) -> u64 {
        let path = self.path.as_os_str().as_encoded_bytes();
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, path);
        digest.as_ref().iter().take(8).fold(0, |tag, byte| tag << 8 | u64::from(*byte))
    }

    /// All CAs in the same folder, including this one.
    pub fn siblings(&self) -> Vec<Self> {
        let entries =
            self.path.parent().and_then(|home| home.read_dir().ok()).into_iter().flatten().flatten();
        let folder = |path: PathBuf| Some(Self { name: path.file_name()?.to_str()?.parse().ok()?, path });
        entries.filter_map(|entry| folder(entry.path())).collect()
    }

    /// The lock file, held while certificates are issued or anything in the folder changes.
    pub fn lock(&self) -> PathBuf {
        self.path.join("lock")
    }

    /// The `--ca` option that selects this CA in the commands of hints; empty for the default CA.
    pub fn option(&self) -> CaOption {
        self.name.option()
    }

    /// Makes the commands in a hint apply to this CA.
    pub fn hint(&self, text: &str) -> String {
        self.option().hint(text)
    }
}

/// A relative folder would depend on the current folder, where another user could have put files.
fn absolute(folder: PathBuf) -> anyhow::Result<PathBuf> {
    if folder.is_absolute() {
        return Ok(files::absolute(folder)?);
    }
    let here = std::path::absolute(&folder)?;
    let what = format!("DEVCA_HOME is not an absolute path: {}", folder.display());
    Err(Fault::usage(what, format!("if you trust its contents: export DEVCA_HOME={}", quoted(&here))).into())
}

fn data_folder(person: &Person) -> Option<PathBuf> {
    if person.has_own_environment() {
        return BaseDirs::new().map(|dirs| dirs.data_local_dir().join("devca"));
    }
    // Under sudo the environment is root's, so start from the user's home.
    let below = if cfg!(target_os = "macos") { "Library/Application Support" } else { ".local/share" };
    person.home.as_deref().map(|home: &Path| home.join(below).join("devca"))
}
