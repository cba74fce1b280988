//! Compares `devca mkcert` with Debian's mkcert, and runs unmodified tools that call mkcert.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;
#[path = "mkcert/lines.rs"]
mod lines;
#[path = "mkcert/observed.rs"]
mod observed;
#[path = "servers/running.rs"]
mod running;
#[path = "mkcert/tools.rs"]
mod tools;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use common::{Home, PAGE, Server, in_namespace, ok, project, strangers_root, tool, words};
use lines::LINES;
use observed::{difference, fixtures, observe};

/// A link to devca with the name mkcert.
fn devca_as_mkcert(home: &Home) -> PathBuf {
    let link = home.home().join("mkcert");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_devca"), &link).unwrap();
    link
}

fn copy(from: &Path, to: &Path) {
    ok("cp", ["-a", &format!("{}/.", from.display()), to.to_str().unwrap()]);
}

/// The commands in the page's block of this name.
fn block(name: &str) -> String {
    let page = fs::read_to_string(project().join("docs/from-mkcert.md")).unwrap();
    let after = page.split(&format!("```sh {name}\n")).nth(1).unwrap_or_else(|| panic!("no block {name}"));
    after.split("\n```").next().unwrap().to_owned()
}

/// The table that the page should contain.
fn table() -> String {
    let work = tempfile::TempDir::new().unwrap();
    fixtures(work.path());
    let (theirs, ours) = (Home::new(), Home::new());
    let (mkcert, devca) = (tool("mkcert"), devca_as_mkcert(&ours));
    for (home, program) in [(&theirs, &mkcert), (&ours, &devca)] {
        let made =
            home.command(program, ["-ecdsa", "-install"]).env("TRUST_STORES", "none").output().unwrap();
        assert!(made.status.success(), "{}", words(&made));
    }
    let mut wrong = Vec::new();
    let mut table = String::from("| command line | mkcert 1.4.4 | devca | why |\n|---|---|---|---|\n");
    for (line, why) in LINES {
        let run = |template: &Home, program: &Path| {
            let home = Home::new();
            copy(&template.home(), &home.home());
            copy(work.path(), &home.work());
            (observe(&home, program, line), home)
        };
        let (one, _) = run(&theirs, &mkcert);
        let (other, home) = run(&ours, &devca);
        verify(&home);
        let (left, right) = (difference(&one, &other), difference(&other, &one));
        let is_same = left.is_empty() && right.is_empty();
        if is_same != why.is_empty() {
            wrong.push(format!("mkcert {line}: mkcert: {left:?}; devca: {right:?}; why: {why:?}"));
        }
        if !is_same {
            let (variable, line) = match line.split_once(' ') {
                Some((variable, rest)) if variable.contains('=') && !variable.starts_with('-') => {
                    (format!("{variable} "), rest)
                }
                _ => (String::new(), *line),
            };
            let line = line.replace(" ; ", "; mkcert ");
            writeln!(table, "| `{variable}mkcert {line}` | {left} | {right} | {why} |").unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    table
}

/// Every certificate that devca issued is valid for clients that trust `$(mkcert -CAROOT)/rootCA.pem`.
fn verify(home: &Home) {
    let root = home.ca().join("caroot/rootCA.pem");
    for name in home.listing().iter().filter(|name| *name != "stranger.pem") {
        let file = home.file(name);
        let is_certificate = file.is_file()
            && String::from_utf8_lossy(&fs::read(&file).unwrap()).contains("BEGIN CERTIFICATE-");
        if is_certificate {
            ok("openssl", ["verify", "-CAfile", root.to_str().unwrap(), file.to_str().unwrap()]);
        }
    }
}

#[test]
fn what_differs_from_mkcert_is_in_the_table_of_the_page() {
    assert!(LINES.len() >= 60);
    let (page, table) = (project().join("docs/from-mkcert.md"), table());
    let text = fs::read_to_string(&page).unwrap();
    let (before, rest) = text.split_once("| command line |").unwrap();
    let after = rest.split_once("\n\n").unwrap().1;
    let wanted = format!("{before}{table}\n{after}");
    if std::env::var_os("DEVCA_OVERWRITE").is_some() {
        fs::write(&page, wanted).unwrap();
    } else {
        assert_eq!(text, wanted, "the table is not up to date: DEVCA_OVERWRITE=1 writes it");
    }
}

#[test]
fn the_folder_of_the_root_has_no_key_and_follows_the_root() {
    let home = Home::new();
    let mkcert = devca_as_mkcert(&home);
    let said = |words: &[&str]| {
        let output = home.command(&mkcert, words).env("TRUST_STORES", "none").output().unwrap();
        assert!(output.status.success(), "{}", common::words(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let folder = PathBuf::from(said(&["-CAROOT"]).trim());
    assert!(!folder.exists() && !home.ca().exists(), "asking where it is makes nothing");
    home.ok(["install", "--store", "wsl"]);
    said(&["-CAROOT"]);
    let names = || {
        let entries = fs::read_dir(&folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(names(), ["rootCA.pem"]);
    assert_eq!(said(&["-install", "-cert-file", "c.pem", "-key-file", "k.pem", "localhost"]), "");
    let is_root = || fs::read(folder.join("rootCA.pem")).unwrap() == fs::read(home.root()).unwrap();
    assert!(is_root());
    home.ok(["permit", "corp.example.dev", "--store", "wsl"]);
    assert!(is_root(), "permit brings it up to date");
    home.ok(["rotate", "--yes", "--store", "wsl"]);
    assert!(is_root(), "rotate, too");
    let elsewhere = home.file("elsewhere");
    let output = home.command(&mkcert, ["app.test"]).env("CAROOT", &elsewhere).output().unwrap();
    assert!(output.status.success(), "{}", words(&output));
    home.ok(["rotate", "--yes", "--store", "wsl"]);
    assert_eq!(fs::read(elsewhere.join("rootCA.pem")).unwrap(), fs::read(home.root()).unwrap());
    home.ok(["uninstall", "--purge", "--yes", "--store", "wsl"]);
    assert!(!home.ca().exists());
}

#[test]
fn mkcerts_caroot_is_used_after_it_is_imported() {
    let home = Home::new();
    let (caroot, mkcert) = (home.file("theirs"), devca_as_mkcert(&home));
    let with = |program: &Path, words: &[&str]| {
        home.command(program, words).env("CAROOT", &caroot).env("TRUST_STORES", "none").output().unwrap()
    };
    let made = with(&tool("mkcert"), &["-cert-file", "c.pem", "-key-file", "k.pem", "localhost"]);
    assert!(made.status.success());
    let before = fs::read(caroot.join("rootCA.pem")).unwrap();
    let refused = with(&mkcert, &["app.test"]);
    let said = words(&refused);
    assert!(refused.status.code() == Some(1) && said.contains("devca --ca mkcert import"), "{said}");
    home.ok(["--ca", "mkcert", "import", caroot.to_str().unwrap()]);
    // Files that mkcert itself issued earlier are replaced, as by mkcert.
    let issued = with(&mkcert, &["-cert-file", "c.pem", "-key-file", "k.pem", "localhost", "127.0.0.1"]);
    assert!(issued.status.success(), "{}", words(&issued));
    let root = caroot.join("rootCA.pem");
    ok("openssl", ["verify", "-CAfile", root.to_str().unwrap(), home.file("c.pem").to_str().unwrap()]);
    assert_eq!(fs::read(root).unwrap(), before);
    assert!(!home.ca().exists(), "no other root was created");
}

/// `$TRUST_STORES` selects the stores; without it, every store is changed, as by mkcert.
#[test]
fn install_and_uninstall_change_the_stores_that_are_named() {
    if !in_namespace("install_and_uninstall_change_the_stores_that_are_named") {
        return;
    }
    let home = Home::new();
    let mkcert = devca_as_mkcert(&home);
    let said = |stores: &str, words: &[&str]| {
        let output = home.command(&mkcert, words).env("TRUST_STORES", stores).output().unwrap();
        assert!(output.status.success(), "{}", common::words(&output));
        common::words(&output)
    };
    said("nss", &["-install"]);
    let stores = |page: &serde_json::Value| {
        let list = page["stores"].as_array().unwrap().iter();
        let trusted = list.filter(|store| store["state"] == "trusted");
        trusted.map(|store| store["store"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let status = || {
        let output = home.devca(["status", "--json"]).output().unwrap();
        stores(&serde_json::from_slice(&output.stdout).unwrap())
    };
    let trusted = status();
    assert!(trusted.contains(&"nss".into()) && !trusted.contains(&"system".into()), "{trusted:?}");
    said("system,java", &["-install", "localhost", "127.0.0.1"]);
    assert!(status().contains(&"system".into()), "{:?}", status());
    let server = Server::page(&home.file("localhost+1.pem"), &home.file("localhost+1-key.pem"));
    let url = format!("https://localhost:{}/", server.port);
    assert!(ok("curl", ["-sS", "--noproxy", "*", &url]).contains(PAGE));
    let kinds = |java_home: &str| {
        let mut command = home.devca(["--json", "mkcert", "-install"]);
        let output = command.env("JAVA_HOME", java_home).output().unwrap();
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        document["installed"]["stores"].to_string()
    };
    assert!(!kinds("").contains("java"), "{}", kinds(""));
    let java_home = fs::canonicalize(tool("java")).unwrap();
    let java_home = java_home.parent().unwrap().parent().unwrap().to_str().unwrap();
    assert!(kinds(java_home).contains("java"), "{}", kinds(java_home));
    said("", &["-uninstall"]);
    assert!(status().is_empty(), "{:?}", status());
    assert!(!common::run("curl", ["-sS", "--noproxy", "*", &url]).status.success());
    said("", &["-uninstall"]);
}

/// Tools list all addresses of the machine, including public ones: this does not prevent a dev server from starting.
#[test]
fn the_machines_own_addresses_are_certified_or_left_out() {
    const MARK: &str = "DEVCA_TEST_OWN_ADDRESSES";
    if std::env::var_os(MARK).is_none() {
        let script = "ip link set lo up && ip addr add 203.0.113.7/32 dev lo && exec \"$@\"";
        let mut command = std::process::Command::new(project().join("tests/namespace"));
        command.args(["unshare", "--net", "sh", "-c", script, "sh"]).arg(std::env::current_exe().unwrap());
        command.args(["--exact", "the_machines_own_addresses_are_certified_or_left_out"]).env(MARK, "1");
        let output = command.output().unwrap();
        assert!(output.status.success() && words(&output).contains("1 passed"), "{}", words(&output));
        return;
    }
    let home = Home::new();
    let mkcert = devca_as_mkcert(&home);
    let issue = |names: &[&str]| {
        let files = ["-cert-file", "c.pem", "-key-file", "k.pem"];
        let command = home.command(&mkcert, files.iter().chain(names)).output().unwrap();
        (command.status.code().unwrap(), words(&command))
    };
    let names = || ok("openssl", ["x509", "-in", home.file("c.pem").to_str().unwrap(), "-noout", "-text"]);
    let own = ["localhost", "192.168.7.7", "127.0.0.1", "203.0.113.7"];
    assert_eq!(issue(&own).0, 0);
    assert!(names().contains("IP Address:203.0.113.7"));
    let (code, said) = issue(&["localhost", "203.0.113.8"]);
    assert!(code == 1 && said.contains("devca permit 203.0.113.8"), "{said}");
    home.ok(["permit", "--constrain-addresses", "--store", "wsl"]);
    let (code, said) = issue(&own);
    assert!(code == 0 && said.contains("203.0.113.7") && said.contains("left out"), "{said}");
    assert!(names().contains("IP Address:192.168.7.7") && !names().contains("203.0.113.7"));
}

#[test]
fn links_are_put_only_where_nothing_is_and_only_links_are_removed() {
    let home = Home::new();
    let next = home.home().join(".cache/mkcert/mkcert-v1.4.4-linux-amd64");
    let vite = home.home().join(".vite-plugin-mkcert/mkcert");
    fs::create_dir_all(vite.parent().unwrap()).unwrap();
    fs::write(&vite, "a stranger's").unwrap();
    let said = home.fails(["mkcert", "--link", "next,vite,webpack"]);
    assert!(said.contains("is not devca's") && said.contains("mv "), "{said}");
    assert_eq!(fs::read(&vite).unwrap(), b"a stranger's");
    // Files that the plugin left next to its mkcert would be mistaken for the CA.
    let caroot = vite.parent().unwrap();
    fs::remove_file(&vite).unwrap();
    strangers_root(&caroot.join("rootCA.pem"));
    let said = home.fails(["mkcert", "--link", "vite"]);
    let moves = format!("mv {0} {0}.before", caroot.display());
    assert!(said.contains("is a root that devca does not have") && said.contains(&moves), "{said}");
    fs::write(&vite, "a stranger's").unwrap();
    let version = home.command(&next, ["--version"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&version.stdout), "v1.4.4\n");
    // A tool that writes its download to this path does not overwrite devca.
    assert!(next.symlink_metadata().unwrap().is_file() && fs::metadata(&next).unwrap().len() < 500);
    assert!(home.ok(["mkcert", "--link", "next"]).contains("already runs devca"));
    let said = home.ok(["mkcert", "--unlink"]);
    assert!(said.contains("kept: it is not devca's") && said.contains("removed"), "{said}");
    assert!(!next.exists() && vite.exists());
    home.ok(["mkcert", "--link", "mkcert-cli"]);
    home.ok(["install", "--store", "wsl"]);
    let said = home.devca(["uninstall", "--purge", "--yes", "--store", "wsl"]).output().unwrap();
    assert!(words(&said).contains("devca mkcert --unlink"), "{}", words(&said));
    let document = home.json(["mkcert", "--unlink", "mkcert-cli"]);
    assert_eq!(document["links"][0]["state"], "removed");
}

/// Files with mkcert's file names are renewed like all others.
#[test]
fn certificates_are_renewed_in_place() {
    let home = Home::new();
    let mkcert = devca_as_mkcert(&home);
    for words in [
        &["-cert-file", "both.pem", "-key-file", "both.pem", "localhost"][..],
        &["-pkcs12", "-p12-file", "my.pfx", "app.test"],
        &["-key-file", "k", "-cert-file", "c", "localhost"],
    ] {
        let output = home.command(&mkcert, words).output().unwrap();
        assert!(output.status.success(), "{}", common::words(&output));
    }
    let before = ["both.pem", "my.pfx", "c"].map(|name| fs::read(home.file(name)).unwrap());
    fs::write(home.file("password"), "changeit\n").unwrap();
    let document = home.json(["renew", "--all", "--password-file", "password"]);
    let after = ["both.pem", "my.pfx", "c"].map(|name| fs::read(home.file(name)).unwrap());
    for (one, other) in before.iter().zip(&after) {
        assert_ne!(one, other, "{document:#}");
    }
    let pfx = home.file("my.pfx");
    ok("openssl", ["pkcs12", "-in", pfx.to_str().unwrap(), "-passin", "pass:changeit", "-noenc"]);
    let root = home.root();
    ok("openssl", ["verify", "-CAfile", root.to_str().unwrap(), home.file("both.pem").to_str().unwrap()]);
}

#[test]
fn other_peoples_files_are_not_replaced() {
    let home = Home::new();
    let mkcert = devca_as_mkcert(&home);
    strangers_root(&home.file("c.pem"));
    std::os::unix::fs::symlink("/dev/null", home.file("k.pem")).unwrap();
    let before = home.everything();
    for words in [&["-cert-file", "c.pem", "localhost"][..], &["-key-file", "k.pem", "localhost"]] {
        let output = home.command(&mkcert, words).output().unwrap();
        let said = common::words(&output);
        assert!(output.status.code() == Some(1) && said.contains("devca: hint: "), "{said}");
        assert!(!said.contains("--force"), "mkcert has no such option: {said}");
    }
    assert_eq!(home.everything(), before);
}
