//! Names and values as people write them, and what is refused.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use super::common::refusals::{refused, two_lines};
use super::common::{Home, ok, words};

#[test]
fn invalid_names_are_refused_before_anything_is_written() {
    let home = Home::new();
    let long = "a".repeat(300);
    for name in [
        "",
        "*",
        "*.test",
        "*.localhost",
        "*.*.test",
        "a..b",
        "256.1.1.1",
        "1.2.3",
        "..",
        "/",
        "../../etc/passwd",
        "a/b",
        "🦀",
        "🦀.test",
        "a b",
        "a\nb",
        "a\tb",
        &long,
    ] {
        refused(&home, ["issue", name], 2, "");
        refused(&home, ["issue", "localhost", name], 2, "");
    }
    refused(&home, ["issue", "-x"], 2, "unexpected argument");
    refused(&home, ["issue", "--", "-x"], 2, "hyphen");
    refused(&home, [OsString::from("issue"), OsString::from_vec(b"\xff\xfe".to_vec())], 2, "");
    refused(&home, ["issue", "*.test"], 2, "directly below a top-level domain");
    assert!(home.everything().is_empty(), "not even a root was made");
}

#[test]
fn the_hint_names_the_command_that_was_meant() {
    let home = Home::new();
    for (name, part, hint) in [
        ("my app.test", "it contains a space", "for example: devca issue localhost 127.0.0.1"),
        ("10.0.0.0/8", "single addresses, not ranges", "name each address: devca issue 10.0.0.0"),
        ("fe80::1%lo", "have no zone", "devca issue fe80::1"),
        ("app.test/path", "is not a host name", "path: devca issue app.test"),
        ("user@example.com", "does not name a server", "devca issue --client user@example.com"),
    ] {
        let output = home.devca(["issue", name]).output().unwrap();
        two_lines(&output, 2, part);
        assert!(words(&output).contains(&format!("{hint}\n")), "{name}: {}", words(&output));
    }
    refused(&home, ["issue", "--csr", "x.csr", "x.test"], 2, "cannot be used with");
    refused(&home, ["renew", "--within", "1y"], 2, "is not a number of days");
    assert!(home.everything().is_empty());
}

