//! A CA's keys, encrypted with a passphrase: it can be given on a terminal or in a file, and is never shown.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::fs;
use std::path::Path;
use std::process::Output;

use common::{Home, run, words};

const SECRET: &str = "correct horse battery";
const OTHER: &str = "Tr0ub4dor & drei";

/// Whether OpenSSL can decrypt a key with the passphrase.
fn opens(key: &Path, passphrase: &str) -> bool {
    let with = format!("pass:{passphrase}");
    run("openssl", ["pkey", "-noout", "-in", key.to_str().unwrap(), "-passin", &with]).status.success()
}

fn is_locked(key: &Path) -> bool {
    let text = fs::read_to_string(key).unwrap();
    text.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----") && !text.contains("-----BEGIN PRIVATE KEY-----")
}

/// Runs devca with a passphrase in the file that the variable names. Its output must not contain the
/// passphrase.
fn knowing(home: &Home, passphrase: &str, arguments: &[&str]) -> Output {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), format!("{passphrase}\nand a second line\n")).unwrap();
    let output = home.devca(arguments).env("DEVCA_PASSPHRASE_FILE", file.path()).output().unwrap();
    assert!(!words(&output).contains(passphrase), "{}", words(&output));
    output
}

fn done(output: &Output) {
    assert!(output.status.success(), "{}", words(output));
}

#[test]
fn a_passphrase_is_set_changed_and_removed_and_openssl_opens_the_key() {
    let home = Home::new();
    home.ok(["issue", "localhost", "--intermediate"]);
    let keys = ["root-key.pem", "intermediate-key.pem"].map(|name| home.ca().join(name));
    let (old, new) = (home.file("old"), home.file("new"));
    fs::write(&old, SECRET).unwrap();
    fs::write(&new, format!("{OTHER}\r\n")).unwrap();

    let said = home.ok(["passphrase", "--new-file", "old"]);
    assert!(said.contains("encrypted with the passphrase"), "{said}");
    for key in &keys {
        assert!(is_locked(key) && opens(key, SECRET) && !opens(key, OTHER), "{}", key.display());
    }
    done(&knowing(&home, SECRET, &["issue", "localhost", "--intermediate", "--force"]));
    done(&knowing(&home, SECRET, &["permit", "corp.example.dev", "-v", "--store", "nss"]));
    let status = home.json(["ca", "list"]);
    assert!(status.to_string().contains("devca root"), "what needs no key asks for no passphrase: {status}");

    done(&knowing(&home, SECRET, &["passphrase", "--new-file", "new", "--json"]));
    for key in &keys {
        assert!(is_locked(key) && opens(key, OTHER) && !opens(key, SECRET), "{}", key.display());
    }
    let refused = knowing(&home, SECRET, &["issue", "app.test", "-v"]);
    assert_eq!(refused.status.code(), Some(1));
    let said = words(&refused);
    assert!(said.contains("wrong passphrase for") && said.contains("in $DEVCA_PASSPHRASE_FILE"), "{said}");
    assert!(!home.file("app.test.pem").exists());

    let said = home.fails(["issue", "app.test"]);
    assert!(said.contains("a passphrase is needed, but there is no terminal to ask on"), "{said}");
    assert!(said.contains("hint: put it into a file: export DEVCA_PASSPHRASE_FILE="), "{said}");

    done(&knowing(&home, OTHER, &["passphrase", "--remove"]));
    assert!(keys.iter().all(|key| !is_locked(key) && opens(key, "")));
    home.ok(["issue", "app.test"]);
    let secrets = [SECRET, OTHER];
    for (path, content) in home.everything().iter().filter(|(path, _)| *path != old && *path != new) {
        let text = String::from_utf8_lossy(content);
        assert!(!secrets.iter().any(|secret| text.contains(secret)), "a passphrase is in {}", path.display());
    }
}

#[test]
fn a_root_can_be_born_locked_sealed_or_not() {
    for sealed in [&[][..], &["--sealed"]] {
        let home = Home::new();
        let install = [&["install", "--store", "nss", "--passphrase", "-v"], sealed].concat();
        done(&knowing(&home, SECRET, &install));
        let key = if sealed.is_empty() { "root-key.pem" } else { "intermediate-key.pem" };
        assert!(is_locked(&home.ca().join(key)) && opens(&home.ca().join(key), SECRET));
        done(&knowing(&home, SECRET, &["issue", "localhost"]));
        // The replacement is encrypted like the original.
        done(&knowing(&home, SECRET, &["rotate", "--store", "nss", "--json"]));
        assert!(is_locked(&home.ca().join(key)) && opens(&home.ca().join(key), SECRET));
        let status = home.json(["status", "--store", "nss"]);
        assert_eq!(status["root"]["locked"], true, "{status:#}");
    }
    let home = Home::new();
    assert!(
        home.fails(["install", "--store", "nss", "--passphrase"]).contains("there is no terminal to ask on")
    );
    assert!(!home.root().exists(), "no root without the lock that was asked for");
}

