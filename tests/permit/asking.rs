//! What `devca issue` asks before it permits a name.

use super::*;

#[test]
fn issue_asks_only_on_a_terminal_and_accepts_yes() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    let (root, issue) = (fs::read(home.root()).unwrap(), ["issue", "api.example.dev"]);
    let question = "may not sign for api.example.dev. Permit it? [y/N] ";

    for answer in ["n", "", "what"] {
        let said = home.typing(&[("ask", question, answer)], &issue);
        assert_eq!(said.status.code(), Some(1), "{answer:?}: {}", words(&said));
        assert!(words(&said).contains("hint: permit it: devca permit api.example.dev"), "{}", words(&said));
    }
    let said = home.fails(issue);
    assert!(
        said.contains("hint: permit it: devca permit api.example.dev") && !said.contains("[y/N]"),
        "{said}"
    );
    // Scripts that read JSON, or nothing, are not asked, even on a terminal.
    for option in ["--json", "--quiet"] {
        let said = home.typing(&[], &[&issue[..], &[option]].concat());
        assert!(!said.status.success() && !words(&said).contains("[y/N]"), "{}", words(&said));
    }
    assert_eq!(fs::read(home.root()).unwrap(), root);
    assert_eq!(home.listing(), ["localhost-key.pem", "localhost.pem"]);

    let said = home.typing(&[("ask", question, "y")], &issue);
    assert!(said.status.success(), "{}", words(&said));
    home.ok([
        "issue",
        "*.shop.example.dev",
        "shop.example.dev",
        "203.0.113.7",
        "--yes",
        "--cert-file",
        "shop.pem",
    ]);
    for leaf in ["localhost.pem", "api.example.dev.pem", "shop.pem"] {
        verifies(&home, leaf).unwrap();
    }
    let list = home.ok(["permit", "--list"]);
    for subtree in ["api.example.dev", "shop.example.dev"] {
        assert_eq!(list.lines().filter(|line| *line == subtree).count(), 1, "{subtree}: {list}");
    }
    // Issuing for the address once does not make the root constrain addresses.
    assert!(!list.contains('/'), "{list}");
    // For the first root of a home, the question is asked once, and the root is created with the wider list.
    let fresh = Home::new();
    let said = fresh.typing(&[("ask", question, "y")], &issue);
    assert!(said.status.success(), "{}", words(&said));
    verifies(&fresh, "api.example.dev.pem").unwrap();
    assert!(!fresh.ca().join("earlier.pem").exists());
}

#[test]
fn a_public_address_is_asked_about_unless_the_root_permits_it() {
    let home = Home::new();
    let question = "203.0.113.7 is not a private address. Issue a certificate for it? [y/N] ";
    let issue = ["issue", "203.0.113.7", "127.0.0.1"];
    let said = home.typing(&[("ask", question, "n")], &issue);
    assert_eq!(said.status.code(), Some(1), "{}", words(&said));
    assert!(home.listing().is_empty());
    let said = home.typing(&[("ask", question, "y")], &issue);
    assert!(said.status.success(), "{}", words(&said));
    verifies(&home, "203.0.113.7+1.pem").unwrap();
    // Renewals do not ask again, and a batch cannot ask.
    home.ok(["renew", "--all"]);
    fs::write(home.file("lines"), "203.0.113.8\n").unwrap();
    let batch = ["issue", "--batch", "lines", "--out", "o"];
    let said = home.fails(batch);
    assert!(said.contains("203.0.113.8 is not a private address") && said.contains("with --yes"), "{said}");
    home.ok(batch.iter().chain(&["--yes"]));
    verifies(&home, "o/203.0.113.8.pem").unwrap();
    fs::remove_dir_all(home.file("o")).unwrap();

    let said = home.devca(["permit", "203.0.113.0/24"]).output().unwrap();
    assert!(words(&said).contains("BoringSSL"), "{}", words(&said));
    home.ok(["issue", "203.0.113.7", "127.0.0.1"]);
    home.ok(batch);
    verifies(&home, "o/203.0.113.8.pem").unwrap();

    let free = Home::new();
    free.ok(["install", "--unconstrained", "--store", "wsl"]);
    free.ok(["issue", "203.0.113.7"]);
}

#[test]
fn a_batch_permits_its_names_with_yes() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    fs::write(home.file("lines"), "api.example.dev\nwww.example.dev 203.0.113.8\n-broken-\nlocalhost\n")
        .unwrap();
    let batch = ["issue", "--batch", "lines", "--out", "o"];
    assert!(home.fails(batch).contains("this root may not sign for api.example.dev"));
    let said = home.fails(batch.iter().chain(&["--yes"]));
    assert!(said.contains("line 3"), "only the line with an error fails: {said}");
    for leaf in ["o/api.example.dev.pem", "o/www.example.dev+1.pem", "o/localhost.pem", "localhost.pem"] {
        verifies(&home, leaf).unwrap();
    }
    assert!(!home.ok(["permit", "--list"]).contains('/'), "the address is not constrained");
}
