//! Every request gets its line, even if it is not answered or cannot be read, and every refused client is told why.

use std::process::{Command, Stdio};

use serde_json::Value;

use super::common::{Home, tool, wait_until, words};
use super::served::{Served, curl, fetch, raw, upstream};

/// Returns the logged requests for this path.
fn lines(served: &Served, path: &str) -> Vec<Value> {
    served.log().into_iter().filter(|line| line["path"] == path).collect()
}

#[test]
fn a_request_that_the_client_gives_up_is_logged() {
    let home = Home::new();
    let behind = upstream(["http"]);
    let served = Served::start(&home, [behind.port.to_string()]);
    for version in ["--http1.1", "--http2"] {
        let path = format!("/slow?{version}");
        assert_eq!(curl(&home, &served, &[version, "--max-time", "0.5"], &path).status.code(), Some(28));
        wait_until("it is logged", || !lines(&served, &path).is_empty());
        let [line] = lines(&served, &path).try_into().unwrap();
        assert_eq!(
            (&line["failure"], &line["status"]),
            (&"the client gave up".into(), &Value::Null),
            "{line}"
        );
    }
}

#[test]
fn what_a_second_ctrl_c_cuts_off_is_logged() {
    let home = Home::new();
    let behind = upstream(["http"]);
    for version in ["--http1.1", "--http2"] {
        let served = Served::start(&home, [behind.port.to_string()]);
        let count = fetch(&home, &served, &[], "/pending");
        let mut slow = Command::new(tool("curl"));
        slow.args(["-sS", version, "--cacert"]).arg(home.root()).arg(served.url("/slow?30000"));
        let mut slow = slow.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wait_until("the request is under way", || fetch(&home, &served, &[], "/pending") != count);
        let before = served.open_files();
        served.interrupt();
        wait_until("it no longer listens", || served.open_files() < before);
        served.interrupt();
        served.says("a connection was cut off");
        served.says("stopped");
        let [line] = lines(&served, "/slow?30000").try_into().unwrap();
        assert_eq!(line["failure"], "the server was stopped", "{line}");
        slow.wait().unwrap();
        assert_eq!(served.wait(), Some(0));
    }
}

#[test]
fn redirects_are_logged() {
    let home = Home::new();
    let served = Served::start::<&str>(&home, []);
    raw("plain", &served, b"GET /plain HTTP/1.1\r\nHost: app.localhost\r\n\r\n");
    wait_until("it is logged", || !lines(&served, "/plain").is_empty());
    let [line] = lines(&served, "/plain").try_into().unwrap();
    assert_eq!((&line["scheme"], &line["status"]), (&"http".into(), &308.into()), "{line}");
}

/// The parser answers such requests before anything else sees them.
#[test]
fn requests_that_cannot_be_read_are_answered_with_the_reason() {
    let home = Home::new();
    let behind = upstream(["http"]);
    let served = Served::start(&home, [behind.port.to_string()]);
    let root = home.root();
    let root = root.to_str().unwrap();
    let large = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(100_000));
    let good = "GET /first HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for (request, status, why) in [
        ("GET / HTTP/1.1\r\nHost: localhost\r\nX Y: 1\r\n\r\n", "400", "a field of its header is invalid"),
        ("G@T / HTTP/1.1\r\nHost: localhost\r\n\r\n", "400", "its method is invalid"),
        ("GET / HTTP/9.1\r\nHost: localhost\r\n\r\n", "400", "its HTTP version is invalid"),
        (
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
            "400",
            "its Content-Length is invalid",
        ),
        (&large, "431", "its header is too large"),
    ] {
        for root in [root, "plain"] {
            // HTTP without TLS is recognized by its first letter, and answered once.
            let before = if root == "plain" { "" } else { good };
            let answer = raw(root, &served, format!("{before}{request}").as_bytes());
            let answer = answer.split_once("/first\"").map_or(answer.as_str(), |(_, rest)| rest);
            let (_, answer) =
                answer.split_once("HTTP/1.1 ").unwrap_or_else(|| panic!("{request:.80}: {answer}"));
            let (head, text) = answer.split_once("\r\n\r\n").unwrap();
            assert!(
                head.starts_with(status) && head.contains("connection: close"),
                "{request:.80}: {answer}"
            );
            assert!(head.contains(&format!("content-length: {}\r\n", text.len())), "{answer}");
            assert!(
                text.starts_with(&format!("devca: error: this request cannot be read: {why}")),
                "{answer}"
            );
        }
        served.says(&format!("a request from 127.0.0.1 cannot be read: {why}"));
    }
    let preface = raw(root, &served, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert!(preface.is_empty(), "{preface}");
    served.says("it is HTTP/2, which this connection did not negotiate");
    // curl cannot send as much with HTTP/2.
    let script = "import http2 from 'node:http2';
        const session = http2.connect(process.argv[1], { maxSendHeaderBlockLength: 200_000 });
        const stream = session.request({ a: 'x'.repeat(30_000), b: 'x'.repeat(30_000), c: 'x'.repeat(30_000) });
        stream.on('response', (head) => console.log(head[':status']));
        stream.on('data', (text) => console.log(text.toString()));
        stream.on('end', () => session.close());";
    let mut node = home.command(&tool("node"), ["--input-type=module", "-e", script]);
    let answer = words(&node.arg(served.url("/")).env("NODE_EXTRA_CA_CERTS", home.root()).output().unwrap());
    assert!(answer.starts_with("431\n") && answer.contains("larger than 64 KiB"), "{answer}");
}

#[test]
fn a_server_name_that_is_not_a_host_name_is_logged() {
    let home = Home::new();
    let served = Served::start::<&str>(&home, []);
    let place = format!("127.0.0.1:{}", served.port);
    let output = super::common::run("openssl", ["s_client", "-connect", &place, "-servername", "not a host"]);
    assert!(words(&output).contains("alert illegal parameter"), "{}", words(&output));
    served.says("the server name in its hello (SNI) is not a host name");
    let output =
        super::common::run("openssl", ["s_client", "-connect", &place, "-tls1_2", "-cipher", "AES128-SHA"]);
    assert!(words(&output).contains("alert handshake failure"), "{}", words(&output));
    served.says("it offers only key exchanges that are not supported here");
}
