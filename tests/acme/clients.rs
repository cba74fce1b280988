//! Real clients: each obtains a certificate, uses it, renews it and revokes it.

use std::fs;

use super::common::project;
use super::world::{World, succeed};

#[test]
fn certbot() {
    let world = World::new(&[]);
    let certbot = |arguments: &[&str]| {
        let mut certbot = world.client("certbot");
        certbot.args(arguments).args(["--non-interactive", "--server", &world.directory()]);
        for (option, folder) in [("--config-dir", "c"), ("--work-dir", "w"), ("--logs-dir", "l")] {
            certbot.arg(option).arg(world.home.file(folder));
        }
        succeed(&mut certbot)
    };
    let port = world.http.to_string();
    let standalone = ["--standalone", "--http-01-port", &port];
    let account = ["--agree-tos", "--email", "a@example.com", "--no-eff-email"];
    let names = ["-d", "app.test", "-d", "www.app.test"];
    certbot(&[&["certonly"], &standalone[..], &account, &names].concat());
    let live = world.home.file("c/live/app.test");
    let (chain, key) = (live.join("fullchain.pem"), live.join("privkey.pem"));
    world.is_used(&chain, &key, "www.app.test");
    let first = fs::read(&chain).unwrap();
    certbot(&["renew", "--force-renewal", "--no-random-sleep-on-renew"]);
    assert_ne!(first, fs::read(&chain).unwrap());
    assert_eq!(world.issued("www.app.test").len(), 2);
    certbot(&["revoke", "--cert-path", live.join("cert.pem").to_str().unwrap(), "--no-delete-after-revoke"]);
    assert!(world.is_revoked(&chain));
    certbot(&["unregister"]);
}

#[test]
fn dehydrated() {
    let world = World::new(&[]);
    let (www, _server) = world.web_server();
    let (config, root) = (world.home.file("config"), world.home.root());
    let settings = format!(
        "CA={}\nWELLKNOWN={}\nCURL_OPTS='--noproxy * --cacert {}'\nBASEDIR={}\n",
        world.directory(),
        www.join(".well-known/acme-challenge").display(),
        root.display(),
        world.home.file("dehydrated").display()
    );
    fs::write(&config, settings).unwrap();
    fs::create_dir(world.home.file("dehydrated")).unwrap();
    let dehydrated = |arguments: &[&str]| {
        let mut dehydrated = world.client("dehydrated");
        dehydrated.arg("--config").arg(&config).args(arguments);
        succeed(&mut dehydrated)
    };
    dehydrated(&["--register", "--accept-terms"]);
    let obtain = ["--cron", "--force", "--domain", "app.test www.app.test"];
    dehydrated(&obtain);
    let folder = world.home.file("dehydrated/certs/app.test");
    let (chain, key) = (folder.join("fullchain.pem"), folder.join("privkey.pem"));
    world.is_used(&chain, &key, "app.test");
    dehydrated(&obtain);
    assert_eq!(world.issued("www.app.test").len(), 2);
    let certificate = fs::canonicalize(folder.join("cert.pem")).unwrap();
    let copy = world.home.file("cert.pem");
    fs::copy(&certificate, &copy).unwrap();
    dehydrated(&["--revoke", certificate.to_str().unwrap()]);
    assert!(world.is_revoked(&copy));
}

/// npm's acme-client, which knows every challenge.
#[test]
fn acme_client_of_npm() {
    let world = World::new(&["--dns-port", "0"]);
    for (name, kind) in [
        ("app.test", "http-01"),
        ("app.test", "tls-alpn-01"),
        ("app.test", "dns-01"),
        ("*.app.test", "dns-01"),
    ] {
        let mut node = world.client("node");
        node.arg(project().join("tests/acme/npm.mjs")).arg(world.directory());
        node.args([&world.http.to_string(), &world.tls.to_string(), &world.acme.url("/dns/challtestsrv")]);
        node.arg(world.home.work()).args([name, kind]);
        succeed(node.env("REVOKE", "1"));
        let (chain, key) = (world.home.file("chain.pem"), world.home.file("key.pem"));
        world.is_used(&chain, &key, &name.replace('*', "www"));
        assert!(world.is_revoked(&chain), "{name} {kind}");
    }
    assert_eq!(world.issued("app.test").len(), 3);
}
