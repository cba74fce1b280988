//! `install.sh --from` installs a release only if its checksum and signature are right, and either completely
//! or not at all.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use common::{Home, nss_program, ok, project, tool, words};

/// A release of the programs under test, packed and signed as by `tools/release`.
struct Release {
    home: Home,
    folder: PathBuf,
    public_key: String,
}

impl Release {
    fn new() -> Self {
        let home = Home::new();
        let folder = home.file("release");
        let name = format!("devca-0.1.0-linux-{}", std::env::consts::ARCH);
        let tree = home.file(&name);
        for below in ["bin", "share/man/man1", "share/bash-completion/completions"] {
            fs::create_dir_all(tree.join(below)).unwrap();
        }
        let devca = Path::new(env!("CARGO_BIN_EXE_devca"));
        for program in [devca, &devca.with_file_name("devca-serve"), &nss_program()] {
            fs::copy(program, tree.join("bin").join(program.file_name().unwrap())).unwrap();
        }
        fs::write(tree.join("share/man/man1/devca.1"), home.ok(["man"])).unwrap();
        fs::write(tree.join("share/bash-completion/completions/devca"), home.ok(["completions", "bash"]))
            .unwrap();
        fs::create_dir(&folder).unwrap();
        let archive = folder.join(format!("{name}.tar.gz"));
        ok("tar", ["--use-compress-program=gzip -1", "-cf", text(&archive), "-C", text(&home.work()), &name]);
        let [public, secret] = ["release.pub", "release.key"].map(|name| home.file(name));
        ok("minisign", ["-G", "-W", "-p", text(&public), "-s", text(&secret)]);
        let public_key = fs::read_to_string(public).unwrap().lines().last().unwrap().to_owned();
        let release = Self { home, folder, public_key };
        release.sign();
        release
    }

    fn archive(&self) -> PathBuf {
        let entries = fs::read_dir(&self.folder).unwrap().map(|entry| entry.unwrap().path());
        entries.into_iter().find(|path| path.extension().is_some_and(|end| end == "gz")).unwrap()
    }

    fn sign(&self) {
        let name = self.archive().file_name().unwrap().to_str().unwrap().to_owned();
        let script = format!("cd {}; sha256sum {name} > SHA256SUMS", self.folder.display());
        ok("sh", ["-c", &script]);
        let (key, sums) = (self.home.file("release.key"), self.folder.join("SHA256SUMS"));
        ok("minisign", ["-S", "-s", text(&key), "-m", text(&sums)]);
    }

    /// The installer as downloaded, outside of a checkout.
    fn installer(&self, arguments: &[&str]) -> Command {
        let script = self.home.file("install.sh");
        fs::copy(project().join("install.sh"), &script).unwrap();
        let mut command = self.home.command(&tool("sh"), [script]);
        command.args(arguments).stdin(Stdio::null());
        command
    }

    fn install(&self, from: &str) -> Output {
        self.installer(&["--from", from, "--key", &self.public_key]).output().unwrap()
    }

    /// Returns the files below the prefix.
    fn installed(&self) -> Vec<PathBuf> {
        let files = self.home.everything().into_iter().map(|(path, _)| path);
        files.filter(|path| path.starts_with(self.home.home().join(".local"))).collect()
    }

    fn fails(&self, arguments: &[&str], what: &str) {
        let before = self.installed();
        let output = self.installer(arguments).output().unwrap();
        let said = words(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(what) && said.contains("install.sh: hint: "), "{what}: {said}");
        assert_eq!(self.installed(), before);
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_release_is_installed_and_removed() {
    let release = Release::new();
    let output = release.install(text(&release.folder));
    assert!(output.status.success(), "{}", words(&output));
    let local = release.home.home().join(".local");
    let said = ok(text(&local.join("bin/devca")), ["--version"]);
    assert!(words(&output).contains(&format!("installed {}", said.trim())), "{}", words(&output));
    assert!(local.join("bin/devca-nss").exists() && local.join("share/man/man1/devca.1").exists());
    // Install again while the program is running.
    let mut running = Command::new(local.join("bin/devca"));
    let mut running =
        running.args(["inspect", "-"]).stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let as_mkcert = ["--from", text(&release.folder), "--key", &release.public_key, "--as-mkcert"];
    let output = release.installer(&as_mkcert).output().unwrap();
    assert!(output.status.success(), "{}", words(&output));
    drop(running.stdin.take());
    running.wait().unwrap();
    let mkcert = local.join("bin/mkcert");
    assert_eq!(ok(text(&mkcert), ["-version"]), "v1.4.4\n");
    let own = fs::read(&mkcert).unwrap();
    fs::write(&mkcert, "somebody's").unwrap();
    let output = release.installer(&as_mkcert).output().unwrap();
    assert!(
        output.status.code() == Some(1) && words(&output).contains("is not devca's"),
        "{}",
        words(&output)
    );
    assert_eq!(fs::read(&mkcert).unwrap(), b"somebody's");
    fs::write(&mkcert, own).unwrap();
    let output = release.installer(&["--uninstall"]).output().unwrap();
    assert!(output.status.success(), "{}", words(&output));
    assert!(release.installed().is_empty(), "{:?}", release.installed());
}

#[test]
fn root_writes_nothing_where_others_can() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let release = Release::new();
    let shared = release.home.file("shared");
    fs::create_dir_all(shared.join("bin")).unwrap();
    let theirs = shared.join("bin/devca");
    fs::write(&theirs, "#!/bin/sh\ntouch \"$0.ran\"\n").unwrap();
    fs::set_permissions(&theirs, fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o777)).unwrap();
    let place = text(&release.folder);
    let prefix = ["--prefix", text(&shared)];
    for rest in [&["--uninstall"][..], &["--from", place, "--key", &release.public_key]] {
        release.fails(&[&prefix, rest].concat(), "shared can be changed by users other than root");
    }
    assert!(!shared.join("bin/devca.ran").exists() && !shared.join("share").exists());
}

