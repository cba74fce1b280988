//! Where browsers keep their databases.

use std::path::{Path, PathBuf};

use crate::{Host, read};

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
pub(super) const MOZILLA_MACOS: &[(&str, &str)] = &[
    ("Firefox", "Library/Application Support/Firefox"),
    ("LibreWolf", "Library/Application Support/LibreWolf"),
    ("Waterfox", "Library/Application Support/Waterfox"),
    ("Zen", "Library/Application Support/zen"),
    ("Thunderbird", "Library/Thunderbird"),
];
pub(super) const MOZILLA_WINDOWS: &[(&str, &str)] = &[
    ("Firefox", "AppData/Roaming/Mozilla/Firefox"),
    ("LibreWolf", "AppData/Roaming/librewolf"),
    ("Waterfox", "AppData/Roaming/Waterfox"),
    ("Zen", "AppData/Roaming/zen"),
    ("Thunderbird", "AppData/Roaming/Thunderbird"),
];

/// Browsers of the Chromium family that are not a snap or flatpak share one database.
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

/// Every profile of Firefox and its relatives that has been used, with its name and folder.
pub(super) fn firefox(host: &Host) -> Vec<(String, PathBuf)> {
    let profiles = profiles(host, MOZILLA_LINUX);
    profiles.into_iter().filter(|(_, folder)| folder.join("cert9.db").is_file()).collect()
}

/// Since version 146, Chromium's database is in the data folder, unless the old folder exists, which wins even if it is
/// empty. So devca writes to the old one if it exists, and always to the new one, in case the old one is deleted.
pub(super) fn chromium(host: &Host) -> Vec<(String, PathBuf)> {
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
            found.push((format!("{name}, older location"), old));
        }
        found.push((name, new));
    }
    found
}

/// Every profile that a `profiles.ini` names, each once.
pub(super) fn profiles(host: &Host, roots: &[(&str, &str)]) -> Vec<(String, PathBuf)> {
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

/// A folder from the user's environment; under sudo, the environment is root's.
fn own_folder(host: &Host, variable: &str) -> Option<PathBuf> {
    if host.person.ids.is_some() {
        return None;
    }
    (host.variable)(variable).map(PathBuf::from).filter(|folder| folder.is_absolute())
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
