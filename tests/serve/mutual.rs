//! `--mtls`: which clients are accepted, what is reported about others, and what the upstream is told.

use std::fs;
use std::path::PathBuf;
use std::process::Output;

use super::World;
use super::clients::CLIENTS;
use super::common::{Home, wait_until, words};
use super::served::{Served, curl, field, upstream};

/// Creates a CA for clients, with good and bad certificates.
pub fn world() -> World {
    let home = Home::new();
    home.ok(["--ca", "clients", "install", "--store", "wsl"]);
    let issue = |words: &[&str]| {
        fs::write(home.file("password"), "correct horse\n").unwrap();
        let always = ["--format", "pem,java", "--password-file", "password"];
        home.ok(words.iter().copied().chain(always));
    };
    issue(&["issue", "localhost"]);
    issue(&["--ca", "clients", "issue", "--client", "alice", "spiffe://dev/alice"]);
    issue(&["--ca", "clients", "issue", "--client", "trudy"]);
    issue(&["--ca", "clients", "issue", "--client", "eve", "--not-after", "2026-01-31"]);
    issue(&["--ca", "clients", "issue", "localhost", "--out", "other"]);
    issue(&["--ca", "strangers", "issue", "--client", "mallory"]);
    World { home }
}

pub fn stem(world: &World, client: &str) -> PathBuf {
    match client {
        "server" => world.home.file("other/localhost"),
        name => world.home.file(&format!("{name}-client")),
    }
}

/// Returns what curl gets with this certificate.
fn ask(world: &World, served: &Served, client: Option<&str>, options: &[&str]) -> Output {
    let files = client.map(|client| stem(world, client).display().to_string());
    let files = files.map(|stem| [format!("{stem}.pem"), format!("{stem}-key.pem")]);
    let shown = files.iter().flat_map(|[pem, key]| ["--cert", pem, "--key", key]);
    curl(&world.home, served, &shown.chain(options.iter().copied()).collect::<Vec<_>>(), "/")
}

fn is_let_in(output: &Output) -> bool {
    output.status.success() && words(output).contains("\"method\":\"GET\"")
}

#[test]
fn every_client_is_let_in_with_a_good_certificate_and_no_other() {
    let world = world();
    let behind = upstream(["http"]);
    let served = Served::start(&world.home, [&behind.port.to_string(), "--mtls", "--client-ca", "clients"]);
    world.home.ok(["--ca", "clients", "revoke", "trudy-client.pem"]);
    for client in CLIENTS {
        let greeted = client.ask(&world, served.port, Some(&stem(&world, "alice")));
        assert!(words(&greeted).contains("alice"), "{}: {}", client.name, words(&greeted));
        for bad in ["mallory", "eve", "server"] {
            let output = client.ask(&world, served.port, Some(&stem(&world, bad)));
            assert!(!words(&output).contains("\"method\""), "{} as {bad}: {}", client.name, words(&output));
        }
        let output = client.ask(&world, served.port, None);
        assert!(!words(&output).contains("\"method\""), "{}: {}", client.name, words(&output));
    }
    for said in [
        "a client was refused: O=devca development certificate, CN=mallory was issued by O=devca development CA",
        "which this server does not accept",
        "CN=eve expired on 2026-01-31",
        "CN=localhost is for server, but is used by a client",
        "it sent no certificate",
        "issue one: devca --ca clients issue --client NAME",
        "devca --ca clients issue --client mallory, or",
    ] {
        served.says(said);
    }
    served.says("\"identity\":\"alice\"");
    // A certificate that is revoked at run time is soon rejected, also in resumed sessions.
    let mut output = ask(&world, &served, Some("trudy"), &[]);
    wait_until("the revocation is known", || {
        output = ask(&world, &served, Some("trudy"), &[]);
        !is_let_in(&output)
    });
    served.says("CN=trudy was revoked");
    served.says("devca --ca clients issue --client trudy");
}

