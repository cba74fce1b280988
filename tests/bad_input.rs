//! Whatever the input is, the result is an error with a hint, and nothing new on the disk.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "bad_input/ca.rs"]
mod ca;
mod common;
#[path = "bad_input/names.rs"]
mod names;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use common::refusals::{refused, two_lines};
use common::{Home, in_namespace, ok, words};

#[test]
fn an_existing_file_is_replaced_only_if_it_is_ours_for_the_same_names() {
    let home = Home::new();
    fs::write(home.file("localhost-key.pem"), "precious").unwrap();
    refused(&home, ["issue", "localhost"], 1, "localhost-key.pem already exists");
    fs::remove_file(home.file("localhost-key.pem")).unwrap();
    fs::write(home.file("localhost.pem"), "precious").unwrap();
    refused(&home, ["issue", "localhost"], 1, "localhost.pem already exists");
    home.ok(["issue", "localhost", "--force"]);
    // Its own pair for the same names is replaced, and is a matching pair again.
    let first = fs::read(home.file("localhost.pem")).unwrap();
    home.ok(["issue", "localhost"]);
    assert_ne!(fs::read(home.file("localhost.pem")).unwrap(), first);
    // A key alone is recognized from the inventory.
    fs::remove_file(home.file("localhost.pem")).unwrap();
    home.ok(["issue", "localhost"]);
    assert_eq!(public_key(&home, "x509", "localhost.pem"), public_key(&home, "pkey", "localhost-key.pem"));
    // Other names, another kind, another CA, and a key beside the certificate that is not devca's.
    let into = ["--cert-file", "localhost.pem", "--key-file", "localhost-key.pem"];
    refused(
        &home,
        ["issue", "app.test"].into_iter().chain(into),
        1,
        "it is a server's certificate for localhost",
    );
    refused(
        &home,
        ["issue", "--client", "localhost"].into_iter().chain(into),
        1,
        "it is a server's certificate for localhost",
    );
    refused(
        &home,
        ["issue", "--client", "--server", "localhost"].into_iter().chain(into),
        1,
        "it is a server's certificate for localhost",
    );
    home.ok(["--ca", "other", "issue", "app.test"]);
    refused(&home, ["--ca", "other", "issue", "localhost"], 1, "of this CA");
    // Following the hint must not change another CA.
    let said = home.fails(["--ca", "other", "issue", "www.example-bank.com"]);
    assert!(said.contains("hint: permit it: devca --ca other permit www.example-bank.com"), "{said}");
    ok(
        "openssl",
        ["genpkey", "-algorithm", "ed25519", "-out", home.file("localhost-key.pem").to_str().unwrap()],
    );
    refused(&home, ["issue", "localhost"], 1, "not a key of this CA");
}

fn public_key(home: &Home, kind: &str, file: &str) -> String {
    let path = home.file(file);
    let pubkey = if kind == "x509" { "-pubkey" } else { "-pubout" };
    ok(
        "openssl",
        [kind, "-in", path.to_str().unwrap(), "-noout", pubkey]
            .into_iter()
            .filter(|word| kind == "x509" || *word != "-noout"),
    )
}

#[test]
fn only_regular_files_are_replaced_even_with_force() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    fs::write(home.file("target"), "precious").unwrap();
    std::os::unix::fs::symlink("target", home.file("app.test-key.pem")).unwrap();
    refused(&home, ["issue", "app.test", "--force"], 1, "is a symbolic link");
    fs::create_dir(home.file("b.test.pem")).unwrap();
    refused(&home, ["issue", "b.test", "--force"], 1, "not a regular file");
    refused(&home, ["issue", "c.test", "--force", "--cert-file", "/dev/full"], 1, "not a regular file");
    refused(&home, ["issue", "c.test", "--cert-file", "x.pem", "--key-file", "./x.pem"], 2, "share one path");
    let inventory = home.ca().join("issued.jsonl");
    fs::remove_file(&inventory).unwrap();
    ok("mkfifo", [inventory.to_str().unwrap()]);
    for command in [&["issue", "z.test"][..], &["list"], &["renew"]] {
        two_lines(&home.devca(command).output().unwrap(), 1, "issued.jsonl is not a regular file");
    }
    fs::remove_file(&inventory).unwrap();
    let root_key = home.ca().join("root-key.pem");
    refused(
        &home,
        ["issue", "c.test", "--force", "--key-file", root_key.to_str().unwrap()],
        2,
        "is a CA's folder",
    );
}

