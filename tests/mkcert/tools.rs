//! Unmodified npm tools that call mkcert, and the way other tools call it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::common::{Home, link, ok, project, tool, words};
use super::running::{Running, free_port};

/// A home folder in which the tools use devca as mkcert and change no store, with the tools' modules.
fn linked(tools: &str) -> Home {
    let home = Home::new();
    home.ok(["mkcert", "--link", tools]);
    std::os::unix::fs::symlink(project().join("target/tools/node_modules"), home.file("node_modules"))
        .unwrap();
    home
}

fn node(home: &Home, words: &[&str]) -> Command {
    let mut command = home.command(&tool("node"), words);
    command.env("TRUST_STORES", "none").env_remove("XDG_CACHE_HOME").env_remove("APPDATA");
    command
}

fn done(mut command: Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", words(&output));
    output
}

fn root(home: &Home) -> PathBuf {
    home.root()
}

/// The response for a client that trusts the root.
fn is_answered(home: &Home, port: &str) -> String {
    let url = format!("https://localhost:{port}/");
    ok("curl", ["-sS", "--noproxy", "*", "--cacert", root(home).to_str().unwrap(), &url])
}

fn is_good(home: &Home, certificate: &Path, key: &Path) {
    ok("openssl", ["verify", "-CAfile", root(home).to_str().unwrap(), certificate.to_str().unwrap()]);
    let public = ok("openssl", ["x509", "-in", certificate.to_str().unwrap(), "-noout", "-pubkey"]);
    assert_eq!(public, ok("openssl", ["pkey", "-in", key.to_str().unwrap(), "-pubout"]));
}

#[test]
fn vite_plugin_mkcert() {
    let home = linked("vite");
    let config = "import mkcert from 'vite-plugin-mkcert'\nexport default { plugins: [mkcert()] }\n";
    fs::write(home.file("vite.config.mjs"), config).unwrap();
    fs::write(home.file("index.html"), "<!doctype html><p>Hello</p>").unwrap();
    // The second run finds the files of the first, and gets different names.
    for host in ["", "app.test"] {
        let config = config.replace("mkcert()", &format!("mkcert({{ hosts: ['{host}'] }})"));
        fs::write(home.file("vite.config.mjs"), config).unwrap();
        let port = free_port();
        let server = node(&home, &["node_modules/vite/bin/vite.js", "--strictPort", "--port", &port]);
        let mut running = Running::start(server, &port, "");
        assert!(is_answered(&home, &port).contains("Hello"), "{}", running.hear());
    }
    let saved = home.home().join(".vite-plugin-mkcert");
    assert_eq!(fs::read(saved.join("rootCA.pem")).unwrap(), fs::read(home.root()).unwrap());
    assert!(!saved.join("rootCA-key.pem").exists(), "it copies whatever it finds");
}

#[test]
fn webpack_mkcert() {
    let home = linked("webpack");
    let script = "require('webpack-mkcert').default({ hosts: ['app.test'] }).then(pair => {
        require('fs').writeFileSync('c.pem', pair.cert); require('fs').writeFileSync('k.pem', pair.key) })";
    done(node(&home, &["-e", script]));
    is_good(&home, &home.file("c.pem"), &home.file("k.pem"));
}

#[test]
fn mkcert_cli() {
    let home = linked("mkcert-cli");
    done(node(&home, &["node_modules/mkcert-cli/cli.js", "--host", "app.test", "-o", "."]));
    is_good(&home, &home.file("dev.cert"), &home.file("dev.key"));
    done(node(&home, &["node_modules/mkcert-cli/cli.js", "--force", "--host", "b.test", "-o", "."]));
    is_good(&home, &home.file("dev.cert"), &home.file("dev.key"));
}

#[test]
fn https_localhost() {
    let home = linked("https-localhost");
    let port = free_port();
    let script = format!(
        "const app = require('https-localhost')(); app.use((_, answer) => answer.send('Hello')); app.listen({port})"
    );
    let mut running = Running::start(node(&home, &["-e", &script]), &port, "");
    assert!(is_answered(&home, &port).contains("Hello"), "{}", running.hear());
}

