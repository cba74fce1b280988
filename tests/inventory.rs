//! After issuing: list, inspect, renew, and ten thousand certificates at once.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::fs;
use std::io::Write;
use std::process::Stdio;

use common::refusals::refused;
use common::{Home, Server, ok, tool, wait_until, words};
use tempfile::TempDir;

fn states(home: &Home) -> Vec<(String, String)> {
    let list = home.json(["list"]);
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let certificates = list["certificates"].as_array().unwrap().iter();
    certificates.map(|c| (text(&c["names"][0]), text(&c["state"]))).collect()
}

#[test]
fn the_list_tells_what_has_become_of_each() {
    let home = Home::new();
    for name in ["good", "missing", "replaced", "revoked"] {
        home.ok(["issue", &format!("{name}.test")]);
    }
    home.ok(["issue", "expired.test", "--not-after", "2026-01-31"]);
    home.ok(["issue", "expiring.test", "--days", "10"]);
    fs::remove_file(home.file("missing.test-key.pem")).unwrap();
    fs::copy(home.file("good.test.pem"), home.file("replaced.test.pem")).unwrap();
    home.ok(["revoke", "revoked.test.pem"]);
    // A line that a crash cut off and one of a future version are skipped.
    let inventory = home.ca().join("issued.jsonl");
    let mut file = fs::OpenOptions::new().append(true).open(&inventory).unwrap();
    file.write_all(b"{\"v\":2,\"new\":true}\n{\"v\":1,\"iss").unwrap();
    let expected = ["good", "missing", "replaced", "revoked", "expired", "expiring"];
    let expected: Vec<_> = expected.iter().map(|n| (format!("{n}.test"), (*n).to_owned())).collect();
    assert_eq!(states(&home), expected);
    let soon = home.json(["list", "--expiring", "30d"]);
    assert_eq!(soon["certificates"].as_array().unwrap().len(), 2);
    let check = home.devca(["check", "--expiring", "14d"]).output().unwrap();
    assert_eq!(check.status.code(), Some(1), "{}", words(&check));
    assert!(words(&check).contains("expiring.test.pem expires in 10 days"), "{}", words(&check));
    home.ok(["list", "--prune"]);
    assert_eq!(states(&home).len(), 4, "what is missing or replaced is forgotten");
    assert!(states(&home).iter().any(|(_, state)| state == "revoked"), "and no revocation");
}

#[test]
fn everything_is_read_aloud() {
    let home = Home::new();
    fs::write(home.file("password"), "correct horse\n").unwrap();
    home.ok(["issue", "localhost", "--format", "pem,der,p12", "--password-file", "password"]);
    let of = |words: &[&str]| home.json([&["inspect"], words].concat());
    for file in ["localhost.pem", "localhost.der"] {
        assert_eq!(of(&[file])["certificates"][0]["names"][0], "localhost", "{file}");
    }
    let p12 = of(&["localhost.p12", "--password-file", "password"]);
    assert_eq!((&p12["certificates"][0]["names"][0], &p12["private_keys"]), (&"localhost".into(), &1.into()));
    let serial = of(&["localhost.pem"])["certificates"][0]["serial"].as_str().unwrap().to_owned();
    assert_eq!(of(&[&serial])["certificates"][0]["names"][0], "localhost");
    let csr = home.file("csr.pem").display().to_string();
    let request =
        ["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout"];
    ok("openssl", request.into_iter().chain(["/dev/null", "-subj", "/CN=a.test", "-out", &csr]));
    assert_eq!(of(&["csr.pem"])["requests"][0]["signature_is_good"], true);
    let server = Server::start(&home.file("localhost.pem"), &home.file("localhost-key.pem"));
    let seen = of(&[&format!("localhost:{}", server.port)]);
    assert_eq!(seen["certificates"][0]["serial"], serial.as_str());
    // A line break in a name must not start a line that looks like devca's.
    let csr = home.file("broken.pem").display().to_string();
    let words_ = [
        "req",
        "-new",
        "-newkey",
        "ed25519",
        "-nodes",
        "-keyout",
        "/dev/null",
        "-subj",
        "/CN=a\nserial 00",
        "-out",
    ];
    ok("openssl", words_.into_iter().chain([csr.as_str()]));
    let said = home.ok(["inspect", "broken.pem"]);
    assert!(!said.lines().any(|line| line.starts_with("serial 00")), "{said}");
    fs::write(home.file("wrong"), "wrong\n").unwrap();
    fs::write(home.file("garbage"), [0x30; 500]).unwrap();
    for words_ in
        [&["localhost.p12", "--password-file", "wrong"][..], &["garbage"], &["nothing"], &["password"]]
    {
        let output = home.devca([&["inspect"], words_].concat()).output().unwrap();
        let said = words(&output);
        assert!(output.status.code() == Some(1) && said.contains("devca: hint: "), "{words_:?}: {said}");
    }
}

