//! Files of roots that a person's own configuration of git, npm and pip names. The variables that `devca run` sets take
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
    found.retain(|(_, path)| path.is_absolute());
    found
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
