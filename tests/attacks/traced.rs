//! What `sudo devca` does as root, according to strace(1): it writes to the system's trust store, and nothing
//! else.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::common::{in_namespace, tool, words};
use crate::people::User;

const COMMANDS: [&str; 11] = [
    "install --store system,nss",
    "issue app.test --out certs",
    "root --format pem,der --out trusted",
    "env",
    "permit corp.example.dev --store system,nss",
    "rotate --store system,nss",
    "crl --out crl.pem",
    "renew --all",
    "status --fix --store system,nss",
    "export --for step-ca --out step",
    "uninstall --purge --store system,nss",
];

/// The system's store, other files that update-ca-certificates and its Java hook write, and paths that are
/// not files.
const STORE: [&str; 8] = [
    "/usr/local/share/ca-certificates/",
    "/etc/ssl/certs",
    "/var/lib/ca-certificates-java/",
    "/var/lib/dpkg/",
    "/var/log/dpkg.log",
    "/tmp/ca-certificates",
    "/tmp/hsperfdata_root/",
    "/dev/null",
];

/// A system call that changes files, made with root's rights by devca or a program it started.
struct Write {
    call: String,
    path: String,
}

/// The trace of a run: strace writes one file for each thread, named `trace.ID`.
struct Trace {
    threads: HashMap<u32, String>,
}

impl Trace {
    fn read(folder: &Path) -> Self {
        let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let thread = |path: PathBuf| {
            let id = path.extension()?.to_str()?.parse().ok()?;
            Some((id, String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned()))
        };
        Self { threads: files.filter_map(thread).collect() }
    }

    /// The thread that was started first. (It may not have the smallest ID, because IDs wrap around.)
    fn first(&self) -> u32 {
        let is_first =
            |text: &str| text.lines().next().is_some_and(|line| line.contains("[\"sudo\", \"devca\""));
        *self.threads.iter().find(|(_, text)| is_first(text)).unwrap().0
    }

    /// Collects what a thread and its children write as root, beginning when devca is executed.
    fn writes(&self, thread: u32, mut process: Process, found: &mut Vec<Write>) {
        for line in self.threads[&thread].lines() {
            let Some((call, result)) = line.rsplit_once(" = ") else { continue };
            if result.starts_with('-') || result.starts_with('?') {
                continue;
            }
            let (name, arguments) = call.split_once('(').unwrap_or_default();
            let number = |at: usize| arguments.trim_end_matches(')').split(", ").nth(at)?.parse::<u32>().ok();
            match name {
                "execve" => {
                    let program = quoted(arguments);
                    let mode = fs::metadata(program).map_or(0, |found| found.mode());
                    if mode & 0o4000 != 0 {
                        process.user = 0;
                    }
                    process.is_devca |= program.ends_with("/devca");
                }
                "setuid" => process.user = number(0).unwrap_or(process.user),
                // An ID of -1 means no change.
                "setreuid" | "setresuid" => process.user = number(1).unwrap_or(process.user),
                "chdir" => {
                    process.folder = Path::new(&process.folder).join(quoted(arguments)).display().to_string();
                }
                "fchdir" => descriptor(arguments).unwrap_or_default().clone_into(&mut process.folder),
                "clone" | "clone3" | "fork" | "vfork" => {
                    let child = result.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
                    self.writes(child.parse().unwrap(), process.clone(), found);
                }
                _ if process.is_devca && process.user == 0 => {
                    found.extend(written(name, arguments, result, &process.folder));
                }
                _ => {}
            }
        }
    }
}

/// What a process inherits from the one that started it.
#[derive(Clone)]
struct Process {
    user: u32,
    is_devca: bool,
    folder: String,
}

/// Returns the first quoted string.
fn quoted(arguments: &str) -> &str {
    arguments.split('"').nth(1).unwrap_or_default()
}

/// Returns the path of the first descriptor.
fn descriptor(arguments: &str) -> Option<&str> {
    Some(arguments.split_once('<')?.1.split_once('>')?.0)
}