#[test]
fn what_is_renewed_stays_what_it_is() {
    let home = Home::new();
    home.ok(["issue", "app.test", "10.0.0.1", "--days", "20", "--format", "pem,fullchain"]);
    home.ok(["issue", "--client", "alice", "--days", "300"]);
    let read = |name: &str| fs::read(home.file(name)).unwrap();
    let names = ["app.test+1.pem", "app.test+1-key.pem", "alice-client.pem"];
    let before = names.map(read);
    let renewed = home.json(["renew", "--within", "30d", "--exec", "echo again >> hooks; echo said"]);
    assert_eq!(renewed["reissued"].as_array().unwrap().len(), 1, "only what ends within 30 days: {renewed}");
    let after = names.map(read);
    assert!(before[0] != after[0] && before[1] == after[1] && before[2] == after[2]);
    let text = ok(
        "openssl",
        ["x509", "-in", home.file(names[0]).to_str().unwrap(), "-noout", "-ext", "subjectAltName"],
    );
    assert!(text.contains("DNS:app.test, IP Address:10.0.0.1"), "{text}");
    home.ok(["renew", "alice-client.pem", "--new-key", "--exec", "echo again >> hooks"]);
    assert_ne!(read("alice-client.pem"), before[2]);
    // Nothing is due any longer, so the hook does not run again.
    home.ok(["renew", "--within", "5d", "--exec", "echo again >> hooks"]);
    assert_eq!(fs::read_to_string(home.file("hooks")).unwrap(), "again\nagain\n");
    // A certificate that is only valid for weeks is not due from its first day.
    assert_eq!(home.json(["renew"])["reissued"].as_array().unwrap().len(), 0);
    let failing = home.devca(["renew", "--all", "--exec", "exit 3", "--json"]).output().unwrap();
    let document: serde_json::Value = serde_json::from_slice(&failing.stdout).unwrap();
    assert!(failing.status.code() == Some(1) && document["hook_failed"].is_string(), "{document:#}");
    assert_eq!(document["reissued"].as_array().unwrap().len(), 2, "{document:#}");
}

#[test]
fn what_cannot_be_renewed_is_said() {
    let home = Home::new();
    for name in ["whole.test", "torn.test", "taken.test", "gone.test"] {
        home.ok(["issue", name]);
    }
    for file in ["torn.test-key.pem", "gone.test.pem", "gone.test-key.pem"] {
        fs::remove_file(home.file(file)).unwrap();
    }
    fs::write(home.file("taken.test.pem"), "somebody's").unwrap();
    let torn = fs::read(home.file("torn.test.pem")).unwrap();
    let paths = |list: &serde_json::Value| -> Vec<String> {
        let paths =
            list.as_array().into_iter().flatten().map(|left| left["path"].as_str().unwrap().to_owned());
        paths.map(|path| path.rsplit('/').next().unwrap().to_owned()).collect()
    };
    let outcome = home.json(["rotate", "--store", "wsl"]);
    assert_eq!(outcome["reissued"].as_array().unwrap().len(), 1, "{outcome:#}");
    assert_eq!(paths(&outcome["skipped"]), ["torn.test.pem", "taken.test.pem"], "{outcome:#}");
    // A timer reports what it cannot renew, also with its exit code; other programs' files are skipped.
    let output = home.devca(["--json", "renew", "--all"]).output().unwrap();
    let outcome: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{outcome:#}");
    assert_eq!(outcome["reissued"].as_array().unwrap().len(), 1, "{outcome:#}");
    assert_eq!(paths(&outcome["failed"]), ["torn.test.pem"], "{outcome:#}");
    assert_eq!(paths(&outcome["skipped"]), ["taken.test.pem"], "{outcome:#}");
    let why = outcome["failed"][0]["message"].as_str().unwrap();
    assert!(why.contains("torn.test-key.pem is missing"), "{outcome:#}");
    for (name, why) in
        [("torn.test", "missing"), ("taken.test.pem", "something else"), ("gone.test", "are gone")]
    {
        let said = home.fails(["renew", name, "whole.test"]);
        assert!(said.contains(why) && said.contains("reissue it: devca issue "), "{said}");
    }
    assert_eq!(fs::read(home.file("torn.test.pem")).unwrap(), torn);
    assert_eq!(fs::read_to_string(home.file("taken.test.pem")).unwrap(), "somebody's");
}

/// A key that the server's user can read because of its group must stay readable.
#[cfg(unix)]
#[test]
fn what_is_renewed_keeps_its_rights() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    let home = Home::new();
    home.ok(["issue", "app.test", "--format", "pem,combined"]);
    let files = ["app.test.pem", "app.test-combined.pem", "app.test-key.pem"].map(|name| home.file(name));
    for file in &files {
        fs::set_permissions(file, PermissionsExt::from_mode(0o640)).unwrap();
        // Only root can give files away.
        if file.metadata().unwrap().uid() == 0 {
            chown(file, Some(1234), Some(5678)).unwrap();
        }
    }
    let rights = || files.each_ref().map(|f| f.metadata().map(|m| (m.mode(), m.uid(), m.gid())).unwrap());
    let before = rights();
    let content = || fs::read(&files[1]).unwrap();
    for words in [&["renew", "--all"][..], &["renew", "--all", "--new-key"], &["rotate", "--store", "wsl"]] {
        let old = content();
        home.ok(words);
        assert!(rights() == before && content() != old, "{words:?}");
    }
}

