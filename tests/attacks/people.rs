//! The users who attack and are attacked. They are added to a namespace's throwaway /etc.
#![allow(dead_code)]

use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use crate::common::{nss_program, ok, project, tool, words};

/// The number of attempts for each race.
pub(crate) const RACES: usize = 10_000;

/// A user of the machine with a home folder, and with devca in the `PATH`.
pub(crate) struct User {
    name: String,
}

impl User {
    /// Adds a user who may not use sudo.
    pub(crate) fn new(name: &str) -> Self {
        ok("useradd", ["--create-home", "--shell", "/bin/sh", name]);
        // Another build can be attacked too: one from before a fix, on which an attack must succeed.
        let attacked = std::env::var_os("DEVCA_ATTACKED").unwrap_or(env!("CARGO_BIN_EXE_devca").into());
        fs::copy(attacked, "/usr/local/bin/devca").unwrap();
        fs::copy(nss_program(), "/usr/local/bin/devca-nss").unwrap();
        Self { name: name.to_owned() }
    }

    /// Adds a user who may use sudo without a password.
    pub(crate) fn with_sudo(name: &str) -> Self {
        let user = Self::new(name);
        tool("sudo");
        fs::write(format!("/etc/sudoers.d/{name}"), format!("{name} ALL=(ALL) NOPASSWD: ALL\n")).unwrap();
        user
    }

    pub(crate) fn home(&self) -> PathBuf {
        Path::new("/home").join(&self.name)
    }

    pub(crate) fn uid(&self) -> u32 {
        fs::metadata(self.home()).unwrap().uid()
    }

    /// Returns the folder of the user's default CA.
    pub(crate) fn ca(&self) -> PathBuf {
        self.home().join(".local/share/devca/default")
    }

    /// A shell script that this user runs in the home folder.
    pub(crate) fn command(&self, script: &str) -> Command {
        let mut command = Command::new(tool("runuser"));
        let home = format!("HOME=/home/{}", self.name);
        command
            .args(["-u", &self.name, "--", "env", "-u", "DEVCA_HOME", "-u", "SUDO_USER", &home])
            .args(["sh", "-euc", &format!("cd ~; {script}")])
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, script: &str) -> Output {
        self.command(script).output().unwrap()
    }

    /// Runs a script, which must succeed, and returns its standard output.
    pub(crate) fn ok(&self, script: &str) -> String {
        let output = self.run(script);
        assert!(output.status.success(), "{script}: {}", words(&output));
        String::from_utf8(output.stdout).unwrap()
    }
}

/// Everything about a file or folder that an attacker could change: its owner, group, mode and content.
pub(crate) fn state(path: &Path) -> Vec<(PathBuf, u32, u32, u32, Vec<u8>)> {
    let found = path.symlink_metadata().unwrap();
    let content = if found.is_file() { fs::read(path).unwrap() } else { Vec::new() };
    let mut all = vec![(path.to_owned(), found.uid(), found.gid(), found.mode(), content)];
    if found.is_dir() {
        let entries = fs::read_dir(path).unwrap();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        all.extend(paths.iter().flat_map(|path| state(path)));
    }
    all
}

/// Prints the result of an attack, which must never have succeeded.
pub(crate) fn assert_never(attack: &str, tries: usize, successes: &[String]) {
    eprintln!("{attack}: {tries} tries, {} successes", successes.len());
    assert!(tries > 0 && successes.is_empty(), "{attack}: {successes:#?}");
}

/// Runs a script as real root, without sudo.
pub(crate) fn root(script: &str) -> Output {
    let mut command = Command::new(tool("sh"));
    command.args(["-euc", &format!("cd /root; {script}")]).stdin(Stdio::null());
    command.env("HOME", "/root").env("USER", "root").env_remove("SUDO_USER").env_remove("DEVCA_HOME");
    command.output().unwrap()
}

/// A process of a user that swaps files for links as long as it runs: tests/attacks/swap.py.
pub(crate) struct Swapper(Child);

impl Swapper {
    pub(crate) fn start(user: &User, what: &str, place: &str, target: &str) -> Self {
        let script = "/usr/local/bin/swap.py";
        fs::copy(project().join("tests/attacks/swap.py"), script).unwrap();
        let mut command = Command::new(tool("runuser"));
        command.args(["-u", &user.name, "--", "/usr/bin/python3", script, what, place, target]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut ready = [0; 6];
        child.stdout.as_mut().unwrap().read_exact(&mut ready).unwrap();
        Self(child)
    }

    /// Stops it. Both sides must have had their turns: it must have created links, and devca must have found
    /// the original file, each in at least one of a hundred races.
    pub(crate) fn end_having_met(mut self, met: usize) {
        drop(self.0.stdin.take());
        let mut said = String::new();
        self.0.stdout.take().unwrap().read_to_string(&mut said).unwrap();
        assert!(self.0.wait().unwrap().success(), "{said}");
        let swaps: usize = said.trim().parse().unwrap();
        eprintln!("{swaps} links put in the way, which was free {met} times of {RACES}");
        assert!(swaps > RACES / 100 && met > RACES / 100, "the two have not met");
    }
}
