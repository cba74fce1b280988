//! Faults in a server's chain.

use std::fs;

use devca::x509::pem;

use super::bench::{Fault, Pair, authority, ca, forged, issued, lax, serve, together};
use super::common::{Home, tool};

fn all(faults: &[Fault]) {
    faults.iter().for_each(Fault::is_found_and_foretold);
}

const LOCALHOST: Fault =
    Fault { what: "", found: &[], host: "localhost", serve: |home| serve(&issued(home, "localhost", &[])) };

#[test]
fn errors_for_a_wrong_name_are_predicted() {
    all(&[
        Fault { what: "another DNS name", found: &["name-mismatch"], host: "app.test", ..LOCALHOST },
        Fault {
            what: "an address without an IP SAN",
            found: &["name-mismatch"],
            host: "127.0.0.1",
            ..LOCALHOST
        },
        Fault {
            what: "another address",
            found: &["name-mismatch"],
            host: "127.0.0.1",
            serve: |home| serve(&issued(home, "127.0.0.2", &[])),
        },
        Fault {
            what: "a wildcard two levels deep",
            found: &["name-mismatch"],
            host: "a.b.app.test",
            serve: |home| {
                home.ok(["issue", "*.app.test"]);
                serve(&(home.file("_wildcard.app.test.pem"), home.file("_wildcard.app.test-key.pem")))
            },
        },
        Fault {
            what: "a common name without SAN",
            found: &["name-mismatch"],
            serve: |home| serve(&forged(home, "cn", Some(&ca(home)), &["names="])),
            ..LOCALHOST
        },
    ]);
}

#[test]
fn errors_for_an_incomplete_or_unordered_chain_are_predicted() {
    all(&[
        Fault {
            what: "a missing intermediate",
            found: &["missing-intermediate"],
            serve: |home| {
                let (_, key) = issued(home, "localhost", &["--intermediate"]);
                serve(&(home.file("localhost.pem"), key))
            },
            ..LOCALHOST
        },
        Fault {
            what: "two intermediates, in order",
            found: &[],
            serve: |home| {
                let upper = authority(home, "upper", Some(&ca(home)));
                let lower = authority(home, "lower", Some(&upper));
                let (leaf, key) = forged(home, "leaf", Some(&lower), &[]);
                serve(&(together(home, "chain.pem", &[&leaf, &lower.0, &upper.0]), key))
            },
            ..LOCALHOST
        },
        Fault {
            what: "the root sent along, which is trusted",
            found: &[],
            serve: |home| {
                let (leaf, key) = issued(home, "localhost", &[]);
                serve(&(together(home, "chain.pem", &[&leaf, &home.root()]), key))
            },
            ..LOCALHOST
        },
        Fault {
            what: "an intermediate that has expired",
            found: &["expired"],
            serve: |home| {
                let words = ["kind=ca", "cn=middle", "names=", "in=-30", "days=20"];
                let middle = forged(home, "middle", Some(&ca(home)), &words);
                let (leaf, key) = forged(home, "leaf", Some(&middle), &[]);
                serve(&(together(home, "chain.pem", &[&leaf, &middle.0]), key))
            },
            ..LOCALHOST
        },
        Fault {
            what: "a stray certificate",
            found: &["wrong-order"],
            serve: |home| {
                let (leaf, key) = issued(home, "localhost", &[]);
                let (stray, _) = authority(home, "stray", None);
                serve(&(together(home, "chain.pem", &[&leaf, &stray]), key))
            },
            ..LOCALHOST
        },
        Fault {
            what: "two intermediates, swapped",
            found: &["wrong-order"],
            serve: |home| {
                let upper = authority(home, "upper", Some(&ca(home)));
                let lower = authority(home, "lower", Some(&upper));
                let (leaf, key) = forged(home, "leaf", Some(&lower), &[]);
                serve(&(together(home, "chain.pem", &[&leaf, &upper.0, &lower.0]), key))
            },
            ..LOCALHOST
        },
    ]);
}

