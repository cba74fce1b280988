//! What `devca snippet` prints for ACME clients: each that is installed is run with these lines, unchanged.

use std::fs;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::common::{self, Home, in_namespace, sbin, tool, wait_until, words};
use super::world::{World, succeed};

/// Runs the calling test as root in its own network, where ports 80, 443 and 14000 are free. Returns `true` inside.
fn in_network(test: &str) -> bool {
    if !in_namespace(test) {
        return false;
    }
    if std::env::var_os("DEVCA_TEST_NETWORK").is_some() {
        return true;
    }
    let mut command = Command::new(tool("unshare"));
    command.args(["--net", "sh", "-euc", "ip link set lo up; exec \"$0\" \"$@\""]);
    command.arg(std::env::current_exe().unwrap()).args(["--exact", test, "--nocapture", "--test-threads=1"]);
    let output = command.env("DEVCA_TEST_NETWORK", "1").stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "in a network of its own: {}", words(&output));
    assert!(words(&output).contains("1 passed"), "the test did not run: {}", words(&output));
    false
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

fn start(world: &World, mut command: Command) -> Running {
    let log = fs::File::create(world.home.file("log")).unwrap();
    Running(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap())
}

/// Waits for a page of the server with a certificate of this CA.
fn wait_for_page(world: &World) {
    wait_until("https://app.localhost answers", || {
        let mut curl = world.client("curl");
        curl.args(["-s", "-o", "/dev/null", "--noproxy", "*", "--resolve", "app.localhost:443:127.0.0.1"]);
        curl.arg("https://app.localhost/").status().unwrap().success()
    });
    assert_eq!(world.issued("app.localhost").len(), 1);
}

/// Runs a printed command.
fn run(world: &World, client: &str) -> String {
    let script = world.home.ok(["snippet", client]);
    let mut sh = world.home.command(&tool("sh"), ["-euc", &script]);
    succeed(sh.stdin(Stdio::null()))
}

#[test]
fn certbot_runs_as_printed() {
    if !in_network("snippets::certbot_runs_as_printed") {
        return;
    }
    let world = World::with_usual_ports();
    // Where it keeps its files.
    let folder = world.home.home().join(".config/letsencrypt");
    fs::create_dir_all(&folder).unwrap();
    let own = |name: &str| world.home.file(name).display().to_string();
    let settings = format!("config-dir={}\nwork-dir={}\nlogs-dir={}\n", own("c"), own("w"), own("l"));
    fs::write(folder.join("cli.ini"), settings).unwrap();
    run(&world, "certbot");
    let live = world.home.file("c/live/app.localhost");
    world.is_used(&live.join("fullchain.pem"), &live.join("privkey.pem"), "app.localhost");
}

#[test]
fn lego_runs_as_printed() {
    if !in_network("snippets::lego_runs_as_printed") {
        return;
    }
    let world = World::with_usual_ports();
    run(&world, "lego");
    let file = |ending: &str| world.home.file(&format!(".lego/certificates/app.localhost.{ending}"));
    world.is_used(&file("crt"), &file("key"), "app.localhost");
}

#[test]
fn caddy_runs_as_printed() {
    if !in_network("snippets::caddy_runs_as_printed") {
        return;
    }
    let world = World::with_usual_ports();
    let config = world.home.file("Caddyfile");
    fs::write(&config, world.home.ok(["snippet", "caddy-acme"])).unwrap();
    let mut caddy = world.home.command(&tool("caddy"), ["run", "--config"]);
    caddy.arg(&config);
    let _caddy = start(&world, caddy);
    wait_for_page(&world);
}

