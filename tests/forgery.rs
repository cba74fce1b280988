//! A thief has the CA's key, and OpenSSL signs whatever the thief wants. Name constraints must be all that it takes to
//! stop the forgery: each carries `localhost` as well, where the client connects to.
//!
//! With `DEVCA_CLIENTS_TABLE=FILE`, what was measured is written there as a table: tests/measure-clients does that.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use common::browsers::{chromium, firefox, firefox_profile};
use common::clients::{CLIENTS, c_client, with_words};
use common::{Home, PAGE, Server, ok, project, tool, words};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, UnixTime};

/// What a client does with constraints.
#[derive(Clone, Copy, PartialEq)]
enum Heeds {
    /// Those of the root and those of an intermediate.
    Both,
    /// Not those of the root (RFC 5280 §6.2 lets it).
    IntermediateAlone,
    /// It cannot load a root that has some, and so accepts nothing.
    Neither,
}

/// A client, what to run for its version, how it takes a forgery, and its words for refusing one.
type Known = (&'static str, &'static [&'static str], Heeds, &'static [&'static str]);

const KNOWN: &[Known] = &[
    ("curl", &["curl", "--version"], Heeds::Both, &["permitted subtree violation"]),
    ("wget", &["wget", "--version"], Heeds::Both, &["is not trusted"]),
    ("openssl s_client", &["openssl", "version"], Heeds::Both, &["num=47:permitted subtree violation"]),
    ("gnutls-cli", &["gnutls-cli", "--version"], Heeds::Both, &["violates the signer's constraints"]),
    ("Node", &["node", "--version"], Heeds::Both, &["permitted subtree violation"]),
    ("Python", &["python3", "--version"], Heeds::Both, &["permitted subtree violation"]),
    ("Go", &["go", "version"], Heeds::Both, &["is not authorized to sign for this name"]),
    ("rustls (webpki)", &[], Heeds::Both, &["NameConstraintViolation"]),
    ("Chromium", &["chromium", "--version"], Heeds::Both, &["ERR_CERT_INVALID"]),
    ("Firefox", &["firefox-esr", "--version"], Heeds::Both, &["SEC_ERROR_CERT_NOT_IN_NAME_SPACE"]),
    ("Java", &["java", "-version"], Heeds::IntermediateAlone, &["name constraints check failed"]),
    ("mbedTLS", &[], Heeds::Neither, &["X509 - The extension tag or value is invalid"]),
    ("wolfSSL", &[], Heeds::Neither, &["Name Constraint error"]),
];

const BANK: &str = "DNS:www.example-bank.com";
const PUBLIC: &str = "IP:8.8.8.8";

/// A CA, and browsers that trust its root.
struct Bench {
    home: Home,
    profile: PathBuf,
    /// What the thief has: a certificate that signs, and its key.
    stolen: (PathBuf, PathBuf),
    /// Whether servers send that certificate along.
    sealed: bool,
}

impl Bench {
    fn new(sealed: bool) -> Self {
        let home = Home::new();
        let profile = firefox_profile(&home);
        // Only the browsers' databases, which lie in the home.
        let install = ["install", "--store", "nss"].into_iter().chain(sealed.then_some("--sealed"));
        home.ok(install);
        assert_eq!(home.ca().join("root-key.pem").exists(), !sealed);
        let stolen = if sealed { "intermediate" } else { "root" };
        let stolen = (home.ca().join(format!("{stolen}.pem")), home.ca().join(format!("{stolen}-key.pem")));
        Self { home, profile, stolen, sealed }
    }

    fn honest(&self) -> (PathBuf, PathBuf) {
        self.home.ok(["issue", "localhost"]);
        (self.home.file("localhost.pem"), self.home.file("localhost-key.pem"))
    }

    /// A flawless leaf for `localhost` and another name.
    fn forged(&self, name: &str) -> (PathBuf, PathBuf) {
        let [config, leaf, key] = ["openssl.cnf", "forged.pem", "forged-key.pem"].map(|f| self.home.file(f));
        let text = format!(
            "[req]\ndistinguished_name = empty\nx509_extensions = leaf\n[empty]\n[leaf]\n\
             basicConstraints = critical, CA:FALSE\nkeyUsage = critical, digitalSignature\n\
             extendedKeyUsage = serverAuth\nsubjectAltName = DNS:localhost, {name}\n\
             subjectKeyIdentifier = hash\nauthorityKeyIdentifier = keyid\n"
        );
        fs::write(&config, text).unwrap();
        let (ca, ca_key) = &self.stolen;
        let words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -subj /O=Thieves";
        let paths: [(&str, &Path); 5] =
            [("-config", &config), ("-CA", ca), ("-CAkey", ca_key), ("-out", &leaf), ("-keyout", &key)];
        let paths = paths.iter().flat_map(|(option, path)| [*option, path.to_str().unwrap()]);
        ok("openssl", words.split(' ').chain(paths));
        if self.sealed {
            let chain = fs::read_to_string(&leaf).unwrap() + &fs::read_to_string(ca).unwrap();
            fs::write(&leaf, chain).unwrap();
        }
        (leaf, key)
    }

    /// Whether the client accepts, and what it says.
    fn judge(&self, client: &str, chain: &Path, port: u16) -> (bool, String) {
        let root = self.home.root();
        let url = format!("https://localhost:{port}/");
        let by_words = |program: PathBuf| {
            with_words(Command::new(program), Some(&root), port, "localhost").output().unwrap()
        };
        let by_status = |output: Output| (output.status.success(), words(&output));
        match client {
            "Chromium" => {
                let said = words(&chromium(&self.home, &url));
                (said.contains(PAGE), said)
            }
            "Firefox" => by_status(firefox(&self.home, &self.profile, &url)),
            "rustls (webpki)" => webpki(&root, chain),
            "mbedTLS" => {
                by_status(by_words(c_client("mbedtls", &["-lmbedtls", "-lmbedx509", "-lmbedcrypto"])))
            }
            "wolfSSL" => by_status(by_words(c_client("wolfssl", &["-lwolfssl"]))),
            name => {
                let client = CLIENTS.iter().find(|client| client.name == name).unwrap();
                by_status(client.connect(Some(&root), port, "localhost"))
            }
        }
    }

    /// What every client makes of a server's certificate, in the order of [`KNOWN`].
    fn verdicts(&self, (chain, key): (PathBuf, PathBuf)) -> Vec<(bool, String)> {
        let server = Server::page(&chain, &key);
        KNOWN.iter().map(|known| self.judge(known.0, &chain, server.port)).collect()
    }
}

fn webpki(root: &Path, chain: &Path) -> (bool, String) {
    let root = CertificateDer::from_pem_file(root).unwrap();
    let anchors = [webpki::anchor_from_trusted_cert(&root).unwrap()];
    let chain: Vec<CertificateDer> =
        CertificateDer::pem_file_iter(chain).unwrap().map(Result::unwrap).collect();
    let leaf = webpki::EndEntityCert::try_from(&chain[0]).unwrap();
    let (algorithms, usage) = (webpki::ALL_VERIFICATION_ALGS, webpki::KeyUsage::server_auth());
    let path = leaf.verify_for_usage(algorithms, &anchors, &chain[1..], UnixTime::now(), usage, None, None);
    path.map_or_else(|e| (false, format!("{e:?}")), |_| (true, String::new()))
}

#[test]
fn a_stolen_key_signs_nothing_that_a_client_accepts_but_for_java_which_wants_a_sealed_root() {
    let mut columns = Vec::new();
    for sealed in [false, true] {
        let bench = Bench::new(sealed);
        let honest = bench.verdicts(bench.honest());
        for (known, (accepted, said)) in KNOWN.iter().zip(&honest) {
            let (name, _, heeds, refusal) = known;
            if *heeds == Heeds::Neither {
                assert!(!accepted && refusal.iter().any(|words| said.contains(words)), "{name}: {said}");
            } else {
                assert!(accepted, "{name} refuses an honest leaf (sealed: {sealed}): {said}");
            }
        }
        columns.push(honest);
        for forged in [BANK, PUBLIC] {
            let verdicts = bench.verdicts(bench.forged(forged));
            for ((name, _, heeds, refusal), (accepted, said)) in KNOWN.iter().zip(&verdicts) {
                if *heeds == Heeds::IntermediateAlone && !sealed {
                    assert!(
                        accepted,
                        "{name} heeds a root's constraints now: SECURITY.md says otherwise: {said}"
                    );
                } else {
                    assert!(!accepted, "{name} accepts {forged} (sealed: {sealed})");
                    assert!(refusal.iter().any(|words| said.contains(words)), "{name} {forged}: {said}");
                }
            }
            columns.push(verdicts);
        }
    }
    let table = table(&columns);
    if let Some(path) = std::env::var_os("DEVCA_CLIENTS_TABLE") {
        fs::write(path, table).unwrap();
    } else {
        let written = fs::read_to_string(project().join("docs/clients.md")).unwrap();
        for row in table.lines().map(without_version) {
            let is_there = written.lines().any(|line| without_version(line) == row);
            assert!(is_there, "docs/clients.md lacks {row:?}: run tests/measure-clients");
        }
    }
}

/// One row a client; the words are those for the bank's name, where it refuses that.
fn table(columns: &[Vec<(bool, String)>]) -> String {
    let head = "| client | version | honest leaf | forged name | forged address | sealed: honest leaf \
                | sealed: forged name | sealed: forged address | it says |\n|---|---|---|---|---|---|---|---|---|\n";
    let row = |(row, known): (usize, &Known)| {
        let (name, command, _, refusal) = known;
        let cells: Vec<&str> =
            columns.iter().map(|column| if column[row].0 { "accepts" } else { "refuses" }).collect();
        format!("| {name} | {} | {} | `{}` |\n", version(name, command), cells.join(" | "), refusal[0])
    };
    std::iter::once(head.to_owned()).chain(KNOWN.iter().enumerate().map(row)).collect()
}

/// Versions change under our hands, and verdicts must not.
fn without_version(row: &str) -> String {
    let cells: Vec<&str> = row.split(" | ").collect();
    cells
        .iter()
        .enumerate()
        .filter(|(index, _)| *index != 1)
        .map(|(_, cell)| *cell)
        .collect::<Vec<_>>()
        .join("|")
}

/// The first word with a digit in what a program says of itself; a library's is its package's.
fn version(name: &str, command: &[&str]) -> String {
    let said = match (name, command) {
        ("rustls (webpki)", _) => {
            let lock = fs::read_to_string(project().join("Cargo.lock")).unwrap();
            lock.split("name = \"rustls-webpki\"\nversion = ").nth(1).unwrap().to_owned()
        }
        ("mbedTLS", _) => ok("dpkg-query", ["-W", "-f", "${Version}", "libmbedtls-dev"]),
        ("wolfSSL", _) => ok("dpkg-query", ["-W", "-f", "${Version}", "libwolfssl-dev"]),
        (_, command) => words(&Command::new(tool(command[0])).args(&command[1..]).output().unwrap()),
    };
    let is_version = |word: &&str| {
        word.contains('.') && word.contains(|c: char| c.is_ascii_digit()) && !word.contains('/')
    };
    let word = said.split_whitespace().find(is_version).unwrap();
    word.trim_matches(|c: char| !c.is_ascii_digit()).split(['-', '+']).next().unwrap().to_owned()
}