#[test]
fn upstreams_get_the_verified_identity_and_not_the_clients_claims() {
    let world = world();
    let behind = upstream(["http"]);
    let port = behind.port.to_string();
    let optional = Served::start(&world.home, [&port, "--mtls=optional", "--client-ca", "clients"]);
    let spoofed = [
        "-H",
        "Client-Cert: :x:",
        "-H",
        "X-Client-CN: root",
        "-H",
        "X-Forwarded-Client-Cert: Hash=1",
        "-H",
        "X_Client_CN: root",
        "-H",
        "Client-Cert-Chain: :x:",
    ];
    for version in ["--http1.1", "--http2"] {
        let options = [&spoofed[..], &[version]].concat();
        let output = ask(&world, &optional, Some("alice"), &options);
        let seen: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(field(&seen, "x-client-cn"), ["alice"]);
        let der = common_der(&world, "alice");
        assert_eq!(field(&seen, "client-cert"), [format!(":{der}:")]);
        let [envoy] = field(&seen, "x-forwarded-client-cert").try_into().unwrap();
        assert!(
            envoy.starts_with("Hash=") && envoy.contains(";Cert=\"-----BEGIN%20CERTIFICATE-----%0A"),
            "{envoy}"
        );
        assert!(envoy.contains("CN=alice\"") && envoy.ends_with(";URI=\"spiffe://dev/alice\""), "{envoy}");
        let output = ask(&world, &optional, None, &options);
        let seen: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        for name in
            ["x-client-cn", "client-cert", "x-forwarded-client-cert", "x_client_cn", "client-cert-chain"]
        {
            assert!(field(&seen, name).is_empty(), "{name}: {seen:#}");
        }
    }
    assert!(!is_let_in(&ask(&world, &optional, Some("mallory"), &[])), "optional is not anything");
}

fn common_der(world: &World, client: &str) -> String {
    let pem = fs::read_to_string(format!("{}.pem", stem(world, client).display())).unwrap();
    pem.lines().filter(|line| !line.starts_with('-')).collect()
}

#[test]
fn allow_admits_only_the_named_clients() {
    let world = world();
    let behind = upstream(["http"]);
    for (allowed, alice, trudy) in
        [("alice", true, false), ("spiffe://dev/*", true, false), ("tru*", false, true), ("*", true, true)]
    {
        let arguments = [&behind.port.to_string(), "--mtls", "--client-ca", "clients", "--allow", allowed];
        let served = Served::start(&world.home, arguments);
        assert_eq!(is_let_in(&ask(&world, &served, Some("alice"), &[])), alice, "{allowed}");
        assert_eq!(is_let_in(&ask(&world, &served, Some("trudy"), &[])), trudy, "{allowed}");
        if !trudy {
            served.says("CN=trudy is one that --allow accepts");
        }
    }
}

#[test]
fn files_of_another_program_work_and_are_reloaded() {
    let world = world();
    let home = &world.home;
    fs::write(home.file("ca.pem"), home.ok(["--ca", "clients", "root", "--pem"])).unwrap();
    home.ok(["--ca", "clients", "crl"]);
    let behind = upstream(["http"]);
    let port = behind.port.to_string();
    let served = Served::start(home, [&port, "--mtls", "--client-ca", "ca.pem", "--crl", "crl.pem"]);
    assert!(!is_let_in(&ask(&world, &served, None, &[])));
    served.says("issue one: devca --ca clients issue --client NAME");
    assert!(is_let_in(&ask(&world, &served, Some("trudy"), &[])));
    home.ok(["--ca", "clients", "revoke", "trudy-client.pem"]);
    home.ok(["--ca", "clients", "crl"]);
    wait_until("the new list is read", || !is_let_in(&ask(&world, &served, Some("trudy"), &[])));
    served.says("CN=trudy was revoked");
    assert!(is_let_in(&ask(&world, &served, Some("alice"), &[])));
    // A list of another CA would revoke nothing, so the one before it stays in force.
    home.ok(["--ca", "strangers", "crl", "--out", "other.pem"]);
    fs::rename(home.file("other.pem"), home.file("crl.pem")).unwrap();
    wait_until("the other list is noticed", || {
        assert!(!is_let_in(&ask(&world, &served, Some("trudy"), &[])));
        served.log().iter().any(|line| line.to_string().contains("no revocation list was issued by"))
    });
    let options = ["serve", &port, "--port", "0", "--mtls", "--client-ca", "ca.pem", "--crl", "crl.pem"];
    assert!(home.fails(options).contains("hint: write the list with the CA of the clients"));
    // The CA may change too.
    fs::write(home.file("ca.pem"), home.ok(["--ca", "strangers", "root", "--pem"])).unwrap();
    wait_until("the new CA is read", || is_let_in(&ask(&world, &served, Some("mallory"), &[])));
    assert!(!is_let_in(&ask(&world, &served, Some("alice"), &[])));
    // An unreadable file changes nothing.
    fs::write(home.file("ca.pem"), "nothing").unwrap();
    wait_until("the damage is noticed", || {
        assert!(is_let_in(&ask(&world, &served, Some("mallory"), &[])));
        served.log().iter().any(|line| line.to_string().contains("ca.pem contains no certificate"))
    });
}

