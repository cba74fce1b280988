//! Files of roots that a person's own configuration of git, npm, pip and PHP names. The variables that `devca run` sets take
//! precedence over these settings, so the roots must be among those that the variables name.
//!
//! Only the settings of the person and of the system are read. Those of the current folder may come with a repository, which
//! would then decide what every program trusts.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use devca_platform::privilege::spawn_as_person;
use devca_platform::read;

use crate::command::Context;

/// The settings with the files that they name.
pub(super) fn files(context: &Context) -> Vec<(&'static str, PathBuf)> {
    let home = |path: &str| Some(context.person.home.as_ref()?.join(path));
    let mut found: Vec<(&'static str, PathBuf)> = Vec::new();
    found.extend(of_git(context).into_iter().map(|path| ("git's http.sslCAInfo", path)));
    let npm = [home(".npmrc")].into_iter().flatten();
    found.extend(npm.filter_map(|file| value(&file, "cafile")).map(|path| ("~/.npmrc", path)));
    let pip = [home(".config/pip/pip.conf"), home(".pip/pip.conf"), Some("/etc/pip.conf".into())];
    found.extend(
        pip.into_iter().flatten().filter_map(|file| value(&file, "cert")).map(|path| ("pip.conf", path)),
    );
    found.extend(of_php().into_iter().map(|path| ("php.ini", path)));
    found.retain(|(_, path)| path.is_absolute());
    found
}

/// Where PHP looks for settings: Debian, Fedora and Alpine, the container image, Homebrew. A `*` stands for a version.
const PHP_FOLDERS: &[&str] = &[
    "/etc/php/*/cli",
    "/etc/php*",
    "/etc",
    "/usr/local/etc/php",
    "/opt/homebrew/etc/php/*",
    "/usr/local/etc/php/*",
];

/// The roots of PHP's curl extension and of its streams. Files in `conf.d` come after `php.ini`.
fn of_php() -> Vec<PathBuf> {
    let mut files = Vec::new();
    for folder in PHP_FOLDERS.iter().flat_map(|pattern| matching(pattern)) {
        files.push(folder.join("php.ini"));
        files.extend(["conf.d", "php.d"].iter().flat_map(|name| inis(&folder.join(name))));
    }
    let named = |variable| {
        std::env::var_os(variable)
            .into_iter()
            .flat_map(|value| std::env::split_paths(&value).collect::<Vec<_>>())
    };
    files.extend(named("PHPRC").flat_map(|path| [path.join("php.ini"), path]));
    files.extend(
        named("PHP_INI_SCAN_DIR").filter(|folder| folder.is_absolute()).flat_map(|folder| inis(&folder)),
    );
    let keys = ["curl.cainfo", "openssl.cafile"];
    files.iter().flat_map(|file| keys.map(|key| value(file, key))).flatten().collect()
}

/// The existing folders that match a path, in which one component may contain a `*`.
fn matching(pattern: &str) -> Vec<PathBuf> {
    let Some((start, end)) = pattern.split_once('*') else { return vec![pattern.into()] };
    let (parent, prefix) = start.rsplit_once('/').unwrap_or(("", start));
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    let named = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix));
    named.map(|entry| entry.path().join(end.trim_start_matches('/'))).collect()
}

fn inis(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "ini"));
    files.sort();
    files
}

/// Git resolves includes and `~` itself.
fn of_git(context: &Context) -> Vec<PathBuf> {
    let Some(git) = context.host().program("git") else { return Vec::new() };
    let setting = |scope: &str| {
        let mut command = Command::new(&git);
        command.args(["config", scope, "--includes", "--type=path", "--get", "http.sslCAInfo"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        command.envs(context.person.environment());
        let output = spawn_as_person(&mut command).ok()?.wait_with_output().ok()?;
        if !output.status.success() {
            return None;
        }
        let path = String::from_utf8(output.stdout).ok()?;
        Some(PathBuf::from(path.trim_end_matches('\n')))
    };
    ["--global", "--system"].iter().find_map(|scope| setting(scope)).into_iter().collect()
}

/// The last value of a key in a file with `key = value` lines. Whole-line comments are skipped.
fn value(file: &Path, key: &str) -> Option<PathBuf> {
    let text = read::text(file).ok()?;
    let mut values = text.lines().filter_map(|line| {
        let (name, value) = line.split_once('=')?;
        (name.trim() == key).then(|| value.trim().trim_matches(['"', '\'']))
    });
    let value = values.next_back().filter(|value| !value.is_empty())?;
    match value.strip_prefix("~/") {
        Some(below) => Some(std::env::home_dir()?.join(below)),
        None => Some(value.into()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_counts() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "; cafile=/a\n[global]\ncafile = \"/b c\"\nca=/d\ncafile=/e\n").unwrap();
        assert_eq!(value(file.path(), "cafile"), Some("/e".into()));
        assert_eq!(value(file.path(), "cert"), None);
    }
}
