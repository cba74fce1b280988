//! The machine that stores are on: its file tree, its programs, and whose stores they are.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::Problem;

/// The operating system, as a value: what is driven through programs compiles and is tested everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Os {
    Linux,
    MacOs,
    Windows,
}

impl Os {
    /// The one this program was built for.
    pub const fn current() -> Self {
        if cfg!(windows) {
            Self::Windows
        } else if cfg!(target_os = "macos") {
            Self::MacOs
        } else {
            Self::Linux
        }
    }
}

/// Whose stores they are.
#[derive(Debug, Clone, Default)]
pub struct Account {
    /// Home folder.
    pub home: Option<PathBuf>,
    /// User and group, where devca was started as root on the person's behalf: the environment is root's then.
    pub ids: Option<(u32, u32)>,
}

/// A machine.
#[derive(Debug, Clone)]
pub struct Host {
    /// Decides which stores there are.
    pub os: Os,
    /// The top of the file tree: `/`, or a container image's.
    pub sysroot: PathBuf,
    /// The sysroot's programs may run as root of this machine.
    pub trust_sysroot: bool,
    /// Whose stores.
    pub person: Account,
    /// Absolute folders to look for programs in.
    pub path: Vec<PathBuf>,
    /// Absolute folders with the programs that may run as root.
    pub admin_path: Vec<PathBuf>,
    /// The program beside this one that drives NSS' library.
    pub nss_program: Option<PathBuf>,
    /// Whether this process may change the system.
    pub is_root: bool,
    /// The store of all users of the machine, where a system has one for each user as well.
    pub machine: bool,
    /// Reads an environment variable.
    pub variable: fn(&str) -> Option<OsString>,
}

/// Where administrators' programs are; `/usr/sbin` is often missing from a user's `PATH`.
const ADMIN_FOLDERS: &[&str] =
    &["/usr/sbin", "/sbin", "/usr/local/sbin", "/usr/bin", "/bin", "/usr/local/bin"];

impl Host {
    /// This machine, with what `$PATH` says of absolute folders: a program in the current folder is never run.
    pub fn this(person: Account, is_root: bool) -> Self {
        let from_env = std::env::var_os("PATH").unwrap_or_default();
        let admin_path: Vec<PathBuf> = ADMIN_FOLDERS.iter().map(PathBuf::from).collect();
        // "/usr/bin" is no absolute path on Windows.
        let path = std::env::split_paths(&from_env)
            .chain(admin_path.clone())
            .filter(|folder| folder.is_absolute())
            .collect();
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        Self {
            os: Os::current(),
            sysroot: "/".into(),
            trust_sysroot: false,
            person,
            path,
            admin_path,
            nss_program: nss_program(),
            is_root,
            machine: false,
            variable,
        }
    }

    /// A path of the system as this machine names it. In another tree it is for messages only: what is read there goes
    /// through [`Host::read`] and its like, and what is written there is written by a program that runs in the tree.
    pub fn system(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        self.sysroot.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// A path below the person's home.
    pub fn home(&self, path: &str) -> Option<PathBuf> {
        self.person.home.as_ref().map(|home| home.join(path))
    }

    /// Whether the file tree is another than this machine's.
    pub fn is_elsewhere(&self) -> bool {
        self.sysroot != Path::new("/")
    }

    /// The absolute path of a program of this machine, if it is installed.
    pub fn program(&self, name: &str) -> Option<PathBuf> {
        let folders = std::env::join_paths(&self.path).ok()?;
        which::which_in(name, Some(folders), std::env::temp_dir()).ok()
    }

    /// The absolute path of an administrator's program of the system, as the system itself names it.
    pub fn program_inside(&self, name: &str) -> Option<PathBuf> {
        if !self.is_elsewhere() {
            return self.admin_program(name);
        }
        ADMIN_FOLDERS
            .iter()
            .map(|folder| format!("{folder}/{name}"))
            .map(PathBuf::from)
            .find(|program| self.is_file(program))
    }

    /// A program that cannot be done without.
    pub(crate) fn needed(&self, name: &str, package: &str) -> Result<PathBuf, Problem> {
        self.program(name).ok_or_else(|| self.not_installed(name, package))
    }

    pub(crate) fn not_installed(&self, name: &str, package: &str) -> Problem {
        let hint = format!("{}, then run devca again", self.install_command(package));
        Problem::new(format!("{name} is not installed"), hint)
    }

    /// The command that installs a package here.
    pub(crate) fn install_command(&self, package: &str) -> String {
        self.install_command_for(package, &[])
    }

    /// The same for a package that some package managers know by another name.
    pub(crate) fn install_command_for(&self, package: &str, other_names: &[(&str, &str)]) -> String {
        const MANAGERS: &[(&str, &str)] = &[
            ("apt-get", "sudo apt-get install -y"),
            ("dnf", "sudo dnf install -y"),
            ("zypper", "sudo zypper install -y"),
            ("pacman", "sudo pacman -S"),
            ("apk", "sudo apk add"),
            ("brew", "brew install"),
        ];
        if self.is_elsewhere() {
            return format!("install the package {package} in {}", self.sysroot.display());
        }
        let Some((manager, command)) = MANAGERS.iter().find(|(manager, _)| self.program(manager).is_some())
        else {
            return format!("install the package {package}");
        };
        let name = other_names.iter().find(|(of, _)| of == manager).map_or(package, |(_, name)| name);
        format!("{command} {name}")
    }
}

/// Elsewhere than on Linux, browsers read the system's store.
fn nss_program() -> Option<PathBuf> {
    let own = std::env::current_exe().ok().filter(|_| Os::current() == Os::Linux)?;
    Some(own.with_file_name("devca-nss")).filter(|program| program.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_in_the_current_folder_is_not_found() {
        let host = Host::this(Account::default(), true);
        assert!(host.path.iter().all(|folder| folder.is_absolute()));
        assert_eq!(host.program("Cargo.toml"), None);
    }
}
