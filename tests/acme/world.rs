//! `devca acme` as the tests run it, with everything that its clients need.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;

use super::common::{Home, Server, project, tool, words};
use super::pebble::Pebble;
use super::served::Served;

/// A home folder with a CA and its ACME server.
pub struct World {
    pub home: Home,
    pub acme: Served,
    /// The ports for http-01 and tls-alpn-01.
    pub http: u16,
    pub tls: u16,
    /// Takes the place of devca's server, but uses its name server.
    pebble: Option<Pebble>,
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
        Self { home, acme, http, tls, pebble: None }
    }

    /// With Pebble as the server: the same clients should get the same from it.
    pub fn of_pebble() -> Self {
        let mut world = Self::new(&["--dns-port", "0"]);
        world.pebble = Some(Pebble::start(&world));
        world
    }

    /// With the ports that everyone uses, in a network of its own.
    pub fn with_usual_ports() -> Self {
        let home = Home::new();
        home.ok(["issue", "localhost"]);
        let mut command = home.devca(["acme", "--json"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let acme = Served::spawn(command);
        Self { home, acme, http: 80, tls: 443, pebble: None }
    }

    /// Restarts the server with other options.
    pub fn restart(&mut self, options: &[&str]) {
        self.acme.interrupt();
        self.acme.ended();
        self.acme = start(&self.home, self.http, self.tls, &[&RESOLVE, options].concat());
    }

    pub fn directory(&self) -> String {
        self.pebble.as_ref().map_or_else(|| self.acme.url("/directory"), |pebble| pebble.directory.clone())
    }

    /// The root of the certificates that clients get. The server's own is always below devca's.
    pub fn issuing_root(&self) -> PathBuf {
        self.pebble.as_ref().map_or_else(|| self.home.root(), |pebble| pebble.root.clone())
    }

    /// The address of the name server.
    pub fn dns(&self) -> String {
        let log = self.acme.log();
        log.iter().find_map(|line| line["dns"].as_str()).unwrap().to_owned()
    }

    /// A function for the hooks of clients, which sets the record of a challenge.
    pub fn set_txt(&self) -> String {
        format!(
            "set_txt() {{ curl -sSf --noproxy '*' --cacert '{}' --data \
             \"{{\\\"host\\\": \\\"_acme-challenge.$1.\\\", \\\"value\\\": \\\"$2\\\"}}\" {}; }}",
            self.home.root().display(),
            self.acme.url("/dns/challtestsrv/set-txt")
        )
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
        self.program(&tool(program))
    }

    /// The same for a program from tests/setup.
    pub fn installed(&self, path: &str) -> Command {
        let path = project().join("target/tools").join(path);
        assert!(path.exists(), "{} is missing: tests/setup installs it", path.display());
        self.program(&path)
    }

    fn program(&self, path: &Path) -> Command {
        let mut command = self.home.command(path, [] as [&str; 0]);
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

    /// Asserts that so many certificates with this name are in the inventory; Pebble has none.
    pub fn has_issued(&self, name: &str, count: usize) {
        if self.pebble.is_none() {
            assert_eq!(self.issued(name).len(), count, "{name}");
        }
    }

    /// Whether this certificate is on the revocation list.
    pub fn is_revoked(&self, certificate: &Path) -> bool {
        if let Some(pebble) = &self.pebble {
            return pebble.has_revoked(certificate);
        }
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
        curl.args(["-sS", "--noproxy", "*", "--cacert"]).arg(self.issuing_root());
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

/// Writes a hook for a client.
pub fn write_script(path: &Path, script: &str) {
    fs::write(path, script).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Runs a program and asserts that it succeeds.
pub fn succeed(command: &mut Command) -> String {
    let output: Output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", words(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Runs a test of a client with devca and with Pebble, at the same time, because clients often wait.
pub fn with_both(options: &[&str], test: impl Fn(&World) + Sync) {
    thread::scope(|scope| {
        scope.spawn(|| test(&World::of_pebble()));
        test(&World::new(options));
    });
}