#[test]
fn mod_md_runs_as_printed() {
    if !in_network("snippets::mod_md_runs_as_printed") {
        return;
    }
    let world = World::with_usual_ports();
    // Apache's processes read the root as another user.
    let path = world.home.root();
    let above = std::env::temp_dir();
    for folder in path.ancestors().skip(1).take_while(|folder| *folder != above) {
        common::ok("chmod", ["o+x", folder.to_str().unwrap()]);
    }
    let folder = world.home.work().display().to_string();
    let modules = ["mpm_event", "authz_core", "ssl", "md", "socache_shmcb"];
    let load = |name: &str| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n");
    let frame = format!(
        "{}ServerRoot {folder}\nPidFile {folder}/pid\nErrorLog {folder}/error.log\nServerName app.localhost\n\
         Listen 80\nListen 443\nMDStoreDir md\nMDCheckInterval 1s\nUser www-data\nGroup www-data\n",
        modules.map(load).concat()
    );
    let snippet = world.home.ok(["snippet", "apache-md"]);
    let config = world.home.file("apache.conf");
    fs::write(&config, format!("{frame}{snippet}")).unwrap();
    let mut apache = world.home.command(&sbin("apache2"), ["-DFOREGROUND", "-f"]);
    apache.arg(&config);
    let _apache = start(&world, apache);
    let has_stored = || {
        let log = fs::read_to_string(world.home.file("error.log")).unwrap_or_default();
        log.contains("will be activated on next (graceful) server restart")
    };
    wait_until("mod_md has stored the certificate", has_stored);
    common::ok("kill", ["-USR1", fs::read_to_string(world.home.file("pid")).unwrap().trim()]);
    wait_for_page(&world);
}

#[test]
fn autocert_runs_as_printed() {
    if !in_network("snippets::autocert_runs_as_printed") {
        return;
    }
    let world = World::with_usual_ports();
    let source = world.home.file("autocert.go");
    fs::write(&source, world.home.ok(["snippet", "autocert"])).unwrap();
    let mut go = world.home.command(&tool("go"), ["build", "-o", "server"]);
    go.arg(&source).envs([("CGO_CFLAGS", "-w"), ("GO111MODULE", "off"), ("GOPATH", "/usr/share/gocode")]);
    succeed(&mut go);
    // It keeps its certificates in the current folder.
    let none: [&str; 0] = [];
    let _autocert = start(&world, world.home.command(&world.home.file("server"), none));
    wait_for_page(&world);
}

fn yaml(text: &str) -> Value {
    let home = Home::new();
    fs::write(home.file("file.yaml"), text).unwrap();
    let script = "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))";
    let json = common::ok("python3", ["-c", script, home.file("file.yaml").to_str().unwrap()]);
    serde_json::from_str(&json).unwrap()
}

#[test]
fn lines_for_clients_that_are_not_installed_have_the_right_syntax() {
    let home = Home::new();
    home.ok(["issue", "localhost"]);
    let (root, other) = (home.root(), "https://host.test:14001/directory");
    let root = root.to_str().unwrap();
    let print = |client: &str| home.ok(["snippet", client, "--directory", other]);

    let traefik = yaml(&print("traefik"));
    let acme = &traefik["certificatesResolvers"]["devca"]["acme"];
    assert_eq!((&acme["caServer"], &acme["caCertificates"][0]), (&other.into(), &root.into()));
    assert!(traefik["entryPoints"][acme["httpChallenge"]["entryPoint"].as_str().unwrap()].is_object());

    let issuer = yaml(&print("cert-manager"));
    assert_eq!(issuer["spec"]["acme"]["server"], other);
    let bundle = issuer["spec"]["acme"]["caBundle"].as_str().unwrap();
    let script = format!("printf %s '{bundle}' | base64 -d");
    assert_eq!(common::ok("sh", ["-c", &script]), fs::read_to_string(root).unwrap());

    let acme_sh = print("acme.sh");
    common::ok("sh", ["-nc", &acme_sh]);
    assert!(acme_sh.contains(other) && acme_sh.contains(root), "{acme_sh}");

    let nginx = print("nginx-acme");
    assert_eq!(nginx.matches('{').count(), nginx.matches('}').count());
    assert!(nginx.contains(other) && nginx.contains(root), "{nginx}");

    // Servers that also get certificates from files.
    for (server, client) in [("caddy", "caddy-acme"), ("nginx", "nginx-acme"), ("apache", "apache-md")] {
        assert_eq!(print(server), print(client));
        let files = home.ok(["snippet", server, "--cert", "localhost.pem"]);
        assert!(
            files.contains(&format!(
                "# To get certificates from devca acme instead: devca snippet {client}\n"
            ))
        );
    }
    let refused = home.devca(["snippet", "redis", "--directory", other]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(words(&refused).contains("devca snippet certbot"), "{}", words(&refused));

    assert_eq!(home.json(["snippet", "certbot"])["files"][0]["name"], "certbot");
    let refused = home.devca(["snippet", "certbot", "--directory", "http://x; rm"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(words(&refused).contains("is not the URL of an ACME server"), "{}", words(&refused));
}
