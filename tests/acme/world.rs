//! `devca acme` as the tests run it, with everything that its clients need.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::common::{Home, Server, project, tool, words};
use super::served::Served;

/// A home folder with a CA and its ACME server.
pub struct World {
    pub home: Home,
    pub acme: Served,
    /// The ports for http-01 and tls-alpn-01.
    pub http: u16,
    pub tls: u16,
}

/// A port that nothing listens on.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// What makes the names in the tests this machine's.
const RESOLVE: [&str; 2] = ["--resolve", "*.test=127.0.0.1"];

impl World {
    pub fn new(options: &[&str]) -> Self {
        Self::asking(&[&RESOLVE, options].concat())
    }

    /// With names as these options resolve them.
    pub fn asking(options: &[&str]) -> Self {
        let home = Home::new();
        home.ok(["issue", "localhost"]);
        let (http, tls) = (free_port(), free_port());
        let acme = start(&home, http, tls, options);
        Self { home, acme, http, tls }
    }

    /// With the ports that everyone uses, in a network of its own.
    pub fn with_usual_ports() -> Self {
        let home = Home::new();
        home.ok(["issue", "localhost"]);
        let mut command = home.devca(["acme", "--json"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let acme = Served::spawn(command);
        Self { home, acme, http: 80, tls: 443 }
    }

    /// Restarts the server with other options.
    pub fn restart(&mut self, options: &[&str]) {
        self.acme.interrupt();
        self.acme.ended();
        self.acme = start(&self.home, self.http, self.tls, &[&RESOLVE, options].concat());
    }

    pub fn directory(&self) -> String {
        self.acme.url("/directory")
    }

    /// A web server, and its folder.
    pub fn web_server(&self) -> (PathBuf, Server) {
        let folder = self.home.file("www");
        fs::create_dir_all(folder.join(".well-known/acme-challenge")).unwrap();
        let mut python = Command::new(tool("python3"));
        python.arg(project().join("tests/acme/www.py")).arg(&folder).arg(self.http.to_string());
        (folder, Server::spawn(python))
    }

    /// A client that trusts the root through whichever variable it reads.
    pub fn client(&self, program: &str) -> Command {
        let mut command = self.home.command(&tool(program), [] as [&str; 0]);
        for variable in ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"] {
            command.env(variable, self.home.root());
        }
        command.env("LEGO_CA_CERTIFICATES", self.home.root());
        command.stdin(Stdio::null());
        command
    }

    /// The certificates in the inventory for these names.
    pub fn issued(&self, name: &str) -> Vec<serde_json::Value> {
        let listed = self.home.json(["list"]);
        let all = listed["certificates"].as_array().unwrap().clone();
        let has = |one: &serde_json::Value| one["names"].as_array().unwrap().contains(&name.into());
        all.into_iter().filter(has).collect()
    }

    /// Whether this certificate is on the revocation list.
    pub fn is_revoked(&self, certificate: &Path) -> bool {
        let list = self.home.ok(["crl", "--stdout"]);
        let path = self.home.file("list.pem");
        fs::write(&path, list).unwrap();
        let text =
            super::common::ok("openssl", ["storeutl", "-noout", "-text", "-crls", path.to_str().unwrap()]);
        let serial =
            super::common::ok("openssl", ["x509", "-noout", "-serial", "-in", certificate.to_str().unwrap()]);
        text.contains(serial.trim().trim_start_matches("serial="))
    }

    /// Asserts that a client that trusts the root accepts a server with this certificate.
    pub fn is_used(&self, chain: &Path, key: &Path, name: &str) {
        let server = Server::page(chain, key);
        let mut curl = Command::new(tool("curl"));
        curl.args(["-sS", "--noproxy", "*", "--cacert"]).arg(self.home.root());
        curl.args(["--resolve", &format!("{name}:{}:127.0.0.1", server.port)]);
        succeed(curl.arg(format!("https://{name}:{}/", server.port)));
    }
}

fn start(home: &Home, http: u16, tls: u16, options: &[&str]) -> Served {
    let mut command = home.devca(["acme", "--port", "0", "--json"]);
    command.args(["--http-port", &http.to_string(), "--tls-port", &tls.to_string()]).args(options);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    Served::spawn(command)
}

/// Runs a program and asserts that it succeeds.
pub fn succeed(command: &mut Command) -> String {
    let output: Output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", words(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
