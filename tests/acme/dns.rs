//! dns-01: the built-in name server with the ways in which clients change its records, and other name servers.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::common::{run, tool, wait_until, words};
use super::world::{World, free_port, succeed};

fn name_server(world: &World) -> SocketAddr {
    let log = world.acme.log();
    log.iter().find_map(|line| line["dns"].as_str()).unwrap().parse().unwrap()
}

/// Obtains a certificate for `*.app.test`, and uses it.
fn certbot(world: &World, options: &[&str]) {
    let mut certbot = world.client("certbot");
    certbot.args(["certonly", "--non-interactive", "--agree-tos", "--register-unsafely-without-email"]);
    certbot.args(["--server", &world.directory()]).args(options);
    for (option, folder) in [("--config-dir", "c"), ("--work-dir", "w"), ("--logs-dir", "l")] {
        certbot.arg(option).arg(world.home.file(folder));
    }
    succeed(&mut certbot);
    let live = world.home.file("c/live/app.test");
    world.is_used(&live.join("fullchain.pem"), &live.join("privkey.pem"), "www.app.test");
}

fn lego(world: &World, name: &str, environment: &[(&str, &str)]) -> Command {
    let resolver = name_server(world).to_string();
    let directory = world.directory();
    let mut lego = world.client("lego");
    lego.args(["--accept-tos", "--email", "a@example.com", "--server", &directory, "--path", "lego"]);
    lego.args([
        "--dns",
        "rfc2136",
        "--dns.resolvers",
        &resolver,
        "--dns.disable-cp",
        "--domains",
        name,
        "run",
    ]);
    lego.envs(environment.iter().copied());
    lego
}

/// A server whose records only the owner of a key can change, and that key's secret.
fn with_key() -> (World, PathBuf, String) {
    let world = World::new(&["--dns-port", "0", "--dns-key", "update.key"]);
    let path = world.home.file("update.key");
    let text = fs::read_to_string(&path).unwrap();
    let secret = text.split_once("secret \"").unwrap().1.split('"').next().unwrap().to_owned();
    (world, path, secret)
}

#[test]
fn updates_are_accepted_from_the_owner_of_the_key() {
    use std::os::unix::fs::PermissionsExt;

    let (mut world, path, secret) = with_key();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let log = || format!("{:?}", world.acme.log());
    assert!(!log().contains(&secret) && log().contains("created a key for updates"), "{}", log());
    let other = world.home.file("other.key");
    let strange = |name: &str| format!("key \"{name}\" {{ algorithm hmac-sha256; secret \"c2VjcmV0\"; }};");
    let update = |options: &[&str], value: &str| {
        let server = name_server(&world);
        let script = format!(
            "server {} {}\nupdate add _acme-challenge.app.test 0 TXT {value}\nsend\n",
            server.ip(),
            server.port()
        );
        fs::write(world.home.file("script"), script).unwrap();
        let mut nsupdate = world.home.command(&tool("nsupdate"), options);
        words(&nsupdate.arg(world.home.file("script")).output().unwrap())
    };
    let key = path.to_str().unwrap();
    assert_eq!(update(&["-k", key], "first"), "");
    assert_eq!(update(&["-v", "-k", key], "second"), "", "over TCP");
    assert!(update(&[], "third").contains("REFUSED"));
    fs::write(&other, strange("devca")).unwrap();
    let said = update(&["-k", other.to_str().unwrap()], "third");
    assert!(said.contains("NOTAUTH(BADSIG)"), "{said}");
    fs::write(&other, strange("other")).unwrap();
    let said = update(&["-k", other.to_str().unwrap()], "third");
    assert!(said.contains("NOTAUTH(BADKEY)"), "{said}");
    let server = name_server(&world);
    let dig = |options: &[&str]| {
        let port = server.port().to_string();
        let name = ["+short", "@127.0.0.1", "-p", &port, "_acme-challenge.app.test", "TXT"];
        words(&run("dig", [&name[..], options].concat()))
    };
    assert_eq!(dig(&[]), "\"first\"\n\"second\"\n");
    assert_eq!(dig(&["-k", key]), "\"first\"\n\"second\"\n", "queries can be signed, too");
    // The file is used again.
    world.restart(&["--dns-port", "0", "--dns-key", "update.key"]);
    assert!(fs::read_to_string(&path).unwrap().contains(&secret));
    fs::write(&path, "key").unwrap();
    let refused = world.home.fails(["acme", "--port", "0", "--dns-port", "0", "--dns-key", "update.key"]);
    assert!(refused.contains("update.key is not one key"), "{refused}");
}

