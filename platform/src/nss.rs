//! NSS databases, which browsers of the Firefox and Chromium families read on Linux.
//!
//! On Windows and macOS these browsers use the system's roots, and Mozilla asks others not to change their databases
//! (Firefox 120 and later). There, devca only points out a profile that has turned this off.

use std::path::PathBuf;

mod certutil;
mod database;
mod identity;
mod library;
mod places;
pub mod protocol;
mod tool;

pub use identity::{BrowserDatabase, Identity, Ours, browsers};

use crate::{Found, Host, Os, Problem, StoreKind, read};
use database::Database;

/// The databases of all browsers.
pub(crate) fn find(host: &Host) -> Vec<Found<'_>> {
    if host.is_elsewhere() {
        return Vec::new();
    }
    match host.os {
        Os::Linux => databases(host),
        Os::MacOs => switched_off(host, places::MOZILLA_MACOS),
        Os::Windows => switched_off(host, places::MOZILLA_WINDOWS),
    }
}

fn databases(host: &Host) -> Vec<Found<'_>> {
    let firefox = places::firefox(host);
    let mut found: Vec<Found> =
        if firefox.is_empty() { never_started(host).into_iter().collect() } else { Vec::new() };
    let all: Vec<_> = firefox.into_iter().chain(places::chromium(host)).collect();
    if all.is_empty() {
        return found;
    }
    let tool = tool::find(host);
    found.extend(all.into_iter().map(|(name, folder)| match &tool {
        _ if let Some(problem) = of_another(&folder) => {
            Found::skipped(StoreKind::Nss, format!("{name} ({})", folder.display()), problem)
        }
        Ok(tool) => Found::store(Database::new(host, tool.clone(), name, folder)),
        Err(problem) => {
            Found::failure(StoreKind::Nss, format!("{name} ({})", folder.display()), problem.clone())
        }
    }));
    found
}

/// A database belongs to the owner of its home folder. Root with another's `$HOME` (`su -m`) does not touch it: NSS
/// loads the modules that its `pkcs11.txt` names, and links may lead anywhere.
#[cfg(unix)]
fn of_another(folder: &std::path::Path) -> Option<Problem> {
    let part = crate::ownership::others_part(folder, nix::unistd::geteuid().as_raw())?;
    let why = format!("{} belongs to another user", part.display());
    Some(Problem::new(why, "run devca as the user whose home it is"))
}

#[cfg(not(unix))]
fn of_another(_: &std::path::Path) -> Option<Problem> {
    None
}

/// A note about a Firefox that has no profile yet.
fn never_started(host: &Host) -> Option<Found<'_>> {
    let names = ["firefox", "firefox-esr", "firefox-developer-edition"];
    let program = names.iter().find_map(|name| host.program(name))?;
    let problem = Problem::new("no profile yet", "start it once, then devca install");
    Some(Found::skipped(StoreKind::Nss, format!("Firefox ({})", program.display()), problem))
}

/// Profiles that do not use the system's roots on Windows and macOS, as Firefox 120 and later does by default.
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
    let all = places::profiles(host, roots);
    let those = all.into_iter().filter(|(_, folder)| off(folder));
    those
        .map(|(name, folder)| {
            Found::failure(StoreKind::Nss, format!("{name} ({})", folder.display()), problem.clone())
        })
        .collect()
}
