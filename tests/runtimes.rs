//! Programs that do not use the system's store, with `devca run` and with the variables from `devca env`,
//! without touching any store. Also imported roots.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;
#[path = "runtimes/company.rs"]
mod company;
#[path = "runtimes/list.rs"]
mod list;
#[path = "runtimes/programs.rs"]
mod programs;
#[path = "runtimes/reach.rs"]
mod reach;

use std::fs;
use std::process::Command;

use common::clients::CLIENTS;
use common::{Home, Server, ok, tool, words};

#[test]
fn every_dialect_is_understood_by_its_reader_whatever_the_path() {
    let home = Home::new();
    let odd = home.file("it's $HOME \"and\" more %PATH% \\");
    let devca = |words: &[&str]| {
        let output = home.devca(words).env("DEVCA_HOME", &odd).output().unwrap();
        assert!(output.status.success(), "{}", common::words(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    devca(&["issue", "localhost"]);
    let expected = odd.join("default/bundle.pem").display().to_string();
    let read = |shell: &str, words: &[&str]| {
        let output = Command::new(tool(shell))
            .args(words)
            .env_remove("SSL_CERT_FILE")
            .env("HOME", home.home())
            .output()
            .unwrap();
        assert!(output.status.success(), "{shell}: {}", common::words(&output));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    };
    let file = home.file("variables");
    for (dialect, shell) in [("bash", "bash"), ("sh", "dash"), ("zsh", "zsh"), ("fish", "fish")] {
        fs::write(&file, devca(&["env", "--shell", dialect])).unwrap();
        let script = format!(". {}; printenv SSL_CERT_FILE", file.display());
        assert_eq!(read(shell, &["-c", &script]), expected, "{shell}");
    }
    let json: serde_json::Value = serde_json::from_str(&devca(&["env", "--shell", "json"])).unwrap();
    assert_eq!(json["SSL_CERT_FILE"], expected.as_str());
    let mut document = home.devca(["env", "--json"]);
    let document =
        document.env("DEVCA_HOME", &odd).env("SSL_CERT_FILE", home.file("gone.pem")).output().unwrap();
    let document: serde_json::Value = serde_json::from_slice(&document.stdout).unwrap();
    assert_eq!(document["variables"], json, "the variables alone are below \"variables\"");
    assert!(
        document["notes"][0]
            .as_str()
            .unwrap()
            .contains("gone.pem, which SSL_CERT_FILE names: it does not exist"),
        "{document}"
    );
    assert!(devca(&["env", "--shell", "powershell"]).contains("$env:SSL_CERT_FILE = '"));
    assert!(devca(&["env", "--shell", "cmd"]).contains("set \"SSL_CERT_FILE="));
    // There is no common syntax for .env files; this one has a path without quotes, and is read by Node.
    home.ok(["issue", "app.test"]);
    fs::write(&file, home.ok(["env", "--shell", "dotenv"])).unwrap();
    let flag = format!("--env-file={}", file.display());
    let plain = home.ca().join("bundle.pem").display().to_string();
    assert_eq!(read("node", &[&flag, "-p", "process.env.SSL_CERT_FILE"]), plain);
}

#[test]
fn run_passes_on_what_the_program_says() {
    let home = Home::new();
    let before = home.devca(["run", "--", "true"]).output().unwrap();
    assert_eq!(before.status.code(), Some(1));
    assert!(words(&before).contains("no root in "), "{}", words(&before));
    home.ok(["issue", "localhost"]);
    assert_eq!(home.devca(["run", "--", "sh", "-c", "exit 7"]).output().unwrap().status.code(), Some(7));
    // The exit codes of env, nice and shells.
    let fails = |program: &str, code: i32, part: &str| {
        let output = home.devca(["run", "--", program]).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{program}: {}", words(&output));
        assert!(words(&output).contains(part), "{}", words(&output));
    };
    fails("no-such-program", 127, "devca: error: no-such-program was not found in PATH");
    fails("./no-such-program", 127, "devca: error: cannot run ./no-such-program");
    fs::write(home.file("broken"), "#!/no/such/interpreter\n").unwrap();
    fails("./broken", 126, "devca: hint: check its permissions: ls -l ./broken");
    ok("chmod", ["755", home.file("broken").to_str().unwrap()]);
    fails("./broken", 126, "devca: hint: check the interpreter in its first line");
    let mut shadowed = home.devca(["run", "--", "broken"]);
    ok("chmod", ["644", home.file("broken").to_str().unwrap()]);
    let output = shadowed.env("PATH", home.work()).output().unwrap();
    assert_eq!(output.status.code(), Some(126), "{}", words(&output));
    assert_eq!(home.devca(["run"]).output().unwrap().status.code(), Some(2));
}

#[test]
fn mkcerts_root_is_imported() {
    let home = Home::new();
    let caroot = home.file("mkcert");
    fs::create_dir(&caroot).unwrap();
    let mut mkcert =
        home.command(&tool("mkcert"), ["-cert-file", "old.pem", "-key-file", "old-key.pem", "localhost"]);
    let output = mkcert.env("CAROOT", &caroot).output().unwrap();
    assert!(output.status.success(), "{}", words(&output));
    let imported = home.devca(["import", caroot.to_str().unwrap()]).output().unwrap();
    assert!(
        imported.status.success() && words(&imported).contains("may sign for any name"),
        "{}",
        words(&imported)
    );
    assert_eq!(
        ok("openssl", ["x509", "-in", home.root().to_str().unwrap(), "-noout", "-fingerprint"]),
        ok("openssl", ["x509", "-in", caroot.join("rootCA.pem").to_str().unwrap(), "-noout", "-fingerprint"])
    );
    home.ok(["issue", "localhost", "www.example-bank.com"]);
    let server = Server::start(&home.file("localhost+1.pem"), &home.file("localhost+1-key.pem"));
    for client in CLIENTS {
        client.accepts(Some(&caroot.join("rootCA.pem")), server.port, "localhost");
    }
    // Nothing is overwritten.
    let again = home.devca(["import", caroot.to_str().unwrap()]).output().unwrap();
    assert!(!again.status.success() && words(&again).contains("would overwrite"), "{}", words(&again));
}

#[test]
fn any_pair_is_imported_whatever_the_format_of_its_key() {
    let home = Home::new();
    let path = |name: &str| home.file(name).display().to_string();
    let keys: &[(&str, &[&str])] = &[
        ("sec1", &["ecparam", "-name", "prime256v1", "-genkey", "-noout"]),
        ("sec1-384", &["ecparam", "-name", "secp384r1", "-genkey", "-noout"]),
        ("pkcs1", &["genrsa", "-traditional", "2048"]),
        ("pkcs8", &["genpkey", "-algorithm", "RSA"]),
        ("ed25519", &["genpkey", "-algorithm", "ed25519"]),
    ];
    for (name, words) in keys {
        let (key, root) = (path(&format!("{name}/any-key.pem")), path(&format!("{name}/any.crt")));
        fs::create_dir(home.file(name)).unwrap();
        ok("openssl", [&words[..1], &["-out", key.as_str()], &words[1..]].concat());
        ok(
            "openssl",
            [
                "req",
                "-x509",
                "-key",
                &key,
                "-subj",
                "/C=CH/O=Ünïcode/OU=a/CN=any",
                "-utf8",
                "-days",
                "30",
                "-out",
                &root,
            ],
        );
        home.ok(["--ca", name, "import", home.file(name).to_str().unwrap()]);
        home.ok(["--ca", name, "issue", "localhost", "--force"]);
        ok("openssl", ["verify", "-CAfile", &root, "-verify_hostname", "localhost", &path("localhost.pem")]);
        let stored =
            home.home().join(format!(".local/share/devca/{name}/root-key.pem")).display().to_string();
        ok("openssl", ["pkey", "-in", &stored, "-noout"]);
        assert!(fs::read_to_string(stored).unwrap().starts_with("-----BEGIN PRIVATE KEY-----"));
    }
}

#[test]
fn a_key_without_its_certificate_is_refused() {
    let home = Home::new();
    let refused = |words: &[&str], part: &str| {
        let output = home.devca([&["import"], words].concat()).output().unwrap();
        assert!(!output.status.success());
        let said = common::words(&output);
        assert!(said.contains(part) && said.contains("devca: hint: "), "{said}");
        assert!(!home.root().exists() && !home.ca().join("root-key.pem").exists());
    };
    refused(&[], "a folder, or a certificate and its key, is required");
    refused(&["nowhere"], "cannot read nowhere");
    refused(&["."], "contains no CA certificate with its key");
    home.ok(["--ca", "one", "issue", "localhost"]);
    home.ok(["--ca", "two", "issue", "app.test"]);
    let ca = |name: &str, file: &str| {
        home.home().join(".local/share/devca").join(name).join(file).display().to_string()
    };
    refused(
        &["--cert", &ca("one", "root.pem"), "--key", &ca("two", "root-key.pem")],
        "does not match this certificate",
    );
    refused(&["--cert", "localhost.pem", "--key", "localhost-key.pem"], "not a CA certificate");
    refused(&["--cert", &ca("one", "root.pem")], "--key");
    // OpenSSL signs anything. devca would lose a part of these constraints when it signs the root again.
    let limits = "nameConstraints=critical,permitted;DNS:example.test,permitted;";
    for (extension, part) in [
        ("keyUsage=critical,digitalSignature".into(), "does not let it sign certificates"),
        (format!("{limits}email:example.test"), "devca does not support"),
        (format!("{limits}IP:10.0.0.0/255.0.255.0"), "devca does not support"),
    ] {
        let made = ["req", "-x509", "-newkey", "ed25519", "-nodes", "-days", "30", "-subj", "/CN=odd"];
        let (root, key) = (ca("one", "odd.pem"), ca("one", "odd.key"));
        let files = ["-keyout", key.as_str(), "-out", &root];
        ok("openssl", made.iter().chain(&files).chain(&["-addext", extension.as_str()]));
        refused(&["--cert", &root, "--key", &key], part);
    }
    home.ok(["--ca", "sealed", "install", "--sealed", "--store", "wsl"]);
    refused(
        &["--cert", &ca("sealed", "intermediate.pem"), "--key", &ca("sealed", "intermediate-key.pem")],
        "another CA issued it",
    );
    for name in ["one", "two"] {
        fs::copy(ca(name, "root.pem"), home.file(&format!("{name}.crt"))).unwrap();
        fs::copy(ca(name, "root-key.pem"), home.file(&format!("{name}.key"))).unwrap();
    }
    refused(&["."], "more than one");
    // rcgen would encode this subject differently, so the issuer in its leaves would not match.
    let (key, root) = (home.file("odd.key"), home.file("odd.pem"));
    let words =
        ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/OU=a/OU=b/CN=odd", "-days", "30"];
    ok(
        "openssl",
        words.into_iter().chain(["-keyout", key.to_str().unwrap(), "-out", root.to_str().unwrap()]),
    );
    refused(&["--cert", root.to_str().unwrap(), "--key", key.to_str().unwrap()], "cannot write");
}