#[test]
fn names_are_taken_as_people_write_them() {
    for (typed, names) in [
        (vec![], vec!["localhost", "127.0.0.1", "::1"]),
        (vec!["localhost:3000"], vec!["localhost"]),
        (vec!["https://app.test:3000/x?y", "http://[::1]:80/"], vec!["app.test", "::1"]),
        (vec!["app.test,127.0.0.1"], vec!["app.test", "127.0.0.1"]),
        (vec!["app.localhost.", " LOCALHOST "], vec!["app.localhost", "localhost"]),
    ] {
        let home = Home::new();
        let issued = home.json([&["issue"], typed.as_slice()].concat());
        assert_eq!(issued["names"], serde_json::json!(names), "{typed:?}: {issued:#}");
    }
    let home = Home::new();
    for (typed, hint) in [
        ("localhost", "devca issue localhost"),
        ("app.test", "devca issue app.test"),
        ("-install", "devca install"),
        ("-CAROOT", "devca root"),
    ] {
        let output = home.devca([typed]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{typed}");
        assert!(words(&output).ends_with(&format!("devca: hint: {hint}\n")), "{}", words(&output));
    }
    assert!(home.everything().is_empty());
}

#[test]
fn values_are_taken_as_people_write_them() {
    let home = Home::new();
    home.ok(["issue", "localhost", "--format", "PEM,P12", "--key-type", "ECDSA", "--days", "90d"]);
    assert_eq!(home.listing(), ["localhost-key.pem", "localhost.p12", "localhost.pem"]);
}

#[test]
fn a_nul_cannot_be_smuggled_in_by_json_or_environment() {
    // An argument cannot contain a NUL, but the library's parser must refuse one too.
    assert!(devca::x509::name::Name::parse("a\0b").is_err());
    let home = Home::new();
    for ca in ["../x", "a/b", "", ".hidden", "a b", &"x".repeat(65)] {
        refused(&home, ["--ca", ca, "issue", "localhost"], 2, "is not a valid CA name");
    }
}

#[test]
fn invalid_validities_are_refused() {
    let home = Home::new();
    for days in ["0", "-1", "826", "999999", "9223372036854775807"] {
        refused(&home, ["issue", "localhost", "--days", days], 2, "cannot be valid for");
    }
    for days in ["9223372036854775808", "x", "", "d", "90 d"] {
        refused(&home, ["issue", "localhost", "--days", days], 2, "is not a number of days");
    }
    for end in ["tomorrow", "2026-02-30", "+12026-01-01", ""] {
        refused(&home, ["issue", "localhost", "--not-after", end], 2, "is not a valid date");
    }
    for end in ["0000-01-01", "9999-12-31"] {
        refused(&home, ["issue", "localhost", "--not-after", end], 2, "is out of range");
    }
    refused(&home, ["issue", "localhost", "--not-after", "2099-01-01"], 2, "cannot be valid for");
    refused(
        &home,
        ["issue", "localhost", "--not-after", "2026-01-01", "--days", "1"],
        2,
        "cannot be used with",
    );
}

#[test]
fn a_name_outside_the_constraints_is_refused_with_a_hint() {
    let home = Home::new();
    for fresh in [true, false] {
        for name in ["www.example-bank.com", "*.example.dev", "nottest"] {
            refused(&home, ["issue", "localhost", name], 1, "this root may not sign for");
        }
        // The root does not constrain addresses, so devca itself must refuse these.
        for address in ["8.8.8.8", "2001:db8::1", "::ffff:8.8.8.8"] {
            let said = words(&home.devca(["issue", "localhost", address]).output().unwrap());
            assert!(
                said.contains("is not a private address") && said.contains("permit it: devca permit"),
                "{said}"
            );
            refused(&home, ["issue", "localhost", address], 1, "is not a private address");
        }
        let said = words(&home.devca(["issue", "shop.corp.dev"]).output().unwrap());
        let way = if fresh { "devca install --permit shop.corp.dev" } else { "devca permit shop.corp.dev" };
        assert!(said.contains(way), "{said}");
        refused(&home, ["issue", "0.0.0.0"], 1, "clients do not connect to `0.0.0.0`");
        let said = words(&home.devca(["issue", "alice"]).output().unwrap());
        assert!(said.contains("hint: for a client certificate: devca issue --client alice"), "{said}");
        if fresh {
            home.ok(["issue", "localhost"]);
        }
    }
}

#[test]
fn names_without_number_and_duplicates() {
    let home = Home::new();
    let many: Vec<String> = (0..1000).map(|n| format!("host-{n}.test")).collect();
    home.ok(["issue".to_owned()].iter().chain(&many));
    let text = ok(
        "openssl",
        [
            "x509",
            "-in",
            home.file("host-0.test+999.pem").to_str().unwrap(),
            "-noout",
            "-ext",
            "subjectAltName",
        ],
    );
    assert_eq!(text.matches("DNS:").count(), 1000);
    let twice = home.devca(["issue", "localhost", "LOCALHOST", "127.0.0.1", "127.0.0.1"]).output().unwrap();
    assert!(twice.status.success() && words(&twice).contains("more than once"), "{}", words(&twice));
    assert!(home.file("localhost+1.pem").exists());
    // The longest possible names still get files.
    let long = format!("{0}.{0}.{0}.test", "a".repeat(63));
    home.ok(["issue", &long]);
    home.ok(["issue", "--client", "spiffe://dev/alice"]);
    assert!(home.file("spiffe___dev_alice-client.pem").exists(), "{:?}", home.listing());
}

/// The inventory and `--json` are text.
#[cfg(target_os = "linux")]
#[test]
fn a_path_that_is_not_unicode_is_refused_before_anything_is_written() {
    let home = Home::new();
    let folder = home.work().join(OsString::from_vec(b"b\xffd".to_vec()));
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(home.file("names"), "app.test\n").unwrap();
    let said = |mut devca: std::process::Command| {
        let output = devca.output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", words(&output));
        assert!(words(&output).contains("is not valid Unicode"), "{}", words(&output));
        assert!(!words(&output).contains("bug"), "{}", words(&output));
    };
    home.ok(["issue", "localhost"]);
    let before = home.everything();
    for arguments in [
        &["issue", "app.test"][..],
        &["issue", "--batch", "../names"],
        &["root", "--format", "pem"],
        &["crl"],
    ] {
        let mut here = home.devca(arguments);
        here.current_dir(&folder);
        said(here);
    }
    let mut elsewhere = home.devca(["issue", "app.test", "--out"]);
    elsewhere.arg(&folder);
    said(elsewhere);
    let mut in_it = home.devca(["status", "--json"]);
    in_it.env("DEVCA_HOME", &folder);
    said(in_it);
    assert!(home.everything() == before);
    let mut to_stdout = home.devca(["issue", "app.test", "--stdout"]);
    assert!(to_stdout.current_dir(&folder).output().unwrap().status.success());
}
