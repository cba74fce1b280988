//! Pebble, and what it does differently.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::json;

use super::common::{ok, project, tool, wait_until};
use super::world::{World, free_port, succeed};

/// A running Pebble, with a certificate of devca for itself.
pub struct Pebble {
    process: Child,
    pub directory: String,
    management: String,
    /// The root of what it issues.
    pub root: PathBuf,
}

impl Drop for Pebble {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Pebble {
    pub fn start(world: &World) -> Self {
        let (port, management) = (free_port(), free_port());
        let names = ["localhost", "127.0.0.1", "--cert-file", "pebble.pem", "--key-file", "pebble-key.pem"];
        world.home.ok([&["issue"], &names[..]].concat());
        let settings = json!({"pebble": {
            "listenAddress": format!("127.0.0.1:{port}"),
            "managementListenAddress": format!("127.0.0.1:{management}"),
            "certificate": world.home.file("pebble.pem"),
            "privateKey": world.home.file("pebble-key.pem"),
            "httpPort": world.http,
            "tlsPort": world.tls,
        }});
        let file = world.home.file("pebble.json");
        fs::write(&file, settings.to_string()).unwrap();
        // Names without records are on this machine.
        let api = world.acme.url("/dns/challtestsrv/set-default-ipv4");
        succeed(world.client("curl").args([
            "-sSf",
            "--noproxy",
            "*",
            "--data",
            "{\"ip\": \"127.0.0.1\"}",
            &api,
        ]));
        let mut pebble = Command::new(tool("pebble"));
        pebble.arg("-config").arg(&file).args(["-dnsserver", &world.dns()]);
        // Without chance: it waits, refuses nonces and uses authorizations again at random.
        pebble.envs([
            ("PEBBLE_VA_NOSLEEP", "1"),
            ("PEBBLE_WFE_NONCEREJECT", "0"),
            ("PEBBLE_AUTHZREUSE", "0"),
        ]);
        let process = pebble.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let management = format!("https://localhost:{management}");
        let root = world.home.file("pebble-root.pem");
        wait_until("Pebble answers", || {
            let mut curl = world.client("curl");
            curl.args(["-sSf", "--noproxy", "*", "-o"]).arg(&root).arg(format!("{management}/roots/0"));
            curl.output().unwrap().status.success()
        });
        Self { process, directory: format!("https://localhost:{port}/dir"), management, root }
    }

    pub fn has_revoked(&self, certificate: &Path) -> bool {
        let serial = ok("openssl", ["x509", "-noout", "-serial", "-in", certificate.to_str().unwrap()]);
        let serial = serial.trim().trim_start_matches("serial=").to_lowercase();
        // It writes serial numbers without leading zeros.
        let url = format!("{}/cert-status-by-serial/{}", self.management, serial.trim_start_matches('0'));
        ok("curl", ["-sSfk", "--noproxy", "*", &url]).contains("Revoked")
    }
}

/// The rows of the table in docs/acme.md that differ, as measured.
#[test]
fn the_differences_are_those_in_the_documentation() {
    let measure = |world: &World, port: u16| {
        let mut python = world.home.command(&tool("python3"), [project().join("tests/acme/differences.py")]);
        python
            .arg(world.directory())
            .arg(world.home.root())
            .arg(port.to_string())
            .env("PYTHONDONTWRITEBYTECODE", "1");
        let said = succeed(&mut python);
        said.lines().map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    let own = measure(&World::new(&["--validate", "none"]), 0);
    let world = World::of_pebble();
    let other = measure(&world, world.http);
    let page = fs::read_to_string(project().join("docs/acme.md")).unwrap();
    let mut rows = Vec::new();
    for (own, other) in own.iter().zip(&other) {
        let ((what, own), (same, other)) = (own.split_once('\t').unwrap(), other.split_once('\t').unwrap());
        assert_eq!(what, same);
        if own != other {
            rows.push(format!("| {what} | {own} | {other} |"));
        }
    }
    let missing: Vec<_> = rows.iter().filter(|row| !page.contains(row.as_str())).collect();
    assert!(missing.is_empty(), "docs/acme.md lacks these rows: {missing:#?}\n{}", rows.join("\n"));
}
