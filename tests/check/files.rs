//! Faults in files and in the environment.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::bench::{authority, compare, findings, forged, serve};
use super::common::{Home, in_namespace, ok, project, tool, words};
use super::running::free_port;

/// Creates a home with a CA and `localhost.pem`.
pub fn home() -> Home {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    home
}

/// Checks a file, trusting only the home's root.
fn finds(home: &Home, expected: &[&str], arguments: &[&str]) -> serde_json::Value {
    let root = home.root();
    findings(home, expected, &[&["--roots", root.to_str().unwrap()], arguments].concat())
}

#[test]
fn good_files_have_no_faults() {
    let home = home();
    home.ok(["issue", "--client", "alice"]);
    home.ok(["issue", "app.test", "--intermediate"]);
    home.ok(["issue", "b.test", "--format", "combined,der"]);
    finds(&home, &[], &["localhost.pem", "--key", "localhost-key.pem", "--name", "localhost"]);
    finds(&home, &[], &["alice-client.pem", "--key", "alice-client-key.pem", "--client"]);
    // The root of a client's certificate is configured in servers, and need not be in any store.
    let (code, document) = home.check(["alice-client.pem"]);
    assert_eq!(code, 0, "{document:#}");
    finds(&home, &[], &["app.test-fullchain.pem"]);
    finds(&home, &[], &["b.test-combined.pem"]);
    finds(&home, &[], &["b.test.der"]);
}

