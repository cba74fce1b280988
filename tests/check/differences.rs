//! What some clients accept and others refuse: devca says which.

use devca::x509::pem;

use super::bench::{
    Fault, Pair, arguments, authority, ca, findings, forged, issued, says_what_is_foretold, serve, together,
};
use super::cases::Case;
use super::common::clients::CLIENTS;
use super::common::{Home, words};
use super::judges::{JUDGES, judged};

const LOCALHOST: Fault =
    Fault { what: "", found: &[], host: "localhost", serve: |home| serve(&issued(home, "localhost", &[])) };

/// Serves a leaf with these properties below the home's root.
fn leaf(home: &Home, words: &[&str]) -> super::common::Server {
    serve(&forged(home, "leaf", Some(&ca(home)), words))
}

#[test]
fn differences_between_libraries_are_predicted() {
    for fault in [
        Fault {
            what: "the serial number of an earlier certificate of the CA",
            found: &["key-id-mismatch"],
            serve: |home| leaf(home, &["ca-serial=12345"]),
            ..LOCALHOST
        },
        Fault {
            what: "another key identifier than that of the root",
            found: &["key-id-mismatch"],
            serve: |home| leaf(home, &["ca-key-id=other"]),
            ..LOCALHOST
        },
        Fault {
            what: "the serial number of an earlier certificate of an intermediate",
            found: &["key-id-mismatch"],
            serve: |home| {
                let middle = authority(home, "middle", Some(&ca(home)));
                let (leaf, key) = forged(home, "leaf", Some(&middle), &["ca-serial=12345"]);
                serve(&(together(home, "chain.pem", &[&leaf, &middle.0]), key))
            },
            ..LOCALHOST
        },
        Fault {
            what: "an RSA key with the exponent 3",
            found: &["small-exponent"],
            serve: |home| leaf(home, &["rsa=2048", "exponent=3"]),
            ..LOCALHOST
        },
        Fault {
            what: "Netscape's usage for Server Gated Crypto",
            found: &["wrong-usage"],
            serve: |home| leaf(home, &["for=netscape"]),
            ..LOCALHOST
        },
        Fault {
            what: "an intermediate for Microsoft's Server Gated Crypto",
            found: &["wrong-usage"],
            serve: |home| {
                let middle = ["kind=ca", "names=", "cn=middle", "for=microsoft"];
                let middle = forged(home, "middle", Some(&ca(home)), &middle);
                let (leaf, key) = forged(home, "leaf", Some(&middle), &[]);
                serve(&(together(home, "chain.pem", &[&leaf, &middle.0]), key))
            },
            ..LOCALHOST
        },
        Fault {
            what: "critical access to its issuer",
            found: &["unknown-extension"],
            serve: |home| leaf(home, &["critical-extension=access"]),
            ..LOCALHOST
        },
        Fault {
            what: "a critical alternative name of its issuer",
            found: &["unknown-extension"],
            serve: |home| leaf(home, &["critical-extension=issuer-name"]),
            ..LOCALHOST
        },
        Fault {
            what: "an issuer in another encoding",
            found: &["issuer-name-mismatch"],
            serve: |home| {
                let middle = authority(home, "middle", Some(&ca(home)));
                let (leaf, key) = forged(home, "leaf", Some(&middle), &["printable=1"]);
                serve(&(together(home, "chain.pem", &[&leaf, &middle.0]), key))
            },
            ..LOCALHOST
        },
        Fault {
            what: "RSA-PSS with the longest salt",
            found: &["unsupported-algorithm"],
            serve: |home| {
                let middle = ["kind=ca", "names=", "cn=middle", "rsa=2048"];
                let middle = forged(home, "middle", Some(&ca(home)), &middle);
                let (leaf, key) = forged(home, "leaf", Some(&middle), &["salt=222"]);
                serve(&(together(home, "chain.pem", &[&leaf, &middle.0]), key))
            },
            ..LOCALHOST
        },
    ] {
        fault.is_found_and_foretold();
    }
}

#[test]
fn clients_that_compare_names_differently_are_predicted() {
    for fault in [
        Fault {
            what: "a wildcard with an underscore",
            found: &["name-mismatch"],
            host: "a.my_app.localhost",
            serve: |home| leaf(home, &["names=*.my_app.localhost"]),
        },
        Fault {
            what: "a host name with an underscore",
            found: &["name-mismatch"],
            host: "my_app.localhost",
            serve: |home| leaf(home, &["names=my_app.localhost"]),
        },
        Fault {
            what: "a wildcard with a prefix",
            found: &["name-mismatch"],
            host: "ab.app.localhost",
            serve: |home| leaf(home, &["names=a*.app.localhost"]),
        },
        Fault {
            what: "a wildcard with a suffix",
            found: &["name-mismatch"],
            host: "ba.app.localhost",
            serve: |home| leaf(home, &["names=*a.app.localhost"]),
        },
        Fault {
            what: "a wildcard in the second label",
            found: &["name-mismatch"],
            host: "a.app.localhost",
            serve: |home| leaf(home, &["names=a.*.localhost"]),
        },
        Fault {
            what: "a wildcard directly below a top-level domain",
            found: &["name-mismatch"],
            host: "app.localhost",
            serve: |home| leaf(home, &["names=*.localhost"]),
        },
        Fault {
            what: "a common name beside an address",
            found: &["name-mismatch"],
            serve: |home| leaf(home, &["names=127.0.0.2"]),
            ..LOCALHOST
        },
        Fault {
            what: "two common names, the last one of which fits",
            found: &["name-mismatch"],
            serve: |home| leaf(home, &["cn=other/localhost", "names="]),
            ..LOCALHOST
        },
        Fault {
            what: "two common names, the first one of which fits",
            found: &["name-mismatch"],
            serve: |home| leaf(home, &["cn=localhost/other", "names="]),
            ..LOCALHOST
        },
        Fault {
            what: "an IPv4 address mapped into IPv6",
            found: &["name-mismatch"],
            host: "127.0.0.1",
            serve: |home| leaf(home, &["names=::ffff:127.0.0.1"]),
        },
    ] {
        fault.is_found_and_foretold();
    }
}