#[test]
fn no_reader_sees_a_certificate_with_anothers_key() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    // Reads the pair like a server, again and again, until told to stop. Counts the reads, and fails if the
    // pair does not match.
    let script = "import ssl, sys, os\nread = 0\nwhile not os.path.exists('end'):\n  try:\n    \
                  ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain('localhost.pem', 'localhost-key.pem')\n    read += 1\n  \
                  except FileNotFoundError: pass\nprint('read', read)\n";
    let mut reader = home.command(&tool("python3"), ["-c", script]);
    let reader = reader.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // The key stays the same. (If it changed while a reader is between the two files, a mismatch would be
    // unavoidable.)
    for _ in 0..150 {
        home.ok(["renew", "--all"]);
    }
    fs::write(home.file("end"), "").unwrap();
    let output = reader.wait_with_output().unwrap();
    assert!(output.status.success() && words(&output).starts_with("read "), "{}", words(&output));
}

#[test]
fn the_watcher_renews_in_time() {
    let home = Home::new();
    let due = time::OffsetDateTime::now_utc() + time::Duration::days(3) + time::Duration::seconds(2);
    let due = due.format(&time::format_description::well_known::Rfc3339).unwrap();
    home.ok(["issue", "localhost", "--not-after", &due]);
    let words_ = ["renew", "--watch", "--within", "3d", "--days", "90", "--exec", "touch renewed; exit 1"];
    let mut watcher = home.devca(words_).stdout(Stdio::null()).spawn().unwrap();
    wait_until("the watcher has renewed", || {
        assert!(watcher.try_wait().unwrap().is_none(), "the watcher has ended");
        home.file("renewed").exists()
    });
    // A failing hook does not end it.
    ok("kill", ["-TERM", &watcher.id().to_string()]);
    assert_eq!(watcher.wait().unwrap().code(), None, "it has ended by itself");
    let days = &home.json(["list"])["certificates"][0]["days_left"];
    assert!(days.as_i64().unwrap() > 80, "{days}");
}