#[test]
fn a_changed_release_is_not_installed() {
    let release = Release::new();
    let folder = text(&release.folder).to_owned();
    release.fails(&["--from", &folder], "no public key to verify the release with");
    // Another key, and changed checksums.
    let [public, secret] = ["other.pub", "other.key"].map(|name| release.home.file(name));
    ok("minisign", ["-G", "-W", "-p", text(&public), "-s", text(&secret)]);
    let other = fs::read_to_string(public).unwrap().lines().last().unwrap().to_owned();
    release.fails(&["--from", &folder, "--key", &other], "the signature of SHA256SUMS is not by the key");
    let sums = release.folder.join("SHA256SUMS");
    let signed = fs::read_to_string(&sums).unwrap();
    fs::write(&sums, signed.replace("devca-0.1.0", "devca-0.2.0")).unwrap();
    release.fails(&["--from", &folder, "--key", &release.public_key], "the signature of SHA256SUMS");
    fs::write(&sums, &signed).unwrap();
    // An archive that was changed, is missing, or is for another system.
    let archive = release.archive();
    let whole = fs::read(&archive).unwrap();
    fs::write(&archive, &whole[..whole.len() - 1]).unwrap();
    release.fails(&["--from", &folder, "--key", &release.public_key], "is damaged");
    fs::remove_file(&archive).unwrap();
    release.fails(&["--from", &folder, "--key", &release.public_key], "has no devca-0.1.0");
    fs::write(release.folder.join("devca-0.1.0-plan9-mips.tar.gz"), &whole).unwrap();
    release.sign();
    release
        .fails(&["--from", &folder, "--key", &release.public_key], "this release has no package for linux-");
    release
        .fails(&["--from", "http://localhost/", "--key", &release.public_key], "is not an https:// address");
}

/// A file is in the way of a folder: the old program stays, and nothing else is installed.
#[test]
fn an_installation_that_fails_changes_nothing() {
    let release = Release::new();
    let local = release.home.home().join(".local");
    fs::create_dir_all(local.join("bin")).unwrap();
    fs::write(local.join("bin/devca"), "old").unwrap();
    fs::write(local.join("share"), "").unwrap();
    let before = release.installed();
    let output = release.install(text(&release.folder));
    assert!(!output.status.success(), "{}", words(&output));
    assert_eq!(release.installed(), before);
    assert_eq!(fs::read_to_string(local.join("bin/devca")).unwrap(), "old");
}

#[test]
fn a_release_is_downloaded() {
    let release = Release::new();
    release.home.ok(["issue", "localhost"]);
    let script = "import http.server, ssl, sys\n\
                  handler = http.server.SimpleHTTPRequestHandler\n\
                  server = http.server.HTTPServer(('127.0.0.1', 0), handler)\n\
                  context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n\
                  context.load_cert_chain(*sys.argv[1:])\n\
                  server.socket = context.wrap_socket(server.socket, server_side=True)\n\
                  print(f'ACCEPT 127.0.0.1:{server.server_port}', flush=True)\n\
                  server.serve_forever()\n";
    let mut server = Command::new(tool("python3"));
    server
        .args(["-c", script])
        .arg(release.home.file("localhost.pem"))
        .arg(release.home.file("localhost-key.pem"));
    server.current_dir(&release.folder);
    let server = common::Server::spawn(server);
    let address = format!("https://localhost:{}/", server.port);
    let mut installer = release.installer(&["--from", &address, "--key", &release.public_key]);
    let output = installer.env("CURL_CA_BUNDLE", release.home.root()).output().unwrap();
    assert!(output.status.success(), "{}", words(&output));
    assert!(release.home.home().join(".local/bin/devca").exists());
    let output = release.installer(&["--from", &format!("{address}nowhere"), "--key", &release.public_key]);
    let output = { output }.env("CURL_CA_BUNDLE", release.home.root()).output().unwrap();
    assert!(words(&output).contains("cannot download"), "{}", words(&output));
}
