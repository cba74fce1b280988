//! Files that were moved, copied or separated since they were issued.

use std::fs;

use super::common::{Home, ok, strangers_root, words};
use super::{leads_to_the_root, serial};

#[test]
fn a_pair_that_was_moved_is_renewed_where_it_is() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    fs::create_dir(home.file("certs")).unwrap();
    for name in ["localhost.pem", "localhost-key.pem"] {
        fs::rename(home.file(name), home.file("certs").join(name)).unwrap();
    }
    let before = fs::read(home.file("certs/localhost.pem")).unwrap();
    let output = home.devca(["renew", "certs/localhost.pem"]).output().unwrap();
    assert!(output.status.success() && words(&output).contains("was moved"), "{}", words(&output));
    assert!(fs::read(home.file("certs/localhost.pem")).unwrap() != before);
    assert!(!home.file("localhost.pem").exists());
    // From now on, it is known at the new path.
    let output = home.devca(["renew", "certs/localhost.pem"]).output().unwrap();
    assert!(output.status.success() && !words(&output).contains("was moved"), "{}", words(&output));
    // Files with other names are recognized by their content.
    for (old, new) in [("localhost.pem", "server.crt"), ("localhost-key.pem", "server.key")] {
        fs::rename(home.file("certs").join(old), home.file(new)).unwrap();
    }
    let before = fs::read(home.file("server.crt")).unwrap();
    let said = home.ok(["renew", "server.crt"]);
    assert!(!said.contains("skipped"), "{said}");
    assert!(fs::read(home.file("server.crt")).unwrap() != before && leads_to_the_root(&home, "server.crt"));
    let listed = home.ok(["list"]);
    assert!(listed.lines().count() == 1 && listed.ends_with("\t./server.crt\n"), "{listed}");
    fs::rename(home.file("server.crt"), home.file("certs/localhost.pem")).unwrap();
    fs::rename(home.file("server.key"), home.file("certs/localhost-key.pem")).unwrap();
    home.ok(["renew", "certs/localhost.pem"]);
    // A copy does not make devca forget the original.
    fs::create_dir(home.file("copy")).unwrap();
    for name in ["localhost.pem", "localhost-key.pem"] {
        fs::copy(home.file("certs").join(name), home.file("copy").join(name)).unwrap();
    }
    let output = home.devca(["renew", "copy/localhost.pem"]).output().unwrap();
    assert!(output.status.success() && words(&output).contains("is a copy"), "{}", words(&output));
    assert_eq!(home.ok(["list"]).lines().count(), 2, "{}", home.ok(["list"]));
    // A certificate without its key is not changed, and neither is a file that is not this CA's.
    fs::create_dir(home.file("half")).unwrap();
    fs::copy(home.file("certs/localhost.pem"), home.file("half/localhost.pem")).unwrap();
    strangers_root(&home.file("stranger.pem"));
    let said = home.fails(["renew", "half/localhost.pem"]);
    assert!(said.contains("the key of half/localhost.pem is neither beside it nor where it was"), "{said}");
    assert!(said.contains("name the key as well: devca renew half/localhost.pem KEY"), "{said}");
    // The key of the original stays with it.
    home.fails(["renew", "half/localhost.pem", "certs/localhost-key.pem"]);
    let said = home.fails(["renew", "stranger.pem"]);
    assert!(said.contains("stranger.pem is not a file of a certificate of this CA"), "{said}");
    assert!(home.fails(["renew", "nothing"]).contains("is neither a file nor the name"));
}

/// nginx uses the full chain and the key, so the leaf alone may stay where it was.
#[test]
fn a_part_of_the_files_that_was_moved_is_renewed_where_it_is() {
    let home = Home::new();
    fs::create_dir(home.file("n")).unwrap();
    for is_copy in [true, false] {
        home.ok(["issue", "app.test", "--format", "pem,fullchain", "--out", "e", "--force"]);
        for (old, new) in [("app.test-fullchain.pem", "tls.crt"), ("app.test-key.pem", "tls.key")] {
            let (old, new) = (home.file("e").join(old), home.file("n").join(new));
            if is_copy {
                fs::copy(old, new).unwrap();
            } else {
                fs::rename(old, new).unwrap();
            }
        }
        let before = serial(&home, "n/tls.crt");
        let output = home.devca(["renew", "n/tls.crt"]).output().unwrap();
        let said = words(&output);
        let expected = if is_copy { "is a copy" } else { "was moved" };
        assert!(output.status.success() && said.contains(expected), "{said}");
        assert_ne!(serial(&home, "n/tls.crt"), before);
        assert!(leads_to_the_root(&home, "n/tls.crt"));
        let public = |path: &str, words: &str| {
            let path = home.file(path).display().to_string();
            ok("openssl", words.split(' ').chain([path.as_str()]))
        };
        let of_certificate = public("n/tls.crt", "x509 -noout -pubkey -in");
        assert_eq!(of_certificate, public("n/tls.key", "pkey -pubout -in"));
    }
}

/// A path through a folder that is removed later must stay valid.
#[test]
fn a_path_that_leads_back_is_recorded_without_detours() {
    for command in [&["issue", "app.test"][..], &["issue", "--batch", "../names"]] {
        let home = Home::new();
        for folder in ["detour", "certs"] {
            fs::create_dir(home.file(folder)).unwrap();
        }
        std::os::unix::fs::symlink("certs", home.file("link")).unwrap();
        fs::write(home.file("names"), "app.test\n").unwrap();
        let mut issue = home.devca(command);
        let issued = issue.args(["--out", "../certs"]).current_dir(home.file("detour")).status().unwrap();
        assert!(issued.success());
        fs::remove_dir(home.file("detour")).unwrap();
        let before = serial(&home, "certs/app.test.pem");
        assert!(home.ok(["list"]).contains("app.test\tserver\tgood\t"), "{}", home.ok(["list"]));
        home.ok(["renew", "link/../certs/app.test.pem"]);
        assert_ne!(serial(&home, "certs/app.test.pem"), before);
        assert_eq!(home.ok(["list"]).lines().count(), 1);
    }
}

/// Servers often keep certificates and keys in different folders.
#[test]
fn a_pair_that_was_separated_is_renewed_where_it_is() {
    for key_first in [false, true] {
        let home = Home::new();
        home.ok(["issue", "localhost"]);
        for (folder, old, new) in
            [("certs", "localhost.pem", "site.crt"), ("private", "localhost-key.pem", "site.key")]
        {
            fs::create_dir(home.file(folder)).unwrap();
            fs::rename(home.file(old), home.file(folder).join(new)).unwrap();
        }
        let before = serial(&home, "certs/site.crt");
        assert!(home.fails(["renew", "certs/site.crt"]).contains("devca renew certs/site.crt KEY"));
        let mut names = ["certs/site.crt", "private/site.key"];
        if key_first {
            names.reverse();
        }
        let root = home.root().display().to_string();
        for renew in [&names[..], &["--all", "--new-key"]] {
            home.ok(["renew"].iter().chain(renew));
            assert_ne!(serial(&home, "certs/site.crt"), before);
            home.ok(["check", "certs/site.crt", "--key", "private/site.key", "--roots", &root]);
        }
        assert_eq!(home.ok(["list"]).lines().count(), 1);
    }
}
