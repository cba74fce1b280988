//! `devca renew --watch` and timers.

use std::fs;
use std::process::Stdio;

use tempfile::TempDir;

use super::common::{Home, ok, tool, wait_until, words};

#[test]
fn the_watcher_renews_in_time() {
    let home = Home::new();
    let due = time::OffsetDateTime::now_utc() + time::Duration::days(3) + time::Duration::seconds(2);
    let due = due.format(&time::format_description::well_known::Rfc3339).unwrap();
    home.ok(["issue", "localhost", "--not-after", &due]);
    let words_ = ["renew", "--watch", "--within", "3d", "--days", "90", "--exec", "touch renewed; exit 1"];
    let mut watcher = home.devca(words_).stdout(Stdio::null()).spawn().unwrap();
    wait_until("the watcher has renewed", || {
        assert!(watcher.try_wait().unwrap().is_none(), "the watcher has ended");
        home.file("renewed").exists()
    });
    // A failing hook does not end it.
    ok("kill", ["-TERM", &watcher.id().to_string()]);
    assert_eq!(watcher.wait().unwrap().code(), None, "it has ended by itself");
    let days = &home.json(["list"])["certificates"][0]["days_left"];
    assert!(days.as_i64().unwrap() > 80, "{days}");
}

#[test]
fn a_timer_is_installed_and_removed() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    let folder = home.file("bin");
    fs::create_dir(&folder).unwrap();
    let script = format!("#!/bin/sh\necho \"$@\" >> {}/calls\n", home.work().display());
    fs::write(folder.join("systemctl"), script).unwrap();
    ok("chmod", ["755", folder.join("systemctl").to_str().unwrap()]);
    let devca = |words_: &[&str]| {
        let output = home.devca(words_).env("PATH", &folder).output().unwrap();
        assert!(output.status.success(), "{}", words(&output));
    };
    devca(&["renew", "--install-timer", "--within", "20d", "--exec", "echo \"50%\" $HOME"]);
    let units = home.home().join(".config/systemd/user");
    let service = fs::read_to_string(units.join("devca-renew.service")).unwrap();
    assert!(service.contains(r#""renew" "--within" "20d" "--exec" "echo \"50%%\" $$HOME""#), "{service}");
    let rights = std::os::unix::fs::MetadataExt::mode(&units.join("devca-renew.service").metadata().unwrap());
    assert_eq!(rights & 0o777, 0o600, "the command may hold a token");
    assert!(fs::read_to_string(units.join("devca-renew.timer")).unwrap().contains("OnCalendar=daily"));
    devca(&["renew", "--remove-timer"]);
    assert!(!units.join("devca-renew.service").exists() && !units.join("devca-renew.timer").exists());
    // A timer is removed with its CA, and if the system does not start a timer, its files are deleted again.
    devca(&["renew", "--install-timer", "--days", "90"]);
    devca(&["uninstall", "--purge", "--store", "wsl"]);
    assert!(!units.join("devca-renew.service").exists() && !units.join("devca-renew.timer").exists());
    home.ok(["issue", "localhost", "--force"]);
    fs::write(folder.join("systemctl"), "#!/bin/sh\nexit 1\n").unwrap();
    let refused = home.devca(["renew", "--install-timer"]).env("PATH", &folder).output().unwrap();
    assert!(
        refused.status.code() == Some(1) && !units.join("devca-renew.timer").exists(),
        "{}",
        words(&refused)
    );
    let calls = fs::read_to_string(home.file("calls")).unwrap();
    let expected = ["--user daemon-reload", "--user enable --now devca-renew.timer", "--user disable --now"];
    assert!(expected.iter().all(|call| calls.contains(call)), "{calls}");
}

#[test]
fn a_timer_has_all_that_its_ca_needs() {
    let home = Home::new();
    let folder = home.file("bin");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("systemctl"), "#!/bin/sh\n").unwrap();
    ok("chmod", ["755", folder.join("systemctl").to_str().unwrap()]);
    fs::write(home.file("passphrase"), "correct horse\n").unwrap();
    let data = home.home().join("a$b %h \"data\"");
    let devca = |words_: &[&str], passphrase: Option<&str>| {
        let mut devca = home.devca(words_);
        devca.env("PATH", &folder).env("XDG_DATA_HOME", &data);
        if let Some(file) = passphrase {
            devca.env("DEVCA_PASSPHRASE_FILE", file);
        }
        devca.output().unwrap()
    };
    let made = devca(&["issue", "localhost"], None);
    assert!(made.status.success(), "{}", words(&made));
    let install =
        ["renew", "--install-timer", "--exec", "true\n[Service]\nExecStartPost=/nowhere/at-all\nBogus=1"];
    let output = devca(&install, None);
    assert!(output.status.success(), "{}", words(&output));
    let unit = home.home().join(".config/systemd/user/devca-renew.service");
    let service = fs::read_to_string(&unit).unwrap();
    let expected = home.home().join(r#"a$b %%h \"data\"/devca"#);
    assert!(service.contains(&format!("Environment=\"DEVCA_HOME={}\"\n", expected.display())), "{service}");
    let verify = || {
        let run = TempDir::new().unwrap();
        let mut verify = home.command(&tool("systemd-analyze"), ["--user", "verify", "--man=no"]);
        words(&verify.arg(&unit).env("XDG_RUNTIME_DIR", run.path()).output().unwrap())
    };
    let judged = verify();
    assert!(!judged.contains("devca-renew") && !judged.contains("nowhere"), "{judged}");
    // It would have reported an error.
    fs::write(&unit, service.replace(r"\n", "\n")).unwrap();
    assert!(verify().contains("bad unit file setting"), "{}", verify());

    // With a passphrase, a timer requires a file from which it can be read.
    assert!(devca(&["passphrase"], Some("passphrase")).status.success());
    let refused = devca(&install, None);
    assert!(words(&refused).contains("DEVCA_PASSPHRASE_FILE=FILE devca renew"), "{}", words(&refused));
    let output = devca(&install, Some("passphrase"));
    assert!(output.status.success(), "{}", words(&output));
    let service = fs::read_to_string(&unit).unwrap();
    let line = format!("Environment=\"DEVCA_PASSPHRASE_FILE={}\"", home.file("passphrase").display());
    assert!(service.contains(&line), "{service}");
    let refused = devca(&["renew", "--install-timer", "--password-env", "SECRET"], Some("passphrase"));
    assert_eq!(refused.status.code(), Some(2), "{}", words(&refused));
    assert!(words(&refused).contains("--password-file"), "{}", words(&refused));
}
