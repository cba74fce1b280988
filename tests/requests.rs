//! What devca signs for others, and what it refuses: invalid CSRs, passwords and formats.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "requests/beside.rs"]
mod beside;
mod common;

use std::fs;
use std::path::Path;
use std::process::Stdio;

use common::refusals::{refused, two_lines};
use common::{Home, ok, words};

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Creates a CSR for app.test with OpenSSL, with its key in another file.
fn request(home: &Home, name: &str, key: &[&str], more: &[&str]) {
    let (key_file, csr) = (home.file(&format!("{name}.key")), home.file(&format!("{name}.csr")));
    ok("openssl", ["genpkey", "-out", text(&key_file)].iter().chain(key));
    let common = ["req", "-new", "-key", text(&key_file), "-out", text(&csr), "-subj", "/CN=app.test"];
    ok("openssl", common.iter().chain(more));
}

const P256: &[&str] = &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];

const SAN: &[&str] = &["-addext", "subjectAltName=DNS:app.test,IP:127.0.0.1"];

#[test]
fn a_request_gets_a_certificate_for_its_key_and_names() {
    let home = Home::new();
    for (name, key) in [
        ("p256", P256),
        ("p384", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"]),
        ("rsa", &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]),
        ("ed25519", &["-algorithm", "ed25519"]),
    ] {
        request(&home, name, key, SAN);
        let (csr, der) = (home.file(&format!("{name}.csr")), home.file(&format!("{name}.der")));
        ok("openssl", ["req", "-in", text(&csr), "-outform", "DER", "-out", text(&der)]);
        let of_key = ok("openssl", ["pkey", "-in", text(&home.file(&format!("{name}.key"))), "-pubout"]);
        for (from, given) in [(&csr, text(&csr)), (&der, text(&der)), (&csr, "-"), (&der, "-")] {
            let mut issue = home.devca(["issue", "--force", "--cert-file", "leaf.pem", "--csr", given]);
            let issued = issue.stdin(Stdio::from(fs::File::open(from).unwrap())).output().unwrap();
            assert!(issued.status.success(), "{name}, {given}: {}", words(&issued));
            let leaf = home.file("leaf.pem");
            assert_eq!(ok("openssl", ["x509", "-in", text(&leaf), "-noout", "-pubkey"]), of_key, "{name}");
            let verify = ["verify", "-x509_strict", "-CAfile", text(&home.root()), "-purpose", "sslserver"]
                .map(ToOwned::to_owned);
            for check in [["-verify_hostname", "app.test"], ["-verify_ip", "127.0.0.1"]] {
                ok("openssl", verify.iter().map(String::as_str).chain(check).chain([text(&leaf)]));
            }
            fs::remove_file(leaf).unwrap();
        }
    }
    // The formats that need no key.
    home.ok(["issue", "--csr", "p256.csr", "--format", "pem,fullchain,der"]);
    for file in ["app.test+1.pem", "app.test+1-fullchain.pem", "app.test+1.der"] {
        ok("openssl", ["x509", "-in", text(&home.file(file)), "-noout"]);
    }
    assert!(!home.listing().iter().any(|name| name.contains("-key")), "{:?}", home.listing());
}

#[test]
fn a_request_decides_nothing_but_key_and_names() {
    let home = Home::new();
    let wishes = [
        "-addext",
        "basicConstraints=critical,CA:TRUE",
        "-addext",
        "keyUsage=critical,keyCertSign,cRLSign",
        "-addext",
        "extendedKeyUsage=codeSigning",
        "-addext",
        "nameConstraints=permitted;DNS:com",
    ];
    request(&home, "greedy", P256, &[SAN, &wishes].concat());
    let output = home.devca(["issue", "--csr", "greedy.csr"]).output().unwrap();
    let said = words(&output);
    assert!(output.status.success() && said.contains("asks to be a CA, which is ignored"), "{said}");
    home.ok(["issue", "--client", "--csr", "greedy.csr", "--cn", "alice"]);
    for (file, usage) in [
        ("app.test+1.pem", "X509v3 Extended Key Usage: TLS Web Server Authentication X509v3"),
        ("alice-client.pem", "X509v3 Extended Key Usage: TLS Web Client Authentication X509v3"),
    ] {
        let leaf = ok("openssl", ["x509", "-in", text(&home.file(file)), "-noout", "-text"]);
        let leaf = leaf.split_whitespace().collect::<Vec<_>>().join(" ");
        let own = [
            "X509v3 Basic Constraints: critical CA:FALSE",
            "X509v3 Key Usage: critical Digital Signature X509v3",
        ];
        for part in own.iter().chain([&usage]) {
            assert!(leaf.contains(part), "{part:?} is not in {leaf}");
        }
        assert!(!leaf.contains("Name Constraints") && !leaf.contains("Certificate Sign"), "{leaf}");
    }
}

