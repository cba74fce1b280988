//! The observable effects of a command line: its exit code, its output, the files, and their contents.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;

use super::common::{Home, ok, run, words};

/// By aspect, in the order in which a sentence lists them.
pub(super) type Observed = BTreeMap<String, String>;

/// The files that exist before a command line runs: requests, and files of others.
pub(super) fn fixtures(folder: &Path) {
    let request = |name: &str, subject: &str, more: &[&str]| {
        let file = folder.join(name);
        let words =
            ["req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", "/dev/null", "-subj", subject];
        ok("openssl", words.iter().chain(more).copied().chain(["-out", file.to_str().unwrap()]));
    };
    let names = ["-addext", "subjectAltName=DNS:app.test,DNS:localhost"];
    request("app.csr", "/CN=app.test", &names);
    request("cn.csr", "/CN=app.test", &[]);
    request("mixed.csr", "/CN=x", &["-addext", "subjectAltName=IP:127.0.0.1,DNS:app.test"]);
    request("ca.csr", "/CN=app.test", &[names[0], names[1], "-addext", "basicConstraints=critical,CA:TRUE"]);
    request("der.csr", "/CN=app.test", &[names[0], names[1], "-outform", "DER"]);
    super::common::strangers_root(&folder.join("stranger.pem"));
    fs::write(folder.join("notes.txt"), "mine\n").unwrap();
}

/// Runs a command line in this home folder, with the fixtures.
pub(super) fn observe(home: &Home, program: &Path, line: &str) -> Observed {
    let before = files(&home.work());
    let outputs: Vec<Output> = line.split(" ; ").map(|words| start(home, program, words)).collect();
    let mut observed = Observed::new();
    let codes: Vec<String> = outputs.iter().map(|output| output.status.code().unwrap().to_string()).collect();
    observed.insert("1 exit".into(), format!("exit {}", codes.join(", ")));
    let prints = outputs.iter().map(|output| String::from_utf8_lossy(&output.stdout)).collect::<String>();
    // Debian's mkcert omits the v; the path of the folder always differs.
    let prints = prints.replace("v1.4.4", "1.4.4");
    let prints = match prints.lines().count() {
        0 => "prints nothing".to_owned(),
        1 if prints.starts_with('/') => "prints a folder".into(),
        1 => format!("prints {}", prints.trim()),
        _ => "prints its help".into(),
    };
    observed.insert("2 prints".into(), prints);
    let after = files(&home.work());
    let changed: BTreeSet<&PathBuf> =
        after.iter().filter(|(path, text)| before.get(*path) != Some(*text)).map(|(path, _)| path).collect();
    let list: Vec<String> = changed.iter().map(|path| path.display().to_string()).collect();
    let list = if list.is_empty() { "nothing".into() } else { list.join(", ") };
    observed.insert("3 files".into(), format!("writes {list}"));
    for path in changed {
        observed.extend(look_into(&home.file(path.to_str().unwrap()), path));
    }
    observed
}

fn start(home: &Home, program: &Path, line: &str) -> Output {
    let words: Vec<&str> = line.split(' ').filter(|word| !word.is_empty()).collect();
    let (environment, words): (Vec<&str>, Vec<&str>) =
        words.iter().partition(|word| word.starts_with("CAROOT="));
    let mut command = home.command(program, words);
    command.env("TRUST_STORES", "none");
    command.envs(environment.iter().filter_map(|word| word.split_once('=')));
    command.output().unwrap()
}

/// All files below a folder, by their relative paths.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = fs::read(&path).unwrap();
                found.insert(path.strip_prefix(folder).unwrap().to_owned(), text);
            }
        }
    }
    found
}

fn look_into(file: &Path, name: &Path) -> Observed {
    let mut observed = Observed::new();
    let (name, path) = (name.display(), file.to_str().unwrap());
    let text = fs::read(file).unwrap();
    let is_pkcs12 = text.first() == Some(&0x30);
    let has_key = is_pkcs12 || String::from_utf8_lossy(&text).contains("PRIVATE KEY");
    if has_key {
        let mode = fs::metadata(file).unwrap().permissions().mode() & 0o777;
        observed.insert(format!("4 mode of {name}"), format!("mode {mode:04o}"));
    }
    let mut pem = file.to_owned();
    if is_pkcs12 {
        pem = file.with_extension("of-pkcs12");
        let read = ["pkcs12", "-legacy", "-in", path, "-passin", "pass:changeit", "-nokeys"];
        let all = ok("openssl", read);
        observed.insert(
            format!("5 chain of {name}"),
            format!("{} certificates", all.matches("BEGIN CERT").count()),
        );
        ok("openssl", read.iter().copied().chain(["-clcerts", "-out", pem.to_str().unwrap()]));
    }
    let shown = run("openssl", ["x509", "-in", pem.to_str().unwrap(), "-noout", "-text"]);
    let shown = if shown.status.success() { words(&shown) } else { String::new() };
    let below = |title: &str| {
        let line = shown.split(title).nth(1).and_then(|rest| rest.lines().nth(1)).unwrap_or_default();
        let parts: BTreeSet<&str> = line.trim().split(", ").filter(|part| !part.is_empty()).collect();
        parts.into_iter().map(short).collect::<Vec<_>>().join(", ")
    };
    if !shown.is_empty() {
        observed.insert(format!("6 names of {name}"), format!("for {}", below("Subject Alternative Name:")));
        let usages = below("Extended Key Usage:");
        let usages = if usages.is_empty() { "no extended key usage".into() } else { usages };
        observed.insert(format!("7 usages of {name}"), usages);
        let kind = if shown.contains("CA:TRUE") { "a CA" } else { "not a CA" };
        observed.insert(format!("8 CA {name}"), kind.into());
        let is_root = path.ends_with("rootCA.pem");
        let key = shown.lines().find_map(|line| line.trim().strip_prefix("Public-Key: ")).unwrap();
        observed.insert(format!("9 key of {name}"), if is_root { String::new() } else { key.into() });
    }
    if is_pkcs12 {
        fs::remove_file(pem).unwrap();
    }
    observed
}

/// The name that certificates use instead of OpenSSL's.
fn short(text: &str) -> String {
    match text {
        "TLS Web Server Authentication" => "serverAuth".into(),
        "TLS Web Client Authentication" => "clientAuth".into(),
        "Code Signing" => "codeSigning".into(),
        "E-mail Protection" => "emailProtection".into(),
        other => other.replace("IP Address:", "IP:"),
    }
}

/// Describes what the first does and the second does not.
pub(super) fn difference(one: &Observed, other: &Observed) -> String {
    let same_files = one["3 files"] == other["3 files"];
    let is_worth_it = |aspect: &str| same_files || aspect.starts_with(['1', '2', '3']);
    let parts = one.iter().filter(|(aspect, text)| other.get(*aspect) != Some(*text) && is_worth_it(aspect));
    parts.map(|(_, text)| text.as_str()).collect::<Vec<_>>().join("; ")
}
