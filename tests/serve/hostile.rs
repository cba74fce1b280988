//! Clients that do harm, intentionally or not, do not stop others.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use super::common::{Home, tool, wait_until};
use super::served::{Served, curl, fetch, raw, script, seen, upstream};

/// Messages in which two servers could see different ends (RFC 9112 §11.2). Whatever is forwarded must be
/// unambiguous.
#[test]
fn smuggled_requests_do_not_pass() {
    let home = Home::new();
    let behind = upstream(["http"]);
    let served = Served::start(&home, [behind.port.to_string()]);
    let root = home.root();
    let root = root.to_str().unwrap();
    for fields in [
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: 5, 6\r\n",
        "Content-Length: 0x5\r\n",
        "Host: other\r\n",
        "X Y: 1\r\n",
        "X\0Y: 1\r\n",
        "X: a\0b\r\n",
    ] {
        let request = format!(
            "POST /first HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n0\r\n\r\nGET /second HTTP/1.1\r\nHost: localhost\r\n\r\n"
        );
        let answer = raw(root, &served, request.as_bytes());
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{fields:?}: {answer}");
        assert!(!answer.contains("/second"), "{fields:?}: {answer}");
    }
    // With both lengths, the chunks count, the length is not forwarded, and the connection is closed.
    for fields in
        ["Content-Length: 4\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 4"]
    {
        let request = format!(
            "POST /first HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n\r\n1\r\nx\r\n0\r\n\r\nGET /second HTTP/1.1\r\nHost: localhost\r\n\r\n"
        );
        let answer = raw(root, &served, request.as_bytes());
        assert!(
            answer.contains("\"size\":1") && answer.to_lowercase().contains("connection: close"),
            "{answer}"
        );
        assert!(
            !answer.to_lowercase().contains("\"content-length\"") && !answer.contains("/second"),
            "{answer}"
        );
    }
    // A body that nobody would decode, and one that is malformed.
    let h2c = upstream(["h2c"]);
    let over_h2c = Served::start(&home, [format!("h2c://localhost:{}", h2c.port)]);
    for (fields, body, status) in [
        ("Transfer-Encoding: gzip, chunked", "0\r\n\r\n", "501"),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "0\r\n\r\n", "501"),
        ("Transfer-Encoding: chunked", "x\r\n\r\n", "400"),
        ("Transfer-Encoding: chunked", "2\r\nabc\r\n0\r\n\r\n", "400"),
    ] {
        let request = format!("POST / HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n\r\n{body}");
        for served in [&served, &over_h2c] {
            let answer = raw(root, served, request.as_bytes());
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {answer}");
        }
    }
    // An upstream that spoke HTTP/2 from here on would believe whatever headers the client sends.
    let upgrade = "GET /first HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n\
        HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n";
    let answer = raw(root, &served, upgrade.as_bytes()).to_lowercase();
    assert!(answer.starts_with("http/1.1 200 "), "{answer}");
    assert!(!answer.contains("h2c") && !answer.contains("http2-settings"), "{answer}");
    let tunnel = raw(root, &served, b"CONNECT localhost:22 HTTP/1.1\r\nHost: localhost:22\r\n\r\n");
    assert!(tunnel.starts_with("HTTP/1.1 405 "), "{tunnel}");
}

#[test]
fn oversized_headers_are_refused() {
    let home = Home::new();
    let behind = upstream(["http"]);
    let served = Served::start(&home, [behind.port.to_string()]);
    let header = format!("X: {}", "x".repeat(100_000));
    let answer =
        String::from_utf8(curl(&home, &served, &["--http1.1", "-i", "-H", &header], "/").stdout).unwrap();
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    let answer =
        String::from_utf8(curl(&home, &served, &["--http2", "-i", "-H", &header], "/").stdout).unwrap();
    assert!(answer.starts_with("HTTP/2 431") || answer.is_empty(), "{answer}");
    assert_eq!(seen(&home, &served, &[], "/")["method"], "GET");
}

#[test]
fn idle_connections_block_no_others_and_leave_nothing() {
    let home = Home::new();
    let behind = upstream(["http"]);
    let served = Served::start(&home, [behind.port.to_string()]);
    fetch(&home, &served, &[], "/");
    let before = served.open_files();
    // 10,000 connections: at first and at the end, 700 are open at the same time.
    for how in [&["700"][..], &["8600", "drop"], &["700"]] {
        let mut python = Command::new(tool("python3"));
        python.arg(script("idle.py")).arg(home.root()).arg(served.port.to_string()).args(how);
        let mut idle = python.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(idle.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "READY\n");
        assert_eq!(seen(&home, &served, &["--max-time", "5"], "/")["method"], "GET");
        idle.kill().unwrap();
        idle.wait().unwrap();
        wait_until("all are closed again", || served.open_files() <= before + 8);
    }
    let grown = served.memory("VmRSS");
    assert!(grown < 100 << 10, "{grown} kB");
}

#[test]
fn garbage_is_logged_once_and_harmless() {
    let home = Home::new();
    let behind = upstream(["http"]);
    let served = Served::start(&home, [behind.port.to_string()]);
    for bytes in
        [&b"\0\0\0\0"[..], b"\x16\x03\x01\xff\xff", b"\x16\x03\x01\0\x05hello", b"\xff\xff", b"SSH-2.0-x\r\n"]
    {
        raw("plain", &served, bytes);
    }
    served.says("a client sent neither TLS nor HTTP");
    assert_eq!(seen(&home, &served, &[], "/")["method"], "GET");
}

/// Requests that are reset at once (CVE-2023-44487), a header without an end (CVE-2024-27316), and frames that want an
/// answer each.
#[test]
fn floods_of_frames_block_no_others() {
    let home = Home::new();
    let behind = upstream(["http"]);
    let served = Served::start(&home, [behind.port.to_string()]);
    fetch(&home, &served, &[], "/");
    let before = served.open_files();
    for kind in ["reset", "continuation", "settings", "ping"] {
        let mut python = Command::new(tool("python3"));
        python.arg(script("flood.py")).arg(home.root()).arg(served.port.to_string()).arg(kind);
        let flood = python.stdout(Stdio::piped()).spawn().unwrap();
        assert_eq!(seen(&home, &served, &["--max-time", "10"], "/")["method"], "GET", "{kind}");
        let sent = String::from_utf8(flood.wait_with_output().unwrap().stdout).unwrap();
        if ["reset", "continuation"].contains(&kind) {
            assert!(sent.trim().parse::<u32>().unwrap() < 20_000, "{kind}: the server took all of it");
        }
    }
    wait_until("all are closed again", || served.open_files() <= before + 8);
    let grown = served.memory("VmHWM");
    assert!(grown < 100 << 10, "{grown} kB");
}