#[test]
fn several_are_checked_in_their_order_and_the_worst_decides() {
    let home = home();
    home.ok(["issue", "app.test"]);
    let root = home.root();
    let root = root.to_str().unwrap();
    let closed = format!("localhost:{}", free_port());
    let check = |words: &[&str]| {
        let output = home.devca(["check", "--json", "--roots", root]).args(words).output().unwrap();
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code().unwrap(), document["checks"].as_array().unwrap().clone())
    };
    let (code, checks) = check(&["localhost.pem", "app.test.pem"]);
    assert_eq!(code, 0, "{checks:#?}");
    assert_eq!([&checks[0]["place"], &checks[1]["place"]], ["localhost.pem", "app.test.pem"]);
    let (code, checks) = check(&["localhost.pem", &closed, "app.test.pem"]);
    assert_eq!(code, 3, "{checks:#?}");
    assert_eq!(checks[1]["findings"][0]["id"], "connection-refused", "{checks:#?}");
    assert_eq!(checks.len(), 3, "the third is checked, too");
    // Nothing is checked if one of the arguments is invalid.
    let output = home.devca(["check", "localhost.pem", "http://localhost:1"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(words(&output).starts_with("devca: error: http://localhost:1 is an address without TLS"));
}

/// BoringSSL does not support address constraints; tests/handshakes.rs tests its real clients.
#[test]
fn clients_that_address_constraints_exclude_are_listed() {
    let home = Home::new();
    home.ok(["install", "--constrain-addresses", "--store", "wsl"]);
    home.ok(["issue", "localhost", "127.0.0.1"]);
    home.ok(["issue", "app.test"]);
    let root = home.root();
    let check = |file| home.ok(["check", file, "--roots", root.to_str().unwrap()]);
    let verdict = "not by BoringSSL (Bun, gRPC): devca permit --no-constrain-addresses";
    assert!(check("localhost+1.pem").contains(verdict));
    assert!(!check("app.test.pem").contains("BoringSSL"), "it has no address");
    home.ok(["permit", "--no-constrain-addresses", "--store", "wsl"]);
    assert!(!check("localhost+1.pem").contains("BoringSSL"));
}

#[test]
fn a_key_of_another_certificate_is_found_and_its_errors_predicted() {
    let home = home();
    home.ok(["issue", "app.test"]);
    let pair = ["localhost.pem", "app.test-key.pem"];
    let found = finds(&home, &["key-mismatch"], &[pair[0], "--key", pair[1]]);
    let node = "require('tls').createSecureContext({cert: fs.readFileSync(process.argv[1]), key: fs.readFileSync(process.argv[2])})";
    let python = "import ssl, sys; ssl.create_default_context().load_cert_chain(*sys.argv[1:])";
    for (client, program, script) in [("Node", "node", ["-e", node]), ("Python", "python3", ["-c", python])] {
        let output = home.command(&tool(program), script).args(pair).output().unwrap();
        compare(&home, client, output.status.success(), &words(&output), &found, "a key of another");
    }
    let server = ["s_server", "-accept", "127.0.0.1:0", "-cert", pair[0], "-key", pair[1]];
    let output = home.command(&tool("openssl"), server).output().unwrap();
    compare(&home, "openssl s_client", output.status.success(), &words(&output), &found, "a key of another");
}

/// The command must issue the same certificate, from the CA that issued it.
#[test]
fn the_command_for_a_new_pair_is_that_of_the_old_one() {
    let home = home();
    home.ok(["install", "--store", "wsl"]);
    home.ok(["--ca", "c1", "issue", "--client", "alice"]);
    home.ok(["--ca", "c2", "issue", "--client", "Bob Smith", "b@app.test"]);
    home.ok(["--ca", "c3", "install", "--sealed", "--store", "wsl"]);
    home.ok(["--ca", "c3", "issue", "--client", "carol"]);
    home.ok(["--ca", "c1", "issue", "app.test"]);
    for (file, expected) in [
        ("alice-client.pem", "devca --ca c1 issue --client alice --force"),
        ("Bob_Smith-client.pem", "devca --ca c2 issue --client 'Bob Smith' b@app.test --force"),
        ("carol-client.pem", "devca --ca c3 issue --client carol --force"),
        ("app.test.pem", "devca --ca c1 issue app.test --force"),
        ("localhost.pem", "devca issue localhost --force"),
    ] {
        let key = if file == "localhost.pem" { "app.test-key.pem" } else { "localhost-key.pem" };
        for option in [&[][..], &["--ca", "c2"]] {
            let (_, document) = home.check([&[file, "--key", key], option].concat());
            assert_eq!(document["findings"][0]["hint"], expected, "{document:#}");
        }
    }
    // The same for the certificate that is presented to a server.
    let (certificate, key) = (home.file("localhost.pem"), home.file("localhost-key.pem"));
    let server = super::common::Server::mutual(&certificate, &key, &home.root());
    let place = format!("localhost:{}", server.port);
    let pair = ["--cert", "alice-client.pem", "--key", "localhost-key.pem"];
    let (_, document) = home.check([&[&*place][..], &pair].concat());
    let findings = document["findings"].as_array().unwrap();
    let mismatch = findings.iter().find(|finding| finding["id"] == "key-mismatch").unwrap();
    assert_eq!(mismatch["hint"], "devca --ca c1 issue --client alice --force", "{document:#}");
}

#[test]
fn a_key_that_others_can_read_is_found() {
    let home = home();
    fs::set_permissions(home.file("localhost-key.pem"), fs::Permissions::from_mode(0o644)).unwrap();
    finds(&home, &["key-readable"], &["localhost.pem", "--key", "localhost-key.pem"]);
}

#[test]
fn a_file_for_another_use_or_name_is_found() {
    let home = home();
    home.ok(["issue", "--client", "alice"]);
    finds(&home, &["name-mismatch"], &["localhost.pem", "--name", "app.test"]);
    finds(&home, &["wrong-usage"], &["localhost.pem", "--client"]);
    let found = finds(&home, &["name-mismatch", "wrong-usage"], &["alice-client.pem", "--name", "localhost"]);
    assert!(found[1]["hint"].as_str().unwrap().contains("--client"), "{found:#}");
    let twice = fs::read(home.file("localhost.pem")).unwrap().repeat(2);
    fs::write(home.file("twice.pem"), twice).unwrap();
    let found = finds(&home, &["wrong-order"], &["twice.pem"]);
    assert!(found[0]["message"].as_str().unwrap().contains("sent twice"), "{found:#}");
}

/// The verdict for each kind of program must match what the program itself does, in any environment.
#[test]
fn the_verdict_of_each_kind_of_program_is_its_own() {
    if !in_namespace("files::the_verdict_of_each_kind_of_program_is_its_own") {
        return;
    }
    let home = Home::new();
    home.ok(["install", "--store", "system"]);
    home.ok(["issue", "localhost"]);
    let root = home.root().display().to_string();
    let server = serve(&(home.file("localhost.pem"), home.file("localhost-key.pem")));
    let (port, clients) = (server.port.to_string(), project().join("tests/clients"));
    let address = format!("https://localhost:{port}/");
    let node =
        [clients.join("client.mjs").display().to_string(), "-".into(), port.clone(), "localhost".into()];
    let deno = [
        &["run", "--quiet", "--no-config", "--allow-net"].map(String::from)[..],
        &[clients.join("fetch.mjs").display().to_string(), "-".into(), port.clone(), "localhost".into()],
    ]
    .concat();
    let python = [clients.join("client.py").display().to_string(), "-".into(), port, "localhost".into()];
    let curl = ["-sS", "--noproxy", "*", &address].map(String::from);
    let programs: [(&str, &str, &[String]); 4] = [
        ("curl", "curl", &curl),
        ("OpenSSL programs (Python, Ruby, PHP)", "python3", &python),
        ("Node", "node", &node),
        ("Deno", "deno", &deno),
    ];
    let mut seen = Vec::new();
    for variable in [
        None,
        Some(("NODE_EXTRA_CA_CERTS", &*root)),
        Some(("SSL_CERT_FILE", "/etc/hosts")),
        Some(("DENO_TLS_CA_STORE", "system")),
    ] {
        let mut check = home.devca(["check", "localhost.pem", "--json"]);
        let document: serde_json::Value =
            serde_json::from_slice(&check.envs(variable).output().unwrap().stdout).unwrap();
        for (name, program, arguments) in programs {
            let verdicts = document["checks"][0]["programs"].as_array().unwrap();
            let verdict = verdicts.iter().find(|verdict| verdict["name"] == name).unwrap();
            let output = home.command(&tool(program), arguments).envs(variable).output().unwrap();
            let accepts = output.status.success();
            assert_eq!(verdict["trusts"], accepts, "{name}, {variable:?}: {}", words(&output));
            seen.push(accepts);
        }
    }
    assert!(seen.contains(&true) && seen.contains(&false));
    let said = home.ok(["check", "localhost.pem", "--store", "system"]);
    assert!(said.contains("by curl, git, OpenSSL programs (Python, Ruby, PHP)\n"), "{said}");
    assert!(said.contains("not by Node, Deno, requests, httpx, gRPC, aws: devca run -- PROGRAM\n"), "{said}");
    assert!(said.lines().all(|line| line.chars().count() <= 80), "{said}");
}

#[test]
fn the_description_of_a_certificate_is_readable() {
    let home = home();
    let (key, leaf) = (home.file("curve-key.pem"), home.file("curve.pem"));
    let (key, leaf) = (key.to_str().unwrap(), leaf.to_str().unwrap());
    ok("openssl", "ecparam -name prime256v1 -param_enc explicit -genkey -noout -out".split(' ').chain([key]));
    ok("openssl", "req -x509 -subj /CN=localhost -key".split(' ').chain([key, "-out", leaf]));
    // The parameters of its curve take ten lines.
    let said = home.ok(["inspect", leaf]);
    assert!(said.contains("ECDSA on a curve without a name\n"), "{said}");
    let said = home.ok(["issue", "old.test", "--not-after", "2026-01-01"]);
    assert!(said.contains("expired      2026-01-01\n"), "{said}");
    // A CA certificate is not checked as a server's, unless requested.
    let (root, roots) =
        (home.root().display().to_string(), ["--roots", home.root().to_str().unwrap()].map(str::to_owned));
    let output = home.devca(["check", &root]).args(&roots).output().unwrap();
    assert!(output.status.success() && words(&output).contains("--name HOST"), "{}", words(&output));
    assert!(!home.devca(["check", &root, "--name", "localhost"]).args(roots).status().unwrap().success());
}

#[test]
fn options_that_mean_nothing_are_refused() {
    let home = home();
    for (arguments, option) in [
        (&["localhost.pem", "--connect", "127.0.0.1:1"][..], "--connect"),
        (&["localhost.pem", "--sni", "localhost"], "--sni"),
        (&["localhost.pem", "--starttls", "smtp"], "--starttls"),
        (&["localhost.pem", "--cert", "localhost.pem", "--key", "localhost-key.pem"], "--cert"),
        (&["localhost:1", "--client"], "--client"),
        (&["localhost:1", "--key", "localhost-key.pem"], "--key"),
    ] {
        let what = format!("{option} does not apply");
        super::common::refusals::refused(&home, [&["check"], arguments].concat(), 2, &what);
    }
}

/// Browsers accept at most 398 days below the roots that they ship, which systems ship too.
#[test]
fn more_than_398_days_are_found_where_the_root_is_a_public_one() {
    let home = Home::new();
    let public = authority(&home, "public", None);
    forged(&home, "year", Some(&public), &["days=397"]);
    forged(&home, "long", Some(&public), &["days=500"]);
    let put = |path: &str| {
        let path = home.file("image").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::copy(&public.0, path).unwrap();
    };
    put("etc/ssl/certs/ca-certificates.crt");
    put("usr/local/share/ca-certificates/public.crt");
    findings(&home, &[], &["long.pem", "--sysroot", "image"]);
    put("usr/share/ca-certificates/mozilla/public.crt");
    findings(&home, &[], &["year.pem", "--sysroot", "image"]);
    let found = findings(&home, &["too-long"], &["long.pem", "--sysroot", "image"]);
    assert!(found[0]["message"].as_str().unwrap().contains("398"), "{found:#}");
}

#[test]
fn a_machine_without_stores_has_problems() {
    let home = home();
    fs::create_dir(home.file("empty")).unwrap();
    let (code, document) = home.check(["localhost.pem", "--sysroot", "empty"]);
    assert_eq!((code, &document["findings"][0]["id"]), (1, &"untrusted-root".into()), "{document:#}");
}

#[test]
fn all_faults_are_found_in_one_run_the_worst_first() {
    let home = home();
    let root = authority(&home, "stranger", None);
    forged(&home, "bad", Some(&root), &["kind=client", "in=3", "days=900", "rsa=1024"]);
    let expected = ["untrusted-root", "name-mismatch", "not-yet-valid", "wrong-usage", "weak", "too-long"];
    finds(&home, &expected, &["bad.pem", "--name", "app.test"]);
}

#[test]
fn a_root_in_only_some_stores_is_reported_per_store() {
    let home = home();
    let database = super::common::browsers::chromium_database(&home);
    let database = database.to_str().unwrap();
    let (code, document) = home.check(["localhost.pem", "--store", "nss"]);
    assert_eq!((code, &document["findings"][0]["id"]), (1, &"untrusted-root".into()), "{document:#}");
    assert!(document["not_trusted_by"][0].as_str().unwrap().contains(database), "{document:#}");
    home.ok(["install", "--store", "nss"]);
    let (code, document) = home.check(["localhost.pem", "--store", "nss"]);
    assert_eq!(code, 0, "{document:#}");
    assert!(document["trusted_by"][0].as_str().unwrap().contains(database), "{document:#}");
}

#[test]
fn a_file_without_a_certificate_is_an_error_with_a_hint() {
    let home = home();
    fs::write(home.file("empty.pem"), "").unwrap();
    fs::write(home.file("garbage.pem"), [0xff; 4096]).unwrap();
    fs::write(home.file("damaged.pem"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        .unwrap();
    for file in ["empty.pem", "garbage.pem"] {
        super::common::refusals::refused(&home, ["check", file], 1, "contains no certificate");
    }
    finds(&home, &["not-tls"], &["damaged.pem"]);
    super::common::refusals::refused(&home, ["check", "missing.pem"], 2, "neither a file nor an address");
}

#[test]
fn files_that_are_confused_with_certificates_are_identified() {
    let home = Home::new();
    home.ok(["install", "--store", "nss"]);
    home.ok(["issue", "localhost"]);
    home.ok(["issue", "--client", "alice"]);
    let refused = |file: &str, part: &str| super::common::refusals::refused(&home, ["check", file], 1, part);
    refused("localhost-key.pem", "is a private key, not a certificate");
    let whole = fs::read_to_string(home.file("localhost.pem")).unwrap();
    fs::write(home.file("half.pem"), &whole[..whole.len() / 2]).unwrap();
    refused("half.pem", "is cut off");
    let csr = home.file("x.csr").display().to_string();
    let words = [
        "req",
        "-new",
        "-newkey",
        "ed25519",
        "-nodes",
        "-subj",
        "/CN=x",
        "-keyout",
        "/dev/null",
        "-out",
        &csr,
    ];
    super::common::ok("openssl", words);
    refused("x.csr", "is a CSR, not a certificate");
    // A root is checked as a root, and a client certificate as a client's.
    let root = home.root().display().to_string();
    finds(&home, &[], &[&root]);
    finds(&home, &[], &["alice-client.pem"]);
    finds(&home, &["name-mismatch", "wrong-usage"], &["alice-client.pem", "--name", "localhost"]);
}

/// x509-parser does not verify such signatures; devca must not treat them as good because of that.
#[test]
fn a_tampered_signature_on_a_rare_curve_is_found() {
    let home = Home::new();
    let run = |script: &str| {
        let output = home.command(&tool("sh"), ["-euc", script]).output().unwrap();
        assert!(output.status.success(), "{}", words(&output));
    };
    for (curve, hash) in [("secp521r1", "sha512"), ("prime256v1", "sha512"), ("secp384r1", "sha512")] {
        run(&format!(
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:{curve} -nodes -subj /CN=root -days 30 \
                 -keyout ca.key -out ca.pem 2>/dev/null
             openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=app.test \
                 -addext subjectAltName=DNS:app.test -keyout leaf.key -out leaf.csr 2>/dev/null
             openssl x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -{hash} -days 20 -copy_extensions copy \
                 -out leaf.pem 2>/dev/null
             openssl x509 -in leaf.pem -outform DER -out leaf.der"
        ));
        let check = |file: &str| {
            let (_, document) = home.check([file, "--roots", "ca.pem", "--name", "app.test"]);
            let findings = document["findings"].as_array().unwrap().clone();
            findings.iter().any(|finding| finding["id"] == "bad-signature")
        };
        assert!(!check("leaf.der"), "{curve} {hash}");
        let mut tampered = fs::read(home.file("leaf.der")).unwrap();
        *tampered.last_mut().unwrap() ^= 1;
        fs::write(home.file("tampered.der"), tampered).unwrap();
        assert!(check("tampered.der"), "{curve} {hash}: a signature with a flipped bit");
    }
}
