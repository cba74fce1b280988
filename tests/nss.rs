//! Browsers' databases, changed with the system's own NSS library instead of `certutil`: the result is the
//! same as with `certutil`, or there is a clear error.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use common::browsers::{chromium, chromium_database, firefox, firefox_profile, nicknames, trust};
use common::{
    Home, NssTool, PAGE, Server, in_namespace, nss_program, ok, strangers_root, tool, wait_until, words,
};

/// The system's library, and those that browsers ship.
const LIBRARIES: [&str; 2] = ["/usr/lib/x86_64-linux-gnu/libnss3.so", "/usr/lib/firefox-esr/libnss3.so"];

/// Hides a file until this is dropped.
struct Hidden(PathBuf);

impl Hidden {
    fn new(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref().to_owned();
        ok("mount", ["--bind", "/dev/null", path.to_str().unwrap()]);
        Self(path)
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        ok("umount", [&self.0]);
    }
}

/// Returns the objects of a database (certificates, trust) from its `SQLite` tables.
fn objects(database: &Path) -> Vec<String> {
    let script = "import sqlite3, sys\n\
                  for row in sqlite3.connect(sys.argv[1]).execute('select * from nssPublic order by id'): print(row)";
    let text = ok("python3", ["-c", script, database.join("cert9.db").to_str().unwrap()]);
    text.lines().map(ToOwned::to_owned).collect()
}

/// A browser that has its database open, until this is dropped.
struct Open(Child);

impl Open {
    fn new(mut command: Command, is_open: impl Fn() -> bool) -> Self {
        let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let open = Self(command.spawn().unwrap());
        wait_until("the browser is open", is_open);
        open
    }

    fn firefox(home: &Home, profile: &Path) -> Self {
        let arguments = ["--headless", "--profile", profile.to_str().unwrap(), "about:blank"];
        let lock = profile.join("lock");
        Self::new(home.command(&tool("firefox-esr"), arguments), || lock.symlink_metadata().is_ok())
    }

