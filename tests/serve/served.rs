//! Runs `devca serve` in the tests, and upstreams behind it.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::common::{Home, Server, project, tool, wait_until, words};

/// A running server, which is stopped when this is dropped.
pub struct Served {
    child: Child,
    pub port: u16,
    log: Arc<Mutex<Vec<Value>>>,
}

impl Served {
    /// Starts it on a free port.
    pub fn start<S: AsRef<OsStr>>(home: &Home, arguments: impl IntoIterator<Item = S>) -> Self {
        let mut command = home.devca(["serve", "--port", "0", "--json"]);
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self::spawn(command)
    }

    pub fn spawn(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let log = Arc::new(Mutex::new(Vec::new()));
        let port = loop {
            let Some(Ok(line)) = lines.next() else {
                panic!("devca serve did not start: {}", words(&child.wait_with_output().unwrap()));
            };
            let event: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
            let address = event["addresses"][0].as_str().map(ToOwned::to_owned);
            log.lock().unwrap().push(event);
            if let Some(address) = address {
                break address.rsplit(':').next().unwrap().parse().unwrap();
            }
        };
        let events = log.clone();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                events.lock().unwrap().push(serde_json::from_str(&line).unwrap());
            }
        });
        Self { child, port, log }
    }

    /// Returns the lines printed so far.
    pub fn log(&self) -> Vec<Value> {
        self.log.lock().unwrap().clone()
    }

    /// Waits for a line that contains this text.
    pub fn says(&self, part: &str) {
        let is_said = || self.log().iter().any(|line| line.to_string().contains(part));
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while !is_said() {
            assert!(std::time::Instant::now() < deadline, "{part:?} is not in {:#?}", self.log());
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.port)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Returns a value of /proc/PID/status, such as `VmHWM`, in kB.
    pub fn memory(&self, name: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim_start_matches(':').trim().trim_end_matches(" kB").parse().unwrap()
    }

    pub fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.pid())).unwrap().count()
    }

    /// Asks it to stop, like Ctrl-C.
    pub fn interrupt(&self) {
        super::common::ok("kill", ["-INT", &self.pid().to_string()]);
    }

    /// Returns its exit code, once it has ended.
    pub fn wait(mut self) -> Option<i32> {
        self.ended()
    }

    /// Does the same for a server that will be replaced by another.
    pub fn ended(&mut self) -> Option<i32> {
        let mut code = None;
        wait_until("devca serve has ended", || {
            code = self.child.try_wait().unwrap();
            code.is_some()
        });
        code.unwrap().code()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn script(name: &str) -> PathBuf {
    project().join("tests/serve").join(name)
}

/// Starts an upstream; the arguments of the script select its protocol.
pub fn upstream<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Server {
    let mut node = Command::new(tool("node"));
    node.arg(script("upstream.mjs")).args(arguments);
    Server::spawn(node)
}

/// Returns what curl gets, with these options before the address.
pub fn curl(home: &Home, served: &Served, options: &[&str], path: &str) -> Output {
    let mut curl = Command::new(tool("curl"));
    curl.args(["-sS", "--noproxy", "*", "--max-time", "30", "--cacert"]).arg(home.root());
    curl.args(options).arg(served.url(path)).stdin(Stdio::null()).output().unwrap()
}

/// Does the same for a request that must succeed, and returns the text.
pub fn fetch(home: &Home, served: &Served, options: &[&str], path: &str) -> String {
    let output = curl(home, served, options, path);
    assert!(output.status.success(), "{options:?} {path}: {}", words(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// Returns what the upstream saw.
pub fn seen(home: &Home, served: &Served, options: &[&str], path: &str) -> Value {
    let text = fetch(home, served, options, path);
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

/// Returns the values of a header field that the upstream saw.
pub fn field(seen: &Value, name: &str) -> Vec<String> {
    let words: Vec<&str> =
        seen["fields"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    let pairs = words.chunks(2).filter(|pair| pair[0].eq_ignore_ascii_case(name));
    pairs.map(|pair| pair[1].to_owned()).collect()
}

/// Sends these bytes over TLS (or without it, if the root is "plain") and returns the response.
pub fn raw(root: &str, served: &Served, bytes: &[u8]) -> String {
    let mut python = Command::new(tool("python3"));
    python.arg(script("raw.py")).arg(root).arg(served.port.to_string());
    let mut child =
        python.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", words(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