#[test]
fn certbot_and_lego_sign_their_updates() {
    let (world, _, secret) = with_key();
    let server = name_server(&world);
    let credentials = world.home.file("credentials.ini");
    let settings = format!(
        "dns_rfc2136_server = {}\ndns_rfc2136_port = {}\ndns_rfc2136_name = devca.\n\
         dns_rfc2136_secret = {secret}\ndns_rfc2136_algorithm = HMAC-SHA256\n",
        server.ip(),
        server.port()
    );
    fs::write(&credentials, settings).unwrap();
    let plugin = ["--dns-rfc2136", "--dns-rfc2136-propagation-seconds", "0"];
    let file = ["--dns-rfc2136-credentials", credentials.to_str().unwrap()];
    certbot(&world, &[&plugin[..], &file, &["-d", "*.app.test", "-d", "app.test"]].concat());

    let address = server.to_string();
    let mut environment = vec![("RFC2136_NAMESERVER", address.as_str())];
    let unsigned = words(&lego(&world, "lego.test", &environment).output().unwrap());
    assert!(unsigned.contains("REFUSED"), "{unsigned}");
    environment.extend([("RFC2136_TSIG_KEY", "devca."), ("RFC2136_TSIG_ALGORITHM", "hmac-sha256.")]);
    environment.push(("RFC2136_TSIG_SECRET", &secret));
    succeed(&mut lego(&world, "lego.test", &environment));
    let [chain, key] =
        ["crt", "key"].map(|ending| world.home.file(&format!("lego/certificates/lego.test.{ending}")));
    world.is_used(&chain, &key, "lego.test");
}

/// Sends JSON to one of the APIs that change records.
fn tell(world: &World, path: &str, headers: &[String], body: &Value) -> Value {
    let mut curl = world.client("curl");
    curl.args(["-sS", "--noproxy", "*", "--data", &body.to_string()]);
    curl.args(headers.iter().flat_map(|header| ["-H", header]));
    let said = succeed(curl.arg(world.acme.url(path)));
    if said.is_empty() { Value::Null } else { serde_json::from_str(&said).unwrap() }
}

/// certbot's hook has an account that was registered before a restart.
#[test]
fn acme_dns_registrations_survive_a_restart() {
    let mut world = World::new(&["--dns-port", "0"]);
    let own = tell(&world, "/dns/acme-dns/register", &[], &json!({}));
    let text = |name: &str| own[name].as_str().unwrap();
    world.restart(&["--dns-port", "0"]);
    let alias = json!({"host": "_acme-challenge.app.test.", "target": own["fulldomain"]});
    tell(&world, "/dns/challtestsrv/set-cname", &[], &alias);
    let hook = format!(
        "curl -sSf --noproxy '*' -H 'X-Api-User: {}' -H 'X-Api-Key: {}' \
         --data '{{\"subdomain\": \"{}\", \"txt\": \"'$CERTBOT_VALIDATION'\"}}' {}",
        text("username"),
        text("password"),
        text("subdomain"),
        world.acme.url("/dns/acme-dns/update")
    );
    let names = ["-d", "app.test", "-d", "*.app.test"];
    certbot(
        &world,
        &[&["--manual", "--preferred-challenges", "dns", "--manual-auth-hook", &hook], &names[..]].concat(),
    );

    // The API itself, as acme-dns documents it.
    let header = |name: &str, value: &str| format!("{name}: {value}");
    let user = header("X-Api-User", text("username"));
    let password = header("X-Api-Key", text("password"));
    let update = |headers: &[String], txt: &str| {
        tell(&world, "/dns/acme-dns/update", headers, &json!({"subdomain": own["subdomain"], "txt": txt}))
    };
    for txt in ["one", "two", "three"] {
        assert_eq!(update(&[user.clone(), password.clone()], txt), json!({ "txt": txt }));
    }
    let refused = update(&[user.clone(), header("X-Api-Key", "AAAA")], "four");
    assert_eq!(refused["status"], 401, "{refused}");
    let (port, name) = (name_server(&world).port().to_string(), text("fulldomain"));
    let found = words(&super::common::run("dig", ["+short", "@127.0.0.1", "-p", &port, name, "TXT"]));
    assert_eq!(found, "\"two\"\n\"three\"\n", "the last two values");
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Pebble's name server has the records: the address for http-01, and the text for dns-01.
#[test]
fn another_name_server_is_asked() {
    let (port, management) = (free_port(), free_port());
    let address = format!("127.0.0.1:{port}");
    let mut server = Command::new(tool("pebble-challtestsrv"));
    server.args(["-http01", "", "-https01", "", "-tlsalpn01", "", "-dns01", &address]);
    server.args(["-management", &format!("127.0.0.1:{management}"), "-defaultIPv6", ""]);
    let _server = Running(server.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let world = World::asking(&["--dns", &address]);
    let api = format!("http://127.0.0.1:{management}");
    wait_until("the name server is ready", || {
        let body = json!({"host": "app.test.", "addresses": ["127.0.0.1"]}).to_string();
        run("curl", ["-sf", "--noproxy", "*", "--data", &body, &format!("{api}/add-a")]).status.success()
    });
    for kind in ["http-01", "dns-01"] {
        let mut node = world.client("node");
        node.arg(super::common::project().join("tests/acme/npm.mjs")).arg(world.directory());
        node.args([&world.http.to_string(), &world.tls.to_string(), &api]).arg(world.home.work());
        succeed(node.args(["app.test", kind]));
    }
    assert_eq!(world.issued("app.test").len(), 2);
    let log = world.acme.log();
    let seen = log.iter().filter(|line| line["event"] == "validated" && line["challenge"] == "dns-01");
    let seen: Vec<&str> = seen.filter_map(|line| line["detail"].as_str()).collect();
    assert_eq!(seen, [format!("{address} has the record _acme-challenge.app.test")]);
}
