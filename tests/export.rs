//! Exported intermediate CAs: other systems import them, and they can only sign what they should.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use common::clients::CLIENTS;
use common::refusals::refused;
use common::{Home, Server, ok, run, words};

/// Debian's Python, for which the package `python3-yaml` is installed.
const PYTHON: &str = "/usr/bin/python3";

const SYSTEMS: &[&str] = &["cert-manager", "vault", "step-ca"];

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Reads the two documents as `kubectl apply -f FOLDER` would, and checks what cert-manager checks.
const MANIFESTS: &str = "
import base64, pathlib, sys, yaml
documents = [yaml.safe_load(path.read_text()) for path in sorted(pathlib.Path(sys.argv[1]).iterdir())]
issuer, secret = documents
assert (issuer['apiVersion'], issuer['kind']) == ('cert-manager.io/v1', 'ClusterIssuer'), issuer
assert (secret['apiVersion'], secret['kind'], secret['type']) == ('v1', 'Secret', 'kubernetes.io/tls'), secret
assert issuer['metadata']['name'] == 'devca', issuer
assert issuer['spec']['ca']['secretName'] == secret['metadata']['name'], issuer
# A ClusterIssuer looks for its Secret where cert-manager itself runs.
assert secret['metadata']['namespace'] == 'cert-manager', secret
for name in sys.argv[2:]:
    sys.stdout.write(base64.b64decode(secret['data'][name]).decode())";

/// Returns what a system was given: key, intermediate and root, in PEM.
fn handed_over(folder: &Path, system: &str) -> [String; 3] {
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let blocks = |text: &str| -> Vec<String> {
        text.split_inclusive("-----\n").collect::<Vec<_>>().chunks(2).map(<[&str]>::concat).collect()
    };
    match system {
        "cert-manager" => {
            let data = |name| ok(PYTHON, ["-c", MANIFESTS, text(folder), name]);
            let chain: [String; 2] = blocks(&data("tls.crt")).try_into().unwrap();
            assert_eq!(chain[1], data("ca.crt"));
            let [intermediate, root] = chain;
            [data("tls.key"), intermediate, root]
        }
        "vault" => blocks(&read("bundle.pem")).try_into().unwrap(),
        _ => ["secrets/intermediate_ca_key", "certs/intermediate_ca.crt", "certs/root_ca.crt"].map(read),
    }
}

/// The same as files, for OpenSSL to sign with.
struct Issuer {
    key: PathBuf,
    certificate: PathBuf,
}

fn issuer(home: &Home, system: &str) -> Issuer {
    let folder = home.file(&format!("devca-{system}"));
    let [key, intermediate, root] = handed_over(&folder, system);
    assert!(key.starts_with("-----BEGIN PRIVATE KEY-----"), "{key}");
    assert_eq!(root, home.ok(["root", "--pem"]), "{system}");
    let issuer = Issuer { key: home.file("issuer.key"), certificate: home.file("issuer.pem") };
    fs::write(&issuer.key, key).unwrap();
    fs::write(&issuer.certificate, intermediate).unwrap();
    issuer
}

impl Issuer {
    /// Issues a leaf for this name with OpenSSL and the exported intermediate. The leaf's key is in the same
    /// file.
    fn sign(&self, home: &Home, name: &str) -> PathBuf {
        let [key, csr, extensions, leaf] =
            ["key", "csr", "ext", "pem"].map(|suffix| home.file(&format!("{name}.{suffix}")));
        fs::write(&extensions, format!("subjectAltName=DNS:{name}\nextendedKeyUsage=serverAuth\n")).unwrap();
        let new = ["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj"];
        let subject = format!("/O=Example/CN={name}");
        ok("openssl", new.iter().chain(&[&subject, "-keyout", text(&key), "-out", text(&csr)]));
        let sign = ["x509", "-req", "-days", "1", "-in", text(&csr), "-extfile", text(&extensions)];
        let with = ["-CA", text(&self.certificate), "-CAkey", text(&self.key), "-out", text(&leaf)];
        ok("openssl", sign.iter().chain(&with));
        leaf
    }

