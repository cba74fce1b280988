//! Real clients that are programs: each obtains a certificate, uses it, renews it and revokes it.

use std::fs;

use super::common::in_namespace;
use super::world::{World, succeed, with_both, write_script};

#[test]
fn certbot() {
    with_both(&[], certbot_with);
}

fn certbot_with(world: &World) {
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
    world.has_issued("www.app.test", 2);
    certbot(&["revoke", "--cert-path", live.join("cert.pem").to_str().unwrap(), "--no-delete-after-revoke"]);
    assert!(world.is_revoked(&chain));
    certbot(&["unregister"]);
}

/// dehydrated, with each type of challenge.
#[test]
fn dehydrated() {
    with_both(&["--dns-port", "0"], dehydrated_with);
}

fn dehydrated_with(world: &World) {
    let (www, _server) = world.web_server();
    let [config, folder, hook] = ["config", "dehydrated", "hook"].map(|name| world.home.file(name));
    let settings = format!(
        "CA={}\nWELLKNOWN={}\nCURL_OPTS='--noproxy * --cacert {}'\nBASEDIR={}\nKEYSIZE=2048\nHOOK={}\n",
        world.directory(),
        www.join(".well-known/acme-challenge").display(),
        world.home.root().display(),
        folder.display(),
        hook.display()
    );
    fs::write(&config, settings).unwrap();
    fs::create_dir(&folder).unwrap();
    let script = format!(
        "#!/bin/sh\n{}\nserver='{}'\n\
         case \"$1 $CHALLENGETYPE\" in\n\
         'deploy_challenge dns-01') set_txt \"$2\" \"$4\" ;;\n\
         'deploy_challenge tls-alpn-01')\n\
         openssl s_server -www -accept 127.0.0.1:{tls} -alpn acme-tls/1 -cert \"$server/$2.crt.pem\" \\\n\
         -key \"$server/$2.key.pem\" >/dev/null 2>&1 & echo $! >\"$server/pid\"\n\
         until openssl s_client -connect 127.0.0.1:{tls} </dev/null >/dev/null 2>&1; do sleep 0.1; done ;;\n\
         'clean_challenge tls-alpn-01') kill \"$(cat \"$server/pid\")\" ;;\n\
         esac\n",
        world.set_txt(),
        folder.join("alpn-certs").display(),
        tls = world.tls
    );
    write_script(&hook, &script);
    let dehydrated = |arguments: &[&str]| {
        let mut dehydrated = world.client("dehydrated");
        dehydrated.arg("--config").arg(&config).args(arguments);
        succeed(&mut dehydrated)
    };
    dehydrated(&["--register", "--accept-terms"]);
    for (kind, names, used) in [
        ("http-01", "app.test www.app.test", "www.app.test"),
        ("tls-alpn-01", "tls.test", "tls.test"),
        ("dns-01", "dns.test *.dns.test", "www.dns.test"),
    ] {
        let obtain = ["--cron", "--force", "--challenge", kind, "--domain", names];
        dehydrated(&obtain);
        let name = names.split(' ').next().unwrap();
        let folder = folder.join("certs").join(name);
        let (chain, key) = (folder.join("fullchain.pem"), folder.join("privkey.pem"));
        world.is_used(&chain, &key, used);
        dehydrated(&obtain);
        world.has_issued(name, 2);
        let certificate = fs::canonicalize(folder.join("cert.pem")).unwrap();
        let copy = world.home.file("cert.pem");
        fs::copy(&certificate, &copy).unwrap();
        dehydrated(&["--revoke", certificate.to_str().unwrap()]);
        assert!(world.is_revoked(&copy), "{kind}");
    }
}

