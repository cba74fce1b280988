//! Passphrases that are not typed: stored in the desktop's keyring (verified with GNOME Keyring and
//! libsecret's `secret-tool`), or remembered by the kernel (verified with `keyctl`).
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::{Home, run, tool, wait_until, words};
use tempfile::TempDir;

/// A separate desktop session with a D-Bus and, optionally, an unlocked keyring.
struct Desktop {
    home: Home,
    runtime: TempDir,
    address: String,
    programs: Vec<Child>,
}

impl Desktop {
    fn new() -> Self {
        let mut desktop = Self::without_keyring();
        let mut keyring =
            desktop.command("gnome-keyring-daemon", &["--foreground", "--unlock", "--components=secrets"]);
        let mut child =
            keyring.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(b"the login password").unwrap();
        desktop.programs.push(child);
        let owner = [
            "--session",
            "--print-reply",
            "--dest=org.freedesktop.DBus",
            "/",
            "org.freedesktop.DBus.GetNameOwner",
        ];
        let owner = [&owner[..], &["string:org.freedesktop.secrets"]].concat();
        wait_until("the session bus has the Secret Service", || {
            desktop.command("dbus-send", &owner).output().unwrap().status.success()
        });
        desktop
    }

    fn without_keyring() -> Self {
        let (home, runtime) = (Home::new(), TempDir::new().unwrap());
        let config = runtime.path().join("bus.conf");
        // Nothing is started on demand, neither a second keyring nor a prompt.
        let text = format!(
            "<busconfig><type>session</type><listen>unix:path={}/bus</listen><policy context=\"default\">\
             <allow send_destination=\"*\" eavesdrop=\"true\"/><allow eavesdrop=\"true\"/><allow own=\"*\"/></policy></busconfig>",
            runtime.path().display()
        );
        fs::write(&config, text).unwrap();
        let mut bus = Command::new(tool("dbus-daemon"));
        bus.args(["--nofork", "--print-address"]).arg(format!("--config-file={}", config.display()));
        let mut bus = bus.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut address = String::new();
        BufReader::new(bus.stdout.take().unwrap()).read_line(&mut address).unwrap();
        Self { home, runtime, address: address.trim().to_owned(), programs: vec![bus] }
    }

    fn in_session(&self, mut command: Command) -> Command {
        command
            .env("DBUS_SESSION_BUS_ADDRESS", &self.address)
            .env("XDG_RUNTIME_DIR", self.runtime.path())
            .env_remove("DISPLAY")
            .env_remove("WAYLAND_DISPLAY");
        command
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        self.in_session(self.home.command(&tool(program), arguments))
    }

    /// Runs devca on this desktop.
    fn devca(&self, arguments: &[&str]) -> Output {
        self.in_session(self.home.devca(arguments)).output().unwrap()
    }

    fn ok(&self, arguments: &[&str]) -> String {
        let output = self.devca(arguments);
        assert!(output.status.success(), "{}", words(&output));
        words(&output)
    }

    fn fails(&self, arguments: &[&str]) -> String {
        let output = self.devca(arguments);
        assert_eq!(output.status.code(), Some(1), "{}", words(&output));
        words(&output)
    }

    /// Returns the passphrase that libsecret finds for a key.
    fn looked_up(&self, key: &Path) -> String {
        let output =
            self.command("secret-tool", &["lookup", "application", "devca", "item", &item(key)]).output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    }

    /// Returns the number of devca's entries in the keyring.
    fn entries(&self) -> usize {
        let output =
            self.command("secret-tool", &["search", "--all", "application", "devca"]).output().unwrap();
        words(&output).lines().filter(|line| line.starts_with("secret = ")).count()
    }

