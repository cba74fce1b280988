//! Roots that an environment trusted before devca, such as those of a company's proxy, stay trusted with
//! `devca run`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::clients::{java_classes, own_jdk};
use crate::common::{self, Home, Server, ok, project, strangers_root, tool, words};

/// A company with its own root and server: another devca CA, whose root is in the company's folder.
struct Company {
    server: Server,
    root: PathBuf,
}

impl Company {
    fn new(home: &Home, name: &str) -> Self {
        let root = home.file(&format!("{name}.pem"));
        home.ok([
            "--ca",
            name,
            "issue",
            "localhost",
            "--cert-file",
            "c.pem",
            "--key-file",
            "c-key.pem",
            "--force",
        ]);
        fs::copy(home.home().join(format!(".local/share/devca/{name}/root.pem")), &root).unwrap();
        Self { server: Server::page(&home.file("c.pem"), &home.file("c-key.pem")), root }
    }
}

fn own_server(home: &Home) -> Server {
    home.ok(["issue", "localhost"]);
    Server::page(&home.file("localhost.pem"), &home.file("localhost-key.pem"))
}

fn node(port: u16) -> Vec<String> {
    let script = project().join("tests/clients/client.mjs").display().to_string();
    vec![tool("node").display().to_string(), script, "-".into(), port.to_string(), "localhost".into()]
}

fn python(port: u16, library: &str) -> Vec<String> {
    let python = project().join("target/tools/python/bin/python").display().to_string();
    let script = format!("import {library}; {library}.get('https://localhost:{port}/')");
    vec![python, "-c".into(), script]
}

fn java(port: u16) -> Vec<String> {
    let words =
        ["java", "-cp", java_classes().to_str().unwrap(), "Client", "-", &port.to_string(), "localhost"];
    words.map(ToOwned::to_owned).to_vec()
}

fn run(home: &Home, variable: &str, value: &str, command: &[String]) -> std::process::Output {
    let mut run = home.devca(["run", "--"].map(ToOwned::to_owned).iter().chain(command));
    run.env(variable, value).env("no_proxy", "*").output().unwrap()
}

fn count(path: impl AsRef<Path>) -> usize {
    fs::read_to_string(path).unwrap().matches("BEGIN CERTIFICATE").count()
}

fn system() -> usize {
    count("/etc/ssl/certs/ca-certificates.crt")
}

#[test]
fn roots_that_a_variable_named_before_stay_trusted() {
    let home = Home::new();
    let own = own_server(&home);
    let company = Company::new(&home, "company");
    let trust_store = home.file("company.p12").display().to_string();
    let root = company.root.display().to_string();
    let import = ["-importcert", "-noprompt", "-alias", "company", "-storepass", "changeit"];
    ok(
        "keytool",
        import.into_iter().chain(["-storetype", "PKCS12", "-keystore", &trust_store, "-file", &root]),
    );
    let options = format!("-Xmx64m -Djavax.net.ssl.trustStore={trust_store}");
    for (variable, value, command) in [
        ("NODE_EXTRA_CA_CERTS", &root, node as fn(u16) -> Vec<String>),
        ("SSL_CERT_FILE", &root, |port| python(port, "httpx")),
        ("REQUESTS_CA_BUNDLE", &root, |port| python(port, "requests")),
        // requests reads this if REQUESTS_CA_BUNDLE is not set; devca sets both.
        ("CURL_CA_BUNDLE", &root, |port| python(port, "requests")),
        ("JAVA_TOOL_OPTIONS", &options, java),
    ] {
        for port in [own.port, company.server.port] {
            let output = run(&home, variable, value, &command(port));
            assert!(output.status.success(), "{variable}, port {port}: {}", words(&output));
            assert!(!words(&output).contains("devca: note:"), "{}", words(&output));
        }
        // Without it, the company's server is not trusted, even after the root was merged once.
        let output = run(&home, "UNRELATED", "", &command(company.server.port));
        assert!(!output.status.success(), "{variable} is remembered: {}", words(&output));
    }
    let print = ["printenv".to_owned(), "JAVA_TOOL_OPTIONS".into()];
    let said = words(&run(&home, "JAVA_TOOL_OPTIONS", &options, &print));
    assert!(said.contains("-Xmx64m ") && !said.contains("company.p12"), "{said}");
}

