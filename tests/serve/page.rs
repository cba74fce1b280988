//! The page about the client's connection: `devca serve` with nothing behind it, and `/.devca` on every site.

use std::fs;
use std::process::Command;

use serde_json::Value;

use super::World;
use super::common::browsers::{chromium, chromium_database, firefox, firefox_profile, trust};
use super::common::{Home, project, tool, words};
use super::mutual::{stem, world};
use super::served::{Served, curl, fetch, upstream};

fn page(home: &Home, served: &Served, options: &[&str], path: &str) -> Value {
    serde_json::from_str(&fetch(home, served, options, path)).unwrap()
}

#[test]
fn the_page_says_what_the_server_saw() {
    let home = Home::new();
    let served = Served::start::<&str>(&home, []);
    let seen = page(&home, &served, &["--http2", "--tlsv1.3"], "/");
    for (field, value) in [
        ("tls_version", "TLS 1.3"),
        ("alpn", "h2"),
        ("http_version", "HTTP/2"),
        ("server_name", "localhost"),
        ("handshake", "full"),
        ("address", "127.0.0.1"),
    ] {
        assert_eq!(seen[field], value, "{seen:#}");
    }
    assert!(seen["cipher"].as_str().unwrap().starts_with("TLS_AES_"), "{seen:#}");
    let offered = &seen["offered"];
    assert!(offered["ciphers"].as_array().unwrap().contains(&seen["cipher"]), "{seen:#}");
    assert!(offered["groups"].as_array().unwrap().contains(&seen["group"]), "{seen:#}");
    assert_eq!(offered["alpn"], serde_json::json!(["h2", "http/1.1"]));
    assert_eq!(seen["client_certificate"]["message"], "the server did not ask for one");
    let old = page(&home, &served, &["--http1.1", "--tls-max", "1.2"], "/");
    assert_eq!((&old["tls_version"], &old["http_version"]), (&"TLS 1.2".into(), &"HTTP/1.1".into()));
    assert_eq!(old["offered"]["versions"], serde_json::json!(["TLS 1.2"]));
    let documents = serde_json::json!([["serve-page", "new", seen], ["serve-page", "old", old]]);
    fs::write(home.file("documents.json"), documents.to_string()).unwrap();
    let mut python = Command::new(tool("/usr/bin/python3"));
    python.arg(project().join("tests/clients/schemas.py")).arg(project().join("docs/json"));
    let validated = python.arg(home.file("documents.json")).output().unwrap();
    assert!(validated.status.success(), "{}", words(&validated));
}

#[test]
fn each_site_has_the_page_and_shows_nothing_else_on_it() {
    let home = Home::new();
    fs::create_dir(home.file("public")).unwrap();
    let behind = upstream(["http"]);
    let port = behind.port.to_string();
    let served = Served::start(&home, [port.as_str(), "files.localhost=./public"]);
    for name in ["localhost", "files.localhost"] {
        let at = format!("{name}:{}:127.0.0.1", served.port);
        let mut curl = Command::new(tool("curl"));
        curl.args(["-sS", "-i", "--resolve", &at, "--cacert"]).arg(home.root());
        let output = curl.arg(format!("https://{name}:{}/.devca", served.port)).output().unwrap();
        let text = words(&output);
        assert!(text.contains("\"tls_version\": \"TLS 1.3\"") && text.contains(name), "{text}");
        for header in ["cross-origin-resource-policy: same-origin", "cache-control: no-store", "nosniff"] {
            assert!(text.contains(header), "{header}: {text}");
        }
        assert!(!text.contains(&port) && !text.contains("public"), "{text}");
    }
    let posted = words(&curl(&home, &served, &["-i", "-d", "x"], "/.devca"));
    assert!(posted.contains("HTTP/2 405") && posted.contains("allow: GET, HEAD"), "{posted}");
    // What only begins like it is the upstream's.
    assert_eq!(page(&home, &served, &[], "/.devca/x")["url"], "/.devca/x");
    let served = Served::start::<&str>(&home, []);
    assert!(words(&curl(&home, &served, &["-i"], "/favicon.ico")).contains("HTTP/2 404"));
}