/// devca cannot issue for a CA that is not its own, so no command is suggested.
#[test]
fn a_ca_of_others_gets_no_commands_of_devca() {
    let world = world();
    let home = &world.home;
    fs::write(home.file("ca.pem"), home.ok(["--ca", "strangers", "root", "--pem"])).unwrap();
    let folder = home.ca().parent().unwrap().join("strangers");
    fs::rename(folder, home.file("elsewhere")).unwrap();
    let behind = upstream(["http"]);
    let served = Served::start(home, [&behind.port.to_string(), "--mtls", "--client-ca", "ca.pem"]);
    assert!(is_let_in(&ask(&world, &served, Some("mallory"), &[])));
    assert!(!is_let_in(&ask(&world, &served, None, &[])));
    served.says("issue one with the client CA, and configure it in the client");
    assert!(!is_let_in(&ask(&world, &served, Some("alice"), &[])));
    served.says("add the CA to the --client-ca file");
    let log = served.log();
    assert!(!log.iter().any(|line| line["hint"].to_string().contains("devca")), "{log:#?}");
}

/// A session ticket cannot bypass a revocation: resumed sessions are checked again.
#[test]
fn a_resumed_session_is_judged_again() {
    let world = world();
    let behind = upstream(["http"]);
    let served = Served::start(&world.home, [&behind.port.to_string(), "--mtls", "--client-ca", "clients"]);
    let session = world.home.file("session").display().to_string();
    let connect = |option: &str| {
        let stem = stem(&world, "trudy").display().to_string();
        let script = format!(
            "(printf 'GET / HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n'; sleep 0.5) | \
             timeout 10 openssl s_client -connect 127.0.0.1:{} -servername localhost -cert {stem}.pem -key {stem}-key.pem \
             -ign_eof {option} {session} 2>&1",
            served.port
        );
        words(&super::common::run("sh", ["-c", &script]))
    };
    let first = connect("-sess_out");
    assert!(first.contains("HTTP/1.1 200") && first.contains("New, TLSv1.3"), "{first}");
    let second = connect("-sess_in");
    assert!(second.contains("HTTP/1.1 200") && second.contains("Reused, TLSv1.3"), "{second}");
    world.home.ok(["--ca", "clients", "revoke", "trudy-client.pem"]);
    wait_until("the revocation is known", || {
        let third = connect("-sess_in");
        third.contains("Reused, TLSv1.3") && !third.contains("HTTP/1.1 200")
    });
    served.says("CN=trudy was revoked");
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    let refused = |arguments: &[&str]| {
        let output = home.devca(["serve", "3000", "--port", "0"]).args(arguments).output().unwrap();
        assert!(matches!(output.status.code(), Some(1 | 2)), "{}", words(&output));
        words(&output)
    };
    assert!(refused(&["--allow", "alice"]).contains("--mtls"));
    assert!(refused(&["--mtls=maybe"]).contains("maybe"));
    assert!(refused(&["--mtls", "--allow", "*.test"]).contains("is not a name of clients"));
    assert!(refused(&["--mtls", "--client-ca", "missing"]).contains("cannot read missing"));
    assert!(refused(&["--mtls", "--client-ca", "localhost-key.pem"]).contains("contains no certificate"));
    assert!(refused(&["--mtls", "--client-ca", "default", "--crl", "x"]).contains("omit --crl"));
}