#[test]
fn a_folder_that_cannot_be_written_or_is_full_gets_nothing() {
    if !in_namespace("a_folder_that_cannot_be_written_or_is_full_gets_nothing") {
        return;
    }
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    for (folder, size) in [("readonly", "size=1m,ro"), ("full", "size=4k")] {
        let path = home.file(folder);
        fs::create_dir(&path).unwrap();
        ok("mount", ["-t", "tmpfs", "-o", size, "none", path.to_str().unwrap()]);
    }
    fs::write(home.file("full/filler"), [0; 4096]).unwrap();
    let inventory = fs::read(home.ca().join("issued.jsonl")).unwrap();
    refused(&home, ["issue", "app.test", "--out", "readonly"], 1, "read-only file system");
    refused(&home, ["issue", "app.test", "--out", "full"], 1, "no space left on device");
    refused(&home, ["issue", "app.test", "--out", "readonly/below"], 1, "cannot create the folder");
    assert_eq!(fs::read(home.ca().join("issued.jsonl")).unwrap(), inventory);
    assert_eq!(fs::read_dir(home.file("full")).unwrap().count(), 1);
    // On a full disk there must be no root, and no part of one.
    let output =
        home.devca(["issue", "localhost", "--force"]).env("DEVCA_HOME", home.file("full")).output().unwrap();
    two_lines(&output, 1, "no space left on device");
    let ca = home.file("full/default");
    assert!(!ca.join("root.pem").exists() && !ca.join("root-key.pem").exists());
    // A full standard output is an error too.
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output =
        home.devca(["root", "--pem"]).stdout(Stdio::from(full)).stderr(Stdio::piped()).output().unwrap();
    two_lines(&output, 1, "cannot write to standard output");
}

#[test]
fn a_reader_that_stops_is_not_an_error() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    let script =
        format!("{} completions bash | head -c 1; exit ${{PIPESTATUS[0]}}", env!("CARGO_BIN_EXE_devca"));
    let output = Command::new(common::tool("bash")).args(["-c", &script]).output().unwrap();
    assert!(output.status.success(), "{}", words(&output));
    assert!(output.stderr.is_empty(), "{}", words(&output));
}

#[test]
fn with_json_every_error_is_a_document() {
    let home = Home::new();
    for (arguments, code) in [
        (vec!["issue", "a..b"], 2),
        (vec!["issue", "--client"], 2),
        (vec!["nonsense"], 2),
        (vec![], 2),
        (vec!["issue", "example-bank.com"], 1),
        (vec!["root"], 1),
        // The system store may contain a root of another home, which uninstall would list.
        (vec!["uninstall", "--store", "wsl"], 1),
    ] {
        let output = home.devca(arguments.iter().chain(&["--json"])).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        let document: serde_json::Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|e| panic!("{arguments:?}: {e}: {}", words(&output)));
        assert!(
            document["error"]["message"].is_string() && document["error"]["hint"].is_string(),
            "{document}"
        );
        assert!(output.stderr.is_empty(), "{}", words(&output));
    }
}

#[test]
fn outputs_that_share_standard_output_are_refused() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    for words_ in [["--json", "issue", "app.test", "--stdout"].as_slice(), &["--json", "crl", "--stdout"]] {
        let output = home.devca(words_).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", words(&output));
        assert!(words(&output).contains("both fill standard output"), "{}", words(&output));
    }
    // An existing file does not matter if it would not be written.
    std::fs::write(home.file("app.test.pem"), "somebody's").unwrap();
    assert!(home.ok(["issue", "app.test", "--stdout"]).contains("BEGIN CERTIFICATE"));
    let document = home.devca(["--json", "ca"]).output().unwrap();
    assert!(serde_json::from_slice::<serde_json::Value>(&document.stdout).is_ok(), "{}", words(&document));
}