fn written(name: &str, arguments: &str, result: &str, folder: &str) -> Vec<Write> {
    let write = |path: &str| Write { call: format!("{name}({arguments}"), path: path.to_owned() };
    match name {
        "open" | "openat" | "creat" => {
            let flags = ["O_WRONLY", "O_RDWR", "O_CREAT"];
            let writes = name == "creat" || flags.iter().any(|flag| arguments.contains(flag));
            // The path that was actually opened, after resolving links.
            descriptor(result).filter(|_| writes).map(write).into_iter().collect()
        }
        // The descriptor was opened earlier.
        "fchmod" | "fchown" | "ftruncate" => descriptor(arguments).map(write).into_iter().collect(),
        // The target of a link is not written to.
        "symlink" | "symlinkat" => {
            paths(arguments, folder).last().map(|path| write(path)).into_iter().collect()
        }
        _ => paths(arguments, folder).iter().map(|path| write(path)).collect(),
    }
}

/// Returns the paths of a call, resolving each relative to its folder: `3</etc>, "x"` is /etc/x.
fn paths(arguments: &str, folder: &str) -> Vec<String> {
    let mut folder = folder;
    let mut paths = Vec::new();
    for (index, piece) in arguments.split('"').enumerate() {
        if index % 2 == 1 {
            paths.push(Path::new(folder).join(piece).display().to_string());
        } else if let Some((_, rest)) = piece.rsplit_once('<') {
            folder = rest.split('>').next().unwrap_or_default();
        }
    }
    paths
}

#[test]
fn root_writes_the_store_and_nothing_else() {
    if !in_namespace("traced::root_writes_the_store_and_nothing_else") {
        return;
    }
    let alice = User::with_sudo("alice");
    let mut seen = 0;
    for command in COMMANDS {
        let folder = tempfile::TempDir::new().unwrap();
        let mut strace = Command::new(tool("strace"));
        strace.args(["-ff", "-y", "-qq", "-s", "4096", "-e", "signal=none", "-u", "alice"]);
        strace.args(["-e", "trace=%process,setuid,setreuid,setresuid,chdir,fchdir,open,openat,creat,rename,renameat,renameat2,unlink,unlinkat,\
            mkdir,mkdirat,rmdir,link,linkat,symlink,symlinkat,chmod,fchmod,fchmodat,chown,lchown,fchown,fchownat,\
            truncate,ftruncate,setxattr,lsetxattr,mknod,mknodat"]);
        strace.arg("-o").arg(folder.path().join("trace")).args(["--", "sudo", "devca"]);
        strace.args(command.split(' ')).current_dir(alice.home()).stdin(Stdio::null());
        strace
            .env("HOME", alice.home())
            .env("USER", "alice")
            .env_remove("SUDO_USER")
            .env_remove("DEVCA_HOME");
        let output = strace.output().unwrap();
        assert!(output.status.success(), "{command}: {}", words(&output));

        let trace = Trace::read(folder.path());
        let first = trace.first();
        let mut writes = Vec::new();
        let user = Process { user: alice.uid(), is_devca: false, folder: alice.home().display().to_string() };
        trace.writes(first, user, &mut writes);
        let others: Vec<_> = writes
            .iter()
            .filter(|write| !STORE.iter().any(|store| write.path.starts_with(store)))
            // Java does this for itself when it starts.
            .filter(|write| !write.path.ends_with("/coredump_filter"))
            .map(|write| (&write.call, &write.path))
            .collect();
        eprintln!(
            "sudo devca {command}: {} writes by root, {} outside the store",
            writes.len(),
            others.len()
        );
        assert!(others.is_empty(), "sudo devca {command}: {others:#?}");
        seen +=
            writes.iter().filter(|write| write.path.starts_with("/usr/local/share/ca-certificates/")).count();
    }
    assert!(seen >= 2, "the trace has missed what root writes");
}