#[test]
fn errors_for_an_untrusted_root_are_predicted() {
    all(&[
        Fault {
            what: "self-signed",
            found: &["self-signed"],
            serve: |home| serve(&forged(home, "self", None, &[])),
            ..LOCALHOST
        },
        Fault {
            what: "a root that is not sent",
            found: &["untrusted-root"],
            serve: |home| {
                let root = authority(home, "stranger", None);
                serve(&forged(home, "leaf", Some(&root), &[]))
            },
            ..LOCALHOST
        },
        Fault {
            what: "a root that is sent",
            found: &["untrusted-root"],
            serve: |home| {
                let root = authority(home, "stranger", None);
                let (leaf, key) = forged(home, "leaf", Some(&root), &[]);
                serve(&(together(home, "chain.pem", &[&leaf, &root.0]), key))
            },
            ..LOCALHOST
        },
        Fault {
            what: "an intermediate and an unknown root",
            found: &["untrusted-root"],
            serve: |home| {
                let root = authority(home, "stranger", None);
                let middle = authority(home, "middle", Some(&root));
                let (leaf, key) = forged(home, "leaf", Some(&middle), &[]);
                serve(&(together(home, "chain.pem", &[&leaf, &middle.0]), key))
            },
            ..LOCALHOST
        },
        Fault {
            what: "another CA of this person",
            found: &["untrusted-root"],
            serve: |home| serve(&issued(home, "localhost", &["--ca", "other"])),
            ..LOCALHOST
        },
        Fault {
            what: "another person's devca",
            found: &["untrusted-root"],
            serve: |_| {
                let other = Home::new();
                let mut issue = other.devca(["issue", "localhost"]);
                assert!(issue.env("USER", "bob").status().unwrap().success());
                serve(&(other.file("localhost.pem"), other.file("localhost-key.pem")))
            },
            ..LOCALHOST
        },
        Fault {
            what: "mkcert's root",
            found: &["untrusted-root"],
            serve: |home| {
                let mut mkcert = home.command(&tool("mkcert"), ["localhost"]);
                assert!(mkcert.output().unwrap().status.success());
                serve(&(home.file("localhost.pem"), home.file("localhost-key.pem")))
            },
            ..LOCALHOST
        },
        Fault {
            what: "a root that was replaced",
            found: &["replaced-root"],
            serve: |home| {
                let (leaf, key) = issued(home, "localhost", &[]);
                let old = (together(home, "old.pem", &[&leaf]), together(home, "old-key.pem", &[&key]));
                home.ok(["rotate", "--store", "nss"]);
                serve(&old)
            },
            ..LOCALHOST
        },
        Fault {
            what: "a certificate that was changed after it was signed",
            found: &["bad-signature"],
            serve: |home| {
                let (leaf, key) = issued(home, "localhost", &[]);
                let mut der = pem::contents(&fs::read(&leaf).unwrap()).certificates.remove(0);
                *der.last_mut().unwrap() ^= 1;
                fs::write(home.file("changed.pem"), pem::certificate(&der)).unwrap();
                serve(&(home.file("changed.pem"), key))
            },
            ..LOCALHOST
        },
    ]);
}

#[test]
fn errors_for_an_expired_or_not_yet_valid_certificate_are_predicted() {
    all(&[
        Fault {
            what: "expired",
            found: &["expired"],
            serve: |home| serve(&issued(home, "localhost", &["--not-after", "2026-01-31"])),
            ..LOCALHOST
        },
        Fault {
            what: "not yet valid",
            found: &["not-yet-valid"],
            serve: |home| serve(&forged(home, "early", Some(&ca(home)), &["in=3"])),
            ..LOCALHOST
        },
        Fault {
            what: "it ends in three days",
            found: &["expiring"],
            serve: |home| serve(&forged(home, "soon", Some(&ca(home)), &["in=-27", "days=30"])),
            ..LOCALHOST
        },
        Fault {
            what: "826 days",
            found: &["too-long"],
            serve: |home| serve(&forged(home, "long", Some(&ca(home)), &["days=826"])),
            ..LOCALHOST
        },
    ]);
}

#[test]
fn errors_for_a_certificate_with_another_usage_are_predicted() {
    all(&[
        Fault {
            what: "a client's certificate",
            found: &["wrong-usage"],
            serve: |home| serve(&forged(home, "client", Some(&ca(home)), &["kind=client"])),
            ..LOCALHOST
        },
        Fault {
            what: "a client's certificate, without names",
            found: &["name-mismatch", "wrong-usage"],
            serve: |home| {
                home.ok(["issue", "--client", "localhost"]);
                serve(&(home.file("localhost-client.pem"), home.file("localhost-client-key.pem")))
            },
            ..LOCALHOST
        },
        Fault {
            what: "a CA as leaf",
            found: &["ca-as-leaf"],
            serve: |home| serve(&forged(home, "ca", Some(&ca(home)), &["kind=ca"])),
            ..LOCALHOST
        },
        Fault {
            what: "a name that an intermediate excludes",
            found: &["outside-constraints"],
            serve: |home| serve(&below(home, &["kind=ca", "names=", "not-for=localhost"])),
            ..LOCALHOST
        },
        Fault {
            what: "a name outside the constraints",
            found: &["outside-constraints"],
            serve: |home| {
                serve(&forged(home, "wide", Some(&ca(home)), &["names=localhost,www.example-bank.com"]))
            },
            ..LOCALHOST
        },
    ]);
}

