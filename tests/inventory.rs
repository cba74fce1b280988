//! After issuing: list, inspect, renew, and ten thousand certificates at once.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "inventory/batch.rs"]
mod batch;
mod common;
#[path = "inventory/renewed.rs"]
mod renewed;
#[path = "inventory/timer.rs"]
mod timer;

use std::fs;
use std::io::Write;
use std::process::Stdio;

use common::refusals::refused;
use common::{Home, Server, ok, tool, words};

fn states(home: &Home) -> Vec<(String, String)> {
    let list = home.json(["list"]);
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let certificates = list["certificates"].as_array().unwrap().iter();
    certificates.map(|c| (text(&c["names"][0]), text(&c["state"]))).collect()
}

#[test]
fn the_list_shows_the_state_of_each_certificate() {
    let home = Home::new();
    for name in ["good", "missing", "replaced", "revoked"] {
        home.ok(["issue", &format!("{name}.test")]);
    }
    home.ok(["issue", "expired.test", "--not-after", "2026-01-31"]);
    // It begins an hour ago, so this is the last third of its lifetime.
    let end = time::OffsetDateTime::now_utc() + time::Duration::minutes(20);
    let end = end.format(&time::format_description::well_known::Rfc3339).unwrap();
    home.ok(["issue", "expiring.test", "--not-after", &end]);
    home.ok(["issue", "short.test", "--days", "10"]);
    fs::remove_file(home.file("missing.test-key.pem")).unwrap();
    fs::copy(home.file("good.test.pem"), home.file("replaced.test.pem")).unwrap();
    home.ok(["revoke", "revoked.test.pem"]);
    // A line that a crash cut off and one of a future version are skipped.
    let inventory = home.ca().join("issued.jsonl");
    let mut file = fs::OpenOptions::new().append(true).open(&inventory).unwrap();
    file.write_all(b"{\"v\":2,\"new\":true}\n{\"v\":1,\"iss").unwrap();
    let expected = ["good", "missing", "replaced", "revoked", "expired", "expiring"];
    let expected = expected.iter().map(|n| (format!("{n}.test"), (*n).to_owned()));
    let expected: Vec<_> = expected.chain([("short.test".into(), "good".into())]).collect();
    assert_eq!(states(&home), expected);
    let soon = home.json(["list", "--expiring", "30d"]);
    assert_eq!(soon["certificates"].as_array().unwrap().len(), 3);
    let check = home.devca(["check", "--expiring", "14d"]).output().unwrap();
    assert_eq!(check.status.code(), Some(1), "{}", words(&check));
    assert!(words(&check).contains("expiring.test.pem expires within a day"), "{}", words(&check));
    home.ok(["list", "--prune"]);
    assert_eq!(states(&home).len(), 5, "what is missing or replaced is forgotten");
    assert!(states(&home).iter().any(|(_, state)| state == "revoked"), "and no revocation");
}

#[test]
fn inspect_shows_every_kind_of_file() {
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
fn entries_of_a_later_version_are_kept() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    let inventory = home.ca().join("issued.jsonl");
    let later = "{\"v\":2,\"weather\":\"fine\"}\n";
    fs::write(&inventory, format!("{later}{}", fs::read_to_string(&inventory).unwrap())).unwrap();
    home.ok(["list", "--prune"]);
    assert!(fs::read_to_string(&inventory).unwrap().ends_with(&format!("}}\n{later}")));
}

/// As left by a `rotate` that was interrupted or could not write to a folder.
#[test]
fn certificates_of_an_earlier_root_are_pointed_out() {
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
fn replacing_a_pair_is_reported() {
    let home = Home::new();
    assert!(!home.ok(["issue", "localhost"]).contains("replaced"));
    assert!(home.ok(["issue", "localhost"]).contains("replaced the files that existed, with a new key"));
    assert_eq!(home.json(["issue", "localhost"])["replaced"], true);
}

#[test]
fn a_client_below_an_intermediate_keeps_its_own_name() {
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

#[test]
fn quiet_commands_still_answer_questions() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    let questions: [(&[&str], &str); 5] = [
        (&["list"], "localhost.pem"),
        (&["ca", "list"], "default"),
        (&["permit", "--list"], "localhost"),
        (&["inspect", "localhost.pem"], "localhost"),
        (&["explain", "ECONNREFUSED"], "nothing listens"),
    ];
    for (question, answer) in questions {
        let output = home.devca([&["-q"], question].concat()).output().unwrap();
        assert!(String::from_utf8_lossy(&output.stdout).contains(answer), "{question:?}: {}", words(&output));
    }
    let output = home.devca(["-q", "issue", "localhost"]).output().unwrap();
    assert!(output.stdout.is_empty() && output.status.success(), "{}", words(&output));
}
