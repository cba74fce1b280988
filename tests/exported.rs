//! Files that devca wrote for other programs and that contain the root: they are updated whenever the root
//! changes.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use common::{Home, ok, tool, words};

/// Commands that write files with the root: the files of `root`, three exports, and certificates.
const WRITES: [&str; 7] = [
    "root --format pem,der,mobileconfig,android --out phone",
    "export --for vault",
    "export --for step-ca",
    "export --for cert-manager --cn Cluster",
    "issue java.test --format java --password-file password",
    "issue k8s.test --format k8s,combined --with-root",
    "env --shell json",
];

/// The folders that `export` writes: intermediates, which are not signed again automatically.
const EXPORTS: [&str; 3] = ["devca-vault", "devca-step-ca", "devca-cert-manager"];

fn written() -> Home {
    let home = Home::new();
    fs::write(home.file("password"), "changeit\n").unwrap();
    home.ok(["install", "--store", "nss", "--permit", "corp.example.dev"]);
    for line in WRITES {
        home.ok(line.split(' '));
    }
    home
}

fn der(pem: &str) -> Vec<u8> {
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    BASE64_STANDARD.decode(body).unwrap()
}

/// Returns all files in the working folder, and all bundles, that contain this root in any format, except for
/// exports.
fn that_have(home: &Home, root: &str) -> Vec<PathBuf> {
    let der = der(root);
    let base64 = BASE64_STANDARD.encode(root);
    // In a Secret, the root follows the leaf in a single Base64 string.
    let has_chain = |text: &str| {
        let encoded = text.lines().filter_map(|line| line.trim().split_once(": ").map(|(_, value)| value));
        let mut decoded = encoded.filter_map(|value| BASE64_STANDARD.decode(value).ok());
        decoded.any(|value| String::from_utf8_lossy(&value).contains(root.trim()))
    };
    let profile: String = BASE64_STANDARD.encode(&der);
    let has = |path: &PathBuf, content: &[u8]| {
        let text = String::from_utf8_lossy(content);
        let joined: String = text.split_whitespace().collect();
        text.contains(root.trim())
            || text.contains(&base64)
            || has_chain(&text)
            || joined.contains(&profile)
            || content.windows(der.len()).any(|window| window == der)
            || (path.extension().is_some_and(|extension| extension == "p12") && in_store(home, path, &der))
    };
    let own = ["root.pem", "earlier.pem"].map(|name| home.ca().join(name));
    let exports = EXPORTS.map(|name| home.file(name));
    let is_export = |path: &Path| exports.iter().any(|folder| path.starts_with(folder));
    let all = home
        .everything()
        .into_iter()
        .filter(|(path, _)| !own.contains(path) && !path.ends_with("cert9.db") && !is_export(path));
    all.filter(|(path, content)| has(path, content)).map(|(path, _)| path).collect()
}