/// uacme trusts only the system's store, and calls a hook for challenges.
#[test]
fn uacme() {
    if !in_namespace("clients::uacme") {
        return;
    }
    let world = World::new(&["--dns-port", "0"]);
    world.home.ok(["install", "--store", "system"]);
    let (www, _server) = world.web_server();
    let hook = world.home.file("hook");
    let folder = www.join(".well-known/acme-challenge");
    let script = format!(
        "#!/bin/sh\n{}\n\
         [ \"$1\" = begin ] || exit 0\n\
         [ \"$2\" = \"$KIND\" ] || exit 1\n\
         if [ \"$2\" = http-01 ]; then printf %s \"$5\" >'{}'/\"$4\"; else set_txt \"$3\" \"$5\"; fi\n",
        world.set_txt(),
        folder.display()
    );
    write_script(&hook, &script);
    let uacme = |kind: &str, arguments: &[&str]| {
        let mut uacme = world.client("uacme");
        uacme.env("KIND", kind);
        uacme.args(["--yes", "--acme-url", &world.directory(), "--confdir"]).arg(world.home.file("uacme"));
        uacme.arg("--hook").arg(&hook);
        succeed(uacme.args(arguments))
    };
    uacme("", &["new", "a@example.com"]);
    for (kind, name, other) in [("http-01", "app.test", "www.app.test"), ("dns-01", "dns.test", "*.dns.test")]
    {
        let issue = ["--type", "EC", "--force", "issue", name, other];
        uacme(kind, &issue);
        let chain = world.home.file(&format!("uacme/{name}/cert.pem"));
        let key = world.home.file(&format!("uacme/private/{name}/key.pem"));
        world.is_used(&chain, &key, &other.replace('*', "www"));
        uacme(kind, &issue);
        world.has_issued(other, 2);
        let copy = world.home.file("cert.pem");
        fs::copy(&chain, &copy).unwrap();
        uacme("", &["newkey"]);
        uacme("", &["revoke", chain.to_str().unwrap()]);
        assert!(world.is_revoked(&copy), "{kind}");
    }
    uacme("", &["deactivate"]);
}

#[test]
fn acme_tiny() {
    with_both(&[], acme_tiny_with);
}

fn acme_tiny_with(world: &World) {
    let (www, _server) = world.web_server();
    let [account, key, request, chain] =
        ["account.pem", "key.pem", "r.pem", "chain.pem"].map(|name| world.home.file(name));
    let openssl = |arguments: &[&str]| super::common::ok("openssl", arguments);
    openssl(&["genrsa", "-out", account.to_str().unwrap(), "2048"]);
    let words = ["req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=app.test", "-addext"];
    let files =
        ["subjectAltName=DNS:app.test", "-keyout", key.to_str().unwrap(), "-out", request.to_str().unwrap()];
    openssl(&[&words[..], &files].concat());
    for _ in 0..2 {
        let mut tiny = world.client("acme-tiny");
        tiny.args(["--disable-check", "--directory-url", &world.directory(), "--account-key"]).arg(&account);
        tiny.arg("--csr").arg(&request).arg("--acme-dir").arg(www.join(".well-known/acme-challenge"));
        fs::write(&chain, succeed(&mut tiny)).unwrap();
        world.is_used(&chain, &key, "app.test");
    }
    world.has_issued("app.test", 2);
}

/// lego, with each type of challenge, and two ways to change records.
#[test]
fn lego() {
    with_both(&["--dns-port", "0"], lego_with);
}

fn lego_with(world: &World) {
    let name_server = world.dns();
    let lego = |name: &str, options: &[&str], command: &[&str]| {
        let mut lego = world.client("lego");
        lego.args([
            "--accept-tos",
            "--server",
            &world.directory(),
            "--email",
            "a@example.com",
            "--path",
            "lego",
        ]);
        lego.env("RFC2136_NAMESERVER", &name_server);
        lego.args(["--domains", name]).args(options).args(command);
        succeed(&mut lego)
    };
    let (http, tls) = (format!("127.0.0.1:{}", world.http), format!("127.0.0.1:{}", world.tls));
    let dns = ["--dns", "rfc2136", "--dns.resolvers", &name_server, "--dns.disable-cp"];
    let ways = [
        ("http.test", "http.test", &["--http", "--http.port", &http][..]),
        ("tls.test", "tls.test", &["--tls", "--tls.port", &tls]),
        ("*.dns.test", "_.dns.test", &dns),
    ];
    for (name, file, options) in ways {
        lego(name, options, &["run"]);
        let at = |ending: &str| world.home.file(&format!("lego/certificates/{file}.{ending}"));
        world.is_used(&at("crt"), &at("key"), &name.replace('*', "www"));
        lego(name, options, &["renew", "--days", "365", "--no-random-sleep"]);
        let copy = world.home.file("copy.pem");
        fs::copy(at("crt"), &copy).unwrap();
        lego(name, options, &["revoke"]);
        assert!(world.is_revoked(&copy), "{name}");
        world.has_issued(name, 2);
    }
}

