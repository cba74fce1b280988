//! Shared by the tests: throwaway homes, real tools that must be installed, and servers that are awaited.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::print_stderr
)]

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub mod browsers;
pub mod captured;
pub mod clients;
pub mod postgres;
pub mod refusals;
pub mod tree;
pub mod versions;

/// The repository.
pub fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A program that the tests require.
pub fn tool(name: &str) -> PathBuf {
    let modules = project().join("target/tools/node_modules");
    let local = match name {
        "bun" | "deno" | "workerd" => modules.join(".bin").join(name),
        "node-22" | "node-24" => modules.join(name).join("bin/node"),
        name => modules.join("node/bin").join(name),
    };
    if local.exists() {
        return local;
    }
    which::which(name)
        .unwrap_or_else(|_| panic!("{name} is missing: tests/setup installs what the tests need"))
}

/// A server, which Debian installs in a folder that is not in a user's PATH.
pub fn sbin(name: &str) -> PathBuf {
    let path = Path::new("/usr/sbin").join(name);
    if path.exists() { path } else { tool(name) }
}

/// Runs a tool and returns its output.
pub fn run<S: AsRef<OsStr>>(name: &str, arguments: impl IntoIterator<Item = S>) -> Output {
    Command::new(tool(name)).args(arguments).stdin(Stdio::null()).output().unwrap()
}