#[test]
fn a_companys_file_that_changes_is_read_again() {
    let home = Home::new();
    own_server(&home);
    let company = Company::new(&home, "company");
    let file = company.root.display().to_string();
    assert!(run(&home, "NODE_EXTRA_CA_CERTS", &file, &node(company.server.port)).status.success());
    // If the shell has evaluated `devca env`, the variable names devca's file.
    let mut env = home.devca(["env", "--json"]);
    let output = env.env("NODE_EXTRA_CA_CERTS", &file).output().unwrap();
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let merged = document["variables"]["NODE_EXTRA_CA_CERTS"].as_str().unwrap().to_owned();
    assert_eq!(count(&merged), 2, "the company's and devca's");
    let successor = Company::new(&home, "successor");
    fs::copy(&successor.root, &file).unwrap();
    assert!(run(&home, "NODE_EXTRA_CA_CERTS", &merged, &node(successor.server.port)).status.success());
    let output = run(&home, "NODE_EXTRA_CA_CERTS", &merged, &node(company.server.port));
    assert!(!output.status.success(), "the root that the company has withdrawn is still trusted");
}

#[test]
fn terminals_do_not_disturb_one_another_and_sources_are_forgotten() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    let company = home.file("company.pem");
    strangers_root(&company);
    let named = |value: &str| {
        let print = ["printenv".to_owned(), "SSL_CERT_FILE".into()];
        let output = run(&home, "SSL_CERT_FILE", value, &print);
        assert!(output.status.success(), "{}", words(&output));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    };
    let merged = named(company.to_str().unwrap());
    assert_eq!(count(&merged), system() + 2, "the system's, the company's and devca's");
    let plain = named("");
    assert_ne!(merged, plain);
    assert_eq!(plain, home.ca().join("bundle.pem").display().to_string());
    assert_eq!(count(&plain), system() + 1, "a source that no variable names is not included");
    assert_eq!(count(&merged), system() + 2, "the other terminal's programs go on");
    assert_eq!(named(&merged), merged, "devca's own file stands for what was merged into it");
    assert_eq!(named(&plain), plain);
    assert!(home.listing().contains(&"company.pem".to_owned()));
}

#[test]
fn a_source_that_others_can_write_is_not_taken() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    let file = home.file("company.pem");
    strangers_root(&file);
    let path = file.to_str().unwrap();
    let included = |expected: Option<&str>| {
        let print = ["sh".to_owned(), "-c".into(), "grep -c BEGIN \"$SSL_CERT_FILE\"".into()];
        let output = run(&home, "SSL_CERT_FILE", path, &print);
        let found: usize = String::from_utf8_lossy(&output.stdout).trim().parse().unwrap();
        let said = words(&output);
        match expected {
            None => assert!(found == system() + 2 && !said.contains("devca: note:"), "{said}"),
            Some(why) => {
                assert_eq!(found, system() + 1, "{said}");
                assert!(
                    said.contains(&format!("skipped {path}, which SSL_CERT_FILE names: {why}")),
                    "{said}"
                );
            }
        }
    };
    included(None);
    ok("chmod", ["666", path]);
    included(Some("other users can write to it"));
    ok("chmod", ["644", path]);
    included(None);
    if nix::unistd::geteuid().is_root() {
        ok("chown", ["nobody", path]);
        included(Some("it belongs to another user"));
        ok("chown", ["root", path]);
    }
    fs::write(&file, "nothing").unwrap();
    included(Some("it is neither PEM nor PKCS#12"));
    let damaged = "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n";
    fs::write(&file, damaged).unwrap();
    included(Some("it is damaged"));
    fs::write(&file, vec![b'\n'; 9 << 20]).unwrap();
    included(Some("it is larger than 8 MiB"));
    fs::remove_file(&file).unwrap();
    included(Some("it does not exist"));
    ok("mkfifo", [path]);
    included(Some("it is not a regular file"));
    // The certificates that can be read are included.
    fs::remove_file(&file).unwrap();
    strangers_root(&file);
    let intact = fs::read_to_string(&file).unwrap();
    fs::write(&file, damaged.to_owned() + &intact).unwrap();
    let count = ["sh".to_owned(), "-c".into(), "grep -c BEGIN \"$SSL_CERT_FILE\"".into()];
    let output = run(&home, "SSL_CERT_FILE", path, &count);
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), (system() + 2).to_string());
    let said = words(&output);
    assert!(
        said.contains(&format!("{path}, which SSL_CERT_FILE names, has 1 damaged certificate\n")),
        "{said}"
    );
}