    fn verify(&self, home: &Home, leaf: &Path, more: &[&str]) -> Result<(), String> {
        let root = home.root();
        let verify = ["verify", "-CAfile", text(&root), "-untrusted", text(&self.certificate)];
        let output = run("openssl", verify.iter().chain(more).chain(&[text(leaf)]));
        if output.status.success() { Ok(()) } else { Err(words(&output)) }
    }
}

fn extension(certificate: &Path, name: &str) -> String {
    ok("openssl", ["x509", "-in", text(certificate), "-noout", "-ext", name])
}

#[test]
fn an_exported_intermediate_signs_within_the_constraints() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    for system in SYSTEMS {
        home.ok(["export", "--for", system]);
        let issuer = issuer(&home, system);
        assert_eq!(
            ok("openssl", ["pkey", "-in", text(&issuer.key), "-pubout"]),
            ok("openssl", ["x509", "-in", text(&issuer.certificate), "-noout", "-pubkey"]),
            "{system}"
        );
        ok("openssl", ["verify", "-x509_strict", "-CAfile", text(&home.root()), text(&issuer.certificate)]);
        assert!(
            extension(&issuer.certificate, "basicConstraints").contains("CA:TRUE, pathlen:0"),
            "{system}"
        );
        let usage = extension(&issuer.certificate, "keyUsage");
        assert!(usage.contains("critical\n    Certificate Sign, CRL Sign"), "{usage}");
        let constraints = extension(&issuer.certificate, "nameConstraints");
        assert_eq!(constraints, extension(&home.root(), "nameConstraints"), "{system}");
        assert!(constraints.contains("critical") && constraints.contains("DNS:test"), "{constraints}");
        let name = ok("openssl", ["x509", "-in", text(&issuer.certificate), "-noout", "-subject"]);
        assert!(name.contains(&format!("CN = devca {system} intermediate")), "{name}");

        let good = issuer.sign(&home, "app.test");
        let strictly = ["-x509_strict", "-purpose", "sslserver", "-verify_hostname", "app.test"];
        issuer.verify(&home, &good, &strictly).unwrap();
        let outside = issuer.sign(&home, "www.example-bank.com");
        let said = issuer.verify(&home, &outside, &[]).unwrap_err();
        assert!(said.contains("permitted subtree violation"), "{system}: {said}");
    }
}

#[test]
fn every_client_that_trusts_the_root_accepts_what_the_intermediate_issues() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    home.ok(["export", "--for", "step-ca"]);
    let issuer = issuer(&home, "step-ca");
    let leaf = issuer.sign(&home, "app.test");
    let chain = home.file("chain.pem");
    fs::write(&chain, [fs::read(&leaf).unwrap(), fs::read(&issuer.certificate).unwrap()].concat()).unwrap();
    let server = Server::page(&chain, &leaf.with_extension("key"));
    for client in CLIENTS {
        client.accepts(Some(&home.root()), server.port, "app.test");
    }
}

/// A further CA below the intermediate could have other constraints.
#[test]
fn no_further_ca_can_be_made_below_it() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    home.ok(["export", "--for", "vault"]);
    let issuer = issuer(&home, "vault");
    let [key, csr, below, extensions] = ["b.key", "b.csr", "b.pem", "b.ext"].map(|name| home.file(name));
    fs::write(&extensions, "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n").unwrap();
    let new =
        ["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=b"];
    ok("openssl", new.iter().chain(&["-keyout", text(&key), "-out", text(&csr)]));
    let sign = ["x509", "-req", "-in", text(&csr), "-extfile", text(&extensions), "-out", text(&below)];
    let with = ["-CA", text(&issuer.certificate), "-CAkey", text(&issuer.key)];
    ok("openssl", sign.iter().chain(&with));
    let leaf = Issuer { key, certificate: below.clone() }.sign(&home, "app.test");
    let said = issuer.verify(&home, &leaf, &["-untrusted", text(&below)]).unwrap_err();
    assert!(said.contains("path length constraint exceeded"), "{said}");
}