#[test]
fn acmetool() {
    with_both(&[], acmetool_with);
}

fn acmetool_with(world: &World) {
    let (www, _server) = world.web_server();
    let answers = format!(
        "\"acme-enter-email\": \"a@example.com\"\n\
         \"acmetool-quickstart-choose-server\": \"{0}\"\n\
         \"acmetool-quickstart-choose-method\": webroot\n\
         \"acmetool-quickstart-webroot-path\": \"{1}\"\n\
         \"acmetool-quickstart-complete\": true\n\
         \"acmetool-quickstart-install-cronjob\": false\n\
         \"acmetool-quickstart-install-haproxy-script\": false\n\
         \"acmetool-quickstart-install-redirector-systemd\": false\n\
         \"acmetool-quickstart-key-type\": ecdsa\n\
         \"acmetool-quickstart-ecdsa-curve\": nistp256\n\
         \"acme-agreement:data:text/plain,Do%20what%20thou%20wilt\": true\n",
        world.directory(),
        www.join(".well-known/acme-challenge").display()
    );
    fs::write(world.home.file("answers.yaml"), answers).unwrap();
    let acmetool = |arguments: &[&str]| {
        let mut acmetool = world.client("acmetool");
        acmetool.args(["--state", "state", "--hooks", "hooks", "--batch", "--response-file", "answers.yaml"]);
        succeed(acmetool.args(arguments))
    };
    acmetool(&["quickstart", "--expert"]);
    // Otherwise it would look for the file itself, on port 80.
    let target = world.home.file("state/conf/target");
    let settings = fs::read_to_string(&target).unwrap();
    fs::write(&target, settings.replace("challenge:\n", "challenge:\n    http-self-test: false\n")).unwrap();
    acmetool(&["want", "app.test", "www.app.test"]);
    let live = world.home.file("state/live/app.test");
    world.is_used(&live.join("fullchain"), &live.join("privkey"), "www.app.test");
    // It renews a month before expiry, and marks certificates for revocation without telling the server.
    world.has_issued("www.app.test", 1);
}

/// lacme's parts drop their privileges unless told not to.
#[test]
fn lacme() {
    if !in_namespace("clients::lacme") {
        return;
    }
    let world = World::new(&[]);
    world.home.ok(["install", "--store", "system"]);
    let [key, chain, account] = ["key.pem", "chain.pem", "account.pem"].map(|name| world.home.file(name));
    let ec = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
    super::common::ok("openssl", [&["genpkey"], &ec[..], &["-out", key.to_str().unwrap()]].concat());
    super::common::ok("openssl", ["genrsa", "-out", account.to_str().unwrap(), "2048"]);
    let daemon = world.home.file("accountd.conf");
    fs::write(&daemon, format!("privkey = file:{}\n", account.display())).unwrap();
    let config = world.home.file("lacme.conf");
    let settings = format!(
        "[client]\nuser =\ngroup =\nserver = {}\n[webserver]\nlisten = 127.0.0.1:{}\nuser =\ngroup =\n\
         [accountd]\nconfig = {}\n",
        world.directory(),
        world.http,
        daemon.display()
    );
    fs::write(&config, settings).unwrap();
    let certificates = world.home.file("certs.conf");
    let settings = format!(
        "[app]\ncertificate-chain = {}\ncertificate-key = {}\nsubject = /CN=app.test\n\
         subjectAltName = DNS:www.app.test\nmin-days = -1\nCAfile = {}\n",
        chain.display(),
        key.display(),
        world.home.root().display()
    );
    fs::write(&certificates, settings).unwrap();
    let lacme = |arguments: &[&str]| {
        let mut lacme = world.client("lacme");
        succeed(lacme.arg(format!("--config={}", config.display())).args(arguments))
    };
    lacme(&["account", "--register", "--tos-agreed", "mailto:a@example.com"]);
    let order = ["newOrder", &format!("--config-certs={}", certificates.display())];
    lacme(&order);
    world.is_used(&chain, &key, "www.app.test");
    lacme(&order);
    world.has_issued("www.app.test", 2);
    lacme(&["revokeCert", chain.to_str().unwrap()]);
    assert!(world.is_revoked(&chain));
}
