//! A server that runs until it is dropped, and a backend behind it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use super::common::tool;

/// A server and its output.
pub(super) struct Running {
    child: Child,
    lines: Receiver<String>,
    said: String,
}

impl Running {
    /// Starts it, and waits until it is ready: until it says so, or accepts a connection.
    pub(super) fn start(mut command: Command, port: &str, ready: &str) -> Self {
        // Vite ends with its standard input.
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = channel();
        let outputs: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for output in outputs {
            let sender = sender.clone();
            std::thread::spawn(move || {
                // Keep reading after the receiver is gone, so that the pipe does not fill up.
                BufReader::new(output).lines().map_while(Result::ok).for_each(|line| drop(sender.send(line)));
            });
        }
        let mut running = Self { child, lines, said: String::new() };
        running.wait(port, ready);
        running
    }

    fn wait(&mut self, port: &str, ready: &str) {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            let is_listening = || TcpStream::connect(("localhost", port.parse().unwrap())).is_ok();
            if if ready.is_empty() { is_listening() } else { self.said.contains(ready) } {
                return;
            }
            let ended = self.child.try_wait().unwrap();
            let in_time = Instant::now() < end;
            assert!(ended.is_none() && in_time, "it does not serve ({ended:?}): {}", self.hear());
            if let Ok(line) = self.lines.recv_timeout(Duration::from_millis(20)) {
                self.said += &line;
                self.said.push('\n');
            }
        }
    }

    /// The port that it says it listens at, in a line such as `ACCEPT 127.0.0.1:8443`.
    #[allow(dead_code)] // most are told which
    pub(super) fn port(&self) -> Option<String> {
        let place = self.said.lines().find_map(|line| line.strip_prefix("ACCEPT "))?;
        Some(place.rsplit(':').next()?.trim().to_owned())
    }

    /// Waits until it has printed this since the last call, and returns it, or everything else that it printed.
    #[allow(dead_code)] // not every test reads its log
    pub(super) fn wait_for(&mut self, is_it: impl Fn(&str) -> bool) -> Result<String, String> {
        let end = Instant::now() + Duration::from_secs(20);
        let mut said = String::new();
        while let Ok(line) = self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
            for all in [&mut said, &mut self.said] {
                all.push_str(&line);
                all.push('\n');
            }
            if is_it(&said) {
                return Ok(said);
            }
        }
        Err(said)
    }

    /// Returns everything that it has printed so far, before [`wait_for`](Self::wait_for) as well.
    pub(super) fn hear(&mut self) -> &str {
        // A server that has ended closes its output, but its last lines may not have arrived yet.
        while let Ok(line) = self.lines.recv_timeout(Duration::from_millis(200)) {
            self.said += &line;
            self.said.push('\n');
        }
        &self.said
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Not with SIGKILL, because nginx and PostgreSQL have to stop their children; and not with SIGINT,
        // because programs that a shell has put into the background ignore it, and so do their children.
        let _ = Command::new(tool("kill")).arg("-TERM").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

/// Returns a free port.
pub(super) fn free_port() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string()
}

/// Starts a backend for nginx, HAProxy and Caddy that runs as long as the test. Returns its port.
#[allow(dead_code)] // not every test has a server behind another
pub(super) fn backend() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    std::thread::spawn(move || {
        for mut connection in listener.incoming().map_while(Result::ok) {
            let request = BufReader::new(connection.try_clone().unwrap()).lines();
            request.map_while(Result::ok).take_while(|line| !line.is_empty()).for_each(drop);
            let _ = connection
                .write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 6\r\n\r\nHello\n");
        }
    });
    port
}