/// Whether OpenSSL finds the certificate in a store with the usual password.
fn in_store(home: &Home, path: &Path, der: &[u8]) -> bool {
    let arguments = ["pkcs12", "-nokeys", "-passin", "pass:changeit", "-in", path.to_str().unwrap()];
    let output = home.command(&tool("openssl"), arguments).output().unwrap();
    assert!(output.status.success(), "{}", words(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    let blocks = text.split("-----BEGIN CERTIFICATE-----").skip(1);
    blocks.into_iter().any(|block| self::der(block.split("-----END").next().unwrap()) == der)
}

fn root(home: &Home) -> String {
    fs::read_to_string(home.root()).unwrap()
}

fn status(home: &Home) -> (bool, String) {
    let output = home.devca(["status", "--store", "wsl"]).output().unwrap();
    (output.status.success(), words(&output))
}

#[test]
fn everything_that_has_the_root_follows_it() {
    let home = written();
    let mut old = root(&home);
    let places = that_have(&home, &old);
    // Four files of `root`, two for Java, two for Kubernetes, and the bundle in both formats.
    assert!(places.len() >= 8, "{places:#?}");
    let exports = || {
        EXPORTS.map(|name| {
            home.everything()
                .into_iter()
                .filter(|(path, _)| path.starts_with(home.file(name)))
                .collect::<Vec<_>>()
        })
    };
    let before = exports();
    let phone = home.file("phone/devca-root.pem");
    fs::set_permissions(&phone, PermissionsExt::from_mode(0o640)).unwrap();
    for (change, left) in [
        ("permit --remove corp.example.dev --store nss", 0),
        ("permit new.example.dev --store nss", 0),
        ("permit --constrain-addresses --store nss", 0),
        ("rotate --store nss", 3),
    ] {
        let document = home.json(change.split(' ').chain(["--password-file", "password"]));
        let updated = document["updated"].as_array().or(document["reissued"]["updated"].as_array());
        assert_eq!(updated.unwrap().len(), 4, "{document:#}");
        let new = root(&home);
        assert_ne!(old, new);
        assert_eq!(that_have(&home, &old), Vec::<PathBuf>::new(), "{change}");
        assert_eq!(that_have(&home, &new), places, "{change}");
        // An intermediate is current as long as the root has the key that signed it; after that, it is
        // reported.
        let (_, said) = status(&home);
        assert_eq!(said.matches("has an intermediate of an earlier root").count(), left, "{change}: {said}");
        assert_eq!(said.matches("fix:").count(), left, "{change}: {said}");
        let named = document["notes"].to_string().matches("has an intermediate of an earlier root").count();
        assert_eq!(named, left, "{document:#}");
        old = new;
    }
    assert_eq!(exports(), before, "an intermediate is not signed or written again");
    let mode = fs::metadata(&phone).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640, "a file keeps its mode");
    // A file that was written twice is listed once.
    home.ok(WRITES[0].split(' '));
    let list = fs::read_to_string(home.ca().join("exported.jsonl")).unwrap();
    assert_eq!(list.lines().count(), 7, "{list}");
}

#[test]
fn status_names_what_has_an_earlier_root_and_fix_updates_it() {
    let home = written();
    let files = ["phone/devca-root.pem", "phone/devca-root.der"];
    let before = files.map(|file| (home.file(file), fs::read(home.file(file)).unwrap()));
    home.ok(["permit", "--remove", "corp.example.dev", "--store", "nss", "--password-file", "password"]);
    assert_eq!(status(&home).1.matches("fix:").count(), 0, "{}", status(&home).1);
    // As if restored from a backup.
    for (path, content) in &before {
        fs::write(path, content).unwrap();
    }
    let (is_good, said) = status(&home);
    assert!(
        !is_good && said.matches("has an earlier root\n  fix: devca status --fix").count() == 2,
        "{said}"
    );
    let output = home.devca(["status", "--fix", "--store", "wsl"]).output().unwrap();
    assert!(output.status.success(), "{}", words(&output));
    for (path, content) in &before {
        assert_ne!(&fs::read(path).unwrap(), content, "{}", path.display());
    }

    // Writing the file again replaces an earlier root, but nothing else.
    fs::write(&before[0].0, &before[0].1).unwrap();
    home.ok(["root", "--format", "pem", "--out", "phone"]);
    assert_eq!(fs::read_to_string(&before[0].0).unwrap(), root(&home));
    fs::write(&before[0].0, "somebody's\n").unwrap();
    assert!(home.fails(["root", "--format", "pem", "--out", "phone"]).contains("is not this root"));
    home.ok(["rotate", "--store", "nss", "--password-file", "password"]);
    assert_eq!(fs::read_to_string(&before[0].0).unwrap(), "somebody's\n");
}

/// devca cannot update what it does not know about.
#[test]
fn a_list_that_cannot_be_read_is_reported() {
    let home = Home::new();
    home.ok(["install", "--store", "wsl"]);
    let list = home.ca().join("exported.jsonl");
    // A line that was cut off and one of a later version do not count as damage.
    fs::write(&list, "{\"v\":99,\"what\":\"x\"}\n{\"v\":1,\"wha").unwrap();
    home.ok(["rotate", "--store", "wsl", "--yes"]);
    fs::write(&list, "[]\n").unwrap();
    let said = home.fails(["rotate", "--store", "wsl", "--yes"]);
    assert!(said.contains("which lists the files with the root: 1 of its lines"), "{said}");
    assert!(status(&home).1.contains("which lists the files with the root: 1 of its lines"));
}

/// A repository contains a CA whose lists name the root of the user's own CA.
#[test]
fn a_list_from_elsewhere_does_not_reach_another_ca() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    home.ok(["env", "--shell", "json"]);
    let repository = home.file("repository");
    let theirs = |words: &[&str]| home.devca(words).env("DEVCA_HOME", &repository).output().unwrap();
    assert!(theirs(&["issue", "localhost", "--out", "theirs"]).status.success());
    let own = root(&home);
    fs::write(repository.join("default/earlier.pem"), &own).unwrap();
    let names = fs::read_dir(home.ca()).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<PathBuf> = names.filter(|path| path.is_file()).collect();
    let outside = home.file("outside.pem");
    fs::write(&outside, &own).unwrap();
    all.push(outside.clone());
    let line = |path: &PathBuf| format!("{{\"v\":1,\"what\":{{\"root\":\"pem\"}},\"path\":{path:?}}}\n");
    fs::write(repository.join("default/exported.jsonl"), all.iter().map(line).collect::<String>()).unwrap();
    let before: Vec<_> =
        home.everything().into_iter().filter(|(path, _)| path.starts_with(home.ca())).collect();
    for command in [&["status", "--fix", "--store", "wsl"][..], &["rotate", "--yes", "--store", "wsl"]] {
        theirs(command);
        let now: Vec<_> =
            home.everything().into_iter().filter(|(path, _)| path.starts_with(home.ca())).collect();
        assert!(now == before, "{command:?} has changed another CA");
    }
    assert_ne!(fs::read_to_string(outside).unwrap(), own, "the lists were read");
}

