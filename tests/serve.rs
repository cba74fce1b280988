//! `devca serve`: a TLS proxy between real clients and real servers.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "serve/bad.rs"]
mod bad;
#[allow(dead_code)] // what makes faulty files
#[path = "check/bench.rs"]
mod bench;
#[path = "serve/certificates.rs"]
mod certificates;
#[allow(dead_code)] // those for databases
#[path = "mtls/clients.rs"]
mod clients;
mod common;
#[path = "serve/folder.rs"]
mod folder;
#[path = "serve/hostile.rs"]
mod hostile;
#[path = "serve/log.rs"]
mod log;
#[path = "serve/mutual.rs"]
mod mutual;
#[path = "serve/page.rs"]
mod page;
#[allow(dead_code)] // those for servers
#[path = "mtls/programs.rs"]
mod programs;
#[path = "serve/served.rs"]
mod served;
#[path = "serve/websocket.rs"]
mod websocket;

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::process::{Command, Stdio};

use common::clients::{CLIENTS, RUNTIMES};
use common::{Home, Server, tool, wait_until, words};
use served::{Served, curl, fetch, field, raw, script, seen, upstream};

/// The environment of the mutual TLS clients.
pub struct World {
    pub home: Home,
}

#[test]
fn every_client_is_served() {
    let home = Home::new();
    let behind = upstream(["http"]);
    let served = Served::start(&home, [behind.port.to_string()]);
    for client in CLIENTS.iter().chain(RUNTIMES) {
        for name in ["localhost", "127.0.0.1", "app.localhost"] {
            client.accepts(Some(&home.root()), served.port, name);
        }
    }
}

#[test]
fn http1_and_http2_reach_each_kind_of_upstream() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    let socket = home.file("app.sock");
    let (pem, key) = (home.file("localhost.pem"), home.file("localhost-key.pem"));
    let [http, h2c] = ["http", "h2c"].map(|kind| upstream([kind]));
    let https = upstream([OsStr::new("https"), pem.as_os_str(), key.as_os_str()]);
    let _unix = upstream([OsStr::new("unix"), socket.as_os_str()]);
    for (place, version) in [
        (http.port.to_string(), "1.1"),
        (format!("h2c://localhost:{}", h2c.port), "2.0"),
        (format!("https://localhost:{}", https.port), "1.1"),
        (format!("unix:{}", socket.display()), "1.1"),
    ] {
        let served = Served::start(&home, [&place]);
        for (option, asked) in [("--http1.1", "1.1"), ("--http2", "2")] {
            let answer = fetch(&home, &served, &[option, "-w", "%{http_version}"], "/a%20b?c=d&e");
            let (answer, spoken) = answer.split_once('\n').unwrap();
            assert_eq!(spoken, asked, "{place}");
            let seen: serde_json::Value = serde_json::from_str(answer).unwrap();
            assert_eq!(
                (&seen["url"], &seen["httpVersion"]),
                (&"/a%20b?c=d&e".into(), &version.into()),
                "{place}"
            );
            let posted = self::seen(&home, &served, &[option, "--data-binary", "@/etc/services"], "/");
            let sum = common::ok("sha256sum", ["/etc/services"]);
            assert_eq!(posted["hash"].as_str(), sum.split(' ').next(), "{place}");
        }
    }
}

#[test]
fn upstreams_get_the_forwarded_headers_of_devca_alone() {
    let home = Home::new();
    let behind = upstream(["http"]);
    let served = Served::start(&home, [behind.port.to_string()]);
    for version in ["--http1.1", "--http2"] {
        let spoofed = [
            "-H",
            "X-Forwarded-For: 6.6.6.6",
            "-H",
            "X_Forwarded_Proto: http",
            "-H",
            "Forwarded: for=6.6.6.6",
        ];
        let more = [
            "-H",
            "X-Client-CN: root",
            "-H",
            "Client-Cert: :x:",
            "-H",
            "Cookie: a=1",
            version,
            "-H",
            "X-Own: 1",
            "-H",
            "Proxy: http://6.6.6.6",
            "-H",
            "X-SSL-Client-Verify: SUCCESS",
            "-H",
            "X-Original-URL: /admin",
        ];
        let seen = seen(&home, &served, &[&spoofed[..], &more].concat(), "/");
        let host = format!("localhost:{}", served.port);
        for (name, value) in [
            ("host", host.as_str()),
            ("x-forwarded-for", "127.0.0.1"),
            ("x-forwarded-host", &host),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-port", &served.port.to_string()),
            ("forwarded", &format!("for=127.0.0.1;host=\"{host}\";proto=https")),
            ("cookie", "a=1"),
            ("x-own", "1"),
        ] {
            assert_eq!(field(&seen, name), [value], "{name}");
        }
        for name in [
            "x_forwarded_proto",
            "x-client-cn",
            "client-cert",
            "proxy",
            "x-ssl-client-verify",
            "x-original-url",
        ] {
            assert!(field(&seen, name).is_empty(), "{name}: {seen:#}");
        }
    }
    let head = fetch(&home, &served, &["-D", "-", "-o", "/dev/null"], "/");
    assert!(!head.to_lowercase().contains("strict-transport-security"), "{head}");
}

