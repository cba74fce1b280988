//! `devca issue --batch`.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use super::common::{Home, ok, words};

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
