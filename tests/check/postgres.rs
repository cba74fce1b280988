//! A real PostgreSQL, asked for TLS as its own clients ask.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use super::bench::{Pair, arguments, findings, issued};
use super::common::{Home, ok, tool, words};
use super::running::{Running, free_port};

/// It refuses to run as root, and reads no key that belongs to somebody else.
struct Postgres<'a> {
    home: &'a Home,
    data: PathBuf,
    is_root: bool,
}

impl<'a> Postgres<'a> {
    /// A cluster without any of the tests' certificates.
    fn new(home: &'a Home) -> Self {
        let data = home.file("data");
        fs::create_dir(&data).unwrap();
        let postgres = Self { home, data, is_root: ok("id", ["-u"]).trim() == "0" };
        for folder in [home.work().parent().unwrap(), &home.work()] {
            fs::set_permissions(folder, fs::Permissions::from_mode(0o711)).unwrap();
        }
        postgres.give_away();
        let made = postgres.program("initdb").args(["--no-sync", "--auth=reject"]).output().unwrap();
        assert!(made.status.success(), "{}", words(&made));
        postgres
    }

    fn give_away(&self) {
        if self.is_root {
            ok("chown", ["-R", "postgres:", self.data.to_str().unwrap()]);
        }
    }

    fn program(&self, name: &str) -> Command {
        let installed = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
        let bin = installed.map(|version| version.unwrap().path().join("bin")).max();
        let program =
            bin.expect("PostgreSQL is missing: tests/setup installs what the tests need").join(name);
        let mut command = if self.is_root {
            let user = ["--reuid=postgres", "--regid=postgres", "--clear-groups"];
            let mut setpriv = self.home.command(&tool("setpriv"), user);
            setpriv.arg(program);
            setpriv
        } else {
            self.home.command(&program, [""; 0])
        };
        command.arg("-D").arg(&self.data);
        command
    }

    /// Runs it with these files, or without TLS.
    fn serve(&self, pair: Option<&Pair>) -> (Running, u16) {
        let port = free_port();
        let mut server = self.program("postgres");
        server.args(["-p", &port, "-c", "unix_socket_directories=", "-c", "fsync=off"]);
        if let Some((certificate, key)) = pair {
            fs::copy(certificate, self.data.join("server.crt")).unwrap();
            fs::copy(key, self.data.join("server.key")).unwrap();
            self.give_away();
            server.args(["-c", "ssl=on"]);
        }
        (Running::start(server, &port, "ready to accept connections"), port.parse().unwrap())
    }
}

#[test]
fn postgresql_is_checked_as_its_clients_connect() {
    let home = Home::new();
    let postgres = Postgres::new(&home);
    let pair = issued(&home, "localhost", &[]);
    let check = |expected: &[&str], port: u16| {
        let asked = ["--starttls", "postgres"].map(ToOwned::to_owned).to_vec();
        findings(&home, expected, &[arguments(&home, "localhost", port), asked].concat())
    };
    let (server, port) = postgres.serve(Some(&pair));
    check(&[], port);
    drop(server);
    let (server, port) = postgres.serve(Some(&issued(&home, "db.test", &[])));
    check(&["name-mismatch"], port);
    drop(server);
    let (_server, port) = postgres.serve(None);
    let found = check(&["not-tls"], port);
    assert!(found[0]["message"].as_str().unwrap().contains("ssl = on"), "{found:#}");
}