/// curl ignores the folder if `CURL_CA_BUNDLE` is set, so the roots in the folder are merged into that.
#[test]
fn a_folder_of_roots_is_merged() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    fs::create_dir(home.file("roots")).unwrap();
    strangers_root(&home.file("roots/company.pem"));
    ok("openssl", ["rehash", home.file("roots").to_str().unwrap()]);
    // OpenSSL does not find what has no hash link.
    strangers_root(&home.file("roots/not-linked.pem"));
    let print = ["printenv".to_owned(), "CURL_CA_BUNDLE".into()];
    let output = run(&home, "SSL_CERT_DIR", home.file("roots").to_str().unwrap(), &print);
    assert!(output.status.success(), "{}", words(&output));
    let bundle = String::from_utf8(output.stdout).unwrap().trim_end().to_owned();
    assert_eq!(count(&bundle), system() + 2, "the system's, the company's and devca's");
}

/// The variables of `devca run` come before the settings of git and pip, so what these name must be among their roots.
#[test]
fn roots_in_the_settings_of_git_npm_and_pip_stay_trusted() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    let company = Company::new(&home, "company");
    let (root, port) = (company.root.display().to_string(), company.server.port);
    let address = format!("https://localhost:{port}/");
    let git = |subcommand: &[&str]| {
        let words = ["git"].iter().chain(subcommand).map(|word| (*word).to_owned());
        let run: Vec<String> = ["run", "--"].map(String::from).into_iter().chain(words).collect();
        home.devca(run).env("no_proxy", "*").output().unwrap()
    };
    // The server answers, but not as a repository.
    let refuses = |output: &std::process::Output| words(output).contains("certificate");
    assert!(refuses(&git(&["ls-remote", &address])), "nothing names the company's root");
    fs::write(home.home().join(".gitconfig"), format!("[http]\n\tsslCAInfo = {root}\n")).unwrap();
    let output = git(&["ls-remote", &address]);
    assert!(!refuses(&output), "{}", words(&output));
    let bundle = |home: &Home| home.json(["env"])["variables"]["SSL_CERT_FILE"].as_str().unwrap().to_owned();
    let own = fs::read_to_string(&company.root).unwrap();
    let has = |home: &Home| fs::read_to_string(bundle(home)).unwrap().contains(own.trim());
    assert!(has(&home));
    fs::remove_file(home.home().join(".gitconfig")).unwrap();
    assert!(!has(&home), "a file that no setting names any longer is left out");
    for (file, line) in [
        (".npmrc", format!("cafile={root}\n")),
        (".config/pip/pip.conf", format!("[global]\ncert = {root}\n")),
    ] {
        let file = home.home().join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, line).unwrap();
        assert!(has(&home), "{}", file.display());
        fs::remove_file(file).unwrap();
    }
    // A repository's settings would decide what every program trusts.
    fs::write(home.file(".npmrc"), format!("cafile={root}\n")).unwrap();
    assert!(!has(&home));
}

