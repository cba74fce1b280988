//! WebSocket and other upgrades: the cases of a conformance suite, and dev servers that replace modules in a real browser.

use std::fs;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::common::browsers::{chromium_database, trust};
use super::common::{Home, Server, project, tool, wait_until, words};
use super::served::{Served, raw, script, upstream};

#[test]
fn web_sockets_and_other_upgrades_pass() {
    let home = Home::new();
    let behind = upstream(["http"]);
    let served = Served::start(&home, [behind.port.to_string()]);
    let mut node = home.command(&tool("node-24"), [script("socket.mjs")]);
    let url = format!("wss://localhost:{}/socket", served.port);
    let output = node.arg(url).env("NODE_EXTRA_CA_CERTS", home.root()).output().unwrap();
    assert!(words(&output).contains("all echoed"), "{}", words(&output));
    let root = home.root();
    let request = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: own/1\r\n\r\nping";
    let answer = raw(root.to_str().unwrap(), &served, request);
    assert!(answer.starts_with("HTTP/1.1 101 ") && answer.ends_with("\r\n\r\nping"), "{answer}");
    served.says("\"status\":101");
}

/// Fragments, pings, close codes, invalid frames, sizes, compression, handshakes and ends, with the `ws` package on
/// both sides.
#[test]
fn web_sockets_behave_as_without_a_proxy() {
    let home = Home::new();
    let mut echo = Command::new(tool("node-24"));
    echo.arg(script("websocket.mjs")).arg("server");
    let behind = Server::spawn(echo);
    let served = Served::start(&home, [behind.port.to_string()]);
    let mut client = home.command(&tool("node-24"), [script("websocket.mjs")]);
    client.args(["client", &served.port.to_string()]).arg(home.root());
    let output = client.env("NODE_EXTRA_CA_CERTS", home.root()).output().unwrap();
    assert!(words(&output).contains("all passed"), "{}", words(&output));
}

#[test]
fn vite_replaces_modules_in_a_browser() {
    let home = Home::new();
    let page = "<!doctype html><main></main><script type=module src=main.js></script>";
    let main = "import { text } from './text.js'
const show = (text) => (document.querySelector('main').textContent = text)
show(text)
import.meta.hot.accept('./text.js', (updated) => show(updated.text))
";
    let files = [
        ("package.json", "{\"scripts\": {\"dev\": \"vite --strictPort\"}}"),
        ("index.html", page),
        ("main.js", main),
        ("text.js", "export const text = 'first'\n"),
    ];
    is_updated(&home, &files, "", &["npm", "run", "dev", "--", "--port"], "text.js");
}

#[test]
fn next_replaces_modules_in_a_browser() {
    let home = Home::new();
    // Turbopack refuses modules outside its root, and watches all of it.
    let config = "export default { turbopack: { root: '..' } }";
    let layout = "export default ({ children }) => <html><body>{children}</body></html>";
    let page = "'use client'
import { text } from './text.js'
export default function Page() { return <main>{text}</main> }
";
    let files = [
        ("package.json", "{}"),
        ("next.config.mjs", config),
        ("app/layout.js", layout),
        ("app/page.js", page),
        ("app/text.js", "export const text = 'first'\n"),
    ];
    let next = project().join("target/tools/next/node_modules/next/dist/bin/next").display().to_string();
    let node = tool("node-24").display().to_string();
    is_updated(&home, &files, "next", &[&node, &next, "dev", "--port"], "app/text.js");
}

/// `devca serve` starts this dev server, whose modules are below target/tools; in a browser that shows its page, only the
/// module in `file` is replaced when that changes.
fn is_updated(home: &Home, files: &[(&str, &str)], modules: &str, command: &[&str], file: &str) {
    let tools = project().join("target/tools").join(modules);
    let app = TempDir::with_prefix_in("app-", &tools).unwrap();
    for (name, text) in files {
        let path = app.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    trust(&chromium_database(home), "devca", &{
        home.ok(["issue", "localhost"]);
        home.root()
    });
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let mut serve = home.devca(["serve", "--port", "0", "--json", &port, "--"]);
    serve.args(command).arg(&port);
    serve.current_dir(app.path()).env("NEXT_TELEMETRY_DISABLED", "1");
    let said = home.file("said");
    serve.stdout(Stdio::piped()).stderr(fs::File::create(&said).unwrap());
    let served = Served::spawn(serve);
    let mut browser = home.command(&tool("node-24"), [script("hot_reload.mjs")]);
    let output = browser.arg(served.url("/")).arg(app.path().join(file)).output().unwrap();
    let log = || fs::read_to_string(&said).unwrap();
    assert!(words(&output).contains("updated over wss:, same page: true"), "{}\n{}", words(&output), log());
    // The browser opened the WebSocket on the connection of HTTP/2 that it already had.
    served.says("\"method\":\"CONNECT\"");
    served.interrupt();
    assert_eq!(served.wait(), Some(0));
    // npm does not pass signals on to what it started.
    let is_gone = || std::net::TcpStream::connect(format!("localhost:{port}")).is_err();
    wait_until("the dev server has ended", is_gone);
}
