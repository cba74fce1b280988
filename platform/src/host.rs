//! The machine that has the stores: its file tree, its programs, and the user whose stores they are.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::Problem;

/// The operating system. It is a value, so that everything done with programs compiles and is tested on every
/// system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Os {
    Linux,
    MacOs,
    Windows,
}

impl Os {
    /// The system this program was built for.
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

/// The owner of the stores.
#[derive(Debug, Clone, Default)]
pub struct Account {
    /// The home folder.
    pub home: Option<PathBuf>,
    /// The user and group ID, if devca was started as root on behalf of the user, so that the environment is
    /// root's.
    pub ids: Option<(u32, u32)>,
}

/// A machine.
#[derive(Debug, Clone)]
pub struct Host {
    /// The operating system, which decides what stores there are.
    pub os: Os,
    /// The root of the file tree: `/`, or that of a container image.
    pub sysroot: PathBuf,
    /// Whether the sysroot's programs may run as root of this machine.
    pub trust_sysroot: bool,
    /// The owner of the stores.
    pub person: Account,
    /// The absolute folders to search for programs.
    pub path: Vec<PathBuf>,
    /// The absolute folders with programs that may run as root.
    pub admin_path: Vec<PathBuf>,
    /// The program next to this one that uses the NSS library.
    pub nss_program: Option<PathBuf>,
    /// Whether this process may change the system.
    pub is_root: bool,
    /// Whether to use the store for all users, on systems that also have one for each user.
    pub machine: bool,
    /// Reads an environment variable.
    pub variable: fn(&str) -> Option<OsString>,
}

/// The folders with administrators' programs; `/usr/sbin` is often missing from a user's `PATH`.
const ADMIN_FOLDERS: &[&str] =
    &["/usr/sbin", "/sbin", "/usr/local/sbin", "/usr/bin", "/bin", "/usr/local/bin"];

impl Host {
    /// This machine, with the absolute folders in `$PATH`: a program in the current folder is never run.
    pub fn this(person: Account, is_root: bool) -> Self {
        let from_env = std::env::var_os("PATH").unwrap_or_default();
        let admin_path: Vec<PathBuf> = ADMIN_FOLDERS.iter().map(PathBuf::from).collect();
        // "/usr/bin" is not an absolute path on Windows.
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

    /// The path on this machine of a file in the system. For another tree, the result is only for messages:
    /// files there are read with [`Host::read`] and similar functions, and written by a program that runs in
    /// the tree.
    pub fn system(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        self.sysroot.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// A path in the user's home folder.
    pub fn home(&self, path: &str) -> Option<PathBuf> {
        self.person.home.as_ref().map(|home| home.join(path))
    }

    /// Whether the file tree is not this machine's.
    pub fn is_elsewhere(&self) -> bool {
        self.sysroot != Path::new("/")
    }

    /// The absolute path of an installed program on this machine.
    pub fn program(&self, name: &str) -> Option<PathBuf> {
        let folders = std::env::join_paths(&self.path).ok()?;
        which::which_in(name, Some(folders), std::env::temp_dir()).ok()
    }

    /// The absolute path of an administrators' program in the system's own file tree.
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

    /// A program that is required.
    pub(crate) fn needed(&self, name: &str, package: &str) -> Result<PathBuf, Problem> {
        self.program(name).ok_or_else(|| self.not_installed(name, package))
    }

    pub(crate) fn not_installed(&self, name: &str, package: &str) -> Problem {
        let hint = format!("{}, then run devca again", self.install_command(package));
        Problem::new(format!("{name} is not installed"), hint)
    }

    /// The command that installs a package on this system.
    pub(crate) fn install_command(&self, package: &str) -> String {
        self.install_command_for(package, &[])
    }

    /// The same for a package that has other names in some package managers.
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

/// On other systems, browsers read the system's store.
fn nss_program() -> Option<PathBuf> {
    if Os::current() != Os::Linux {
        return None;
    }
    crate::program_beside("devca-nss").ok()
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