/// Returns everything that a program printed, for searching and for messages.
pub fn words(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Runs a tool, which must succeed, and returns its standard output.
pub fn ok<S: AsRef<OsStr>>(name: &str, arguments: impl IntoIterator<Item = S>) -> String {
    let output = run(name, arguments);
    assert!(output.status.success(), "{name}: {}", words(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// The variables that affect what runtimes trust: the machine's own must not influence a test.
pub fn runtime_variables() -> impl Iterator<Item = &'static str> {
    let more = ["SSL_CERT_DIR", "NODE_TLS_REJECT_UNAUTHORIZED", "JAVA_TOOL_OPTIONS", "NODE_OPTIONS"];
    devca_platform::runtime::VARIABLES.iter().map(|variable| variable.name).chain(more)
}

/// All variables of the machine that could influence devca.
pub fn disturbing_variables() -> impl Iterator<Item = &'static str> {
    let more = [
        "DEVCA_HOME",
        "DEVCA_CA",
        "DEVCA_STORES",
        "SUDO_USER",
        "XDG_DATA_HOME",
        "XDG_CONFIG_HOME",
        "NO_COLOR",
        "JAVA_HOME",
        "CAROOT",
        "HTTPS_PROXY",
        "https_proxy",
        "NO_PROXY",
        "no_proxy",
        "PYTHONHTTPSVERIFY",
        "GIT_SSL_NO_VERIFY",
        "NPM_CONFIG_STRICT_SSL",
        "AWS_CLI_NO_VERIFY_SSL",
    ];
    runtime_variables().chain(more)
}

/// The home of a user who has never used devca, and a folder to work in.
pub struct Home {
    folder: TempDir,
    /// The devca program to run.
    pub program: PathBuf,
}

/// How devca changes browsers' databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NssTool {
    /// With the NSS library, through `devca-nss`.
    Library,
    /// With `certutil`, which devca uses if `devca-nss` is missing.
    Certutil,
}

impl Home {
    pub fn new() -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::create_dir(folder.path().join("home")).unwrap();
        std::fs::create_dir(folder.path().join("work")).unwrap();
        Self { folder, program: env!("CARGO_BIN_EXE_devca").into() }
    }

    /// Creates a home whose devca changes browsers' databases in this way.
    pub fn with_nss_tool(tool: NssTool) -> Self {
        let mut home = Self::new();
        let programs = home.folder.path().join("programs");
        std::fs::create_dir(&programs).unwrap();
        home.program = programs.join("devca");
        link(Path::new(env!("CARGO_BIN_EXE_devca")), &home.program);
        if tool == NssTool::Library {
            link(&nss_program(), &programs.join("devca-nss"));
        }
        home
    }

    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// The folder in which devca is run.
    pub fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// A file in the working folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.work().join(name)
    }

    /// The folder of the default CA.
    pub fn ca(&self) -> PathBuf {
        self.home().join(".local/share/devca/default")
    }

    pub fn root(&self) -> PathBuf {
        self.ca().join("root.pem")
    }

    /// devca in this home, without the machine's own settings.
    pub fn devca<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        self.command(&self.program, arguments)
    }

    /// Any program in this home.
    pub fn command<S: AsRef<OsStr>>(
        &self,
        program: &Path,
        arguments: impl IntoIterator<Item = S>,
    ) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.work()).stdin(Stdio::null()).env("HOME", self.home());
        for variable in disturbing_variables() {
            command.env_remove(variable);
        }
        command.env("USER", "alice");
        command
    }

    /// Runs devca, which must succeed, and returns its standard output.
    pub fn ok<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> String {
        let output = self.devca(arguments).output().unwrap();
        assert!(output.status.success(), "{}", words(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs devca with `--json`, which must succeed, and returns the document.
    pub fn json<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> serde_json::Value {
        let mut command = self.devca(arguments);
        let output = command.arg("--json").output().unwrap();
        assert!(output.status.success(), "{}", words(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Runs `devca check --json` and returns its exit code and the result for the only target.
    pub fn check<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> (i32, serde_json::Value) {
        let output = self.devca(["check", "--json"]).args(arguments).output().unwrap();
        let document: Result<serde_json::Value, _> = serde_json::from_slice(&output.stdout);
        let mut document = document.unwrap_or_else(|e| panic!("{e}: {}", words(&output)));
        let checked = document.pointer_mut("/checks/0").map(serde_json::Value::take);
        (output.status.code().unwrap(), checked.unwrap_or(document))
    }

    /// Runs devca on a terminal and answers its questions: the kind (`ask` or `hidden`), the question, the
    /// answer.
    pub fn typing(&self, answers: &[(&str, &str, &str)], arguments: &[&str]) -> Output {
        let script = project().join("tests/clients/terminal.py");
        let mut command = self.command(&tool("python3"), [script]);
        command
            .env("NO_COLOR", "1")
            .args(answers.iter().flat_map(|(kind, question, answer)| [kind, question, answer]));
        command.arg("--").arg(&self.program).args(arguments).output().unwrap()
    }

    /// Runs devca, which must fail with exit code 1, and returns everything it printed.
    pub fn fails<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> String {
        let output = self.devca(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", words(&output));
        words(&output)
    }

    /// All files below the home and the working folder with their content, to check that nothing has changed.
    pub fn everything(&self) -> Vec<(PathBuf, Vec<u8>)> {
        fn walk(folder: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(&path, found);
                } else {
                    found.push((path.clone(), std::fs::read(&path).unwrap_or_default()));
                }
            }
        }
        let mut found = Vec::new();
        walk(&self.home(), &mut found);
        walk(&self.work(), &mut found);
        found.sort();
        found
    }

    /// The names of the files in the working folder.
    pub fn listing(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.work()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// Builds `devca-nss`, which belongs to another package, so that Cargo builds it for these tests only on
/// request.
pub fn nss_program() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let build = || {
        let folder = Path::new(env!("CARGO_BIN_EXE_devca")).parent().unwrap();
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--locked", "--package", "devca-nss"]).current_dir(project());
        if folder.ends_with("release") {
            cargo.arg("--release");
        }
        assert!(cargo.status().unwrap().success(), "devca-nss cannot be built");
        folder.join("devca-nss")
    };
    BUILT.get_or_init(build).clone()
}

/// Links a file, or copies it to another file system.
pub fn link(from: &Path, to: &Path) {
    if std::fs::hard_link(from, to).is_err() {
        // Not by this process: a program started meanwhile would inherit the open file, which could then not be executed.
        ok("cp", [from, to].map(|path| path.to_str().unwrap()));
    }
}

/// A TLS server of OpenSSL on loopback, which is stopped when this is dropped.
pub struct Server {
    child: Child,
    pub port: u16,
}

impl Server {
    /// Starts `openssl s_server -www` on a port that the system chooses.
    pub fn start(certificate: &Path, key: &Path) -> Self {
        let mut server = Command::new(tool("openssl"));
        server
            .args([
                "s_server",
                "-accept",
                "127.0.0.1:0",
                "-no-CAfile",
                "-no-CApath",
                "-no-CAstore",
                "-www",
                "-cert",
            ])
            .arg(certificate)
            .arg("-key")
            .arg(key);
        Self::spawn(server)
    }

    /// Starts a web server that handles many connections at once, as browsers require. Its page contains
    /// [`PAGE`].
    pub fn page(certificate: &Path, key: &Path) -> Self {
        let mut server = Command::new(tool("python3"));
        server.arg(project().join("tests/clients/server.py")).arg(certificate).arg(key);
        Self::spawn(server)
    }

    /// Does the same for clients with a certificate of this CA.
    pub fn mutual(certificate: &Path, key: &Path, client_ca: &Path) -> Self {
        let mut server = Command::new(tool("python3"));
        let script = project().join("tests/clients/server.py");
        server.args([&script, certificate, key, client_ca]);
        Self::spawn(server)
    }

    /// Starts a program that prints `ACCEPT …:PORT` once it listens, as `openssl s_server` does.
    pub fn spawn(mut server: Command) -> Self {
        let mut child =
            server.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| {
                line.strip_prefix("ACCEPT ").and_then(|at| at.rsplit(':').next()?.trim().parse().ok())
            })
            .expect("the server says where it listens");
        // Its further output must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, port }
    }
}

/// The content of [`Server::page`].
pub const PAGE: &str = "Hello from localhost";

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for a condition, and fails if it does not become true.
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < deadline, "after a minute, this is not so yet: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Creates another CA's root with OpenSSL, which devca must not remove or change.
pub fn strangers_root(path: &Path) {
    let (key, path) = (path.with_extension("key"), path.to_str().unwrap());
    let words =
        ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"];
    let more = ["-subj", "/O=Strangers/CN=A stranger", "-keyout", key.to_str().unwrap(), "-out", path];
    ok("openssl", words.into_iter().chain(more));
    std::fs::remove_file(key).unwrap();
}

/// Runs the calling test again in a namespace where /etc, /home and similar folders are throwaway copies;
/// returns `true` inside. Changes that the test makes to the machine there are discarded.
pub fn in_namespace(test: &str) -> bool {
    if std::env::var_os("DEVCA_TEST_NAMESPACE").is_some() {
        return true;
    }
    let mut command = Command::new(project().join("tests/namespace"));
    runtime_variables().for_each(|name| {
        command.env_remove(name);
    });
    let output = command
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env("DEVCA_TEST_NAMESPACE", "1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "in a namespace of its own: {}", words(&output));
    assert!(words(&output).contains("1 passed"), "the test did not run: {}", words(&output));
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    false
}
