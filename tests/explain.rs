//! `devca explain` recognizes what real programs print. Each is run against real faults, and what it prints is looked up:
//! no message here is typed.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

#[path = "explain/clients.rs"]
mod clients;
mod common;
#[path = "explain/connections.rs"]
mod connections;
#[path = "explain/files.rs"]
mod files;
#[path = "explain/logs.rs"]
mod logs;
#[path = "explain/rare.rs"]
mod rare;
#[path = "explain/rustls.rs"]
mod rustls;
#[allow(dead_code)]
#[path = "serve/served.rs"]
mod served;
#[path = "explain/servers.rs"]
mod servers;
#[allow(dead_code)]
#[path = "servers/running.rs"]
mod upstream;

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};

use devca::check::catalogue::Client as Program;
use devca::check::catalogue::search::search;

use clients::{CLIENTS, Client};
use common::browsers::chromium_database;
use common::captured::{clients_of, missing, servers_of};
use common::clients::{current_go_program, go_client, java_classes, rust_program};
use common::{Home, Server, ok, project, tool, words};
use connections::{CONNECTIONS, Connection};
use files::{LOADERS, PROBLEMS, Problem};
use logs::{LOGGERS, logs};
use rare::Page;
use served::Served;
use servers::{HANDSHAKES, Handshake, Mode};

/// The sites of `devca serve --bad`, and what their fault is. Some clients cannot tell a self-signed certificate, or that of
/// a root that was replaced, from that of an unknown root.
const SITES: &[(&str, &[&str])] = &[
    ("expired", &["expired"]),
    ("not-yet-valid", &["not-yet-valid"]),
    ("wrong-host", &["name-mismatch"]),
    ("self-signed", &["self-signed", "untrusted-root"]),
    ("untrusted-root", &["untrusted-root"]),
    ("replaced-root", &["replaced-root", "untrusted-root"]),
    ("missing-intermediate", &["missing-intermediate", "untrusted-root"]),
    ("expired-intermediate", &["expired"]),
    ("name-constraints", &["outside-constraints"]),
    ("unknown-critical-extension", &["unknown-extension"]),
    ("a.b.wildcard-depth", &["name-mismatch"]),
    ("client-only", &["wrong-usage"]),
    ("ca-as-leaf", &["ca-as-leaf"]),
    ("common-name-only", &["name-mismatch"]),
    ("no-key-usage", &["wrong-key-usage"]),
];

/// The number of different lines that the programs print and devca recognizes is at least this.
const LINES: usize = 250;

/// The servers, and the environment of the programs.
struct Bench {
    home: Home,
    variables: Vec<(String, String)>,
    hosts: String,
    port: u16,
    _servers: (Served, [Server; 2]),
}

// Built once, because each test has a bench of its own.

fn go_fetch() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| current_go_program("fetch"))
}

fn rust_client() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| rust_program("client", &project().join("tests/rust/client.rs")))
}

