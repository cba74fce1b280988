//! The users and groups of this system.
//!
//! On Linux they are read from `/etc/passwd` and `/etc/group`; for anyone who is not there (such as users of
//! a directory service), the system's `getent` and `id` are run. The C library's own lookups load modules of
//! the system's C library, which crashes a static program.

/// An entry of the user database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemUser {
    pub name: String,
    pub id: u32,
    pub group: u32,
    pub home: std::path::PathBuf,
}

/// An entry of the group database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemGroup {
    pub name: String,
    pub id: u32,
    pub members: Vec<String>,
}

#[cfg(target_os = "linux")]
pub use linux::{group_by_id, groups_of, user_by_id, user_by_name};
#[cfg(not(target_os = "linux"))]
pub use other::{group_by_id, user_by_id, user_by_name};

#[cfg(target_os = "linux")]
mod linux {
    use std::io;
    use std::path::{Path, PathBuf};
    use std::process::{Command, Stdio};

    use super::{SystemGroup, SystemUser};
    use crate::{inheritance, read};

    /// The folders with `getent` and `id` on NixOS and on all other systems. They may run as root, so `PATH`
    /// is not searched.
    const FOLDERS: [&str; 3] = ["/usr/bin", "/bin", "/run/current-system/sw/bin"];

    /// Sources of groups that are covered by `/etc/group`; those of systemd are only groups of services.
    const SOURCES_OF_FILE: [&str; 3] = ["files", "compat", "systemd"];

    /// The user with this ID.
    pub fn user_by_id(id: u32) -> Option<SystemUser> {
        find("passwd", "/etc/passwd", &id.to_string(), user, |user| user.id == id)
    }

    /// The user with this name.
    pub fn user_by_name(name: &str) -> Option<SystemUser> {
        find("passwd", "/etc/passwd", name, user, |user| user.name == name)
    }

    /// The group with this ID.
    pub fn group_by_id(id: u32) -> Option<SystemGroup> {
        find("group", "/etc/group", &id.to_string(), group, |group| group.id == id)
    }

    /// The IDs of all groups of a user: the primary one, and those that list the user as a member.
    pub fn groups_of(name: &str, primary: u32) -> io::Result<Vec<u32>> {
        let mut groups = vec![primary];
        if are_all_in_file(&text("/etc/nsswitch.conf")) {
            groups.extend(members_groups(&text("/etc/group"), name));
        } else {
            let said = said("id", &["-G", "--", name]);
            let numbers = said.as_deref().map(|said| said.split_whitespace().map(str::parse).collect());
            let numbers: Result<Vec<u32>, _> =
                numbers.ok_or_else(|| io::Error::other(format!("id -G {name} failed")))?;
            groups.extend(numbers.map_err(io::Error::other)?);
        }
        groups.sort_unstable();
        groups.dedup();
        Ok(groups)
    }

    fn members_groups(groups: &str, name: &str) -> Vec<u32> {
        let is_member = |group: &SystemGroup| group.members.iter().any(|member| member == name);
        groups.lines().filter_map(group).filter(is_member).map(|group| group.id).collect()
    }

    /// Whether `nsswitch.conf(5)` names no source of groups other than the file.
    fn are_all_in_file(configuration: &str) -> bool {
        let sources = |database: &str| {
            configuration.lines().find_map(|line| {
                let (name, sources) = line.split('#').next()?.split_once(':')?;
                (name.trim() == database).then_some(sources)
            })
        };
        let Some(sources) = sources("initgroups").or_else(|| sources("group")) else { return true };
        // "[NOTFOUND=return]" controls the source before it, and is not a source itself.
        let mut names = sources.split_whitespace().filter(|word| !word.starts_with('['));
        names.all(|name| SOURCES_OF_FILE.contains(&name))
    }

    fn find<T>(
        database: &str,
        file: &str,
        key: &str,
        parse: fn(&str) -> Option<T>,
        is_meant: impl Fn(&T) -> bool,
    ) -> Option<T> {
        let first = |text: &str| text.lines().filter_map(parse).find(|entry| is_meant(entry));
        first(&text(file)).or_else(|| first(&said("getent", &[database, "--", key])?))
    }

    fn text(file: &str) -> String {
        read::text(Path::new(file)).unwrap_or_default()
    }

