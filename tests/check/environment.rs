//! What `devca check` says of the environment: variables, proxies, the inventory.

use std::fs;
use std::process::Command;

use super::bench::{arguments, issued, serve};
use super::common::Home;
use super::files::home;

/// Checks a good server in a faulty environment; no other fault may be found.
fn in_environment(expected: &[&str], change: impl Fn(&Home, &mut Command)) -> serde_json::Value {
    let home = home();
    let server = serve(&issued(&home, "localhost", &[]));
    let mut check = home.devca(["check", "--json"]);
    check.args(arguments(&home, "localhost", server.port));
    change(&home, &mut check);
    let output = check.output().unwrap();
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let found = document["checks"][0]["findings"].as_array().unwrap().clone();
    let ids: Vec<&str> = found.iter().map(|found| found["id"].as_str().unwrap()).collect();
    assert_eq!(ids, expected, "{document:#}");
    assert_eq!(output.status.code(), Some(i32::from(!expected.is_empty())));
    found.into()
}

#[test]
fn verification_that_is_switched_off_is_pointed_out() {
    for (name, value) in [
        ("NODE_TLS_REJECT_UNAUTHORIZED", "0"),
        ("PYTHONHTTPSVERIFY", "0"),
        ("GIT_SSL_NO_VERIFY", "1"),
        ("NPM_CONFIG_STRICT_SSL", "false"),
        ("npm_config_strict_ssl", "false"),
    ] {
        let found = in_environment(&["verification-off"], |_, check| {
            check.env(name, value);
        });
        assert!(found[0]["hint"].as_str().unwrap().contains("devca run"), "{found:#}");
        assert!(found[0]["message"].as_str().unwrap().contains(name), "{found:#}");
    }
    for (file, text) in [
        (".curlrc", "silent\ninsecure\n"),
        (".curlrc", "-sSk\n"),
        (".npmrc", "strict-ssl = false\n"),
        (".gitconfig", "[http]\n\tsslVerify = false\n"),
        (".wgetrc", "check_certificate = off\n"),
    ] {
        let found = in_environment(&["verification-off"], |home, _| {
            fs::write(home.home().join(file), text).unwrap();
        });
        assert!(found[0]["message"].as_str().unwrap().contains(file), "{found:#}");
    }
    in_environment(&[], |home, check| {
        check.env("NODE_TLS_REJECT_UNAUTHORIZED", "1").env("GIT_SSL_NO_VERIFY", "");
        fs::write(home.home().join(".curlrc"), "# insecure\n-A k\n-o k\n").unwrap();
        fs::write(home.home().join(".gitconfig"), "[http]\n\tsslVerify = true\n").unwrap();
    });
}

#[test]
fn a_proxy_is_pointed_out_unless_the_host_is_exempt() {
    let proxy = "http://me:secret@proxy.test:3128";
    for name in ["https_proxy", "HTTPS_PROXY"] {
        let found = in_environment(&["proxy"], |_, check| {
            check.env(name, proxy);
        });
        let what = found[0]["message"].as_str().unwrap();
        assert!(what.contains("proxy.test:3128") && !what.contains("secret"), "{what}");
        for exempt in ["localhost", "a.test, localhost", "*"] {
            in_environment(&[], |_, check| {
                check.env(name, proxy).env("NO_PROXY", exempt);
            });
        }
    }
}

#[test]
fn certificates_in_the_inventory_that_expire_soon_are_found() {
    let home = home();
    home.ok(["issue", "soon.test", "--days", "3"]);
    let (code, document) = home.check(["--expiring", "14d"]);
    assert_eq!(code, 1, "{document:#}");
    assert_eq!(document["findings"].as_array().unwrap().len(), 1, "{document:#}");
    assert!(document["findings"][0]["message"].as_str().unwrap().contains("soon.test.pem"), "{document:#}");
    assert_eq!(home.check(["--expiring", "1"]).0, 0);
}