impl Bench {
    fn new() -> Self {
        let home = Home::new();
        chromium_database(&home);
        std::fs::write(home.file("password"), "changeit\n").unwrap();
        for name in ["localhost", "other.test"] {
            home.ok(["issue", name]);
        }
        home.ok(["install", "--store", "nss"]);
        home.ok(["issue", "localhost", "--format", "java", "--password-file", "password"]);
        home.ok(["--ca", "strangers", "issue", "--client", "alice", "--out", "strangers"]);
        let of_clients = ["--ca", "clients", "issue", "--client", "bob", "--format", "java"];
        home.ok(of_clients.into_iter().chain(["--password-file", "password"]));
        home.ok(["--ca", "clients", "issue", "--client", "eve"]);
        home.ok(["--ca", "clients", "revoke", "eve-client.pem"]);
        home.ok(["--ca", "clients", "crl"]);
        home.ok(["issue", "localhost", "--out", "revoked"]);
        home.ok(["revoke", "revoked/localhost.pem"]);
        home.ok(["crl", "--out", "servers-crl.pem"]);
        home.ok(["--ca", "constrained", "install", "--store", "nss", "--constrain-addresses"]);
        home.ok(["--ca", "constrained", "issue", "localhost", "127.0.0.1", "--out", "constrained"]);
        std::fs::write(home.file("clients.pem"), home.ok(["--ca", "clients", "root", "--pem"])).unwrap();
        std::fs::write(home.file("garbage.pem"), "this is not PEM\n").unwrap();
        // psql refuses a key that others can read before it reads it.
        let owner_only = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(home.file("garbage.pem"), owner_only).unwrap();
        let stranger = ["stranger-key.pem", "stranger.pem"].map(|name| home.file(name).display().to_string());
        let request = [
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-subj",
            "/CN=stranger",
        ];
        ok("openssl", request.iter().copied().chain(["-keyout", &stranger[0], "-out", &stranger[1]]));
        let served = Served::start(&home, ["--bad"]);
        let starttls = ["mysql", "postgres"].map(|protocol| {
            let mut command = home.command(&tool("python3"), [project().join("tests/clients/starttls.py")]);
            command.args(["localhost.pem", "localhost-key.pem"]).args([protocol, "accept"]);
            Server::spawn(command)
        });
        let trust: serde_json::Value = serde_json::from_str(&home.ok(["env", "--shell", "json"])).unwrap();
        let trust = trust.as_object().unwrap().iter();
        let mut variables: Vec<(String, String)> =
            trust.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect();
        let text = |path: &Path| path.display().to_string();
        for (name, value) in [
            ("PORT", served.port.to_string()),
            ("SITES_PORT", served.port.to_string()),
            ("MYSQL_PORT", starttls[0].port.to_string()),
            ("POSTGRES_PORT", starttls[1].port.to_string()),
            ("ROOT", text(&home.root())),
            ("CERT", text(&home.file("localhost.pem"))),
            ("KEY", text(&home.file("localhost-key.pem"))),
            ("CLIENT_CA", text(&home.file("clients.pem"))),
            ("CRL", text(&home.file("crl.pem"))),
            ("ROOT_KEY", text(&home.ca().join("root-key.pem"))),
            ("LIB", text(&project().join("tests/explain/lib.sh"))),
            ("IDENTITY", text(&home.file("strangers/alice-client"))),
            ("REVOKED", text(&home.file("eve-client"))),
            ("REVOKED_SERVER", text(&home.file("revoked/localhost"))),
            ("SERVERS_CRL", text(&home.file("servers-crl.pem"))),
            ("CONSTRAINED", text(&home.ca().with_file_name("constrained").join("root.pem"))),
            ("CONSTRAINED_SERVER", text(&home.file("constrained/localhost+1"))),
            ("GARBAGE", text(&home.file("garbage.pem"))),
            ("GO_FETCH", text(go_fetch())),
            ("CARGO", env!("CARGO").to_owned()),
            ("RUST_CLIENT", text(rust_client())),
            ("STORES", text(&home.file("localhost"))),
            ("CLIENT_STORE", text(&home.file("bob-client-truststore.p12"))),
            ("MUTUAL", text(&project().join("tests/mtls"))),
            ("GO_CACHE", text(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("go-cache"))),
            ("NODE", text(&tool("node"))),
            ("PYTHON", text(&project().join("target/tools/python/bin/python"))),
            ("CLIENTS", text(&project().join("tests/clients"))),
            ("MODULES", text(&project().join("target/tools/node_modules"))),
            ("JAVA_CLASSES", text(java_classes())),
            ("GO_CLIENT", text(go_client())),
            ("AWS_ACCESS_KEY_ID", "none".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "none".to_owned()),
            ("AWS_DEFAULT_REGION", "none".to_owned()),
            ("AWS_MAX_ATTEMPTS", "1".to_owned()),
            ("NO_COLOR", "1".to_owned()),
            ("no_proxy", "*".to_owned()),
        ] {
            variables.push((name.to_owned(), value));
        }
        let sites = SITES.iter().map(|(site, _)| format!("{site}.localhost"));
        // Browsers require HTTPS for everything below .dev.
        let hosts = sites
            .chain(["app.dev", "mtls-required.localhost"].map(str::to_owned))
            .collect::<Vec<_>>()
            .join(" ");
        let port = served.port;
        Self { home, variables, hosts, port, _servers: (served, starttls) }
    }

    /// Runs a script in a folder of its own, and returns whether it succeeded, and what it printed.
    fn run(&self, script: &str, more: &[(&str, String)]) -> (bool, String) {
        let folder = tempfile::tempdir_in(self.home.work()).unwrap();
        let hosts = project().join("tests/clients/hosts");
        let mut command = self.home.command(&hosts, [&self.hosts, "timeout", "400", "sh", "-c", script]);
        command.current_dir(folder.path()).stdin(Stdio::null());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        let output = command.envs(more.iter().map(|(name, value)| (name, value))).output().unwrap();
        let said = anstream::adapter::strip_str(&words(&output)).to_string();
        (output.status.success(), said)
    }
}

