//! A real step-ca with an exported intermediate, an ACME client that gets certificates from it, and a
//! rotation.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use common::clients::CLIENTS;
use common::{Home, Server, ok, project, tool, wait_until, words};

const ADDRESS: &str = "https://localhost:9443";

/// A process that is killed when this is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn quiet(command: &mut Command) -> Running {
    Running(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
}

/// Runs the calling test in its own network namespace, because step-ca validates http-01 only on port 80.
/// Returns `true` inside.
fn in_network(test: &str) -> bool {
    if std::env::var_os("DEVCA_TEST_NETWORK").is_some() {
        return true;
    }
    let mut command = Command::new(tool("unshare"));
    command
        .args(["--net", "--map-root-user", "sh", "-euc", "ip link set lo up; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env("DEVCA_TEST_NETWORK", "1");
    common::runtime_variables().for_each(|name| {
        command.env_remove(name);
    });
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "in a network of its own: {}", words(&output));
    assert!(words(&output).contains("1 passed"), "the test did not run: {}", words(&output));
    false
}

fn step_ca(home: &Home, folder: &Path) -> Running {
    let program = project().join("target/tools/step-ca");
    assert!(program.exists(), "step-ca is missing: tests/setup builds it");
    let settings = serde_json::json!({
        "root": folder.join("certs/root_ca.crt"),
        "crt": folder.join("certs/intermediate_ca.crt"),
        "key": folder.join("secrets/intermediate_ca_key"),
        "address": "127.0.0.1:9443",
        "dnsNames": ["localhost"],
        "db": {"type": "badgerv2", "dataSource": home.file("db")},
        "authority": {"provisioners": [{"type": "ACME", "name": "acme"}]},
    });
    let file = home.file("ca.json");
    fs::write(&file, settings.to_string()).unwrap();
    let running = quiet(&mut home.command(&program, [&file]));
    wait_until("step-ca answering", || is_healthy(home));
    running
}

fn is_healthy(home: &Home) -> bool {
    let mut curl = home.command(&tool("curl"), ["-sf", "--noproxy", "*", "--max-time", "10", "--cacert"]);
    let output = curl.arg(home.root()).arg(format!("{ADDRESS}/health")).output().unwrap();
    output.status.success() && words(&output).contains("ok")
}

/// Returns the serial number of the intermediate that signed step-ca's own certificate.
fn serving_below(home: &Home) -> String {
    let mut s_client = home.command(&tool("openssl"), ["s_client", "-connect", "127.0.0.1:9443"]);
    s_client.args(["-servername", "localhost", "-showcerts"]);
    let shown = words(&s_client.output().unwrap());
    let intermediate = shown.split("-----BEGIN").nth(2).and_then(|rest| rest.split("-----END").next());
    let Some(body) = intermediate else { return String::new() };
    let file = home.file("served.pem");
    fs::write(&file, format!("-----BEGIN{body}-----END CERTIFICATE-----\n")).unwrap();
    ok("openssl", ["x509", "-noout", "-serial", "-in", file.to_str().unwrap()])
}

/// Runs dehydrated, which answers http-01 through a web server's folder.
fn dehydrated(home: &Home, arguments: &[&str]) {
    let mut command = home.command(&tool("dehydrated"), ["--config"]);
    let output = command.arg(home.file("config")).args(arguments).output().unwrap();
    assert!(output.status.success(), "dehydrated {arguments:?}: {}", words(&output));
}

fn set_up_dehydrated(home: &Home) -> Running {
    let web = home.file("www");
    let challenges = web.join(".well-known/acme-challenge");
    fs::create_dir_all(&challenges).unwrap();
    let settings = format!(
        "CA={ADDRESS}/acme/acme/directory\nWELLKNOWN={}\nCURL_OPTS='--noproxy * --cacert {}'\nBASEDIR={}\n",
        challenges.display(),
        home.root().display(),
        home.work().display()
    );
    fs::write(home.file("config"), settings).unwrap();
    let mut server = home.command(&tool("python3"), ["-m", "http.server", "--bind", "127.0.0.1", "80"]);
    let running = quiet(server.current_dir(&web));
    wait_until("the web server", || std::net::TcpStream::connect("127.0.0.1:80").is_ok());
    dehydrated(home, &["--register", "--accept-terms"]);
    running
}

/// Every client accepts a server with the ACME client's certificate below devca's root.
fn is_accepted(home: &Home) {
    let folder = home.file("certs/localhost");
    let server = Server::page(&folder.join("fullchain.pem"), &folder.join("privkey.pem"));
    for client in CLIENTS {
        client.accepts(Some(&home.root()), server.port, "localhost");
    }
}

fn serial(file: &Path) -> String {
    ok("openssl", ["x509", "-noout", "-serial", "-in", file.to_str().unwrap()])
}

#[test]
fn step_ca_serves_acme_clients_and_is_rotated_without_a_failed_request() {
    if !in_network("step_ca_serves_acme_clients_and_is_rotated_without_a_failed_request") {
        return;
    }
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    home.ok(["export", "--for", "step-ca", "--out", "ca"]);
    let folder = home.file("ca");
    let ca = step_ca(&home, &folder);
    assert_eq!(serving_below(&home), serial(&folder.join("certs/intermediate_ca.crt")));
    let _web = set_up_dehydrated(&home);
    dehydrated(&home, &["--cron", "--domain", "localhost"]);
    is_accepted(&home);

    home.ok(["export", "--for", "step-ca", "--out", "next"]);
    let next = serial(&home.file("next/certs/intermediate_ca.crt"));
    let (stop, asked, failed) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let counter = if is_healthy(&home) { &asked } else { &failed };
                counter.fetch_add(1, Ordering::Relaxed);
            }
        });
        wait_until("requests", || asked.load(Ordering::Relaxed) > 10);
        for file in ["secrets/intermediate_ca_key", "certs/intermediate_ca.crt"] {
            let from: PathBuf = home.file("next").join(file);
            fs::rename(from, folder.join(file)).unwrap();
        }
        ok("kill", ["-HUP", &ca.0.id().to_string()]);
        wait_until("the new intermediate", || serving_below(&home) == next);
        let now = asked.load(Ordering::Relaxed);
        wait_until("more requests", || asked.load(Ordering::Relaxed) > now + 10);
        stop.store(true, Ordering::Relaxed);
    });
    let (asked, failed) = (asked.into_inner(), failed.into_inner());
    assert_eq!(failed, 0, "of {} requests during the rotation", asked + failed);

    // Earlier certificates continue to work, and new ones are signed by the new intermediate.
    is_accepted(&home);
    dehydrated(&home, &["--cron", "--force", "--domain", "localhost"]);
    is_accepted(&home);
    let chain = home.file("certs/localhost/chain.pem");
    assert_eq!(serial(&chain), next);
}