    fn chromium(home: &Home) -> Self {
        let folder = home.file("chromium");
        let arguments =
            ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-port=0"];
        let mut command = home.command(&tool("chromium"), arguments);
        command.arg(format!("--user-data-dir={}", folder.display())).arg("about:blank");
        Self::new(command, || folder.join("DevToolsActivePort").exists())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Returns the line of each database. (A Firefox that was never started is skipped.)
fn nss_lines(document: &serde_json::Value) -> Vec<&serde_json::Value> {
    document["stores"].as_array().unwrap().iter().filter(|line| line["state"] != "skipped").collect()
}

/// Returns devca's JSON output, whatever its exit code is.
fn document(home: &Home, arguments: &[&str]) -> serde_json::Value {
    let output = home.devca(arguments).arg("--json").output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", words(&output)))
}

fn states(document: &serde_json::Value) -> Vec<&str> {
    nss_lines(document).iter().map(|line| line["state"].as_str().unwrap()).collect()
}

#[test]
fn open_browsers_databases_are_changed_without_certutil_and_strangers_stay_as_they_are() {
    if !in_namespace("open_browsers_databases_are_changed_without_certutil_and_strangers_stay_as_they_are") {
        return;
    }
    let home = Home::with_nss_tool(NssTool::Library);
    let stranger = home.file("stranger.pem");
    strangers_root(&stranger);
    let databases = [firefox_profile(&home), chromium_database(&home)];
    for database in &databases {
        trust(database, "a stranger", &stranger);
    }
    let before = databases.each_ref().map(|database| objects(database));

    home.ok(["issue", "localhost"]);
    let server = Server::page(&home.file("localhost.pem"), &home.file("localhost-key.pem"));
    let url = format!("https://localhost:{}/", server.port);
    {
        let _certutil = Hidden::new(tool("certutil"));
        let _browsers = (Open::firefox(&home, &databases[0]), Open::chromium(&home));
        assert_eq!(states(&home.json(["install", "--store", "nss"])), ["done", "done"]);
        assert_eq!(states(&home.json(["install", "--store", "nss"])), ["already-done", "already-done"]);
    }
    let said = words(&chromium(&home, &url));
    assert!(said.contains(PAGE), "{said}");
    let said = words(&firefox(&home, &databases[0], &url));
    assert!(said.contains(&format!("accepted: {PAGE}")), "{said}");
    for database in &databases {
        let listed = nicknames(database);
        let line = listed.lines().find(|line| line.starts_with("devca-")).unwrap();
        assert!(line.trim_end().ends_with(" C,,"), "{line}");
    }
    {
        let _certutil = Hidden::new(tool("certutil"));
        let _browsers = (Open::firefox(&home, &databases[0]), Open::chromium(&home));
        home.ok(["rotate", "--store", "nss", "--yes"]);
        assert_eq!(states(&home.json(["uninstall", "--store", "nss"])), ["done", "done"]);
    }
    assert_eq!(databases.each_ref().map(|database| objects(database)), before);
}

/// Trust that was given manually is removed, but the certificate stays, with either tool.
#[test]
fn both_tools_leave_the_same_behind() {
    let mut left = Vec::new();
    for tool in [NssTool::Library, NssTool::Certutil] {
        let home = Home::with_nss_tool(tool);
        let database = chromium_database(&home);
        home.ok(["issue", "localhost"]);
        trust(&database, "by hand", &home.root());
        assert_eq!(states(&home.json(["install", "--store", "nss"])), ["already-done"]);
        home.ok(["rotate", "--store", "nss", "--yes"]);
        let rotated: Vec<String> = nicknames(&database)
            .lines()
            .map(|line| line.split_whitespace().last().unwrap_or_default().to_owned())
            .collect();
        home.ok(["uninstall", "--store", "nss"]);
        left.push((rotated, nicknames(&database)));
    }
    assert_eq!(left[0], left[1]);
    assert!(left[0].1.contains("by hand") && !left[0].1.contains("C,,"), "{left:?}");
}

#[test]
fn a_database_that_was_created_for_the_root_is_removed_with_it() {
    for tool in [NssTool::Library, NssTool::Certutil] {
        let home = Home::with_nss_tool(tool);
        let folder = home.home().join(".local/share/pki");
        home.ok(["install", "--store", "nss"]);
        assert!(nicknames(&folder.join("nssdb")).contains("C,,"));
        home.ok(["uninstall", "--store", "nss"]);
        assert!(!folder.exists(), "{tool:?}");
    }
}

#[test]
fn databases_that_cannot_be_changed_say_why() {
    let home = Home::with_nss_tool(NssTool::Library);
    let database = chromium_database(&home);
    let file = |name: &str| database.join(name);
    let name = format!("sql:{}", database.display());
    let line = |command: &str| {
        let document = document(&home, &[command, "--store", "nss"]);
        let [line] = nss_lines(&document).try_into().unwrap();
        let state = if command == "status" { "unreadable" } else { "failed" };
        assert_eq!(line["state"], state, "{document:#}");
        // In `status`, hints are in `problems`.
        (line["message"].as_str().unwrap().to_owned(), document.to_string())
    };
    let untouched = fs::read(file("cert9.db")).unwrap();

    // A program is writing to the database, and may or may not allow readers.
    for (transaction, command) in
        [("EXCLUSIVE", "install"), ("IMMEDIATE", "install"), ("EXCLUSIVE", "status")]
    {
        let script = "import sqlite3, sys\nc = sqlite3.connect(sys.argv[1], isolation_level=None)\n\
                      c.execute('BEGIN ' + sys.argv[2])\nprint('locked', flush=True)\nsys.stdin.read()\n";
        let mut locker = Command::new(tool("python3"))
            .args(["-c", script])
            .arg(file("cert9.db"))
            .arg(transaction)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = String::new();
        let mut out = std::io::BufReader::new(locker.stdout.take().unwrap());
        std::io::BufRead::read_line(&mut out, &mut ready).unwrap();
        assert_eq!(ready, "locked\n");
        let (why, said) = line(command);
        assert!(why.contains("another program, such as the browser, has the database locked"), "{why}");
        assert!(said.contains("\"hint\":\"close the browser, then try again\""), "{said}");
        drop(locker.stdin.take());
        locker.wait().unwrap();
    }
    assert_eq!(fs::read(file("cert9.db")).unwrap(), untouched);

    // A primary password.
    fs::write(home.file("password"), "correct horse 1\n").unwrap();
    fs::write(home.file("none"), "\n").unwrap();
    let [password, none] = ["password", "none"].map(|name| home.file(name).display().to_string());
    ok("certutil", ["-W", "-d", &name, "-f", &none, "-@", &password]);
    for command in ["install", "status"] {
        let (why, said) = line(command);
        assert!(why.contains("it has a primary password"), "{why}");
        assert!(said.contains("import the file that devca root prints"), "{said}");
    }

    // Damaged files.
    for name in ["cert9.db", "key4.db"] {
        let whole = fs::read(file(name)).unwrap();
        for damaged in [&b"not a database at all"[..], &whole[..100]] {
            fs::write(file(name), damaged).unwrap();
            let (why, said) = line("install");
            assert!(why.contains("the database is damaged"), "{why}");
            assert!(said.contains("close the browser") && said.contains("cert9.db.damaged"), "{said}");
        }
        fs::write(file(name), whole).unwrap();
    }
}

#[test]
fn a_missing_library_is_reported_with_its_package() {
    if !in_namespace("a_missing_library_is_reported_with_its_package") {
        return;
    }
    let _hidden = [tool("certutil"), LIBRARIES[0].into(), LIBRARIES[1].into()].map(Hidden::new);
    for (tool, what, package) in
        [(NssTool::Library, "NSS' library", "libnss3, "), (NssTool::Certutil, "certutil", "libnss3-tools, ")]
    {
        let home = Home::with_nss_tool(tool);
        let document = document(&home, &["install", "--store", "nss"]);
        let line = nss_lines(&document)[0];
        assert!(line["message"].as_str().unwrap().starts_with(what), "{line}");
        assert!(line["hint"].as_str().unwrap().contains(&format!("apt-get install -y {package}")), "{line}");
    }
}

/// Without the system's library, devca uses a browser's; without any library, it uses `certutil`.
#[test]
fn the_next_best_is_taken() {
    if !in_namespace("the_next_best_is_taken") {
        return;
    }
    let home = Home::with_nss_tool(NssTool::Library);
    let database = chromium_database(&home);
    let library = || ok(nss_program().to_str().unwrap(), ["--library"]).trim().to_owned();
    assert_eq!(library(), LIBRARIES[0]);
    let hidden = Hidden::new(LIBRARIES[0]);
    assert_eq!(library(), LIBRARIES[1]);
    home.ok(["install", "--store", "nss"]);
    home.ok(["status", "--store", "nss"]);
    home.ok(["uninstall", "--store", "nss"]);
    drop(hidden);
    assert!(!nicknames(&database).contains("devca"));

    // (certutil itself requires the hidden library, so it cannot be run.)
    let _hidden = LIBRARIES.map(Hidden::new);
    fs::remove_dir_all(&database).unwrap();
    let planned = home.json(["install", "--store", "nss", "--dry-run"]);
    assert!(nss_lines(&planned)[0]["commands"].to_string().contains("certutil -A"), "{planned:#}");
}

/// A library that other users can change is not loaded, because it would run their code.
#[test]
fn a_library_that_others_can_change_is_not_loaded() {
    if !in_namespace("a_library_that_others_can_change_is_not_loaded") {
        return;
    }
    let _hidden = Hidden::new(LIBRARIES[1]);
    let home = Home::new();
    let profile = home.home().join(".nix-profile/lib");
    fs::create_dir_all(&profile).unwrap();
    fs::copy(LIBRARIES[0], profile.join("libnss3.so")).unwrap();
    let _hidden = Hidden::new(LIBRARIES[0]);
    let library = || home.command(&nss_program(), ["--library"]).output().unwrap();
    let said = words(&library());
    assert!(said.contains(".nix-profile/lib/libnss3.so"), "{said}");
    for (mode, owner) in [("666", "root"), ("644", "nobody")] {
        let file = profile.join("libnss3.so").display().to_string();
        ok("chmod", [mode, &file]);
        ok("chown", [owner, &file]);
        let output = library();
        assert!(output.status.code() == Some(3), "{mode} {owner}: {}", words(&output));
    }
}

/// Libraries next to a browser's library are loaded together with it.
#[test]
fn a_library_beside_it_that_others_can_change_is_not_loaded() {
    if !in_namespace("a_library_beside_it_that_others_can_change_is_not_loaded") {
        return;
    }
    let _hidden = Hidden::new(LIBRARIES[0]);
    let library = || Command::new(nss_program()).arg("--library").output().unwrap();
    assert!(words(&library()).contains(LIBRARIES[1]), "{}", words(&library()));
    let beside = Path::new(LIBRARIES[1]).with_file_name("libmozsqlite3.so").display().to_string();
    let home = Home::new();
    let theirs = home.file("theirs").display().to_string();
    fs::copy(&beside, &theirs).unwrap();
    ok("chown", ["nobody", &theirs]);
    ok("mount", ["--bind", &theirs, &beside]);
    let output = library();
    assert_eq!(output.status.code(), Some(3), "{}", words(&output));
    assert!(words(&output).contains(&format!("other users can change {beside}")), "{}", words(&output));
}

/// A folder without a database may already have a list of modules, written from inside a browser's sandbox,
/// for example.
#[test]
fn modules_that_a_folder_names_are_not_loaded() {
    if !in_namespace("modules_that_a_folder_names_are_not_loaded") {
        return;
    }
    let home = Home::with_nss_tool(NssTool::Library);
    let folder = home.home().join(".local/share/pki/nssdb");
    fs::create_dir_all(&folder).unwrap();
    let module = home.file("module.so").display().to_string();
    let source = common::project().join("tests/clients/module.c").display().to_string();
    let sprung = home.file("sprung");
    let define = format!("-DSPRUNG=\"{}\"", sprung.display());
    ok(tool("cc").to_str().unwrap(), ["-shared", "-fPIC", &define, "-o", &module, &source]);
    let internal = format!(
        "library=\nname=NSS Internal PKCS #11 Module\nparameters=configdir='sql:{}' certPrefix='' keyPrefix='' secmod='secmod.db' flags= \nNSS=Flags=internal,critical trustOrder=75 cipherOrder=100\n\n",
        folder.display()
    );
    fs::write(folder.join("pkcs11.txt"), format!("{internal}library={module}\nname=module\n")).unwrap();
    for command in ["install", "status", "uninstall", "install"] {
        home.devca([command, "--store", "nss"]).output().unwrap();
        assert!(!sprung.exists(), "{command} has loaded the module");
    }
    // The module works: certutil loads it, and also finds what was installed.
    assert!(nicknames(&folder).contains("devca"));
    assert!(sprung.exists());
}

/// Issuing a certificate neither loads the library nor starts a program.
#[test]
fn issue_starts_no_program() {
    let home = Home::with_nss_tool(NssTool::Library);
    chromium_database(&home);
    home.ok(["issue", "localhost"]);
    let trace = home.file("trace");
    let mut strace = home.command(&tool("strace"), ["-f", "-qq", "-e", "trace=execve,open,openat", "-o"]);
    let output = strace.arg(&trace).arg(&home.program).args(["issue", "app.test"]).output().unwrap();
    assert!(output.status.success(), "{}", words(&output));
    let calls = fs::read_to_string(trace).unwrap();
    assert_eq!(calls.matches("execve(").count(), 1, "{calls}");
    assert!(!calls.contains("nss3") && !calls.contains("cert9.db"), "{calls}");
}