#[test]
fn names_lead_to_their_upstreams() {
    let home = Home::new();
    let [app, api] = [["http"], ["http"]].map(upstream);
    let sites = [format!("app.localhost={}", app.port), format!("*.api.localhost=localhost:{}", api.port)];
    let served = Served::start(&home, &sites);
    let resolve = |host: &str| format!("{host}:{}:127.0.0.1", served.port);
    let at = |host: &str, format: &str| {
        let mut command = Command::new(tool("curl"));
        command.args(["-sS", "--resolve", &resolve(host), "-w", format, "--cacert"]).arg(home.root());
        let output = command.arg(format!("https://{host}:{}/", served.port)).output().unwrap();
        assert!(output.status.success(), "{}", words(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(at("app.localhost", "%{http_code}").ends_with("200"));
    assert!(at("v1.api.localhost", "%{http_code}").ends_with("200"));
    let refused = at("other.localhost", "%{http_code}");
    assert!(
        refused.ends_with("421")
            && refused.contains("use one of these names: app.localhost, *.api.localhost"),
        "{refused}"
    );
    served.says("\"host\":\"other.localhost");
}

/// The second event is sent after the first was received, so a proxy that buffers would wait forever.
#[test]
fn events_are_not_buffered() {
    let home = Home::new();
    let behind = upstream(["http"]);
    let served = Served::start(&home, [behind.port.to_string()]);
    for version in ["--http1.1", "--http2"] {
        let mut stream = Command::new(tool("curl"));
        stream
            .args(["-sSN", version, "--max-time", "30", "--cacert"])
            .arg(home.root())
            .arg(served.url("/events"));
        let mut child = stream.stdout(Stdio::piped()).spawn().unwrap();
        let mut events = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        events.read_line(&mut first).unwrap();
        assert_eq!(first, "data: first\n");
        fetch(&home, &served, &[], "/release");
        let mut rest = String::new();
        events.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "\ndata: second\n\n");
        assert!(child.wait().unwrap().success());
    }
}

#[test]
fn trailers_and_grpc_pass() {
    let home = Home::new();
    let python = || Command::new(common::project().join("target/tools/grpc/bin/python"));
    let mut greeter = python();
    greeter.arg(script("grpc_client.py")).arg("serve");
    let behind = Server::spawn(greeter);
    // gRPC uses HTTP/2, even if the upstream does not say so.
    for place in [format!("h2c://localhost:{}", behind.port), behind.port.to_string()] {
        let served = Served::start(&home, [&place]);
        let mut client = python();
        client.arg(script("grpc_client.py")).arg("call").arg(home.root()).arg(served.port.to_string());
        let output = client.output().unwrap();
        assert!(words(&output).contains("all answered"), "{place}: {} {:#?}", words(&output), served.log());
    }
    let behind = upstream(["http"]);
    let served = Served::start(&home, [behind.port.to_string()]);
    let text = fetch(
        &home,
        &served,
        &["--http1.1", "-i", "-H", "TE: trailers", "-H", "Connection: TE"],
        "/trailers",
    );
    assert!(text.contains("\r\n\r\nbody") && text.contains("x-checksum: 42"), "{text}");
}

#[test]
fn large_bodies_take_no_memory() {
    const MEGABYTES: u64 = 200;
    let home = Home::new();
    let behind = upstream(["http"]);
    let served = Served::start(&home, [behind.port.to_string()]);
    fetch(&home, &served, &[], "/");
    let before = served.memory("VmHWM");
    for version in ["--http1.1", "--http2"] {
        let path = format!("/bytes/{MEGABYTES}");
        let down = fetch(&home, &served, &[version, "-o", "/dev/null", "-w", "%{size_download}"], &path);
        assert_eq!(down, (MEGABYTES << 20).to_string());
        let mut shell = home.command(
            &tool("sh"),
            ["-c", r#"head -c "$1" /dev/zero | exec "$2" -sS --max-time 60 "$3" -T - --cacert "$4" "$5""#],
        );
        shell.arg("sh").arg((MEGABYTES << 20).to_string()).arg(tool("curl")).arg(version).arg(home.root());
        let output = shell.arg(served.url("/upload")).output().unwrap();
        let seen: serde_json::Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", words(&output)));
        assert_eq!(seen["size"], MEGABYTES << 20);
    }
    let grown = served.memory("VmHWM") - before;
    assert!(grown < 32 << 10, "{grown} kB more than before");
}

#[test]
fn a_body_is_asked_for_when_the_client_waits() {
    let home = Home::new();
    let behind = upstream(["http"]);
    let served = Served::start(&home, [behind.port.to_string()]);
    let request = b"POST / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc";
    let answer = raw(home.root().to_str().unwrap(), &served, request);
    assert!(answer.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"), "{answer}");
}

#[test]
fn plain_http_is_redirected() {
    let home = Home::new();
    let behind = upstream(["http"]);
    let served = Served::start(&home, [behind.port.to_string()]);
    let ask = |path: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nHost: app.localhost:{}\r\n\r\n", served.port);
        raw("plain", &served, request.as_bytes())
    };
    let answer = ask("/a?b=c");
    let location = format!("\r\nlocation: https://app.localhost:{}/a?b=c\r\n", served.port);
    assert!(answer.starts_with("HTTP/1.1 308 ") && answer.contains(&location), "{answer}");
    for host in ["", "Host: a b\r\n", "Host: a\r\nHost: b\r\n", "Host: u@evil.example\r\n"] {
        let answer = raw("plain", &served, format!("GET / HTTP/1.1\r\n{host}\r\n").as_bytes());
        assert!(answer.starts_with("HTTP/1.1 400 "), "{host:?}: {answer}");
    }
}

#[test]
fn a_starting_server_is_awaited_and_a_missing_one_reported() {
    let home = Home::new();
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let served = Served::start(&home, [&port]);
    let before = served.open_files();
    let mut early = Command::new(tool("curl"));
    early.args(["-sS", "--max-time", "30", "--cacert"]).arg(home.root()).arg(served.url("/"));
    let early = early.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("the client has connected", || served.open_files() > before);
    let behind = upstream(["http", &port]);
    let output = early.wait_with_output().unwrap();
    assert!(words(&output).contains("\"method\":\"GET\""), "{}", words(&output));
    drop(behind);
    let missing = curl(&home, &served, &["-i"], "/");
    let text = words(&missing);
    assert!(text.contains("HTTP/2 503") && text.contains("retry-after: 1"), "{text}");
    assert!(
        text.contains(&format!("devca: error: nothing listens at http://localhost:{port} yet\n")),
        "{text}"
    );
    let page = fetch(&home, &served, &["-H", "Accept: text/html,*/*"], "/");
    assert!(page.starts_with("<!doctype html>") && page.contains("http-equiv=\"refresh\""), "{page}");
}

#[test]
fn a_response_that_breaks_off_is_reported() {
    let home = Home::new();
    let behind = upstream(["http"]);
    let served = Served::start(&home, [behind.port.to_string()]);
    // What the upstream has not read of a body makes the end of the connection a reset.
    let body = home.file("body");
    fs::write(&body, vec![b'x'; 1 << 15]).unwrap();
    for body in ["x".to_owned(), format!("@{}", body.display())] {
        let text = words(&curl(&home, &served, &["-i", "--data-binary", &body], "/close"));
        assert!(
            text.contains("HTTP/2 502") && text.contains("closed the connection before it answered"),
            "{text}"
        );
    }
    for version in ["--http1.1", "--http2"] {
        let cut = curl(&home, &served, &[version], "/reset");
        assert!(!cut.status.success(), "half an answer looks like a whole one: {}", words(&cut));
    }
    // The server continues.
    assert_eq!(seen(&home, &served, &[], "/")["method"], "GET");
}

#[test]
fn a_refusal_reaches_a_client_that_is_still_sending() {
    let home = Home::new();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let served = Served::start(&home, [closed.as_str()]);
    let body = home.file("body");
    fs::write(&body, vec![b'x'; 1 << 15]).unwrap();
    let body = format!("@{}", body.display());
    for version in ["--http1.1", "--http2"] {
        let text = words(&curl(&home, &served, &[version, "-i", "--data-binary", &body], "/"));
        assert!(text.lines().next().unwrap_or_default().contains(" 503"), "{version}: {text}");
        assert!(text.contains("nothing listens at"), "{version}: {text}");
    }
}

#[test]
fn upstreams_with_tls_are_verified() {
    let home = Home::new();
    home.ok(["--ca", "other", "issue", "localhost"]);
    let (pem, key) = (home.file("localhost.pem"), home.file("localhost-key.pem"));
    let https = upstream([OsStr::new("https"), pem.as_os_str(), key.as_os_str()]);
    let place = format!("https://localhost:{}", https.port);
    let served = Served::start(&home, [&place]);
    let text = words(&curl(&home, &served, &["-i"], "/"));
    assert!(text.contains("HTTP/2 502") && text.contains(&format!("devca check {place}")), "{text}");
    assert!(text.contains("its certificate was not issued by a CA that is trusted here"), "{text}");
    let served = Served::start(&home, [place.as_str(), "--insecure-upstream"]);
    assert_eq!(seen(&home, &served, &[], "/")["method"], "GET");
    // Without https://, the error suggests it.
    let served = Served::start(&home, [https.port.to_string()]);
    let text = words(&curl(&home, &served, &["-i"], "/"));
    assert!(text.contains("HTTP/2 502") && text.contains(&format!("use {place} instead")), "{text}");
    home.ok(["issue", "--bad", "ca-as-leaf", "localhost"]);
    let (pem, key) = (home.file("ca-as-leaf.pem"), home.file("ca-as-leaf-key.pem"));
    let https = upstream([OsStr::new("https"), pem.as_os_str(), key.as_os_str()]);
    let served = Served::start(&home, [format!("https://localhost:{}", https.port)]);
    let text = words(&curl(&home, &served, &["-i"], "/"));
    assert!(text.contains("HTTP/2 502") && text.contains("a server uses a CA certificate"), "{text}");
}

#[test]
fn the_url_leads_to_the_address() {
    let home = Home::new();
    let behind = upstream(["http"]);
    let served = Served::start(&home, [&behind.port.to_string(), "--listen", "127.0.0.5"]);
    let url =
        served.log().iter().find_map(|line| Some(line["sites"][0]["url"].as_str()?.to_owned())).unwrap();
    assert_eq!(url, format!("https://127.0.0.5:{}", served.port));
    let mut curl = Command::new(tool("curl"));
    let output = curl.args(["-sS", "--cacert"]).arg(home.root()).arg(&url).output().unwrap();
    assert!(words(&output).contains("\"method\":\"GET\""), "{}", words(&output));
    let site = format!("app.localhost={}", behind.port);
    let served = Served::start(&home, [&site, "--listen", "127.0.0.5"]);
    served.says("app.localhost leads to 127.0.0.1 and ::1, and devca does not listen there");
}

#[test]
fn it_ends_gracefully() {
    let home = Home::new();
    let behind = upstream(["http"]);
    let served = Served::start(&home, [behind.port.to_string()]);
    let mut slow = Command::new(tool("curl"));
    slow.args(["-sS", "--max-time", "30", "--cacert"]).arg(home.root()).arg(served.url("/slow"));
    let mut slow = slow.stdout(Stdio::piped()).spawn().unwrap();
    wait_until("the request is under way", || fetch(&home, &served, &[], "/pending") == "1");
    served.interrupt();
    let mut text = String::new();
    slow.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "slow\n", "a request that was under way was cut off");
    assert!(slow.wait().unwrap().success());
    served.says("stopped");
    // Its output matches the schema.
    let documents: Vec<_> =
        served.log().into_iter().map(|line| serde_json::json!(["serve", "serve", line])).collect();
    fs::write(home.file("documents.json"), serde_json::to_vec(&documents).unwrap()).unwrap();
    let mut python = Command::new(tool("/usr/bin/python3"));
    let script = common::project().join("tests/clients/schemas.py");
    python.arg(script).arg(common::project().join("docs/json")).arg(home.file("documents.json"));
    let validated = python.output().unwrap();
    assert!(validated.status.success(), "{}", words(&validated));
    assert_eq!(served.wait(), Some(0));
}

#[test]
fn a_program_is_started_and_ends_with_the_server() {
    let home = Home::new();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let node = tool("node");
    let script = script("upstream.mjs");
    let words = [port.as_str(), "--", node.to_str().unwrap(), script.to_str().unwrap(), "http", &port];
    let served = Served::start(&home, words);
    assert_eq!(seen(&home, &served, &[], "/")["method"], "GET");
    served.interrupt();
    assert_eq!(served.wait(), Some(0));
    assert!(std::net::TcpStream::connect(("127.0.0.1", port.parse().unwrap())).is_err(), "it still runs");

    // What it has started ends with it, too.
    let children = "sleep 1000 & echo $! >child-pid; exit 3";
    let output = home.devca(["serve", "9", "--port", "0", "--", "sh", "-c", children]).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", common::words(&output));
    let child = fs::read_to_string(home.file("child-pid")).unwrap();
    let state = || fs::read_to_string(format!("/proc/{}/stat", child.trim())).unwrap_or_default();
    assert!(state().is_empty() || state().contains(") Z "), "it still runs: {}", state());

    for (script, code) in [("exit 7", 7), ("kill -9 $$", 137), ("test -n \"$NODE_EXTRA_CA_CERTS\"", 0)] {
        let output = home.devca(["serve", "9", "--port", "0", "--", "sh", "-c", script]).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{script}: {}", common::words(&output));
    }
    // One that ignores the request to end is killed.
    let stubborn = "trap '' INT TERM; echo $$ >own-pid; while :; do sleep 1; done";
    let served = Served::start(&home, ["9", "--", "sh", "-c", stubborn]);
    let pid = || fs::read_to_string(home.file("own-pid")).unwrap_or_default().trim().to_owned();
    common::wait_until("it runs", || !pid().is_empty());
    served.interrupt();
    assert_eq!(served.wait(), Some(0));
    common::wait_until("it is gone", || !std::path::Path::new(&format!("/proc/{}", pid())).exists());
    // On a terminal, Ctrl-C has reached it as well: its cleanup is waited for.
    let cleanup = "trap 'sleep 0.3; echo cleaned; exit 5' INT; echo waiting; while :; do sleep 0.1; done";
    let typed = home
        .typing(&[("ask", "waiting", "\u{3}")], &["serve", "9", "--port", "0", "--", "sh", "-c", cleanup]);
    assert!(
        typed.status.code() == Some(5) && common::words(&typed).contains("cleaned"),
        "{}",
        common::words(&typed)
    );
    let output = home.devca(["serve", "9", "--port", "0", "--", "no-such-program"]).output().unwrap();
    assert_eq!(output.status.code(), Some(127), "{}", common::words(&output));
}

#[test]
fn lines_for_people_say_what_was_answered() {
    let home = Home::new();
    let behind = upstream(["http"]);
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = home.devca(["serve", &behind.port.to_string(), "--port", &port.to_string()]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert_eq!(
        lines.next().unwrap(),
        format!("https://localhost:{port}  → http://localhost:{}", behind.port)
    );
    assert_eq!(lines.next().unwrap(), "Ctrl-C stops the server");
    let mut curl = Command::new(tool("curl"));
    curl.args(["-sS", "--cacert"]).arg(home.root()).arg(format!("https://localhost:{port}/a?b"));
    assert!(curl.output().unwrap().status.success());
    let line = lines.next().unwrap();
    assert!(
        line.starts_with(&format!("200 GET https://localhost:{port}/a?b ")) && line.ends_with(" ms"),
        "{line}"
    );
    child.kill().unwrap();
    child.wait().unwrap();
}