#[test]
fn on_a_terminal_it_is_asked_for_without_echo_in_three_tries() {
    let home = Home::new();
    let new = |first, second| [("hidden", "New passphrase: ", first), ("hidden", "Once more: ", second)];
    let install = ["install", "--store", "nss", "--passphrase", "-v"];
    let typing = |answers: &[(&str, &str, &str)], arguments: &[&str]| {
        let output = home.typing(answers, arguments);
        assert!(!words(&output).contains(SECRET) && !words(&output).contains(OTHER), "{}", words(&output));
        output
    };
    let said = typing(&new(SECRET, OTHER), &install);
    assert!(!said.status.success() && words(&said).contains("the passphrases differ"), "{}", words(&said));
    let said = typing(&new("", "")[..1], &install);
    assert!(words(&said).contains("a passphrase cannot be empty"), "{}", words(&said));
    assert!(!home.root().exists());
    done(&typing(&new(SECRET, SECRET), &install));

    let question = format!("Passphrase of {}: ", home.ca().join("root-key.pem").display());
    let answer = |passphrase| ("hidden", question.as_str(), passphrase);
    let said = typing(&[answer(OTHER), answer("x"), answer(OTHER)], &["issue", "localhost", "-v"]);
    assert_eq!(said.status.code(), Some(1));
    assert_eq!(words(&said).matches("wrong passphrase, try again").count(), 2, "{}", words(&said));
    assert!(words(&said).contains("(3 attempts)"), "{}", words(&said));
    assert!(home.listing().is_empty());
    done(&typing(&[answer(OTHER), answer(OTHER), answer(SECRET)], &["issue", "localhost", "-v"]));

    let change: Vec<_> = [answer(SECRET)].into_iter().chain(new(OTHER, OTHER)).collect();
    done(&typing(&change, &["passphrase"]));
    assert!(opens(&home.ca().join("root-key.pem"), OTHER));
    done(&typing(&[answer(OTHER)], &["passphrase", "--remove"]));
    assert!(!is_locked(&home.ca().join("root-key.pem")));
    done(&typing(&new(SECRET, SECRET), &["passphrase"]));
    assert!(opens(&home.ca().join("root-key.pem"), SECRET));
}

/// Returns a key that is this expensive to decrypt, with content that no passphrase opens.
fn expensive(kdf: pkcs8::pkcs5::pbes2::Kdf) -> Vec<u8> {
    use pkcs8::pkcs5::{EncryptionScheme, pbes2};
    let encryption = pbes2::EncryptionScheme::Aes256Cbc { iv: [0; 16] };
    let parameters = pbes2::Parameters { kdf, encryption };
    let info = pkcs8::EncryptedPrivateKeyInfoRef {
        encryption_algorithm: EncryptionScheme::Pbes2(parameters),
        encrypted_data: pkcs8::der::asn1::OctetStringRef::new(&[0; 128]).unwrap(),
    };
    let der = pkcs8::der::Encode::to_der(&info).unwrap();
    pem::encode(&pem::Pem::new("ENCRYPTED PRIVATE KEY", der)).into_bytes()
}

#[test]
fn keys_from_elsewhere_must_not_take_minutes_or_gigabytes() {
    use pkcs8::pkcs5::pbes2::{Kdf, Pbkdf2Params, ScryptParams};
    let home = Home::new();
    let (cert, key) = (home.file("root.pem"), home.file("key.pem"));
    let mut pbkdf2 = Pbkdf2Params::hmac_sha256(1, &[0; 16]).unwrap();
    pbkdf2.iteration_count = i32::MAX.unsigned_abs();
    let salt = pbkdf2.salt;
    let scrypt = |cost_parameter, block_size, parallelization| {
        Kdf::Scrypt(ScryptParams { salt, cost_parameter, block_size, parallelization, key_length: None })
    };
    common::strangers_root(&cert);
    for (kdf, why) in [
        (Kdf::Pbkdf2(pbkdf2), "2147483647 rounds of PBKDF2"),
        (scrypt(1 << 30, 8, 1), "scrypt, which needs 1048576 MiB of memory"),
        (scrypt(1 << 14, 8, u16::MAX), "65535 times"),
    ] {
        fs::write(&key, expensive(kdf)).unwrap();
        let start = std::time::Instant::now();
        let refused = knowing(&home, SECRET, &["import", "--cert", "root.pem", "--key", "key.pem", "-v"]);
        assert_eq!(refused.status.code(), Some(1), "{}", words(&refused));
        assert!(words(&refused).contains(why), "{}", words(&refused));
        assert!(
            words(&refused).contains("hint: encrypt it with fewer rounds: openssl pkcs8"),
            "{}",
            words(&refused)
        );
        assert!(start.elapsed() < std::time::Duration::from_secs(5), "{:?}", start.elapsed());
    }
    // Keys that OpenSSL creates by default, and as the hint recommends, are accepted.
    for kdf in [&["-scrypt"][..], &["-iter", "600000"]] {
        let home = Home::new();
        home.ok(["issue", "localhost"]);
        let (from, key) = (home.ca().join("root-key.pem"), home.file("key.pem"));
        let pass = format!("pass:{SECRET}");
        let convert = ["pkcs8", "-topk8", "-in", from.to_str().unwrap(), "-out", key.to_str().unwrap()];
        common::ok("openssl", convert.into_iter().chain(["-passout", &pass]).chain(kdf.iter().copied()));
        let root = home.root();
        let import = ["--ca", "other", "import", "--cert", root.to_str().unwrap(), "--key", "key.pem", "-v"];
        done(&knowing(&home, SECRET, &import));
    }
}