/// The lines that were recognized, without what varies.
#[derive(Default)]
struct Recognized {
    lines: BTreeSet<String>,
    wrong: Vec<String>,
}

impl Recognized {
    /// Compares what programs printed with the messages that this case has captured.
    fn compare(&mut self, programs: &[Program], what: &str, said: &str) {
        let missing = missing(&format!("explain: {what}"), programs, said);
        if !missing.is_empty() {
            self.wrong.push(format!("{what}: {missing:?} is not said:\n{said}"));
        }
    }

    /// Looks up what a program printed: a line must have one of these explanations.
    fn look_up(&mut self, programs: &[Program], what: &str, said: &str, expected: &[&str]) {
        self.compare(programs, what, said);
        let is_explained = |text: &str| search(text).iter().any(|(fault, _)| expected.contains(&fault.id));
        let known: Vec<&str> = said.lines().filter(|line| is_explained(line)).collect();
        if known.is_empty() && !is_explained(said) {
            let found: Vec<_> = search(said).iter().map(|(fault, _)| fault.id).collect();
            self.wrong.push(format!("{what}: {found:?} instead of {expected:?}:\n{said}"));
        }
        // Or only several lines together do, such as a stack trace.
        let known = if known.is_empty() { vec![said] } else { known };
        let varies = |word: &&str| word.contains("localhost") || word.contains(|c: char| c.is_ascii_digit());
        let constant =
            |line: &str| line.split_whitespace().filter(|word| !varies(word)).collect::<Vec<_>>().join(" ");
        self.lines.extend(known.into_iter().map(constant));
    }
}

/// Does this for each item, with several at once, because most of them wait.
fn each<T: Sync>(items: &[T], act: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            act(item);
        }
    };
    std::thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(work))));
}

fn connects(bench: &Bench, client: &Client, site: &str, recognized: &Mutex<Recognized>) {
    let host = format!("{site}.localhost");
    let url = format!("https://{host}:{}/", bench.port);
    let (accepts, said) = bench.run(client.script, &[("HOST", host), ("URL", url)]);
    if accepts && client.accepts_some {
        return;
    }
    let (_, faults) = SITES.iter().find(|(known, _)| *known == site).unwrap();
    let faults = if client.gives_no_reason { &["refused"] } else { *faults };
    let what = format!("{} of {site}", client.name);
    recognized.lock().unwrap().look_up(clients_of(client.name), &what, &said, faults);
}

fn fails(bench: &Bench, connection: &Connection, ports: &[(&str, String)], recognized: &Mutex<Recognized>) {
    let url = format!("https://localhost:{}/", bench.port);
    let more: Vec<_> = ports.iter().cloned().chain([("URL", url)]).collect();
    let (_, said) = bench.run(connection.script, &more);
    let what = format!("{}: {}", connection.name, connection.fault);
    recognized.lock().unwrap().look_up(clients_of(connection.name), &what, &said, &[connection.fault]);
}

fn is_rare(
    bench: &Bench,
    case: &Connection,
    (programs, of): (&[Program], &str),
    ports: &[(&str, String)],
    recognized: &Mutex<Recognized>,
) {
    let free = ("FREE", upstream::free_port());
    let more: Vec<_> = ports.iter().cloned().chain([free]).collect();
    let (_, said) = bench.run(&format!(". $LIB\n{}", case.script), &more);
    let what = format!("{}{of}: {}", case.name, case.fault);
    recognized.lock().unwrap().look_up(programs, &what, &said, &[case.fault]);
}

/// Loads all of a browser's pages at once, because it takes seconds to start.
fn shows(
    bench: &Bench,
    (browser, pages): (&str, &[Page]),
    ports: &[(&str, String)],
    recognized: &Mutex<Recognized>,
) {
    let set_up = |(number, page): (usize, &Page)| {
        format!("mkdir {number}; cd {number}\n{}\nURLS=\"$URLS {}\"; cd ..\n", page.script, page.url)
    };
    let set_up: String = pages.iter().enumerate().map(set_up).collect();
    let (_, said) = bench.run(&format!(". $LIB\nURLS=\n{set_up}{browser} \"$URLS\""), ports);
    let lines: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix("refused: ")).collect();
    assert_eq!(lines.len(), pages.len(), "{said}");
    for (page, line) in pages.iter().zip(lines) {
        let what = format!("{}: {}", page.name, page.fault);
        recognized.lock().unwrap().look_up(clients_of(page.name), &what, line, &[page.fault]);
    }
}