#[test]
fn the_roots_key_stays_and_exported_files_are_private() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    let numbers = |pem: &Path| ok("openssl", ["pkey", "-in", text(pem), "-noout", "-text"]);
    let root_key = numbers(&home.ca().join("root-key.pem"));
    for system in SYSTEMS {
        home.ok(["export", "--for", system, "--out", system]);
        let [key, ..] = handed_over(&home.file(system), system);
        fs::write(home.file("handed.key"), key).unwrap();
        assert_ne!(numbers(&home.file("handed.key")), root_key, "{system}");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&home.file(system)), 0o700);
        let secret = match *system {
            "cert-manager" => "secret.yaml",
            "vault" => "bundle.pem",
            _ => "secrets/intermediate_ca_key",
        };
        assert_eq!(mode(&home.file(system).join(secret)), 0o600);
        // An exported intermediate may be in use, so it is not replaced.
        refused(&home, ["export", "--for", system, "--out", system], 1, "already exists");
    }
}

#[test]
fn it_has_an_end_of_its_own_and_can_be_revoked() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    let exported = home.json(["export", "--for", "step-ca", "--days", "30", "--cn", "Example staging"]);
    assert_eq!((&exported["days_left"], &exported["name"]), (&30.into(), &"Example staging".into()));
    let issuer = issuer(&home, "step-ca");
    let leaf = issuer.sign(&home, "app.test");
    let in_a_month =
        (time::OffsetDateTime::now_utc() + time::Duration::days(31)).unix_timestamp().to_string();
    let said = issuer.verify(&home, &issuer.certificate, &["-attime", &in_a_month]).unwrap_err();
    assert!(said.contains("certificate has expired"), "{said}");

    home.ok(["export", "--for", "step-ca", "--out", "next"]);
    home.ok(["revoke", "devca-step-ca/certs/intermediate_ca.crt"]);
    home.ok(["crl"]);
    // The revocation list of the intermediate's leaves would come from step-ca, so OpenSSL only checks the
    // intermediate.
    let crl = home.file("crl.pem");
    let lists = ["-crl_check", "-CRLfile", text(&crl)];
    let said = issuer.verify(&home, &issuer.certificate, &lists).unwrap_err();
    assert!(said.contains("certificate revoked"), "{said}");
    issuer.verify(&home, &home.file("next/certs/intermediate_ca.crt"), &lists).unwrap();
    issuer.verify(&home, &leaf, &[]).expect("who reads no list accepts it to its end");
}

#[test]
fn exports_that_cannot_work_are_refused() {
    let home = Home::new();
    refused(&home, ["export", "--for", "vault"], 1, "");
    home.ok(["issue", "localhost"]);
    for days in ["0", "-1", "3651", "9223372036854775807"] {
        refused(&home, ["export", "--for", "vault", "--days", days], 2, "cannot be valid for");
    }
    for system in ["", "kubernetes", "🦀"] {
        refused(&home, ["export", "--for", system], 2, "--for <SYSTEM>");
    }
    refused(&home, ["export"], 2, "required");
    refused(&home, ["export", "--for", "vault", "--cn", ""], 2, "");
    refused(&home, ["export", "--for", "vault", "--cn", &"x".repeat(65)], 2, "");
    fs::write(home.file("file"), "precious").unwrap();
    refused(&home, ["export", "--for", "vault", "--out", "file"], 1, "");
}

#[test]
fn the_pages_own_commands_are_understood() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    let page = fs::read_to_string(common::project().join("docs/scale-out.md")).unwrap();
    let blocks = page.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap());
    let commands: Vec<&str> = blocks.flat_map(str::lines).filter(|line| line.starts_with("devca ")).collect();
    assert_eq!(commands.len(), 9, "{commands:?}");
    home.ok(["export", "--for", "vault", "--out", "bundle"]);
    let bundle = home.file("bundle/bundle.pem");
    ok("openssl", ["x509", "-in", text(&bundle), "-out", text(&home.file("intermediate.pem"))]);
    for command in commands {
        // Each section of the page uses its own folder with this name.
        let _ = fs::remove_dir_all(home.file("ca"));
        home.ok(command.split(' ').skip(1));
    }
}