#[test]
fn a_dot_at_the_end_stops_those_that_compare_it() {
    let home = Home::new();
    let server = serve(&issued(&home, "localhost", &[]));
    let host = "localhost.";
    let findings = findings(&home, &["name-mismatch"], &arguments(&home, host, server.port));
    // gnutls-cli removes the dot before GnuTLS compares the name.
    for client in CLIENTS.iter().filter(|client| client.name != "gnutls-cli") {
        says_what_is_foretold(&home, client, None, host, server.port, &findings, "a dot");
    }
}

/// A leaf, an intermediate or a root with these properties.
fn with(home: &Home, place: &str, properties: &[&str]) -> Case {
    let of = |own: &str| if own == place { properties } else { &[] };
    let ca = |name: &str, above: Option<&Pair>, words: &[&str]| {
        let cn = format!("cn={name}");
        forged(home, name, above, &[&["kind=ca", "names=", &cn], words].concat())
    };
    let root = ca("root", None, of("root"));
    let middle = ca("middle", Some(&root), of("intermediate"));
    let leaf = forged(home, "leaf", Some(&middle), &[&["names=app.test"], of("leaf")].concat());
    let read = |pair: &Pair| pem::first_certificate(&pair.0).unwrap();
    Case {
        label: format!("{place}: {}", properties.join(" ")),
        name: "app.test",
        sent: vec![read(&leaf), read(&middle)],
        roots: vec![read(&root)],
    }
}

/// A leaf that an RSA intermediate signed in this way.
fn signed_by_rsa(home: &Home, properties: &[&str]) -> Case {
    let root = authority(home, "root", None);
    let middle = forged(home, "middle", Some(&root), &["kind=ca", "names=", "cn=middle", "rsa=2048"]);
    let leaf = forged(home, "leaf", Some(&middle), &[&["names=app.test"], properties].concat());
    let read = |pair: &Pair| pem::first_certificate(&pair.0).unwrap();
    Case {
        label: format!("signed by RSA: {}", properties.join(" ")),
        name: "app.test",
        sent: vec![read(&leaf), read(&middle)],
        roots: vec![read(&root)],
    }
}

/// Fails if a prediction about a client is wrong.
pub(super) fn all_are_foretold(home: &Home, cases: &[Case]) {
    let mut wrong = Vec::new();
    for (case, (verdicts, found)) in cases.iter().zip(judged(home, cases)) {
        for (judge, verdict) in JUDGES.iter().zip(&verdicts) {
            if found.foretells(judge) != verdict.is_some() {
                wrong.push(format!("{}: {judge}: {:?} {verdict:?}", case.label, found.ids));
            }
        }
        let is_fine = verdicts.iter().all(Option::is_none);
        // The handshake fails with a key of these kinds.
        let is_unusable = found.ids == ["unsupported-algorithm"] && case.label.starts_with("leaf: key=");
        if is_fine && !found.ids.is_empty() && !is_unusable {
            wrong.push(format!("{}: a false alarm: {:?}", case.label, found.ids));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Unlike the random chains of judges.rs, each has one property, and no prediction may be wrong.
#[test]
fn the_verdict_of_each_verifier_on_a_rare_property_is_predicted() {
    let home = Home::new();
    let mut cases = Vec::new();
    for place in ["leaf", "intermediate", "root"] {
        for key in ["SECP224R1", "SECP521R1", "SECP256K1", "BrainpoolP256R1", "ed448", "dsa"] {
            cases.push(with(&home, place, &[&format!("key={key}")]));
        }
        cases.push(with(&home, place, &["rsa=2048", "exponent=3"]));
    }
    for place in ["leaf", "intermediate"] {
        for property in ["hash=SHA224", "hash=SHA3_256", "printable=1", "ca-serial=12345"] {
            cases.push(with(&home, place, &[property]));
        }
    }
    for property in ["hash=SHA224", "hash=SHA3_256", "salt=32", "salt=222", "salt=20"] {
        cases.push(signed_by_rsa(&home, &[property]));
    }
    all_are_foretold(&home, &cases);
}

#[test]
fn a_wildcard_with_an_underscore_is_pointed_out_when_it_is_issued() {
    let home = Home::new();
    let said = |name: &str| {
        let output = home.devca(["issue", name]).output().unwrap();
        assert!(output.status.success(), "{}", words(&output));
        words(&output)
    };
    assert!(said("*.my_app.test").contains("OpenSSL (Python) reject wildcards with an underscore"));
    let exact = said("my_app.test");
    assert!(exact.contains("Java rejects") && !exact.contains("OpenSSL"), "{exact}");
}
