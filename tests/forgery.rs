//! A thief has the CA's key and signs anything with OpenSSL. docs/clients.md says which clients the root's
//! constraints protect; this compares its tables with what the clients do, in both directions.
//!
//! With `DEVCA_CLIENTS_TABLE=FILE`, everything is measured and written to that file, which takes minutes:
//! tests/measure-clients does that. Otherwise only a selection is measured.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "forgery/bench.rs"]
mod bench;
mod common;

use std::fmt::Write as _;
use std::fs;

use bench::{Bench, Forgery, Question, Root, Verdict};
use common::versions::version;
use common::{Home, project, words};

/// A client, the command that prints its version, and its messages for rejecting a forged host name.
struct Known {
    name: &'static str,
    version: &'static [&'static str],
    refusal: &'static str,
}

const fn known(name: &'static str, version: &'static [&'static str], refusal: &'static str) -> Known {
    Known { name, version, refusal }
}

const KNOWN: &[Known] = &[
    known("curl", &["curl", "--version"], "permitted subtree violation"),
    known("wget", &["wget", "--version"], "is not trusted"),
    known("openssl s_client", &["openssl", "version"], "num=47:permitted subtree violation"),
    known("gnutls-cli", &["gnutls-cli", "--version"], "violates the signer's constraints"),
    known("Node", &["node", "--version"], "permitted subtree violation"),
    known("Node 22", &["node-22", "--version"], "permitted subtree violation"),
    known("Node 24", &["node-24", "--version"], "permitted subtree violation"),
    known("Python", &["python3", "--version"], "permitted subtree violation"),
    known("Ruby", &["ruby", "--version"], "permitted subtree violation"),
    known("PHP streams", &["php", "--version"], "certificate verify failed"),
    known("PHP curl", &["php", "--version"], "permitted subtree violation"),
    known("Go", &["go", "version"], "is not authorized to sign for this name"),
    known("rustls (webpki)", &[], "NameConstraintViolation"),
    known("Deno", &["deno", "--version"], "NameConstraintViolation"),
    known("Bun node:https", &["bun", "--version"], "permitted subtree violation"),
    known("Bun fetch", &["bun", "--version"], "PERMITTED_VIOLATION"),
    known("gRPC (Python)", &[], "permitted subtree violation"),
    known("workerd", &[], "permitted subtree violation"),
    known("miniflare", &[], "permitted subtree violation"),
    known("NSS (tstclnt)", &[], "SEC_ERROR_CERT_NOT_IN_NAME_SPACE"),
    known("Chromium", &["chromium", "--version"], "ERR_CERT_INVALID"),
    known("Firefox", &["firefox-esr", "--version"], "SEC_ERROR_CERT_NOT_IN_NAME_SPACE"),
    known("Java", &["java", "-version"], "name constraints check failed"),
    known("mbedTLS", &[], "X509 - The extension tag or value is invalid"),
    known("wolfSSL", &[], "Name Constraint error"),
];

const BANK: &str = "www.example-bank.com";
const THIEVES: &str = "/O=Thieves";

const fn forgery(
    title: &'static str,
    subject: &'static str,
    san: &'static str,
    host: &'static str,
) -> Forgery {
    Forgery { title, subject, san, host }
}

const FORGERIES: &[Forgery] = &[
    forgery("SAN bank", THIEVES, "subjectAltName = DNS:www.example-bank.com", BANK),
    forgery(
        "SAN localhost, bank",
        THIEVES,
        "subjectAltName = DNS:localhost, DNS:www.example-bank.com",
        "localhost",
    ),
    forgery("SAN localhost, 8.8.8.8", THIEVES, "subjectAltName = DNS:localhost, IP:8.8.8.8", "localhost"),
    forgery("CN bank", "/CN=www.example-bank.com", "", BANK),
    forgery("CN *.bank", "/CN=*.example-bank.com", "", BANK),
    forgery("CN *.bank, empty SAN", "/CN=*.example-bank.com", "2.5.29.17 = DER:3000", BANK),
    forgery("CN *.bank, SAN IP", "/CN=*.example-bank.com", "subjectAltName = IP:127.0.0.1", BANK),
    forgery("CN *.bank, SAN email", "/CN=*.example-bank.com", "subjectAltName = email:a@b.test", BANK),
    forgery("CN bank, SAN IP", "/CN=www.example-bank.com", "subjectAltName = IP:127.0.0.1", BANK),
    forgery("CN bank.", "/CN=www.example-bank.com.", "", BANK),
    forgery("CN a.test, CN *.bank", "/CN=a.test/CN=*.example-bank.com", "", BANK),
    forgery("CN *.com", "/CN=*.com", "", "example-bank.com"),
    forgery("CN intranet", "/CN=intranet", "", "intranet"),
];

/// A table of docs/clients.md: the verdicts of each client, in the order of [`titles`]; `None` was not
/// measured.
struct Table {
    root: Root,
    rows: Vec<Vec<Option<Verdict>>>,
}

fn titles() -> impl Iterator<Item = &'static str> {
    ["honest, by name", "honest, by address"].into_iter().chain(FORGERIES.iter().map(|forgery| forgery.title))
}