#[test]
fn errors_for_weak_keys_signatures_and_protocols_are_predicted() {
    all(&[
        Fault {
            what: "RSA with 1024 bits",
            found: &["weak"],
            serve: |home| lax(&forged(home, "weak", Some(&ca(home)), &["rsa=1024"]), &[]),
            ..LOCALHOST
        },
        Fault {
            what: "SHA-1",
            found: &["weak"],
            serve: |home| lax(&forged(home, "weak", Some(&ca(home)), &["sha1=1"]), &[]),
            ..LOCALHOST
        },
        Fault {
            what: "TLS 1.1",
            found: &["protocol-too-old"],
            serve: |home| lax(&issued(home, "localhost", &[]), &["-tls1_1"]),
            ..LOCALHOST
        },
    ]);
}

#[test]
fn a_revoked_certificate_is_found() {
    all(&[Fault {
        what: "revoked",
        found: &["revoked"],
        serve: |home| {
            let pair = issued(home, "localhost", &[]);
            home.ok(["revoke", pair.0.to_str().unwrap()]);
            serve(&pair)
        },
        ..LOCALHOST
    }]);
}

#[test]
fn errors_for_cas_that_may_not_sign_are_predicted() {
    all(&[
        Fault {
            what: "an intermediate that is no CA",
            found: &["not-a-ca"],
            serve: |home| serve(&below(home, &["kind=none", "names="])),
            ..LOCALHOST
        },
        Fault {
            what: "an intermediate without keyCertSign",
            found: &["not-a-ca"],
            serve: |home| serve(&below(home, &["kind=ca", "names=", "usage=digital_signature"])),
            ..LOCALHOST
        },
        Fault {
            what: "one CA too many",
            found: &["path-too-long"],
            serve: |home| {
                let words = ["kind=ca", "names=", "cn=upper", "path=0"];
                let upper = forged(home, "upper", Some(&ca(home)), &words);
                let lower = authority(home, "lower", Some(&upper));
                let (leaf, key) = forged(home, "leaf", Some(&lower), &[]);
                serve(&(together(home, "chain.pem", &[&leaf, &lower.0, &upper.0]), key))
            },
            ..LOCALHOST
        },
        Fault {
            what: "an intermediate for clients",
            found: &["wrong-usage"],
            serve: |home| serve(&below(home, &["kind=ca", "names=", "for=client"])),
            ..LOCALHOST
        },
        Fault {
            what: "a leaf for anything",
            found: &["wrong-usage"],
            serve: |home| serve(&forged(home, "leaf", Some(&ca(home)), &["for=any"])),
            ..LOCALHOST
        },
        Fault {
            what: "a leaf with an unknown critical extension",
            found: &["unknown-extension"],
            serve: |home| serve(&forged(home, "leaf", Some(&ca(home)), &["critical=1"])),
            ..LOCALHOST
        },
        Fault {
            what: "an intermediate with an unknown critical extension",
            found: &["unknown-extension"],
            serve: |home| serve(&below(home, &["kind=ca", "names=", "critical=1"])),
            ..LOCALHOST
        },
        Fault {
            what: "a key that may sign certificates alone",
            found: &["wrong-key-usage"],
            serve: |home| serve(&forged(home, "leaf", Some(&ca(home)), &["usage=key_cert_sign"])),
            ..LOCALHOST
        },
        Fault {
            what: "a key that may encrypt alone",
            found: &["wrong-key-usage"],
            serve: |home| serve(&forged(home, "leaf", Some(&ca(home)), &["usage=key_encipherment"])),
            ..LOCALHOST
        },
    ]);
}

/// Issues a leaf below an intermediate with these properties, which devca would not create.
fn below(home: &Home, words: &[&str]) -> Pair {
    let middle = forged(home, "middle", Some(&ca(home)), &[words, &["cn=middle"]].concat());
    let (leaf, key) = forged(home, "leaf", Some(&middle), &[]);
    (together(home, "chain.pem", &[&leaf, &middle.0]), key)
}
