//! A separate PostgreSQL. It refuses to run as root, and does not read a key that belongs to another user.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use super::{Home, ok, tool, words};

pub struct Postgres<'a> {
    home: &'a Home,
    /// Its data folder.
    pub data: PathBuf,
    is_root: bool,
}

impl<'a> Postgres<'a> {
    /// Creates a new cluster, which no one can connect to yet.
    pub fn new(home: &'a Home) -> Self {
        let data = home.file("data");
        let _ = fs::remove_dir_all(&data);
        fs::create_dir(&data).unwrap();
        let postgres = Self { home, data, is_root: ok("id", ["-u"]).trim() == "0" };
        for folder in [home.work().parent().unwrap(), &home.work()] {
            fs::set_permissions(folder, fs::Permissions::from_mode(0o711)).unwrap();
        }
        postgres.give_away();
        done(&mut postgres.program("initdb", &["--no-sync", "--username=postgres", "--auth=reject"]));
        postgres
    }

    pub fn create_role(&self, name: &str) {
        let script = self.home.file("role.sql");
        fs::write(&script, format!("create role {name} login\n")).unwrap();
        let mut postgres = self.program("postgres", &["--single"]);
        done(postgres.arg("postgres").stdin(fs::File::open(script).unwrap()));
    }

    /// The server, with the current content of the data folder.
    pub fn server(&self, port: &str) -> Command {
        self.give_away();
        self.program("postgres", &["-p", port, "-c", "unix_socket_directories=", "-c", "fsync=off"])
    }

    fn give_away(&self) {
        if self.is_root {
            ok("chown", ["-R", "postgres:", self.data.to_str().unwrap()]);
        }
    }

    fn program(&self, name: &str, arguments: &[&str]) -> Command {
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
        // `--single` must be the first argument.
        command.args(arguments).arg("-D").arg(&self.data);
        command
    }
}

fn done(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", words(&output));
}