    fn lock_keyring(&self) {
        let service = [
            "--dest=org.freedesktop.secrets",
            "/org/freedesktop/secrets",
            "org.freedesktop.Secret.Service.Lock",
        ];
        let all = ["array:objpath:/org/freedesktop/secrets/collection/login"];
        let words = [&["--session", "--print-reply"][..], &service, &all].concat();
        assert!(self.command("dbus-send", &words).status().unwrap().success());
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        for child in self.programs.iter_mut().rev() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Returns the entry that a key file names.
fn item(key: &Path) -> String {
    let text = fs::read_to_string(key).unwrap();
    text.lines().find_map(|line| line.strip_prefix("devca-keyring-item: ")).unwrap_or_default().to_owned()
}

fn is_encrypted(key: &Path) -> bool {
    let text = fs::read_to_string(key).unwrap();
    text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") && !text.contains("-----BEGIN PRIVATE KEY-----")
}

fn openssl_opens(key: &Path, passphrase: &str) -> bool {
    let with = format!("pass:{passphrase}");
    run("openssl", ["pkey", "-noout", "-in", key.to_str().unwrap(), "-passin", &with]).status.success()
}

#[test]
fn the_keyring_has_the_passphrase_and_a_copied_key_is_useless() {
    for (sealed, name) in [(&[][..], "root-key.pem"), (&["--sealed"], "intermediate-key.pem")] {
        let desktop = Desktop::new();
        let home = &desktop.home;
        let said = desktop.ok(&[&["install", "--keyring", "--store", "nss"], sealed].concat());
        let key = home.ca().join(name);
        let secret = desktop.looked_up(&key);
        assert!(
            said.contains(&format!("secret-tool lookup application devca item {}", item(&key))),
            "{said}"
        );
        assert!(!said.contains("is not encrypted"), "{said}");
        assert_eq!(secret.len(), 32, "128 bits: {secret}");
        assert!(is_encrypted(&key) && openssl_opens(&key, &secret) && !openssl_opens(&key, ""));
        assert!(
            home.everything().iter().all(|(_, content)| !String::from_utf8_lossy(content).contains(&secret))
        );

        desktop.ok(&["issue", "localhost"]);
        desktop.ok(&["permit", "corp.example.dev", "--store", "nss"]);
        assert_eq!(desktop.entries(), 1);
        let status: serde_json::Value =
            serde_json::from_slice(&desktop.devca(&["status", "--json", "--store", "nss"]).stdout).unwrap();
        assert_eq!(status["root"]["passphrase"], "in-keyring", "{status:#}");
        let said = words(&desktop.devca(&["status", "--store", "nss"]));
        assert!(said.contains("encrypted, passphrase in the system's keyring"), "{said}");

        // As for someone who only has the files, or who logs in with SSH.
        let said = home.fails(["issue", "app.test"]);
        assert!(said.contains("error: cannot reach the system's keyring"), "{said}");
        assert!(said.contains("export DEVCA_PASSPHRASE_FILE="), "{said}");
        assert!(!home.file("app.test.pem").exists());
        // The stored passphrase also works when given in a file.
        let file = home.file("passphrase");
        fs::write(&file, &secret).unwrap();
        let output = home.devca(["issue", "app.test"]).env("DEVCA_PASSPHRASE_FILE", &file).output().unwrap();
        assert!(output.status.success(), "{}", words(&output));
        fs::remove_file(file).unwrap();

        let old = item(&key);
        desktop.ok(&["rotate", "--store", "nss"]);
        assert!(item(&key) != old && openssl_opens(&key, &desktop.looked_up(&key)));
        assert_eq!(desktop.entries(), 1, "the old root's passphrase is gone");
        desktop.ok(&["uninstall", "--purge", "--store", "nss"]);
        assert_eq!(desktop.entries(), 0);
    }
}

#[test]
fn a_passphrase_moves_into_the_keyring_and_back() {
    let desktop = Desktop::new();
    let home = &desktop.home;
    let note = words(&home.devca(["install", "--store", "nss"]).output().unwrap());
    assert!(note.contains("the root's key is not encrypted"), "{note}");
    assert!(note.contains("devca passphrase --keyring"), "{note}");
    desktop.ok(&["issue", "localhost", "--intermediate"]);
    let keys = ["root-key.pem", "intermediate-key.pem"].map(|name| home.ca().join(name));
    let refused = words(&desktop.devca(&["install", "--keyring", "--store", "nss"]));
    assert!(refused.contains("hint: devca passphrase --keyring"), "{refused}");

    let said = desktop.ok(&["passphrase", "--keyring"]);
    assert!(said.contains("encrypted with a passphrase in the system's keyring"), "{said}");
    let first = desktop.looked_up(&keys[0]);
    assert!(keys.iter().all(|key| is_encrypted(key) && openssl_opens(key, &first)));
    desktop.ok(&["issue", "localhost", "--intermediate", "--force"]);

    // Running it again changes the passphrase and leaves no unused entry.
    desktop.ok(&["passphrase", "--keyring"]);
    let second = desktop.looked_up(&keys[0]);
    assert!(first != second && keys.iter().all(|key| openssl_opens(key, &second)));
    assert_eq!(desktop.entries(), 1);

    fs::write(home.file("new"), "correct horse battery\n").unwrap();
    desktop.ok(&["passphrase", "--new-file", "new"]);
    assert!(keys.iter().all(|key| item(key).is_empty() && openssl_opens(key, "correct horse battery")));
    assert_eq!(desktop.entries(), 0);

    let with_file = |arguments: &[&str]| {
        let mut command = desktop.in_session(home.devca(arguments));
        let output = command.env("DEVCA_PASSPHRASE_FILE", home.file("new")).output().unwrap();
        assert!(output.status.success(), "{}", words(&output));
    };
    with_file(&["passphrase", "--keyring"]);
    assert_eq!(desktop.entries(), 1);
    desktop.ok(&["passphrase", "--remove"]);
    assert!(keys.iter().all(|key| !is_encrypted(key) && item(key).is_empty()));
    assert_eq!(desktop.entries(), 0);
    home.ok(["issue", "app.test"]);
}

#[test]
fn a_copy_of_the_ca_does_not_delete_the_originals_passphrase() {
    let desktop = Desktop::new();
    desktop.ok(&["install", "--keyring", "--store", "nss"]);
    let copy = desktop.home.home().join("copy");
    let original = desktop.home.ca().parent().unwrap().to_owned();
    assert!(run("cp", ["-r", original.to_str().unwrap(), copy.to_str().unwrap()]).status.success());
    let mut remove = desktop.in_session(desktop.home.devca(["passphrase", "--remove"]));
    let output = remove.env("DEVCA_HOME", &copy).output().unwrap();
    assert!(output.status.success(), "{}", words(&output));
    assert!(!is_encrypted(&copy.join("default/root-key.pem")));
    desktop.ok(&["issue", "localhost"]);
}

#[test]
fn a_keyring_that_fails_leaves_the_key_as_it_was() {
    // A session without a keyring, and a bus that does not answer.
    let silent = TempDir::new().unwrap();
    let socket = silent.path().join("bus");
    let _listener = UnixListener::bind(&socket).unwrap();
    let mut mute = Desktop::without_keyring();
    mute.address = format!("unix:path={}", socket.display());
    for (desktop, why) in
        [(Desktop::without_keyring(), "keyring"), (mute, "did not answer within 10 seconds")]
    {
        let start = Instant::now();
        let said = desktop.fails(&["install", "--keyring", "--store", "nss"]);
        assert!(said.contains("the system's keyring") && said.contains(why), "{said}");
        assert!(said.contains("hint: ") && said.contains("devca install --passphrase"), "{said}");
        assert!(!desktop.home.root().exists(), "no root without the protection that was asked for");
        desktop.home.ok(["issue", "localhost"]);
        let before = fs::read(desktop.home.ca().join("root-key.pem")).unwrap();
        desktop.fails(&["passphrase", "--keyring"]);
        assert_eq!(fs::read(desktop.home.ca().join("root-key.pem")).unwrap(), before);
        desktop.home.ok(["issue", "app.test"]);
        assert!(start.elapsed() < Duration::from_secs(40), "{:?}", start.elapsed());
    }
    // If the key cannot be written after the keyring has stored the passphrase, the entry is deleted again.
    let desktop = Desktop::new();
    desktop.ok(&["issue", "localhost"]);
    fs::write(desktop.home.ca().join("ready"), "in the way").unwrap();
    let said = desktop.fails(&["passphrase", "--keyring"]);
    assert!(said.contains("cannot write"), "{said}");
    assert!(!is_encrypted(&desktop.home.ca().join("root-key.pem")));
    assert_eq!(desktop.entries(), 0);
    fs::remove_file(desktop.home.ca().join("ready")).unwrap();

    // If the old passphrase is in the keyring, its entry is kept.
    desktop.ok(&["passphrase", "--keyring"]);
    fs::write(desktop.home.ca().join("ready"), "in the way").unwrap();
    desktop.fails(&["passphrase", "--keyring"]);
    fs::remove_file(desktop.home.ca().join("ready")).unwrap();
    assert_eq!(desktop.entries(), 1);
    desktop.ok(&["issue", "app.test"]);
}

#[test]
fn a_locked_keyring_and_a_lost_entry_are_reported_with_a_hint() {
    let desktop = Desktop::new();
    desktop.ok(&["install", "--keyring", "--store", "nss"]);
    let key = desktop.home.ca().join("root-key.pem");
    let secret = desktop.looked_up(&key);
    desktop.lock_keyring();
    // No one can answer a prompt.
    let said = desktop.fails(&["issue", "localhost"]);
    assert!(said.contains("error: the system's keyring is locked"), "{said}");
    assert!(said.contains(&format!("secret-tool lookup application devca item {}", item(&key))), "{said}");
    assert!(said.contains("export DEVCA_PASSPHRASE_FILE="), "{said}");
    assert!(!said.contains(&secret) && desktop.home.listing().is_empty());

    let desktop = Desktop::new();
    desktop.ok(&["install", "--keyring", "--store", "nss"]);
    let key = desktop.home.ca().join("root-key.pem");
    desktop.command("secret-tool", &["clear", "application", "devca", "item", &item(&key)]).status().unwrap();
    let said = desktop.fails(&["issue", "localhost"]);
    assert!(said.contains("error: the passphrase is not in the system's keyring"), "{said}");
    assert!(said.contains("devca rotate"), "{said}");
    desktop.ok(&["rotate", "--store", "nss"]);
    desktop.ok(&["issue", "localhost"]);
}

/// Runs a script in a new session keyring of the kernel, as after a login.
fn in_login_session(home: &Home, script: &str) -> Output {
    let path: PathBuf = Path::new(env!("CARGO_BIN_EXE_devca")).into();
    let mut command = home.command(&tool("keyctl"), ["session", "-", "sh", "-euc", script]);
    command.env("D", path).env("KEY", format!("devca:{}", home.ca().display())).output().unwrap()
}

#[test]
fn the_kernel_remembers_a_passphrase_in_this_session_for_its_time() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    let secret = home.file("secret");
    fs::write(&secret, "correct horse battery\n").unwrap();
    home.ok(["passphrase", "--new-file", "secret"]);

    let output = in_login_session(
        &home,
        "! $D issue one.test
         DEVCA_PASSPHRASE_FILE=secret $D passphrase --remember
         $D issue two.test
         test \"$(keyctl pipe $(keyctl search @s user $KEY))\" = 'correct horse battery'
         # A session of its own, as another login has it, knows nothing.
         keyctl session - sh -c '! $D issue three.test'
         $D passphrase --forget
         ! $D issue four.test
         ! keyctl search @s user $KEY
         DEVCA_PASSPHRASE_FILE=secret $D passphrase --remember 3s
         $D issue five.test
         while keyctl search @s user $KEY; do sleep 0.1; done
         ! $D issue six.test",
    );
    assert!(output.status.success(), "{}", words(&output));
    let issued = home.listing();
    let names = ["two.test.pem", "five.test.pem"];
    assert!(names.iter().all(|name| issued.iter().any(|file| file == name)), "{issued:?}");
    for name in ["one", "three", "four", "six"] {
        assert!(!home.file(&format!("{name}.test.pem")).exists(), "{name}: {}", words(&output));
    }
    assert!(!words(&output).contains("correct horse battery"), "{}", words(&output));

    // A passphrase that has been changed is no longer remembered.
    fs::write(home.file("new"), "another one\n").unwrap();
    let output = in_login_session(
        &home,
        "DEVCA_PASSPHRASE_FILE=secret $D passphrase --remember 1h
         $D passphrase --new-file new
         ! keyctl search @s user $KEY
         ! $D issue seven.test
         DEVCA_PASSPHRASE_FILE=new $D issue eight.test",
    );
    assert!(output.status.success(), "{}", words(&output));

    for time in ["1", "h", "-1h", "0s", "5y"] {
        let output = home.devca(["passphrase", "--remember", time]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{time}: {}", words(&output));
    }
    let plain = Home::new();
    plain.ok(["issue", "localhost"]);
    assert!(plain.fails(["passphrase", "--remember"]).contains("the key is not encrypted"));
}
