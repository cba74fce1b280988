//! The contents of certificates, according to other software.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use common::{Home, ok, words};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

const KEY_TYPES: &[&str] = &["ecdsa-p256", "ecdsa-p384", "ed25519", "rsa-2048", "rsa-3072", "rsa-4096"];

fn openssl_text(home: &Home, file: &str) -> String {
    let path = home.work().join(file);
    let text = ok("openssl", ["x509", "-in", path.to_str().unwrap(), "-noout", "-text"]);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_root_is_what_the_profile_says() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    let text = openssl_text(&home, home.root().to_str().unwrap());
    for part in [
        "Signature Algorithm: ecdsa-with-SHA256",
        "NIST CURVE: P-256",
        "Subject: O = devca development CA, CN = devca root alice@",
        "X509v3 Basic Constraints: critical CA:TRUE",
        "X509v3 Key Usage: critical Certificate Sign, CRL Sign",
        "X509v3 Subject Key Identifier:",
        "X509v3 Extended Key Usage: TLS Web Server Authentication, TLS Web Client Authentication X509v3",
        "X509v3 Name Constraints: critical Permitted: DNS:localhost DNS:test DNS:example",
    ] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
    // BoringSSL would reject every certificate that contains an address.
    assert!(!text.contains("IP:"), "{text}");
    // RFC 5280 §4.2.1.10: no leading dot, which half of the clients reject.
    assert!(!text.contains("DNS:."), "{text}");
    assert_eq!(fs::metadata(home.root()).unwrap().permissions().mode() & 0o777, 0o644);
    assert_eq!(fs::metadata(home.ca().join("root-key.pem")).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(home.ca().join("issued.jsonl")).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(home.ca()).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn every_leaf_is_what_the_profile_says() {
    let home = Home::new();
    for key_type in KEY_TYPES {
        home.ok(["issue", "--client", "alice", "--key-type", key_type, "--force"]);
        let text = openssl_text(&home, "alice-client.pem");
        // RFC 5280 §4.2.1.12: keyEncipherment is not allowed with clientAuth alone, whatever the key is.
        for part in ["X509v3 Key Usage: critical Digital Signature X509v3", "TLS Web Client Authentication"] {
            assert!(text.contains(part), "{key_type}: {part:?} is not in {text}");
        }
        home.ok([
            "issue",
            "localhost",
            "127.0.0.1",
            "::1",
            "a@example.com",
            "spiffe://dev/web",
            "--key-type",
            key_type,
            "--force",
        ]);
        let text = openssl_text(&home, "localhost+4.pem");
        let usage = if key_type.starts_with("rsa") {
            "critical Digital Signature, Key Encipherment X509v3"
        } else {
            "critical Digital Signature X509v3"
        };
        for part in [
            usage,
            "X509v3 Extended Key Usage: TLS Web Server Authentication X509v3",
            "X509v3 Basic Constraints: critical CA:FALSE",
            "X509v3 Authority Key Identifier:",
            "X509v3 Subject Key Identifier:",
            "CN = localhost",
            "DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, email:a@example.com, URI:spiffe://dev/web",
        ] {
            assert!(text.contains(part), "{key_type}: {part:?} is not in {text}");
        }
        let mode = fs::metadata(home.file("localhost+4-key.pem")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        // OpenSSL reads the key and confirms that it is the certificate's; GnuTLS can read it too.
        let key = home.file("localhost+4-key.pem");
        let of_key = ok("openssl", ["pkey", "-in", key.to_str().unwrap(), "-pubout"]);
        let of_leaf = ok(
            "openssl",
            ["x509", "-in", home.file("localhost+4.pem").to_str().unwrap(), "-noout", "-pubkey"],
        );
        assert_eq!(of_key, of_leaf, "{key_type}");
        ok("certtool", ["--key-info", "--infile", key.to_str().unwrap()]);
    }
}

#[test]
fn openssl_and_gnutls_verify_every_leaf_for_its_purpose() {
    let home = Home::new();
    for key_type in KEY_TYPES {
        home.ok(["issue", "localhost", "--key-type", key_type, "--force"]);
        home.ok(["issue", "--client", "alice", "--key-type", key_type, "--force"]);
        let (root, server, client) = (home.root(), home.file("localhost.pem"), home.file("alice-client.pem"));
        let [root, server, client] = [&root, &server, &client].map(|path| path.to_str().unwrap());
        let strictly = ["verify", "-x509_strict", "-check_ss_sig", "-CAfile", root, "-purpose"];
        ok("openssl", strictly.into_iter().chain(["sslserver", "-verify_hostname", "localhost", server]));
        ok("openssl", strictly.into_iter().chain(["sslclient", client]));
        for (purpose, leaf) in [("sslclient", server), ("sslserver", client)] {
            let output = common::run("openssl", strictly.into_iter().chain([purpose, leaf]));
            assert!(words(&output).contains("unsuitable certificate purpose"), "{}", words(&output));
        }
        ok(
            "certtool",
            ["--verify", "--load-ca-certificate", root, "--verify-hostname", "localhost", "--infile", server],
        );
    }
}

#[test]
fn webpki_judges_as_browsers_do() {
    let home = Home::new();
    home.ok(["issue", "localhost", "127.0.0.1", "*.app.test"]);
    home.ok(["issue", "--client", "alice"]);
    let read = |path| CertificateDer::from_pem_file(path).unwrap();
    let (root, server, client) =
        (read(home.root()), read(home.file("localhost+2.pem")), read(home.file("alice-client.pem")));
    let anchor = webpki::anchor_from_trusted_cert(&root).unwrap();
    let verify = |leaf: &CertificateDer, usage| {
        let time = UnixTime::now();
        let leaf = webpki::EndEntityCert::try_from(leaf).unwrap();
        leaf.verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            std::slice::from_ref(&anchor),
            &[],
            time,
            usage,
            None,
            None,
        )
        .map(drop)
    };
    verify(&server, webpki::KeyUsage::server_auth()).unwrap();
    verify(&client, webpki::KeyUsage::client_auth()).unwrap();
    verify(&server, webpki::KeyUsage::client_auth()).unwrap_err();
    verify(&client, webpki::KeyUsage::server_auth()).unwrap_err();
    let leaf = webpki::EndEntityCert::try_from(&server).unwrap();
    for (name, fits) in [
        ("localhost", true),
        ("127.0.0.1", true),
        ("shop.app.test", true),
        ("app.test", false),
        ("a.b.app.test", false),
    ] {
        let name = ServerName::try_from(name).unwrap();
        assert_eq!(leaf.verify_is_valid_for_subject_name(&name).is_ok(), fits, "{name:?}");
    }
}

/// Returns the first and last second, as read by OpenSSL.
fn validity(home: &Home, file: &str) -> (i64, i64) {
    let path = home.work().join(file);
    let text =
        ok("openssl", ["x509", "-in", path.to_str().unwrap(), "-noout", "-dates", "-dateopt", "iso_8601"]);
    let mut moments = text.lines().map(|line| {
        let moment = line.split('=').nth(1).unwrap().replace(' ', "T");
        time::OffsetDateTime::parse(&moment, &time::format_description::well_known::Rfc3339)
            .unwrap()
            .unix_timestamp()
    });
    (moments.next().unwrap(), moments.next().unwrap())
}

#[test]
fn validity_is_counted_with_both_ends() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    let (from, to) = validity(&home, "localhost.pem");
    assert_eq!(to - from + 1, 397 * 86_400);
    let (root_from, root_to) = validity(&home, home.root().to_str().unwrap());
    assert_eq!(root_to - root_from + 1, 3650 * 86_400);
    assert!((3590..3700).contains(&(now - from)), "an hour back, for slow clocks");
    for days in [1, 90, 825] {
        home.ok(["issue", "localhost", "--days", &days.to_string()]);
        let (from, to) = validity(&home, "localhost.pem");
        assert_eq!(to - from + 1, days * 86_400);
    }
    home.ok(["issue", "localhost", "--not-after", "2027-01-31T12:00:00Z"]);
    assert_eq!(validity(&home, "localhost.pem").1, 1_801_396_800);
    // Clients may exceed Apple's 825 days, but not the validity of the root.
    home.ok(["issue", "--client", "alice", "--days", "3650"]);
    assert_eq!(validity(&home, "alice-client.pem").1, root_to);
}

/// rcgen's default serial is a hash of the public key, and its default validity is 1975 to 4096; neither may
/// appear.
#[test]
fn serials_are_random_and_128_bits_long() {
    let home = Home::new();
    let mut seen = std::collections::HashSet::new();
    for _ in 0..20 {
        home.ok(["issue", "localhost"]);
        let serial =
            ok("openssl", ["x509", "-in", home.file("localhost.pem").to_str().unwrap(), "-noout", "-serial"]);
        assert_eq!(serial.trim().strip_prefix("serial=").unwrap().len(), 32, "{serial}");
        assert!(seen.insert(serial));
    }
}

#[test]
fn upstreams_learn_the_identity_of_the_client() {
    let home = Home::new();
    for (words, file, subject, san) in [
        (&["alice"][..], "alice-client.pem", "CN = alice", "URI:devca:client:alice X509v3"),
        (
            &["Alice Smith"],
            "Alice_Smith-client.pem",
            "CN = Alice Smith",
            "URI:devca:client:Alice%20Smith X509v3",
        ),
        // SPIFFE requires exactly one URI.
        (&["bob", "spiffe://dev/bob"], "bob-client.pem", "CN = bob", "Name: URI:spiffe://dev/bob X509v3"),
        // OpenSSL takes an IPv4 address in the common name for a host name.
        (&["10.0.0.7"], "10.0.0.7-client.pem", "CN = 10.0.0.7", "IP Address:10.0.0.7"),
        (&["alice.dev.test"], "alice.dev.test-client.pem", "CN = alice.dev.test", "DNS:alice.dev.test"),
        (
            &["alice@example.com"],
            "alice@example.com-client.pem",
            "CN = alice@example.com",
            "email:alice@example.com",
        ),
        (
            &["spiffe://dev/alice"],
            "spiffe___dev_alice-client.pem",
            "CN = spiffe://dev/alice",
            "URI:spiffe://dev/alice",
        ),
    ] {
        home.ok(["issue", "--client"].iter().chain(words));
        let text = openssl_text(&home, file);
        assert!(text.contains(subject), "{subject}: {text}");
        assert!(text.contains("TLS Web Client Authentication X509v3"), "{text}");
        assert!(text.contains(san), "{san}: {text}");
        let path = home.file(file);
        ok(
            "openssl",
            [
                "verify",
                "-CAfile",
                home.root().to_str().unwrap(),
                "-purpose",
                "sslclient",
                path.to_str().unwrap(),
            ],
        );
        // Issuing again for the same names replaces the files.
        home.ok(["issue", "--client"].iter().chain(words));
    }
    home.ok(["issue", "--client", "--server", "svc.internal"]);
    assert!(
        openssl_text(&home, "svc.internal.pem")
            .contains("TLS Web Server Authentication, TLS Web Client Authentication")
    );
}

#[test]
fn an_address_alone_is_accepted_under_the_constraints() {
    for option in [None, Some("--constrain-addresses")] {
        let home = Home::new();
        home.ok(["install", "--store", "wsl"].into_iter().chain(option));
        for address in ["127.0.0.1", "192.168.1.20", "::1", "fd00::1", "100.64.1.1"] {
            let issued = home.json(["issue", address]);
            let (root, leaf) = (home.root(), issued["certificate"].as_str().unwrap().to_owned());
            ok("openssl", ["verify", "-CAfile", root.to_str().unwrap(), "-verify_ip", address, &leaf]);
            ok("certtool", ["--verify", "--load-ca-certificate", root.to_str().unwrap(), "--infile", &leaf]);
        }
    }
}

#[test]
fn a_root_permits_the_names_of_the_options() {
    let home = Home::new();
    common::in_namespace("a_root_permits_the_names_of_the_options").then(|| {
        home.ok(["install", "--permit", "corp.example.dev", "--permit", "203.0.113.0/24"]);
        home.ok(["issue", "shop.corp.example.dev", "203.0.113.7"]);
        let (root, leaf) = (home.root(), home.file("shop.corp.example.dev+1.pem"));
        ok("openssl", ["verify", "-CAfile", root.to_str().unwrap(), leaf.to_str().unwrap()]);
        let again = home.devca(["install", "--permit", "more.example.dev"]).output().unwrap();
        assert!(
            !again.status.success() && words(&again).contains("devca permit more.example.dev"),
            "{}",
            words(&again)
        );

        home.ok(["--ca", "free", "install", "--unconstrained"]);
        let root = ok(
            "openssl",
            [
                "x509",
                "-noout",
                "-text",
                "-in",
                home.home().join(".local/share/devca/free/root.pem").to_str().unwrap(),
            ],
        );
        assert!(!root.contains("Name Constraints"), "{root}");
        home.ok(["--ca", "free", "issue", "www.example-bank.com"]);
    });
}

#[test]
fn two_that_start_at_once_make_one_root() {
    for _ in 0..10 {
        let home = Home::new();
        let children: Vec<_> = (0..8)
            .map(|n| {
                let mut command = home.devca(["issue", &format!("host-{n}.test"), "--json"]);
                command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
            })
            .collect();
        let outputs: Vec<_> = children.into_iter().map(|child| child.wait_with_output().unwrap()).collect();
        let created = outputs.iter().filter(|output| {
            assert!(output.status.success(), "{}", words(output));
            let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
            document["root_created"] == true
        });
        assert_eq!(created.count(), 1);
        for n in 0..8 {
            let leaf = home.file(&format!("host-{n}.test.pem"));
            ok("openssl", ["verify", "-CAfile", home.root().to_str().unwrap(), leaf.to_str().unwrap()]);
        }
        let inventory = fs::read_to_string(home.ca().join("issued.jsonl")).unwrap();
        assert_eq!(inventory.lines().count(), 8);
    }
}

#[test]
fn the_inventory_has_a_line_for_each_certificate() {
    let home = Home::new();
    home.ok(["issue", "localhost", "127.0.0.1"]);
    let inventory = home.ca().join("issued.jsonl");
    // A line that a crash cut off must not damage the next one.
    let mut text = fs::read_to_string(&inventory).unwrap();
    text.push_str("{\"v\":1,\"iss");
    fs::write(&inventory, text).unwrap();
    home.ok(["issue", "--client", "alice"]);
    let text = fs::read_to_string(&inventory).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    for (line, file) in [(lines[0], "localhost+1"), (lines[2], "alice-client")] {
        let entry: serde_json::Value = serde_json::from_str(line).unwrap();
        let certificate = home.file(&format!("{file}.pem"));
        let serial = ok("openssl", ["x509", "-in", certificate.to_str().unwrap(), "-noout", "-serial"]);
        assert_eq!(serial.trim().to_lowercase(), format!("serial={}", entry["serial"].as_str().unwrap()));
        let print = ok(
            "openssl",
            ["x509", "-in", certificate.to_str().unwrap(), "-noout", "-fingerprint", "-sha256"],
        );
        assert_eq!(print.trim().split('=').nth(1).unwrap().replace(':', "").to_lowercase(), entry["sha256"]);
        assert!(
            entry["files"].as_array().unwrap().iter().any(|f| f["path"] == certificate.to_str().unwrap())
        );
        assert_eq!(entry["v"], 1);
    }
}

#[test]
fn completions_and_manual_are_read_by_their_readers() {
    let home = Home::new();
    for (shell, check) in [("bash", "bash"), ("fish", ""), ("zsh", ""), ("powershell", ""), ("elvish", "")] {
        let script = home.ok(["completions", shell]);
        assert!(script.contains("DEVCA_COMPLETE"), "{shell}");
        if !check.is_empty() {
            fs::write(home.file("completions"), script).unwrap();
            ok(check, ["-n", home.file("completions").to_str().unwrap()]);
        }
    }
    for page in [&["man"][..], &["man", "issue"], &["man", "install"]] {
        fs::write(home.file("page"), home.ok(page)).unwrap();
        let shown = Command::new(common::tool("man"))
            .args(["--warnings", "-E", "UTF-8", "-l"])
            .arg(home.file("page"))
            .output()
            .unwrap();
        assert!(shown.status.success() && shown.stderr.is_empty(), "{}", words(&shown));
        assert!(words(&shown).contains("devca"), "{}", words(&shown));
    }
}