fn loads(bench: &Bench, script: &str, name: &str, problem: Problem, recognized: &Mutex<Recognized>) {
    let (certificate, key) = match problem {
        Problem::KeyMismatch => ("localhost.pem", "other.test-key.pem"),
        Problem::NoCertificate => ("missing.pem", "localhost-key.pem"),
        Problem::NoKey => ("localhost.pem", "missing.pem"),
        Problem::BadCertificate => ("garbage.pem", "localhost-key.pem"),
        Problem::BadKey => ("localhost.pem", "garbage.pem"),
    };
    let file = |name: &str| bench.home.file(name).display().to_string();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let more = [("CERT", file(certificate)), ("KEY", file(key)), ("FREE", free.to_string())];
    let (_, said) = bench.run(script, &more);
    let fault = if problem == Problem::KeyMismatch { "key-mismatch" } else { "unreadable-file" };
    recognized.lock().unwrap().look_up(clients_of(name), &format!("{name}: {problem:?}"), &said, &[fault]);
}

fn shakes_hands(bench: &Bench, handshake: &Handshake, (mode, faults): Mode, recognized: &Mutex<Recognized>) {
    let [certificate, key] =
        ["localhost.pem", "localhost-key.pem"].map(|name| bench.home.file(name).display().to_string());
    let variables = [("CERT", certificate), ("KEY", key), ("MODE", mode.to_owned())];
    let (_, said) = bench.run(handshake.script, &variables);
    let what = format!("{}'s server: {mode}", handshake.name);
    recognized.lock().unwrap().look_up(servers_of(handshake.name), &what, &said, faults);
}

#[test]
fn what_is_printed_without_a_certificate_is_recognized() {
    let bench = Bench::new();
    let recognized = Mutex::new(Recognized::default());
    let ports = connections::ports();
    each(CONNECTIONS, |connection| fails(&bench, connection, &ports, &recognized));
    let wrong = recognized.into_inner().unwrap().wrong;
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn rare_messages_are_recognized() {
    let bench = Bench::new();
    let recognized = Mutex::new(Recognized::default());
    let ports = connections::ports();
    let of_clients = rare::CLIENTS.iter().map(|case| (case, (clients_of(case.name), "")));
    let of_servers = rare::SERVERS.iter().map(|case| (case, (servers_of(case.name), ", server")));
    let cases: Vec<_> = of_clients.chain(of_servers).collect();
    each(&cases, |(case, programs)| is_rare(&bench, case, *programs, &ports, &recognized));
    each(rare::PAGES, |browser| shows(&bench, *browser, &ports, &recognized));
    rustls::serves(&bench, &recognized);
    rustls::connects(&bench, &recognized);
    let wrong = recognized.into_inner().unwrap().wrong;
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn what_servers_log_is_explained() {
    let bench = Bench::new();
    let recognized = Mutex::new(Recognized::default());
    each(LOGGERS, |logger| logs(&bench, logger, &recognized));
    let Recognized { lines, wrong } = recognized.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
    println!("{lines:#?}");
}

#[test]
fn what_real_programs_print_is_recognized() {
    let bench = Bench::new();
    let recognized = Mutex::new(Recognized::default());
    let connections: Vec<_> =
        CLIENTS.iter().flat_map(|client| client.sites.iter().map(move |site| (client, *site))).collect();
    each(&connections, |(client, site)| connects(&bench, client, site, &recognized));
    let of_loader = |loader: &'static files::Loader| {
        PROBLEMS
            .iter()
            .filter(|problem| !loader.silent_about.contains(problem))
            .map(move |problem| (loader, *problem))
    };
    let loads_of: Vec<_> = LOADERS.iter().flat_map(of_loader).collect();
    each(&loads_of, |(loader, problem)| loads(&bench, loader.script, loader.name, *problem, &recognized));
    let handshakes: Vec<_> = HANDSHAKES
        .iter()
        .flat_map(|handshake| handshake.modes.iter().map(move |mode| (handshake, *mode)))
        .collect();
    each(&handshakes, |(handshake, mode)| shakes_hands(&bench, handshake, *mode, &recognized));
    let Recognized { lines, wrong } = recognized.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
    println!("{} different lines", lines.len());
    assert!(lines.len() >= LINES, "only {} lines:\n{lines:#?}", lines.len());
}