/// Excessively long lists cost no more than reading them.
#[test]
fn long_lists_are_read_in_time() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    let earlier: String = (0..40)
        .map(|_| {
            home.ok(["rotate", "--yes", "--store", "wsl"]);
            root(&home)
        })
        .collect();
    home.ok(["rotate", "--yes", "--store", "wsl"]);
    fs::write(home.ca().join("earlier.pem"), earlier).unwrap();
    let target = home.file("profile");
    fs::write(&target, "not a root").unwrap();
    let line = |number: usize| {
        format!(
            "{{\"v\":1,\"what\":{{\"root\":\"mobileconfig\"}},\"path\":\"{}{}\"}}\n",
            "/.".repeat(number),
            target.display()
        )
    };
    fs::write(home.ca().join("exported.jsonl"), (0..1000).map(line).collect::<String>()).unwrap();
    let start = std::time::Instant::now();
    home.devca(["status", "--store", "wsl"]).output().unwrap();
    assert!(start.elapsed() < std::time::Duration::from_secs(20), "{:?}", start.elapsed());
}

/// A list from somewhere else could name any file.
#[test]
fn only_an_earlier_root_is_replaced() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    let target = home.file("profile");
    let all = [
        r#"{"root":"pem"}"#,
        r#"{"root":"der"}"#,
        r#"{"intermediate":"vault"}"#,
        r#"{"intermediate":"step-ca"}"#,
    ];
    let line = |what: &&str| format!("{{\"v\":1,\"what\":{what},\"path\":{:?}}}\n", target.to_str().unwrap());
    let list: String = all.iter().map(line).collect();
    fs::write(home.ca().join("exported.jsonl"), list).unwrap();
    // A file with anything besides the root is not the one that devca wrote.
    for content in ["# settings\n".to_owned(), root(&home) + "# mine\n", format!("# mine\n{}", root(&home))] {
        fs::write(&target, &content).unwrap();
        home.ok(["rotate", "--store", "nss", "--yes"]);
        assert_eq!(fs::read_to_string(&target).unwrap(), content);
    }
    // Neither is a file with a root that only `earlier.pem` claims to be an earlier one, such as a company's.
    let strange = home.file("company.pem");
    ok(
        "openssl",
        [
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "30",
            "-subj",
            "/O=A company/CN=root",
            "-keyout",
            "/dev/null",
            "-out",
            strange.to_str().unwrap(),
        ],
    );
    let content = fs::read(&strange).unwrap();
    let earlier = [fs::read(home.ca().join("earlier.pem")).unwrap(), content.clone()].concat();
    fs::write(home.ca().join("earlier.pem"), earlier).unwrap();
    fs::write(&target, &content).unwrap();
    home.ok(["status", "--fix", "--store", "wsl"]);
    home.ok(["rotate", "--store", "nss", "--yes"]);
    assert_eq!(fs::read(&target).unwrap(), content);
    // A key that someone put into an export is not signed.
    fs::write(&target, root(&home)).unwrap();
    fs::create_dir(home.file("export")).unwrap();
    let planted = home.file("export/bundle.pem");
    let key = home.file("planted-key.pem");
    ok(
        "openssl",
        ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key.to_str().unwrap()],
    );
    let own = home.file("planted.pem");
    ok(
        "openssl",
        [
            "req",
            "-x509",
            "-new",
            "-key",
            key.to_str().unwrap(),
            "-subj",
            "/CN=Planted",
            "-days",
            "30",
            "-out",
            own.to_str().unwrap(),
        ],
    );
    let bundle = [&key, &own, &home.root()].map(|path| fs::read(path).unwrap()).concat();
    fs::write(&planted, &bundle).unwrap();
    let line =
        format!("{{\"v\":1,\"what\":{{\"intermediate\":\"vault\"}},\"path\":{:?}}}\n", home.file("export"));
    let list = fs::read_to_string(home.ca().join("exported.jsonl")).unwrap();
    fs::write(home.ca().join("exported.jsonl"), list + &line).unwrap();
    home.ok(["rotate", "--store", "nss", "--yes"]);
    assert_eq!(fs::read(&planted).unwrap(), bundle);
    // Links are not followed.
    let real = home.file("real.pem");
    fs::write(&real, root(&home)).unwrap();
    fs::remove_file(&target).unwrap();
    std::os::unix::fs::symlink(&real, &target).unwrap();
    let content = fs::read(&real).unwrap();
    let said = home.fails(["rotate", "--store", "nss", "--yes"]);
    assert!(said.contains("is a link"), "{said}");
    assert_eq!(fs::read(&real).unwrap(), content);
}