#[test]
fn the_clients_certificate_is_judged_on_it() {
    let World { home } = world();
    home.ok(["--ca", "clients", "revoke", "trudy-client.pem"]);
    let served = Served::start(&home, ["--mtls=optional", "--client-ca", "clients"]);
    let world = World { home };
    let certificate = |client: Option<&str>| {
        let files = client.map(|client| stem(&world, client).display().to_string());
        let files = files.map(|stem| [format!("{stem}.pem"), format!("{stem}-key.pem")]);
        let options: Vec<&str> =
            files.iter().flat_map(|[pem, key]| ["--cert", pem.as_str(), "--key", key.as_str()]).collect();
        page(&world.home, &served, &options, "/")["client_certificate"].clone()
    };
    let alice = certificate(Some("alice"));
    assert_eq!((&alice["accepted"], &alice["message"]), (&true.into(), &"it is accepted".into()));
    assert_eq!(alice["chain"].as_array().unwrap().len(), 2, "{alice:#}");
    assert_eq!(alice["chain"][0]["common_name"], "alice");
    assert_eq!(certificate(None)["message"], "it sent no certificate");
    for (client, part) in [
        ("eve", "expired on 2026-01-31"),
        ("trudy", "was revoked"),
        ("mallory", "which this server does not accept"),
    ] {
        let refused = certificate(Some(client));
        assert_eq!(refused["accepted"], false, "{refused:#}");
        assert!(refused["message"].as_str().unwrap().contains(part), "{refused:#}");
        assert!(refused["hint"].as_str().unwrap().contains("devca --ca clients"), "{refused:#}");
        served.says(part);
    }
    // Where something is served, such clients do not get in.
    fs::create_dir(world.home.file("public")).unwrap();
    let served = Served::start(&world.home, ["public", "--mtls=optional", "--client-ca", "clients"]);
    let stem = stem(&world, "eve").display().to_string();
    let (pem, key) = (format!("{stem}.pem"), format!("{stem}-key.pem"));
    let output = curl(&world.home, &served, &["--cert", &pem, "--key", &key], "/.devca");
    assert!(!output.status.success(), "{}", words(&output));
}

/// Node resumes a session only if it is told to, and offers no HTTP/2 in `https`.
#[test]
fn node_sees_its_own_connection() {
    let home = Home::new();
    let served = Served::start::<&str>(&home, []);
    let script = "import https from 'node:https';
        const ask = (session) => new Promise((done) => {
          const agent = new https.Agent({ maxCachedSessions: 0 });
          let kept;
          const request = https.get({ host: 'localhost', port: process.argv[1], path: '/', agent, session }, (answer) => {
            let text = '';
            answer.on('data', (part) => (text += part));
            answer.on('end', () => done([JSON.parse(text).handshake, kept]));
          });
          request.on('socket', (socket) => socket.on('session', (ticket) => (kept = ticket)));
        });
        const [first, ticket] = await ask();
        const [second] = await ask(ticket);
        console.log(first, second);";
    let mut node = home.command(&tool("node"), ["--input-type=module", "-e", script]);
    let output = node.arg(served.port.to_string()).env("NODE_EXTRA_CA_CERTS", home.root()).output().unwrap();
    assert_eq!(words(&output).trim(), "full resumed");
}

#[test]
fn httpx_sees_its_own_connection() {
    let home = Home::new();
    let served = Served::start::<&str>(&home, []);
    let script = "import httpx, ssl, sys\nwith httpx.Client(verify=ssl.create_default_context(cafile=sys.argv[1])) as client:\n    \
        seen = client.get(sys.argv[2]).json()\nprint(seen['http_version'], seen['tls_version'], seen['offered']['alpn'])";
    let mut python = Command::new(project().join("target/tools/python/bin/python"));
    let output = python.args(["-c", script]).arg(home.root()).arg(served.url("/")).output().unwrap();
    assert_eq!(words(&output).trim(), "HTTP/1.1 TLS 1.3 ['http/1.1']");
}

#[test]
fn browsers_show_it_on_a_phones_screen() {
    let home = Home::new();
    let databases = [firefox_profile(&home), chromium_database(&home)];
    let served = Served::start::<&str>(&home, []);
    for database in &databases {
        trust(database, "devca", &home.root());
    }
    for output in [chromium(&home, &served.url("/")), firefox(&home, &databases[0], &served.url("/"))] {
        let text = words(&output);
        assert!(text.contains("Your connection, as the server sees it"), "{text}");
        assert!(text.contains("TLS 1.3") && text.contains("X25519"), "{text}");
    }
    // Chromium adds values that mean nothing, so that servers get used to them.
    assert!(words(&chromium(&home, &served.url("/"))).contains("GREASE"));
    let picture = home.file("page.png");
    let mut command =
        home.command(&tool("chromium"), ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"]);
    command.arg(format!("--user-data-dir={}", home.file("profile").display()));
    command.arg(format!("--screenshot={}", picture.display())).args(["--window-size=390,844"]);
    let output = command.arg(served.url("/")).output().unwrap();
    let png = fs::read(&picture).unwrap_or_else(|e| panic!("{e}: {}", words(&output)));
    let side = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    assert_eq!((side(16), side(20)), (390, 844));
    // An empty page has a tenth of that.
    assert!(png.len() > 20_000, "{} bytes: the page is blank", png.len());
}