#[test]
fn files_may_be_pipes_but_not_endless() {
    let home = Home::new();
    let bash = |script: &str| {
        let script = format!("devca() {{ {} \"$@\"; }}\n{script}", env!("CARGO_BIN_EXE_devca"));
        home.command(&common::tool("bash"), ["-c", &script]).output().unwrap()
    };
    let request =
        "openssl req -new -newkey rsa:2048 -nodes -keyout csr-key.pem -subj /CN=app.test 2>/dev/null";
    for script in [
        format!("devca issue --csr <({request})"),
        format!("{request} | devca issue --csr - --out piped"),
        format!("mkfifo fifo; ({request} > fifo) & devca issue --csr fifo --out fifos"),
        "devca issue web.test --format p12 --password-file <(sleep 0.1; echo secret)".to_owned(),
        "devca --ca taken import --cert <(cat ../home/.local/share/devca/default/root.pem) \
         --key <(cat ../home/.local/share/devca/default/root-key.pem)"
            .to_owned(),
        "devca inspect <(devca root --pem)".to_owned(),
        "devca issue --batch <(echo one.test; echo two.test)".to_owned(),
    ] {
        let output = bash(&script);
        assert!(output.status.success(), "{script}: {}", words(&output));
    }
    home.ok(["issue", "localhost"]);
    for script in [
        "devca issue --csr /dev/zero",
        "devca inspect /dev/zero",
        "devca issue --csr - < /dev/zero",
        "devca issue x.test --format p12 --password-file /dev/zero",
        "devca revoke /dev/zero",
        "devca check localhost.pem --key /dev/zero",
        "devca issue --batch /dev/zero",
        "devca issue --batch - < /dev/zero",
        "yes a.test | devca issue --batch -",
    ] {
        let output = bash(&format!("ulimit -v 2000000; {script}"));
        assert_ne!(output.status.code(), Some(0), "{script}");
        assert!(words(&output).contains("too large"), "{script}: {}", words(&output));
    }
}

#[test]
fn one_half_of_a_pair_is_not_replaced_alone() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    let why = "is the key of ";
    refused(&home, ["issue", "localhost", "--key-file", "b.pem"], 1, why);
    refused(&home, ["issue", "localhost", "--cert-file", "a.pem"], 1, "is also the key of ");
    home.ok(["issue", "localhost", "--key-file", "b.pem", "--cert-file", "a.pem"]);
    home.ok(["issue", "localhost"]);
    // The key of a certificate for a CSR is elsewhere.
    let request = ["req", "-new", "-key", "localhost-key.pem", "-subj", "/CN=localhost", "-out", "x.csr"];
    let made = home.command(&common::tool("openssl"), request).output().unwrap();
    assert!(made.status.success(), "{}", words(&made));
    home.ok(["issue", "--csr", "x.csr", "--cert-file", "localhost.pem"]);
}

#[test]
fn commands_in_hints_can_be_pasted_where_paths_have_spaces() {
    let home = Home::new();
    let folder = home.file("it's my ca");
    let devca = |arguments: &[&str]| {
        let output = home.devca(arguments).env("DEVCA_HOME", &folder).output().unwrap();
        (output.status.success(), words(&output))
    };
    assert!(devca(&["issue", "localhost", "--out", "my certs"]).0);
    let key = folder.join("default/root-key.pem");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let (_, said) = devca(&["status", "--store", "nss"]);
    let command = said.split("chmod ").nth(1).and_then(|rest| rest.split(", or").next()).expect(&said);
    ok("sh", ["-c", &format!("chmod {command}")]);
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let (_, said) = devca(&["export", "--for", "vault", "--out", "my ca"]);
    let argument = said.split("vault write ").nth(1).and_then(|rest| rest.lines().next()).expect(&said);
    let script = format!("set -- {argument}; test $# = 2; test -f \"${{2#pem_bundle=@}}\"");
    let output = home.command(&common::tool("sh"), ["-euc", &script]).output().unwrap();
    assert!(output.status.success(), "{said}{}", words(&output));
}

#[test]
fn a_deleted_current_folder_is_reported() {
    let home = Home::new();
    let devca = env!("CARGO_BIN_EXE_devca");
    let script = format!("mkdir gone; cd gone; rmdir ../gone; exec {devca} issue localhost");
    let output = home.command(&common::tool("sh"), ["-euc", &script]).output().unwrap();
    assert!(words(&output).contains("the current folder no longer exists"), "{}", words(&output));
    let output =
        home.command(&common::tool("sh"), ["-euc", &script]).env("DEVCA_HOME", "ca").output().unwrap();
    assert!(words(&output).contains("the current folder no longer exists"), "{}", words(&output));
}