    /// The output of a system program, run without the user's environment.
    fn said(name: &str, words: &[&str]) -> Option<String> {
        let program =
            FOLDERS.iter().map(|folder| Path::new(folder).join(name)).find(|path| path.is_file())?;
        let mut command = Command::new(program);
        let command = inheritance::isolate(&mut command).args(words);
        let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Parses a line of passwd(5).
    fn user(line: &str) -> Option<SystemUser> {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, id, group, _, home, ..] = fields[..] else { return None };
        let (id, group) = (id.parse().ok()?, group.parse().ok()?);
        Some(SystemUser { name: name.to_owned(), id, group, home: PathBuf::from(home) })
    }

    /// Parses a line of group(5).
    fn group(line: &str) -> Option<SystemGroup> {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, id, members, ..] = fields[..] else { return None };
        let members = members.split(',').filter(|member| !member.is_empty()).map(ToOwned::to_owned);
        Some(SystemGroup { name: name.to_owned(), id: id.parse().ok()?, members: members.collect() })
    }

    #[cfg(test)]
    #[allow(clippy::unwrap_used)]
    mod tests {
        use super::*;

        /// The C library must return the same.
        #[test]
        fn everybody_is_found_as_by_the_c_library() {
            for line in text("/etc/passwd").lines().filter_map(user) {
                let known = nix::unistd::User::from_name(&line.name).unwrap().unwrap();
                let found = user_by_name(&line.name).unwrap();
                assert_eq!((found.id, found.group), (known.uid.as_raw(), known.gid.as_raw()));
                assert_eq!((&found.name, &found.home), (&known.name, &known.dir));
                let name = std::ffi::CString::new(line.name.as_str()).unwrap();
                let mut groups: Vec<u32> = nix::unistd::getgrouplist(&name, known.gid)
                    .unwrap()
                    .iter()
                    .map(|id| id.as_raw())
                    .collect();
                groups.sort_unstable();
                groups.dedup();
                assert_eq!(groups_of(&line.name, found.group).unwrap(), groups);
            }
            for line in text("/etc/group").lines().filter_map(group) {
                let known = nix::unistd::Group::from_gid(line.id.into()).unwrap().unwrap();
                let found = group_by_id(line.id).unwrap();
                assert_eq!((found.name, found.members), (known.name, known.mem));
            }
            assert_eq!(user_by_name("nobody-of-this-name"), None);
            assert_eq!(user_by_name("-s"), None, "an option of getent's");
            assert_eq!(user_by_id(4_000_000_000), None);
        }

        #[test]
        fn directory_services_are_asked_through_id() {
            for (line, is_file) in [
                ("", true),
                ("group: files systemd", true),
                ("group:\tfiles [SUCCESS=merge] systemd # sss", true),
                ("group: files sss", false),
                ("group: files\ninitgroups: files ldap", false),
            ] {
                assert_eq!(are_all_in_file(line), is_file, "{line}");
            }
            let said = said("id", &["-G", "--", "root"]).unwrap();
            assert!(said.split_whitespace().any(|id| id == "0"), "{said}");
            assert_eq!(user(&self::said("getent", &["passwd", "--", "0"]).unwrap()).unwrap().name, "root");
        }
    }
}

/// On other systems (macOS), the C library asks the system, and there are no static programs.
#[cfg(not(target_os = "linux"))]
mod other {
    use nix::unistd::{Group, User};

    use super::{SystemGroup, SystemUser};

    /// The user with this ID.
    pub fn user_by_id(id: u32) -> Option<SystemUser> {
        User::from_uid(id.into()).ok().flatten().map(user)
    }

    /// The user with this name.
    pub fn user_by_name(name: &str) -> Option<SystemUser> {
        User::from_name(name).ok().flatten().map(user)
    }

    /// The group with this ID.
    pub fn group_by_id(id: u32) -> Option<SystemGroup> {
        let group = Group::from_gid(id.into()).ok().flatten()?;
        Some(SystemGroup { name: group.name, id, members: group.mem })
    }

    fn user(user: User) -> SystemUser {
        SystemUser { name: user.name, id: user.uid.as_raw(), group: user.gid.as_raw(), home: user.dir }
    }
}