#[test]
fn a_timer_is_installed_and_removed() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    let folder = home.file("bin");
    fs::create_dir(&folder).unwrap();
    let script = format!("#!/bin/sh\necho \"$@\" >> {}/calls\n", home.work().display());
    fs::write(folder.join("systemctl"), script).unwrap();
    ok("chmod", ["755", folder.join("systemctl").to_str().unwrap()]);
    let devca = |words_: &[&str]| {
        let output = home.devca(words_).env("PATH", &folder).output().unwrap();
        assert!(output.status.success(), "{}", words(&output));
    };
    devca(&["renew", "--install-timer", "--within", "20d", "--exec", "echo \"50%\" $HOME"]);
    let units = home.home().join(".config/systemd/user");
    let service = fs::read_to_string(units.join("devca-renew.service")).unwrap();
    assert!(service.contains(r#""renew" "--within" "20d" "--exec" "echo \"50%%\" $$HOME""#), "{service}");
    let rights = std::os::unix::fs::MetadataExt::mode(&units.join("devca-renew.service").metadata().unwrap());
    assert_eq!(rights & 0o777, 0o600, "the command may hold a token");
    assert!(fs::read_to_string(units.join("devca-renew.timer")).unwrap().contains("OnCalendar=daily"));
    devca(&["renew", "--remove-timer"]);
    assert!(!units.join("devca-renew.service").exists() && !units.join("devca-renew.timer").exists());
    // A timer is removed with its CA, and if the system does not start a timer, its files are deleted again.
    devca(&["renew", "--install-timer", "--days", "90"]);
    devca(&["uninstall", "--purge", "--store", "wsl"]);
    assert!(!units.join("devca-renew.service").exists() && !units.join("devca-renew.timer").exists());
    home.ok(["issue", "localhost", "--force"]);
    fs::write(folder.join("systemctl"), "#!/bin/sh\nexit 1\n").unwrap();
    let refused = home.devca(["renew", "--install-timer"]).env("PATH", &folder).output().unwrap();
    assert!(
        refused.status.code() == Some(1) && !units.join("devca-renew.timer").exists(),
        "{}",
        words(&refused)
    );
    let calls = fs::read_to_string(home.file("calls")).unwrap();
    let expected = ["--user daemon-reload", "--user enable --now devca-renew.timer", "--user disable --now"];
    assert!(expected.iter().all(|call| calls.contains(call)), "{calls}");
}

#[test]
fn a_timer_has_all_that_its_ca_needs() {
    let home = Home::new();
    let folder = home.file("bin");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("systemctl"), "#!/bin/sh\n").unwrap();
    ok("chmod", ["755", folder.join("systemctl").to_str().unwrap()]);
    fs::write(home.file("passphrase"), "correct horse\n").unwrap();
    let data = home.home().join("a$b %h \"data\"");
    let devca = |words_: &[&str], passphrase: Option<&str>| {
        let mut devca = home.devca(words_);
        devca.env("PATH", &folder).env("XDG_DATA_HOME", &data);
        if let Some(file) = passphrase {
            devca.env("DEVCA_PASSPHRASE_FILE", file);
        }
        devca.output().unwrap()
    };
    let made = devca(&["issue", "localhost"], None);
    assert!(made.status.success(), "{}", words(&made));
    let install =
        ["renew", "--install-timer", "--exec", "true\n[Service]\nExecStartPost=/nowhere/at-all\nBogus=1"];
    let output = devca(&install, None);
    assert!(output.status.success(), "{}", words(&output));
    let unit = home.home().join(".config/systemd/user/devca-renew.service");
    let service = fs::read_to_string(&unit).unwrap();
    let expected = home.home().join(r#"a$b %%h \"data\"/devca"#);
    assert!(service.contains(&format!("Environment=\"DEVCA_HOME={}\"\n", expected.display())), "{service}");
    let verify = || {
        let run = TempDir::new().unwrap();
        let mut verify = home.command(&tool("systemd-analyze"), ["--user", "verify", "--man=no"]);
        words(&verify.arg(&unit).env("XDG_RUNTIME_DIR", run.path()).output().unwrap())
    };
    let judged = verify();
    assert!(!judged.contains("devca-renew") && !judged.contains("nowhere"), "{judged}");
    // It would have reported an error.
    fs::write(&unit, service.replace(r"\n", "\n")).unwrap();
    assert!(verify().contains("bad unit file setting"), "{}", verify());

    // With a passphrase, a timer requires a file from which it can be read.
    assert!(devca(&["passphrase"], Some("passphrase")).status.success());
    let refused = devca(&install, None);
    assert!(words(&refused).contains("DEVCA_PASSPHRASE_FILE=FILE devca renew"), "{}", words(&refused));
    let output = devca(&install, Some("passphrase"));
    assert!(output.status.success(), "{}", words(&output));
    let service = fs::read_to_string(&unit).unwrap();
    let line = format!("Environment=\"DEVCA_PASSPHRASE_FILE={}\"", home.file("passphrase").display());
    assert!(service.contains(&line), "{service}");
    let refused = devca(&["renew", "--install-timer", "--password-env", "SECRET"], Some("passphrase"));
    assert_eq!(refused.status.code(), Some(2), "{}", words(&refused));
    assert!(words(&refused).contains("--password-file"), "{}", words(&refused));
}

/// Every output format, and whether it needs a password.
const FORMATS: [(&str, bool); 7] = [
    ("pem", false),
    ("fullchain", false),
    ("combined", false),
    ("der", false),
    ("p12", true),
    ("java", true),
    ("k8s", false),
];

#[test]
fn a_batch_renews_what_has_expired_in_every_format() {
    for (format, takes_password) in FORMATS {
        let home = Home::new();
        fs::write(home.file("names"), "old.test\nnew.test\n").unwrap();
        fs::write(home.file("password"), "correct horse\n").unwrap();
        let password = if takes_password { ["--password-file", "password"].as_slice() } else { &[] };
        let options = [&["--format", format], password].concat();
        home.ok([&["issue", "old.test", "--not-after", "2026-01-31"], options.as_slice()].concat());
        home.ok([&["issue", "new.test"], options.as_slice()].concat());
        let batch = [&["issue", "--batch", "names"], options.as_slice()].concat();
        let first = home.json(&batch);
        assert_eq!((&first["issued"], &first["skipped"]), (&1.into(), &1.into()), "{format}: {first:#}");
        let second = home.json(&batch);
        assert_eq!((&second["issued"], &second["skipped"]), (&0.into(), &2.into()), "{format}: {second:#}");
        // Certificates of the previous root do not count either.
        home.ok([&["rotate", "--store", "wsl"], password].concat());
        fs::write(home.file("names"), "fresh.test\n").unwrap();
        let batch = [batch.as_slice(), &["--out", "out"]].concat();
        assert_eq!(home.json(&batch)["issued"], 1, "{format}");
        assert_eq!(home.json(&batch)["skipped"], 1, "{format}");
    }
}

#[test]
fn running_a_batch_again_is_quicker_than_issuing_it() {
    for format in ["pem", "der", "k8s"] {
        let home = Home::new();
        let lines: Vec<String> = (0..1500).map(|n| format!("host-{n}.test")).collect();
        fs::write(home.file("names"), lines.join("\n")).unwrap();
        let run = |counted: &str| {
            let start = std::time::Instant::now();
            let batch = home.json(["issue", "--batch", "names", "--out", "out", "--format", format]);
            assert_eq!(batch[counted], 1500, "{format}: {batch:#}");
            start.elapsed()
        };
        let (issued, again) = (run("issued"), run("skipped"));
        assert!(again < issued * 2, "{format}: issued in {issued:?}, looked at again in {again:?}");
    }
}

#[test]
fn lines_of_a_batch_name_only_files_that_every_system_takes() {
    let home = Home::new();
    let bad = [
        "x\\ny\\u001b[31m",
        "a:stream",
        "con",
        "CON.x",
        "lpt1",
        "\u{fc}",
        "-rf",
        ".hidden",
        "a/b",
        "..",
        "a b",
    ];
    let mut lines: Vec<String> =
        bad.iter().map(|file| format!(r#"{{"names": ["app.test"], "file": "{file}"}}"#)).collect();
    // Both would write x-key.pem.
    lines.extend([
        "a.test file=x".into(),
        "b.test file=x-key".into(),
        "c.test file=y".into(),
        "d.test file=Y".into(),
    ]);
    lines.push(format!("{}.test", "a".repeat(300_000)));
    fs::write(home.file("names"), lines.join("\n")).unwrap();
    let output = home.devca(["issue", "--batch", "names", "--out", "out", "--json"]).output().unwrap();
    let batch: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{batch:#}");
    let failed: Vec<u64> =
        batch["failed"].as_array().unwrap().iter().map(|failure| failure["line"].as_u64().unwrap()).collect();
    let expected: Vec<u64> = (1..=bad.len() as u64).chain([13, 15, 16]).collect();
    assert_eq!((failed, &batch["issued"]), (expected, &2.into()), "{batch:#}");
    let mut files: Vec<_> =
        fs::read_dir(home.file("out")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    files.sort();
    assert_eq!(files, ["x-key.pem", "x.pem", "y-key.pem", "y.pem"]);
    // devca avoids the names of Windows devices if it chooses the name.
    home.ok(["issue", "con.test"]);
    assert!(home.file("_con.test.pem").exists(), "{:?}", home.listing());
}

#[test]
fn a_batch_is_resumed_where_it_was_cut_off() {
    let home = Home::new();
    let lines: Vec<String> = (0..3000).map(|n| format!("device-{n}")).collect();
    fs::write(home.file("names"), lines.join("\n")).unwrap();
    let batch = ["issue", "--client", "--batch", "names", "--out", "fleet"];
    let mut cut = home.devca(batch).stdout(Stdio::null()).spawn().unwrap();
    // Counts the certificates with their final names, not the temporary files.
    let is_whole = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().ends_with("-client.pem");
    let there = || fs::read_dir(home.file("fleet")).map_or(0, |all| all.flatten().filter(is_whole).count());
    while there() < 100 {
        assert!(cut.try_wait().unwrap().is_none(), "it was through before it could be cut off");
        std::thread::yield_now();
    }
    cut.kill().unwrap();
    cut.wait().unwrap();
    let resumed = home.json(batch);
    let (issued, skipped) = (resumed["issued"].as_u64().unwrap(), resumed["skipped"].as_u64().unwrap());
    assert!(issued > 0 && skipped > 0 && issued + skipped == 3000, "{resumed}");
    assert_eq!(home.json(batch)["skipped"], 3000);
    let left = fs::read_dir(home.file("fleet")).unwrap().flatten();
    let left: Vec<_> =
        left.map(|entry| entry.file_name()).filter(|name| name.to_string_lossy().starts_with('.')).collect();
    assert!(left.is_empty(), "half-written: {left:?}");
    for index in (0..3000).step_by(250) {
        let file =
            |suffix: &str| home.file(&format!("fleet/device-{index}-client{suffix}")).display().to_string();
        let public = ok("openssl", ["x509", "-in", &file(".pem"), "-noout", "-pubkey"]);
        assert_eq!(public, ok("openssl", ["pkey", "-in", &file("-key.pem"), "-pubout"]));
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_in_a_batch_says_what_is_done_and_leaves_nothing_half_written() {
    let home = Home::new();
    let lines: Vec<String> = (0..20_000).map(|n| format!("device-{n}")).collect();
    fs::write(home.file("names"), lines.join("\n")).unwrap();
    let batch = ["issue", "--client", "--batch", "names", "--out", "fleet", "--format", "pem,der"];
    let listing = || -> Vec<String> {
        let all = fs::read_dir(home.file("fleet")).into_iter().flatten().flatten();
        all.map(|entry| entry.file_name().into_string().unwrap()).collect()
    };
    let mut devca = home.devca(batch);
    let mut cut = devca.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while !listing().iter().any(|name| name.ends_with("-client.pem")) {
        assert!(cut.try_wait().unwrap().is_none(), "it was through before it could be interrupted");
        std::thread::yield_now();
    }
    ok("sh", ["-c", &format!("kill -INT {}", cut.id())]);
    let said = words(&cut.wait_with_output().unwrap());
    assert!(said.contains("stopped by Ctrl-C; to issue them, run the same command again"), "{said}");
    let issued: usize =
        said.lines().find_map(|line| line.strip_prefix("issued")).unwrap().trim().parse().unwrap();
    let left = format!("left    {} (stopped", 20_000 - issued);
    assert!(issued > 0 && said.contains(&left), "{said}");
    let files = listing();
    assert!(files.len() == 4 * issued && files.iter().all(|name| !name.starts_with('.')), "{}", files.len());
    // If it is interrupted again, the existing certificates are counted, and the exit code is that of Ctrl-C.
    let mut cut = home.devca(batch).args(["--json"]).stdout(Stdio::piped()).spawn().unwrap();
    while listing().len() <= 4 * issued {
        assert!(cut.try_wait().unwrap().is_none(), "it was through before it could be interrupted");
        std::thread::yield_now();
    }
    ok("sh", ["-c", &format!("kill -INT {}", cut.id())]);
    let output = cut.wait_with_output().unwrap();
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let count = |what: &str| document[what].as_u64().unwrap();
    assert_eq!(output.status.code(), Some(130), "{document:#}");
    assert_eq!(count("skipped"), issued as u64, "{document:#}");
    assert_eq!(count("issued") + count("skipped") + count("not_begun"), 20_000, "{document:#}");
}

#[test]
fn a_bad_line_is_reported_by_its_number_and_the_others_are_made() {
    let home = Home::new();
    fs::create_dir(home.file("out")).unwrap();
    fs::write(home.file("out/mine.test.pem"), "somebody's").unwrap();
    let lines = "a.test www.a.test\n\n# a comment\nbad..name\nbob kind=client\n{\"names\":[\"j.test\"],\"file\":\"jay\"}\n\
                 mine.test\n{\"names\":\nx.test file=../up\nq.test colour=red\n";
    let mut devca = home.devca(["issue", "--batch", "-", "--out", "out", "--json"]);
    let mut child = devca.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let failed: Vec<u64> =
        document["failed"].as_array().unwrap().iter().map(|f| f["line"].as_u64().unwrap()).collect();
    assert_eq!((document["issued"].as_u64(), failed), (Some(3), vec![4, 7, 8, 9, 10]), "{document:#}");
    for file in ["a.test+1.pem", "bob-client.pem", "jay-key.pem"] {
        assert!(home.file("out").join(file).exists(), "{file}");
    }
    assert_eq!(fs::read_to_string(home.file("out/mine.test.pem")).unwrap(), "somebody's");
}

#[test]
fn the_folder_of_a_ca_is_for_its_own_files() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    let key = fs::read(home.ca().join("root-key.pem")).unwrap();
    let folder = home.ca().display().to_string();
    fs::write(home.file("names"), "a.test file=root\n").unwrap();
    let mut places = vec![folder.clone(), format!("{folder}/below")];
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(&folder, home.file("link")).unwrap();
        places.push("link".into());
    }
    for place in &places {
        for words in
            [&["issue", "--batch", "names"][..], &["issue", "a.test"], &["--ca", "two", "issue", "a.test"]]
        {
            refused(&home, [words, &["--force", "--out", place]].concat(), 2, "is a CA's folder");
        }
    }
    assert_eq!(fs::read(home.ca().join("root-key.pem")).unwrap(), key);
    assert!(!home.ca().join("below").exists());
}

#[test]
fn what_a_later_version_has_written_stays() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    let inventory = home.ca().join("issued.jsonl");
    let later = "{\"v\":2,\"weather\":\"fine\"}\n";
    fs::write(&inventory, format!("{later}{}", fs::read_to_string(&inventory).unwrap())).unwrap();
    home.ok(["list", "--prune"]);
    assert!(fs::read_to_string(&inventory).unwrap().ends_with(&format!("}}\n{later}")));
}

#[test]
fn lines_of_a_batch_for_the_same_files_do_not_mix() {
    let home = Home::new();
    fs::write(home.file("names"), "app.test\nlocalhost file=app.test\napp.test\n").unwrap();
    for force in [&[][..], &["--force"]] {
        let words = [&["issue", "--batch", "names", "--json"], force].concat();
        let output = home.devca(words).output().unwrap();
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(document["failed"][0]["line"], 2, "{document:#}");
        assert_eq!(document["failed"].as_array().unwrap().len(), 1, "{document:#}");
        let file = |suffix: &str| home.file(&format!("app.test{suffix}")).display().to_string();
        let public = ok("openssl", ["x509", "-in", &file(".pem"), "-noout", "-pubkey"]);
        assert_eq!(public, ok("openssl", ["pkey", "-in", &file("-key.pem"), "-pubout"]));
    }
}

#[test]
fn a_key_that_lies_in_an_encrypted_file_alone_is_kept() {
    let home = Home::new();
    fs::write(home.file("password"), "correct horse\n").unwrap();
    fs::write(home.file("other"), "wrong\n").unwrap();
    for format in ["p12", "java", "k8s", "der", "combined"] {
        let name = format!("{format}.test");
        let mut words = vec!["issue", &name, "--format", format];
        if ["p12", "java"].contains(&format) {
            words.extend(["--password-file", "password"]);
        }
        home.ok(words);
    }
    let stores = ["p12.test.p12", "java.test-keystore.p12"].map(|name| home.file(name).display().to_string());
    let key_of = |store: &String| {
        let words = [
            "pkcs12",
            "-in",
            store,
            "-passin",
            "pass:correct horse",
            "-nodes",
            "-nocerts",
            "-out",
            "/dev/stdout",
        ];
        // The text above it names the certificate, which is different.
        ok("openssl", words).split_once("-----BEGIN").unwrap().1.to_owned()
    };
    let keys = || {
        let text = fs::read_to_string(home.ca().join("issued.jsonl")).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let mut keys: Vec<String> =
            lines.map(|line| format!("{} {}", line["names"][0], line["key_sha256"])).collect();
        keys.sort();
        keys.dedup();
        keys
    };
    let before = (stores.each_ref().map(key_of), keys());
    let said = home.devca(["renew", "--all", "--password-file", "other"]).output().unwrap();
    assert!(
        said.status.code() == Some(1) && words(&said).contains("cannot be opened with this password"),
        "{}",
        words(&said)
    );
    assert!(
        words(&said).contains("hint: use its password, or replace its key, too: devca renew"),
        "{}",
        words(&said)
    );
    home.ok(["renew", "--all", "--password-file", "password"]);
    home.ok(["rotate", "--store", "wsl", "--password-file", "password"]);
    assert!((stores.each_ref().map(key_of), keys()) == before, "a key has changed");
    home.ok(["renew", "--all", "--new-key", "--password-file", "password"]);
    assert_eq!(keys().len(), 2 * before.1.len());
}

/// As left by a `rotate` that was interrupted or could not write to a folder.
#[test]
fn what_an_earlier_root_has_issued_is_pointed_out() {
    let home = Home::new();
    home.ok(["issue", "app.test", "--format", "p12"]);
    home.ok(["issue", "other.test"]);
    assert!(home.json(["list"])["certificates"].as_array().unwrap().iter().all(|c| c["state"] == "good"));
    // The inventory has whole seconds.
    let issued = std::time::Instant::now();
    while issued.elapsed() < std::time::Duration::from_secs(1) {
        std::thread::yield_now();
    }
    let rotated = home.devca(["rotate", "--store", "wsl"]).output().unwrap();
    assert!(words(&rotated).contains("is encrypted"), "{}", words(&rotated));
    assert_eq!(states(&home).iter().filter(|(_, state)| state == "old-root").count(), 1);
    let status = home.devca(["status", "--store", "wsl"]).output().unwrap();
    assert!(words(&status).contains("issued by or includes an earlier root"), "{}", words(&status));
    let check = home.devca(["check", "--expiring", "1d"]).output().unwrap();
    assert!(
        check.status.code() == Some(1) && words(&check).contains("by an earlier root"),
        "{}",
        words(&check)
    );
}

#[test]
fn an_unreadable_inventory_is_not_an_empty_one() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    let path = home.ca().join("issued.jsonl");
    let good = fs::read(&path).unwrap();
    // What a crash cut off or a later version wrote does not count as damage.
    for harmless in [&b"{\"v\":1,\"iss"[..], b"{\"v\":2,\"new\":true}\n", b"\n"] {
        fs::write(&path, [&good, harmless].concat()).unwrap();
        home.ok(["list"]);
    }
    for damage in [&b"\xff\xfe\n"[..], b"garbage\n", b"{\"v\":1}\n", &[7; 50]] {
        fs::write(&path, [&good, damage].concat()).unwrap();
        for command in
            [&["list"][..], &["renew"], &["check", "--expiring", "30d"], &["status", "--store", "wsl"]]
        {
            let said = home.fails(command);
            assert!(said.contains("cannot be read"), "{command:?}: {said}");
        }
    }
    home.ok(["list", "--prune"]);
    assert_eq!(states(&home).len(), 1);
}

#[test]
fn a_revoked_certificate_is_not_renewed_and_named_as_revoked() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    home.ok(["revoke", "localhost.pem"]);
    for word in ["localhost.pem", "localhost"] {
        let said = home.fails(["renew", word]);
        assert!(said.contains("is revoked") && said.contains("devca issue localhost --force"), "{said}");
    }
}

#[test]
fn replacing_a_pair_is_said() {
    let home = Home::new();
    assert!(!home.ok(["issue", "localhost"]).contains("replaced"));
    assert!(home.ok(["issue", "localhost"]).contains("replaced the files that existed, with a new key"));
    assert_eq!(home.json(["issue", "localhost"])["replaced"], true);
}

#[test]
fn a_client_below_an_intermediate_has_its_own_name_as_well() {
    let home = Home::new();
    home.ok(["--ca", "sealed", "install", "--sealed", "--store", "wsl"]);
    home.ok(["--ca", "sealed", "issue", "--client", "zoe"]);
    let names = home.json(["inspect", "zoe-client.pem"])["certificates"][0]["names"].clone();
    let names: Vec<&str> = names.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert!(
        names.contains(&"devca:client:zoe") && names.iter().any(|name| name.starts_with("client.")),
        "{names:?}"
    );
}

/// A trust store has no certificate that expires, only the root.
#[test]
fn a_trust_store_is_out_of_date_only_when_the_root_is_replaced() {
    let home = Home::new();
    fs::write(home.file("password"), "correct horse").unwrap();
    fs::write(home.file("other"), "battery staple").unwrap();
    home.ok(["issue", "app.test", "--format", "java", "--password-file", "password"]);
    home.ok(["issue", "app.test", "--format", "pem,java", "--password-file", "password"]);
    // What the second command replaced is not listed again.
    assert_eq!(states(&home), [("app.test".to_owned(), "good".to_owned())]);
    let issued = words(&home.devca(["issue", "app.test"]).output().unwrap());
    let renewed = words(&home.devca(["renew", "--all", "--password-file", "other"]).output().unwrap());
    for said in [&issued, &renewed] {
        assert!(said.contains("app.test-keystore.p12"), "{said}");
        assert!(said.contains("still contains the previous certificate"), "{said}");
        assert!(
            !said.contains("app.test-truststore.p12: it") && !said.contains("truststore.p12 still"),
            "{said}"
        );
    }
    assert!(renewed.contains("because this password does not open it"), "{renewed}");
    home.ok(["renew", "--all", "--password-file", "password"]);
    home.ok(["issue", "app.test"]);
    let rotated = words(&home.devca(["rotate", "--store", "wsl"]).output().unwrap());
    assert!(
        rotated.contains(
            "app.test-truststore.p12: it still contains the previous root, because its password is unknown"
        ),
        "{rotated}"
    );
    home.ok(["renew", "--password-file", "password"]);
    let root = home.root();
    let listed = ["-list", "-rfc", "-storepass", "correct horse", "-keystore"];
    let store = home.file("app.test-truststore.p12");
    let store = ok("keytool", listed.iter().chain(&[store.to_str().unwrap()]));
    let line = fs::read_to_string(root).unwrap().lines().nth(3).unwrap().to_owned();
    assert!(
        store.contains(line.trim()) || store.replace("\r\n", "").replace('\n', "").contains(line.trim()),
        "{store}"
    );
}
