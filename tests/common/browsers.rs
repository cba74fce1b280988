//! Chromium and Firefox in headless mode, each with a profile in a throwaway home.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use super::{Home, ok, project, tool, words};

/// Loads a page and prints it. If Chromium does not trust the server, it prints an error page with the name
/// of the error.
pub fn chromium(home: &Home, url: &str) -> Output {
    let profile = tempfile::TempDir::new().unwrap();
    let mut command = home.command(
        &tool("chromium"),
        ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
    );
    command.args([
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
        // The thief's server is on this machine.
        "--host-resolver-rules=MAP *example-bank.com 127.0.0.1,MAP intranet 127.0.0.1",
    ]);
    command.arg(format!("--user-data-dir={}", profile.path().display())).args([
        "--timeout=30000",
        "--dump-dom",
        url,
    ]);
    command.output().unwrap()
}

pub fn firefox(home: &Home, profile: &Path, url: &str) -> Output {
    firefox_at(home, profile, &[url.to_owned()])
}

/// Loads these pages in a single Firefox, which takes seconds to start. The output has one line for each.
pub fn firefox_at(home: &Home, profile: &Path, urls: &[String]) -> Output {
    let script = project().join("tests/clients/firefox.py");
    let arguments = [script.as_os_str(), profile.as_os_str()];
    home.command(&tool("python3"), arguments).args(urls).output().unwrap()
}

/// A profile created by starting Firefox once.
pub fn firefox_profile(home: &Home) -> PathBuf {
    home.command(&tool("firefox-esr"), ["--headless", "--createprofile", "default"]).output().unwrap();
    let ini = home.home().join(".config/mozilla/firefox/profiles.ini");
    let text = fs::read_to_string(&ini).unwrap();
    let path = text.lines().find_map(|line| line.strip_prefix("Path=")).unwrap();
    let profile = ini.parent().unwrap().join(path);
    // Firefox creates its databases when it opens an empty page.
    let output = firefox(home, &profile, "about:blank");
    assert!(output.status.success(), "{}", words(&output));
    assert!(profile.join("cert9.db").is_file());
    profile
}

/// The database that Chromium uses, created in the same way as by Chromium.
pub fn chromium_database(home: &Home) -> PathBuf {
    let database = home.home().join(".local/share/pki/nssdb");
    ok("install", ["-d", "-m", "0700", database.to_str().unwrap()]);
    ok("certutil", ["-N", "-d", &format!("sql:{}", database.display()), "--empty-password"]);
    database
}

/// Trusts a root for TLS servers, without devca.
pub fn trust(database: &Path, nickname: &str, root: &Path) {
    let name = format!("sql:{}", database.display());
    ok("certutil", ["-A", "-d", &name, "-n", nickname, "-t", "C,,", "-i", root.to_str().unwrap()]);
}

pub fn nicknames(database: &Path) -> String {
    ok("certutil", ["-L", "-d", &format!("sql:{}", database.display())])
}