/// Root could read every file.
fn without_override(home: &Home, arguments: &[&str]) -> std::process::Output {
    let caps = ["--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search"];
    let devca = [env!("CARGO_BIN_EXE_devca")];
    if !nix::unistd::geteuid().is_root() {
        return home.devca(arguments).output().unwrap();
    }
    let words = caps.iter().chain(&devca).chain(arguments);
    home.command(&common::tool("setpriv"), words).output().unwrap()
}

/// Its owner can give it back, so nothing should be replaced because of it.
#[test]
fn a_key_that_cannot_be_read_is_not_called_missing_or_foreign() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    let key = home.file("localhost-key.pem");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o000)).unwrap();
    for arguments in
        [&["issue", "localhost"][..], &["issue", "--if-needed", "localhost"], &["renew", "--all"]]
    {
        let said = words(&without_override(&home, arguments));
        assert!(said.contains("localhost-key.pem: permission denied"), "{arguments:?}: {said}");
        let hint = match arguments[0] {
            "renew" => {
                format!("hint: make it readable: chmod u+r {}; or replace the key, too: ", key.display())
            }
            _ => "hint: check that the file exists and is yours: ls -l ".into(),
        };
        assert!(said.contains(&hint), "{arguments:?}: {said}");
    }
    fs::set_permissions(home.ca().join("root-key.pem"), fs::Permissions::from_mode(0o000)).unwrap();
    for arguments in [&["issue", "app.test"][..], &["status", "--store", "wsl"]] {
        let said = words(&without_override(&home, arguments));
        assert!(said.contains("root-key.pem: permission denied"), "{arguments:?}: {said}");
        assert!(said.contains("is yours: ls -l ") && !said.contains("devca rotate"), "{arguments:?}: {said}");
    }
}

/// With a new key, the old one is not needed. Something else in its place is not replaced.
#[test]
fn a_key_that_is_gone_or_unreadable_is_replaced_on_request() {
    for format in ["pem", "fullchain", "der"] {
        let home = Home::new();
        home.ok(["issue", "app.test", "--format", format]);
        let (certificate, key) = match format {
            "der" => ("app.test.der", "app.test-key.der"),
            "fullchain" => ("app.test-fullchain.pem", "app.test-key.pem"),
            _ => ("app.test.pem", "app.test-key.pem"),
        };
        let first = fs::read(home.file(certificate)).unwrap();
        fs::set_permissions(home.file(key), fs::Permissions::from_mode(0o000)).unwrap();
        let output = without_override(&home, &["renew", "--new-key", "--all"]);
        assert!(output.status.success(), "{format}: {}", words(&output));
        assert_eq!(fs::metadata(home.file(key)).unwrap().permissions().mode() & 0o777, 0o600, "{format}");
        let second = fs::read(home.file(certificate)).unwrap();
        assert_ne!(second, first, "{format}");
        let output = home.devca(["check", certificate, "--key", key]).output().unwrap();
        assert!(!words(&output).contains("do not match"), "{format}: {}", words(&output));

        fs::remove_file(home.file(key)).unwrap();
        assert!(home.fails(["renew", "--all"]).contains(&format!("{key} is missing")), "{format}");
        // It may be in use elsewhere, so it is only created for a certificate that is named.
        assert!(
            home.fails(["renew", "--new-key", "--all"]).contains(&format!("{key} is missing")),
            "{format}"
        );
        home.ok(["renew", "--new-key", certificate]);
        let output = home.devca(["check", certificate, "--key", key]).output().unwrap();
        assert!(!words(&output).contains("do not match"), "{format}: {}", words(&output));

        let third = fs::read(home.file(certificate)).unwrap();
        fs::write(home.file(key), "somebody's").unwrap();
        let output = home.devca(["renew", "--new-key", certificate]).output().unwrap();
        assert!(!output.status.success() && words(&output).contains("something else"), "{}", words(&output));
        assert_eq!(fs::read(home.file(certificate)).unwrap(), third, "{format}");
        assert_eq!(fs::read_to_string(home.file(key)).unwrap(), "somebody's", "{format}");
    }
}

#[test]
fn of_several_tips_the_first_is_the_hint() {
    let home = Home::new();
    let said = words(&home.devca(["serve", "3000", "--certs", "x"]).output().unwrap());
    assert!(!said.contains("tip:"), "{said}");
}
