//! The folders where distributions install NSS' library.

use std::env::{self, consts::ARCH};
use std::path::{Path, PathBuf};

use devca_platform::ownership;

const FILE: &str = "libnss3.so";

/// Fedora, openSUSE; Arch; local builds; NixOS; Homebrew on Linux. Debian and Ubuntu have a folder for each
/// architecture.
const FOLDERS: &[&str] = &[
    "/usr/lib64",
    "/usr/lib",
    "/usr/local/lib64",
    "/usr/local/lib",
    "/run/current-system/sw/lib",
    "/nix/var/nix/profiles/default/lib",
    "/home/linuxbrew/.linuxbrew/lib",
    "/opt/homebrew/lib",
];

/// In the home folder.
const FOLDERS_OF_PERSON: &[&str] = &[".nix-profile/lib", ".local/state/nix/profile/lib"];

/// Browsers ship a newer library, which writes trust in a form that older `certutil`s cannot read.
const FOLDERS_OF_BROWSERS: &[&str] = &[
    "/usr/lib/firefox-esr",
    "/usr/lib/firefox",
    "/usr/lib64/firefox",
    "/usr/lib/thunderbird",
    "/usr/lib64/thunderbird",
    "/usr/lib/librewolf",
    "/usr/lib64/librewolf",
    "/opt/firefox",
    "/opt/mozilla",
    "/opt/librewolf",
    "/opt/waterfox",
    "/snap/firefox/current/usr/lib/firefox",
];

/// A library on this system.
pub struct Candidate {
    pub path: PathBuf,
    /// Whether its folder has libraries that it needs and that the dynamic linker would not find.
    pub is_browsers: bool,
}

/// All libraries that exist, the system's first. Only files that nobody but root and this user can change are loaded.
pub fn candidates() -> Vec<Candidate> {
    let home = env::var_os("HOME").map(PathBuf::from).filter(|home| home.is_absolute());
    let of_person = FOLDERS_OF_PERSON.iter().filter_map(|folder| Some(home.as_ref()?.join(folder)));
    let debian = format!("/usr/lib/{ARCH}-linux-gnu");
    let system = [PathBuf::from(&debian), PathBuf::from(debian).join("nss")]
        .into_iter()
        .chain(FOLDERS.iter().map(PathBuf::from))
        .chain(of_person)
        .map(|folder| (folder, false));
    let browsers = FOLDERS_OF_BROWSERS.iter().map(|folder| (PathBuf::from(folder), true));
    let candidate = |(folder, is_browsers): (PathBuf, bool)| {
        let path = folder.join(FILE);
        is_safe(&path).then_some(Candidate { path, is_browsers })
    };
    system.chain(browsers).filter_map(candidate).collect()
}

/// Whether only root and this user can change a file.
pub fn is_safe(path: &Path) -> bool {
    path.is_file() && ownership::strangers_part(path, nix::unistd::geteuid().as_raw()).is_none()
}