#[test]
fn a_bad_request_is_refused() {
    let home = Home::new();
    request(&home, "good", P256, SAN);
    home.ok(["issue", "--csr", "good.csr"]);
    let csr = |name: &str, content: &[u8]| fs::write(home.file(&format!("{name}.csr")), content).unwrap();
    ok(
        "openssl",
        ["req", "-in", text(&home.file("good.csr")), "-outform", "DER", "-out", text(&home.file("good.der"))],
    );
    let der = fs::read(home.file("good.der")).unwrap();
    let pem = fs::read(home.file("good.csr")).unwrap();

    // A different name under the same signature, and a signature with one wrong bit.
    let at = der.windows(8).position(|window| window == b"app.test").unwrap();
    let mut forged = der.clone();
    forged[at] = b'z';
    csr("forged", &forged);
    let mut flipped = der.clone();
    *flipped.last_mut().unwrap() ^= 1;
    csr("flipped", &flipped);
    csr("truncated", &der[..der.len() / 2]);
    csr("truncated-pem", &pem[..pem.len() / 2]);
    csr("followed", &[der.as_slice(), b"more"].concat());
    csr("empty", b"");
    csr("certificate", &fs::read(home.root()).unwrap());
    csr("large", &vec![b'0'; 10 << 20]);
    request(&home, "weak", &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"], SAN);
    request(&home, "public", P256, &["-addext", "subjectAltName=DNS:www.example-bank.com"]);
    let parameters = home.file("dsa");
    let dsa = ["genpkey", "-genparam", "-algorithm", "DSA", "-pkeyopt", "dsa_paramgen_bits:1024", "-out"];
    ok("openssl", dsa.iter().chain(&[text(&parameters)]));
    request(&home, "dsa", &["-paramfile", text(&parameters)], SAN);
    request(&home, "p521", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"], SAN);
    request(&home, "curve", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"], SAN);

    for (name, part) in [
        ("forged", "its signature is invalid"),
        ("flipped", "its signature is invalid"),
        ("truncated", "it is damaged"),
        ("truncated-pem", "contains no certificate signing request"),
        ("followed", "there is data after it"),
        ("empty", "contains no certificate signing request"),
        ("certificate", "contains no certificate signing request"),
        ("large", "too large"),
        ("weak", "fewer than 2048 bits"),
        ("public", "this root may not sign for"),
        ("dsa", "its key is neither RSA"),
        ("curve", "its key is neither RSA"),
        ("p521", "its signature algorithm is not supported"),
        ("missing", "cannot read"),
    ] {
        refused(&home, ["issue", "--csr", &format!("{name}.csr")], 1, part);
        let Ok(file) = fs::File::open(home.file(&format!("{name}.csr"))) else { continue };
        let before = home.everything();
        two_lines(&home.devca(["issue", "--csr", "-"]).stdin(file).output().unwrap(), 1, part);
        assert_eq!(home.everything(), before);
    }
    // The requester has the key.
    for format in ["combined", "p12", "java", "k8s"] {
        refused(
            &home,
            ["issue", "--csr", "good.csr", "--format", format],
            2,
            "which only the creator of the CSR has",
        );
    }
    refused(&home, ["issue", "--csr", "good.csr", "app.test"], 2, "cannot be used with");
    refused(&home, ["issue", "--csr", "good.csr", "--key-type", "ed25519"], 2, "cannot be used with");
}

#[test]
fn bad_passwords_and_formats_are_refused() {
    let home = Home::new();
    home.ok(["issue", "app.test"]);
    let file = |name: &str, content: &[u8]| fs::write(home.file(name), content).unwrap();
    file("empty", b"");
    file("blank", b"\nsecret\n");
    file("binary", b"\xff\xfe\n");
    file("password", b"secret");
    file("emoji", "🦀🦀🦀🦀".as_bytes());
    for format in ["p12", "java"] {
        let issue = ["issue", "b.test", "--format", format];
        for (name, part) in [
            ("empty", "empty contains no password"),
            ("blank", "blank contains no password"),
            ("binary", "is not UTF-8 text"),
            ("missing", "cannot read missing"),
            ("emoji", "cannot write PKCS#12"),
        ] {
            refused(&home, issue.iter().chain(&["--password-file", name]), 1, part);
        }
        for variable in ["DEVCA_TEST_UNSET", "", "A=B"] {
            refused(&home, issue.iter().chain(&["--password-env", variable]), 1, "contains no password");
        }
        refused(&home, issue.iter().chain(&["--quiet"]), 2, "--quiet would hide the generated password");
        refused(&home, issue.iter().chain(&["--password", "secret"]), 2, "--password");
    }
    refused(
        &home,
        ["issue", "b.test", "--password-file", "password"],
        2,
        "none of these formats is encrypted",
    );
    for format in ["", "pkcs7", "PEM ", "pem,", "pem,garbage", "🦀", "../pem"] {
        refused(&home, ["issue", "b.test", "--format", format], 2, "--format <FORMAT,…>");
        refused(&home, ["root", "--format", format], 2, "--format <FORMAT,…>");
    }
    refused(&home, ["issue", "b.test", "--format", "der", "--cert-file", "x"], 2, "no certificate in PEM");
}

#[test]
fn a_server_certificate_has_a_name_that_clients_check() {
    let home = Home::new();
    for name in ["localhost", "My Server"] {
        refused(&home, ["issue", "--cn", name], 2, "is not the name of a server");
    }
    home.ok(["issue", "app.test", "--cn", "My Server"]);
}

/// Replaces the public exponent 65537 in DER with an even number.
fn with_even_exponent(der: &[u8]) -> Vec<u8> {
    let at = der.windows(5).position(|window| window == [2, 3, 1, 0, 1]).unwrap();
    let mut changed = der.to_vec();
    changed[at + 4] = 2;
    changed
}

const E3: &[&str] =
    &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-pkeyopt", "rsa_keygen_pubexp:3"];

/// Clients still accept an exponent of 3, but reject even ones.
#[test]
fn an_unusual_exponent_is_pointed_out_or_refused() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    request(&home, "small", E3, SAN);
    let output = home.devca(["issue", "--csr", "small.csr"]).output().unwrap();
    assert!(output.status.success() && words(&output).contains("public exponent 3"), "{}", words(&output));
    request(&home, "usual", &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], SAN);
    let pem = fs::read(home.file("usual.csr")).unwrap();
    fs::write(home.file("even.csr"), with_even_exponent(&devca::x509::pem::first_csr(&pem).unwrap()))
        .unwrap();
    refused(&home, ["issue", "--csr", "even.csr"], 1, "must be odd, and between 3 and 2147483647");

    // Test with a root and with a certificate.
    let (certificate, key) = (home.file("root.crt"), home.file("root.key"));
    let root = |e: &str| {
        let pubexp = format!("rsa_keygen_pubexp:{e}");
        let genpkey = ["genpkey", "-algorithm", "RSA", "-pkeyopt", &pubexp, "-out", text(&key)];
        ok("openssl", genpkey);
        let new = ["req", "-x509", "-key", text(&key), "-subj", "/CN=own", "-out", text(&certificate)];
        ok("openssl", new);
    };
    root("65537");
    let der = devca::x509::pem::first_certificate(&certificate).unwrap();
    fs::write(home.file("even.der"), with_even_exponent(&der)).unwrap();
    let (code, checked) = home.check(["even.der"]);
    let has = |document: &serde_json::Value, id: &str| {
        let findings = document["findings"].as_array().unwrap();
        findings.iter().any(|finding| finding["fault"] == id || finding["id"] == id)
    };
    assert!(code == 1 && has(&checked, "weak"), "{checked:#}");
    assert!(home.ok(["inspect", "even.der"]).contains("unusable public exponent"));
    root("3");
    let import = ["--ca", "own", "import", "--cert", text(&certificate), "--key", text(&key)];
    for words_ in [&import[..], &["--ca", "own", "install", "--store", "nss"]] {
        let output = home.devca(words_).output().unwrap();
        assert!(
            output.status.success() && words(&output).contains("public exponent 3"),
            "{}",
            words(&output)
        );
    }
    assert!(home.ok(["inspect", text(&certificate)]).contains("RSA 2048, public exponent 3"));
    let (code, checked) = home.check([text(&certificate), "--roots", text(&certificate)]);
    let small = checked["findings"].as_array().unwrap().iter().find(|found| found["id"] == "small-exponent");
    assert_eq!(small.unwrap()["severity"], "warning", "{checked:#}");
    assert!(small.unwrap()["seen_as"].as_array().unwrap().is_empty() && code == 0, "{checked:#}");
}

/// Older CAs do not use UTF-8.
#[test]
fn names_in_old_encodings_are_shown_as_text() {
    let home = Home::new();
    let settings = "[req]\nstring_mask = default\nutf8 = yes\nprompt = no\ndistinguished_name = name\n\
                    [name]\nO = Größe\nCN = Ωmega\n1.2.3.4.5 = more\n";
    fs::write(home.file("old.cnf"), settings).unwrap();
    let made = [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-keyout",
        "old.key",
    ];
    let more = ["-config", "old.cnf", "-out", "old.pem"];
    let output = home.command(&common::tool("openssl"), made.iter().chain(&more)).output().unwrap();
    assert!(output.status.success(), "{}", words(&output));
    let said = home.ok(["inspect", "old.pem"]);
    assert!(said.contains("O=Größe, CN=Ωmega, 2.3.4.5=more"), "{said}");
}