/// Selects what a short run measures: browsers start slowly, and the default root matters most.
fn is_measured(root: Root, client: &str, title: &str) -> bool {
    let is_browser = ["Chromium", "Firefox"].contains(&client);
    let is_selected = ["honest, by name", "SAN bank", "CN *.bank"].contains(&title);
    match (root, is_browser) {
        (Root::Default, false) => true,
        (Root::Default, true) | (Root::Sealed, false) => is_selected,
        (Root::Sealed, true) | (Root::Unconstrained, false) => title == "SAN bank",
        (Root::Unconstrained, true) => false,
    }
}

fn measure(root: Root, whole: bool) -> Table {
    /// The number of clients that two cores can run at once.
    const AT_ONCE: usize = 4;
    let bench = Bench::new(root);
    let honest = [("honest, by name", "localhost"), ("honest, by address", "127.0.0.1")];
    let honest = honest.map(|(title, host)| bench.honest(title, host));
    let questions: Vec<Question> =
        honest.into_iter().chain(FORGERIES.iter().map(|forgery| bench.forge(forgery))).collect();
    let row = |known: &Known| {
        let is_asked = |question: &Question| whole || is_measured(root, known.name, question.title);
        let asked: Vec<&Question> = questions.iter().filter(|question| is_asked(question)).collect();
        let mut verdicts = bench.verdicts(known.name, &asked).into_iter();
        questions.iter().map(|question| is_asked(question).then(|| verdicts.next().unwrap())).collect()
    };
    let mut rows = Vec::new();
    for some in KNOWN.chunks(AT_ONCE) {
        std::thread::scope(|scope| {
            let threads: Vec<_> = some.iter().map(|known| scope.spawn(|| row(known))).collect();
            rows.extend(threads.into_iter().map(|thread| thread.join().unwrap()));
        });
    }
    Table { root, rows }
}

#[test]
fn what_a_stolen_key_can_forge_is_what_the_documentation_says() {
    let target = std::env::var_os("DEVCA_CLIENTS_TABLE");
    let roots = [Root::Default, Root::Sealed, Root::Unconstrained];
    let tables = roots.map(|root| measure(root, target.is_some()));
    if let Some(path) = &target {
        fs::write(path, tables.iter().map(Table::write).collect::<String>()).unwrap();
    }
    // A client that rejects the certificate for a reason other than the constraints would only appear to be
    // safe.
    let mut wrong: Vec<String> = tables.iter().flat_map(Table::other_reasons).collect();
    if target.is_none() {
        let documentation = fs::read_to_string(project().join("docs/clients.md")).unwrap();
        wrong.extend(tables.iter().flat_map(|table| table.differences(&documentation)));
    }
    assert!(wrong.is_empty(), "if docs/clients.md is wrong, tests/measure-clients:\n{}", wrong.join("\n"));
}

/// The names in the texts for the clients that were measured.
const FAMILIES: &[(&str, &[&str])] = &[
    (
        "OpenSSL",
        &[
            "curl",
            "openssl s_client",
            "Node",
            "Node 22",
            "Node 24",
            "Python",
            "Ruby",
            "PHP streams",
            "PHP curl",
        ],
    ),
    ("Bun", &["Bun node:https", "Bun fetch"]),
    ("gRPC", &["gRPC (Python)"]),
    ("NSS", &["NSS (tstclnt)"]),
    ("Java", &["Java"]),
    ("Chromium", &["Chromium"]),
    ("Firefox", &["Firefox"]),
    ("Go", &["Go"]),
    ("rustls", &["rustls (webpki)"]),
    ("GnuTLS", &["gnutls-cli", "wget"]),
    ("Deno", &["Deno"]),
    ("workerd", &["workerd", "miniflare"]),
];

/// Every text that promises protection says who can be fooled, as the table of the default root does.
#[test]
fn every_text_names_who_can_be_fooled() {
    let read = |name: &str| fs::read_to_string(project().join(name)).unwrap();
    let documentation = read("docs/clients.md");
    let table = documentation.split("### Default root").nth(1).unwrap().split("\n### ").next().unwrap();
    let address = 2 + titles().position(|title| title == "SAN localhost, 8.8.8.8").unwrap();
    let is_fooled = |client: &str| {
        let row = table.lines().find(|line| line.starts_with(&format!("| {client} |"))).unwrap();
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        // The default root does not limit addresses.
        (4..cells.len()).any(|at| at != address && cells[at] == "yes")
    };
    let help = words(&Home::new().devca(["install", "--help"]).output().unwrap());
    for text in [read("README.md"), read("SECURITY.md"), documentation.clone(), help] {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let says =
            |sentence: &&str| sentence.contains("can be fooled") || sentence.contains("Java does not apply");
        let fooled = text.split(". ").filter(says).collect::<Vec<_>>().join(" ");
        for (family, clients) in FAMILIES {
            let named = fooled.split(|c: char| !c.is_alphanumeric()).any(|word| word == *family);
            assert_eq!(named, clients.iter().any(|client| is_fooled(client)), "{family}: {fooled}");
        }
    }
}