/// devca's settings of PHP take precedence over those that name a company's root.
#[test]
fn roots_in_phps_settings_stay_trusted() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    let company = Company::new(&home, "company");
    let folder = home.file("php");
    fs::create_dir(&folder).unwrap();
    let url = format!("https://localhost:{}/", company.server.port);
    let curl = format!("$c = curl_init('{url}'); curl_exec($c); echo curl_error($c); exit(curl_errno($c));");
    let stream = format!("exit(file_get_contents('{url}') === false ? 1 : 0);");
    for (setting, script) in [("curl.cainfo", &curl), ("openssl.cafile", &stream)] {
        let php = || {
            let mut command = home.devca(["run", "--", "php", "-r", script]);
            command.env("PHP_INI_SCAN_DIR", format!(":{}", folder.display())).output().unwrap()
        };
        fs::write(folder.join("company.ini"), format!(";{setting}={}\n", company.root.display())).unwrap();
        assert!(!php().status.success(), "nothing names the company's root");
        fs::write(folder.join("company.ini"), format!("{setting} = \"{}\"\n", company.root.display()))
            .unwrap();
        let output = php();
        assert!(output.status.success(), "{setting}: {}", words(&output));
    }
}

/// A company's trust store may be of Java's old kind, whose certificates can be read without its password.
#[test]
fn a_company_s_jks_stays_trusted() {
    let home = Home::new();
    let (own, company) = (own_server(&home), Company::new(&home, "company"));
    let store = home.file("corp.jks").display().to_string();
    let root = company.root.display().to_string();
    ok(
        "keytool",
        [
            "-importcert",
            "-noprompt",
            "-alias",
            "corp",
            "-storepass",
            "secret1",
            "-storetype",
            "JKS",
            "-keystore",
            &store,
            "-file",
            &root,
        ],
    );
    let options = format!("-Djavax.net.ssl.trustStore={store} -Djavax.net.ssl.trustStorePassword=secret1");
    for server in [&own, &company.server] {
        let output = run(&home, "JAVA_TOOL_OPTIONS", &options, &java(server.port));
        assert!(output.status.success(), "{}", words(&output));
    }
}

/// Creates a trust store with this password.
fn trust_store(home: &Home, kind: &str, password: &str, root: &Path) -> PathBuf {
    let store = home.file(&format!("corp-{password}.{kind}"));
    let words = ["-importcert", "-noprompt", "-alias", "corp", "-storepass", password, "-storetype", kind];
    let files = ["-keystore", store.to_str().unwrap(), "-file", root.to_str().unwrap()];
    ok("keytool", words.iter().chain(&files));
    store
}

/// Returns what `devca env` prints for Java, given these options.
fn java_options(home: &Home, options: &str) -> String {
    let output = home.devca(["env", "--json"]).env("JAVA_TOOL_OPTIONS", options).output().unwrap();
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    document["variables"]["JAVA_TOOL_OPTIONS"]
        .as_str()
        .unwrap_or_else(|| panic!("{}", words(&output)))
        .to_owned()
}

#[test]
fn a_companys_pkcs12_with_a_password_of_its_own_stays_trusted() {
    let home = Home::new();
    let (own, company) = (own_server(&home), Company::new(&home, "company"));
    let store = trust_store(&home, "pkcs12", "secret1", &company.root);
    let options =
        format!("-Djavax.net.ssl.trustStore={} -Djavax.net.ssl.trustStorePassword=secret1", store.display());
    // In a terminal that has evaluated `devca env`, the options name devca's store.
    for options in [&options, &java_options(&home, &options)] {
        for server in [&own, &company.server] {
            let output = run(&home, "JAVA_TOOL_OPTIONS", options, &java(server.port));
            assert!(output.status.success(), "{options}: {}", words(&output));
            assert!(!words(&output).contains("devca: note:"), "{}", words(&output));
        }
    }
    let wrong = options.replace("Password=secret1", "Password=secret2");
    let output = run(&home, "JAVA_TOOL_OPTIONS", &wrong, &java(own.port));
    let said = words(&output);
    assert!(said.contains("it cannot be opened with the password in JAVA_TOOL_OPTIONS"), "{said}");
    assert!(!said.lines().any(|line| line.starts_with("devca:") && line.contains("secret2")), "{said}");
}

