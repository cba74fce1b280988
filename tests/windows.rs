//! The main tasks on Windows; in CI, with wine. The browsers and clients of the other tests are not available
//! there.
#![cfg(windows)]
#![allow(clippy::unwrap_used, unsafe_code)] // there is no safe API for Windows' loader

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;
use windows_sys::Win32::Security::Cryptography::{
    CERT_KEY_PROV_INFO_PROP_ID, CRYPT_INTEGER_BLOB, CertCloseStore, CertEnumCertificatesInStore,
    CertGetCertificateContextProperty, PFXImportCertStore,
};

fn devca(home: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_devca"));
    command.args(arguments).arg("--json").env("DEVCA_HOME", home.join("ca")).current_dir(home);
    for name in ["DEVCA_CA", "DEVCA_STORES"] {
        command.env_remove(name);
    }
    command.output().unwrap()
}

fn json(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"))
}

#[test]
fn a_root_is_installed_issues_and_is_removed() {
    let home = TempDir::new().unwrap();
    let installed = devca(home.path(), &["install", "--store", "system"]);
    assert!(installed.status.success(), "{installed:?}");
    assert_eq!(json(&installed)["stores"][0]["state"], "done");
    assert!(json(&installed)["stores"][0]["place"].as_str().unwrap().contains(r"CurrentUser\Root"));

    let issued = devca(home.path(), &["issue", "localhost", "127.0.0.1"]);
    assert!(issued.status.success(), "{issued:?}");
    for file in ["localhost+1.pem", "localhost+1-key.pem"] {
        let text = std::fs::read_to_string(home.path().join(file)).unwrap();
        assert!(text.starts_with("-----BEGIN ") && !text.contains('\r'), "{text}");
    }
    let again = devca(home.path(), &["issue", "localhost", "127.0.0.1"]);
    assert!(again.status.success(), "{again:?}");

    let status = devca(home.path(), &["status", "--store", "system"]);
    assert!(status.status.success(), "{status:?}");
    assert_eq!(json(&status)["stores"][0]["state"], "trusted");

    let environment = devca(home.path(), &["env"]);
    let bundle = json(&environment)["variables"]["SSL_CERT_FILE"].as_str().unwrap().to_owned();
    assert!(
        std::fs::read_to_string(bundle).unwrap().matches("BEGIN CERTIFICATE").count() > 1,
        "the system's roots are in it"
    );

    let shell = devca(home.path(), &["run", "--", "cmd", "/c", "exit 7"]);
    assert_eq!(shell.status.code(), Some(7), "{shell:?}");

    let removed = devca(home.path(), &["uninstall", "--purge", "--store", "system"]);
    assert!(removed.status.success(), "{removed:?}");
    assert_eq!(json(&removed)["stores"][0]["state"], "done");
    assert!(!home.path().join("ca").exists());
}

#[test]
fn a_name_that_is_none_is_refused() {
    let home = TempDir::new().unwrap();
    let refused = devca(home.path(), &["issue", "a..b"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(json(&refused)["error"]["hint"].is_string());
    assert!(!home.path().join("ca").exists());
}

/// Whether Windows' own loader opens a PKCS#12 file and finds a certificate with its key.
fn loads(file: &Path, password: &str) -> bool {
    let mut bytes = std::fs::read(file).unwrap();
    let blob = CRYPT_INTEGER_BLOB { cbData: u32::try_from(bytes.len()).unwrap(), pbData: bytes.as_mut_ptr() };
    let password: Vec<u16> = password.encode_utf16().chain([0]).collect();
    // SAFETY: the blob and the zero-terminated password outlive the calls; the store is closed once.
    unsafe {
        let store = PFXImportCertStore(&raw const blob, password.as_ptr(), 0);
        if store.is_null() {
            return false;
        }
        let certificate = CertEnumCertificatesInStore(store, std::ptr::null());
        let mut size = 0;
        let has_key = !certificate.is_null()
            && CertGetCertificateContextProperty(
                certificate,
                CERT_KEY_PROV_INFO_PROP_ID,
                std::ptr::null_mut(),
                &raw mut size,
            ) != 0;
        CertCloseStore(store, 0);
        has_key
    }
}

#[test]
fn the_systems_loader_opens_pkcs12() {
    let home = TempDir::new().unwrap();
    std::fs::write(home.path().join("password"), "correct horse\n").unwrap();
    // Wine's loader only supports RSA keys.
    let words =
        ["issue", "localhost", "--key-type", "rsa-2048", "--format", "p12", "--password-file", "password"];
    let issued = devca(home.path(), &words);
    assert!(issued.status.success(), "{issued:?}");
    let file = home.path().join("localhost.p12");
    assert!(loads(&file, "correct horse") && !loads(&file, "wrong"));
}

#[test]
fn the_credential_manager_keeps_the_passphrase() {
    let home = TempDir::new().unwrap();
    assert!(devca(home.path(), &["issue", "localhost"]).status.success());
    let key = || std::fs::read_to_string(home.path().join("ca/default/root-key.pem")).unwrap();
    let changed = devca(home.path(), &["passphrase", "--keyring"]);
    assert!(changed.status.success(), "{changed:?}");
    assert!(key().contains("BEGIN ENCRYPTED PRIVATE KEY") && json(&changed)["in_keyring"] == true);

    let start = std::time::Instant::now();
    let issued = devca(home.path(), &["issue", "app.test"]);
    assert!(issued.status.success(), "{issued:?}");
    println!("issue with the credential manager: {:?}", start.elapsed());
    let removed = devca(home.path(), &["passphrase", "--remove"]);
    assert!(removed.status.success() && key().contains("BEGIN PRIVATE KEY"), "{removed:?}");
    assert!(devca(home.path(), &["issue", "b.test"]).status.success());
}