/// Which verifiers accept a leaf for email and one for code below such a root. The extended key usages of
/// root and intermediate limit a stolen key to TLS, if they are checked. OpenSSL and Go check the whole
/// chain, NSS and `GnuTLS` only the intermediate but not the root.
const PURPOSES: &[(&str, Root, bool)] = &[
    ("OpenSSL", Root::Default, false),
    ("OpenSSL", Root::Unconstrained, false),
    ("OpenSSL", Root::Sealed, false),
    ("Go", Root::Default, false),
    ("Go", Root::Unconstrained, false),
    ("Go", Root::Sealed, false),
    ("NSS", Root::Default, true),
    ("NSS", Root::Unconstrained, true),
    ("NSS", Root::Sealed, false),
    ("GnuTLS", Root::Default, true),
    ("GnuTLS", Root::Unconstrained, true),
    ("GnuTLS", Root::Sealed, false),
];

#[test]
fn a_stolen_key_signs_mail_and_code_only_for_those_who_do_not_look() {
    let kinds = [
        ("mail", "extendedKeyUsage = emailProtection\nsubjectAltName = email:boss@example-bank.com"),
        ("code", "extendedKeyUsage = codeSigning"),
    ];
    for root in [Root::Default, Root::Sealed, Root::Unconstrained] {
        let bench = Bench::new(root);
        for (kind, extensions) in kinds {
            let leaf = bench.sign("/O=Thieves/CN=The Boss", extensions).0;
            for (judge, _, expected) in PURPOSES.iter().filter(|(_, of, _)| *of == root) {
                let output = bench.for_purpose(judge, kind, &leaf);
                let accepts = output.status.success();
                assert_eq!(accepts, *expected, "{judge}, {kind}, {root:?}: {}", words(&output));
            }
        }
        // All of them must accept what devca issues.
        bench.home.ok(["issue", "--client", "alice", "--format", "fullchain"]);
        let alice = bench.home.file("alice-client-fullchain.pem");
        for (judge, ..) in PURPOSES.iter().filter(|(_, of, _)| *of == root) {
            let output = bench.for_purpose(judge, "client", &alice);
            assert!(output.status.success(), "{judge}, {root:?}: {}", words(&output));
        }
    }
}

impl Table {
    fn heading(&self) -> &'static str {
        match self.root {
            Root::Default => "### Default root",
            Root::Sealed => "### Sealed root",
            Root::Unconstrained => "### Unconstrained root",
        }
    }

    fn write(&self) -> String {
        let titles: Vec<&str> = titles().collect();
        let mut text = format!("{}\n\n| client | version | {} |\n", self.heading(), titles.join(" | "));
        let _ = writeln!(text, "|---|---{}|", "|---".repeat(titles.len()));
        for (known, row) in KNOWN.iter().zip(&self.rows) {
            let cells: Vec<&str> = row
                .iter()
                .map(|verdict| verdict.as_ref().map_or("?", |(accepts, _)| word(*accepts)))
                .collect();
            let _ = writeln!(
                text,
                "| {} | {} | {} |",
                known.name,
                version(known.name, known.version),
                cells.join(" | ")
            );
        }
        text + "\n"
    }

    /// Returns rejections of the bank's name that have nothing to do with constraints.
    fn other_reasons(&self) -> Vec<String> {
        let bank = titles().position(|title| title == "SAN bank").unwrap();
        let refusals = KNOWN.iter().zip(&self.rows).filter_map(|(known, row)| match &row[bank] {
            Some((false, said)) if !said.contains(known.refusal) => {
                Some(format!("{}, {:?}, SAN bank: not {:?}: {said}", known.name, self.root, known.refusal))
            }
            _ => None,
        });
        if self.root == Root::Unconstrained { Vec::new() } else { refusals.collect() }
    }

    /// Returns measurements that differ from the documentation. Versions may differ, but verdicts must not.
    fn differences(&self, documentation: &str) -> Vec<String> {
        let section = documentation.split(self.heading()).nth(1).unwrap_or_default();
        let section = section.split("\n#").next().unwrap_or_default();
        let mut wrong = Vec::new();
        for (known, row) in KNOWN.iter().zip(&self.rows) {
            let start = format!("| {} | ", known.name);
            let line = section.lines().find(|line| line.starts_with(&start)).unwrap_or_default();
            let written: Vec<&str> = line.trim_matches(['|', ' ']).split(" | ").skip(2).collect();
            for (index, (verdict, title)) in row.iter().zip(titles()).enumerate() {
                let Some((accepts, said)) = verdict else { continue };
                if written.get(index) != Some(&word(*accepts)) {
                    let (root, name, now) = (self.root, known.name, word(*accepts));
                    wrong.push(format!("{root:?}, {name}, {title}: {now} now: {said}"));
                }
            }
        }
        wrong
    }
}

fn word(accepts: bool) -> &'static str {
    if accepts { "yes" } else { "no" }
}