/// A JDK that the system does not manage has a list of its own, into which companies import their root.
#[test]
fn roots_in_the_jdks_cacerts_stay_trusted() {
    let home = Home::new();
    let (own, company) = (own_server(&home), Company::new(&home, "company"));
    let jdk = own_jdk(&home);
    let cacerts = jdk.join("lib/security/cacerts");
    let keytool = |words: &[&str]| {
        let common = ["-cacerts", "-storepass", "changeit", "-noprompt"];
        let program = jdk.join("bin/keytool");
        let output = home.command(&program, words.iter().chain(&common)).output().unwrap();
        assert!(output.status.success(), "{}", common::words(&output));
    };
    let java = |port: u16| {
        let mut words = java(port);
        words[0] = jdk.join("bin/java").display().to_string();
        words
    };
    let path = || {
        let path = std::env::var_os("PATH").unwrap();
        std::env::join_paths([jdk.join("bin")].into_iter().chain(std::env::split_paths(&path))).unwrap()
    };
    let is_trusted = |port: u16, by: &str| {
        let mut run = home.devca(["run", "--"].map(ToOwned::to_owned).iter().chain(&java(port)));
        match by {
            "JAVA_HOME" => run.env("JAVA_HOME", &jdk),
            "PATH" => run.env_remove("JAVA_HOME").env("PATH", path()),
            _ => run.env_remove("JAVA_HOME"),
        };
        run.output().unwrap().status.success()
    };
    assert!(!is_trusted(company.server.port, "JAVA_HOME"), "nobody has imported it yet");
    keytool(&["-importcert", "-alias", "corp", "-file", company.root.to_str().unwrap()]);
    for by in ["JAVA_HOME", "PATH"] {
        for server in [&own, &company.server] {
            assert!(is_trusted(server.port, by), "{by}");
        }
    }
    assert!(!is_trusted(company.server.port, "neither"), "another Java has not trusted it");
    // No other program has trusted it.
    let output = home.devca(["env", "--json"]).env("JAVA_HOME", &jdk).output().unwrap();
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(count(document["variables"]["SSL_CERT_FILE"].as_str().unwrap()), system() + 1);
    assert_eq!(count(document["variables"]["NODE_EXTRA_CA_CERTS"].as_str().unwrap()), 1);
    // A new root replaces the old one there, and what the company has withdrawn goes.
    home.ok(["rotate", "--store", "wsl"]);
    let own = Server::page(&home.file("localhost.pem"), &home.file("localhost-key.pem"));
    let store = document["variables"]["JAVA_TOOL_OPTIONS"].as_str().unwrap();
    for port in [own.port, company.server.port] {
        let client = java(port);
        let output =
            home.command(Path::new(&client[0]), &client[1..]).env("JAVA_TOOL_OPTIONS", store).output();
        assert!(output.as_ref().unwrap().status.success(), "{}", words(&output.unwrap()));
    }
    keytool(&["-delete", "-alias", "corp"]);
    assert!(!is_trusted(company.server.port, "JAVA_HOME"));
    assert!(is_trusted(own.port, "JAVA_HOME"));
    // A trust store in the options takes the place of the JDK's own.
    fs::remove_file(&cacerts).unwrap();
    assert!(is_trusted(own.port, "JAVA_HOME"));
}