/// `next dev --experimental-https` calls this function, and passes `rootCA.pem` to its workers.
#[test]
fn next() {
    let home = linked("next");
    fs::remove_file(home.file("node_modules")).unwrap();
    let modules = project().join("target/tools/next/node_modules");
    std::os::unix::fs::symlink(modules, home.file("node_modules")).unwrap();
    let script = "require('next/dist/lib/mkcert.js').createSelfSignedCertificate('app.test').then(made =>
        console.log(JSON.stringify(made)))";
    for _ in ["issued", "found again"] {
        let output = done(node(&home, &["-e", script]));
        let said = String::from_utf8_lossy(&output.stdout);
        let last = said.lines().last().unwrap();
        let made: serde_json::Value =
            serde_json::from_str(last).unwrap_or_else(|_| panic!("{}", words(&output)));
        let path = |name: &str| PathBuf::from(made[name].as_str().unwrap());
        is_good(&home, &path("cert"), &path("key"));
        assert_eq!(fs::read(path("rootCA")).unwrap(), fs::read(home.root()).unwrap());
    }
}

/// Does the same as ddev's readCAROOT: runs mkcert from PATH, and reads both files in the folder that it prints.
fn ddev_has_https(home: &Home, path: &str, caroot: Option<&Path>) -> bool {
    let mut mkcert = home.command(&tool("sh"), ["-c", "mkcert -CAROOT"]);
    mkcert.env("PATH", path).envs(caroot.map(|folder| ("CAROOT", folder)));
    let output = done(mkcert);
    let folder = PathBuf::from(String::from_utf8(output.stdout).unwrap().trim_end_matches(['\r', '\n']));
    fs::File::open(folder.join("rootCA-key.pem")).is_ok() && folder.join("rootCA.pem").exists()
}

/// A separate devca for this home folder, so that the link next to it is also separate.
fn own_devca(home: &Home) -> PathBuf {
    let folder = home.home().join("bin");
    fs::create_dir(&folder).unwrap();
    let own = folder.join("devca");
    link(Path::new(env!("CARGO_BIN_EXE_devca")), &own);
    own
}

/// Runs a shell command from the page, with devca in PATH, without changing any store.
fn shell(home: &Home, path: &str, script: &str) -> Output {
    let mut command = home.command(&tool("sh"), ["-euc", script]);
    command.env("PATH", path).env("TRUST_STORES", "none").env("DEVCA_STORES", "wsl");
    done(command)
}

#[test]
fn the_commands_of_the_page() {
    let home = Home::new();
    let path = format!("{}:/usr/bin:/bin", own_devca(&home).parent().unwrap().display());
    for name in ["switch", "use", "link"] {
        shell(&home, &path, &super::block(name));
    }
    assert_eq!(fs::read(home.file("rootCA.pem")).unwrap(), fs::read(home.root()).unwrap());
    is_good(&home, &home.file("cert.pem"), &home.file("key.pem"));
    is_good(&home, &home.file("app.test+3.pem"), &home.file("app.test+3-key.pem"));
    let certificate = home.home().join(".config/https-localhost/localhost.crt");
    is_good(&home, &certificate, &certificate.with_extension("key"));
}

#[test]
fn ddev_and_lando() {
    let home = Home::new();
    let path = format!("{}:/usr/bin:/bin", own_devca(&home).parent().unwrap().display());
    let shell = |script: &str| shell(&home, &path, script);
    shell(&super::block("switch"));
    shell("mkcert -install");
    // ddev copies the root's key into its containers: it must not get the key of the root that the machine trusts.
    assert!(!ddev_has_https(&home, &path, None));
    // The page's instructions for ddev.
    shell(&super::block("ddev"));
    let caroot = home.home().join(".ddev-ca");
    assert!(ddev_has_https(&home, &path, Some(&caroot)));
    // In the container, the real mkcert signs.
    let container = Home::new();
    let names = ["-cert-file", "c.pem", "-key-file", "k.pem", "*.ddev.site", "localhost", "127.0.0.1"];
    let mut mkcert = container.command(&tool("mkcert"), names);
    mkcert.env("CAROOT", &caroot).env("TRUST_STORES", "none");
    done(mkcert);
    let own = home.home().join(".local/share/devca/ddev/root.pem");
    let verify = ["verify", "-CAfile", own.to_str().unwrap()];
    ok("openssl", verify.iter().copied().chain([container.file("c.pem").to_str().unwrap()]));

    // Lando signs with its own CA; its domain is public.
    shell("mkcert -cert-file c.pem -key-file k.pem lndo.site '*.lndo.site'");
    is_good(&home, &home.file("c.pem"), &home.file("k.pem"));
}