#[test]
fn exports_that_cannot_be_updated_are_reported_with_a_hint() {
    let home = written();
    // The password of the Java key store is unknown.
    let said = home.fails(["permit", "--remove", "corp.example.dev", "--store", "nss"]);
    assert!(said.contains("java.test") && said.contains(" --password-file FILE"), "{said}");
    let (is_good, said) = status(&home);
    assert!(!is_good && said.contains("includes an earlier root"), "{said}");
    home.ok(["renew", "java.test", "--password-file", "password"]);
    assert_eq!(status(&home).1.matches("fix:").count(), 0, "{}", status(&home).1);
    let said = home.ok(["rotate", "--sealed", "--store", "nss", "--password-file", "password"]);
    assert!(said.contains("devca-root.pem") && !status(&home).0, "{said}");
}

#[test]
fn uninstall_names_what_still_has_the_root() {
    let home = written();
    let said = words(&home.devca(["uninstall", "--purge", "--yes", "--store", "nss"]).output().unwrap());
    for name in ["devca-root.pem", "devca-root.mobileconfig", "devca-vault", "devca-cert-manager"] {
        assert!(said.contains(name), "{name}: {said}");
    }
    assert!(home.file("phone/devca-root.pem").exists(), "a build may copy it: it is named, not deleted");
    assert!(!home.ca().exists(), "{said}");
}
