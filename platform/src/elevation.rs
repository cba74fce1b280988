//! Which programs may run as root, and how they are started.
//!
//! A user's `PATH` begins with the user's own folders, and because devca passes absolute paths to `sudo`,
//! sudo's `secure_path` does not apply. So programs for root are only searched in the administrators'
//! folders, and only root may be able to change them: the program, every folder above it, and every link on
//! the way. A JDK's keytool may run too, if only root can change that JDK.

use std::path::{Path, PathBuf};

#[cfg(unix)]
use crate::ownership;
use crate::step::{Step, script};
use crate::{Host, Problem, privilege};

impl Host {
    /// The absolute path of a program that may run as root or, if there is none, of one that administrators
    /// would run.
    pub(crate) fn admin_program(&self, name: &str) -> Option<PathBuf> {
        let mut there = self.admin_path.iter().map(|folder| folder.join(name)).filter(|path| path.is_file());
        let first = there.next()?;
        let safe = std::iter::once(first.clone()).chain(there).find(|path| strangers_part(path).is_none());
        Some(safe.unwrap_or(first))
    }

    /// A program that is required.
    pub(crate) fn needed_by_root(&self, name: &str, package: &str) -> Result<PathBuf, Problem> {
        self.admin_program(name).ok_or_else(|| self.not_installed(name, package))
    }

    /// The program that elevates a user to root; `None` if that is not necessary. Fails if root's rights are
    /// not available or must not be given to one of the programs; the hint then has the commands.
    pub(crate) fn elevation(&self, steps: &[Step]) -> Result<Option<PathBuf>, Problem> {
        let elevated: Vec<&Step> = steps.iter().filter(|step| step.as_root).collect();
        if elevated.is_empty() {
            return Ok(None);
        }
        let by_hand = || format!("as root, run: {}", script(steps));
        let sudo = if self.is_root {
            None
        } else {
            let sudo = ["sudo", "doas"].iter().find_map(|name| self.admin_program(name));
            Some(sudo.ok_or_else(|| {
                Problem::new("it needs root, and neither sudo nor doas was found", by_hand())
            })?)
        };
        if sudo.is_some() || privilege::can_be_root() {
            let own = elevated.iter().filter_map(|step| Some((step.program()?, step.home.as_deref())));
            for (program, home) in own.chain(sudo.as_deref().map(|sudo| (sudo, None))) {
                self.refuse_strangers(program, home).map_err(|why| Problem::new(why, by_hand()))?;
            }
        }
        Ok(sudo)
    }

    /// Whether the steps require a program such as `sudo`, which may ask for a password.
    pub fn asks_for_password(&self, steps: &[Step]) -> bool {
        matches!(self.elevation(steps), Ok(Some(_)))
    }

    /// Explains why a program must not run as root.
    fn refuse_strangers(&self, program: &Path, home: Option<&Path>) -> Result<(), String> {
        let folder = program.parent().unwrap_or(program);
        let part = match home {
            Some(home) if program.starts_with(home) => strangers_part_below(home),
            _ if self.admin_path.iter().any(|admin| admin == folder) => strangers_part(program),
            _ => Some(folder.to_owned()),
        };
        match part {
            None => Ok(()),
            Some(part) => Err(format!(
                "it needs root, but devca does not run {} as root: {} can be changed by other users",
                program.display(),
                part.display()
            )),
        }
    }
}

/// The part of a path that users other than root can change.
#[cfg(unix)]
fn strangers_part(path: &Path) -> Option<PathBuf> {
    ownership::strangers_part(path, 0)
}

/// The same for everything in a folder.
fn strangers_part_below(folder: &Path) -> Option<PathBuf> {
    let mut rest = vec![folder.to_owned()];
    while let Some(path) = rest.pop() {
        if let Some(part) = strangers_part(&path) {
            return Some(part);
        }
        // The targets of links were checked already, and are not part of the folder.
        if path.is_dir() && !path.is_symlink() {
            let Ok(entries) = path.read_dir() else { return Some(path) };
            rest.extend(entries.flatten().map(|entry| entry.path()));
        }
    }
    None
}

/// Other systems do not run programs as root.
#[cfg(not(unix))]
fn strangers_part(_: &Path) -> Option<PathBuf> {
    None
}

#[cfg(all(test, target_os = "linux"))]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn paths_that_others_can_change_are_recognized() {
        assert_eq!(strangers_part(Path::new("/usr/bin/env")), None);
        assert_eq!(strangers_part(Path::new("/bin/sh")), None, "also through links");
        assert_eq!(strangers_part(Path::new("/usr/bin/../bin/env")), None);
        assert_eq!(strangers_part(Path::new("/nowhere/x")), Some("/nowhere".into()));
        // A program in /tmp is safe for root, as long as neither it nor a folder in between is shared.
        let folder = tempfile::TempDir::new().unwrap();
        let program = folder.path().join("program");
        fs::write(&program, "").unwrap();
        let link = folder.path().join("link");
        symlink("program", &link).unwrap();
        let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        let is_root = nix::unistd::geteuid().is_root();
        for (folder_mode, mode, is_safe) in [
            (0o755, 0o755, true),
            (0o755, 0o775, false),
            (0o755, 0o757, false),
            (0o775, 0o755, false),
            (0o755, 0o755, true),
        ] {
            set(folder.path(), folder_mode);
            set(&program, mode);
            for path in [&program, &link] {
                let found = strangers_part(path);
                assert_eq!(found.is_none(), is_safe && is_root, "{folder_mode:o} {mode:o}: {found:?}");
            }
        }
        set(&program, 0o755);
        assert_eq!(strangers_part_below(folder.path()).is_none(), is_root);
        fs::create_dir(folder.path().join("lib")).unwrap();
        let part = folder.path().join("lib/part");
        fs::write(&part, "").unwrap();
        set(&part, 0o666);
        assert!(strangers_part_below(folder.path()).is_some());
        let ring = folder.path().join("ring");
        symlink("ring", &ring).unwrap();
        assert!(strangers_part(&ring).is_some());
    }
}
